"""Cold start and refresh: which model is served."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable
from importlib import import_module
from threading import Thread
from typing import Protocol

from . import predictor
from .artifact import (
    ARRAYS,
    ArtifactError,
    File,
    Manifest,
    alias_name,
    manifest_name,
    model_name,
    parse_alias,
    parse_manifest,
    promoted_manifest,
)
from .bucket import AbsentError, BucketError, Fetched
from .predictor import Predictor

RETRY_SECONDS = 2.0
"""Pause between attempts while nothing is loaded, and the Retry-After of a 503."""

WAIT_SECONDS = 2.0
"""Longest wait of a request for an attempt while nothing is loaded."""


HOLD_SECONDS = 0.5
"""Longest time that a check holds requests while a model is loaded, from the begin of the check."""

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps, where there is such a clock; the same in all processes of the machine."""


def _now() -> float:
    return time.clock_gettime(_CLOCK)


class Report(Protocol):
    """The function that writes a line for the operator."""

    def __call__(self, severity: str, message: str) -> None: ...


class Read(Protocol):
    """The function that gets an object; of one larger than *most_bytes* it gets that many bytes and one more.

    An object that still has *generation* may come without its bytes.
    """

    def __call__(self, name: str, most_bytes: int | None = None, generation: int | None = None) -> Fetched: ...


