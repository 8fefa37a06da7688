"""Labels that meet the captured rows they belong to, in whatever order lines come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.data.hashing import Keys
from model.monitoring.captured import Joined
from model.monitoring.labels import KeyedLabels
from model.monitoring.windows import Counts, Matrix


class BatchRows(NamedTuple):
    """Rows of one batch; arrays of shape (n_rows,).

    Args:
        keys: As `row_keys` gives them.
        requests: The hash of each row's request_id.
        weights: Instances that each stands for; NaN where the line of its request has not come.
        fields: The captured objects.
    """

    keys: Keys
    requests: Keys
    versions: Counts
    weights: Matrix
    fields: Sequence[dict[str, Any]]


class LabelJoin:
    """Collects the prediction of each row that has a label."""

    def __init__(self, labels: KeyedLabels) -> None:
        self._labels = labels
        self._predictions = np.full(len(labels.keys), np.nan)
        self._versions = np.zeros(len(labels.keys), dtype=np.int64)
        self._weights = np.full(len(labels.keys), np.nan)
        self._requests = np.zeros(len(labels.keys), dtype=np.uint64)

    def add(self, rows: BatchRows, usable: NDArray[np.bool_]) -> None:
        """Note those of *rows* that have a label and are *usable*."""
        known = self._labels.keys
        if not len(known):
            return
        at = np.minimum(np.searchsorted(known, rows.keys), len(known) - 1)
        met = np.flatnonzero(usable & (known[at] == rows.keys))
        self._predictions[at[met]] = [rows.fields[place]["prediction"] for place in met.tolist()]
        self._versions[at[met]] = rows.versions[met]
        self._weights[at[met]] = rows.weights[met]
        self._requests[at[met]] = rows.requests[met]

    @property
    def matched(self) -> int:
        """Labels that met a row, those that contradict each other too."""
        return int((~np.isnan(self._predictions)).sum())

    def joined(self, weights_of: Callable[[Keys], Matrix]) -> dict[int, Joined]:
        """By version, the labels that met a row.

        Args:
            weights_of: Gives the weight by request for rows whose request came later; NaN if it never came, and such
                a row counts as one instance.
        """
        later = np.isnan(self._weights)
        weights = self._weights.copy()
        weights[later] = weights_of(self._requests[later])
        weights[np.isnan(weights)] = 1.0
        usable = ~np.isnan(self._predictions) & ~np.isnan(self._labels.values)
        by_version = {}
        for version in np.unique(self._versions[usable]).tolist():
            own = usable & (self._versions == version)
            by_version[version] = Joined(self._labels.values[own], self._predictions[own], weights[own])
        return by_version
