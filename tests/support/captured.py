"""Captured log lines as the functions write them, for tests: a request line and its row lines, or LogEntry objects.

    python -m tests.support.captured FILE ROWS

writes a day of ROWS rows of ten features, most of them in requests of a hundred, and prints how fast and in how much
memory they are read.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from model.data import sources
from model.monitoring import log_reader as reader
from model.monitoring.windows import Layout
from tests.support.parts import MODEL

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""When the tests' logs end."""


def text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def request(identity: str, moment: datetime = NOW, **changes: Any) -> dict[str, Any]:
    """A request line, as functions/telemetry.py writes it."""
    status = changes.get("status", 200)
    return {
        "severity": "INFO" if status < 400 else "ERROR",
        "message": f"POST /batch {status}",
        "time": text(moment),
        "httpRequest": {"requestMethod": "POST", "requestUrl": "/batch", "status": status, "latency": "0.002000s"},
        "kind": "request",
        "function": "batch",
        "model": MODEL,
        "version": 1,
        "protocol": "json",
        "status": status,
        "instances": 1,
        "captured": 0,
        "out_of_range": 0,
        "request_id": identity,
        "cold": False,
        "latency_seconds": {"total": 0.002, "queue": 0.0005, "parse": 0.0005, "predict": 0.0002, "render": 0.0003},
        **changes,
    }


def row(identity: str, number: int, features: dict[str, Any], moment: datetime = NOW, **changes: Any) -> dict[str, Any]:
    """A row line."""
    return {
        "kind": "row",
        "severity": "DEBUG",
        "time": text(moment),
        "request_id": identity,
        "row": number,
        "function": "batch",
        "model": MODEL,
        "version": 1,
        "features": features,
        "prediction": 0.0,
        **changes,
    }


def entry(record: dict[str, Any]) -> dict[str, Any]:
    """The same as a LogEntry in an object of a Cloud Logging sink."""
    payload = {name: value for name, value in record.items() if name not in {"time", "severity", "httpRequest"}}
    kept = {name: record[name] for name in ("severity", "httpRequest") if name in record}
    place = {"logName": "projects/p/logs/run.googleapis.com%2Fstdout", "resource": {"type": "cloud_run_revision"}}
    return {"insertId": "abc", "jsonPayload": payload, "timestamp": record["time"], **kept, **place}


def traffic(
    columns: dict[str, Sequence[float]],
    predictions: Sequence[float],
    *,
    end: datetime = NOW,
    hours: float = 24.0,
    size: int = 10,
    name: str = "r",
    **changes: Any,
) -> Iterator[dict[str, Any]]:
    """Requests of *size* instances, evenly over the *hours* before *end*, with all their rows."""
    total = len(predictions)
    for first in range(0, total, size):
        moment = end - timedelta(hours=hours * (1 - (first + 0.5) / total))
        places = range(first, min(first + size, total))
        identity = f"{name}-{first}"
        yield request(identity, moment, instances=len(places), captured=len(places), **changes)
        for number, place in enumerate(places):
            features = {feature: float(cells[place]) for feature, cells in columns.items()}
            own = {key: value for key, value in changes.items() if key in {"function", "version", "model"}}
            yield row(identity, number, features, moment, prediction=float(predictions[place]), **own)


def lines(records: Iterable[Any]) -> bytes:
    """Records a line each; bytes stand as they are."""
    return b"".join((part if isinstance(part, bytes) else orjson.dumps(part)) + b"\n" for part in records)


def measure(path: Path, rows: int) -> None:
    """Write the day, read it, and print the time and memory that reading took."""
    source, names = np.random.default_rng(1), [f"x{number}" for number in range(10)]
    step = 100_000
    with path.open("wb") as file:
        for first in range(0, rows, step):
            x = source.normal(size=(min(step, rows - first), len(names)))
            many = len(x) * 9 // 10
            hours, end = 24 * len(x) / rows, NOW - timedelta(hours=24 * (1 - min(rows, first + step) / rows))
            for part, size, function in ((x[:many], 100, "batch"), (x[many:], 1, "stream")):
                records = traffic(
                    dict(zip(names, part.T, strict=True)),
                    part.sum(axis=1),
                    end=end,
                    hours=hours,
                    size=size,
                    name=f"{function}-{first}",
                    function=function,
                )
                file.write(lines(records))
    edges = np.array([-1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28])
    layout = Layout(tuple(names), np.full(10, -4.0), np.full(10, 4.0), (edges,) * 11)
    began = time.process_time()
    log = reader.read(
        [(str(path), sources.pieces(str(path)))],
        model=MODEL,
        layout_of=lambda _: layout,
        window_seconds=86400,
        now=NOW.timestamp(),
    ).log
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{log.rows} rows, {log.requests} requests, {log.bytes >> 20} MiB, {log.duplicates} duplicates")
    print(f"{seconds:.1f} s of CPU, {log.rows / seconds:.0f} rows/s, {log.lines / seconds:.0f} lines/s, {peak} MB")


if __name__ == "__main__":
    measure(Path(sys.argv[1]), int(sys.argv[2]))
