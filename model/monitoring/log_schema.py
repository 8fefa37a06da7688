"""The rules for a captured line: checked quickly for many at once, and slowly for the one that does not, to say why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import orjson

FUNCTIONS = ("batch", "stream")
_NUMBERS = {int, float}
_ANSWERS = {*_NUMBERS, str, bool}
_CELLS = {*_NUMBERS, str, bool, type(None)}  # null is a missing cell


def row_is_sound(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether all are as they must be; False may also mean that one must be looked at."""
    names = ("request_id", "row", "version", "features", "prediction", "function")
    try:
        columns = [list(map(itemgetter(name), rows)) for name in names]
        ids, places, versions, features, predictions, functions = columns
        return (
            set(map(type, ids)) <= {str}
            and set(map(type, places)) | set(map(type, versions)) <= {int}
            and set(map(type, predictions)) <= _ANSWERS
            and set(map(type, chain.from_iterable(map(dict.values, features)))) <= _CELLS
            and set(functions) <= set(FUNCTIONS)
            and 0 <= min(places, default=0) <= max(places, default=0) < 1 << 62
            and 1 <= min(versions, default=1) <= max(versions, default=1) < 1 << 62
        )
    except (KeyError, TypeError):
        return False


def row_flaw(row: dict[str, Any]) -> str:
    """The first fault of *row*; "" if there is none."""
    told = _flaw(row, "function", "request_id", "row", "prediction")
    if told or row.get("version") is None:
        return told or _expected("version", "a whole number from 1", None)
    told = _flaw(row, "version")
    features = row.get("features")
    if told or type(features) is not dict:
        return told or _expected("features", "an object", features)
    for name, value in features.items():
        if type(value) not in _CELLS:
            return _expected(f"features.{name}", "a number, a text, true, false or null", value)
    return ""


def request_is_sound(requests: Sequence[dict[str, Any]]) -> bool:
    """As of rows."""
    try:
        columns = [list(map(itemgetter(name), requests)) for name in ("request_id", "function", "status", "version")]
        ids, functions, statuses, versions = columns
        numbers = [request.get(name, 0) for request in requests for name in ("captured", "instances")]
        latencies = list(map(itemgetter("latency_seconds"), requests))
        seconds = list(chain.from_iterable(map(dict.values, latencies)))
        known = [version for version in versions if version is not None]
        return (
            set(map(type, ids)) <= {str}
            and set(functions) <= set(FUNCTIONS)
            and set(map(type, chain(statuses, known, numbers))) <= {int}
            and set(map(type, seconds)) <= _NUMBERS
            and all("total" in latency for latency in latencies)
            and 100 <= min(statuses, default=200) <= max(statuses, default=200) <= 599  # noqa: PLR2004 - RFC 9110
            and 1 <= min(known, default=1) <= max(known, default=1) < 1 << 62
            and 0 <= min(numbers, default=0) <= max(numbers, default=0) < 1 << 62
            and 0 <= min(seconds, default=0) <= max(seconds, default=0) < 1e6  # noqa: PLR2004 - eleven days
        )
    except (KeyError, TypeError):
        return False


def request_flaw(request: dict[str, Any]) -> str:
    told = _flaw(request, "function", "request_id", "status", "version")
    told = told or _flaw({"captured": 0, "instances": 0} | request, "captured", "instances")
    latency = request.get("latency_seconds")
    if told or type(latency) is not dict or "total" not in latency:
        return told or _expected("latency_seconds", "an object with a total", latency)
    for name, value in latency.items():
        if type(value) not in _NUMBERS or not 0 <= value < 1e6:  # noqa: PLR2004 - eleven days
            return _expected(f"latency_seconds.{name}", "a number of seconds", value)
    return ""


def shown(text: bytes) -> str:
    brief = text[:60].decode("utf-8", "backslashreplace")
    plain = "".join(character if character.isprintable() else "?" for character in brief)
    return plain + ("…" if len(text) > 60 else "")  # noqa: PLR2004 - what fits a line


_FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "function": ("batch or stream", lambda value: type(value) is str and value in FUNCTIONS),
    "request_id": ("text", lambda value: type(value) is str),
    "row": ("a whole number from 0", lambda value: type(value) is int and 0 <= value < 1 << 62),
    "captured": ("a whole number from 0", lambda value: type(value) is int and 0 <= value < 1 << 62),
    "instances": ("a whole number from 0", lambda value: type(value) is int and 0 <= value < 1 << 62),
    "status": ("a whole number from 100 to 599", lambda value: type(value) is int and value in range(100, 600)),
    "version": (
        "a whole number from 1, or null",
        lambda value: value is None or (type(value) is int and 0 < value < 1 << 62),
    ),
    "prediction": ("a number, or a label", lambda value: type(value) in _ANSWERS),
}
"""The rule for a field, in words and as a check."""


def _flaw(record: dict[str, Any], *names: str) -> str:
    for name in names:
        wanted, holds = _FIELDS[name]
        if not holds(record.get(name)):
            return _expected(name, wanted, record.get(name))
    return ""


def _expected(name: str, wanted: str, found: object) -> str:
    return f"{name} must be {wanted}, found {shown(rendered(found))}"


def rendered(found: object) -> bytes:
    """*found* as JSON; what is nested too deeply to be written is only named."""
    try:
        return orjson.dumps(found, default=str)
    except TypeError:
        return b"something nested too deeply"
