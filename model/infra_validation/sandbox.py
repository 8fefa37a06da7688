"""Both functions over one manifest before it is published: real processes and a bucket in memory, nothing kept.

When this process ends, they end too; when it is killed, they finish the requests at hand first.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from functions import artifact
from functions.artifact import Manifest
from model.errors import SandboxError
from model.infra_validation import processes
from model.infra_validation.processes import Process, free_port

FUNCTIONS = ("batch", "stream")

_SOURCE = Path(__file__).parents[2] / "functions" / "main.py"
_BUCKET = "rehearsal"
_REQUEST_SECONDS = 60.0
_PASSED_ON = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR")


@dataclass(frozen=True)
class Functions:
    """Functions that run."""

    processes: Sequence[Process]

    @property
    def addresses(self) -> dict[str, str]:
        """Their addresses by name."""
        return {process.name: f"http://127.0.0.1:{process.port}" for process in self.processes}

    def memory_bytes(self) -> int | None:
        """The most memory that the processes of any of them took together; None where the system does not say."""
        return max((peak for process in self.processes if (peak := process.peak_bytes()) is not None), default=None)


@contextlib.contextmanager
def running(manifest: Manifest, arrays: bytes = b"") -> Iterator[Functions]:
    """Start the functions with *manifest*, and the *arrays* beside it, in production.

    Only the variables by which programs are found reach them: no setting, no credentials.

    Raises:
        SandboxError: One of them, or the bucket, did not start.
    """
    environ = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bucket = _stopped_by(stack, processes.bucket(free_port(), environ=environ, log=folder / "bucket"))
        bucket.until_open()
        url = f"http://127.0.0.1:{bucket.port}"
        _promote(url, manifest, arrays)
        environ |= {
            "STORAGE_EMULATOR_HOST": url,
            "MODEL_BUCKET": _BUCKET,
            "MODEL_NAME": manifest.model,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        functions = [
            _stopped_by(
                stack,
                processes.function(name, free_port(), source=_SOURCE, environ=environ, log=folder / name),
            )
            for name in FUNCTIONS
        ]
        for function in functions:
            function.until_open()
        yield Functions(functions)


def _stopped_by(stack: contextlib.ExitStack, process: Process) -> Process:
    stack.callback(process.stop)
    return process


def _promote(url: str, manifest: Manifest, arrays: bytes) -> None:
    """Make the bucket, and point the alias that functions follow at *manifest*."""
    objects = {artifact.model_name(manifest.model, manifest.version): arrays} if arrays else {}
    objects[artifact.alias_name(manifest.model, "production")] = artifact.render_alias(
        manifest, [{"version": manifest.version}]
    )
    with requests.Session() as session:
        session.trust_env = False
        try:
            session.post(f"{url}/storage/v1/b", json={"name": _BUCKET}, timeout=_REQUEST_SECONDS).raise_for_status()
            for name, content in objects.items():
                session.post(
                    f"{url}/upload/storage/v1/b/{_BUCKET}/o",
                    params={"uploadType": "media", "name": name},
                    data=content,
                    timeout=_REQUEST_SECONDS,
                ).raise_for_status()
        except requests.RequestException as error:
            raise SandboxError(f"the bucket in memory does not take the manifest: {type(error).__name__}") from error
