"""Probabilities of rows by fits that did not see them, and a classifier that answers from a threshold on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier

from functions.columns.schema import Feature, Level
from functions.columns.table import Table
from model.errors import CandidateError
from model.training.candidates import Trial, guarded, pipeline
from model.training.folds import folds_of
from model.training.inputs import rows_of
from model.training.losses import chances


def scores_out_of_fold(
    trial: Trial,
    table: Table,
    y: NDArray[Any],
    positive: int,
    *,
    features: tuple[Feature, ...],
    folds: int,
    seed: int,
    groups: NDArray[Any],
    times: NDArray[np.float64] | None = None,
    done: Callable[[], None] = lambda: None,
) -> NDArray[np.float64]:
    """The probability of the class at place *positive* among two; shape (n_rows,), NaN for rows in no fold.

    Folds are those of the first repeat of `search`; with *times* the first rows are in none. *done* is called after
    each fit.

    Raises:
        CandidateError: The trial cannot be fitted, or gives no probabilities.
    """
    x, classes = trial.input(table, features), np.unique(y)
    scores = np.full(len(y), np.nan)
    for train, test in folds_of(groups, y, classes=True, folds=folds, seed=seed, times=times):
        with guarded(trial):
            estimator = pipeline(trial, features, seed).fit(rows_of(x, train), y[train])
            _with_probabilities(trial, estimator)
            scores[test] = chances(estimator, rows_of(x, test), classes)[:, positive]
        done()
    return scores


def from_threshold_on(
    trial: Trial, estimator: BaseEstimator, x: Any, y: NDArray[Any], *, positive: Level, value: float
) -> BaseEstimator:
    """*estimator*, fitted to *x* and *y*, so that it answers *positive* wherever its probability reaches *value*.

    Raises:
        CandidateError: It gives no probabilities.
    """
    _with_probabilities(trial, estimator)
    threshold = FixedThresholdClassifier(
        FrozenEstimator(estimator), threshold=value, pos_label=positive, response_method="predict_proba"
    )
    with guarded(trial):
        return threshold.fit(x, y)


def _with_probabilities(trial: Trial, estimator: BaseEstimator) -> None:
    if not hasattr(estimator, "predict_proba"):
        raise CandidateError(f"training.threshold needs probabilities, and {trial} gives none")
