"""How good predictions are on held-out rows, with intervals, and whether that is good enough."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

REPLICATES = 2000
"""Bootstrap replicates; a 95 % percentile interval's ends then rest on 50 replicates each."""

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Check:
    """One line of the gate's table. *value* and *threshold* are in the unit of what is checked; bounds included."""

    check: str
    passed: bool
    value: float | None
    threshold: float


def r2(actual: Vector, predicted: Vector, axis: int = -1) -> Any:
    """Coefficient of determination, 1 - SSE / SST. Minus infinity where all *actual* values are equal."""
    error = ((actual - predicted) ** 2).sum(axis=axis)
    total = ((actual - actual.mean(axis=axis, keepdims=True)) ** 2).sum(axis=axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, 1 - error / total, -np.inf)


def rmse(actual: Vector, predicted: Vector, axis: int = -1) -> Any:
    """Root mean squared error, in the target's unit."""
    return np.sqrt(((actual - predicted) ** 2).mean(axis=axis))


def mae(actual: Vector, predicted: Vector, axis: int = -1) -> Any:
    """Mean absolute error, in the target's unit."""
    return np.abs(actual - predicted).mean(axis=axis)


def metrics(actual: Vector, predicted: Vector, *, confidence: float, seed: int) -> dict[str, dict[str, float | None]]:
    """The manifest's `metrics`: value and percentile bootstrap interval of each, over rows drawn in pairs.

    An end that cannot be computed (too few rows, a constant target) is None.
    """
    return {
        statistic.__name__: {
            "value": _finite(statistic(actual, predicted)),
            **_interval(statistic, actual, predicted, confidence=confidence, seed=seed),
        }
        for statistic in (r2, rmse, mae)
    }


def gate(
    scores: Mapping[str, Mapping[str, float | None]],
    *,
    rows: int,
    holdout_rows: int,
    baseline_rmse: float,
    furthest_relative: float,
    tolerance: float,
    min_rows: int,
    min_holdout_rows: int,
    min_r2: float,
) -> list[Check]:
    """The checks a version must pass to be blessed; all must hold, and what cannot be computed does not hold.

    Args:
        scores: What `metrics` gave.
        baseline_rmse: Held-out error, in the target's unit, of predicting the mean of the training rows.
        furthest_relative: Largest distance of the served artefact from the estimator over all rows, relative to
            the largest prediction.
    """
    error, determined = scores["rmse"]["value"], scores["r2"]["value"]
    return [
        _at_least("rows", rows, min_rows),
        _at_least("held-out rows", holdout_rows, min_holdout_rows),
        _at_least("r2", determined, min_r2),
        _below("rmse below that of the mean", error, baseline_rmse),
        _at_most("artefact equals estimator", furthest_relative, tolerance),
    ]


def as_tables(checks: list[Check]) -> list[dict[str, Any]]:
    """The manifest's `gate`."""
    return [asdict(check) for check in checks]


def _interval(
    statistic: Any, actual: Vector, predicted: Vector, *, confidence: float, seed: int
) -> dict[str, float | None]:
    if len(actual) < 2:  # noqa: PLR2004 - one row cannot be resampled
        return {"low": None, "high": None}
    with np.errstate(invalid="ignore"):  # a draw of equal targets has an r2 of minus infinity
        found = bootstrap(
            (actual, predicted),
            statistic,
            paired=True,
            vectorized=True,
            n_resamples=REPLICATES,
            batch=max(1, 10_000_000 // len(actual)),
            confidence_level=confidence,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
    return {"low": _finite(found.low), "high": _finite(found.high)}


def _finite(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _at_least(check: str, value: float | None, threshold: float) -> Check:
    return Check(check, value is not None and value >= threshold, value, threshold)


def _at_most(check: str, value: float, threshold: float) -> Check:
    return Check(check, math.isfinite(value) and value <= threshold, _finite(value), threshold)


def _below(check: str, value: float | None, threshold: float) -> Check:
    return Check(check, value is not None and value < threshold, value, threshold)
