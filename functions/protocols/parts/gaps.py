"""Missing cells of formats that have no null, or others beside it: NaN, a blank text, a word. Pure.

A refusal says what was sent in place of null.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...columns.schema import Feature
from ...problems import PayloadError, Problem, shown

_NULL = ", got null"


def rows_with_gaps(rows: list[list[Any]], features: Sequence[Feature]) -> list[list[Any]]:
    """*rows* of a cell for each of *features*, None in place of NaN where a feature may be missing."""
    taken = [feature.takes_missing for feature in features]
    if not any(taken):
        return rows
    return [
        [None if cell != cell and takes else cell for cell, takes in zip(row, taken, strict=True)]  # noqa: PLR0124  NaN
        for row in rows
    ]


def cells_with_gaps(cells: list[Any], feature: Feature | None) -> list[Any]:
    """The *cells* of a column, None in place of NaN where its feature may be missing."""
    if feature is None or not feature.takes_missing:
        return cells
    return [None if cell != cell else cell for cell in cells]  # noqa: PLR0124  NaN


def as_spelled(error: PayloadError, sent: Callable[[int, str], Any], *, empty: str = "") -> PayloadError:
    """*error* of rows in which texts became missing cells, with those texts in its messages.

    Args:
        error: Pointers start at the rows.
        sent: The cell as it was sent, by its row and the rest of its pointer.
        empty: The name of an empty text, where it is no text to show.
    """
    return type(error)(*(_spelled(problem, sent, empty) for problem in error.problems))


def _spelled(problem: Problem, sent: Callable[[int, str], Any], empty: str) -> Problem:
    row, _, column = problem.pointer[1:].partition("/")
    if not problem.detail.endswith(_NULL):
        return problem
    text = sent(int(row), column.replace("~1", "/").replace("~0", "~"))
    if not isinstance(text, str):
        return problem
    found = f"{shown(text)}, which stands for a missing cell" if text or not empty else empty
    return Problem(f"{problem.detail.removesuffix(_NULL)}, got {found}", problem.pointer)
