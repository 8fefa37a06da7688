"""The one GET for an object, and its errors. The only module that touches Cloud Storage.

Errors, by who must act:
    BucketError         the operator: the bucket or an object in it cannot be read
     └─ AbsentError     the object does not exist
"""

from __future__ import annotations

import json
import os
from contextlib import closing
from http import HTTPStatus
from typing import NamedTuple

from google.api_core.exceptions import GoogleAPIError, NotFound, RequestRangeNotSatisfiable, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY
from requests import Response
from requests.exceptions import RequestException

from .artifact import emulator_address

# The client would ask for the bucket's metadata in a thread beside the first fetch, for traces that are not made here:
# a second request at each cold start, a right the service account lacks, and a live thread when the process forks.
os.environ["DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"] = "true"

CONNECT_SECONDS = 2.0
READ_SECONDS = 4.0
DEADLINE_SECONDS = 8.0
"""Deadline of one fetch, retries included. A cold start waits no longer before it serves 503."""


_MOST_CHARACTERS = 400


class BucketError(Exception):
    """An object cannot be read; the message names it, and Cloud Storage's own reason. It is not for callers."""


class AbsentError(BucketError):
    """There is no such object, or no such bucket."""


class Fetched(NamedTuple):
    """An object's bytes, and the generation they were read at."""

    data: bytes
    generation: int


def fetch(bucket: str, name: str, most_bytes: int | None = None) -> Fetched:
    """Get one object with one GET; of an object larger than *most_bytes* the first *most_bytes* + 1 bytes.

    The client lives for this call only: the framework loads this module in one process and serves from a fork of
    it, and two processes must not share a connection.

    Raises:
        BucketError: It is absent, refused or out of reach within DEADLINE_SECONDS.
    """
    uri = f"gs://{bucket}/{name}"
    if emulator := os.environ.get("STORAGE_EMULATOR_HOST"):
        os.environ["STORAGE_EMULATOR_HOST"] = emulator_address(emulator)
    try:
        with closing(storage.Client()) as client:
            blob = client.bucket(bucket).blob(name)
            retry = DEFAULT_RETRY.with_timeout(DEADLINE_SECONDS).with_delay(initial=0.2, maximum=2.0)
            data = blob.download_as_bytes(
                start=None if most_bytes is None else 0,
                end=most_bytes,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                retry=retry,
            )
    except RequestRangeNotSatisfiable:  # an empty object has not even a first byte
        data = b""
    except (GoogleAPIError, GoogleAuthError, RequestException, OSError) as error:
        kind = AbsentError if isinstance(error, NotFound) else BucketError
        raise kind(f"{uri} {failure(error)}") from error
    return Fetched(data, int(blob.generation or 0))


def failure(error: Exception) -> str:
    """The predicate of a message about *error*: what happened, and the reason that was given, no other."""
    cause = _cause(error)
    response = getattr(cause, "response", None)
    if isinstance(response, Response):
        status, reason = response.status_code, _reason(response.text)
        if status == HTTPStatus.NOT_FOUND:
            return "does not exist" + (f": {reason}" if "bucket" in reason else "")
        refused = "is refused" if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} else "cannot be read"
        return f"{refused}: Cloud Storage answered {status}: {reason or 'it gave no reason'}"
    if isinstance(cause, GoogleAuthError):
        return f"cannot be reached: {type(cause).__name__}: {_line(str(cause))}"
    return f"cannot be reached: {type(cause).__name__}"


def answered(error: Exception) -> bool:
    """Whether Cloud Storage answered at all."""
    return isinstance(getattr(_cause(error), "response", None), Response)


def _cause(error: Exception) -> Exception:
    return (error.cause or error) if isinstance(error, RetryError) else error


def _reason(text: str) -> str:
    """The reason in *text*, the body of an answer: all of it, or the message and reason of an error as JSON."""
    try:
        fault = json.loads(text)["error"]
        message, details = str(fault["message"]), fault.get("errors") or [{}]
        code = str(details[0].get("reason", ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        return _line(text)
    return _line(f"{message} ({code})" if code and code != message else message)


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARACTERS else line[:_MOST_CHARACTERS] + "…"
