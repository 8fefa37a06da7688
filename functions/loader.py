"""Cold start and refresh: which model is served. The only module here that touches Cloud Storage.

Errors, by who must act:
    BucketError     the operator: the bucket or an object in it cannot be read
    ArtifactError   the publisher: see artifact.py
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, Unauthorized
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY
from requests.exceptions import RequestException

from .artifact import ArtifactError, Manifest, alias_name, manifest_name, parse_alias, parse_manifest, promoted_manifest
from .runtimes import linear as predictor
from .runtimes.linear import Predictor

__all__ = ["Loader", "Predictor", "fetch"]

# The client would ask for the bucket's metadata in a thread beside the first fetch, for traces that are not made here:
# a second request at each cold start, a right the service account lacks, and a thread under way when the process forks.
os.environ["DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"] = "true"

CONNECT_SECONDS = 2.0
READ_SECONDS = 4.0
DEADLINE_SECONDS = 8.0
"""Of one fetch, retries included. A cold start waits no longer before it serves 503."""

RETRY_SECONDS = 2.0
"""Pause between attempts while nothing is loaded; what Retry-After says."""

WAIT_SECONDS = 2.0
"""How long a request waits for an attempt while nothing is loaded, before it is told to come again."""


class BucketError(Exception):
    """An object cannot be read; the message says which, and why as far as it is known."""


@dataclass(frozen=True)
class Fetched:
    data: bytes
    generation: int


class Report(Protocol):
    """Where the operator's lines go."""

    def __call__(self, severity: str, message: str) -> None: ...


def fetch(bucket: str, name: str) -> Fetched:
    """Get one object with one GET.

    The client lives for this call only: the framework loads this module in one process and serves from a fork of
    it, and no connection may be shared between them.

    Raises:
        BucketError: It is absent, refused or out of reach within DEADLINE_SECONDS.
    """
    where = f"gs://{bucket}/{name}"
    try:
        blob = storage.Client().bucket(bucket).blob(name)
        retry = DEFAULT_RETRY.with_timeout(DEADLINE_SECONDS).with_delay(initial=0.2, maximum=2.0)
        data = blob.download_as_bytes(timeout=(CONNECT_SECONDS, READ_SECONDS), retry=retry)
    except NotFound as error:
        raise BucketError(f"{where} does not exist") from error
    except (Forbidden, Unauthorized) as error:
        raise BucketError(f"{where} is refused to this service account (it needs storage.objects.get)") from error
    except (GoogleAPIError, GoogleAuthError, RequestException, OSError) as error:
        raise BucketError(f"{where} cannot be reached: {type(error).__name__}") from error
    return Fetched(data, int(blob.generation or 0))


class Loader:
    """Holds the model that is served, and replaces it when the alias moves.

    A request asks `model()` once and answers with what it got, so no answer mixes versions.
    """

    def __init__(
        self,
        read: Callable[[str], Fetched],
        *,
        model: str,
        alias: str,
        version: int | None,
        refresh_seconds: float,
        report: Report,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._model = model
        self._alias = alias
        self._version = version
        self._refresh_seconds = refresh_seconds if version is None else 0.0
        self._report = report
        self._clock = clock
        self._current: Predictor | None = None
        self._generation: int | None = None
        self._checked = -math.inf
        self._check: asyncio.Task[None] | None = None

    @property
    def retry_after_seconds(self) -> int:
        """How long a caller should wait before asking again while nothing is loaded."""
        return max(1, math.ceil(self._checked + RETRY_SECONDS - self._clock()))

    async def model(self) -> Predictor | None:
        """The model to answer this request with, or None if there is none yet.

        With a model in hand a due check starts in the background and nobody waits for it. With none, the requests
        that come wait for one attempt together, WAIT_SECONDS at most; the next begins RETRY_SECONDS after its end.
        """
        if self._current is None:
            if self._running() or self._clock() >= self._checked + RETRY_SECONDS:
                await asyncio.wait({self._start()}, timeout=WAIT_SECONDS)
        elif self._refresh_seconds and not self._running() and self._clock() >= self._checked + self._refresh_seconds:
            self._start()
        return self._current

    def load(self) -> None:
        """Look into the bucket once; blocks. Never raises: what goes wrong is reported, and the model stays."""
        began = self._clock()
        try:
            if self._version is not None:
                self._current = predictor.load(self._manifest(self._version))
            else:
                self._follow_alias()
        except (ArtifactError, BucketError) as error:
            self._report("ERROR", f"{error}; {self._consequence()}")
        except Exception as error:  # noqa: BLE001 - a process that answers outlives any surprise in the bucket
            self._report("ERROR", f"loading failed: {type(error).__name__}: {error}; {self._consequence()}")
        # While nothing is loaded the pause counts from the end of an attempt, else from its begin: a check then
        # starts every refresh_seconds, however long one takes.
        self._checked = self._clock() if self._current is None else began

    def _follow_alias(self) -> None:
        name = alias_name(self._model, self._alias)
        fetched = self._read(name)
        if fetched.generation == self._generation:
            return
        alias = parse_alias(fetched.data, name)
        try:
            loaded = predictor.load(promoted_manifest(alias, self._model))
        except ArtifactError as error:
            if self._current is not None:
                raise
            self._report("ERROR", f"{error}; looking for an earlier version")
            self._fall_back(alias.lineage()[1:])
            return
        self._current, self._generation = loaded, fetched.generation
        self._report("INFO", f"serving {self._model} version {alias.version} (alias {self._alias})")

    def _fall_back(self, versions: tuple[int, ...]) -> None:
        """Serve the first of *versions* that verifies. The generation stays unknown, so the next check looks again."""
        for version in versions:
            try:
                self._current = predictor.load(self._manifest(version))
            except (ArtifactError, BucketError) as error:
                self._report("ERROR", f"{error}; looking further back")
            else:
                self._report("ERROR", f"serving {self._model} version {version} in place of the alias's")
                return
        raise BucketError(f"no earlier version of {self._model} verifies")

    def _manifest(self, version: int) -> Manifest:
        return parse_manifest(self._read(manifest_name(self._model, version)).data, self._model, version)

    def _consequence(self) -> str:
        if self._current is None:
            return "nothing is served"
        return f"version {self._current.manifest.version} goes on serving"

    def _running(self) -> bool:
        return self._check is not None and not self._check.done()

    def _start(self) -> asyncio.Task[None]:
        """The one check under way, started if there is none. Runs on the event loop's thread only."""
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(asyncio.to_thread(self.load))
        return self._check
