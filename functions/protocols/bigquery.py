"""A BigQuery remote function: {"calls": [[argument, …], …]} → {"replies": […]}, in the same order. Pure.

The arguments are the features in their order. INT64 and NUMERIC may come as text, and so do the specials of FLOAT64;
NULL is a missing cell. A row that cannot be answered has the reply null, for a query of millions of rows must not be
lost by one; the log says why. `userDefinedContext`, the function's option `user_defined_context`, may hold

    mode      "strict" refuses the whole call in place of such a reply
    output    "probability:LABEL" answers the probability of a class, "prediction" the prediction
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import orjson

from ..columns.schema import Feature, Level
from ..exchange import JSON, Answer, Content, Question, Request, TooLargeError, problem_json
from ..leniency import sift
from ..problems import PayloadError, Problem, escape, refuse, shown
from .parts.bounds import check_cells, most_rows
from .parts.keys import without_place
from .parts.questions import question_of
from .parts.repeats import refuse_repeats
from .parts.strict_json import decode

MOST_MESSAGE_BYTES = 1000
"""Length of `errorMessage`; BigQuery shows less than 1 KB."""

_MODES = ("lenient", "strict")
_CHANCE = "probability:"
_NOT_HERE = {
    "parameters": "a function's option user_defined_context may hold 'mode' and 'output'",
    "keys": "replies come in the order of the calls",
}
"""Members of the functions' own format."""

_NUMBER = r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"
_WHOLE = r"-?[0-9]{1,38}"
_SPECIALS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_LONGEST_NUMBER = 400
_MOST_ID_CHARACTERS = 128
"""Of a request's id in the log."""

_ROOT = "/calls"


def read(
    request: Request, features: Sequence[Feature], *, one: bool, most_bytes: int, classes: Sequence[Level] = ()
) -> Question:
    """Read the calls of *request*.

    Raises:
        TooLargeError: The predictions alone could take more than *most_bytes*.
        PayloadError: No such request, another number of arguments than features, a context that is not understood; in
            the mode "strict" also a row that does not fit *features*.
    """
    most = most_rows(classes, most_bytes)
    check_cells(request.body, len(features), most)
    document = decode(request.body)
    if not isinstance(document, dict) or not isinstance(document.get("calls"), list):
        found = document.get("calls") if isinstance(document, dict) else document
        raise PayloadError(Problem(f"'calls' must be an array, got {shown(found)}", _ROOT))
    calls = document["calls"]
    refuse(
        Problem(f"{shown(name)} has no place beside 'calls'; {advice}", f"/{name}")
        for name, advice in _NOT_HERE.items()
        if document.get(name) is not None
    )
    if not calls or (one and len(calls) != 1):
        number = "exactly 1 call" if one else "at least 1 call"
        raise PayloadError(Problem(f"'calls' must hold {number}, got {len(calls)}", _ROOT))
    if len(calls) > most:
        detail = f"'calls' must hold at most {most} calls, got {len(calls)}; lower max_batching_rows"
        raise TooLargeError(Problem(detail, _ROOT))
    _check_arguments(calls, features, request.key)
    strict, label = _context(document.get("userDefinedContext"), classes)
    rows = _numbers(calls, features)
    if strict:
        question = question_of(rows, features, root=_ROOT, single=False, one=one, most=most)
    else:
        question = sift(rows, features, _ROOT)
    refuse_repeats(request.body, document)
    return question._replace(
        kept=(len(calls), label),
        request_id=_identity(document.get("requestId"), document.get("caller")),
        needs="" if label is None else "/userDefinedContext/output",
    )


def render(answer: Answer) -> Content:
    """Write one reply a call; null for a row that was refused."""
    calls, label = answer.question.kept
    replies: Any
    if label is None:
        values: Any = answer.predictions
        replies = values.tolist()
    else:
        replies = [] if answer.probabilities is None else answer.probabilities[:, label].tolist()
    if answer.question.rows is not None and len(replies) < calls:
        every: list[Any] = [None] * calls
        for row, reply in zip(answer.question.rows, replies, strict=True):
            every[row] = reply
        replies = every
    return Content(JSON, orjson.dumps({"replies": replies}))


