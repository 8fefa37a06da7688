"""Whether a version may be promoted: measured values against the thresholds of config.toml. Pure decisions.

Bounds are inclusive, but for the mean's error, which must be beaten. What could not be computed fails.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """One line of the gate's table; *value* and *threshold* are in the unit of what is checked."""

    check: str
    passed: bool
    value: float | None
    threshold: float


def absolute(
    bounds: Document,
    *,
    metrics: Document,
    slices: Sequence[Document],
    data_errors: int,
    rows: int,
    holdout_rows: int,
    baseline_rmse: float,
    furthest_relative: float,
    tolerance: float,
    wrong_answers: int | None,
) -> list[Check]:
    """The checks of a version by itself.

    Args:
        bounds: [gate] of config.toml.
        metrics, slices: What evaluation gave for the held-out rows.
        data_errors: How many errors the validation of the data found.
        baseline_rmse: Held-out error, in the target's unit, of predicting the mean of the training rows.
        furthest_relative: Largest distance of the served artefact from the estimator over all rows, those of
            training too, relative to the largest prediction.
        wrong_answers: How many answers of the running functions were not as they must be; None if they did not run.
    """
    value = {name: score["value"] for name, score in metrics.items()}
    value["bias"] = None if value["bias"] is None else abs(value["bias"])
    return [
        _at_most("data errors", data_errors, 0),
        _at_least("rows", rows, bounds["min_rows"]),
        _at_least("held-out rows", holdout_rows, bounds["min_holdout_rows"]),
        _at_least("r2", value["r2"], bounds["min_r2"]),
        _at_most("r2 not too good to be true", value["r2"], bounds["max_r2"]),
        *(
            _at_most(name, value[name], bounds[f"max_{name}"])
            for name in ("rmse", "mae", "bias")
            if bounds.get(f"max_{name}") is not None
        ),
        _below("rmse below that of the mean", value["rmse"], baseline_rmse),
        _at_most(
            "worst slice's rmse by the whole's", _worst(slices, "ratio", "rows", bounds), bounds["max_slice_ratio"]
        ),
        _at_most("artefact equals estimator", furthest_relative, tolerance),
        _at_most("wrong answers when served", wrong_answers, 0),
    ]


def relative(
    bounds: Document,
    *,
    comparison: Document,
    slices: Sequence[Document],
    inputs: Sequence[str],
    production_inputs: Sequence[str],
) -> list[Check]:
    """The checks against production.

    Args:
        bounds: [gate] of config.toml.
        comparison, slices: What evaluation gave for the held-out rows that production was not trained on either.
        inputs, production_inputs: Names of the features in order, and last the target's.
    """
    improvement = comparison["improvement"]["value"]
    changed = sum(ours != theirs for ours, theirs in zip(inputs, production_inputs, strict=False))
    changed += abs(len(inputs) - len(production_inputs))
    worst = _worst(slices, "loss", "compared_rows", bounds)
    return [
        _at_most("inputs that differ from production's", changed, 0),
        _at_least("held-out rows new to production", comparison["rows"], bounds["min_holdout_rows"]),
        _at_least("squared error saved against production", improvement, bounds["min_improvement"]),
        _at_least("confidence of being better", comparison["confidence_reached"], bounds["confidence"]),
        _at_most("mean prediction moved, in std of target", comparison["moved"], bounds["max_move"]),
        _at_most("worst slice's rmse by production's", worst, bounds["max_slice_loss"]),
    ]


def inputs_of(document: Document) -> list[str]:
    """What a manifest's model reads and predicts: names of the features in order, and last the target's."""
    return [*(feature["name"] for feature in document["features"]), document["target"]["name"]]


def share_new_to_both(ours: Document, production: Document) -> float:
    """The share of hashes whose rows neither version was trained on; 0 if there is none, or nobody can tell.

    Rows are held out when their hash falls into the first share of all hashes. So of two shares the smaller one
    holds the rows that both kept aside: a row that only the larger one holds was trained on by the other. The hash
    covers names and values of features and target; over other columns it is another hash, and says nothing.
    """
    if sorted(inputs_of(ours)[:-1]) != sorted(inputs_of(production)[:-1]) or ours["target"] != production["target"]:
        return 0.0
    kept = production["data"].get("holdout")
    return min(ours["data"]["holdout"], kept) if isinstance(kept, float) else 0.0


def as_tables(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """The manifest's `gate`."""
    return [asdict(check) for check in checks]


def _worst(slices: Sequence[Document], figure: str, rows: str, bounds: Document) -> float | None:
    """The largest *figure* of the slices with enough rows to tell; None if one is unknown, or none has enough."""
    judged = [part[figure] for part in slices if part.get(rows, 0) >= bounds["min_slice_rows"]]
    return None if not judged or None in judged else float(max(judged))


def _at_least(check: str, value: float | None, threshold: float) -> Check:
    return Check(check, passed=_known(value, -math.inf) >= threshold, value=_shown(value), threshold=threshold)


def _at_most(check: str, value: float | None, threshold: float) -> Check:
    return Check(check, passed=_known(value, math.inf) <= threshold, value=_shown(value), threshold=threshold)


def _below(check: str, value: float | None, threshold: float) -> Check:
    return Check(check, passed=_known(value, math.inf) < threshold, value=_shown(value), threshold=threshold)


def _known(value: float | None, otherwise: float) -> float:
    """*value*, or what fails: where there is no value, or an infinite one."""
    return otherwise if value is None or not math.isfinite(value) else value


def _shown(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
