"""One column of a version, feature or prediction: its figures in the window, and whether it moved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.config import MonitoringConfig
from model.data.drift import OK, WARN, Distances, Weighting, against_training, against_window, movement
from model.data.findings import Finding
from model.monitoring.findings import finding, share_severity
from model.monitoring.windows import Window

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Description:
    """A column's values in four numbers; None where a number is not known or not finite."""

    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None


@dataclass(frozen=True)
class ColumnFigures:
    """A column in one window.

    Args:
        rows: Rows that have it.
        skew: Its distance from the training rows; None where the manifest does not tell their distribution.
        drift: Its distance from the window before; None where that one has too few rows.
    """

    name: str
    rows: int
    redacted: bool
    missing_share: float | None
    out_of_range_share: float | None
    training: Description
    serving: Description
    skew: Distances | None
    drift: Distances | None


def column_figures(
    name: str,
    entry: Mapping[str, Any],
    place: int,
    now: Window,
    before: Window | None,
    *,
    trained: int,
    chance: float,
    is_prediction: bool,
) -> ColumnFigures:
    """Figures of the column at *place*.

    Args:
        entry: What the manifest says of it.
        before: The window before; None where it has too few rows.
        trained: Training rows.
        chance: Probability with which each limit may be exceeded without drift.
    """
    (values, weighting), drift = _values(now, place), None
    if before is not None:
        earlier, earlier_weighting = _values(before, place)
        counts, samples = (now.counts[place], before.counts[place]), (values, earlier)
        drift = against_window(entry, counts, samples, chance, weightings=(weighting, earlier_weighting))
    present, missing = float(now.present[place]), float(now.missing[place])
    return ColumnFigures(
        name=name,
        rows=int(now.present_rows[place]),
        redacted=bool(now.redacted[place]),
        missing_share=missing / (present + missing) if present + missing else None,
        out_of_range_share=float(now.outside[place]) / present if present and not is_prediction else None,
        training=Description(*(entry.get(part) for part in ("minimum", "maximum", "mean", "std"))),
        serving=_description(values, weighting),
        skew=against_training(entry, now.counts[place], values, trained, chance, weighting=weighting),
        drift=drift,
    )


def column_findings(
    column: ColumnFigures, where: str, limits: MonitoringConfig, *, is_prediction: bool
) -> Iterable[Finding]:
    """Whether the column moved from training or from the window before, is missing, or is out of range."""
    kind = "prediction" if is_prediction else "input"
    moved = movement(column.skew, warn=limits.warn, alert=limits.alert)
    if moved.level != OK:
        means = f"mean {_short(column.serving.mean)}, was {_short(column.training.mean)}"
        found = f"{moved} from training; {means}"
        yield finding(f"{kind}-skew", moved.level, where, value=moved.value, limit=moved.limit, found=found)
    moved = movement(column.drift, warn=limits.warn, alert=limits.alert)
    if moved.level != OK:
        found = f"{moved} from the window before"
        yield finding(f"{kind}-drift", WARN, where, value=moved.value, limit=moved.limit, found=found)
    for code, share, words in (
        ("missing-input", column.missing_share, "of the rows lack it"),
        ("out-of-range", column.out_of_range_share, "of the rows are outside the training range"),
    ):
        level, limit = share_severity(share, limits)
        if share is not None and level != OK:
            yield finding(code, level, where, value=share, limit=limit, found=f"{100 * share:.3g} % {words}")


def column_notes(column: ColumnFigures, where: str) -> Iterable[str]:
    """A line for a column of which not everything is known."""
    if column.redacted:
        yield f"{where}: redacted, so nothing is known of it"
    elif column.skew is None:
        yield f"{where}: its training distribution is not known for this version"
    elif column.skew.wasserstein is None:
        yield f"{where}: only deciles of training are known for this version"


def _values(window: Window, place: int) -> tuple[Vector, Weighting | None]:
    """Sampled values of a column, and their weighting unless all rows count alike."""
    values = window.sample[:, place]
    there = ~np.isnan(values)
    weighting = None if window.even else Weighting(window.weights[there], window.effective_rows(place))
    return values[there], weighting


def _description(values: Vector, weighting: Weighting | None) -> Description:
    if not len(values):
        return Description()
    with np.errstate(over="ignore", invalid="ignore"):
        if weighting is None:
            mean, std = float(values.mean()), float(values.std())
        else:
            mean = float(np.average(values, weights=weighting.weights))
            std = math.sqrt(float(np.average((values - mean) ** 2, weights=weighting.weights)))
        numbers = (float(values.min()), float(values.max()), mean, std)
    return Description(*(number if math.isfinite(number) else None for number in numbers))


def _short(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
