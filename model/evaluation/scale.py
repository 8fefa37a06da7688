"""Whether the target is in the unit that production learnt: one column times 0.9 fits as well as before.

A line through actual values against production's predictions has a slope of 1 and passes through 0 while nothing
changes. Another unit turns the line and stretches the scatter around it by the same factor; a world that moved turns
the line and leaves the scatter as it was.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from model.evaluation.metrics import QUIET
from model.evaluation.resampling import Vector, mean_above_zero

CONFIDENCE = 0.99
"""A target that is as it was is called rescaled in at most 1 of 100 trainings."""

_Z = 2.576  # of that confidence, two-sided
_MOVED_CONFIDENCE = 0.95
_MOVED = 1.96  # of that confidence: each sign of a moved world excuses a rescaled target in 1 of 40
_LEAST_ROWS = 10
_CALIBRATED = 2.0  # standard errors that a slope may lie from 1 and count as 1


@dataclass(frozen=True)
class Line:
    """Actual values against predictions on held-out rows, with standard errors that hold for uneven scatter.

    Args:
        slope: Of the least-squares line.
        ratio: Of the least-squares line through 0.
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
    """The target now, by the target that production learnt; *value* is None where the rows do not tell."""

    value: float | None = None
    changed: bool = False


@QUIET
def line(actual: Vector, predicted: Vector) -> Line | None:
    """The line through *actual* against *predicted*; None for fewer than ten rows or equal predictions."""
    rows = len(actual)
    if rows < _LEAST_ROWS or not (np.isfinite(actual).all() and np.isfinite(predicted).all()):
        return None
    around = predicted - predicted.mean()
    squares, raw = float((around**2).sum()), float((predicted**2).sum())
    if not squares > 1e-24 * raw:  # rounding
        return None
    slope = float((around * actual).sum()) / squares
    residual = actual - actual.mean() - slope * around
    ratio = float((predicted * actual).sum()) / raw
    through = actual - ratio * predicted
    spread = math.sqrt(float((residual**2).sum()) / (rows - 2))
    kurtosis = float((residual**4).mean()) / float((residual**2).mean()) ** 2 if spread else 1.0
    leverage = 1 / (1 - np.minimum(1 / rows + around**2 / squares, 0.5))
    values = (
        rows,
        slope,
        math.sqrt(float(((around * residual * leverage) ** 2).sum())) / squares,
        ratio,
        math.sqrt(float(((predicted * through) ** 2).sum()) * rows / (rows - 1)) / raw,
        spread,
        math.sqrt(max(kurtosis - 1, 0.5) / (4 * rows)),
    )
    return Line(*values) if all(map(math.isfinite, values)) else None


@QUIET
def scale(
    actual: Vector,
    challenger: Vector,
    champion: Vector,
    *,
    learnt: Mapping[str, Any] | None,
    trained_rows: int,
    seed: int,
) -> Scale:
    """The factor between the target of today and that of production's training, on rows that may judge both.

    Args:
        challenger, champion: Predictions of the new version and of production.
        learnt: The document of production's line when it was trained; None where its manifest has none. A production
            that was over- or underfitted has a slope beside 1 from the start.
        trained_rows: Rows that production was trained on; with few its predictions are off by themselves.
    """
    now = line(actual, champion)
    if now is None:
        return Scale()
    before = Line(**learnt) if learnt else Line(now.rows, 1.0, 0.0, 1.0, 0.0, now.spread, math.inf)
    from_training = math.sqrt(before.rows / max(1, trained_rows))
    factor = None
    if _differs(now.slope, now.slope_error, before.slope, before.slope_error, from_training):
        factor = now.slope / before.slope
    elif abs(now.slope - now.ratio) <= _Z * now.slope_error and _differs(
        now.ratio, now.ratio_error, before.ratio, before.ratio_error, from_training
    ):
        factor = now.ratio / before.ratio
    if factor is None:
        return Scale(now.slope / before.slope)
    size = math.log(abs(factor))
    short = size - math.log(now.spread / before.spread)  # by how much the scatter was not stretched with the line
    kept = math.copysign(short, size * short) > _MOVED * math.hypot(now.spread_error, before.spread_error)
    return Scale(factor, changed=not (kept or _turned(actual, challenger, champion, now, seed)))


def _turned(actual: Vector, challenger: Vector, champion: Vector, now: Line, seed: int) -> bool:
    """Whether the challenger beats the line through production's predictions, so that more than a factor changed."""
    rescaled = actual.mean() + now.slope * (champion - champion.mean())
    gains = (rescaled - actual) ** 2 - (challenger - actual) ** 2
    if not np.isfinite(gains).all():
        return False
    return bool(mean_above_zero(gains[None, :], confidence=_MOVED_CONFIDENCE, seed=seed).reached[0] >= _MOVED_CONFIDENCE)


def _differs(now: float, error: float, before: float, before_error: float, from_training: float) -> bool:
    """Whether *now* lies beside 1, and beside *before* where that was not 1 within chance.

    Args:
        from_training: Error that production has from its training rows, by *before_error*, that of its held-out rows.
    """
    if abs(now - 1) <= _Z * math.hypot(error, before_error * from_training):
        return False
    return abs(before - 1) <= _CALIBRATED * before_error or abs(now - before) > _Z * math.hypot(error, before_error)
