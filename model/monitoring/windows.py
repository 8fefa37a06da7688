"""Captured rows of a version: counted slot by slot, and joined to windows.

Rows with the smallest hash are the sample, so that it does not depend on their order (the k smallest hashes of a union
are among the k smallest of its parts; Cohen and Kaplan, Summarizing data using bottom-k sketches, 2007).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.data.hashing import Keys

SLOTS = 24
"""Slots in a window: the hours of a day."""
MOST_SAMPLED = 20_000
"""Rows of a window that are kept whole; of so many, a distance is known to 0.01 standard deviations."""

Counts = NDArray[np.int64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Period:
    """A window: *slots* of *slot_seconds* each, ending at *until*, in seconds since 1970; None if nothing was read."""

    slot_seconds: float
    slots: int
    until: float | None

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return self.slot_seconds * self.slots


@dataclass(frozen=True)
class Layout:
    """Features of a version, their training range, and the inner edges of the bins of each and of the prediction.

    *redacted* is True for each feature that is never logged; empty if every feature is logged.
    """

    features: tuple[str, ...]
    minimum: Matrix
    maximum: Matrix
    edges: tuple[Matrix, ...]
    redacted: tuple[bool, ...] = ()


@dataclass
class SlotRows:
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
        """Count rows of shape (n_rows, n_features + 1), NaN where a feature is absent; sample *most* of them."""
        self.rows += len(keys)
        cells_there = ~np.isnan(values)
        rows, present = self.by_function.get(function, (0, np.zeros(values.shape[1], dtype=np.int64)))
        self.by_function[function] = rows + len(keys), present + cells_there.sum(axis=0)
        for place, edges in enumerate(self.layout.edges):
            cells = values[cells_there[:, place], place]
            at = np.searchsorted(edges, cells, "left") + np.searchsorted(edges, cells, "right")
            self.counts[place] += np.bincount(at, minlength=2 * len(edges) + 1)
        features = values[:, :-1]
        self.outside[:-1] += ((features < self.layout.minimum) | (features > self.layout.maximum)).sum(axis=0)
        self.keys.append(keys)
        self.values.append(values)
        self.held += len(keys)
        if self.held > 2 * most:
            self.keep(most)

    def merge(self, other: SlotRows) -> None:
        """Add the rows of another slot, sampled or not."""
        self.rows += other.rows
        self.outside += other.outside
        for place, counts in enumerate(other.counts):
            self.counts[place] += counts
        for function, (rows, present) in other.by_function.items():
            own_rows, own_present = self.by_function.get(function, (0, np.zeros_like(present)))
            self.by_function[function] = own_rows + rows, own_present + present
        self.keys += other.keys
        self.values += other.values
        self.held += other.held

    def keep(self, most: int) -> None:
        """Keep the *most* rows of the sample with the smallest hashes, in their order."""
        keys, values = np.concatenate(self.keys), np.concatenate(self.values)
        order = np.argsort(keys, kind="stable")[:most]
        self.keys, self.values, self.held = [keys[order]], [values[order]], len(order)


@dataclass(frozen=True)
class Window:
    """Rows of one version in one window; arrays have a place for each feature, and a last one for the prediction.

    Args:
        counts: By column, rows below its first edge, equal to it, between it and the second, …
        sample: At most MOST_SAMPLED rows; shape (n_rows, n_columns), NaN where a feature is absent.
        present, missing: Rows that have the column, and that lack it though it is logged.
        outside: Rows outside the training range.
        slots: Rows by slot, from 0 at the begin of the window before this one's.
    """

    rows: int
    counts: list[Counts]
    sample: Matrix
    present: Counts
    missing: Counts
    redacted: NDArray[np.bool_]
    outside: Counts
    slots: Mapping[int, SlotRows]


def joined(slots: Mapping[int, SlotRows], layout: Layout, most: int) -> Window:
    """The window of *slots*, with at most *most* rows as its sample."""
    whole = SlotRows(layout)
    for slot in sorted(slots):
        whole.merge(slots[slot])
    if whole.keys:
        whole.keep(most)
    width = len(layout.edges)
    present, missing = np.zeros(width, dtype=np.int64), np.zeros(width, dtype=np.int64)
    redacted = np.zeros(width, dtype=np.bool_)
    redacted[: len(layout.redacted)] = layout.redacted
    for rows, cells in whole.by_function.values():
        present += cells
        missing += np.where(redacted, 0, rows - cells)
    return Window(
        rows=whole.rows,
        counts=whole.counts,
        sample=whole.values[0] if whole.values else np.empty((0, width)),
        present=present,
        missing=missing,
        redacted=redacted,
        outside=whole.outside,
        slots=slots,
    )
