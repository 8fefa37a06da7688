"""A model of classes: its losses beside production's, its errors by slices, and the checks of its metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.predictor import distance
from model.config import GateConfig
from model.evaluation.answers import Classified, Label, label_name
from model.evaluation.checks import Check, at_least, at_most, believable, below
from model.evaluation.class_losses import LOG_LOSS, loss_name, losses, share_of
from model.evaluation.comparison import Pair
from model.evaluation.expected import Expected, chance_of_errors, chance_of_more, expected_errors, expected_log_loss
from model.evaluation.metrics import QUIET, Score, finite
from model.evaluation.resampling import Vector
from model.evaluation.slices import Compared, Figures

_DIGITS = 12  # of an error rate, one less the accuracy

_THRESHOLD = (
    "probabilities are production's, labels follow another threshold: `promote --force --reason TEXT` promotes it"
)

_BOUNDS = (0.999, 0.9999)
"""Bounds of the AUC that a note proposes."""


@QUIET
def pair(actual: NDArray[Any], challenger: Classified, champion: Classified, classes: int) -> Pair:
    """Losses of both models by their answers to the same rows: log loss where both have probabilities, else 0-1 loss.

    Args:
        actual: Places of the true labels among the *classes*, which are those of both models.
    """
    if not len(actual):
        empty = np.empty(0)
        return Pair(loss_name(challenger), empty, empty)
    note = ""
    if (challenger.probabilities is None) != (champion.probabilities is None):
        without = "this version" if challenger.probabilities is None else "production"
        note = f"by wrong labels, since {without} has no probabilities"
        challenger, champion = challenger.without_probabilities(), champion.without_probabilities()
    both = (losses(actual, challenger), losses(actual, champion))
    if challenger.probabilities is None or champion.probabilities is None:
        same = bool((challenger.places == champion.places).all())
        means = [share_of(answers.places, classes) for answers in (challenger, champion)]
    else:
        same = bool(distance(challenger.probabilities, champion.probabilities).max() <= 1)
        means = [answers.mean(axis=0) for answers in (challenger.probabilities, champion.probabilities)]
        if same and (challenger.places != champion.places).any():
            note = _THRESHOLD
    one_row = 1 / (len(actual) + 1)
    shares = np.clip(share_of(actual, classes), one_row, 1 - one_row)  # a class without rows counts as one with one
    moved = float((np.abs(means[0] - means[1]) / np.sqrt(shares * (1 - shares))).max())
    return Pair(loss_name(challenger), *both, same=same, moved=finite(moved), note=note)


class Errors:
    """Answers to the held-out rows, by parts of which slices are made.

    Args:
        actual: Places of the true labels.
        champion: Production's answers to the same rows; None where there is no production.
        comparable: The rows that production may be judged by.
        positive: Place of the positive class, whose probability the bias is about.
    """

    def __init__(
        self,
        actual: NDArray[Any],
        answers: Classified,
        *,
        champion: Classified | None = None,
        comparable: NDArray[np.bool_] | None = None,
        positive: int | None = None,
    ) -> None:
        self.measure = loss_name(answers)
        self._answers = answers
        self._actual = actual.astype(np.intp)
        self._losses = losses(actual, answers)
        self._observed = None if positive is None else (actual == positive).astype(np.float64)
        self._positive = positive
        self._both: tuple[Vector, Vector] | None = None
        if champion is not None:
            one_without = (answers.probabilities is None) != (champion.probabilities is None)
            judged = [each.without_probabilities() if one_without else each for each in (answers, champion)]
            self._both = (losses(actual, judged[0]), losses(actual, judged[1]))
        self._comparable = np.ones(len(actual), np.bool_) if comparable is None else comparable

    @cached_property
    def _expected(self) -> Expected:
        if self._answers.probabilities is None:
            return expected_errors(self._losses)
        return expected_log_loss(self._losses, self._answers.probabilities)

    @QUIET
    def within(self, part: NDArray[np.bool_]) -> Figures:
        """The figures of *part*, a mask.

        Labels alone do not tell whether rows are harder: a part is worse than the whole beyond chance only where they
        are wrong more often, beyond chance as well, than the commonest class of the part would be.
        """
        bias, error = None, float(self._losses[part].mean())
        chance = self._expected.chance(part)
        if self._answers.probabilities is None:
            constant = 1 - float(share_of(self._actual[part], 1).max())
            chance = max(chance, chance_of_errors(self._losses[part], constant))
        if self._observed is not None and self._answers.probabilities is not None:
            bias = finite(float((self._answers.probabilities[:, self._positive] - self._observed)[part].mean()))
        return Figures(
            finite(error),
            bias,
            finite(self._expected.ratio(part)),
            finite(chance),
        )

    @QUIET
    def compared(self, part: NDArray[np.bool_]) -> Compared | None:
        """The figures of *part* against production; half a wrong label where it made none."""
        if self._both is None:
            return None
        usable = part & self._comparable
        rows = int(usable.sum())
        if not rows:
            return Compared(0)
        ours, theirs = (each[usable] for each in self._both)
        least = 0.0 if self.measure == LOG_LOSS else 0.5 / rows
        ratio = float(ours.mean() / max(float(theirs.mean()), least))
        return Compared(rows, finite(ratio), finite(chance_of_more(ours - theirs)))


def checks(
    bounds: GateConfig,
    scores: Mapping[str, Score],
    *,
    baseline: float,
    classes: Sequence[Label],
    positive: int | None,
) -> list[Check]:
    """The checks of the metrics.

    Args:
        baseline: Held-out loss of the best constant: mean of `class_losses.share_losses` for the class shares of the
            training rows, by the version's own loss.
    """
    value = {name: score.value for name, score in scores.items()}
    limits = {"log_loss": bounds.max_log_loss, "calibration_error": bounds.max_calibration_error}
    without = "" if "log_loss" in value else "this classifier has no probabilities"
    bounded = [at_most(name, value.get(name), most, without) for name, most in limits.items() if most is not None]
    recalls = _recalls(bounds, value, classes, positive)
    if without:
        errors = None if value["accuracy"] is None else round(1 - value["accuracy"], _DIGITS)
        return [*bounded, *recalls, below("error rate below that of the commonest class", errors, baseline)]
    low = scores["roc_auc"].low
    return [
        at_least("roc_auc", value["roc_auc"], bounds.min_auc),
        believable("roc_auc not too good to be true, low end", low, bounds.max_auc, key="max_auc", bounds=_BOUNDS),
        *bounded,
        *recalls,
        below("log_loss below that of the class shares", value["log_loss"], baseline),
    ]


def recall_bounds(bounds: GateConfig, classes: Sequence[Label], positive: int | None) -> dict[int, float]:
    """The places of the classes whose recall is bounded, with the bound; labels that are no class are left out."""
    if not isinstance(bounds.min_recall, dict):
        return {} if bounds.min_recall is None or positive is None else {positive: bounds.min_recall}
    names = [label_name(label) for label in classes]
    return {names.index(name): least for name, least in bounds.min_recall.items() if name in names}


def _recalls(
    bounds: GateConfig, value: Mapping[str, float | None], classes: Sequence[Label], positive: int | None
) -> list[Check]:
    """A check for each recall that is bounded; one that fails for a bound that is of no class."""
    names = [label_name(label) for label in classes]
    found = [
        at_least(f"recall:{names[place]}", value.get(f"recall:{names[place]}"), least)
        for place, least in recall_bounds(bounds, classes, positive).items()
    ]
    if isinstance(bounds.min_recall, dict):
        unknown = [name for name in bounds.min_recall if name not in names]
        note = f"no class has this label; the classes are {', '.join(names[:20])}"
        return found + [at_least(f"recall:{name}", None, bounds.min_recall[name], note) for name in unknown]
    if bounds.min_recall is not None and positive is None:
        note = "one number is for two classes: `min_recall = { LABEL = 0.8 }` names them"
        found.append(at_least("recall", None, bounds.min_recall, note))
    return found
