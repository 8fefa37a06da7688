"""The loss by which candidates are compared on rows that they were not fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import log_loss, root_mean_squared_error

from functions.columns.schema import Feature
from model.training.candidates import Trial, guarded, pipeline

Metric = Literal["rmse", "log_loss", "error_rate"]


def metric_of(trials: Sequence[Trial], features: Sequence[Feature], seed: int) -> Metric:
    """The one loss that all *trials* can be compared by."""
    if not any(trial.classifies for trial in trials):
        return "rmse"
    for trial in trials:
        with guarded(trial):
            if not hasattr(pipeline(trial, features, seed), "predict_proba"):
                return "error_rate"
    return "log_loss"


def loss(metric: Metric, estimator: Any, x: Any, y: NDArray[Any], classes: NDArray[Any]) -> float:
    """The loss of a fitted *estimator* on the rows *x*, *y*.

    Args:
        classes: All labels, ascending: a class that the fit did not see has a probability of 0.
    """
    match metric:
        case "rmse":
            return float(root_mean_squared_error(y, np.ravel(estimator.predict(x))))
        case "error_rate":
            return float(np.mean(np.ravel(estimator.predict(x)) != y))
        case "log_loss":
            return float(log_loss(y, chances(estimator, x, classes), labels=classes))


def chances(estimator: Any, x: Any, classes: NDArray[Any]) -> NDArray[np.float64]:
    """The probabilities of all *classes*; shape (n_rows, n_classes)."""
    whole = np.zeros((len(x), len(classes)))
    whole[:, np.searchsorted(classes, estimator.classes_)] = estimator.predict_proba(x)
    return whole
