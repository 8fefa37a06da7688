"""A model of numbers: its losses beside production's, its errors by slices, and the checks of its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.predictor import RELATIVE, distance
from model.config import GateConfig
from model.evaluation.checks import Check, at_least, at_most, believable, below
from model.evaluation.comparison import Pair
from model.evaluation.metrics import QUIET, Score, finite, rmse
from model.evaluation.resampling import Vector
from model.evaluation.slices import Compared, Figures

_BOUNDS = (0.99, 0.995, 0.999, 0.9999)
"""Bounds of r2 that a note proposes."""


@QUIET
def pair(actual: Vector, challenger: Vector, champion: Vector) -> Pair:
    """Squared errors of both models, by their predictions of the same rows."""
    some = len(actual) > 0
    return Pair(
        "squared_error",
        (challenger - actual) ** 2,
        (champion - actual) ** 2,
        same=some and bool(distance(challenger, champion).max() <= 1),
        moved=finite(float(abs(challenger.mean() - champion.mean()) / actual.std())) if some else None,
    )


@dataclass(frozen=True)
class Errors:
    """Predictions of the held-out rows; *champion* holds production's, NaN where it may not be judged."""

    actual: Vector
    predicted: Vector
    champion: Vector | None = None
    measure: str = "rmse"

    @property
    def _floor(self) -> float:
        """An rmse below it is none beside the largest value."""
        return RELATIVE * float(np.abs(self.actual).max(initial=0.0)) or RELATIVE

    def within(self, part: NDArray[np.bool_]) -> Figures:
        """The figures of *part*, a mask."""
        error = rmse(self.actual[part], self.predicted[part])
        overall = max(rmse(self.actual, self.predicted), self._floor)
        return Figures(
            finite(error), finite(float((self.predicted - self.actual)[part].mean())), finite(error / overall)
        )

    def compared(self, part: NDArray[np.bool_]) -> Compared | None:
        """The figures of *part* against production."""
        if self.champion is None:
            return None
        usable = part & np.isfinite(self.champion)
        if not usable.any():
            return Compared(0)
        theirs = max(rmse(self.actual[usable], self.champion[usable]), self._floor)
        return Compared(int(usable.sum()), finite(rmse(self.actual[usable], self.predicted[usable]) / theirs))


def checks(bounds: GateConfig, scores: Mapping[str, Score], *, baseline_rmse: float) -> list[Check]:
    """The checks of the metrics.

    Args:
        baseline_rmse: Held-out error, in the target's unit, of predicting the mean of the training rows.
    """
    value = {name: score.value for name, score in scores.items()}
    value["bias"] = None if value["bias"] is None else abs(value["bias"])
    limits = {"rmse": bounds.max_rmse, "mae": bounds.max_mae, "bias": bounds.max_bias}
    return [
        at_least("r2", value["r2"], bounds.min_r2),
        believable("r2 not too good to be true", value["r2"], bounds.max_r2, key="max_r2", bounds=_BOUNDS),
        *(at_most(name, value[name], limit) for name, limit in limits.items() if limit is not None),
        below("rmse below that of the mean", value["rmse"], baseline_rmse),
    ]
