"""Metrics of predictions on held-out rows, with intervals, and the shape of their residuals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from model.evaluation.resampling import ROUNDING, Vector, drawn, resamples

METRIC_REPLICATES = 2_000  # for intervals that describe; each end of 95 % rests on 50 replicates

QUIET = np.errstate(over="ignore", invalid="ignore", divide="ignore")
"""Silences numpy where a figure that is not finite becomes None."""

Part = NDArray[np.intp] | slice
"""Rows: all of them, or their numbers."""

Measure = Callable[[Vector], dict[str, Vector]]
"""Each metric of rows, with row j counted counts[i, j] times, whole or not: arrays of shape (n_counts,)."""

_NAMES = ("r2", "rmse", "mae", "median_absolute_error", "bias")


@dataclass(frozen=True)
class Score:
    """A figure and its interval; each is None where it cannot be computed."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def document(self) -> dict[str, float | None]:
        """The score as the manifest records it."""
        return asdict(self)


@dataclass(frozen=True)
class Residuals:
    """Shape of the residuals, actual minus predicted, and their dependence on the prediction.

    Args:
        quantiles: Eleven, from the smallest residual to the largest.
        spread_with_prediction: Rank correlation of the residual's size with the prediction; 0 is ideal.
        curvature: Rank correlation of the residual with the prediction's distance from its median; 0 is ideal.
        calibration_slope: Slope of the line through actual against predicted; 1 is ideal.
    """

    mean: float
    std: float
    skewness: float | None
    excess_kurtosis: float | None
    quantiles: list[float]
    spread_with_prediction: float | None
    curvature: float | None
    calibration_slope: float | None


@QUIET
def r2(actual: Vector, predicted: Vector) -> float:
    """Coefficient of determination, 1 - SSE / SST. Minus infinity where all *actual* values are equal."""
    return float(_values(actual, predicted, np.ones((1, len(actual))))["r2"][0])


@QUIET
def rmse(actual: Vector, predicted: Vector) -> float:
    """Root mean squared error, in the target's unit."""
    return float(np.sqrt(np.mean((predicted - actual) ** 2)))


@QUIET
def scores(
    actual: Vector,
    predicted: Vector,
    *,
    confidence: float,
    seed: int,
    weights: Vector | None = None,
    done: Callable[[], None] = lambda: None,
) -> dict[str, Score]:
    """Value and percentile bootstrap interval of each metric, over rows drawn in pairs.

    All but `r2` are in the target's unit: `rmse`, `mae`, `median_absolute_error`, and `bias`, the mean of predicted
    minus actual.

    Args:
        weights: Positive; how many instances each row stands for, 1 by default. The more uneven they are, the wider is
            the interval.
        done: Called after each batch of replicates.
    """
    if not len(actual):
        return {name: Score() for name in _NAMES}

    def prepared(part: Part) -> Measure:
        return partial(_values, actual[part], predicted[part])

    return bootstrapped(len(actual), prepared, confidence=confidence, seed=seed, weights=weights, done=done)


def bootstrapped(
    rows: int,
    prepared: Callable[[Part], Measure],
    *,
    confidence: float,
    seed: int,
    weights: Vector | None = None,
    done: Callable[[], None] = lambda: None,
) -> dict[str, Score]:
    """Value and percentile bootstrap interval of each metric over at least one of *rows*, drawn as `scores` says.

    Resamples for which a metric is NaN are left out; where they are most of them it has no interval.

    Args:
        prepared: Gives for a part of the rows the function that measures them.
    """
    rng = np.random.default_rng(seed)
    each = np.ones(rows) if weights is None else weights
    whole = prepared(slice(None))(each[None, :])
    part, shrink = drawn(rows, rng, weights)
    many = rows if isinstance(part, slice) else len(part)
    each = each if many == rows else np.ones(many)  # a part is drawn by weight
    measure = prepared(part)
    centre = measure(each[None, :])
    draws = []
    for counts in resamples(many, METRIC_REPLICATES, rng):
        draws.append(measure(counts if weights is None else counts * each))
        done()
    measured: dict[str, Score] = {}
    for name in whole:
        value = float(whole[name][0])
        ends = (math.nan, math.nan)
        replicates = np.concatenate([draw[name] for draw in draws]) - centre[name]
        told = replicates[~np.isnan(replicates)]
        if many > 1 and 2 * len(told) > len(replicates):
            ends = tuple(value + shrink * np.quantile(told, [(1 - confidence) / 2, (1 + confidence) / 2]))
        measured[name] = Score(finite(value), finite(ends[0]), finite(ends[1]))
    return measured


@QUIET
def residuals(actual: Vector, predicted: Vector) -> Residuals | None:
    """The residuals' shape; None for fewer than three rows, or predictions that are not finite."""
    residual = actual - predicted
    if len(residual) < 3 or not np.isfinite(residual).all():  # noqa: PLR2004 - two points always lie on a line
        return None
    spread = float(residual.std())
    scaled = (residual - residual.mean()) / (spread or 1.0)
    around = predicted - predicted.mean()
    variance = (around**2).mean()
    return Residuals(
        mean=float(residual.mean()),
        std=spread,
        skewness=finite(float((scaled**3).mean())) if spread else None,
        excess_kurtosis=finite(float((scaled**4).mean()) - 3) if spread else None,
        quantiles=[float(value) for value in np.quantile(residual, np.linspace(0, 1, 11))],
        spread_with_prediction=_rank_correlation(np.abs(residual), predicted),
        curvature=_rank_correlation(residual, np.abs(predicted - np.median(predicted))),
        calibration_slope=finite(float((around * actual).mean() / variance)) if variance else None,
    )


def finite(value: float) -> float | None:
    """*value*, or None where JSON has no number for it."""
    return float(value) if math.isfinite(value) else None


def _values(actual: Vector, predicted: Vector, counts: Vector) -> dict[str, Vector]:
    """Each metric, with row j counted counts[i, j] times, whole or not: arrays of shape (n_counts,)."""
    error = predicted - actual
    centred = actual - actual.mean()
    columns = np.column_stack([error**2, np.abs(error), error, centred, centred**2])
    squares, sizes, sums, totals, around = (counts @ columns).T
    rows = counts.sum(axis=1)
    around -= totals**2 / rows
    constant = around <= ROUNDING * rows * (centred**2).mean()
    order = np.argsort(np.abs(error), kind="stable")
    ranked = np.abs(error)[order]
    reached = np.cumsum(counts[:, order], axis=1)
    half = rows[:, None] / 2
    middle = [np.argmax(beyond, axis=1) for beyond in (reached >= half, reached > half)]
    return {
        "r2": np.where(constant, -np.inf, 1 - squares / np.where(constant, 1.0, around)),
        "rmse": np.sqrt(squares / rows),
        "mae": sizes / rows,
        "median_absolute_error": (ranked[middle[0]] + ranked[middle[1]]) / 2,
        "bias": sums / rows,
    }


def _rank_correlation(first: Vector, second: Vector) -> float | None:
    from scipy.stats import rankdata  # noqa: PLC0415 - half a second that other verbs need not wait for

    ranks: Sequence[Vector] = [rankdata(values) - (len(values) + 1) / 2 for values in (first, second)]
    size = math.sqrt(float((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return float((ranks[0] * ranks[1]).sum()) / size if size else None
