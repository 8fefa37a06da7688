"""Candidates of the configuration as trials: one estimator, by import path, with one set of parameters."""

from __future__ import annotations

import importlib
import inspect
import itertools
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_regressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from functions.schema import Matrix
from model.errors import CandidateError

_TOY_ROWS = 60


@dataclass(frozen=True)
class Trial:
    """One estimator with one set of parameters.

    Args:
        estimator: Import path.
        scale: Whether a StandardScaler comes first.
    """

    estimator: str
    scale: bool
    parameters: Mapping[str, Any]

    def __str__(self) -> str:
        scaled = ["scale"] if self.scale else []
        return " ".join([self.estimator, *scaled, *(f"{name}={value}" for name, value in self.parameters.items())])

    def document(self) -> dict[str, Any]:
        """The trial as the manifest records it."""
        return asdict(self)


def expand(candidates: Iterable[tuple[str, bool, Mapping[str, Sequence[Any]]]], width: int = 1) -> list[Trial]:
    """One trial for every combination of each candidate's grid: (estimator, scale, grid), in the order given.

    The order ranks candidates and values from simple to complex, so it is kept; a grid's first key changes slowest.

    Args:
        width: Number of features.

    Raises:
        CandidateError: An estimator is no scikit-learn regressor, or its grid holds a name or a value that it refuses;
            the message names the place in config.toml.
    """
    trials: list[Trial] = []
    for number, (estimator, scale, grid) in enumerate(candidates):
        key = f"training.candidates[{number}]"
        parameters = _regressor(estimator, key)().get_params()
        for name in grid:
            if name not in parameters:
                expected = ", ".join(sorted(parameters))
                raise CandidateError(f"{key}.grid.{name}: {estimator} has no such parameter; it has {expected}")
        for values in itertools.product(*grid.values()):
            trial = Trial(estimator, scale, dict(zip(grid, values, strict=True)))
            _check_parameters(trial, key, width)
            trials.append(trial)
    return trials


def fit(trial: Trial, x: Matrix, y: NDArray[np.float64], *, seed: int) -> Pipeline:
    """Fit *trial* to all rows given, to a copy of them: some estimators write into their input.

    Raises:
        CandidateError: It cannot be fitted to them.
    """
    with guarded(trial):
        return pipeline(trial, seed).fit(x.copy(), y.copy())


def pipeline(trial: Trial, seed: int) -> Pipeline:
    """The unfitted pipeline of *trial*; *seed* goes to an estimator that takes one and was given none."""
    estimator = _regressor(trial.estimator)(**trial.parameters)
    if "random_state" in estimator.get_params() and "random_state" not in trial.parameters:
        estimator.set_params(random_state=seed)
    steps = [("scaler", StandardScaler())] if trial.scale else []
    return Pipeline([*steps, ("regressor", estimator)])


@contextmanager
def guarded(trial: Trial) -> Iterator[list[warnings.WarningMessage]]:
    """Turn scikit-learn's errors into CandidateErrors that name *trial*; yields the list of warnings so far.

    Whatever an estimator prints goes to standard error.
    """
    with warnings.catch_warnings(record=True) as caught, redirect_stdout(sys.stderr):
        warnings.simplefilter("always")
        try:
            yield caught
        except (ValueError, TypeError, ArithmeticError, LinAlgError) as error:
            raise CandidateError(f"{trial}: {first_line(error)}") from error


def first_line(error: object) -> str:
    """The first line of a message, or the name of the error's class where there is none."""
    lines = str(error).split("\n", 1)
    return lines[0].strip() or type(error).__name__


def _check_parameters(trial: Trial, key: str, width: int) -> None:
    """Fit *trial* to a few made-up rows, since an estimator checks its parameters only when it is fitted.

    scikit-learn's own check raises an error that is both a ValueError and a TypeError; other errors may be due to
    those rows.
    """
    source = np.random.default_rng(0)
    x, y = source.normal(size=(_TOY_ROWS, width)), source.uniform(1, 2, size=_TOY_ROWS)
    try:
        with guarded(trial):
            pipeline(trial, 0).fit(x, y)
    except CandidateError as error:
        if isinstance(error.__cause__, ValueError) and isinstance(error.__cause__, TypeError):
            raise CandidateError(f"{key}.grid: {first_line(error.__cause__)}") from error


def _regressor(path: str, key: str = "") -> type[BaseEstimator]:
    where = f"{key}.estimator: " if key else ""
    refusal = f"{where}{path} must be the import path of a scikit-learn regressor, like sklearn.linear_model.Ridge"
    module, _, name = path.rpartition(".")
    package, *inner = module.split(".")
    if package != "sklearn" or {"tests", "conftest"} & {*inner}:  # those run when they are imported
        raise CandidateError(refusal)
    try:
        imported = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        raise CandidateError(f"{refusal}; there is no such name") from None
    if not (inspect.isclass(imported) and issubclass(imported, BaseEstimator)):
        raise CandidateError(refusal)
    try:
        regressor = is_regressor(imported())
    except TypeError:  # it cannot be made without arguments, so it is a meta-estimator
        regressor = False
    if not regressor:
        raise CandidateError(refusal)
    return imported
