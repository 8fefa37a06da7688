"""Requests of one function and version, counted slot by slot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

BOUNDS_SECONDS = np.geomspace(1e-5, 1e4, 466)
"""Edges of the bins that latencies are counted in. They are 4.6 % apart, so a percentile is wrong by that at most."""
_PARTS = ("total", "queue", "parse", "predict", "render")
_FIRST_ERROR = 400  # RFC 9110


@dataclass
class SlotRequests:
    """Requests of one function and version in one slot; *version* is None where none was loaded.

    Args:
        statuses: Requests for predictions, by status.
        latency: Answered requests in each bin of BOUNDS_SECONDS.
        micros: Microseconds by part of the latency, summed.
        answered: Requests with a prediction.
        cold: Requests that were the first of their process.
        probes: Requests that were answered without a prediction; they count apart, since they would dilute the rest.
    """

    function: str
    version: int | None
    slot: int
    statuses: Counter[int] = field(default_factory=Counter)
    latency: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(BOUNDS_SECONDS) - 1, dtype=np.int64))
    micros: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    cold: int = 0
    probes: int = 0

    def add(self, requests: Sequence[Mapping[str, Any]]) -> None:
        """Count request lines."""
        micros: dict[str, list[float]] = {name: [] for name in _PARTS}
        for request in requests:
            status = request["status"]
            if status < _FIRST_ERROR and not request.get("instances"):
                self.probes += 1
                continue
            self.statuses[status] += 1
            self.cold += request.get("cold") is True
            if status < _FIRST_ERROR:
                self.answered += 1
                for name, seconds in request["latency_seconds"].items():
                    if name in micros:
                        micros[name].append(seconds)
        for name, times in micros.items():
            if times:
                self.micros[name] += int(np.rint(np.array(times) * 1e6).astype(np.int64).sum())
        totals = np.clip(np.array(micros["total"]), BOUNDS_SECONDS[0], BOUNDS_SECONDS[-1])
        bins = np.clip(np.searchsorted(BOUNDS_SECONDS, totals, "right") - 1, 0, len(BOUNDS_SECONDS) - 2)
        self.latency += np.bincount(bins, minlength=len(BOUNDS_SECONDS) - 1)
