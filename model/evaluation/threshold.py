"""The threshold from which on a row is called positive, by the costs of both mistakes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.evaluation.resampling import ROUNDING, Vector


def choose(actual: NDArray[np.bool_], scores: Vector, *, false_negative: float, false_positive: float) -> float:
    """The threshold of least total cost, where a row is called positive whose score reaches it; from 0 to 1.

    It lies in the middle between two neighbouring scores, 0 and 1 among them, so a last bit decides nothing. Where
    several gaps cost the same, the widest is taken, and among equally wide ones that whose middle is nearest to
    false_positive / (false_positive + false_negative), the best threshold of calibrated probabilities (Elkan, The
    Foundations of Cost-Sensitive Learning, IJCAI 2001).

    Args:
        actual: Whether each row is positive.
        scores: Probabilities of being positive, of rows that the model was not fitted on.
        false_negative, false_positive: Cost of a positive row that is called negative, and of the reverse; neither is
            below 0, and one above.

    Raises:
        ValueError: There is no row, or a score is no probability.
    """
    if not len(scores):
        raise ValueError("a threshold is chosen on rows, got none")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError(f"scores must be probabilities from 0 to 1, got {scores[~((scores >= 0) & (scores <= 1))][0]}")
    values, place = np.unique(scores, return_inverse=True)
    positives = np.bincount(place, actual, minlength=len(values))
    negatives = np.bincount(place, ~actual, minlength=len(values))
    # Gap j lies below values[j]: rows from there on are called positive; the last gap is above all.
    missed = np.append(0.0, np.cumsum(positives))
    alarms = np.append(negatives.sum() - np.append(0.0, np.cumsum(negatives[:-1])), 0.0)
    costs = false_negative * missed + false_positive * alarms
    below, above = np.append(0.0, values), np.append(values, 1.0)
    if values[-1] == 1:  # no threshold up to 1 is above a score of 1
        costs, below, above = costs[:-1], below[:-1], above[:-1]
    least = np.flatnonzero(costs <= costs.min() + ROUNDING * abs(costs).max())
    widths, middles = (above - below)[least], ((above + below) / 2)[least]
    widest = widths >= widths.max() - ROUNDING
    calibrated = false_positive / (false_positive + false_negative)
    return float(min(middles[widest], key=lambda middle: (abs(middle - calibrated), middle)))
