"""Real parts for tests: the emulator's binary as bucket, functions-framework processes.

Everything is private to one test worker: ports are free ones, folders are pytest's, and each process is ended by the
fixture that started it.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import socket
import socketserver
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from functions import artifact
from model.infra_validation import processes
from model.infra_validation.processes import Process

ROOT = Path(__file__).parents[2]
MODEL = "linear-regression"


def until(condition: Callable[[], Any], *, seconds: float = 20.0) -> Any:
    """Wait until *condition* gives something true, and give that back; fail after *seconds*."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        pause.wait(0.02)
    return found


_PORTS = range(12_000, 32_000)
"""Below those that a system gives to whoever asks for any, and to each connection that is made."""

_ports = itertools.count(911 * os.getpid())
"""Processes that run tests side by side begin far from each other."""


def free_port() -> int:
    """A port that nobody listens on now, and that no other test gets soon."""
    while True:
        port = _PORTS[next(_ports) % len(_PORTS)]
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Emulator:
    """fake-gcs-server in memory, on one port for its whole life; after a kill its objects are gone."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: Process | None = None

    def start(self) -> None:
        self._process = processes.bucket(self.port, environ=os.environ)
        self._process.until_open()

    def kill(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None

    def pause(self) -> None:
        """Connections are taken and never answered."""
        assert self._process
        self._process.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process
        self._process.process.send_signal(signal.SIGCONT)

    def make_bucket(self) -> storage.Bucket:
        client = storage.Client(
            project="test", credentials=AnonymousCredentials(), client_options={"api_endpoint": self.url}
        )
        bucket = client.bucket(f"models-{uuid.uuid4().hex[:12]}")
        bucket.versioning_enabled = True
        bucket.create()
        return bucket


@dataclass
class Answer:
    """An answer over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """One functions-framework process, as the buildpack starts it, with nothing before it: it is timed."""

    def __init__(self, folder: Path, function: str, environ: dict[str, str], source: Path, python: str) -> None:
        self.function = function
        self.port = free_port()
        self.path = folder / f"{function}-{self.port}.log"
        if any(variable.startswith("COVERAGE_PROCESS") for variable in environ):
            environ = {**environ, "PYTHONPATH": str(ROOT / "tests" / "support" / "save_coverage")}
        self._started = processes.function(
            function,
            self.port,
            source=source,
            environ=environ,
            log=self.path,
            python=python,
            ends_with_parent=False,
        )
        self.process = self._started.process
        try:
            self._started.until_open()
        except BaseException:  # Ctrl-C too: nobody else knows of it yet
            self.stop()
            raise

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send one request as it is spelled; a body that is no bytes goes as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            named.setdefault("content-type", "application/json")
        try:
            connection.request(method, path, body, named)
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, fields, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, body: Any, path: str = "/", **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)

    def log(self) -> str:
        return self.path.read_text(errors="replace")

    def lines(self, severity: str | None = None) -> list[dict[str, Any]]:
        """The structured log lines so far."""
        found = [json.loads(line) for line in self.log().split("\n") if line.startswith("{")]
        return [line for line in found if severity in {None, line["severity"]}]

    def stop(self) -> None:
        """End it and what it forked: a server that is stopped while it starts may leave its worker behind."""
        self._started.stop(grace_seconds=10)


class Proxy(socketserver.ThreadingTCPServer):
    """Passes requests on to the emulator, and strikes at one of them, before or after it is answered."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self, emulator: Emulator, strike: Callable[[], object] = lambda: None, *, at: int = 0, answered: bool = False
    ) -> None:
        self.emulator, self.strike, self.at, self.answered = emulator, strike, at, answered
        self.requests: list[str] = []
        self._counting = threading.Lock()
        super().__init__(("127.0.0.1", 0), Connection)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def counted(self, request: str) -> bool:
        """Note *request*; whether it is the one to strike at."""
        with self._counting:
            self.requests.append(request)
            return len(self.requests) == self.at


class Connection(socketserver.StreamRequestHandler):
    """One request a connection: the answer says close."""

    def handle(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return
            head += line
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        body = self.rfile.read(int(fields.get(b"content-length", 0)))
        struck = self.server.counted(head.split(b" HTTP/", 1)[0].decode())
        if struck and not self.server.answered:
            self.server.strike()
            return
        with socket.create_connection(("127.0.0.1", self.server.emulator.port)) as upstream:
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
            lines.insert(1, b"Connection: close")
            upstream.sendall(b"\r\n".join(lines) + body)
            answer = b""
            while piece := upstream.recv(65536):
                answer += piece
        if struck:
            self.server.strike()
            return
        self.wfile.write(answer)


def document(slope: float = 2.0, intercept: float = 1.0, *, blessed: bool = True, **changes: Any) -> dict[str, Any]:
    """A manifest, ready to publish, of the line prediction = intercept + slope · bmi."""
    made: dict[str, Any] = {
        "runtime": "linear",
        "linear": {"coefficients": [slope], "intercept": intercept},
        "features": [
            {"name": "bmi", "minimum": -1.0, "maximum": 1.0, "mean": 0.0, "std": 0.5, "quantiles": [-1.0, 1.0]}
        ],
        "target": {"name": "disease_progression"},
        "data": {"rows": 10, "holdout_rows": 2},
        "training": {"estimator": "by hand", "parameters": {}, "candidates_tried": [], "seed": 0, "git_commit": None},
        "metrics": {"r2": {"value": 0.5, "low": 0.4, "high": 0.6}},
        "gate": [{"check": "r2", "passed": blessed, "value": 0.5, "threshold": 0.1}],
        "blessed": blessed,
        "golden": [{"instance": [x], "prediction": intercept + slope * x} for x in (-1.0, 0.0, 0.5)],
    }
    return {**made, **changes}


def copy_objects(source: storage.Bucket, bucket: storage.Bucket) -> None:
    """Have in *bucket* what is in *source*; the rows that a manifest names stay where they are."""
    for blob in source.list_blobs():
        bucket.blob(blob.name).upload_from_string(blob.download_as_bytes())


def put(bucket: storage.Bucket, name: str, data: bytes) -> None:
    """Write an object behind the registry's back."""
    bucket.blob(name).upload_from_string(data)


def manifest_name(version: int) -> str:
    return artifact.manifest_name(MODEL, version)


ALIAS = artifact.alias_name(MODEL, "production")
