"""Rows that a line fits, and trials on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from model.errors import CandidateError
from model.training.candidates import Trial

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
