"""Large requests: rows a second beside JSON decode, matrix product and encode in one process, and what they cost others.

    python -m tests.bench.batch

Both in one process, and asked over HTTP, with a connection a request. The formats are compared with rows in JSON, the small requests beside a million rows with those of a server at rest, and
a forest on all processors with the same one on one. Memory is what the peaks of the worker and of the large request's
process grow by, from a tenth of a million rows to a million.
"""

from __future__ import annotations

import gzip
import http.client
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import orjson
from sklearn.ensemble import RandomForestRegressor

from functions import artifact, predictor
from functions.handling import router
from functions.handling.asked import Asked
from functions.telemetry.record import Record
from model.training.export import export
from tests.bench.record import Line, Noise, Part, Sheet
from tests.bench.turns import Budget, in_turns, seconds_of
from tests.bench.worlds import OURS, World, world
from tests.support.parts import MODEL, Server, document

ROWS = (10_000, 100_000, 1_000_000)
ROUNDS, TIMES = 7, 20
AGAINST = "decode, multiply, encode"
FORMAT_ROWS = 100_000
FOREST = "forest"
JSON_TYPE = "application/json"


def measure() -> Part:
    budget = Budget()
    with world() as here:
        server = here.start(OURS)
        lines = [_both_in_one_process(rows, budget) for rows in ROWS]
        noise = Noise("the work in one process", [*map(float, lines[-1].others[AGAINST])])
        lines += [_over_http(server, rows, budget) for rows in ROWS]
        lines += [*_formats(server, budget), *_small_requests(server, budget)]
        sheet = _memory(server)
        server.stop()
        lines.append(_processors(here, budget))
    return Part(tuple(lines), (sheet,), noise=noise)


