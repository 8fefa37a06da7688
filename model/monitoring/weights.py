"""How many instances each captured row stands for: a request may log a part of its instances.

The line of a request says how many instances it had and how many of them were captured. Rows mostly come right behind
it. Rows that come without it in the same batch wait, as numbers, until all lines were read, or until they are many.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from model.data.hashing import Keys
from model.monitoring.windows import Counts, Matrix

MOST_WAITING = 1_000_000
"""Rows, and requests, that wait for each other."""


@dataclass(frozen=True)
class Rows:
    """Rows of one version: the hash of each one's request, its key, its slot, and its cells."""

    requests: Keys
    keys: Keys
    slots: Counts
    values: Matrix

    def __len__(self) -> int:
        return len(self.keys)

    def where(self, mask: NDArray[np.bool_]) -> Rows:
        """Those where *mask* is True."""
        return Rows(*(getattr(self, part.name)[mask] for part in fields(self)))


@dataclass(frozen=True)
class RequestWeights:
    """Instances by captured row of requests, sorted by the hash of the request_id."""

    requests: Keys
    weights: Matrix

    def sorted(self) -> RequestWeights:
        """The same, each request once; the largest weight of a request_id that came with several."""
        order = np.lexsort((-self.weights, self.requests))
        ids, first = np.unique(self.requests[order], return_index=True)
        return RequestWeights(ids, self.weights[order][first])

    def plus(self, other: RequestWeights) -> RequestWeights:
        """Both together."""
        both = np.concatenate([self.requests, other.requests]), np.concatenate([self.weights, other.weights])
        return RequestWeights(*both).sorted()

    def find(self, requests: Keys) -> Matrix:
        """The weight for each of *requests*; NaN where it is not known."""
        if not len(self.requests):
            return np.full(len(requests), np.nan)
        at = np.minimum(np.searchsorted(self.requests, requests), len(self.requests) - 1)
        return np.where(self.requests[at] == requests, self.weights[at], np.nan)


class Waiting:
    """Rows whose request line is not known yet, by version; and requests whose rows may still come."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, Rows]] = []
        self._waiting = 0
        self._requests = RequestWeights(np.zeros(0, dtype=np.uint64), np.zeros(0))
        self._new_requests: list[RequestWeights] = []
        self._new = 0

    def add_requests(self, requests: RequestWeights) -> None:
        """Requests of which not all rows have come yet; beyond MOST_WAITING the older ones are forgotten."""
        self._new_requests.append(requests)
        self._new += len(requests.requests)
        if self._new > MOST_WAITING:
            self._new_requests = [self._known()]
            self._new = len(self._new_requests[0].requests) // 2

    def add_rows(self, version: int, rows: Rows) -> None:
        """Rows that wait."""
        self._rows.append((version, rows))
        self._waiting += len(rows)

    @property
    def many(self) -> bool:
        """Whether more rows wait than there is room for."""
        return self._waiting > MOST_WAITING

    def find(self, requests: Keys) -> Matrix:
        """The weight for each of *requests*; NaN where it is not known."""
        return self._known().find(requests)

    def take(self, *, everything: bool) -> list[tuple[int, Rows, Matrix]]:
        """Rows whose request has come, with their weights; with *everything* also the others, with NaN."""
        known = self._known()
        waiting, self._rows, self._waiting = self._rows, [], 0
        taken = []
        for version, rows in waiting:
            weights = known.find(rows.requests)
            there = ~np.isnan(weights)
            if everything:
                taken.append((version, rows, weights))
                continue
            taken.append((version, rows.where(there), weights[there]))
            if not there.all():
                self.add_rows(version, rows.where(~there))
        return taken

    def _known(self) -> RequestWeights:
        for requests in self._new_requests:
            self._requests = self._requests.plus(requests)
        self._new_requests = []
        return self._requests
