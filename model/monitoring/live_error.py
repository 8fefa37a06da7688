"""Whether a version errs more on labels that arrived than on the rows that were held out from its training.

It does where neither size nor chance explains the growth of the error: the root mean squared error of numbers, the log
loss of a classifier, or the share of wrong labels of one without probabilities:
    size      it grew by the share `warn` of [monitoring], or by `alert`
    chance    the difference exceeds CHANCE times the distance sqrt((live - its low end)² + (held-out high end - held
              out)²), which is the end of an interval of the difference that is made from those of both (Zou and
              Donner, Construction of confidence limits about effect measures, Statistics in Medicine 27, 2008)
Fewer labels than `min_rows` are not judged, since a bootstrap interval of few rows is too short. Where labels stand for
more instances than one, as many are needed of equal weight that would say as much.

A classifier's large losses are rare: held-out rows may hold none of them, and their interval is then too short. Where
nothing changed both are rows of one kind, so the distance of the held-out end is at least that of as many live rows.

The intervals are of 95 %, so the plain distance would be exceeded by chance in 1 of 40 windows without any change;
CHANCE widens it to the 1 of 100 that each figure of the monitor is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.config import MonitoringConfig
from model.data.drift import ALERT, OK, WARN

CHANCE = 2.326 / 1.960
"""Normal quantiles of 99 % and 97.5 %."""

_WORDS = {"rmse": "rmse", "log_loss": "log loss", "error_rate": "error rate"}


@dataclass(frozen=True)
class Interval:
    """A figure and the interval of 95 % around it; None where it is not known, or beyond float64."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        return f"{_short(self.value)} [{_short(self.low)}, {_short(self.high)}]"


@dataclass(frozen=True)
class Live:
    """Metrics by name on *rows* labels.

    Args:
        instances: Instances that these rows stand for; None where each stands for itself.
        effective_rows: How many rows of equal weight say as much (Kish); None likewise.
        reliability: Bins of rows by their probability, as manifests have them; empty without probabilities.
    """

    rows: int
    metrics: Mapping[str, Interval]
    instances: float | None = None
    effective_rows: float | None = None
    reliability: Sequence[Mapping[str, Any]] = ()

    @property
    def even(self) -> bool:
        """Whether each row stands for itself."""
        return self.instances is None or math.isclose(self.instances, self.rows)

    @property
    def measure(self) -> str:
        """The error that is judged: `rmse`, in the target's unit, `log_loss`, or `error_rate`."""
        return next((name for name in ("rmse", "log_loss") if name in self.metrics), "error_rate")

    @property
    def error(self) -> Interval:
        """The figure of `measure`."""
        return _error(self.metrics, self.measure)

    @property
    def error_name(self) -> str:
        """`measure` in words."""
        return _WORDS[self.measure]


@dataclass(frozen=True)
class HeldOut:
    """The error that the gate measured, on so many *rows*; 0 where that is not known."""

    error: Interval
    rows: int = 0


@dataclass(frozen=True)
class LiveError:
    """The judgement.

    Args:
        severity: OK, WARN or ALERT.
        known: False where it could not be judged; *found* says why.
        growth: By which share the error grew; infinite if it is beyond float64.
        limit: The share that *growth* reached, or would have to reach.
        threshold: The error from which on it counts as higher.
        found: The figures in words.
    """

    severity: str
    known: bool
    growth: float
    limit: float
    threshold: float | None
    found: str


def held_out_error(manifest: Mapping[str, Any], measure: str) -> HeldOut:
    """The error that the gate measured, by *measure*, as `Live.measure` names it."""
    parts = ("value", "low", "high")
    metrics = {name: Interval(*(score.get(part) for part in parts)) for name, score in manifest["metrics"].items()}
    return HeldOut(_error(metrics, measure), manifest["data"].get("holdout_rows", 0))


def _error(metrics: Mapping[str, Interval], measure: str) -> Interval:
    if measure != "error_rate":
        return metrics.get(measure, Interval())
    right = metrics.get("accuracy", Interval())
    return Interval(*(None if end is None else 1 - end for end in (right.value, right.high, right.low)))


def judge(live: Live, given: HeldOut, limits: MonitoringConfig) -> LiveError:
    """Whether the live error is higher than the held-out one."""
    held_out = given.error
    value, low = live.error.value, live.error.low
    labels = _labels(live)
    if (live.rows if live.effective_rows is None else live.effective_rows) < limits.min_rows:
        return _unknown(f"{labels}, {limits.min_rows} are needed to judge the error", limits)
    if value is None or low is None:
        found = f"{live.error_name} beyond float64 on {labels}; held out {_short(held_out.value)}"
        return LiveError(ALERT, True, math.inf, limits.alert, None, found)  # noqa: FBT003 - known
    if held_out.value is None or held_out.high is None or (live.measure == "rmse" and not held_out.value):
        return _unknown("its held-out error is not known, so the live error is compared with nothing", limits)
    chance = CHANCE * math.hypot(value - low, _reach(live, given))
    found = f"{live.error_name} {live.error} on {labels}; held out {held_out}"
    growth = value / held_out.value - 1 if held_out.value else math.inf if value else 0.0
    severity, limit = OK, limits.warn
    for level, share in ((ALERT, limits.alert), (WARN, limits.warn)):
        if severity == OK and growth >= share and value - held_out.value > chance:
            severity, limit = level, share
    threshold = held_out.value + max(limits.warn * held_out.value, chance)
    return LiveError(severity, True, growth, limit, threshold, found)  # noqa: FBT003 - known


def _reach(live: Live, held_out: HeldOut) -> float:
    """How far the held-out error may lie from the truth: as its interval says, or for classes as live rows do."""
    value, high = held_out.error.value or 0.0, held_out.error.high or 0.0
    if live.measure == "rmse" or not held_out.rows:
        return high - value
    error = live.error
    half = max((error.value or 0.0) - (error.low or 0.0), (error.high or 0.0) - (error.value or 0.0))
    rows = live.rows if live.effective_rows is None else live.effective_rows
    return max(high - value, half * math.sqrt(rows / held_out.rows))


def _labels(live: Live) -> str:
    if live.even or live.effective_rows is None:
        return f"{live.rows} labels"
    return (
        f"{live.rows} labels for {live.instances:.0f} instances, which say as much as {live.effective_rows:.0f} alike"
    )


def _unknown(found: str, limits: MonitoringConfig) -> LiveError:
    return LiveError(OK, False, 0.0, limits.warn, None, found)  # noqa: FBT003 - not known


def _short(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
