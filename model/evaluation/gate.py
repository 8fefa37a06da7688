"""Whether a version may be promoted: measured values against the thresholds of config.toml. Pure decisions.

Bounds are inclusive, except that the mean's error must be beaten. A value that could not be computed fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from model.config import GateConfig
from model.evaluation.comparison import Comparison
from model.evaluation.metrics import Score
from model.evaluation.scale import Scale
from model.evaluation.slices import Slice

_BOUNDS = (0.99, 0.995, 0.999, 0.9999)
"""Bounds of r2 that a note proposes."""


@dataclass(frozen=True)
class Check:
    """One line of the gate's table; *value* and *threshold* are in the unit of the checked figure.

    Args:
        note: Says what a number cannot; "" where there is nothing to say.
    """

    check: str
    passed: bool
    value: float | None
    threshold: float
    note: str = ""

    def document(self) -> dict[str, Any]:
        """The line as the manifest records it; a note only where there is one."""
        line = asdict(self)
        return line if self.note else {name: value for name, value in line.items() if name != "note"}


def absolute(
    bounds: GateConfig,
    *,
    scores: Mapping[str, Score],
    slices: Sequence[Slice],
    data_errors: int,
    rows: int | None,
    holdout_rows: int,
    baseline_rmse: float,
    furthest: float,
    model_bytes: int,
    wrong_answers: int | None,
    wrong_answer: str = "",
) -> list[Check]:
    """The checks of a version by itself.

    Args:
        scores, slices: Measured on the held-out rows.
        data_errors: Number of errors that the validation of the data reported.
        rows: None for a pipeline that was fitted elsewhere: its training rows may not be known.
        baseline_rmse: Held-out error, in the target's unit, of predicting the mean of the training rows.
        furthest: Largest distance of the served artefact from the estimator, by the largest that is equal, over all
            rows, those of training too, and rows that are made to tell them apart.
        model_bytes: Size of the manifest and of the arrays beside it.
        wrong_answers: Number of wrong answers of the running functions; None if they did not run.
        wrong_answer: The first of them with its call, or the reason why they did not run.
    """
    value = {name: score.value for name, score in scores.items()}
    value["bias"] = None if value["bias"] is None else abs(value["bias"])
    limits = {"rmse": bounds.max_rmse, "mae": bounds.max_mae, "bias": bounds.max_bias}
    judged = [part for part in slices if not part.shown_only]
    ratio = _worst(judged, lambda part: part.ratio, lambda part: part.rows, bounds)
    by_whole = [_at_most("worst slice's rmse by the whole's", ratio, bounds.max_slice_ratio)]
    return [
        _at_most("data errors", data_errors, 0),
        *([] if rows is None else [_at_least("rows", rows, bounds.min_rows)]),
        _at_least("held-out rows", holdout_rows, bounds.min_holdout_rows),
        _at_least("r2", value["r2"], bounds.min_r2),
        _believable(value["r2"], bounds.max_r2),
        *(_at_most(name, value[name], limit) for name, limit in limits.items() if limit is not None),
        _below("rmse below that of the mean", value["rmse"], baseline_rmse),
        *(by_whole if judged or not slices else []),
        _at_most("artefact equals estimator", furthest, 1),
        _at_most("bytes of the model", model_bytes, bounds.max_model_bytes),
        replace(_at_most("wrong answers when served", wrong_answers, 0), note=wrong_answer),
    ]


def relative(
    bounds: GateConfig,
    *,
    comparison: Comparison,
    scale: Scale,
    slices: Sequence[Slice],
    inputs: Sequence[str],
    production_inputs: Sequence[str],
) -> list[Check]:
    """The checks against production; only the first one where the two do not read and predict the same columns.

    Args:
        comparison, scale, slices: Measured on the held-out rows that production was not trained on either.
        inputs, production_inputs: Names of the features in order, and last the target's; empty for a production that
            cannot predict.
    """
    same_inputs = _inputs(inputs, production_inputs)
    if production_inputs and sorted(inputs) != sorted(production_inputs):
        return [same_inputs]
    loss = _worst(slices, lambda part: part.loss, lambda part: part.compared_rows or 0, bounds)
    return [
        same_inputs,
        _at_least("held-out rows new to production", comparison.rows, bounds.min_holdout_rows),
        _at_least("squared error saved against production", comparison.improvement.value, bounds.min_improvement),
        _at_least("confidence of being better", comparison.confidence_reached, bounds.confidence),
        _at_most("mean prediction moved, in std of target", comparison.moved, bounds.max_move),
        _unscaled(scale),
        _at_most("worst slice's rmse by production's", loss, bounds.max_slice_loss),
    ]


def _believable(r2: float | None, most: float) -> Check:
    """Whether the fit is no better than outside a laboratory; else the line of the configuration that allows it."""
    check = _at_most("r2 not too good to be true", r2, most)
    if check.passed or check.value is None:
        return check
    bound = next((bound for bound in _BOUNDS if check.value <= bound), 1.0)
    note = (
        "nearly always a feature was made from the target, or is known only after it: look at the most important ones; "
        f"if none was, `max_r2 = {bound:g}` in [gate] of the configuration allows it"
    )
    return replace(check, note=note)


def _inputs(ours: Sequence[str], theirs: Sequence[str]) -> Check:
    """Whether both models read the same features in the same order and predict the same target."""
    added = [name for name in ours[:-1] if name not in theirs[:-1]]
    removed = [name for name in theirs[:-1] if name not in ours[:-1]]
    notes = [f"added: {', '.join(added)}"] if added else []
    notes += [f"removed: {', '.join(removed)}"] if removed else []
    changed = len(added) + len(removed)
    if ours[-1:] != theirs[-1:]:
        changed += 1
        notes += [f"the target is {ours[-1]}, it was {theirs[-1]}"] if theirs else []
    if not changed:
        changed = sum(name != other for name, other in zip(ours, theirs, strict=True))
        notes = ["another order"] if changed else []
    return replace(_at_most("inputs that differ from production's", changed, 0), note="; ".join(notes))


def _unscaled(scale: Scale) -> Check:
    """Whether the target is in the unit that production learnt; it passes where no row can tell."""
    note = ""
    if scale.changed and scale.value is not None:
        note = (
            f"the target is {scale.value:.2f} of what production learnt; "
            "if that is meant, `promote --force --reason TEXT` says so"
        )
    elif scale.moved and scale.value is not None:
        note = f"it follows the predictions {scale.value:.2f} times as steeply, and its scatter does not: no other unit"
    return Check("target by the scale of production's", not scale.changed, scale.value, 1, note)


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
