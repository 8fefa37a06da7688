"""From instances, as any protocol decoded them, to the question that a model is asked. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...columns.rows import Rows
from ...columns.schema import Feature, PayloadError, Problem, shown, to_few
from ...exchange import Question, TooLargeError


def question_of(
    instances: object,
    features: Sequence[Feature],
    *,
    root: str,
    single: bool,
    one: bool,
    most: int,
    place: Callable[[str], str] | None = None,
    few_cells: int = 0,
    key: str = "",
    booleans: bool = True,
) -> Question:
    """The question of *instances*, which stand at *root* in the body; see Question for *place*, Request for *key*.

    Args:
        booleans: See schema.to_table.

    Raises:
        TooLargeError: There are more than *most*.
        PayloadError: No array, a wrong number of instances, or ones that do not fit *features*.
    """
    if not isinstance(instances, list):
        raise PayloadError(Problem(f"{_label(root)} must be an array, got {shown(instances)}", root))
    if not instances or (one and len(instances) != 1):
        number = "exactly 1 instance" if one else "at least 1 instance"
        raise PayloadError(Problem(f"{_label(root)} must hold {number}, got {len(instances)}", root))
    if len(instances) > most:
        detail = f"{_label(root)} must hold at most {most} instances, got {len(instances)}; send them in parts"
        raise TooLargeError(Problem(detail, root))
    keys = None
    try:
        if key:
            from .keys import taken  # noqa: PLC0415 - few models have such a column

            instances, keys = taken(instances, key)
        table = to_few(instances, features, few_cells, booleans=booleans)
    except PayloadError as error:
        absolute = Question(instances, Rows([], 0), root, single, place=place).pointer
        raise PayloadError(*(Problem(each.detail, absolute(each.pointer)) for each in error.problems)) from None
    return Question(instances, table, root, single, place=place, keys=keys)


def question_of_lines(
    rows: list[Any],
    features: Sequence[Feature],
    lines: Sequence[int],
    *,
    one: bool,
    most: int,
    place: Callable[[str], str] | None = None,
    key: str = "",
    columns: bool = False,
) -> Question:
    """The question of *rows*, each of which begins at one of the *lines* of a body, counted from 1.

    Args:
        columns: Messages name the column of a cell, too, from 1.

    Raises:
        TooLargeError, PayloadError: See question_of; messages name lines, and pointers rows from 0.
    """
    try:
        return question_of(rows, features, root="", single=False, one=one, most=most, place=place, key=key)
    except TooLargeError:
        raise
    except PayloadError as error:
        raise PayloadError(*(_in_line(problem, lines, columns=columns) for problem in error.problems)) from None


def _in_line(problem: Problem, lines: Sequence[int], *, columns: bool) -> Problem:
    """*problem* of a row, with its line, and its column."""
    row, _, column = problem.pointer[1:].partition("/")
    if not row:
        return problem
    place = f"line {lines[int(row)]}" + (f", column {int(column) + 1}" if columns and column.isdigit() else "")
    return Problem(place + problem.detail.removeprefix(f"row {row}"), problem.pointer)


def _label(root: str) -> str:
    return {"": "the body", "/instance": "'instances'"}.get(root) or f"'{root[1:]}'"