def problem(document: Mapping[str, Any]) -> Content:
    """Write a problem document with BigQuery's member `errorMessage`."""
    message = document["detail"].encode()[:MOST_MESSAGE_BYTES].decode(errors="ignore")
    return problem_json({**document, "errorMessage": message})


def _identity(request_id: object, caller: object) -> str | None:
    """An id among the requests of all queries; BigQuery's is one within its query alone, whose job *caller* names."""
    if not isinstance(request_id, str):
        return None
    job = re.search(r"/jobs/(?:[^/]*[:.])?([A-Za-z0-9_-]+)$", caller) if isinstance(caller, str) else None
    whole = f"{request_id}.{job[1]}" if job else request_id
    return whole if len(whole) <= _MOST_ID_CHARACTERS else request_id


def _check_arguments(calls: Sequence[Any], features: Sequence[Feature], key: str) -> None:
    if key and {*map(type, calls)} == {list} and {*map(len, calls)} == {len(features) + 1}:
        raise PayloadError(Problem(without_place(key, "BigQuery's calls"), _ROOT))
    if {*map(type, calls)} == {list} and {*map(len, calls)} == {len(features)}:
        return
    names = ", ".join(feature.name for feature in features)
    refuse(
        Problem(
            f"row {row}: must be an array of {len(features)} arguments ({names}), got {shown(call)}", f"{_ROOT}/{row}"
        )
        for row, call in enumerate(calls)
        if type(call) is not list or len(call) != len(features)
    )


def _context(context: object, classes: Sequence[Level]) -> tuple[bool, int | None]:
    """Whether the mode is strict, and the place of the class whose probability is asked for."""
    root = "/userDefinedContext"
    if context is None:
        return False, None
    if not isinstance(context, dict):
        raise PayloadError(Problem(f"'userDefinedContext' must be an object, got {shown(context)}", root))
    refuse(
        Problem(f"unknown member {shown(name)}; expected 'mode' and 'output'", f"{root}/{escape(name)}")
        for name in context
        if name not in {"mode", "output"}
    )
    problems = []
    mode, output = context.get("mode", "lenient"), context.get("output", "prediction")
    if mode not in _MODES:
        problems.append(Problem(f"'mode' must be lenient or strict, got {shown(mode)}", f"{root}/mode"))
    labels = [label if isinstance(label, str) else orjson.dumps(label).decode() for label in classes]
    place = None
    if isinstance(output, str) and output.removeprefix(_CHANCE) in labels and output.startswith(_CHANCE):
        place = labels.index(output.removeprefix(_CHANCE))
    elif output != "prediction":
        expected = "prediction" + (f" or {_CHANCE}LABEL, like {shown(_CHANCE + labels[0])}" if labels else "")
        problems.append(Problem(f"'output' must be {expected}, got {shown(output)}", f"{root}/output"))
    refuse(problems)
    return mode == "strict", place


def _numbers(calls: Sequence[list[Any]], features: Sequence[Feature]) -> list[list[Any]]:
    """*calls* with the numbers that came as text; a level is a whole number to its last digit."""
    readers = {
        place: _number if feature.kind == "number" else _level
        for place, feature in enumerate(features)
        if feature.kind == "number" or (feature.levels and all(type(level) in {int, float} for level in feature.levels))
    }
    if str not in {*map(type, chain.from_iterable(calls))}:
        return list(calls)
    rows = [call.copy() for call in calls]
    for row in rows:
        for place, read_text in readers.items():
            if type(row[place]) is str:
                row[place] = read_text(row[place])
    return rows


def _number(text: str) -> float | str:
    if len(text) <= _LONGEST_NUMBER and re.fullmatch(_NUMBER, text):
        return float(text)
    return _SPECIALS.get(text, text)


def _level(text: str) -> float | str:
    return int(text) if re.fullmatch(_WHOLE, text) else _number(text)
