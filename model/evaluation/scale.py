"""Whether the target is in the unit that production learnt: one column times 0.9 fits as well as before.

A line through actual values against production's predictions has a slope of 1 and passes through 0 while nothing
changes. Another unit turns the line and stretches the scatter around it by the same factor; a world that moved turns
the line and leaves the scatter as it was.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from functions.predictor import distance
from model.evaluation.metrics import QUIET
from model.evaluation.resampling import Vector, mean_above_zero

CONFIDENCE = 0.99
"""Confidence of the interval that must hold 1: an unchanged target is called rescaled in about 1 of 100 trainings."""

_Z = 2.576  # of that confidence, two-sided
_MOVED_CONFIDENCE = 0.95
_MOVED = 1.96  # of that confidence: each sign of a moved world excuses a rescaled target in 1 of 40
_LEAST_ROWS = 10
_ROUNDING = 1e-12  # a spread below this share of the predictions is none
_CALIBRATED = 2.0  # standard errors that a slope may lie from 1 and count as 1


@dataclass(frozen=True)
class Line:
    """Actual values against predictions on held-out rows, with standard errors that hold for uneven scatter.

    Args:
        slope: Slope of the least-squares line.
        ratio: Slope of the least-squares line through 0.
        spread: Standard deviation around the line, in the target's unit.
        spread_error: Standard error of its logarithm.
    """

    rows: int
    slope: float
    slope_error: float
    ratio: float
    ratio_error: float
    spread: float
    spread_error: float

    def document(self) -> dict[str, float]:
        """The line as the manifest records it."""
        return asdict(self)


@dataclass(frozen=True)
class Scale:
    """The target now, by the target that production learnt.

    Args:
        value: None where the rows do not tell.
        changed: It is in another unit.
        moved: It is in the same unit, and its relation to the features is another one.
    """

    value: float | None = None
    changed: bool = False
    moved: bool = False


@QUIET
def line(actual: Vector, predicted: Vector) -> Line | None:
    """The line through *actual* against *predicted*; None for fewer than ten rows or equal predictions."""
    rows = len(actual)
    if rows < _LEAST_ROWS or not (np.isfinite(actual).all() and np.isfinite(predicted).all()):
        return None
    unit = float(max(np.abs(actual).max(), np.abs(predicted).max())) or 1.0
    actual, predicted = actual / unit, predicted / unit  # squares of squares stay within double precision
    around = predicted - predicted.mean()
    squares, raw = float((around**2).sum()), float((predicted**2).sum())
    if not squares > _ROUNDING**2 * raw:
        return None
    slope = float((around * actual).sum()) / squares
    residual = actual - actual.mean() - slope * around
    ratio = float((predicted * actual).sum()) / raw
    through = actual - ratio * predicted
    spread = math.sqrt(float((residual**2).sum()) / (rows - 2))
    kurtosis = float(((residual / spread) ** 4).mean()) if spread else 1.0
    leverage = 1 / (1 - np.minimum(1 / rows + around**2 / squares, 0.5))
    values = (
        rows,
        slope,
        math.sqrt(float(((around * residual * leverage) ** 2).sum())) / squares,
        ratio,
        math.sqrt(float(((predicted * through) ** 2).sum()) * rows / (rows - 1)) / raw,
        spread * unit,
        math.sqrt(max(kurtosis - 1, 0.5) / (4 * rows)),
    )
    return Line(*values) if all(map(math.isfinite, values)) else None


def recorded_line(document: Mapping[str, Any]) -> Line | None:
    """The line of a manifest; from its residuals where it is of an earlier release; None where it has neither."""
    if document.get("line"):
        return Line(**{field.name: document["line"][field.name] for field in fields(Line)})
    residuals, rows = document.get("residuals") or {}, document["data"].get("holdout_rows", 0)
    slope, spread = residuals.get("calibration_slope"), residuals.get("std")
    width = (document.get("prediction") or {}).get("std")
    if not (slope and spread and width) or rows < _LEAST_ROWS:
        return None
    error = spread / (width * math.sqrt(rows))
    return Line(rows, slope, error, 1.0, 0.0, spread, 1 / math.sqrt(2 * rows))


@QUIET
def scale(
    actual: Vector,
    challenger: Vector,
    champion: Vector,
    *,
    learnt: Line | None,
    trained_rows: int,
    seed: int,
) -> Scale:
    """The factor between the target of today and that of production's training, on rows that may judge both.

    Args:
        challenger, champion: Predictions of the new version and of production.
        learnt: Production's line when it was trained, None where it is not known: a production that was over- or
            underfitted has a slope beside 1 from the start.
        trained_rows: Rows that production was trained on; with few its predictions are off by themselves.
    """
    now = line(actual, champion)
    if now is None:
        return Scale()
    before = learnt or Line(now.rows, 1.0, 0.0, 1.0, 0.0, now.spread, math.inf)
    from_training = math.sqrt(before.rows / max(1, trained_rows))
    if not (before.slope and before.ratio):
        return Scale(now.slope)
    factor = None
    if _differs(now.slope, now.slope_error, before.slope, before.slope_error, from_training):
        factor = now.slope / before.slope
    elif abs(now.slope - now.ratio) <= _Z * now.slope_error and _differs(
        now.ratio, now.ratio_error, before.ratio, before.ratio_error, from_training
    ):
        factor = now.ratio / before.ratio
    if factor is None:
        return Scale(now.slope / before.slope)
    least = _ROUNDING * float(np.abs(champion).max())
    moved = _kept(now, before, factor, least) or _turned(actual, challenger, champion, now, seed)
    return Scale(factor, changed=not moved, moved=moved)


def _kept(now: Line, before: Line, factor: float, least: float) -> bool:
    """Whether the scatter was stretched less than the line was turned, beyond chance; a spread below *least* is 0."""
    if not factor or min(now.spread, before.spread) <= least:
        return False
    size = math.log(abs(factor))
    missing = size - math.log(now.spread / before.spread)
    return math.copysign(missing, size * missing) > _MOVED * math.hypot(now.spread_error, before.spread_error)


def _turned(actual: Vector, challenger: Vector, champion: Vector, now: Line, seed: int) -> bool:
    """Whether the challenger beats the line through production's predictions, so that more than a factor changed."""
    rescaled = actual.mean() + now.slope * (champion - champion.mean())
    gains = (rescaled - actual) ** 2 - (challenger - actual) ** 2
    if not np.isfinite(gains).all() or distance(challenger, rescaled).max() <= 1:
        return False
    return bool(
        mean_above_zero(gains[None, :], confidence=_MOVED_CONFIDENCE, seed=seed).reached[0] >= _MOVED_CONFIDENCE
    )


def _differs(now: float, error: float, before: float, before_error: float, from_training: float) -> bool:
    """Whether *now* lies beside 1, or beside *before* where that was not 1 within chance.

    A production with a slope of 1.1 from the start has one of 1 where the target is 0.9 of it.

    Args:
        from_training: Error that production has from its training rows, by *before_error*, that of its held-out rows.
    """
    if abs(before - 1) <= _CALIBRATED * before_error:
        return abs(now - 1) > _Z * math.hypot(error, before_error * from_training)
    return abs(now - before) > _Z * math.hypot(error, before_error)
