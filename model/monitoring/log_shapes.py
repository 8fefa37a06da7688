"""The shapes in which the functions' lines arrive, and the line inside each.

As they were written; as the jsonPayload or textPayload of a LogEntry (Cloud Logging's sinks, `gcloud logging read`, the
console, exports of BigQuery); as the `log` of Docker's json-file, which cuts long lines in pieces.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

WHOLE = ("row", "version", "status", "captured", "instances")
"""Fields that are whole numbers, and come as 200.0 where they went through a protobuf Struct or BigQuery."""

_OURS = frozenset({"message", "severity", "httpRequest", "jsonPayload", "textPayload", "protoPayload", "kind"})


class Unwrapper:
    """Finds the line inside each object of one source, in order."""

    def __init__(self) -> None:
        self._cut = ""

    def line(self, entry: dict[str, Any]) -> tuple[dict[str, Any] | None, Any]:
        """The object that a function wrote, and its time as written; None where *entry* holds no such object."""
        time = entry.get("time")
        if type(payload := entry.get("jsonPayload")) is dict:
            return payload, entry.get("timestamp")
        if type(text := entry.get("textPayload")) is str:
            return _loaded(text), entry.get("timestamp")
        if type(text := entry.get("log")) is str and "stream" in entry:
            text, self._cut = self._cut + text, ""
            if not text.endswith("\n"):
                self._cut = text[-(1 << 20) :]
                return None, None
            inner = _loaded(text)
            return inner, time if inner is None else inner.get("time", time)
        return entry, time


def moment_of(text: str) -> datetime:
    """The time that a line or an entry has, also as BigQuery exports it.

    Raises:
        ValueError: It is none.
    """
    return datetime.fromisoformat(f"{text[:-4]}+00:00" if text.endswith(" UTC") else text)


def is_foreign(entry: dict[str, Any]) -> bool:
    """Whether *entry* is of no shape that functions, platforms or Docker write."""
    return not (_OURS & entry.keys() or ("log" in entry and "stream" in entry))


def with_whole_numbers(line: dict[str, Any]) -> dict[str, Any]:
    """*line* with 200.0 as 200 where a whole number is expected."""
    changed = {name: int(value) for name in WHOLE if type(value := line.get(name)) is float and value.is_integer()}
    return {**line, **changed} if changed else line


def _loaded(text: str) -> dict[str, Any] | None:
    try:
        inner = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return inner if type(inner) is dict else None
