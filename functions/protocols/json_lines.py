"""JSON Lines: an instance a line → {"prediction": …} a line; of a classifier with "probabilities" and "classes".

Texts are read as in training files (text_cells.py): blank ones and the words for a missing cell are missing. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from ..columns.schema import Feature, Level
from ..columns.text_cells import json_cell
from ..exchange import Answer, Content, Question, Request
from ..problems import PayloadError, Problem
from . import instances
from .parts.bounds import check_lines, most_rows
from .parts.gaps import as_spelled
from .parts.questions import question_of_lines
from .parts.repeats import refuse_repeats, texts_of
from .parts.strict_json import decode

JSON_LINES = "application/x-ndjson"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BEFORE, _BETWEEN, _BEHIND = b'{"prediction":', b'}\n{"prediction":', b"}\n"
"""What stands around each number where all are spelled at once."""


def read(
    request: Request, features: Sequence[Feature], *, one: bool, most_bytes: int, classes: Sequence[Level] = ()
) -> Question:
    """Read the lines of *request*; empty ones are none.

    Raises:
        TooLargeError: The predictions alone could take more than *most_bytes*.
        PayloadError: A line that is no JSON, or no instance that fits *features*; messages name the line from 1, and
            pointers begin with the row from 0.
    """
    most = most_rows(classes, most_bytes)
    check_lines(request.body, len(features) + bool(request.key), most, "lines")
    body = request.body.removeprefix(_BYTE_ORDER_MARK)
    spelled = [(number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]
    if not spelled:
        raise PayloadError(Problem("the body must hold a line of JSON for each instance, got an empty one", ""))
    lines = [number for number, _ in spelled]
    rows = [_decoded(number, line) for number, line in spelled]
    texts = texts_of(rows)
    cells: list[Any] = rows
    if texts > sum(len(row) for row in rows if isinstance(row, dict)):
        named = {feature.name: feature for feature in features}
        cells = [_cells(row, named, request.missing) for row in rows]
    try:
        question = question_of_lines(cells, features, lines, one=one, most=most, key=request.key)
    except PayloadError as error:
        from .parts.misdirected import from_lines  # noqa: PLC0415 - only a refusal comes here

        raise from_lines(as_spelled(error, lambda row, column: _cell(rows[row], column)), rows) from None
    if body.count(b'"') != 2 * texts:
        for row, (number, line) in enumerate(spelled):
            try:
                refuse_repeats(line, rows[row])
            except PayloadError as error:
                first = error.problems[0]
                raise PayloadError(Problem(f"line {number}: {first.detail}", f"/{row}{first.pointer}")) from None
    return question


def render(answer: Answer) -> Content:
    """Write one object a line."""
    question, values = answer.question, answer.predictions
    alone = question.keys is None and answer.probabilities is None
    if alone and not isinstance(values, list) and values.dtype == np.float64:
        spelled = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
        return Content(JSON_LINES, _BEFORE + spelled[1:-1].replace(b",", _BETWEEN) + _BEHIND)
    predictions, classes = answer.listed(), list(answer.classes)
    lines: list[dict[str, Any]] = [{"prediction": prediction} for prediction in predictions]
    if question.keys is not None:
        lines = [{"key": key, **line} for key, line in zip(question.keys, lines, strict=True)]
    if answer.probabilities is not None:
        shares = np.asarray(answer.probabilities, np.float64)
        labels = [classes] * len(lines)
        if question.top:
            from .parts.leading import leading  # noqa: PLC0415 - most processes are never asked for it

            labels, shares = leading(shares, classes, question.top)
        for line, chances, names in zip(lines, shares.tolist(), labels, strict=True):
            line.update(probabilities=chances, classes=names)
    return Content(JSON_LINES, b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines))


def problem(document: Mapping[str, Any]) -> Content:
    """Write a problem document; this format adds no member of its own."""
    return instances.problem(document)


def _decoded(number: int, line: bytes) -> object:
    try:
        return decode(line)
    except PayloadError as error:
        detail = error.problems[0].detail.replace("line 1 column", "column")
        raise PayloadError(Problem(f"line {number}: {detail}", "")) from None


def _cell(row: Any, column: str) -> Any:
    """The cell of *row* whose pointer ends in *column*."""
    if isinstance(row, list):
        return row[int(column)] if column else row
    return row.get(column) if isinstance(row, dict) else row


def _cells(row: object, named: Mapping[str, Feature], missing: Sequence[str]) -> object:
    """*row* with its texts read as cells of a file; the features are *named* in their order."""
    if isinstance(row, dict):
        return {name: json_cell(cell, named[name], missing) if name in named else cell for name, cell in row.items()}
    if isinstance(row, list) and len(row) == len(named):
        return [json_cell(cell, feature, missing) for cell, feature in zip(row, named.values(), strict=True)]
    return json_cell(row, next(iter(named.values())), missing) if len(named) == 1 else row
