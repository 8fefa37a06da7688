"""Captured rows of a version: counted slot by slot, and joined to windows.

A row of a request that captured a part of its instances stands for instances / captured of them; that is its weight.

The sample are the rows with the smallest hash by weight, so that it does not depend on their order (the k smallest of a
union are among the k smallest of its parts; Cohen and Kaplan, Summarizing data using bottom-k sketches, 2007). A row
that was sampled stands for the rows that were not: with the k + 1st smallest quotient as threshold, its weight is at
least 1 / threshold (Duffield, Lund and Thorup, Priority sampling for estimation of arbitrary subset sums, 2007).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from functions.columns.schema import Level
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
    """Features of a version, their training range, and the inner edges of the bins of each column.

    Columns are the features, the prediction, and a classifier's score where it has one. *classes* are the labels of a
    classifier, and *positive* is the place among them of the one whose probability is the score; None for that of the
    likeliest.

    *redacted* is True for each feature that is never logged; empty if every feature is logged. *widths* are those of
    the training columns; empty if all were float64. *kinds* are those of the features, and *levels* their levels in
    the manifest's order; empty if all are numbers. A level counts as its place among them, and one that training never
    saw as their number.
    """

    features: tuple[str, ...]
    minimum: Matrix
    maximum: Matrix
    edges: tuple[Matrix, ...]
    redacted: tuple[bool, ...] = ()
    widths: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    levels: tuple[tuple[Level, ...], ...] = ()
    classes: tuple[Level, ...] = ()
    positive: int | None = None

    @property
    def scored(self) -> bool:
        """Whether there is a column of scores."""
        return len(self.edges) > len(self.features) + 1

    def kind(self, place: int) -> str:
        """The kind of the feature at *place*."""
        return self.kinds[place] if self.kinds else "number"

    def narrowed(self, values: Matrix) -> Matrix:
        """*values* of the features, each in the width of its training column; shape (n_rows, n_features)."""
        if not any(width != "float64" for width in self.widths):
            return values
        rounded = values.copy()
        with np.errstate(over="ignore"):  # a value beyond the width is an infinity in it
            for place, width in enumerate(self.widths):
                if width != "float64":
                    rounded[:, place] = values[:, place].astype(width)
        return rounded

    def outside(self, features: Matrix) -> NDArray[np.bool_]:
        """Whether each cell is outside the training range; shape (n_rows, n_features)."""
        return (features < self.minimum) | (features > self.maximum)


@dataclass
class SlotRows:
    """Rows of one version in one slot; arrays have a place for each column of the layout.

    Args:
        rows: Rows that came.
        weight: Instances that they stand for.
        counts: Instances around the edges of each column's bins.
        present, outside: Instances that have the column, and that are outside its training range.
        squares: Squared weights of the rows that have the column, summed.
        keys, weights, values: The sample, in pieces of *held* rows together.
        threshold: The smallest quotient of hash and weight that was left out of the sample.
    """

    layout: Layout
    rows: int = 0
    weight: float = 0.0
    counts: list[Matrix] = field(default_factory=list)
    present_rows: Counts = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    present: Matrix = field(default_factory=lambda: np.zeros(0))
    squares: Matrix = field(default_factory=lambda: np.zeros(0))
    outside: Matrix = field(default_factory=lambda: np.zeros(0))
    keys: list[Keys] = field(default_factory=list)
    weights: list[Matrix] = field(default_factory=list)
    values: list[Matrix] = field(default_factory=list)
    held: int = 0
    threshold: float = math.inf

    def __post_init__(self) -> None:
        width = len(self.layout.edges)
        self.counts = [np.zeros(2 * len(edges) + 1) for edges in self.layout.edges]
        self.present_rows = np.zeros(width, dtype=np.int64)
        self.present, self.squares, self.outside = np.zeros(width), np.zeros(width), np.zeros(width)

    def add(self, keys: Keys, weights: Matrix, values: Matrix, most: int) -> None:
        """Count rows of shape (n_rows, n_columns), NaN where a cell is absent; sample *most* of them."""
        self.rows += len(keys)
        self.weight += float(weights.sum())
        there = ~np.isnan(values)
        self.present_rows += there.sum(axis=0)
        self.present += weights @ there
        self.squares += weights**2 @ there
        for place, edges in enumerate(self.layout.edges):
            cells = values[there[:, place], place]
            at = np.searchsorted(edges, cells, "left") + np.searchsorted(edges, cells, "right")
            self.counts[place] += np.bincount(at, weights[there[:, place]], minlength=2 * len(edges) + 1)
        width = len(self.layout.features)
        self.outside[:width] += weights @ self.layout.outside(values[:, :width])
        self.keys.append(keys)
        self.weights.append(weights)
        self.values.append(values)
        self.held += len(keys)
        if self.held > 2 * most:
            self.keep(most)

    def merge(self, other: SlotRows) -> None:
        """Add the rows of another slot, sampled or not."""
        self.rows += other.rows
        self.weight += other.weight
        self.present_rows += other.present_rows
        self.present += other.present
        self.squares += other.squares
        self.outside += other.outside
        for place, counts in enumerate(other.counts):
            self.counts[place] += counts
        self.keys += other.keys
        self.weights += other.weights
        self.values += other.values
        self.held += other.held
        self.threshold = min(self.threshold, other.threshold)

    def keep(self, most: int) -> None:
        """Keep the *most* rows of the sample with the smallest quotients of hash and weight, in their order."""
        keys, values = np.concatenate(self.keys), np.concatenate(self.values)
        weights = np.concatenate(self.weights)
        quotients = (keys.astype(np.float64) + 0.5) / 2.0**64 / weights
        order = np.lexsort((keys, quotients))
        if len(order) > most:
            self.threshold = min(self.threshold, float(quotients[order[most]]))
            order = order[:most]
        self.keys, self.weights, self.values = [keys[order]], [weights[order]], [values[order]]
        self.held = len(order)


@dataclass(frozen=True)
class Window:
    """Rows of one version in one window; arrays have a place for each column of the layout.

    Args:
        rows, weight: Rows that came, and instances that they stand for.
        counts: By column, instances below its first edge, equal to it, between it and the second, …
        sample: At most MOST_SAMPLED rows; shape (n_rows, n_columns), NaN where a feature is absent.
        weights: Instances that each row of the sample stands for; shape (n_rows,).
        present_rows: Rows that have the column.
        present, missing: Instances that have the column, and that lack it though it is logged.
        squares: Squared weights of the rows that have the column, summed.
        outside: Instances outside the training range.
        slots: Rows by slot, from 0 at the begin of the window before this one's.
    """

    rows: int
    weight: float
    counts: list[Matrix]
    sample: Matrix
    weights: Matrix
    present_rows: Counts
    present: Matrix
    missing: Matrix
    squares: Matrix
    redacted: NDArray[np.bool_]
    outside: Matrix
    slots: Mapping[int, SlotRows]

    @property
    def even(self) -> bool:
        """Whether each row stands for itself."""
        return math.isclose(self.weight, self.rows)

    def effective_rows(self, column: int) -> float:
        """How many rows of equal weight say as much as those that have *column* (Kish, Survey Sampling, 1965)."""
        squares = float(self.squares[column])
        return float(self.present[column]) ** 2 / squares if squares else 0.0


def joined(slots: Mapping[int, SlotRows], layout: Layout, most: int) -> Window:
    """The window of *slots*, with at most *most* rows as its sample."""
    whole = SlotRows(layout)
    for slot in sorted(slots):
        whole.merge(slots[slot])
    if whole.keys:
        whole.keep(most)
    width = len(layout.edges)
    redacted = np.zeros(width, dtype=np.bool_)
    redacted[: len(layout.redacted)] = layout.redacted
    return Window(
        rows=whole.rows,
        weight=whole.weight,
        counts=whole.counts,
        sample=whole.values[0] if whole.values else np.empty((0, width)),
        weights=np.maximum(whole.weights[0], 1 / whole.threshold) if whole.weights else np.empty(0),
        present_rows=whole.present_rows,
        present=whole.present,
        missing=np.where(redacted, 0.0, whole.weight - whole.present),
        squares=whole.squares,
        redacted=redacted,
        outside=whole.outside,
        slots=slots,
    )
