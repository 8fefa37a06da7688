"""One column of a version, feature or prediction: its figures in the window, and whether it moved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from functions.columns.schema import Level, shown
from model.config import MonitoringConfig
from model.data.drift import OK, WARN, Distances, Weighting, against_training, against_window, movement
from model.data.findings import Finding
from model.monitoring.findings import finding, share_severity
from model.monitoring.windows import Window

Vector = NDArray[np.float64]
Role = Literal["input", "prediction", "score"]


@dataclass(frozen=True)
class Description:
    """A column's values in four numbers; None where a number is not known or not finite."""

    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None


@dataclass(frozen=True)
class LevelShare:
    """One level of a category: its share of the cells that are there, in training and in this window."""

    level: Level
    training: float
    serving: float


@dataclass(frozen=True)
class ColumnFigures:
    """A column in one window.

    Args:
        rows: Rows that have it.
        out_of_range_share: Share of the values outside the training range; of a category, of levels never seen.
        training_missing_share: Share of the training rows that lacked it.
        levels: Of a category that is logged, in the manifest's order.
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
    kind: str = "number"
    training_missing_share: float = 0.0
    levels: tuple[LevelShare, ...] = ()


def column_figures(
    name: str,
    entry: Mapping[str, Any],
    place: int,
    now: Window,
    before: Window | None,
    *,
    trained: int,
    chance: float,
    role: Role,
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
    category = "levels" in entry
    return ColumnFigures(
        name=name,
        rows=int(now.present_rows[place]),
        redacted=bool(now.redacted[place]),
        missing_share=missing / (present + missing) if present + missing else None,
        out_of_range_share=float(now.outside[place]) / present if present and role == "input" else None,
        training=Description(*(entry.get(part) for part in ("minimum", "maximum", "mean", "std"))),
        serving=Description() if category else _description(values, weighting),
        skew=against_training(entry, now.counts[place], values, trained, chance, weighting=weighting),
        drift=drift,
        kind=entry.get("kind", "number"),
        training_missing_share=entry.get("missing_share", 0.0),
        levels=_level_shares(entry, now.counts[place]) if category and present else (),
    )


def column_findings(column: ColumnFigures, where: str, limits: MonitoringConfig, *, role: Role) -> Iterable[Finding]:
    """Whether the column moved from training or from the window before, is missing, or is out of range."""
    moved = movement(column.skew, warn=limits.warn, alert=limits.alert)
    if moved.level != OK:
        found = f"{moved} from training; {_change(column)}"
        yield finding(f"{role}-skew", moved.level, where, value=moved.value, limit=moved.limit, found=found)
    moved = movement(column.drift, warn=limits.warn, alert=limits.alert)
    if moved.level != OK:
        found = f"{moved} from the window before"
        yield finding(f"{role}-drift", WARN, where, value=moved.value, limit=moved.limit, found=found)
    if role == "input":
        yield from _absent(column, where, limits)
    level, limit = share_severity(column.out_of_range_share, limits)
    if column.out_of_range_share is not None and level != OK:
        code, words = (
            ("unknown-level", "hold a level that training never saw")
            if column.kind == "category"
            else ("out-of-range", "are outside the training range")
        )
        found = f"{100 * column.out_of_range_share:.3g} % of the rows {words}"
        yield finding(code, level, where, value=column.out_of_range_share, limit=limit, found=found)


def _absent(column: ColumnFigures, where: str, limits: MonitoringConfig) -> Iterable[Finding]:
    """Whether many more rows lack the column than training rows did."""
    if column.missing_share is None:
        return
    more = column.missing_share - column.training_missing_share
    level, limit = share_severity(more, limits)
    if level != OK:
        was = (
            f", {100 * column.training_missing_share:.3g} % of the training rows did"
            if column.training_missing_share
            else ""
        )
        found = f"{100 * column.missing_share:.3g} % of the rows lack it{was}"
        yield finding("missing-input", level, where, value=more, limit=limit, found=found)


def column_notes(column: ColumnFigures, where: str) -> Iterable[str]:
    """A line for a column of which not everything is known."""
    if column.redacted:
        yield f"{where}: redacted, so nothing is known of it"
    elif column.kind == "time":
        yield f"{where}: times go on, so only its missing cells are looked at"
    elif column.skew is None:
        yield f"{where}: its training distribution is not known for this version"
    elif column.skew.wasserstein is None and column.kind != "category":
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


def _change(column: ColumnFigures) -> str:
    """The figure by which a person sees that *column* moved: its mean, or the level whose share changed most."""
    if not column.levels:
        return f"mean {_short(column.serving.mean)}, was {_short(column.training.mean)}"
    most = max(column.levels, key=lambda level: (round(abs(level.serving - level.training), 9), -level.training))
    return f"{shown(most.level)} in {100 * most.serving:.3g} % of the rows, was in {100 * most.training:.3g} %"


def _level_shares(entry: Mapping[str, Any], counts: NDArray[Any]) -> tuple[LevelShare, ...]:
    """*counts* stand below, at and between the places of the levels, as windows count."""
    whole = float(counts.sum())
    pairs = zip(entry["levels"], entry["shares"], counts[1::2].tolist(), strict=True)
    return tuple(LevelShare(level, share, count / whole) for level, share, count in pairs)


def _short(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
