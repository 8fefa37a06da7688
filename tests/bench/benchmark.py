"""Speed of the functions beside their alternatives, in one run: `./deploy.sh bench`.

Absolute times are this machine's; the ratios hold elsewhere too. Rows:

    cold start      process start to first answer, median; against an empty async function, and against the usual
                    function that imports scikit-learn and unpickles its model from the same bucket
    memory          peak resident size of the process that serves, after that answer
    warm            requests/s and 99th percentile of one-instance requests; against the empty async function
    capture         the same of stream with CAPTURE=on; "and id" with LOG_EXECUTION_ID=true too, as a deployed function
                    has it; against CAPTURE=off
    batch           rows/s of one large POST; against orjson decode, matrix product and encode in one process

The tables below it say how often the gate's comparison with production is wrong, and how often it finds a better
model (tests/bench/calibration.py).
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.request import Request, urlopen

import joblib
import numpy as np
import orjson
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LinearRegression

from model.registry.registry import Registry
from tests.bench import calibration
from tests.support.parts import MODEL, ROOT, Emulator, Server, document

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

blob = storage.Client().bucket(os.environ["MODEL_BUCKET"]).blob("model.joblib")
model = joblib.load(io.BytesIO(blob.download_as_bytes()))

@functions_framework.http
def batch(request):
    instances = request.get_json(silent=True)["instances"] if request.method == "POST" else [0.5]
    return {"predictions": model.predict([[x] for x in instances]).tolist()}
"""


def peak_bytes(server: Server) -> int:
    """The largest resident size so far of the worker, which is a fork of the process that was started."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    status = Path(f"/proc/{(children or [server.process.pid])[0]}/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def cold(start: Callable[[], Server]) -> tuple[float, int]:
    """Seconds from process start to the first answer, and the worker's peak size in bytes."""
    began = time.perf_counter()
    server = start()
    assert server.get("/[0.5]").status == 200
    seconds = time.perf_counter() - began
    size = peak_bytes(server)
    server.stop()
    return seconds, size


CAPTURE = {
    "CAPTURE=off": {"CAPTURE": "off"},
    "capture": {"CAPTURE": "on"},
    "capture and id": {"CAPTURE": "on", "LOG_EXECUTION_ID": "true"},
}


async def load(port: int, path: str, seconds: float, connections: int = 16) -> tuple[float, float]:
    """Ask GET *path* over kept connections; gives requests/s and the 99th percentile of the latency in seconds."""
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
            latencies.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(caller() for _ in range(connections)))
    return len(latencies) / seconds, float(np.quantile(latencies, 0.99))


def side_by_side(
    servers: Mapping[str, Server], path: str, seconds: float, rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """Load each server in turn, forth and back; gives requests/s and 99th percentile in seconds of each round."""
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in servers}
    for number in range(rounds):
        order = list(servers.items())
        for kind, server in order if number % 2 else reversed(order):
            found[kind].append(asyncio.run(load(server.port, path, seconds)))
    return found


def compare(
    table: Table, name: str, ours: list[tuple[float, float]], against: str, theirs: list[tuple[float, float]]
) -> None:
    """The rows of two loads: medians, and the median of the rounds' ratios, which other work on the machine moves less."""
    for row, column, scale, unit in ((name, 0, 1, "{:.0f}/s"), (f"{name} p99", 1, 1e3, "{:.1f} ms")):
        pairs = [(a[column], b[column]) for a, b in zip(ours, theirs, strict=True)]
        left, right = (unit.format(scale * statistics.median(side)) for side in zip(*pairs, strict=True))
        table.add_row(row, left, against, right, f"{statistics.median(a / b for a, b in pairs):.2f}")


def post(port: int, body: bytes) -> float:
    """Seconds of one POST."""
    request = Request(f"http://127.0.0.1:{port}/", body, {"Content-Type": "application/json"})
    began = time.perf_counter()
    with urlopen(request) as answer:
        answer.read()
    return time.perf_counter() - began


