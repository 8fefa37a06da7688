"""Operators over the nearest of the rows that training kept, by brute force."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...problems import PayloadError, Problem, moved
from .kernels import absolute_distances, squared_distances, unit
from .step import Array, Operation, Step, Values

_CELLS = 1 << 20
_GROUPS = 128

_LATITUDE_AND_LONGITUDE = 2
_METRICS = {"euclidean", "euclidean_product", "manhattan", "chebyshev", "minkowski", "cosine", "haversine"}


class _Distances:
    """Distances of rows to *rows* (m, k), up to a monotone function until `distance` is asked."""

    def __init__(self, step: Step) -> None:
        self.rows = np.ascontiguousarray(step.floats("rows", None, step.matrix()), np.float64)
        self.metric = step.choice("metric", _METRICS)
        self.power = step.number("power", 0.1, 1e3) if self.metric == "minkowski" else 2.0
        if not len(self.rows):
            raise step.refuse("no rows")
        if self.metric == "haversine" and self.rows.shape[1] != _LATITUDE_AND_LONGITUDE:
            raise step.refuse(
                f"haversine over {self.rows.shape[1]} columns, expected latitude and longitude in radians"
            )

    def rank(self, x: Values) -> Values:
        """Shape (len(x), m): a number that grows with the distance."""
        if self.metric == "euclidean":
            return squared_distances(x, self.rows)
        if self.metric == "euclidean_product":  # |x|² - 2 x·y + |y|², as scikit-learn's brute force has it
            squares = np.einsum("ij,ij->i", x, x)[:, None] + np.einsum("ij,ij->i", self.rows, self.rows)
            return np.asarray(np.maximum(squares - 2 * (x @ self.rows.T), 0))
        if self.metric == "manhattan":
            return absolute_distances(x, self.rows)
        if self.metric == "cosine":
            return np.asarray(np.clip(1 - unit(x) @ unit(self.rows).T, 0, 2))
        if self.metric == "haversine":
            north, east = (np.sin(0.5 * (x[:, place, None] - self.rows[:, place])) for place in range(2))
            return np.asarray(north**2 + np.cos(x[:, 0, None]) * np.cos(self.rows[:, 0]) * east**2)
        total = np.zeros((len(x), len(self.rows)))
        for column in range(x.shape[1]):
            difference = np.abs(x[:, column, None] - self.rows[:, column])
            if self.metric == "chebyshev":
                np.maximum(total, difference, out=total)
            else:
                total += difference**self.power
        return total

    def distance(self, rank: Values) -> Values:
        if self.metric in {"manhattan", "chebyshev", "cosine"}:
            return rank
        if self.metric == "haversine":
            return np.asarray(2 * np.arcsin(np.sqrt(rank)))
        return np.sqrt(rank) if self.metric.startswith("euclidean") else rank ** (1 / self.power)

    def parts(self, x: Values) -> list[Values]:
        """*x* in parts, so that no part's distances take much memory."""
        return np.array_split(x, max(1, -(-len(x) * len(self.rows) // _CELLS)))


def nearest(step: Step) -> Operation:
    """(n, k) → (n, 1): the place of the nearest of *rows* (m, k)."""
    distances = _Distances(step)

    def run(inputs: Sequence[Values]) -> Values:
        parts = [distances.rank(part).argmin(axis=1) for part in distances.parts(inputs[0])]
        return np.concatenate(parts)[:, None].astype(float)

    return step.done(1, run)


def neighbours(step: Step) -> Operation:
    """(n, k) → (n, m): the mean of *values* (rows, m) over the *count* nearest of *rows* (rows, k).

    With *by_distance* each weighs by the inverse of its distance, and those at distance 0 alone where there are any.
    """
    distances = _Distances(step)
    values = step.floats("values", len(distances.rows), None)
    count = step.integer("count", 1, len(distances.rows))
    by_distance = step.flag("by_distance")

    def answer(x: Values) -> Values:
        rank = distances.rank(x)
        rank, chosen = _smallest(rank, count)
        if not by_distance:
            return np.asarray(np.mean(values[chosen], axis=1))
        weights = _inverse(distances.distance(rank))
        total = (values[chosen] * weights[:, :, None]).sum(axis=1)
        return np.asarray(total / weights.sum(axis=1)[:, None])

    def run(inputs: Sequence[Values]) -> Values:
        return np.concatenate([answer(part) for part in distances.parts(inputs[0])])

    return step.done(values.shape[1], run)


def within_radius(step: Step) -> Operation:
    """(n, k) → (n, m): the mean of *values* (rows, m) over all of *rows* (rows, k) at most *radius* away.

    *by_distance* as for neighbours. A row without a neighbour is answered with *outlier* (m,), or not at all.
    """
    distances = _Distances(step)
    values = step.floats("values", len(distances.rows), None)
    radius, by_distance = step.number("radius", 0.0), step.flag("by_distance")
    outlier = step.floats("outlier", values.shape[1], finite=False) if step.has("outlier") else None

    def answer(x: Values) -> Values:
        distance = distances.distance(distances.rank(x))
        near = distance <= radius
        lonely = ~near.any(axis=1)
        if outlier is None and lonely.any():
            row = int(np.flatnonzero(lonely)[0])
            raise PayloadError(Problem(f"row {row}: no training row lies within the radius", f"/{row}"))
        weights = np.where(near, 1.0, 0.0)
        if by_distance:
            weights = _inverse(np.where(near, distance, np.inf))
        with np.errstate(invalid="ignore"):
            out: Values = (weights @ values) / weights.sum(axis=1, keepdims=True)
        out[lonely] = outlier
        return out

    def run(inputs: Sequence[Values]) -> Values:
        answers: list[Values] = []
        for part in distances.parts(inputs[0]):
            try:
                answers.append(answer(part))
            except PayloadError as error:
                raise moved(error, sum(map(len, answers))) from None
        return np.concatenate(answers)

    return step.done(values.shape[1], run)


def impute_neighbours(step: Step) -> Operation:
    """(n, k) → (n, k): NaN becomes the mean of the column over the *count* nearest of *rows* that have a number there.

    The distance leaves out columns that either row misses, and is scaled up by the share that it left out. A row
    whose distance to every donor is undefined gets *means* (k,).
    """
    width = step.matrix()
    rows = step.floats("rows", None, width, finite=False).astype(float)
    means = step.floats("means", width)
    count, by_distance = step.integer("count", 1, 1 << 20), step.flag("by_distance")
    filled = ~np.isnan(rows)
    parts = max(1, _CELLS // max(1, len(rows)))
    if not len(rows):
        raise step.refuse("no rows")

    def fill(x: Values) -> None:
        distances = _gap_distances(x, rows)
        missing = np.isnan(x)
        for row, column in zip(*np.nonzero(missing), strict=True):
            donors = np.flatnonzero(filled[:, column])
            distance = distances[row, donors]
            if not donors.size or np.isnan(distance).all():
                x[row, column] = means[column]
                continue
            nearest_donors = np.argpartition(distance, min(count, donors.size) - 1)[: min(count, donors.size)]
            near = distance[nearest_donors]
            weights = _inverse(near[None])[0] if by_distance else np.ones(len(near))
            weights[np.isnan(near)] = 0.0
            values = rows[donors[nearest_donors], column]
            x[row, column] = (values * weights).sum() / weights.sum()

    def run(inputs: Sequence[Values]) -> Values:
        out = inputs[0].copy()
        (places,) = np.nonzero(np.isnan(out).any(axis=1))
        for start in range(0, len(places), parts):
            chosen = out[places[start : start + parts]]
            fill(chosen)
            out[places[start : start + parts]] = chosen
        return out

    return step.done(width, run)


def _gap_distances(x: Values, rows: Array) -> Values:
    """Euclidean distances over the columns that both rows have, (len(x), len(rows)); NaN where there is none.

    The squares come out of one product, and absent ones are taken off again, as scikit-learn does it.
    """
    gaps, row_gaps = np.isnan(x).astype(float), np.isnan(rows).astype(float)
    x, rows = np.nan_to_num(x), np.nan_to_num(rows)
    squares = -2 * (x @ rows.T)
    squares += np.einsum("ij,ij->i", x, x)[:, None]
    squares += np.einsum("ij,ij->i", rows, rows)
    np.maximum(squares, 0, out=squares)
    squares -= (x * x) @ row_gaps.T
    squares -= gaps @ (rows * rows).T
    np.maximum(squares, 0, out=squares)
    shared = (1 - gaps) @ (1 - row_gaps).T
    squares[shared == 0] = np.nan
    distance: Values = np.sqrt(squares / np.maximum(1, shared) * x.shape[1])
    return distance


def _smallest(rank: Values, count: int) -> tuple[Values, Array]:
    """The *count* smallest of each row, ascending, and their places; of equals the first ones.

    The count-th smallest of the minima of many groups of columns is hardly above that of all columns, and is found in
    a fraction of the time; only numbers up to it are sorted.
    """
    n, columns = rank.shape
    groups = max(_GROUPS, 4 * count)
    minima = rank
    if columns >= 2 * groups:
        size = columns // groups
        minima = rank[:, : size * groups].reshape(n, size, groups).min(axis=1)
    bound = np.partition(minima, count - 1, axis=1)[:, count - 1, None]
    row, place = np.divmod(np.flatnonzero(~(rank > bound)), columns)
    small = rank[row, place]
    order = np.lexsort((place, small, row))
    chosen = order[np.searchsorted(row, np.arange(n))[:, None] + np.arange(count)]
    return small[chosen], place[chosen]


def _inverse(distance: Values) -> Values:
    """1 / distance; in a row with zeros, 1 for these and 0 for the others."""
    with np.errstate(divide="ignore"):
        weights: Values = 1.0 / distance
    infinite = np.isinf(weights)
    touched = infinite.any(axis=1)
    weights[touched] = infinite[touched]
    return weights
