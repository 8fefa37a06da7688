"""Whether a version may be promoted: measured values against the thresholds of config.toml. Pure decisions.

Bounds are inclusive, except that the constant's error must be beaten. A value that could not be computed fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from model.config import GateConfig
from model.evaluation.answers import Label, label_name
from model.evaluation.checks import Check, at_least, at_most
from model.evaluation.comparison import Comparison
from model.evaluation.scale import Scale
from model.evaluation.slices import Slice

_WHOLE = {"rmse": "the whole's", "error_rate": "the whole's", "log_loss": "the expected"}
"""The figure that a slice's figure is divided by."""

_KINDS = {bool: "true and false", int: "whole numbers", str: "texts"}

CHANCE = 0.01
"""Chance, over all slices of a version together, that a slice of classes is called worse and is not."""


def absolute(
    bounds: GateConfig,
    *,
    own: Sequence[Check],
    slices: Sequence[Slice],
    data_errors: int,
    rows: int | None,
    holdout_rows: int,
    furthest: float,
    model_bytes: int,
    wrong_answers: int | None,
    wrong_answer: str = "",
) -> list[Check]:
    """The checks of a version by itself.

    Args:
        own: The checks of the metrics: `regression.checks` or `classification.checks`.
        slices: Measured on the held-out rows.
        data_errors: Number of errors that the validation of the data reported.
        rows: None for a pipeline that was fitted elsewhere: its training rows may not be known.
        furthest: Largest distance of the served artefact from the estimator, by the largest that is equal, over all
            rows, those of training too, and rows that are made to tell them apart.
        model_bytes: Size of the manifest and of the arrays beside it.
        wrong_answers: Number of wrong answers of the running functions; None if they did not run.
        wrong_answer: The first of them with its call, or the reason why they did not run.
    """
    judged = [part for part in slices if not part.shown_only]
    ratio = _worst(judged, lambda part: (part.ratio, part.chance), lambda part: part.rows, bounds)
    measure = judged[0].measure if judged else "rmse"
    by_whole = at_most(f"worst slice's {_words(measure)} by {_WHOLE[measure]}", ratio, bounds.max_slice_ratio)
    return [
        at_most("data errors", data_errors, 0),
        *([] if rows is None else [at_least("rows", rows, bounds.min_rows)]),
        at_least("held-out rows", holdout_rows, bounds.min_holdout_rows),
        *own,
        *([by_whole] if judged or not slices else []),
        at_most("artefact equals estimator", furthest, 1),
        at_most("bytes of the model", model_bytes, bounds.max_model_bytes),
        at_most("wrong answers when served", wrong_answers, 0, wrong_answer),
    ]


def relative(
    bounds: GateConfig,
    *,
    comparison: Comparison,
    slices: Sequence[Slice],
    inputs: Sequence[str],
    production_inputs: Sequence[str],
    scale: Scale | None = None,
    classes: Sequence[Label] = (),
    production_classes: Sequence[Label] = (),
    unshared: str = "",
) -> list[Check]:
    """The checks against production; only those of columns and classes where the two do not read and predict the same.

    Args:
        comparison, scale, slices: Measured on the held-out rows that production was not trained on either; *scale* is
            None for classes.
        inputs, production_inputs: Names of the features in order, and last the target's; empty for a production that
            cannot predict.
        classes, production_classes: In their order; empty for numbers, and for a production that cannot predict.
        unshared: Why the rows that may judge both are too few, where they are.
    """
    same = [_inputs(inputs, production_inputs)]
    if production_inputs and (classes or production_classes):
        same.append(_classes(classes, production_classes))
    if production_inputs and (sorted(inputs) != sorted(production_inputs) or not all(one.passed for one in same[1:])):
        return same
    loss = _worst(slices, lambda part: (part.loss, part.loss_chance), lambda part: part.compared_rows or 0, bounds)
    measure = slices[0].measure if slices else "rmse"
    spread = "target" if comparison.loss == "squared_error" else "its class"
    new = at_least("held-out rows new to production", comparison.rows, bounds.min_holdout_rows)
    return [
        *same,
        replace(new, note="" if new.passed else unshared),
        at_least(
            f"{_words(comparison.loss)} saved against production",
            comparison.improvement.value,
            bounds.min_improvement,
            comparison.note,
        ),
        at_least("confidence of being better", comparison.confidence_reached, bounds.confidence),
        at_most(f"mean prediction moved, in std of {spread}", comparison.moved, bounds.max_move),
        *([] if scale is None else [_unscaled(scale)]),
        at_most(f"worst slice's {_words(measure)} by production's", loss, bounds.max_slice_loss),
    ]


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
    return at_most("inputs that differ from production's", changed, 0, "; ".join(notes))


def _classes(ours: Sequence[Label], theirs: Sequence[Label]) -> Check:
    """Whether both models answer with the same labels of the same type."""
    typed = [[(type(label), label) for label in labels] for labels in (ours, theirs)]
    added, removed = (
        [label_name(label) for kind, label in some if (kind, label) not in others]
        for some, others in (typed, reversed(typed))
    )
    notes = [f"added: {', '.join(added)}"] if added else []
    notes += [f"removed: {', '.join(removed)}"] if removed else []
    if not ours or not theirs:
        notes = ["production predicts numbers, this version classes" if ours else "this version predicts numbers"]
    elif type(ours[0]) is not type(theirs[0]):
        notes = [f"they are {_KINDS[type(ours[0])]}, production's are {_KINDS[type(theirs[0])]}"]
    return at_most("classes that differ from production's", len(added) + len(removed), 0, "; ".join(notes))


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
    figure: Callable[[Slice], tuple[float | None, float | None]],
    rows: Callable[[Slice], int],
    bounds: GateConfig,
) -> float | None:
    """The largest figure of the slices with enough rows to tell; None if one is unknown, or none has enough.

    *figure* gives it with its chance; a figure within chance counts 1 at the most, one without a chance as it is.
    """
    judged = [figure(part) for part in slices if rows(part) >= bounds.min_slice_rows]
    known = [
        value if chance is None or chance * len(judged) <= CHANCE else min(value, 1.0)
        for value, chance in judged
        if value is not None
    ]
    return max(known) if known and len(known) == len(judged) else None


def _words(name: str) -> str:
    return name.replace("_", " ")
