"""Labels that meet the captured rows they belong to, in whatever order lines come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from functions.columns.schema import Level
from model.data.hashing import Keys
from model.monitoring.captured import Joined
from model.monitoring.class_rows import MOST_CLASSES, Chances
from model.monitoring.labels import KeyedLabels
from model.monitoring.windows import Matrix


class BatchRows(NamedTuple):
    """Rows of one version in one batch; arrays of shape (n_rows,).

    Args:
        keys: As `row_keys` gives them, or `column_keys` where labels come by the key column.
        requests: The hash of each row's request_id.
        weights: Instances that each stands for; NaN where the line of its request has not come.
        predictions: Numbers; of a classifier the places of the labels among its classes.
        chances: The probabilities of a classifier that has any.
        seconds: When each came, where several may have one key: the last one has the label.
    """

    keys: Keys
    requests: Keys
    weights: Matrix
    predictions: Matrix
    chances: Chances | None
    seconds: Matrix | None = None


class LabelJoin:
    """Collects the prediction of each row that has a label; of rows of one key the last one's."""

    def __init__(self, labels: KeyedLabels) -> None:
        self._labels = labels
        self._predictions = np.full(len(labels.keys), np.nan)
        self._versions = np.zeros(len(labels.keys), dtype=np.int64)
        self._weights = np.full(len(labels.keys), np.nan)
        self._requests = np.zeros(len(labels.keys), dtype=np.uint64)
        self._seconds = np.full(len(labels.keys), -np.inf) if labels.by_column else None
        self._chances: Chances | None = None

    @property
    def by_column(self) -> bool:
        """Whether labels belong to cells of the model's key column."""
        return self._labels.by_column

    def add(self, version: int, rows: BatchRows) -> None:
        """Note those of *rows*, of one *version*, that have a label."""
        known = self._labels.keys
        if not len(known):
            return
        at = np.minimum(np.searchsorted(known, rows.keys), len(known) - 1)
        met = np.flatnonzero(known[at] == rows.keys)
        if self._seconds is not None and rows.seconds is not None:
            met = met[np.lexsort((rows.requests[met], rows.seconds[met]))]  # the last of a key is written last
            met = met[rows.seconds[met] >= self._seconds[at[met]]]
            self._seconds[at[met]] = rows.seconds[met]
        self._predictions[at[met]] = rows.predictions[met]
        self._versions[at[met]] = version
        self._weights[at[met]] = rows.weights[met]
        self._requests[at[met]] = rows.requests[met]
        if rows.chances is None:
            return
        if self._chances is None:
            shape = (len(known), MOST_CLASSES)
            self._chances = Chances(np.full(shape, -1, np.int16), np.full(shape, np.nan))
        width = rows.chances.values.shape[1]
        self._chances.places[at[met], :width] = rows.chances.places[met]
        self._chances.values[at[met], :width] = rows.chances.values[met]

    @property
    def matched(self) -> int:
        """Labels that met a row, those that contradict each other too."""
        return int((~np.isnan(self._predictions)).sum())

    @property
    def unmatched(self) -> int:
        """Labels that met no row; none of those that contradict each other."""
        return int((np.isnan(self._predictions) & ~np.isnan(self._labels.values)).sum())

    def joined(
        self, weights_of: Callable[[Keys], Matrix], classes_of: Mapping[int, tuple[Level, ...]]
    ) -> dict[int, Joined]:
        """By version, the labels that met a row; none where one of the two is of numbers, and the other of classes.

        Args:
            classes_of: The classes of each version.
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
            classes = classes_of[version]
            if bool(classes) != bool(self._labels.classes):
                continue
            own = np.flatnonzero(usable & (self._versions == version))
            actual = _placed(self._labels.values[own], self._labels.classes, classes)
            own, actual = own[~np.isnan(actual)], actual[~np.isnan(actual)]
            chances = None
            if classes and self._chances is not None:
                width = min(MOST_CLASSES, len(classes))
                chances = Chances(self._chances.places[own, :width], self._chances.values[own, :width])
                chances = chances if chances.there.any() else None
            if len(own):
                by_version[version] = Joined(actual, self._predictions[own], weights[own], chances)
        return by_version


def _placed(values: Matrix, labels: tuple[Level, ...], classes: tuple[Level, ...]) -> Matrix:
    """Places among *labels* as places among *classes*; NaN for a label that is none of them; numbers as they are."""
    if labels == classes:
        return values
    places = {(type(label), label): float(place) for place, label in enumerate(classes)}
    table = np.array([places.get((type(label), label), np.nan) for label in labels])
    return np.asarray(table[values.astype(np.intp)])
