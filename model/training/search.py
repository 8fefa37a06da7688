"""From candidates to the best estimator, and from an affine estimator to coefficients.

A trial is a plain table: {"estimator": import path, "scale": bool, "parameters": {name: value}}. It is what the
search tries and what the manifest records.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import math
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_regressor
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from functions.schema import Matrix
from model.errors import CandidateError

Trial = Mapping[str, Any]

_TOY_ROWS = 60


@dataclass(frozen=True)
class Result:
    """A trial and its root mean squared error over the folds, in the target's unit.

    Args:
        rmse: Mean over all folds of all repeats.
        rmse_std: Standard deviation over the same.
        rmse_se: Standard error of the mean. Repeats average the luck of the split, but bring no new rows, so it is
            rmse_std over the square root of the number of folds, however many repeats there were.
        unserved: Why it cannot be served; "" if it can.
        warned: What its fits warned of.
        chosen: Whether `choose` chose it.
    """

    trial: Trial
    rmse: float
    rmse_std: float
    rmse_se: float
    unserved: str = ""
    warned: tuple[str, ...] = ()
    chosen: bool = False

    def table(self) -> dict[str, Any]:
        """The manifest's entry."""
        own = {name: value for name, value in vars(self).items() if name not in {"trial", "warned"}}
        return {**self.trial, **own, "unserved": self.unserved or None, "warned": list(self.warned)}


def expand(candidates: Iterable[tuple[str, bool, Mapping[str, Sequence[Any]]]], width: int = 1) -> list[Trial]:
    """One trial for every combination of each candidate's grid: (estimator, scale, grid), in the order given.

    The order says what is simpler, so it is kept: of candidates, and of the values in a grid, the first key slowest.

    Args:
        width: Number of features that there will be.

    Raises:
        CandidateError: An estimator is no scikit-learn regressor, or its grid holds a name or a value that it refuses;
            the message names the place in config.toml.
    """
    trials: list[Trial] = []
    for number, (estimator, scale, grid) in enumerate(candidates):
        place = f"training.candidates[{number}]"
        known = _regressor(estimator, place)().get_params()
        for name in grid:
            if name not in known:
                expected = ", ".join(sorted(known))
                raise CandidateError(f"{place}.grid.{name}: {estimator} has no such parameter; it has {expected}")
        for values in itertools.product(*grid.values()):
            trial = {"estimator": estimator, "scale": scale, "parameters": dict(zip(grid, values, strict=True))}
            _check_parameters(trial, place, width)
            trials.append(trial)
    return trials


def search(
    trials: Sequence[Trial],
    x: Matrix,
    y: NDArray[np.float64],
    *,
    folds: int,
    seed: int,
    repeats: int = 1,
    groups: NDArray[Any] | None = None,
    done: Callable[[], None] = lambda: None,
) -> list[Result]:
    """Cross-validate every trial on the same folds, *repeats* times; in the order given.

    Whatever learns from rows, a scaler too, learns from the folds that are not scored. Rows of one group, shape
    (n_rows,), stand in one fold together: duplicates of a row must not stand on both sides. Which fold that is depends
    on the seed and on the groups there are, not on the order of the rows. *done* is called after each fit.

    Raises:
        CandidateError: A trial cannot be fitted to these rows, none can be served, or the groups are fewer than the
            folds.
    """
    splits = list(_splits(np.arange(len(x)) if groups is None else groups, folds=folds, repeats=repeats, seed=seed))
    scores = np.empty((len(trials), len(splits)))
    unserved, warned = [""] * len(trials), [dict[str, None]() for _ in trials]
    for split, test in enumerate(splits):
        for place, trial in enumerate(trials):
            with _guarded(trial) as caught:
                estimator = _pipeline(trial, seed).fit(x[~test], y[~test])
                scores[place, split] = root_mean_squared_error(y[test], np.ravel(estimator.predict(x[test])))
            warned[place] |= dict.fromkeys(map(_warning, caught))
            if split == 0:
                unserved[place] = _unserved(estimator)
            done()
        if split == 0 and trials and all(unserved):  # before the other folds are paid for
            lines = (f"{named(trial)}: {reason}" for trial, reason in zip(trials, unserved, strict=True))
            raise CandidateError("\n".join(["none of training.candidates can be served:", *lines]))
    return [
        Result(
            trial,
            rmse=float(row.mean()),
            rmse_std=float(row.std(ddof=1)),
            rmse_se=float(row.std(ddof=1)) / math.sqrt(folds),
            unserved=reason,
            warned=tuple(texts),
        )
        for trial, row, reason, texts in zip(trials, scores, unserved, warned, strict=True)
    ]


def choose(results: Sequence[Result]) -> list[Result]:
    """The same results, best first, with the one to use marked: the simplest within one standard error of the best.

    The rule is that of Breiman, Friedman, Olshen and Stone, Classification and Regression Trees (1984), section 3.4.3;
    see also Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009), section 7.10. Simplest is
    what stands first among *results*: numbers of parameters and strengths of regularisation compare within a family
    of estimators, but not from one to another, and each estimator names and turns its own; who wrote the list knows.
    Those that cannot be served are neither best nor chosen.
    """
    servable = [result for result in results if not result.unserved]
    best = min(servable, key=lambda result: result.rmse)
    simplest = next(result for result in servable if result.rmse <= best.rmse + best.rmse_se)
    marked = (replace(result, chosen=result is simplest) for result in results)
    return sorted(marked, key=lambda result: result.rmse)


