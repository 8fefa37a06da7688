"""CSV: a row a line, below a header line that names the columns in any order. Pure.

It is read as training files are (text_cells.py, csv_text.py): the words for a missing cell, blanks, quotes, line ends,
a byte order mark, and a preamble above the header. A header may be missing where the first line can be told from one:
no cell of it is the name of a feature, and it is a row that the model takes, with a cell that no name could be; or
where the media type says `header=absent`. An empty line is no row. The answer has a header where the body has one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson

from ..columns.csv_text import COMMAS, other_separator
from ..columns.naming import listed, order_of
from ..columns.schema import Feature, Level, to_table
from ..columns.text_cells import csv_cells, level
from ..exchange import Answer, Content, Question, Request
from ..problems import PayloadError, Problem, refuse, shown
from . import instances
from .parts.bounds import check_lines, most_rows
from .parts.csv_body import Row, rows_of, skipped_lines, swallowed
from .parts.gaps import as_spelled
from .parts.questions import question_of_lines

CSV = "text/csv; charset=utf-8"
_PART_ROWS = 256


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
    check_lines(request.body, len(features) + bool(request.key), most, "rows")
    rows = rows_of(request.body)
    header = _header(rows, features, request)
    rows = rows[header.rows_above :]
    names = rows[0][1] if header.is_there else [feature.name for feature in features]
    rows = rows[header.is_there :]
    try:
        order = _order(names, rows, features, header, key=request.key)
    except PayloadError as error:
        from .parts.misdirected import from_csv  # noqa: PLC0415 - only a refusal comes here

        raise from_csv(error, request.body) from None
    _check_rows(request.body, rows, names, features)
    cells = list(zip(*(cells for _, cells in rows), strict=True))
    columns = [
        [None] * len(rows) if place is None else csv_cells(cells[place], feature, request.missing)
        for place, feature in zip(order, features, strict=True)
    ]

    def pointer(relative: str) -> str:
        row, slash, column = relative[1:].partition("/")
        return f"/{row}{slash}{order[int(column)] if column else ''}"

    table = [list(row) for row in zip(*columns, strict=True)]
    lines = [line for line, _ in rows]
    try:
        question = question_of_lines(table, features, lines, one=one, most=most, place=pointer, columns=True)
    except PayloadError as error:
        raise as_spelled(error, lambda row, column: rows[row][1][int(column)], empty="an empty cell") from None
    keys = None
    if request.key and request.key in names:
        keys = [None if text in request.missing else level(text) for text in cells[names.index(request.key)]]
    return question._replace(kept=header.is_there, keys=keys)


def render(answer: Answer) -> Content:
    """Write one prediction a line, and behind it the probability of each class, or the most probable classes."""
    question = answer.question
    names, columns = ["prediction"], [answer.listed()]
    if question.keys is not None:
        names, columns = ["key", *names], [list(question.keys), *columns]
    if answer.probabilities is not None:
        chances = np.asarray(answer.probabilities, np.float64)
    if answer.probabilities is not None and question.top:
        from .parts.leading import leading  # noqa: PLC0415 - most processes are never asked for it

        labels, chances = leading(chances, answer.classes, question.top)
        for place, (named, likely) in enumerate(zip(zip(*labels, strict=True), chances.T.tolist(), strict=True), 1):
            names += (f"class:{place}", f"probability:{place}")
            columns += (list(named), likely)
    elif answer.probabilities is not None:
        names += (f"probability:{_text(label)}" for label in answer.classes)
        columns += chances.T.tolist()
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    if question.kept is not False:
        writer.writerow(names)
    if len(columns) == 1 and not isinstance(answer.predictions, list) and answer.predictions.dtype == np.float64:
        return Content(CSV, out.getvalue().encode() + _lines(np.ascontiguousarray(answer.predictions)))
    writer.writerows(zip(*map(_texts, columns), strict=True))
    return Content(CSV, out.getvalue().encode("utf-8", "replace"))


def problem(document: Mapping[str, Any]) -> Content:
    """Write a problem document; this format adds no member of its own."""
    return instances.problem(document)


def _lines(numbers: np.ndarray[Any, Any]) -> bytes:
    """*numbers*, one a line, as Python spells them; JSON spells the same in a twentieth of the time, but for a few."""
    lines = []
    for start in range(0, len(numbers), _PART_ROWS):
        part = numbers[start : start + _PART_ROWS]
        spelled = orjson.dumps(part, option=orjson.OPT_SERIALIZE_NUMPY)
        if b"e" in spelled or b"0.0000" in spelled:  # from 1e16 on, and below 1e-4
            spelled = f"[{','.join(map(repr, part.tolist()))}]".encode()
        lines.append(spelled[1:-1].replace(b",", b"\n") + b"\n")
    return b"".join(lines)


def _texts(column: list[Any]) -> list[Any]:
    return [_text(cell) for cell in column] if bool in {*map(type, column)} else column


def _text(cell: object) -> object:
    return str(cell).lower() if type(cell) is bool else cell


class _Header(NamedTuple):
    """Whether there is a header, the line where it stands, and how many rows above it are none."""

    is_there: bool
    line: int = 1
    rows_above: int = 0


def _header(rows: Sequence[Row], features: Sequence[Feature], request: Request) -> _Header:
    """The header of *rows*; lines above one that names features are a preamble."""
    parameters = request.headers.get("content-type", "").replace(" ", "").lower().split(";")[1:]
    if not rows or "header=absent" in parameters:
        return _Header(is_there=False)
    said = "header=present" in parameters
    names = {feature.name for feature in features}
    skipped = skipped_lines(request.body)
    for above, (line, cells) in enumerate(rows[: skipped + 1] if skipped else ()):
        if line > skipped and (said or not names.isdisjoint(cells)):
            return _Header(is_there=True, line=line, rows_above=above)
    line, first = rows[0]
    return _Header(said or _is_header(first, features, request.missing), line)


def _is_header(first: list[str], features: Sequence[Feature], missing: Sequence[str]) -> bool:
    """Whether the line *first* names columns."""
    names = {feature.name for feature in features}
    if not names.isdisjoint(first) or len(first) != len(features):
        return True
    if all(feature.kind == "category" for feature in features):
        return True
    values = [csv_cells([cell], feature, missing)[0] for cell, feature in zip(first, features, strict=True)]
    try:
        to_table([values], features)
    except PayloadError:
        return all(isinstance(value, str | None) for value in values)
    return all(value is None or feature.kind == "category" for value, feature in zip(values, features, strict=True))


def _order(
    names: list[str], rows: Sequence[Row], features: Sequence[Feature], header: _Header, *, key: str
) -> list[int | None]:
    """The place of each feature among *names*, the cells of the header, below which *rows* stand; see order_of."""
    if header.is_there and (separator := other_separator(",".join(names))):
        detail = f"cells must be separated by commas, and seem to be separated by {shown(separator)}: send commas"
        raise PayloadError(Problem(f"line {header.line}: {detail} and decimal points", ""))
    if not rows:
        example = listed([feature.name for feature in features], ",")
        found = "a header line alone" if header.is_there else "an empty body"
        raise PayloadError(
            Problem(f"the body must hold a header line like {example}, and a row below it, got {found}", "")
        )
    return order_of(names, features, lambda detail, place: _named(detail, place, header.line), key=key)


def _check_rows(body: bytes, rows: Sequence[Row], names: Sequence[str], features: Sequence[Feature]) -> None:
    """Refuse rows of another width than the header's, and rows that a quote swallowed others into."""
    widths = {len(cells) for _, cells in rows}
    refuse(
        Problem(
            f"line {line}: must hold {len(names)} cells, got {len(cells)}"
            + (f"; {COMMAS}" if len(cells) > len(names) else ""),
            f"/{number}",
        )
        for number, (line, cells) in enumerate(rows if widths != {len(names)} else ())
        if len(cells) != len(names)
    )
    if b'"' in body:
        numeric = {feature.name for feature in features if feature.kind == "number"}
        refuse(swallowed(body, rows, len(names), [place for place, name in enumerate(names) if name in numeric]))


def _named(detail: str, place: int | None, line: int) -> Problem:
    return Problem(f"line {line}: {detail}" if place is None else f"line {line}, column {place + 1}: {detail}", "")
