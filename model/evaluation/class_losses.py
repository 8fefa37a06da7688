"""Losses of a classifier, row by row: log loss, or 0-1 loss where it has no probabilities; and those of a constant."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.evaluation.answers import Classified
from model.evaluation.resampling import Vector

LOG_LOSS = "log_loss"
ERROR_RATE = "error_rate"

_SMALLEST = float(np.finfo(np.float64).eps)  # probabilities are clipped as scikit-learn's log_loss clips them


def loss_name(answers: Classified) -> str:
    """The loss by which *answers* are judged."""
    return ERROR_RATE if answers.probabilities is None else LOG_LOSS


def losses(actual: NDArray[Any], answers: Classified) -> Vector:
    """The loss of each row, where *actual* holds the places of the true labels; shape (n_rows,).

    Log loss by the natural logarithm, NaN where the probability is NaN; 0 or 1 without probabilities.
    """
    places = actual.astype(np.intp)
    if answers.probabilities is None:
        wrong: Vector = (answers.places != places).astype(np.float64)
        return wrong
    found: Vector = -np.log(clipped(answers.probabilities[np.arange(len(places)), places]))
    return found


def clipped(probabilities: Vector) -> Vector:
    """*probabilities* with a finite logarithm, and of their complement too."""
    inside: Vector = np.clip(probabilities, _SMALLEST, 1 - _SMALLEST)
    return inside


def share_of(places: NDArray[Any], classes: int) -> Vector:
    """The share of each of *classes* classes among *places*; NaN where there are none; shape (n_classes,)."""
    counts = np.bincount(places.astype(np.intp), minlength=classes)
    shares: Vector = counts / counts.sum() if counts.sum() else np.full(classes, np.nan)
    return shares


def share_losses(actual: NDArray[Any], shares: Vector, loss: str = LOG_LOSS) -> Vector:
    """The loss of each row for the best constant answer: *shares* as probabilities, or the commonest class."""
    rows = len(actual)
    constant = Classified(
        np.full(rows, int(np.argmax(shares)), np.intp),
        np.tile(shares, (rows, 1)) if loss == LOG_LOSS else None,
    )
    return losses(actual, constant)
