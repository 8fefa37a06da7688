"""One structured log line a request, one for each row of it that is captured, and a line for what the operator must
know. Cloud Logging's JSON format.

Lines go to file descriptor 1. Not through sys.stdout: under LOG_EXECUTION_ID=true the framework parses and rewrites
every line printed there; the label it would add is written here from the start.

All lines of a request go in one write, which ends before its answer is sent: an instance that is stopped after it owes
the log nothing. A write to a file is one piece. A write to a pipe is one up to PIPE_BUF (4096 bytes on Linux), which a
request of one instance stays below; a larger one is in pieces only when the pipe is full, and then lines of another
process may come between. Threads of this process wait for each other here. Processes cannot: those forked from one
share its descriptor, which no file lock tells apart. So it is for the host to give several workers (a deployed function
has one) a file each, or a pipe that is read faster than it is filled; a reader skips what is torn. Splitting writes
into lines would keep short lines whole even then, at one system call a row instead of one a request.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import orjson

_TRACEPARENT = re.compile(
    r"(?!ff|00-.{52}-)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)
_CLOUD_TRACE = re.compile(r"(?!0{32})([0-9a-fA-F]{32})(?:/([0-9]{1,20}))?(?:;o=([0-9]+))?")
_MOST_CHARACTERS = 256
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
_writing = threading.Lock()


@dataclass(frozen=True)
class Trace:
    """Ids as 32 and 16 lower-case hexadecimal digits; *span_id* is empty when the caller named none."""

    trace_id: str
    span_id: str
    sampled: bool


def trace_of(headers: Mapping[str, str]) -> Trace | None:
    """Read `traceparent` (W3C Trace Context), else `X-Cloud-Trace-Context`, whose span is decimal."""
    found = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    if found:
        return Trace(found[1], found[2], bool(int(found[3], 16) & 1))
    found = _CLOUD_TRACE.fullmatch(headers.get("x-cloud-trace-context", ""))
    if found:
        span = int(found[2] or 0)
        return Trace(found[1].lower(), f"{span:016x}" if 0 < span < 1 << 64 else "", found[3] == "1")
    return None


def event(severity: str, message: str, **fields: Any) -> None:
    """Write one line that is not about a request."""
    _write(_render({"severity": severity, "message": message, "time": datetime.now(UTC), **fields}))


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
    """Write the line of one request and those of its *rows*, each of which gets what is *shared* by all of them.

    *fields* join the line as they are; a query string is never logged.
    """
    now = datetime.now(UTC)
    line: dict[str, Any] = {
        "severity": "ERROR" if status >= 500 else "WARNING" if status >= 400 else "INFO",  # noqa: PLR2004 - RFC 9110
        "message": f"{method[:16]} {path[:_MOST_CHARACTERS]} {status}",
        "time": now,
        "httpRequest": {
            "requestMethod": method[:16],
            "requestUrl": path[:_MOST_CHARACTERS],
            "status": status,
            "latency": f"{seconds:.6f}s",
            "userAgent": headers.get("user-agent", "")[:_MOST_CHARACTERS],
            "remoteIp": remote_ip[:64],
        },
        **fields,
    }
    trace = trace_of(headers)
    if trace and project:
        line["logging.googleapis.com/trace"] = f"projects/{project}/traces/{trace.trace_id}"
        line["logging.googleapis.com/trace_sampled"] = trace.sampled
        if trace.span_id:
            line["logging.googleapis.com/spanId"] = trace.span_id
    if execution_id:
        labels = {"execution_id": headers.get("function-execution-id", "")[:64]}
        line["logging.googleapis.com/labels"] = labels
    text = _render(line)
    if rows:
        head = orjson.dumps({"kind": "row", "severity": "DEBUG", "time": now, **shared}, option=orjson.OPT_UTC_Z)
        before = head[:-1] + b","  # without the brace that closes it; a row goes on without the one that opens it
        text += b"".join([before + orjson.dumps(row, option=_OPTIONS)[1:] for row in rows])
    _write(text)


def _render(line: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(line, option=_OPTIONS)
    except TypeError:  # a lone surrogate, which no encoder takes
        return orjson.dumps(_encodable(line), option=_OPTIONS)


def _write(text: bytes) -> None:
    with _writing, contextlib.suppress(OSError):  # nobody reads the log: answering goes on
        while text:
            text = text[os.write(1, text) :]


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
