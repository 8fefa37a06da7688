"""A query in SQL over a large table: nothing is lost, and nothing counts twice, whatever happens to the functions."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from model.data import sources
from model.monitoring import log_reader
from model.monitoring.captured import Captured
from model.monitoring.windows import Layout
from tests.support.parts import MODEL, Server
from tests.support.sql_query import Query, batches

CAPTURED = 20
MOST = 10_000
EVERY = 997
"""Each so manieth row holds NaN, which the model cannot answer."""


def cell(row: int, rows: int) -> Any:
    return "NaN" if row % EVERY == 0 else row / rows


class SlowInstance:
    """Stops a process for half of the time."""

    def __init__(self, server: Server) -> None:
        self._pid, self._over = server.process.pid, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(0.1):
            for number in (signal.SIGSTOP, signal.SIGCONT):
                with suppress(ProcessLookupError):
                    os.killpg(os.getpgid(self._pid), number)
                self._over.wait(0.1)
        with suppress(ProcessLookupError):
            os.killpg(os.getpgid(self._pid), signal.SIGCONT)

    def end(self) -> None:
        self._over.set()
        self._thread.join()


def captured(servers: list[Server]) -> Captured:
    """All that the monitor reads of the logs of *servers*."""
    layout = Layout(("bmi",), np.array([-1.0]), np.array([1.0]), (np.linspace(-0.8, 0.8, 9), np.linspace(-0.6, 2.6, 9)))
    paths = [str(server.path) for server in servers]
    return log_reader.read(
        [(path, sources.pieces(path)) for path in paths],
        model=MODEL, layout_of=lambda _: layout, window_seconds=86400, now=time.time(),
    )  # fmt: skip


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rows", [200_000, pytest.param(10_000_000, marks=pytest.mark.sweep)])
def test_each_row_is_answered_once_and_counted_once(production, serve, rows):
    production()
    servers = [serve("batch", CAPTURE_ROWS=str(CAPTURED)) for _ in range(3)]
    ports = [server.port for server in servers]
    query = Query(ports, lambda first, last: [[cell(row, rows)] for row in range(first, last)])
    cut = batches(rows, MOST)
    slow = SlowInstance(servers[1])

    def strike(ended: int) -> None:
        """Kill an instance after a third of the batches; another one takes its place."""
        if ended == len(cut) // 3:
            os.killpg(os.getpgid(servers[2].process.pid), signal.SIGKILL)
            servers.append(serve("batch", CAPTURE_ROWS=str(CAPTURED)))
            query.ports[2] = servers[3].port

    began = time.monotonic()
    try:
        outcome = query.run(cut, at_once=12, done=strike)
    finally:
        slow.end()
    seconds = time.monotonic() - began

    # Nothing is lost, and each reply stands at its row.
    bad = np.arange(rows) % EVERY == 0
    expected = np.where(bad, np.nan, 1.0 + 2.0 * (np.arange(rows) / rows))
    assert (outcome.refused, bool((outcome.written == 1).all())) == ([], True)
    np.testing.assert_allclose(outcome.replies, expected, rtol=1e-12)
    assert (outcome.answered_twice > 0, outcome.differing, outcome.broken > 0) == (True, 0, True)

    # Nothing counts twice: the rows that are captured of each batch, whichever instances answered it and how often.
    answered = [int((~bad[batch.first : batch.last]).sum()) for batch in cut]
    found = captured(servers)
    assert found.log.rows == sum(min(CAPTURED, count) for count in answered)
    assert found.log.duplicates > 0
    assert sum(slot.weight for slot in found.rows.values()) == pytest.approx(sum(answered))
    print(f"{rows} rows, {len(cut)} batches, {outcome.tries} requests, {outcome.broken} broken, {seconds:.0f} s")
