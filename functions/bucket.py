"""The one GET for an object, by the cheapest way to it. The only door to Cloud Storage.

An emulator, and Google's platform with a token of its metadata server, are asked by a plain GET: the client library
takes a third of an empty function's start to import. Anywhere else the library finds credentials, and reads. The
errors are in storage/values.py.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from .artifact import emulator_address
from .storage import plain
from .storage.token import NoMetadataError
from .storage.values import AbsentError, BucketError, Fetched

__all__ = ["AbsentError", "BucketError", "Fetched", "fetch"]

DEADLINE_SECONDS = 8.0
"""Deadline of one fetch, retries included. A cold start waits no longer before it serves 503."""

SLOWEST_BYTES_PER_SECOND = 10e6
"""An object whose size is known beforehand may take longer than DEADLINE_SECONDS by its size over this."""

_PLATFORM = "K_SERVICE"
"""Set in every function and service of Google's platform."""

_LIBRARY_ONLY = (
    *("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_UNIVERSE_DOMAIN", "API_ENDPOINT_OVERRIDE"),
    *("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
"""Variables that lead to other credentials, another address or another way there; only the library follows them."""

_SERVER = "https://storage.googleapis.com"


def fetch(bucket: str, name: str, most_bytes: int | None = None, generation: int | None = None) -> Fetched:
    """Get one object with one GET; of an object larger than *most_bytes* the first *most_bytes* + 1 bytes.

    Without *most_bytes* it is a document, which may have plain.MOST_DOCUMENT_BYTES.

    An object that still has *generation* gives that and no bytes, where the server can tell; an emulator cannot.
    Connections live for this call only: the framework loads this module in one process and serves from a fork of it,
    and two processes must not share one.

    Raises:
        BucketError: It is absent, refused, out of reach within the deadline, came otherwise than it is stored, or is a
            document that is too large.
    """
    fetched = _fetched(bucket, name, most_bytes, generation)
    if most_bytes is None and len(fetched.data) > plain.MOST_DOCUMENT_BYTES:
        raise BucketError(f"{name} must have at most {plain.MOST_DOCUMENT_BYTES} bytes, found more")
    return fetched


def _fetched(bucket: str, name: str, most_bytes: int | None, generation: int | None) -> Fetched:
    asked: dict[str, Any] = {
        "deadline_seconds": DEADLINE_SECONDS + (most_bytes or 0) / SLOWEST_BYTES_PER_SECOND,
        "most_bytes": most_bytes,
        "generation": generation,
    }
    if emulator := os.environ.get("STORAGE_EMULATOR_HOST"):
        return plain.read(emulator_address(emulator), bucket, name, signed=False, **asked)
    if os.environ.get(_PLATFORM) and not any(map(os.environ.get, _LIBRARY_ONLY)):
        try:
            return plain.read(_SERVER, bucket, name, signed=True, **asked)
        except NoMetadataError:
            pass  # another platform that sets the same variable
    fetched: Fetched = import_module(".storage.client", __package__).read(bucket, name, **asked)
    return fetched
