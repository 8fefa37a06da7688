"""The access token of the function's service account, from the metadata server of Google's platform."""

from __future__ import annotations

import json
import os
import time
from http import HTTPStatus
from typing import NamedTuple

from .answer import BrokenError, get
from .values import one_line

_HOST = "metadata.google.internal"
_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"
_FLAVOR = {"Metadata-Flavor": "Google"}
_BEFORE_ITS_END_SECONDS = 225.0
"""A token that ends sooner is renewed; the metadata server itself has a new one some 300 seconds before the end."""


class NoMetadataError(Exception):
    """There is no metadata server."""


class NoTokenError(Exception):
    """The metadata server gave no token; the message says why."""


class _Token(NamedTuple):
    text: str
    until: float


_held: list[_Token] = []
"""The last token, if any. It is never logged, and stands in no message."""


def token(until: float) -> str:
    """The token for a request now; asked for only when the last one is about to end.

    Raises:
        NoMetadataError: Nothing answers at the metadata server's address, or something else does.
        NoTokenError: It refuses, or gave something else than a token.
        OSError: It did not answer in time.
    """
    if _held and time.time() < _held[0].until:
        return _held[0].text
    _held[:] = [_asked(until)]
    return _held[0].text


def forget() -> None:
    """Have the next call ask for another token: this one was refused."""
    _held.clear()


def _asked(until: float) -> _Token:
    host = os.environ.get("GCE_METADATA_HOST") or _HOST
    try:
        answer = get(f"http://{host}{_PATH}", _FLAVOR, until=until)
    except TimeoutError:
        raise
    except OSError as error:  # the name is unknown, the connection refused or impossible
        raise NoMetadataError from error
    except BrokenError as error:
        raise NoTokenError(str(error)) from error
    if answer.headers.get("metadata-flavor") != "Google":
        raise NoMetadataError
    if answer.status != HTTPStatus.OK:
        raise NoTokenError(f"it answered {answer.status}: {one_line(answer.body.decode('utf-8', 'replace'))}")
    try:
        document = json.loads(answer.body)
        text, seconds = document["access_token"], float(document["expires_in"])
    except (ValueError, LookupError, TypeError):
        raise NoTokenError("its answer holds none") from None
    if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable() or " " in text:
        raise NoTokenError("its answer holds none that can be sent")
    return _Token(text, time.time() + seconds - _BEFORE_ITS_END_SECONDS)
