"""Rows that a line fits, trials on them, and the fit and the search of plain matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from functions.columns.schema import Feature
from functions.columns.table import Table
from model.errors import CandidateError
from model.training.candidates import Trial, fit
from model.training.export import export
from model.training.search import search

LINEAR = "sklearn.linear_model."

_RANDOM = np.random.default_rng(11)
X = _RANDOM.normal(size=(60, 3))
Y = X @ [1.0, -2.0, 0.5] + 3.0 + _RANDOM.normal(scale=0.3, size=60)


def trial(name: str = "LinearRegression", *, scale: bool = False, **parameters: Any) -> Trial:
    return Trial(LINEAR + name, scale, parameters)


def refusal(act: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    """The message with which *act* refuses."""
    with pytest.raises(CandidateError) as caught:
        act(*arguments, **options)
    return str(caught.value)


def numbers(width: int) -> list[Feature]:
    """Features that are complete numbers."""
    return [Feature(f"x{column}") for column in range(width)]


def fitted(chosen: Trial, x: Any, y: Any, *, seed: int = 7) -> Any:
    """*chosen*, fitted to a matrix of complete numbers."""
    return fit(chosen, Table(x), y, features=numbers(x.shape[1]), seed=seed)


def searched(trials: list[Trial], x: Any, y: Any, **options: Any) -> Any:
    """The search over a matrix of complete numbers."""
    return search(trials, Table(x), y, features=numbers(x.shape[1]), **options)


def line(estimator: Any) -> dict[str, Any]:
    """The coefficients of a fitted *estimator* of matrices."""
    document = export(estimator).document
    assert document["runtime"] == "linear"
    return document["linear"]