def in_process(body: bytes) -> float:
    """Seconds of the same work with nothing around it."""
    began = time.perf_counter()
    matrix = np.array(orjson.loads(body)["instances"], dtype=np.float64).reshape(-1, 1)
    orjson.dumps({"predictions": matrix @ np.array([2.0]) + 1.0}, option=orjson.OPT_SERIALIZE_NUMPY)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=15, help="cold starts of each function (%(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of warm load, each time (%(default)s)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="instances in the batch (%(default)s)")
    options = parser.parse_args()
    console = Console(highlight=False, width=100)
    table = Table("measured", "ours", "against", "theirs", "ratio", box=None, pad_edge=False, header_style="bold")

    emulator = Emulator()
    emulator.start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bucket = emulator.make_bucket()
        os.environ |= {"STORAGE_EMULATOR_HOST": emulator.url, "MODEL_BUCKET": bucket.name}
        registry = Registry(bucket.name, MODEL)
        registry.promote(
            registry.publish(document(), snapshot=b"rows", dataset="by-hand").version,
            alias="production",
            by="benchmark",
            reason="",
        )
        pickled = io.BytesIO()
        joblib.dump(LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0]), pickled)
        bucket.blob("model.joblib").upload_from_string(pickled.getvalue())
        sources = {"ours": ROOT / "functions" / "main.py"}
        for kind, text in (("empty", EMPTY), ("usual", USUAL)):
            (folder / kind).mkdir()
            sources[kind] = folder / kind / "main.py"
            sources[kind].write_text(text)

        def start(kind: str, function: str = "batch", **changes: str) -> Server:
            return Server(folder, function, {**os.environ, **changes}, sources[kind], sys.executable)

        seconds: dict[str, list[float]] = {kind: [] for kind in sources}
        sizes: dict[str, list[int]] = {kind: [] for kind in sources}
        for number in range(options.starts + 1):
            for kind in sources:
                took, size = cold(lambda kind=kind: start(kind))
                if number:  # the first only fills the caches
                    seconds[kind].append(took)
                    sizes[kind].append(size)
        for row, samples, unit, shown in (
            ("cold start", seconds, 1.0, "{:.3f} s"),
            ("memory", sizes, 1e6, "{:.0f} MB"),
        ):
            ours = statistics.median(samples["ours"]) / unit
            for kind, against in (("empty", "empty async function"), ("usual", "scikit-learn + joblib function")):
                theirs = statistics.median(samples[kind]) / unit
                table.add_row(row, shown.format(ours), against, shown.format(theirs), f"{ours / theirs:.2f}")

        servers = {kind: start(kind) for kind in ("ours", "empty")}
        loads = side_by_side(servers, "/[0.5]", options.seconds, rounds=3)
        compare(table, "warm", loads["ours"], "empty async function", loads["empty"])
        capturing = {kind: start("ours", "stream", **changes) for kind, changes in CAPTURE.items()}
        loads = side_by_side(capturing, "/0.5", options.seconds / 4, rounds=20)
        off, *others = CAPTURE
        for kind in others:
            compare(table, kind, loads[kind], off, loads[off])
        for server in capturing.values():
            server.stop()
        body = orjson.dumps({"instances": np.random.default_rng(1).uniform(-1, 1, options.rows).round(6).tolist()})
        pairs = [(post(servers["ours"].port, body), in_process(body)) for _ in range(5)]
        ours, theirs = (options.rows / min(times) for times in zip(*pairs, strict=True))
        table.add_row(
            "batch", f"{ours:.2e} rows/s", "decode, multiply, encode", f"{theirs:.2e} rows/s", f"{ours / theirs:.2f}"
        )
        for server in servers.values():
            server.stop()
    emulator.kill()
    console.print(table)
    calibration.show(console)


if __name__ == "__main__":
    main()
