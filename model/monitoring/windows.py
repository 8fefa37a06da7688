"""Windows of captured rows and requests, slot by slot: what is counted, and what is kept of it.

Of rows those with the smallest hash are the sample, so that it does not depend on their order (the k smallest hashes
of a union are among the k smallest of its parts; Cohen and Kaplan, Summarizing data using bottom-k sketches, 2007).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

SLOTS = 24
"""Of a window: the hours of a day."""
MOST_SAMPLED = 20_000
"""Rows of a window that are kept whole; of so many, a distance is known to 0.01 standard deviations."""
BOUNDS_SECONDS = np.geomspace(1e-5, 1e4, 466)
"""Edges of the bins that latencies are counted in, 4.6 % apart: what a percentile can be wrong by."""
_PARTS = ("total", "queue", "parse", "predict", "render")

Keys = NDArray[np.uint64]
Counts = NDArray[np.int64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """Which features a version has, their training range, and where the bins of each and of the prediction meet.

    *redacted* says of which features nothing is recorded; empty where of all something is.
    """

    features: tuple[str, ...]
    minimum: Matrix
    maximum: Matrix
    edges: tuple[Matrix, ...]
    redacted: tuple[bool, ...] = ()


@dataclass
class Part:
    """Rows of one version in one slot; arrays have a place for each feature, and a last one for the prediction."""

    layout: Layout
    rows: int = 0
    by_function: dict[str, tuple[int, Counts]] = field(default_factory=dict)
    counts: list[Counts] = field(default_factory=list)
    outside: Counts = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    keys: list[Keys] = field(default_factory=list)
    values: list[Matrix] = field(default_factory=list)
    held: int = 0

    def __post_init__(self) -> None:
        self.counts = [np.zeros(2 * len(edges) + 1, dtype=np.int64) for edges in self.layout.edges]
        self.outside = np.zeros(len(self.layout.edges), dtype=np.int64)

    def add(self, function: str, keys: Keys, values: Matrix, most: int) -> None:
        """Count rows of shape (n_rows, n_features + 1), NaN where a feature is absent."""
        self.rows += len(keys)
        there = ~np.isnan(values)
        rows, present = self.by_function.get(function, (0, np.zeros(values.shape[1], dtype=np.int64)))
        self.by_function[function] = rows + len(keys), present + there.sum(axis=0)
        for place, edges in enumerate(self.layout.edges):
            cells = values[there[:, place], place]
            at = np.searchsorted(edges, cells, "left") + np.searchsorted(edges, cells, "right")
            self.counts[place] += np.bincount(at, minlength=2 * len(edges) + 1)
        features = values[:, :-1]
        self.outside[:-1] += ((features < self.layout.minimum) | (features > self.layout.maximum)).sum(axis=0)
        self.keys.append(keys)
        self.values.append(values)
        self.held += len(keys)
        if self.held > 2 * most:
            self.keep(most)

    def keep(self, most: int) -> None:
        """Of the sample keep the *most* rows with the smallest hashes, in their order."""
        keys, values = np.concatenate(self.keys), np.concatenate(self.values)
        order = np.argsort(keys, kind="stable")[:most]
        self.keys, self.values, self.held = [keys[order]], [values[order]], len(order)


@dataclass
class Traffic:
    """Requests of one function and version in one slot; *micros* sums microseconds by part of the latency."""

    statuses: Counter[int] = field(default_factory=Counter)
    latency: Counts = field(default_factory=lambda: np.zeros(len(BOUNDS_SECONDS) - 1, dtype=np.int64))
    micros: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    cold: int = 0
    probes: int = 0


@dataclass
class Captured:
    """What was read.

    Args:
        slot_seconds, last: A slot's length, and the last slot of this window, counted from *origin*.
        parts: Rows by version and slot.
        traffic: Requests by function, version and slot.
        unusable: Lines and rows that could not be used by code: how many, and the first with its place.
        joined: By version, actual and predicted values where a label met its row.
        matched: Labels that met a row.
    """

    slot_seconds: float
    origin: float
    most: int = field(default_factory=lambda: MOST_SAMPLED)
    last: int | None = None
    lines: int = 0
    bytes: int = 0
    rows: int = 0
    requests: int = 0
    duplicates: int = 0
    duplicated_requests: int = 0
    other_lines: int = 0
    other_models: int = 0
    after: int = 0
    older: int = 0
    without_request: int = 0
    incomplete: int | None = 0
    parts: dict[tuple[int, int], Part] = field(default_factory=dict)
    traffic: dict[tuple[str, int | None, int], Traffic] = field(default_factory=dict)
    unusable: dict[str, dict[str, Any]] = field(default_factory=dict)
    joined: dict[int, tuple[Matrix, Matrix]] = field(default_factory=dict)
    matched: int = 0

    @property
    def until(self) -> float | None:
        """Where this window ends, in seconds since 1970; None when nothing was read."""
        return None if self.last is None else self.origin + (self.last + 1) * self.slot_seconds

    def window(self, version: int, *, back: int = 0) -> dict[str, Any]:
        """Rows of *version* in this window, or in the one *back* windows before, as monitoring.py takes them."""
        last = (self.last or 0) - back * SLOTS
        parts = {slot: part for (of, slot), part in self.parts.items() if of == version and last - SLOTS < slot <= last}
        layout = next(part.layout for (of, _), part in self.parts.items() if of == version)
        whole = Part(layout)
        for slot in sorted(parts):
            part = parts[slot]
            whole.rows += part.rows
            whole.outside += part.outside
            for place, counts in enumerate(part.counts):
                whole.counts[place] += counts
            for function, (rows, present) in part.by_function.items():
                before, there = whole.by_function.get(function, (0, np.zeros_like(present)))
                whole.by_function[function] = before + rows, there + present
            whole.keys += part.keys
            whole.values += part.values
        width = len(layout.edges)
        if whole.keys:
            whole.keep(self.most)
        present, missing = np.zeros(width, dtype=np.int64), np.zeros(width, dtype=np.int64)
        redacted = np.zeros(width, dtype=np.bool_)
        redacted[: len(layout.redacted)] = layout.redacted
        for rows, there in whole.by_function.values():
            present += there
            missing += np.where(redacted, 0, rows - there)
        first = (self.last or 0) - 2 * SLOTS + 1
        return {
            "rows": whole.rows,
            "counts": whole.counts,
            "sample": whole.values[0] if whole.values else np.empty((0, width)),
            "present": present,
            "missing": missing,
            "redacted": redacted,
            "outside": whole.outside,
            "slots": {slot - first: {"rows": part.rows, "counts": part.counts} for slot, part in parts.items()},
        }

    def requests_by_slot(self) -> list[dict[str, Any]]:
        """Traffic of both windows, as monitoring.py takes it; slots count from 0 at the begin of the one before."""
        first = (self.last or 0) - 2 * SLOTS + 1
        return [
            {"function": function, "version": version, "slot": slot - first, "bounds": BOUNDS_SECONDS, **vars(part)}
            for (function, version, slot), part in self.traffic.items()
        ]

    def log(self) -> dict[str, Any]:
        """What was read and what of it could not be used, for the answer."""
        names = ("lines", "bytes", "rows", "requests", "duplicates", "duplicated_requests", "other_lines")
        more = ("other_models", "after", "older", "without_request")
        return {
            **{name: getattr(self, name) for name in (*names, *more)},
            "incomplete_requests": self.incomplete,
            "unusable": self.unusable,
        }


def count_traffic(traffic: Traffic, entries: Sequence[dict[str, Any]]) -> None:
    """Requests that were answered without a prediction (probes, metadata) count apart: they would dilute the rest."""
    micros: dict[str, list[float]] = {name: [] for name in _PARTS}
    for entry in entries:
        status = entry["status"]
        if status < 400 and not entry.get("instances"):  # noqa: PLR2004 - RFC 9110
            traffic.probes += 1
            continue
        traffic.statuses[status] += 1
        traffic.cold += entry.get("cold") is True
        if status < 400:  # noqa: PLR2004 - RFC 9110
            traffic.answered += 1
            for name, seconds in entry["latency_seconds"].items():
                if name in micros:
                    micros[name].append(seconds)
    for name, seconds in micros.items():
        if seconds:
            traffic.micros[name] += int(np.rint(np.array(seconds) * 1e6).astype(np.int64).sum())
    totals = np.clip(np.array(micros["total"]), BOUNDS_SECONDS[0], BOUNDS_SECONDS[-1])
    places = np.clip(np.searchsorted(BOUNDS_SECONDS, totals, "right") - 1, 0, len(BOUNDS_SECONDS) - 2)
    traffic.latency += np.bincount(places, minlength=len(BOUNDS_SECONDS) - 1)
