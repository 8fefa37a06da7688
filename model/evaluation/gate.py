"""Whether a version may be promoted: measured values against the thresholds of config.toml. Pure decisions.

Bounds are inclusive, except that the mean's error must be beaten. A value that could not be computed fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from model.config import GateConfig
from model.evaluation.comparison import Comparison
from model.evaluation.metrics import Score
from model.evaluation.slices import Slice


@dataclass(frozen=True)
class Check:
    """One line of the gate's table; *value* and *threshold* are in the unit of the checked figure."""

    check: str
    passed: bool
    value: float | None
    threshold: float

    def document(self) -> dict[str, Any]:
        """The line as the manifest records it."""
        return asdict(self)


def absolute(
    bounds: GateConfig,
    *,
    scores: Mapping[str, Score],
    slices: Sequence[Slice],
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
        scores, slices: Measured on the held-out rows.
        data_errors: Number of errors that the validation of the data reported.
        baseline_rmse: Held-out error, in the target's unit, of predicting the mean of the training rows.
        furthest_relative: Largest distance of the served artefact from the estimator over all rows, those of
            training too, relative to the largest prediction.
        wrong_answers: Number of wrong answers of the running functions; None if they did not run.
    """
    value = {name: score.value for name, score in scores.items()}
    value["bias"] = None if value["bias"] is None else abs(value["bias"])
    limits = {"rmse": bounds.max_rmse, "mae": bounds.max_mae, "bias": bounds.max_bias}
    ratio = _worst(slices, lambda part: part.ratio, lambda part: part.rows, bounds)
    return [
        _at_most("data errors", data_errors, 0),
        _at_least("rows", rows, bounds.min_rows),
        _at_least("held-out rows", holdout_rows, bounds.min_holdout_rows),
        _at_least("r2", value["r2"], bounds.min_r2),
        _at_most("r2 not too good to be true", value["r2"], bounds.max_r2),
        *(_at_most(name, value[name], limit) for name, limit in limits.items() if limit is not None),
        _below("rmse below that of the mean", value["rmse"], baseline_rmse),
        _at_most("worst slice's rmse by the whole's", ratio, bounds.max_slice_ratio),
        _at_most("artefact equals estimator", furthest_relative, tolerance),
        _at_most("wrong answers when served", wrong_answers, 0),
    ]


def relative(
    bounds: GateConfig,
    *,
    comparison: Comparison,
    slices: Sequence[Slice],
    inputs: Sequence[str],
    production_inputs: Sequence[str],
) -> list[Check]:
    """The checks against production.

    Args:
        comparison, slices: Measured on the held-out rows that production was not trained on either.
        inputs, production_inputs: Names of the features in order, and last the target's.
    """
    changed = sum(ours != theirs for ours, theirs in zip(inputs, production_inputs, strict=False))
    changed += abs(len(inputs) - len(production_inputs))
    loss = _worst(slices, lambda part: part.loss, lambda part: part.compared_rows or 0, bounds)
    return [
        _at_most("inputs that differ from production's", changed, 0),
        _at_least("held-out rows new to production", comparison.rows, bounds.min_holdout_rows),
        _at_least("squared error saved against production", comparison.improvement.value, bounds.min_improvement),
        _at_least("confidence of being better", comparison.confidence_reached, bounds.confidence),
        _at_most("mean prediction moved, in std of target", comparison.moved, bounds.max_move),
        _at_most("worst slice's rmse by production's", loss, bounds.max_slice_loss),
    ]


def _worst(
    slices: Sequence[Slice],
    figure: Callable[[Slice], float | None],
    rows: Callable[[Slice], int],
    bounds: GateConfig,
) -> float | None:
    """The largest *figure* of the slices with enough rows to tell; None if one is unknown, or none has enough."""
    judged = [figure(part) for part in slices if rows(part) >= bounds.min_slice_rows]
    known = [value for value in judged if value is not None]
    return max(known) if known and len(known) == len(judged) else None


def _at_least(check: str, value: float | None, threshold: float) -> Check:
    return Check(check, passed=_or(value, -math.inf) >= threshold, value=_shown(value), threshold=threshold)


def _at_most(check: str, value: float | None, threshold: float) -> Check:
    return Check(check, passed=_or(value, math.inf) <= threshold, value=_shown(value), threshold=threshold)


def _below(check: str, value: float | None, threshold: float) -> Check:
    return Check(check, passed=_or(value, math.inf) < threshold, value=_shown(value), threshold=threshold)


def _or(value: float | None, failing: float) -> float:
    """*value*, or *failing* where there is no value or an infinite one."""
    return failing if value is None or not math.isfinite(value) else value


def _shown(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