def post(port: int, body: bytes, kind: str = JSON_TYPE, path: str = "", **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(f"http://127.0.0.1:{port}/{path}", body, {"Content-Type": kind, **named})
    with urlopen(request) as answer:
        answer.read()


def in_process(body: bytes) -> None:
    """The same work with nothing around it."""
    matrix = np.array(orjson.loads(body)["instances"], dtype=np.float64).reshape(-1, 1)
    orjson.dumps({"predictions": matrix @ np.array([2.0]) + 1.0}, option=orjson.OPT_SERIALIZE_NUMPY)


def _numbers(rows: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, rows).round(6)


def _json(rows: int) -> bytes:
    return orjson.dumps({"instances": _numbers(rows).tolist()})


def _rates(works: Mapping[str, Callable[[], object]], rows: int, rounds: int, budget: Budget) -> dict[str, list[float]]:
    """Rows a second of each work, the first round left out."""
    timed = {name: lambda work=work: seconds_of(work, TIMES) for name, work in works.items()}
    in_turns(timed, 1)
    found = in_turns(timed, rounds, most_seconds=budget.left() / 6)
    return {name: [rows / seconds for seconds in samples] for name, samples in found.items()}


def _both_in_one_process(rows: int, budget: Budget) -> Line:
    body, made = _json(rows), artifact.seal({**document(), "model": MODEL, "version": 1, "created": "now"})
    model = predictor.load(artifact.parse_manifest(made, MODEL, 1))
    route, headers = router.route("", "POST"), {"content-type": JSON_TYPE}
    protocol = router.protocol_of(route, headers)

    def answer() -> None:
        record = Record("batch", MODEL, headers, most_rows=20)
        record.serve(1, model.manifest.features)
        reply = Asked(body, headers, route, protocol, model, record, one=False, most_bytes=32 << 20).reply()
        record.finish(reply.status)

    rates = _rates({"ours": answer, AGAINST: lambda: in_process(body)}, rows, ROUNDS, budget)
    return Line(f"{rows:,} rows, in one process", "/s", rates.pop("ours"), rates)


def _over_http(server: Server, rows: int, budget: Budget) -> Line:
    body = _json(rows)
    works = {"ours": lambda: post(server.port, body), AGAINST: lambda: in_process(body)}
    rates = _rates(works, rows, ROUNDS, budget)
    return Line(f"{rows:,} rows over HTTP", "/s", rates.pop("ours"), rates)


def _formats(server: Server, budget: Budget) -> Iterator[Line]:
    """Each format beside the functions' own, of the same rows."""
    numbers = _numbers(FORMAT_ROWS)
    column = numbers.reshape(-1, 1)
    npy = io.BytesIO()
    np.save(npy, column)
    tensor = {"name": "x", "shape": [FORMAT_ROWS, 1], "datatype": "FP64", "data": numbers.tolist()}
    table = {"columns": ["bmi"], "data": column.tolist()}
    csv = "text/csv"
    bodies: dict[str, tuple[bytes, str, str, dict[str, str]]] = {
        "CSV": (b"bmi\n" + b"\n".join(b"%r" % number for number in numbers.tolist()) + b"\n", csv, "", {"accept": csv}),
        "JSON Lines": (b"\n".join(b"%r" % number for number in numbers.tolist()), "application/x-ndjson", "", {}),
        "NPY": (npy.getvalue(), "application/x-npy", "", {"accept": "application/x-npy"}),
        "dataframe_split": (orjson.dumps({"dataframe_split": table}), JSON_TYPE, "", {}),
        "V2 tensor": (orjson.dumps({"inputs": [tensor]}), JSON_TYPE, "v2/models/linear-regression/infer", {}),
        "BigQuery calls": (orjson.dumps({"calls": column.tolist()}), JSON_TYPE, "", {}),
        "gzip JSON": (gzip.compress(_json(FORMAT_ROWS), 6), JSON_TYPE, "", {"content_encoding": "gzip"}),
    }
    works = {"JSON": lambda: post(server.port, _json(FORMAT_ROWS))}
    for name, (body, kind, path, headers) in bodies.items():
        works[name] = lambda body=body, kind=kind, path=path, headers=headers: post(
            server.port, body, kind, path, **headers
        )
    rates = _rates(works, FORMAT_ROWS, 3, budget)
    plain = rates.pop("JSON")
    return (Line(f"{FORMAT_ROWS:,} rows, {name}", "/s", rate, {"rows in JSON": plain}) for name, rate in rates.items())


def _small_requests(server: Server, budget: Budget) -> list[Line]:
    """The latency of small requests beside a million rows that come one request after the other, and at rest."""
    body, lines = _json(1_000_000), []
    works = {"beside": lambda: _latencies(server, body), "at rest": lambda: _latencies(server, None)}
    found = in_turns(works, 3, most_seconds=budget.left() / 3)
    for place, name in enumerate(("/healthz", "one row")):
        for share in (50, 99):
            ours, rest = ([float(np.percentile(each[place], share)) for each in found[kind]] for kind in works)
            lines.append(Line(f"{name} beside a million rows, p{share}", "s", ours, {"at rest": rest}))
    return lines


def _latencies(server: Server, body: bytes | None) -> tuple[list[float], list[float]]:
    """Seconds of requests for /healthz and for one row, in turns for four seconds."""
    times: tuple[list[float], list[float]] = ([], [])
    with _under_way(server.port, body):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        end = time.perf_counter() + 4
        while time.perf_counter() < end:
            for path, taken in zip(("/healthz", "/[0.5]"), times, strict=True):
                began = time.perf_counter()
                connection.request("GET", path)
                connection.getresponse().read()
                taken.append(time.perf_counter() - began)
                time.sleep(0.002)
        connection.close()
    return times


@contextmanager
def _under_way(port: int, body: bytes | None) -> Iterator[None]:
    """Requests of *body*, one after the other, from a process of their own."""
    if body is None:
        yield
        return
    stop = threading.Event()
    with ProcessPoolExecutor(1) as pool:
        thread = threading.Thread(target=lambda: _again(pool, port, body, stop))
        thread.start()
        yield
        stop.set()
        thread.join()


def _again(pool: ProcessPoolExecutor, port: int, body: bytes, stop: threading.Event) -> None:
    while not stop.is_set():
        pool.submit(post, port, body).result()


def _memory(server: Server) -> Sheet:
    """What a row more takes, in the worker and in the process of its request."""
    few, many = ROWS[1:]
    peaks = [_peaks(server, rows * 3) for rows in (few, many // 3)]
    rows = many - 3 * few
    taken = [(b - a) / rows for a, b in zip(*peaks, strict=True)]
    cells = tuple(f"{each:.0f}" for each in (*taken, sum(taken)))
    return Sheet(("bytes a row: worker", "process of the request", "both"), (cells,))


def _peaks(server: Server, rows: int) -> tuple[int, int]:
    """The largest sizes of the worker and of what it forked, while *rows* rows are answered."""
    worker = int(Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()[0])
    peaks, done = [0, 0], threading.Event()

    def watch() -> None:
        while not done.is_set():
            children = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
            peaks[0] = max(peaks[0], _resident(worker))
            peaks[1] = max(peaks[1], *map(_resident, map(int, children)), 0)
            time.sleep(0.002)

    watching = threading.Thread(target=watch)
    watching.start()
    body = _json(rows)
    for _ in range(3):
        post(server.port, body)
    done.set()
    watching.join()
    return peaks[0], peaks[1]


def _resident(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _processors(here: World, budget: Budget) -> Line:
    """A forest's rows on all processors and on one."""
    x = np.random.default_rng(0).normal(size=(2000, 5)).round(3)
    forest = RandomForestRegressor(50, min_samples_leaf=3, random_state=0).fit(x, x[:, 0] * x[:, 1] + x[:, 2])
    made = export(forest)
    features = [{"name": f"n{place}", "minimum": -9.0, "maximum": 9.0} for place in range(5)]
    golden = [{"instance": row.tolist(), "prediction": float(forest.predict(row[None])[0])} for row in x[:3]]
    manifest = document(linear=None, **{**made.document, "features": features, "golden": golden})
    here.promote(manifest, model=FOREST, arrays=made.arrays)
    body = orjson.dumps({"instances": np.random.default_rng(1).normal(size=(FORMAT_ROWS, 5)).round(3).tolist()})
    usable = os.sched_getaffinity(0)
    servers = {"ours": here.start(OURS, MODEL_NAME=FOREST)}
    os.sched_setaffinity(0, {min(usable)})
    try:
        servers["one processor"] = here.start(OURS, MODEL_NAME=FOREST)
    finally:
        os.sched_setaffinity(0, usable)
    works = {name: lambda server=server: post(server.port, body) for name, server in servers.items()}
    rates = _rates(works, FORMAT_ROWS, 3, budget)
    for server in servers.values():
        server.stop()
    return Line(f"{FORMAT_ROWS:,} rows of a forest, {len(usable)} processors", "/s", rates.pop("ours"), rates)


if __name__ == "__main__":
    from tests.bench.command import main

    sys.exit(main(["batch"]))
