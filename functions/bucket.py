"""The one GET for an object, and its errors. The only module that touches Cloud Storage.

Errors, by who must act:
    BucketError     the operator: the bucket or an object in it cannot be read
"""

from __future__ import annotations

import os
from typing import NamedTuple

from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, Unauthorized
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY
from requests.exceptions import RequestException

# The client would ask for the bucket's metadata in a thread beside the first fetch, for traces that are not made here:
# a second request at each cold start, a right the service account lacks, and a live thread when the process forks.
os.environ["DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"] = "true"

CONNECT_SECONDS = 2.0
READ_SECONDS = 4.0
DEADLINE_SECONDS = 8.0
"""Deadline of one fetch, retries included. A cold start waits no longer before it serves 503."""


class BucketError(Exception):
    """An object cannot be read; the message names it, and the reason as far as it is known."""


class Fetched(NamedTuple):
    """An object's bytes, and the generation they were read at."""

    data: bytes
    generation: int


def fetch(bucket: str, name: str) -> Fetched:
    """Get one object with one GET.

    The client lives for this call only: the framework loads this module in one process and serves from a fork of
    it, and two processes must not share a connection.

    Raises:
        BucketError: It is absent, refused or out of reach within DEADLINE_SECONDS.
    """
    uri = f"gs://{bucket}/{name}"
    try:
        blob = storage.Client().bucket(bucket).blob(name)
        retry = DEFAULT_RETRY.with_timeout(DEADLINE_SECONDS).with_delay(initial=0.2, maximum=2.0)
        data = blob.download_as_bytes(timeout=(CONNECT_SECONDS, READ_SECONDS), retry=retry)
    except NotFound as error:
        raise BucketError(f"{uri} does not exist") from error
    except (Forbidden, Unauthorized) as error:
        raise BucketError(f"{uri} is refused to this service account (it needs storage.objects.get)") from error
    except (GoogleAPIError, GoogleAuthError, RequestException, OSError) as error:
        raise BucketError(f"{uri} cannot be reached: {type(error).__name__}") from error
    return Fetched(data, int(blob.generation or 0))
