"""A query of BigQuery over a table, as its documents describe the calls of a remote function, against real functions.

The table is cut into batches of one row to `max_batching_rows`, many of which are under way at once. A connection that
breaks, and the statuses 408, 429, 500, 503 and 504, are tried again with the same request id, 20 times at most; a batch
may also come again after it was answered. The functions stand behind a front that hands requests to the instances in
turn, as Cloud Run does, and lets nothing through to one that is gone.
"""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

AGAIN = {408, 429, 500, 503, 504}
MOST_TRIES = 21
NO_REPLY = -np.inf
"""What stands in the result where a row got no reply at all; NaN stands for null."""


@dataclass
class Batch:
    """Rows *first* to *last* of the table, under one request id."""

    number: int
    first: int
    last: int

    @property
    def request_id(self) -> str:
        return f"{self.number:x}-query"


@dataclass
class Outcome:
    """The result of a query.

    Attributes:
        replies, written: By row: the reply, and how often one was written.
        answered_twice: Batches that came again after an answer.
        differing: Batches whose second answer was another one.
        tries: Requests that were sent, *broken* of which got no answer.
        refused: Statuses that are not tried again.
    """

    replies: NDArray[np.float64]
    written: NDArray[np.int64]
    answered_twice: int = 0
    differing: int = 0
    tries: int = 0
    broken: int = 0
    refused: list[int] = field(default_factory=list)


def batches(rows: int, most: int, seed: int = 0) -> list[Batch]:
    """All rows in batches whose sizes lie evenly between 1 and *most* on a scale of logarithms."""
    source = random.Random(seed)
    made: list[Batch] = []
    first = 0
    while first < rows:
        size = min(rows - first, max(1, int(most ** source.random())))
        made.append(Batch(len(made), first, first + size))
        first += size
    return made


class Query:
    """Asks functions at *ports* for the rows that *arguments* gives by first and last row."""

    def __init__(
        self,
        ports: Sequence[int],
        arguments: Callable[[int, int], list[list[Any]]],
        *,
        again: float = 0.05,
        seed: int = 0,
    ) -> None:
        self.ports = list(ports)
        self._arguments, self._again, self._seed = arguments, again, seed
        self._turn = itertools.count()
        self._lock = threading.Lock()
        self._mine = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def run(self, cut: Sequence[Batch], *, at_once: int, done: Callable[[int], None] = lambda _: None) -> Outcome:
        """Run the query to its end; *done* is called with the number of batches that have ended."""
        rows = cut[-1].last
        outcome = Outcome(np.full(rows, NO_REPLY), np.zeros(rows, np.int64))
        ended = itertools.count(1)

        def work(batch: Batch) -> None:
            repeated = random.Random(self._seed * 1_000_003 + batch.number).random() < self._again
            replies = self._answer(batch, outcome)
            if repeated:
                second = self._answer(batch, outcome)
                with self._lock:
                    outcome.answered_twice += 1
                    outcome.differing += second != replies
            if replies is not None:
                outcome.replies[batch.first : batch.last] = replies
                outcome.written[batch.first : batch.last] += 1
            done(next(ended))

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(work, cut))
        for connection in self._connections:
            connection.close()
        return outcome

    def _answer(self, batch: Batch, outcome: Outcome) -> list[Any] | None:
        body = orjson.dumps(
            {
                "requestId": batch.request_id,
                "caller": "//bigquery.googleapis.com/projects/p/jobs/j",
                "sessionUser": "a@example.com",
                "calls": self._arguments(batch.first, batch.last),
            }
        )
        for attempt in range(MOST_TRIES):
            status, answer = self._send(body)
            with self._lock:
                outcome.tries += 1
                outcome.broken += status == 0
            if status == 200:
                replies = orjson.loads(answer)["replies"]
                assert len(replies) == batch.last - batch.first
                return list(replies)
            if status not in {0, *AGAIN}:
                break
            time.sleep(min(0.05 * 2**attempt, 2.0))
        with self._lock:
            outcome.refused.append(status)
        return None

    def _send(self, body: bytes) -> tuple[int, bytes]:
        """The answer of the instance whose turn it is; status 0 where there was none."""
        port = self.ports[next(self._turn) % len(self.ports)]
        connections = self._mine.__dict__.setdefault("connections", {})
        if port not in connections:
            connections[port] = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            self._connections.append(connections[port])
        connection = connections[port]
        try:
            connection.request("POST", "/", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return 0, b""
