"""Whether production should be trained again, and why. Pure decisions; a reason is due at its threshold, inclusive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.config import MonitoringConfig, RetrainingConfig
from model.data.drift import ALERT, OK
from model.monitoring.live_error import HeldOut, Live, judge
from model.monitoring.verdict import Verdict

_DEPTH = 5
"""Parts of gs://bucket/data/<dataset>/<sha256>.parquet between slashes, at least."""
_CLOCK_DAYS = 1.0
"""How far two clocks may differ."""
ALERTS = "alerts of the monitor"
TRIED = "rows tried already"

_ABOUT_THE_MODEL = frozenset({"input-skew", "prediction-skew", "score-skew", "live-error", "out-of-range"})
"""Findings about a model that has aged."""


@dataclass(frozen=True)
class Reason:
    """One line of the decision; *value* is None where it is not known, and *found* says why."""

    reason: str
    due: bool
    value: float | None
    threshold: float | None
    found: str


def without_production(why: str) -> list[Reason]:
    """The decision where production holds nothing that the data could be compared with."""
    return [Reason("production", due=True, value=None, threshold=None, found=why)]


def decide(
    limits: RetrainingConfig,
    *,
    age_days: float,
    rows: int,
    new_rows: int | None,
    shifts: Sequence[str],
    shift_limit: float,
) -> list[Reason]:
    """The reasons that time and data give.

    Args:
        limits: [retraining] of config.toml.
        age_days: Since the production version was made.
        rows, new_rows: How many the data hold, and how many of them production's did not; None if that is not known.
        shifts: What validation says of each feature that moved by *shift_limit* or more, and by more than chance.
    """
    share = None if new_rows is None else new_rows / max(rows - new_rows, 1)
    return [
        Reason(
            "age in days",
            due=age_days >= limits.max_age_days or age_days < -_CLOCK_DAYS,
            value=round(age_days, 3),
            threshold=limits.max_age_days,
            found=f"production is {abs(age_days):.1f} days old"
            if age_days >= -_CLOCK_DAYS
            else f"production was made {-age_days:.1f} days from now: a clock is wrong, so its age is not known",
        ),
        Reason(
            "new rows by known ones",
            due=share is not None and share >= limits.new_rows,
            value=share,
            threshold=limits.new_rows,
            found="not known: the rows that production was trained on are not in the bucket any more"
            if new_rows is None
            else f"{new_rows} of {rows} rows are new",
        ),
        Reason(
            "features that shifted",
            due=bool(shifts),
            value=len(shifts),
            threshold=1,
            found="; ".join(shifts) or f"none by {shift_limit:g} and more than chance",
        ),
    ]


def live_error(live: Live, held_out: HeldOut, limits: MonitoringConfig, *, known: int) -> Reason:
    """The reason that labelled rows give: production errs more on them than when it was judged.

    Args:
        known: Rows left out because production was trained on them.
    """
    error = judge(live, held_out, limits)
    left_out = f", {known} that it was trained on left out" if known else ""
    labels = f"{live.rows} labelled rows{left_out}"
    if not error.known:
        found = f"not known: {labels}" if live.error.low is None else f"{live.error} on {labels}"
        if live.rows < limits.min_rows:
            found += f"; {limits.min_rows} are needed to judge the error"
    elif live.error.low is None:
        found = f"beyond float64 on {labels}"
    else:
        found = f"{live.error} on {labels}, {held_out.error} when it was judged"
    return Reason(
        f"live {live.error_name}",
        due=error.severity != OK,
        value=live.error.value,
        threshold=error.threshold,
        found=found,
    )


def watched(verdict: Verdict) -> Reason:
    """The reason that the monitor gives: an alert about the model in production, or a live error that is higher.

    Requests that fail or are slow are no reason: another model would fail and be slow as well.
    """
    ours = [
        finding
        for finding in verdict.findings
        if finding.code in _ABOUT_THE_MODEL and (finding.severity == ALERT or finding.code == "live-error")
    ]
    listed = [f"{finding.code}: {finding.where}: {finding.found}" for finding in ours]
    return Reason(
        ALERTS,
        due=bool(listed),
        value=len(listed),
        threshold=1,
        found="; ".join(listed) or f"none about the model; the monitor says {verdict.status}",
    )


def tried(version: int, words: str) -> Reason:
    """The line that stops a training which could give nothing new; it is never due."""
    found = f"{words}: new rows may change the answer; --force trains all the same, as after a change of config.toml"
    return Reason(TRIED, due=False, value=version, threshold=None, found=found)


def forced() -> Reason:
    return Reason("force", due=True, value=None, threshold=None, found="--force was given")


def why(reasons: Sequence[Reason]) -> str:
    """The due ones in one line."""
    return "; ".join(reason.found for reason in reasons if reason.due)


def briefly(reasons: Sequence[Reason]) -> str:
    """The same for the history, which every cold start reads."""
    return "; ".join(f"{reason.reason}{_figure(reason.value)}" for reason in reasons if reason.due)


def other_data(production: Mapping[str, Any], dataset: str) -> str:
    """That production was trained on another data set than *dataset*, where all rows are new; or nothing."""
    kept = str(production.get("data", {}).get("uri", "")).split("/")
    if len(kept) < _DEPTH or kept[-2] == dataset:
        return ""
    return f"production was trained on {kept[-2]}, and these rows are of {dataset}"


def _figure(value: float | None) -> str:
    return "" if value is None else f" {value:.3g}"
