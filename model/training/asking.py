"""How an estimator, and the model made of it, are asked: answers as a matrix, so that both compare cell by cell.

A row of answers is the predicted number; for a classifier the place of the predicted label among its classes, and
behind it the probability of each class where it gives them. A row that is not answered is NaN.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from functions.columns.schema import Feature, Level
from functions.columns.table import Table
from functions.runtimes import Predictions
from model.training.inputs import as_input

Answers = NDArray[np.float64]
"""Shape (n_rows, 1), or (n_rows, 1 + n_classes)."""

Ask = Callable[[Table], Answers]
"""From a table of features to answers; may raise, or give NaN, where a row is not answered."""


def asking(
    estimator: BaseEstimator, features: Sequence[Feature], *, named: bool = False, classes: Sequence[Level] = ()
) -> Ask:
    """*estimator* as it answers tables of *features*; it may write into its input, and print or warn."""

    def ask(table: Table) -> Answers:
        return asked(estimator, lambda: as_input(table, features, named=named).copy(), classes)

    return ask


def asked(estimator: BaseEstimator, make: Callable[[], Any], classes: Sequence[Level] = ()) -> Answers:
    """The answers of *estimator* to an input, which *make* makes anew for each of its methods."""
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        values = np.ravel(estimator.predict(make()))
        chances = estimator.predict_proba(make()) if classes and hasattr(estimator, "predict_proba") else None
    return answers(values, chances, classes)


def predicted(predictions: Predictions, classes: Sequence[Level] = ()) -> Answers:
    """What a runtime answered."""
    return answers(predictions.values, predictions.probabilities, classes)


def answers(values: NDArray[Any], probabilities: NDArray[Any] | None, classes: Sequence[Level]) -> Answers:
    """Numbers, or labels with the probabilities of *classes*, as a matrix."""
    if not classes:
        return np.asarray(values, np.float64).reshape(-1, 1)
    places = {label: float(place) for place, label in enumerate(classes)}
    column = np.array([places.get(label, np.nan) for label in values.tolist()], np.float64).reshape(-1, 1)
    return column if probabilities is None else np.hstack([column, np.asarray(probabilities, np.float64)])


def answered(ask: Ask, rows: Table) -> Answers:
    """Answers to *rows*; NaN where one is refused, which is found by halves."""
    try:
        return ask(rows)
    except Exception:  # noqa: BLE001 - an estimator may raise anything for a row that it does not take
        if len(rows) == 1:
            return np.full((1, 1), np.nan)
    middle = len(rows) // 2
    return stacked([answered(ask, rows[:middle]), answered(ask, rows[middle:])])


def stacked(parts: Sequence[Answers]) -> Answers:
    """Answers one below the other; rows that were refused are NaN in as many columns as the others have."""
    width = max(part.shape[1] for part in parts)
    return np.concatenate([part if part.shape[1] == width else np.full((len(part), width), np.nan) for part in parts])
