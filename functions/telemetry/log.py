"""Structured log lines: one a request, one for each of its captured rows, one for each event the operator must know.

The format is Cloud Logging's JSON. Lines go to file descriptor 1. They bypass sys.stdout: under LOG_EXECUTION_ID=true
the framework parses and rewrites every line printed there; the label it would add is written here from the start.

All lines of a request go in one write that ends before its answer is sent, so an instance stopped after an answer has
lost no line. A write to a file is one piece. A write to a pipe is one piece up to PIPE_BUF (4096 bytes on Linux), and a
request of one instance stays below that; a larger write is in pieces only when the pipe is full, and then lines of
another process may come between. Threads of this process take turns by a lock. Forked processes share the descriptor
and cannot lock each other out, so the host must give several workers a file each, or a pipe that is read faster than
it is filled (a deployed function has one worker); a reader skips torn lines. Writing line by line would keep short
lines whole even then, at one system call a row instead of one a request.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import orjson

from .trace import trace_of

_MOST_CHARACTERS = 256
_OPTIONS = orjson.OPT_APPEND_NEWLINE
_writing = threading.Lock()
_cut = False
"""The last line was cut short, as one is on a full disk: the next one begins behind a line feed of its own."""
_second = (-1, "")
"""The last second that a line was written in, and its text."""


def event(severity: str, message: str, **fields: Any) -> None:
    """Write one line that is not about a request."""
    _write(render({"severity": severity, "message": message, "time": _now(), **fields}))


def request(
    *,
    method: str,
    path: str,
    status: int,
    seconds: float,
    headers: Mapping[str, str],
    remote_ip: str,
    project: str,
    execution_id: bool,
    fields: Mapping[str, Any],
    shared: Mapping[str, Any] = MappingProxyType({}),
    rows: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write the line of one request and those of its *rows*; the *shared* members stand in each row's line.

    *fields* join the request's line as they are. A query string is never logged.
    """
    now, verb, url = _now(), method[:16], path[:_MOST_CHARACTERS]
    line: dict[str, Any] = {
        "severity": "ERROR" if status >= 500 else "WARNING" if status >= 400 else "INFO",  # noqa: PLR2004 - RFC 9110
        "message": f"{verb} {url} {status}",
        "time": now,
        "httpRequest": {
            "requestMethod": verb,
            "requestUrl": url,
            "status": status,
            "latency": f"{seconds:.6f}s",
            "userAgent": headers.get("user-agent", "")[:_MOST_CHARACTERS],
            "remoteIp": remote_ip[:64],
        },
        **fields,
    }
    trace = trace_of(headers) if project else None
    if trace:
        line["logging.googleapis.com/trace"] = f"projects/{project}/traces/{trace.trace_id}"
        line["logging.googleapis.com/trace_sampled"] = trace.sampled
        if trace.span_id:
            line["logging.googleapis.com/spanId"] = trace.span_id
    if execution_id:
        labels = {"execution_id": headers.get("function-execution-id", "")[:64]}
        line["logging.googleapis.com/labels"] = labels
    text = render(line)
    if len(rows) == 1:
        text += orjson.dumps({"kind": "row", "severity": "DEBUG", "time": now, **shared, **rows[0]}, option=_OPTIONS)
    elif rows:
        head = orjson.dumps({"kind": "row", "severity": "DEBUG", "time": now, **shared})
        opened = head[:-1] + b","  # its closing brace is cut off, and the opening brace of each row
        text += b"".join([opened + orjson.dumps(row, option=_OPTIONS)[1:] for row in rows])
    _write(text)


def render(line: Mapping[str, Any]) -> bytes:
    """*line* as JSON, whatever texts it holds, with a line feed."""
    try:
        return orjson.dumps(line, option=_OPTIONS)
    except TypeError:  # a lone surrogate, which no encoder takes
        return orjson.dumps(_encodable(line), option=_OPTIONS)


def _now() -> str:
    """The time in UTC as RFC 3339 has it, to the microsecond; the text of a second is made once."""
    global _second  # noqa: PLW0603 - one pair, replaced whole, so no thread finds half of it
    second, rest = divmod(time.time_ns(), 1_000_000_000)
    known, text = _second
    if second != known:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _second = second, text
    return f"{text}.{rest // 1000:06d}Z"


def _write(text: bytes) -> None:
    global _cut  # noqa: PLW0603 - kept under the lock
    with _writing:
        if _cut:
            text = b"\n" + text
        left = text
        try:
            while left:
                try:
                    left = left[os.write(1, left) :]
                except BlockingIOError:  # a process that shares the pipe has it so
                    select.select([], [1], [])
        except OSError:  # without a reader of the log, answering goes on
            pass
        if not left:
            _cut = False
        elif written := text[: -len(left)]:
            _cut = not written.endswith(b"\n")


def _encodable(value: Any) -> Any:
    match value:
        case dict():
            return {_encodable(key): _encodable(item) for key, item in value.items()}
        case list():
            return [_encodable(item) for item in value]
        case str():
            return value.encode("utf-8", "replace").decode()
        case _:
            return value