def fit(trial: Trial, x: Matrix, y: NDArray[np.float64], *, seed: int) -> Pipeline:
    """Fit *trial* to all rows given, to a copy of them: some estimators write into their input.

    Raises:
        CandidateError: It cannot be fitted to them.
    """
    with _guarded(trial):
        return _pipeline(trial, seed).fit(x.copy(), y.copy())


def named(trial: Trial) -> str:
    """*trial* in one line."""
    parameters = ["scale", *(f"{name}={value}" for name, value in trial["parameters"].items())]
    return " ".join([trial["estimator"], *parameters[0 if trial["scale"] else 1 :]])


def to_linear(pipeline: Pipeline) -> dict[str, Any]:
    """The manifest's `linear` of a fitted *pipeline*: prediction = intercept + Σ coefficients · instance.

    A scaler is multiplied out in exact rational arithmetic and rounded once, so a feature with a large mean and a
    small spread costs no digits here. Whether double precision can hold the rest is proved on the rows.

    Raises:
        CandidateError: The estimator has no coefficients, or predicts by more than them, so it is not affine.
    """
    estimator = pipeline[-1]
    name = type(estimator).__name__
    if not hasattr(estimator, "coef_") or not hasattr(estimator, "intercept_"):
        raise CandidateError(
            f"{type(estimator).__name__} has no coef_ and intercept_: only affine models can be served"
        )
    if not _is_affine(pipeline, np.size(estimator.coef_)):
        name = type(estimator).__name__
        raise CandidateError(f"{name} predicts by more than intercept_ + coef_ · x: only affine models can be served")
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


def _unserved(estimator: Pipeline) -> str:
    try:
        to_linear(estimator)
    except CandidateError as error:
        return str(error)
    return ""


def _splits(groups: NDArray[Any], *, folds: int, repeats: int, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Which rows are scored, fold by fold: each group once in each repeat; folds differ by one group at most."""
    different, group = np.unique(groups, return_inverse=True)
    if len(different) < folds:
        raise CandidateError(f"{folds} folds need at least {folds} different training rows, got {len(different)}")
    for repeat in range(repeats):
        fold = np.random.default_rng([seed, repeat]).permutation(len(different)) % folds
        for number in range(folds):
            yield (fold == number)[group]


@contextmanager
def _guarded(trial: Trial) -> Iterator[list[warnings.WarningMessage]]:
    """What scikit-learn raises, it raises of *trial*; what it warns of is collected, what it prints is talk."""
    with warnings.catch_warnings(record=True) as caught, redirect_stdout(sys.stderr):
        warnings.simplefilter("always")
        try:
            yield caught
        except (ValueError, TypeError, ArithmeticError, LinAlgError) as error:
            raise CandidateError(f"{named(trial)}: {_first_line(error)}") from error


def _warning(caught: warnings.WarningMessage) -> str:
    return f"{caught.category.__name__}: {_first_line(caught.message)}"


def _first_line(error: object) -> str:
    lines = str(error).split("\n", 1)
    return lines[0].strip() or type(error).__name__


def _check_parameters(trial: Trial, place: str, width: int) -> None:
    """Have the estimator check its parameters, which it does only when it is fitted: to a few made-up rows.

    scikit-learn's own check raises what is both a ValueError and a TypeError; other errors may be due to those rows.
    """
    source = np.random.default_rng(0)
    x, y = source.normal(size=(_TOY_ROWS, width)), source.uniform(1, 2, size=_TOY_ROWS)
    try:
        with _guarded(trial):
            _pipeline(trial, 0).fit(x, y)
    except CandidateError as error:
        if isinstance(error.__cause__, ValueError) and isinstance(error.__cause__, TypeError):
            raise CandidateError(f"{place}.grid: {_first_line(error.__cause__)}") from error


def _regressor(path: str, place: str = "") -> type[BaseEstimator]:
    where = f"{place}.estimator: " if place else ""
    wanted = f"{where}{path} must be the import path of a scikit-learn regressor, like sklearn.linear_model.Ridge"
    module, _, name = path.rpartition(".")
    package, *inner = module.split(".")
    if package != "sklearn" or {"tests", "conftest"} & {*inner}:  # those run when they are imported
        raise CandidateError(wanted)
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        raise CandidateError(f"{wanted}; there is no such name") from None
    if not (inspect.isclass(found) and issubclass(found, BaseEstimator)):
        raise CandidateError(wanted)
    try:
        regressor = is_regressor(found())
    except TypeError:  # it cannot be made without arguments, so it is a meta-estimator
        regressor = False
    if not regressor:
        raise CandidateError(wanted)
    return found


def _pipeline(trial: Trial, seed: int) -> Pipeline:
    estimator = _regressor(trial["estimator"])(**trial["parameters"])
    if "random_state" in estimator.get_params() and "random_state" not in trial["parameters"]:
        estimator.set_params(random_state=seed)
    steps = [("scaler", StandardScaler())] if trial["scale"] else []
    return Pipeline([*steps, ("regressor", estimator)])
