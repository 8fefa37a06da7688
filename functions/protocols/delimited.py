"""CSV: a row a line, below a header line that names the columns in any order. Pure.

A header may be missing where the first line can be told from one: no cell of it is the name of a feature, and it is a
row that the model takes, with a cell that no name could be; or where the media type says `header=absent`. An empty cell
is a missing one, and an empty line is none. The answer has a header where the body has one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..bounds import check_cells, most_rows
from ..exchange import Answer, Content, Question, Request, TooLargeError
from ..naming import order_of
from ..problems import PayloadError, Problem, refuse
from ..questions import question_of
from ..schema import Feature, Level, to_table
from . import instances

CSV = "text/csv; charset=utf-8"

_NUMERALS = frozenset("0123456789+-.eE")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_LINES_BESIDE_ROWS = 1000


def read(
    request: Request, features: Sequence[Feature], *, one: bool, most_bytes: int, classes: Sequence[Level] = ()
) -> Question:
    """Read the lines of *request*.

    Raises:
        TooLargeError: The predictions alone could take more than *most_bytes*.
        PayloadError: No CSV in UTF-8, a header that does not fit *features*, a line of another width, cells that do not
            fit; messages name line and column, both from 1, and pointers row and cell, both from 0.
    """
    most = most_rows(classes, most_bytes)
    check_cells(request.body, len(features), most)
    if request.body.count(b"\n") > most + _LINES_BESIDE_ROWS:
        raise TooLargeError(Problem(f"the body must hold at most {most} rows, got more; send them in parts", ""))
    lines, rows = _rows(request.body)
    header = _header(rows[0], features, request.headers.get("content-type", "")) if rows else False
    names = rows[0] if header else [feature.name for feature in features]
    if not rows or (header and len(rows) == 1):
        example = ",".join(feature.name for feature in features)
        raise PayloadError(Problem(f"the body must hold a header line like {example}, and a row below it", ""))
    _check_width(lines[header:], rows[header:], len(names))
    order = order_of(names, features, _named)
    cells = list(zip(*rows[header:], strict=True))
    columns = [
        [None] * (len(rows) - header) if place is None else _values(cells[place], feature)
        for place, feature in zip(order, features, strict=True)
    ]

    def pointer(relative: str) -> str:
        row, slash, column = relative[1:].partition("/")
        return f"/{row}{slash}{order[int(column)] if column else ''}"

    table = [list(row) for row in zip(*columns, strict=True)]
    try:
        question = question_of(table, features, root="", single=False, one=one, most=most, place=pointer)
    except TooLargeError:
        raise
    except PayloadError as error:
        raise PayloadError(*(_in_lines(problem, lines[header:]) for problem in error.problems)) from None
    return question._replace(kept=header)


def render(answer: Answer) -> Content:
    """Write one prediction a line, and behind it the probability of each class."""
    question = answer.question
    names, columns = ["prediction"], [answer.listed()]
    if question.keys is not None:
        names, columns = ["key", *names], [list(question.keys), *columns]
    if answer.probabilities is not None:
        chances = np.asarray(answer.probabilities, np.float64)
        names += (f"probability:{_text(label)}" for label in answer.classes)
        columns += chances.T.tolist()
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    if question.kept is not False:
        writer.writerow(names)
    writer.writerows(zip(*([_text(cell) for cell in column] for column in columns), strict=True))
    return Content(CSV, out.getvalue().encode("utf-8", "replace"))


def problem(document: Mapping[str, Any]) -> Content:
    """Write a problem document; this format adds no member of its own."""
    return instances.problem(document)


def _text(cell: object) -> object:
    return str(cell).lower() if type(cell) is bool else cell


def _rows(body: bytes) -> tuple[list[int], list[list[str]]]:
    """The numbers of the lines at which rows begin, and their cells."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        raise PayloadError(Problem(f"line {line}: not CSV in UTF-8", "")) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines, rows, began = [], [], 1
    try:
        for row in reader:
            if row:
                lines.append(began)
                rows.append(row)
            began = reader.line_num + 1
    except csv.Error:
        expected = "a quoted cell ends with a quote before a comma, and a cell holds at most 131072 characters"
        raise PayloadError(Problem(f"line {began}: not CSV: {expected}", "")) from None
    return lines, rows


def _header(first: list[str], features: Sequence[Feature], content_type: str) -> bool:
    """Whether the line *first* names columns."""
    parameters = content_type.replace(" ", "").lower().split(";")[1:]
    if "header=absent" in parameters:
        return False
    names = {feature.name for feature in features}
    if "header=present" in parameters or not names.isdisjoint(first) or len(first) != len(features):
        return True
    if all(feature.kind == "category" for feature in features):
        return True
    values = [_values([cell], feature)[0] for cell, feature in zip(first, features, strict=True)]
    try:
        to_table([values], features)
    except PayloadError:
        return all(isinstance(value, str | None) for value in values)
    return all(value is None or feature.kind == "category" for value, feature in zip(values, features, strict=True))


def _check_width(lines: Sequence[int], rows: Sequence[list[str]], width: int) -> None:
    refuse(
        Problem(f"line {line}: must hold {width} cells, got {len(cells)}", f"/{row}")
        for row, (line, cells) in enumerate(zip(lines, rows, strict=True))
        if len(cells) != width
    )


def _named(detail: str, place: int | None) -> Problem:
    return Problem(f"line 1: {detail}" if place is None else f"line 1, column {place + 1}: {detail}", "")


def _values(cells: Sequence[str], feature: Feature) -> list[Any]:
    """The values that *cells* spell; a cell that spells none of its kind stays a text, for the schema to refuse."""
    if feature.kind == "number":
        if "" not in cells and {*"".join(cells)} <= _NUMERALS:
            try:
                return list(map(float, cells))
            except ValueError:  # some cell; the line below leaves it
                pass
        return [_number(cell) for cell in cells]
    if feature.kind == "boolean":
        return [_BOOLEANS.get(cell.strip().lower(), cell) if cell else None for cell in cells]
    return [cell or None for cell in cells]


def _number(cell: str) -> float | str | None:
    if not cell:
        return None
    try:
        return float(cell) if {*cell.strip(" ")} <= _NUMERALS else cell
    except ValueError:
        return cell


def _in_lines(problem: Problem, lines: Sequence[int]) -> Problem:
    """*problem* of a row, with its line and column."""
    row, _, column = problem.pointer[1:].partition("/")
    if not row:
        return problem
    place = f"line {lines[int(row)]}" + (f", column {int(column) + 1}" if column.isdigit() else "")
    return Problem(place + problem.detail.removeprefix(f"row {row}"), problem.pointer)
