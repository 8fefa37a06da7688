"""From candidates to the best estimator, and from an affine estimator to coefficients.

A trial is a plain table: {"estimator": import path, "scale": bool, "parameters": {name: value}}. It is what the
search tries and what the manifest records.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_regressor
from sklearn.model_selection import KFold, ParameterGrid, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from functions.schema import Matrix

Trial = Mapping[str, Any]


class TrainingError(Exception):
    """A candidate cannot be used; the message names it and what was expected."""


@dataclass(frozen=True)
class Result:
    """A trial and its root mean squared error over the folds, in the target's unit: mean and standard deviation."""

    trial: Trial
    rmse: float
    rmse_std: float


def expand(candidates: Iterable[tuple[str, bool, Mapping[str, Sequence[Any]]]]) -> list[Trial]:
    """One trial for every combination of each candidate's grid: (estimator, scale, grid), in the order given.

    Raises:
        TrainingError: An estimator is no scikit-learn regressor, or does not know a parameter of its grid.
    """
    trials: list[Trial] = []
    for estimator, scale, grid in candidates:
        known = _regressor(estimator)().get_params()
        for name in grid:
            if name not in known:
                expected = ", ".join(sorted(known))
                raise TrainingError(f"{estimator} has no parameter '{name}'; it has {expected}")
        trials += (
            {"estimator": estimator, "scale": scale, "parameters": dict(sorted(parameters.items()))}
            for parameters in ParameterGrid(dict(grid))
        )
    return trials


def search(
    trials: Sequence[Trial],
    x: Matrix,
    y: NDArray[np.float64],
    *,
    folds: int,
    seed: int,
    done: Callable[[], None] = lambda: None,
) -> list[Result]:
    """Cross-validate every trial on the same folds; best first, ties in the order given.

    *done* is called after each trial, for progress.

    Raises:
        TrainingError: A trial cannot be fitted to these rows, or the rows are fewer than the folds.
    """
    if len(x) < folds:
        raise TrainingError(f"{folds} folds need at least {folds} training rows, got {len(x)}")
    splits = KFold(folds, shuffle=True, random_state=seed)
    results = []
    for trial in trials:
        try:
            scores = -cross_val_score(
                _pipeline(trial, seed), x, y, cv=splits, scoring="neg_root_mean_squared_error", error_score="raise"
            )
        except (ValueError, ArithmeticError) as error:
            raise TrainingError(f"{trial['estimator']} {trial['parameters']}: {error}") from error
        results.append(Result(trial, float(scores.mean()), float(scores.std())))
        done()
    return sorted(results, key=lambda result: result.rmse)


def fit(trial: Trial, x: Matrix, y: NDArray[np.float64], *, seed: int) -> Pipeline:
    """Fit *trial* to all rows given."""
    return _pipeline(trial, seed).fit(x, y)


def to_linear(pipeline: Pipeline) -> dict[str, Any]:
    """The manifest's `linear` of a fitted *pipeline*: prediction = intercept + Σ coefficients · instance.

    A scaler is multiplied out in exact rational arithmetic and rounded once, so a feature with a large mean and a
    small spread costs no digits here. Whether double precision can hold the rest is proved on the rows.

    Raises:
        TrainingError: The estimator has no coefficients, or predicts by more than them, so it is not affine.
    """
    estimator = pipeline[-1]
    if not hasattr(estimator, "coef_") or not hasattr(estimator, "intercept_"):
        raise TrainingError(f"{type(estimator).__name__} has no coef_ and intercept_: only affine models can be served")
    if not _is_affine(pipeline, np.size(estimator.coef_)):
        name = type(estimator).__name__
        raise TrainingError(f"{name} predicts by more than intercept_ + coef_ · x: only affine models can be served")
    coefficients = [Fraction(float(value)) for value in np.ravel(estimator.coef_)]
    intercept = Fraction(float(np.ravel(estimator.intercept_)[0]))
    if len(pipeline) > 1:
        scaler = pipeline[0]
        scales = [Fraction(float(value)) for value in scaler.scale_]
        coefficients = [value / scale for value, scale in zip(coefficients, scales, strict=True)]
        intercept -= sum(value * Fraction(float(mean)) for value, mean in zip(coefficients, scaler.mean_, strict=True))
    return {"coefficients": [float(value) for value in coefficients], "intercept": float(intercept)}


def _is_affine(pipeline: Pipeline, width: int) -> bool:
    """Whether the last step predicts by its coefficients: asked at the origin and at one unit along each feature."""
    estimator = pipeline[-1]
    probe = np.vstack([np.zeros(width), np.eye(width)])
    expected = probe @ np.ravel(estimator.coef_) + np.ravel(estimator.intercept_)[0]
    return bool(
        np.allclose(np.ravel(estimator.predict(probe)), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    )


def _regressor(path: str) -> type[BaseEstimator]:
    wanted = f"{path} must be the import path of a scikit-learn regressor, like sklearn.linear_model.Ridge"
    module, _, name = path.rpartition(".")
    if module.split(".")[0] != "sklearn":
        raise TrainingError(wanted)
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        raise TrainingError(f"{wanted}; there is no such name") from None
    if not (inspect.isclass(found) and issubclass(found, BaseEstimator)):
        raise TrainingError(wanted)
    try:
        regressor = is_regressor(found())
    except TypeError:  # it cannot be made without arguments, so it is a meta-estimator
        regressor = False
    if not regressor:
        raise TrainingError(wanted)
    return found


def _pipeline(trial: Trial, seed: int) -> Pipeline:
    estimator = _regressor(trial["estimator"])(**trial["parameters"])
    if "random_state" in estimator.get_params() and "random_state" not in trial["parameters"]:
        estimator.set_params(random_state=seed)
    steps = [("scaler", StandardScaler())] if trial["scale"] else []
    return Pipeline([*steps, ("regressor", estimator)])
