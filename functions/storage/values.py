"""An object as it was read, and the errors of reading one. Pure.

Errors, by who must act:
    BucketError         the operator: the bucket or an object in it cannot be read
     └─ AbsentError     the object does not exist
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import NamedTuple

CONNECT_SECONDS = 2.0
READ_SECONDS = 4.0

_MOST_CHARACTERS = 400


class BucketError(Exception):
    """An object cannot be read; the message names it, and Cloud Storage's own reason. It is not for callers."""


class AbsentError(BucketError):
    """There is no such object, or no such bucket."""


class Fetched(NamedTuple):
    """An object's bytes, and the generation they were read at; 0 where nobody said which."""

    data: bytes
    generation: int


def refusal(status: int, body: str) -> str:
    """The predicate of a message about an answer of Cloud Storage: what happened, and the reason given in *body*."""
    reason = _reason(body)
    if status == HTTPStatus.NOT_FOUND:
        return "does not exist" + (f": {reason}" if "bucket" in reason else "")
    refused = "is refused" if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} else "cannot be read"
    return f"{refused}: Cloud Storage answered {status}: {reason or 'it gave no reason'}"


def one_line(text: str) -> str:
    """*text* in one line, and cut."""
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARACTERS else line[:_MOST_CHARACTERS] + "…"


def _reason(text: str) -> str:
    """The reason in *text*, the body of an answer: all of it, or the message and reason of an error as JSON."""
    try:
        fault = json.loads(text)["error"]
        message, details = str(fault["message"]), fault.get("errors") or [{}]
        code = str(details[0].get("reason", ""))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return one_line(text)
    return one_line(f"{message} ({code})" if code and code != message else message)
