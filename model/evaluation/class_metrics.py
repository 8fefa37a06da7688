"""Metrics of a classifier's answers on held-out rows, with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.evaluation.answers import Classified, Label, Places, label_name
from model.evaluation.calibration import scored, squared_error
from model.evaluation.class_losses import losses
from model.evaluation.metrics import QUIET, Measure, Part, Score, bootstrapped
from model.evaluation.ranking import ranking
from model.evaluation.resampling import Vector

MOST_CLASSES = 20
"""Classes that have metrics of their own; where there are more, the commonest ones and those that are asked for."""

_OF_PROBABILITIES = ("log_loss", "brier", "roc_auc", "average_precision", "calibration_error")
_OF_LABELS = ("accuracy", "balanced_accuracy")
_OF_CLASSES = ("f1", "recall", "precision")
_FEWEST_RANKED = 0.1  # of the replicates: ranking costs as much again for each class


@QUIET
def class_scores(
    actual: NDArray[Any],
    answers: Classified,
    classes: Sequence[Label],
    positive: int | None,
    *,
    confidence: float,
    seed: int,
    weights: Vector | None = None,
    named: Collection[int] = (),
    done: Callable[[], None] = lambda: None,
) -> dict[str, Score]:
    """Value and interval of each metric, as `metrics.scores` makes them for numbers; without rows all are None.

    `log_loss`, `brier`, `roc_auc`, `average_precision`, `calibration_error` only of answers with probabilities, then
    `accuracy`, `balanced_accuracy`, and of single classes `f1:late`, `recall:late`, `precision:late`. They are
    those of scikit-learn's functions of these names. `brier` is halved for two classes, so it lies between 0 and 1;
    `roc_auc` and `average_precision` are those of the *positive* class, or the mean over the classes that have rows,
    one against the rest; `balanced_accuracy` is the mean recall of those. `precision` is None where the class was never
    predicted. `calibration_error` is the root of `calibration.squared_error`, 0 where that is negative; for several
    classes it is that of the likeliest class.

    Args:
        actual: Places of the true labels among *classes*.
        positive: Place of the positive class of two; None for more.
        weights: Positive; how many instances each row stands for, 1 by default.
        named: Places of classes that have metrics of their own, however many there are.
    """
    places = actual.astype(np.intp)
    probabilities = answers.probabilities
    own = _own_classes(places, len(classes), named)
    if not len(places):
        return {name: Score() for name in _names(answers, classes, own)}
    if (
        probabilities is not None and positive is not None
    ):  # in the order in which they are ranked, resample by resample
        order = np.argsort(-probabilities[:, positive], kind="stable")
        places, answers, probabilities = places[order], answers[order], probabilities[order]
        weights = None if weights is None else weights[order]

    def prepared(part: Part) -> Measure:
        measures = [_labels(places[part], answers.places[part], classes, own)]
        if probabilities is not None:
            measures.insert(0, _probabilities(places[part], answers[part], probabilities[part], len(classes), positive))

        def measure(counts: Vector) -> dict[str, Vector]:
            return {name: values for each in measures for name, values in each(counts).items()}

        return measure

    found = bootstrapped(len(places), prepared, confidence=confidence, seed=seed, weights=weights, done=done)
    return {name: _rooted(score) if name == "calibration_error" else score for name, score in found.items()}


def confusion(actual: NDArray[Any], places: Places, classes: int) -> list[list[int]]:
    """How often each class (a row) was given each label (a column)."""
    cells = np.bincount(actual.astype(np.intp) * classes + places, minlength=classes**2)
    table: list[list[int]] = cells.reshape(classes, classes).tolist()
    return table


def _names(answers: Classified, classes: Sequence[Label], own: Sequence[int]) -> list[str]:
    general = _OF_LABELS if answers.probabilities is None else _OF_PROBABILITIES + _OF_LABELS
    return [*general, *(f"{name}:{label_name(classes[place])}" for place in own for name in _OF_CLASSES)]


def _own_classes(places: Places, classes: int, named: Collection[int]) -> list[int]:
    if classes <= MOST_CLASSES:
        return list(range(classes))
    common = np.argsort(-np.bincount(places, minlength=classes), kind="stable")[:MOST_CLASSES]
    return sorted({*common.tolist(), *named})


def _probabilities(
    actual: Places, answers: Classified, probabilities: Vector, classes: int, positive: int | None
) -> Measure:
    """The metrics that need *probabilities*, those of *answers*; `calibration_error` is still squared."""
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(actual)), actual] = 1.0
    squares = ((probabilities - truth) ** 2).sum(axis=1) / (2 if classes == 2 else 1)  # noqa: PLR2004
    means = np.column_stack([losses(actual, answers), squares])
    if positive is None and classes == 2:  # noqa: PLR2004
        positive = 1
    ranked = range(classes) if positive is None else [positive]
    rankings = [ranking(actual == place, probabilities[:, place]) for place in ranked]
    share = max(_FEWEST_RANKED, 1 / len(rankings))
    calibration = squared_error(*scored(actual, answers, positive))

    def measure(counts: Vector) -> dict[str, Vector]:
        log_loss, brier = (counts @ means / counts.sum(axis=1, keepdims=True)).T
        some = counts[: math.ceil(share * len(counts))]
        auc, precision = np.moveaxis(np.array([rank(some) for rank in rankings]), 1, 0)
        return {
            "log_loss": log_loss,
            "brier": brier,
            "roc_auc": _mean(auc),
            "average_precision": _mean(precision),
            "calibration_error": calibration(counts),
        }

    return measure


def _labels(actual: Places, predicted: Places, classes: Sequence[Label], own: Sequence[int]) -> Measure:
    """The metrics of labels alone."""
    count, right = len(classes), actual == predicted
    sums = [_sums_by_class(places, count) for places in (actual, predicted)]

    def measure(counts: Vector) -> dict[str, Vector]:
        rows, given = (total(counts) for total in sums)
        hits = sums[0](counts * right)
        recall, precision = hits / rows, hits / given
        measured = {"accuracy": hits.sum(axis=0) / counts.sum(axis=1), "balanced_accuracy": _mean(recall)}
        for place in own:
            values = (2 * hits[place] / (rows[place] + given[place]), recall[place], precision[place])
            name = label_name(classes[place])
            measured |= {f"{kind}:{name}": value for kind, value in zip(_OF_CLASSES, values, strict=True)}
        return measured

    return measure


def _sums_by_class(places: Places, classes: int) -> Callable[[Vector], Vector]:
    """Sort rows by class once; gives a function of counts, which sums them by class: shape (n_classes, n_counts)."""
    if classes <= MOST_CLASSES:
        own = (places[:, None] == np.arange(classes)).astype(np.float64)
        return lambda counts: (counts @ own).T
    order = np.argsort(places, kind="stable")
    there, starts = np.unique(places[order], return_index=True)

    def sums(counts: Vector) -> Vector:
        totals = np.zeros((classes, len(counts)))
        totals[there] = np.add.reduceat(counts[:, order], starts, axis=1).T
        return totals

    return sums


def _mean(values: Vector) -> Vector:
    """The mean over classes, the first axis; a class whose value is NaN, since the resample misses it, is left out."""
    there = ~np.isnan(values)
    mean: Vector = np.where(there, values, 0.0).sum(axis=0) / there.sum(axis=0)
    return mean


def _rooted(score: Score) -> Score:
    ends = (score.value, score.low, score.high)
    return Score(*(None if end is None else math.sqrt(max(0.0, end)) for end in ends))
