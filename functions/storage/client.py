"""A GET by Google's client library, which knows every kind of credentials; a message for each way in which it fails.

The library takes a third of an empty function's start to import, so only what needs it imports this module.
"""

from __future__ import annotations

import os
from contextlib import closing

from google.api_core.exceptions import GoogleAPIError, NotFound, NotModified, RequestRangeNotSatisfiable, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY
from requests import Response
from requests.exceptions import RequestException

from .values import CONNECT_SECONDS, READ_SECONDS, AbsentError, BucketError, Fetched, one_line, refusal

# The client would ask for the bucket's metadata in a thread beside the first fetch, for traces that are not made here:
# a second request at each cold start, a right the service account lacks, and a live thread when the process forks.
os.environ["DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"] = "true"


def read(
    bucket: str, name: str, *, deadline_seconds: float, most_bytes: int | None = None, generation: int | None = None
) -> Fetched:
    """Get one object; see bucket.fetch.

    The client lives for this call only: the framework loads this module in one process and serves from a fork of
    it, and two processes must not share a connection.

    Raises:
        BucketError: It is absent, refused or out of reach within *deadline_seconds*.
    """
    try:
        with closing(storage.Client()) as client:
            blob = client.bucket(bucket).blob(name)
            retry = DEFAULT_RETRY.with_timeout(deadline_seconds).with_delay(initial=0.2, maximum=2.0)
            data = blob.download_as_bytes(
                start=None if most_bytes is None else 0,
                end=most_bytes,
                if_generation_not_match=generation,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                retry=retry,
            )
    except NotModified:
        return Fetched(b"", generation or 0)
    except RequestRangeNotSatisfiable:  # an empty object has not even a first byte
        data = b""
    except (GoogleAPIError, GoogleAuthError, RequestException, OSError) as error:
        kind = AbsentError if isinstance(error, NotFound) else BucketError
        raise kind(f"gs://{bucket}/{name} {failure(error)}") from error
    return Fetched(data, int(blob.generation or 0))


def failure(error: Exception) -> str:
    """The predicate of a message about *error*: what happened, and the reason that was given, no other."""
    cause = _cause(error)
    response = getattr(cause, "response", None)
    if isinstance(response, Response):
        return refusal(response.status_code, response.text)
    if isinstance(cause, GoogleAuthError):
        return f"cannot be reached: {type(cause).__name__}: {one_line(str(cause))}"
    return f"cannot be reached: {type(cause).__name__}"


def answered(error: Exception) -> bool:
    """Whether Cloud Storage answered at all."""
    return isinstance(getattr(_cause(error), "response", None), Response)


def _cause(error: Exception) -> Exception:
    return (error.cause or error) if isinstance(error, RetryError) else error
