"""Whether production should be trained again, and why. Pure decisions; a reason is due at its threshold, inclusive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]

_DEPTH = 5
"""Parts of gs://bucket/data/<dataset>/<sha256>.parquet between slashes, at least."""
_CLOCK_DAYS = 1.0
"""How far two clocks may differ."""
_OF_THE_MODEL = frozenset({"input-skew", "prediction-skew", "live-error", "out-of-range"})
"""What the monitor finds of a model that has aged."""


@dataclass(frozen=True)
class Reason:
    """One line of the decision; *value* is None where it could not be known, and *found* says why."""

    reason: str
    due: bool
    value: float | None
    threshold: float | None
    found: str


def without_production(why: str) -> list[Reason]:
    """The decision where production holds nothing that the data could be compared with."""
    return [Reason("production", due=True, value=None, threshold=None, found=why)]


def decide(
    limits: Document,
    *,
    age_days: float,
    rows: int,
    new_rows: int,
    shifts: Sequence[str],
    shift_limit: float,
) -> list[Reason]:
    """The reasons that time and data give.

    Args:
        limits: [retraining] of config.toml.
        age_days: Since the production version was made.
        rows, new_rows: How many the data holds, and how many of them production's data did not.
        shifts: What validation says of each feature that moved by *shift_limit* or more, and by more than chance.
    """
    old = rows - new_rows
    share = new_rows / max(old, 1)
    return [
        Reason(
            "age in days",
            due=age_days >= limits["max_age_days"] or age_days < -_CLOCK_DAYS,
            value=round(age_days, 3),
            threshold=limits["max_age_days"],
            found=f"production is {abs(age_days):.1f} days old"
            if age_days >= -_CLOCK_DAYS
            else f"production was made {-age_days:.1f} days from now: a clock is wrong, so its age is not known",
        ),
        Reason(
            "new rows by known ones",
            due=share >= limits["new_rows"],
            value=share,
            threshold=limits["new_rows"],
            found=f"{new_rows} of {rows} rows are new",
        ),
        Reason(
            "features that shifted",
            due=bool(shifts),
            value=len(shifts),
            threshold=1,
            found="; ".join(shifts) or f"none by {shift_limit:g} and more than chance",
        ),
    ]


def live_error(live: Document, held_out: Document, *, rows: int, known: int) -> Reason:
    """The reason that labelled rows give: production errs more on them than when it was judged.

    Due when the whole interval of the live error lies above the whole interval of the held-out one: with intervals of
    95 %, by chance alone in 3 of 1000 cases where both are as wide, in 25 where one is far narrower (Schenker and
    Gentleman, On judging the significance of differences by examining the overlap between confidence intervals, The
    American Statistician 55, 2001).

    An error that is too large for a number is due as well.

    Args:
        live, held_out: `rmse` with its interval, in the target's unit.
        rows, known: How many rows were scored, and how many left out because production was trained on them.
    """
    left_out = f", {known} that it was trained on left out" if known else ""
    if rows > 1 and live["value"] is None:
        found = f"beyond float64 on {rows} labelled rows{left_out}"
        return Reason("live rmse", due=True, value=None, threshold=held_out["high"], found=found)
    if None in (live["low"], held_out["high"]):
        found = f"not known: {rows} labelled rows{left_out}"
        return Reason("live rmse", due=False, value=live["value"], threshold=held_out["high"], found=found)
    return Reason(
        "live rmse",
        due=live["low"] > held_out["high"],
        value=live["value"],
        threshold=held_out["high"],
        found=f"{_interval(live)} on {rows} labelled rows{left_out}, {_interval(held_out)} when it was judged",
    )


def watched(document: Document) -> Reason:
    """The reason that the monitor gives: an alert about the model in production, which training may mend.

    Requests that fail or are slow are no reason: another model would fail and be slow as well.

    Args:
        document: What `monitor` found.
    """
    ours = [found for found in document["findings"] if found["code"] in _OF_THE_MODEL]
    alerts = [f"{found['code']}: {found['what']}: {found['found']}" for found in ours if found["severity"] == "alert"]
    return Reason(
        "alerts of the monitor",
        due=bool(alerts),
        value=len(alerts),
        threshold=1,
        found="; ".join(alerts) or f"none about the model; the monitor says {document['status']}",
    )


def forced() -> Reason:
    return Reason("force", due=True, value=None, threshold=None, found="--force was given")


def why(reasons: Sequence[Reason]) -> str:
    """The due ones in one line."""
    return "; ".join(reason.found for reason in reasons if reason.due)


def briefly(reasons: Sequence[Reason]) -> str:
    """The same for the history, which every cold start reads."""
    return "; ".join(f"{reason.reason}{_figure(reason.value)}" for reason in reasons if reason.due)


def other_data(production: Document, dataset: str) -> str:
    """That production was trained on another data set than *dataset*, where all rows are new; or nothing."""
    kept = str(production.get("data", {}).get("uri", "")).split("/")
    if len(kept) < _DEPTH or kept[-2] == dataset:
        return ""
    return f"production was trained on {kept[-2]}, and these rows are of {dataset}"


def _figure(value: float | None) -> str:
    return "" if value is None else f" {value:.3g}"


def _interval(score: Document) -> str:
    return f"{score['value']:.4g} [{score['low']:.4g}, {score['high']:.4g}]"
