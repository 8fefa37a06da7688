"""How well scores rank the rows of a class before all others, and the curves of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from model.evaluation.resampling import Vector

MOST_POINTS = 200  # of a curve

Ranked = Callable[[Vector], tuple[Vector, Vector]]


def ranking(hit: NDArray[np.bool_], scores: Vector) -> Ranked:
    """Sort *scores* once; gives a function of counts, whole or not, of shape (n_counts, n_rows).

    It returns the area under the ROC curve and the average precision, as scikit-learn defines them, each of shape
    (n_counts,): NaN where a score is NaN, or where no row of the class, or none of the others, is counted.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = bool((order == np.arange(len(order))).all())
    starts = _starts(scores[order])
    ends = np.append(starts[1:], len(scores)) - 1
    own_rows = order[hit[order]]
    group_of = np.searchsorted(starts, np.flatnonzero(hit[order]), side="right") - 1
    groups, own_starts = np.unique(group_of, return_index=True)
    tied = len(starts) < len(scores)  # rows of equal scores are passed together

    def measure(counts: Vector) -> tuple[Vector, Vector]:
        if np.isnan(scores).any() or not len(scores):
            return np.full(len(counts), np.nan), np.full(len(counts), np.nan)
        passed = np.cumsum(counts if ordered else counts.take(order, axis=1), axis=1)
        reached, own = passed.take(ends[groups], axis=1), counts.take(own_rows, axis=1)
        if tied and len(own_rows):
            own = np.add.reduceat(own, own_starts, axis=1)
        true = np.cumsum(own, axis=1)
        positives = true[:, -1] if len(groups) else np.zeros(len(counts))
        negatives = passed[:, -1] - positives
        above = reached - true  # others with a higher score, or the same
        if tied:  # of which those with the same are half beaten
            before = np.where(groups > 0, passed.take(ends[groups - 1], axis=1), 0.0)
            above -= (reached - before - own) / 2
        beaten = positives * negatives - np.einsum("ij,ij->i", own, above)
        share = np.divide(true, reached, out=np.zeros_like(true), where=reached > 0)
        precision = np.einsum("ij,ij->i", own, share)
        with np.errstate(invalid="ignore", divide="ignore"):
            some = np.where((positives > 0) & (negatives > 0), 1.0, np.nan)
            return some * beaten / (positives * negatives), some * precision / positives

    return measure


def roc_points(hit: NDArray[np.bool_], scores: Vector) -> Vector:
    """False and true positive rates from the highest score to the lowest, thinned; shape (n_points, 2).

    Empty where no row is of the class, where all are, or where a score is NaN.
    """
    true, reached = _passed(hit, scores)
    if not len(true) or true[-1] in {0, reached[-1]}:
        return np.empty((0, 2))
    false = reached - true
    points = np.column_stack([false / false[-1], true / true[-1]])
    return _thinned(np.vstack([[0.0, 0.0], points]))


def precision_recall_points(hit: NDArray[np.bool_], scores: Vector) -> Vector:
    """Recall and precision from the highest score to the lowest, thinned; shape (n_points, 2).

    Empty where no row is of the class, or where a score is NaN.
    """
    true, reached = _passed(hit, scores)
    if not len(true) or not true[-1]:
        return np.empty((0, 2))
    return _thinned(np.column_stack([true / true[-1], true / reached]))


def _passed(hit: NDArray[np.bool_], scores: Vector) -> tuple[Vector, Vector]:
    """How many rows of the class, and how many at all, stand at each score or above it."""
    if np.isnan(scores).any() or not len(scores):
        return np.empty(0), np.empty(0)
    order = np.argsort(-scores, kind="stable")
    ends = np.append(_starts(scores[order])[1:], len(scores)) - 1
    return np.cumsum(hit[order])[ends].astype(np.float64), ends + 1.0


def _starts(ranked: Vector) -> NDArray[np.intp]:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])[: len(ranked)])


def _thinned(points: Vector) -> Vector:
    """At most MOST_POINTS of *points*, the first and the last among them, evenly along the curve."""
    if len(points) <= MOST_POINTS:
        return points
    along = np.append(0.0, np.cumsum(np.abs(np.diff(points, axis=0)).sum(axis=1)))
    return points[np.unique(np.searchsorted(along, np.linspace(0, along[-1], MOST_POINTS)))]
