"""Servers of one model, ours and others': published or prepared, started, and asked."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib

from model import publish
from model.infra_validation import processes
from model.infra_validation.processes import Process, free_port
from tests.bench.environments import FOLDER, LISTS, MissingPeerError, python_of
from tests.bench.rivals import Rival
from tests.bench.tables import Model, Row
from tests.bench.warm import load, post
from tests.bench.worlds import OURS
from tests.support.parts import ROOT

LOAD_SECONDS, WARM_SECONDS = 1.5, 0.3
MOST_START_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """One that can be started and asked, ours or another's.

    Args:
        start: Starts it on a port.
        body: Rows as it takes them.
        answers: Predictions out of its answer.
        prepared_seconds: How long it took until it could be started, without the installation.
    """

    start: Callable[[int], Process]
    path: str
    body: Callable[[Sequence[Row]], Any]
    answers: Callable[[Any], list[Any]]
    prepared_seconds: float


def ours(model: Model, folder: Path, python: str) -> Server:
    """The function `batch` over *model*, which is published, and promoted once it has passed the gate."""
    began = time.perf_counter()
    rows, target, learned = model.rows, model.target, model.learned
    training = (rows[learned], target[learned])
    publish(model.estimator, rows[~learned], target[~learned], name=model.name, training=training)
    promote = [sys.executable, "-m", "model", "promote", "--model", model.name]
    subprocess.run(promote, cwd=ROOT, check=True, capture_output=True)
    seconds = time.perf_counter() - began

    def start(port: int) -> Process:
        # compiled once for all starts, as the platform's build compiles what is uploaded
        compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
        environ = {**os.environ, **compiled, "MODEL_NAME": model.name}
        log = folder / f"{model.name}.log"
        return processes.function(
            "batch", port, source=OURS, environ=environ, log=log, python=python, ends_with_parent=False
        )

    return Server(start, "/", lambda rows: {"instances": list(rows)}, lambda said: said["predictions"], seconds)


def theirs(rival: Rival, name: str, folder: Path, model: Model) -> Server:
    """The server of *rival* over *model*, from a file of this machine.

    Raises:
        MissingPeerError: It could not be prepared.
    """
    tools = Path(python_of(name)).parent
    folder.mkdir()
    joblib.dump(model.estimator if rival.named or model.bare is None else model.bare, folder / "model.joblib")
    model.rows.to_csv(folder / "rows.csv", index=False)
    if rival.app:
        shutil.copy(LISTS / model.name / rival.app, folder)
    for file, text in rival.files.items():
        (folder / file).write_text(text)
    began = time.perf_counter()
    if rival.prepare:
        command = rival.prepare.format(bin=tools).split()
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if ended.returncode:
            said = ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"]
            raise MissingPeerError(f"{rival.prepare} failed: {said[-1][:200]}")
    seconds = time.perf_counter() - began

    def start(port: int) -> Process:
        command = rival.start.format(bin=tools, port=port).split()
        path = f"{tools}:{os.environ['PATH']}"
        environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PATH": path, "PORT": str(port), "HOME": str(folder)}
        environ |= {"MLSERVER_HTTP_PORT": str(port), "MLSERVER_GRPC_PORT": str(free_port())}
        environ |= {"MLSERVER_METRICS_PORT": str(free_port()), "BENTOML_DO_NOT_TRACK": "1"}
        log = folder / "server.log"
        return Process(rival.name, command, port=port, environ=environ, log=log, ends_with_parent=False)

    return Server(start, rival.path, rival.body, rival.answers, seconds)


@contextmanager
def running(server: Server, rows: Sequence[Row]) -> Iterator[int]:
    """The port of *server*, once it has answered *rows*.

    Raises:
        RuntimeError: It ended, or never answered; the message has its last line of output, or its last answer.
    """
    port = free_port()
    process = server.start(port)
    try:
        _until_answered(server, process, rows)
        yield port
    finally:
        process.stop(grace_seconds=5)


def ask(server: Server, port: int, rows: Sequence[Row]) -> tuple[int, bytes]:
    """The status and the body of its answer; 0 where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        body = json.dumps(server.body(rows))
        connection.request("POST", server.path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def _until_answered(server: Server, process: Process, rows: Sequence[Row]) -> None:
    end = time.monotonic() + MOST_START_SECONDS
    said: tuple[int, bytes] = (0, b"")
    while time.monotonic() < end:
        said = ask(server, process.port, rows)
        if said[0] == 200:
            return
        if process.process.poll() is not None:
            output = process.log.read_text(errors="replace").strip() if process.log else ""
            raise RuntimeError(f"it ended, and said last: {(output.splitlines() or ['nothing'])[-1][:200]}")
        time.sleep(0.005)
    answer = f"its last answer was {said[0]}: {said[1][:200]!r}" if said[0] else "it never answered"
    raise RuntimeError(f"{answer}, in {MOST_START_SECONDS} s")


def started_and_loaded(server: Server, row: Row) -> tuple[float, float]:
    """Seconds from the start of the process to its first answer; and then, once it is warm, its requests a second.

    Raises:
        RuntimeError: It did not start, or answers stopped.
    """
    body = json.dumps(server.body([row])).encode()
    request = post(body).replace(b"POST / ", f"POST {server.path} ".encode())
    began = time.perf_counter()
    with running(server, [row]) as port:
        seconds = time.perf_counter() - began
        for duration in (WARM_SECONDS, LOAD_SECONDS):
            try:
                rate, _ = asyncio.run(asyncio.wait_for(load(port, request, duration), duration + 20))
            except (TimeoutError, OSError, EOFError) as error:
                raise RuntimeError(f"answers stopped at 16 connections ({type(error).__name__})") from error
        return seconds, rate


def megabytes(name: str) -> str:
    """What the environment holds, without the installer that venv brings."""
    (packages,) = (FOLDER / name).glob("lib/python*/site-packages")
    brought = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
    files = (path for path in packages.rglob("*") if path.is_file() and not path.is_symlink())
    kept = [
        path.stat().st_size
        for path in files
        if path.suffix != ".pyc" and path.relative_to(packages).parts[0].split("-")[0] not in brought
    ]
    return f"{sum(kept) / 1e6:.0f}"