class Loader:
    """Holds the model that is served, and replaces it when the alias moves.

    A request asks `model()` once and answers with that model, so no answer mixes versions.

    While a new version is there within HOLD_SECONDS (alias, arrays beside it, golden answers), no request gets a model
    that left the alias more than two periods of *refresh_seconds* before, nor one older than another request got from
    a process that this one replaced.
    """

    def __init__(
        self,
        read: Read,
        *,
        model: str,
        alias: str,
        version: int | None,
        refresh_seconds: float,
        report: Report,
        clock: Callable[[], float] = _now,
    ) -> None:
        self._read = read
        self._model = model
        self._alias = alias
        self._version = version
        self._refresh_seconds = refresh_seconds if version is None else 0.0
        self._report = report
        self._clock = clock
        self._current: Predictor | None = None
        self._arrays: tuple[File, bytes] | None = None  # beside the present model's manifest
        self._generation: int | None = None
        self._checked = -math.inf  # begin of the last check; its end while nothing is loaded
        self._verified = -math.inf  # begin of the last check that succeeded, and its process
        self._verified_by = os.getpid()
        self._slow_reported = False
        self._check: asyncio.Task[None] | None = None
        self._started = -math.inf

    @property
    def retry_after_seconds(self) -> int:
        """The time after which a caller should ask again while nothing is loaded."""
        return max(1, math.ceil(self._checked + RETRY_SECONDS - self._clock()))

    def fresh(self) -> Predictor | None:
        """The model that is loaded, where no check is due; else None, and `model` must be asked."""
        if self._refresh_seconds and self._clock() >= self._checked + self._refresh_seconds:
            return None
        return self._current

    async def model(self) -> Predictor | None:
        """The model to answer this request with, or None if there is none yet.

        While a model is loaded, a check that has just become due runs in the background. One that is overdue by a
        period, or due in a process forked after the load, holds the request, HOLD_SECONDS at most; then the loaded
        model answers. While none is loaded, all requests wait for one attempt, WAIT_SECONDS at most; the next attempt
        begins RETRY_SECONDS after its end.
        """
        if self._current is None:
            if self._running() or self._clock() >= self._checked + RETRY_SECONDS:
                await asyncio.wait({self._start()}, timeout=WAIT_SECONDS)
        elif self._refresh_seconds and self._clock() >= self._checked + self._refresh_seconds:
            check = self._start()
            if self._is_stale():
                await self._hold(check)
        return self._current

    def load(self) -> None:
        """Look into the bucket once; blocks. Never raises: a failure is reported, and the present model stays."""
        began = self._clock()
        try:
            if self._version is not None:
                self._current = self._predictor(self._manifest(self._version))
            else:
                self._follow_alias()
            self._verified, self._verified_by = began, os.getpid()
        except (ArtifactError, BucketError) as error:
            self._report("ERROR", f"{error}; {self._consequence()}")
        except Exception as error:  # noqa: BLE001 - a process that answers outlives any surprise in the bucket
            self._report("ERROR", f"loading failed: {type(error).__name__}: {error}; {self._consequence()}")
        # While nothing is loaded the pause counts from the end of an attempt, else from its begin: a check then
        # starts every refresh_seconds, however long one takes.
        self._checked = self._clock() if self._current is None else began

    def _follow_alias(self) -> None:
        name = alias_name(self._model, self._alias)
        fetched = self._read(name, generation=self._generation)
        if self._generation is not None and fetched.generation == self._generation:
            return
        alias = parse_alias(fetched.data, name)
        try:
            loaded = self._predictor(promoted_manifest(alias, self._model))
        except ArtifactError as error:
            if self._current is not None:
                raise
            self._report("ERROR", f"{error}; looking for an earlier version")
            self._fall_back(alias.lineage()[1:])
            return
        self._current, self._generation = loaded, fetched.generation or None  # 0: nobody said which
        self._report("INFO", f"serving {self._model} version {alias.version} (alias {self._alias})")

    def _fall_back(self, versions: tuple[int, ...]) -> None:
        """Serve the first of *versions* that verifies. The generation stays unknown, so the next check looks again."""
        for version in versions:
            try:
                self._current = self._predictor(self._manifest(version))
            except (ArtifactError, BucketError) as error:
                self._report("ERROR", f"{error}; looking further back")
            else:
                self._report("ERROR", f"serving {self._model} version {version} in place of the alias's")
                return
        raise BucketError(f"no earlier version of {self._model} verifies")

    def _manifest(self, version: int) -> Manifest:
        return parse_manifest(self._read(manifest_name(self._model, version)).data, self._model, version)

    def _predictor(self, manifest: Manifest) -> Predictor:
        """The checked model of *manifest*; an object beside it is read only where the present model has another one."""
        current, file = self._current, manifest.files.get(ARRAYS)
        if file is None:
            loaded, self._arrays = predictor.load(manifest), None
            return loaded
        if current is not None and _model_of(current.manifest) == _model_of(manifest):
            return predictor.reproduced(Predictor(manifest, current.runtime))
        if self._arrays is not None and self._arrays[0] == file:
            arrays = self._arrays[1]
        else:
            arrays = self._beside(manifest, file)
        loaded = predictor.load(manifest, arrays)
        self._arrays = file, arrays
        return loaded

    def _beside(self, manifest: Manifest, file: File) -> bytes:
        """The object *file* beside *manifest*, at most a byte more than it should have."""
        # A graph needs numpy, whose import takes as long as some megabytes do to come.
        meanwhile = Thread(target=import_module, args=("numpy",))
        meanwhile.start()
        try:
            return self._read(model_name(self._model, manifest.version), file.size_bytes).data
        except AbsentError as error:
            raise ArtifactError(str(error)) from error
        finally:
            meanwhile.join()  # no thread lives when the framework forks

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
            self._started, self._slow_reported = self._clock(), False
        return self._check

    def _is_stale(self) -> bool:
        if self._verified_by != os.getpid():
            return True
        return self._clock() >= self._verified + 2 * self._refresh_seconds

    async def _hold(self, check: asyncio.Task[None]) -> None:
        """Wait for *check*, until HOLD_SECONDS after its begin; report once if it takes longer."""
        seconds = self._started + HOLD_SECONDS - self._clock()
        if seconds > 0:
            await asyncio.wait({check}, timeout=seconds)
        if not (check.done() or self._slow_reported):
            self._slow_reported = True
            self._report("ERROR", f"the bucket has not answered within {HOLD_SECONDS} s; {self._consequence()}")


def _model_of(manifest: Manifest) -> tuple[object, ...]:
    """All that a runtime is built from: equal for equal runtimes, the digest of arrays beside the manifest included."""
    document = manifest.document
    return manifest.files.get(ARRAYS), *map(document.get, ("runtime", "linear", "graph", "classes"))
