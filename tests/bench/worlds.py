"""Functions as processes over a bucket of the emulator's, ours and others, for the parts that ask over HTTP."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
from google.cloud import storage

from model.registry.registry import Registry
from tests.support.parts import MODEL, ROOT, Emulator, Server, document

OURS = ROOT / "functions" / "main.py"

EMPTY = """
import functions_framework.aio
from starlette.responses import Response

@functions_framework.aio.http
async def batch(request):
    return Response(b"{}", media_type="application/json")
"""

USUAL = """
import io, os, joblib, functions_framework
from google.cloud import storage

blob = storage.Client().bucket(os.environ["MODEL_BUCKET"]).blob(os.environ["MODEL_OBJECT"])
model = joblib.load(io.BytesIO(blob.download_as_bytes()))

@functions_framework.http
def batch(request):
    return {"predictions": model.predict(request.get_json()["instances"]).tolist()}
"""

ONNX = """
import os, numpy, onnxruntime, functions_framework
from google.cloud import storage

blob = storage.Client().bucket(os.environ["MODEL_BUCKET"]).blob(os.environ["MODEL_OBJECT"])
session = onnxruntime.InferenceSession(blob.download_as_bytes(), providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
kind = numpy.float32 if session.get_inputs()[0].type == "tensor(float)" else numpy.float64

@functions_framework.http
def batch(request):
    rows = numpy.array(request.get_json()["instances"], dtype=kind)
    return {"predictions": session.run(None, {name: rows})[0].ravel().tolist()}
"""


@dataclass(frozen=True)
class World:
    """A bucket, a folder for logs and sources, and the servers that were started."""

    bucket: storage.Bucket
    folder: Path
    servers: list[Server] = field(default_factory=list)

    def source(self, name: str, text: str) -> Path:
        """A folder with *text* as its main.py."""
        path = self.folder / name / "main.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def put(self, name: str, data: bytes) -> None:
        self.bucket.blob(name).upload_from_string(data, timeout=120)

    def pickle(self, name: str, estimator: Any) -> None:
        held = io.BytesIO()
        joblib.dump(estimator, held)
        self.put(name, held.getvalue())

    def promote(self, manifest: Mapping[str, Any], *, model: str = MODEL, arrays: bytes = b"") -> None:
        registry = Registry(self.bucket.name, model)
        version = registry.publish(manifest, snapshot=b"rows", dataset="by-hand", arrays=arrays).version
        registry.promote(version, alias="production", by="benchmark", reason="")

    def start(self, source: Path, function: str = "batch", *, python: str = sys.executable, **changes: str) -> Server:
        """Modules are compiled once for all starts, as the platform's build compiles what is uploaded."""
        compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.folder / "compiled")}
        self.servers.append(Server(self.folder, function, {**os.environ, **compiled, **changes}, source, python))
        return self.servers[-1]


@contextmanager
def world() -> Iterator[World]:
    """A bucket whose production is a line; the environment leads to it for as long as it stands.

    No server outlives it, whatever ends the measurement.
    """
    emulator = Emulator()
    emulator.start()
    before = dict(os.environ)
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
            bucket = emulator.make_bucket()
            os.environ |= {"STORAGE_EMULATOR_HOST": emulator.url, "MODEL_BUCKET": bucket.name}
            made = World(bucket, Path(name))
            made.promote(document())
            try:
                yield made
            finally:
                for server in made.servers:
                    if server.process.poll() is None:
                        server.stop()
    finally:
        os.environ.clear()
        os.environ.update(before)
        emulator.kill()


def cold_start(start: Any, body: Mapping[str, Any]) -> tuple[float, float]:
    """Start a server and ask it once; gives the seconds of both, and the peak size in MB of the process that serves."""
    began = time.perf_counter()
    server = start()
    answer = server.post(body)
    seconds = time.perf_counter() - began
    size = peak_bytes(server) / 1e6
    server.stop()
    if answer.status != 200:
        raise RuntimeError(f"{server.function} answered {answer.status}: {answer.body[:200]!r}")
    return seconds, size


def peak_bytes(server: Server) -> int:
    """The largest resident size so far of the worker, which is a fork of the process that was started."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    status = Path(f"/proc/{(children or [server.process.pid])[0]}/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
