"""The warm path: requests a second and 99th percentile of one instance a request, at 16 connections.

    python -m tests.bench.warm

Beside an empty async function; and `stream` that records (CAPTURE=on; "and id" with LOG_EXECUTION_ID=true too, as a
deployed function has it) beside one that does not.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping

import numpy as np

from tests.bench.record import Line, Noise, Part
from tests.bench.turns import in_turns
from tests.bench.worlds import EMPTY, OURS, world
from tests.support.parts import Server

SECONDS, ROUNDS = 0.5, 24
CAPTURE_SECONDS, CAPTURE_ROUNDS = 1.0, 20
CAPTURE = {
    "CAPTURE=off": {"CAPTURE": "off"},
    "capture": {"CAPTURE": "on"},
    "capture and id": {"CAPTURE": "on", "LOG_EXECUTION_ID": "true"},
}

Load = tuple[float, float]
"""Requests a second, and the 99th percentile of the latency in seconds."""


def measure() -> Part:
    with world() as here:
        kinds = {"ours": here.start(OURS), "empty async function": here.start(here.source("empty", EMPTY))}
        requests = {"GET": get("/[0.5]"), "POST": post(b'{"instances":[0.5]}')}
        lines, empty = [], []
        for method, request in requests.items():
            loads = loaded(kinds, request, SECONDS, ROUNDS)
            empty += [rate for rate, _ in loads["empty async function"]]
            lines += compared(method, loads["ours"], "empty async function", loads["empty async function"])
        stop(kinds)
        capturing = {kind: here.start(OURS, "stream", **changes) for kind, changes in CAPTURE.items()}
        loads = loaded(capturing, get("/0.5"), CAPTURE_SECONDS, CAPTURE_ROUNDS)
        stop(capturing)
    off, *others = CAPTURE
    for kind in others:
        lines += compared(kind, loads[kind], off, loads[off])
    return Part(tuple(lines), noise=Noise("the empty function's requests a second", empty))


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def post(body: bytes) -> bytes:
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def loaded(servers: Mapping[str, Server], request: bytes, seconds: float, rounds: int) -> dict[str, list[Load]]:
    def work(server):
        return lambda: asyncio.run(load(server.port, request, seconds))

    return in_turns({kind: work(server) for kind, server in servers.items()}, rounds)


def compared(name: str, ours: list[Load], against: str, theirs: list[Load]) -> list[Line]:
    """The lines of two loads."""
    return [
        Line(measured, unit, [load[place] for load in ours], {against: [load[place] for load in theirs]})
        for place, (measured, unit) in enumerate(((name, "/s"), (f"{name} p99", "s")))
    ]


def stop(servers: Mapping[str, Server]) -> None:
    for server in servers.values():
        server.stop()


async def load(port: int, request: bytes, seconds: float, connections: int = 16) -> Load:
    """Send *request* over kept connections, again and again.

    Raises:
        RuntimeError: An answer has another status than 200.
    """
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while (began := time.perf_counter()) < end:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                if not head.startswith(b"HTTP/1.1 200 "):
                    raise RuntimeError(f"an answer began with {head[:40]!r}")
                length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
                await reader.readexactly(length)
                latencies.append(time.perf_counter() - began)
        finally:
            writer.close()

    await asyncio.gather(*(caller() for _ in range(connections)))
    return len(latencies) / seconds, float(np.quantile(latencies, 0.99))


if __name__ == "__main__":
    from tests.bench.command import main

    sys.exit(main(["warm"]))
