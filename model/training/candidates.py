"""Candidates of the configuration as trials: one estimator or pipeline, by import path, with one set of parameters."""

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
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier, is_regressor
from sklearn.utils import get_tags

from functions.columns.schema import Feature
from functions.columns.table import Table
from model.errors import CandidateError
from model.training import own_code
from model.training.inputs import as_input, columns_of
from model.training.preprocessing import prepared

_TOY_ROWS = 60
TASKS = {False: "regression", True: "classification"}
"""The task, by whether a trial classifies."""


@dataclass(frozen=True)
class Trial:
    """One estimator with one set of parameters.

    Args:
        estimator: Import path of a scikit-learn class, or `package.module:function` of a function that returns an
            unfitted pipeline, which takes DataFrames.
        scale: Whether numbers go through a StandardScaler first.
        classifies: Whether it predicts classes.
    """

    estimator: str
    scale: bool
    parameters: Mapping[str, Any]
    classifies: bool = False

    @property
    def is_pipeline(self) -> bool:
        """Whether a function of a user's own makes it, with whatever steps it needs."""
        return ":" in self.estimator

    def columns(self, features: Sequence[Feature]) -> list[str] | None:
        """Names of the columns as `export` needs them."""
        return columns_of(features, named=self.is_pipeline)

    def input(self, table: Table, features: Sequence[Feature]) -> Any:
        """*table* as its estimator takes it."""
        return as_input(table, features, named=self.is_pipeline)

    def __str__(self) -> str:
        scaled = ["scale"] if self.scale else []
        return " ".join([self.estimator, *scaled, *(f"{name}={value}" for name, value in self.parameters.items())])

    def document(self) -> dict[str, Any]:
        """The trial as the manifest records it."""
        return {name: value for name, value in asdict(self).items() if name != "classifies"}


def expand(
    candidates: Iterable[tuple[str, bool, Mapping[str, Sequence[Any]]]], width: int = 1, *, task: str | None = None
) -> list[Trial]:
    """One trial for every combination of each candidate's grid: (estimator, scale, grid), in the order given.

    The order ranks candidates and values from simple to complex, so it is kept; a grid's first key changes slowest.

    Args:
        width: Number of features.
        task: "regression" or "classification"; by default that of the first candidate.

    Raises:
        CandidateError: An estimator is no scikit-learn regressor or classifier, or not of the task; a pipeline's
            function is not there or fails; or a grid holds a name or a value that is refused. The message names the
            place in config.toml.
    """
    trials: list[Trial] = []
    for number, (estimator, scale, grid) in enumerate(candidates):
        key = f"training.candidates[{number}]"
        is_function = ":" in estimator
        made = own_code.estimator(estimator, f"{key}.pipeline") if is_function else _imported(estimator, key)()
        parameters, classifies = made.get_params(), is_classifier(made)
        task = task or TASKS[classifies]
        if task != TASKS[classifies]:
            other = "training.task" if not trials else "training.task or the candidates before it"
            raise CandidateError(f"{key}: {estimator} learns a {TASKS[classifies]}, and {other} a {task}")
        for name in grid:
            if name not in parameters:
                expected = ", ".join(sorted(parameters))
                raise CandidateError(f"{key}.grid.{name}: {estimator} has no such parameter; it has {expected}")
        for values in itertools.product(*grid.values()):
            trial = Trial(estimator, scale, dict(zip(grid, values, strict=True)), classifies)
            if not trial.is_pipeline:  # rows made up here need not be what a pipeline takes
                _check_parameters(trial, key, width)
            trials.append(trial)
    return trials


def fit(trial: Trial, table: Table, y: NDArray[Any], *, features: Sequence[Feature], seed: int) -> BaseEstimator:
    """Fit *trial* to all rows given, numbers or labels, to a copy of them: some estimators write into their input.

    Raises:
        CandidateError: It cannot be fitted to them.
    """
    with guarded(trial):
        return pipeline(trial, features, seed).fit(trial.input(table, features).copy(), y.copy())


def pipeline(trial: Trial, features: Sequence[Feature], seed: int) -> BaseEstimator:
    """The unfitted pipeline of *trial*, with the steps that *features* need.

    *seed* goes to each part that takes one and was given none.
    """
    if trial.is_pipeline:
        estimator = own_code.estimator(trial.estimator).set_params(**trial.parameters)
    else:
        estimator = _imported(trial.estimator)(**trial.parameters)
    open_seeds = (name for name, value in estimator.get_params().items() if value is None and _is_seed(name))
    estimator.set_params(**{name: seed for name in open_seeds if name not in trial.parameters})
    return estimator if trial.is_pipeline else prepared(estimator, features, scale=trial.scale)


def _is_seed(name: str) -> bool:
    return name == "random_state" or name.endswith("__random_state")


@contextmanager
def guarded(trial: Trial) -> Iterator[list[warnings.WarningMessage]]:
    """Turn an estimator's errors into CandidateErrors that name *trial*; yields the list of warnings so far.

    Whatever an estimator prints goes to standard error.
    """
    with warnings.catch_warnings(record=True) as caught, redirect_stdout(sys.stderr):
        warnings.simplefilter("always")
        try:
            yield caught
        except CandidateError:
            raise
        except (ValueError, TypeError, ArithmeticError, LinAlgError) as error:
            raise CandidateError(f"{trial}: {first_line(error)}") from error
        except Exception as error:  # steps of a user's own may raise anything
            raise CandidateError(f"{trial}: {type(error).__name__}: {first_line(error)}") from error


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
    x = source.normal(size=(_TOY_ROWS, width))
    y = source.integers(0, 2, size=_TOY_ROWS) if trial.classifies else source.uniform(1, 2, size=_TOY_ROWS)
    features = [Feature(f"x{column}") for column in range(width)]
    try:
        with guarded(trial):
            pipeline(trial, features, 0).fit(x, y)
    except CandidateError as error:
        if isinstance(error.__cause__, ValueError) and isinstance(error.__cause__, TypeError):
            raise CandidateError(f"{key}.grid: {first_line(error.__cause__)}") from error


def _imported(path: str, key: str = "") -> type[BaseEstimator]:
    where = f"{key}.estimator: " if key else ""
    refusal = (
        f"{where}{path} must be the import path of a scikit-learn regressor or classifier,"
        " like sklearn.linear_model.Ridge"
    )
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
        made = imported()
    except TypeError as error:
        if issubclass(imported, RegressorMixin | ClassifierMixin) and not inspect.isabstract(imported):
            function = 'pipeline = "package.module:function"'
            raise CandidateError(
                f"{where}{path} is made of other estimators; give {function}, a function that returns it"
            ) from error
        raise CandidateError(refusal) from error
    if not (is_regressor(made) or is_classifier(made)):
        raise CandidateError(refusal)
    if not get_tags(made).target_tags.single_output:
        raise CandidateError(f"{where}{path} predicts several targets; only estimators with one target are served")
    return imported
