"""Challenger against production: which rows may judge both, and how much squared error the challenger saves on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from functions.predictor import distance
from model.evaluation.metrics import QUIET, Score, finite, rmse
from model.evaluation.resampling import REPLICATES, Vector, mean_above_zero

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """Squared errors of a challenger and of production on the same rows; None where a figure cannot be computed.

    Args:
        rows: How many rows both were judged by; neither was trained on them.
        improvement: Reduction of the mean squared error as a share of production's, with its interval.
        confidence_reached: The highest confidence whose interval lies above 0 whole; 0 for a tie.
        moved: How far the mean prediction moved, in standard deviations of the target.
    """

    rows: int
    confidence: float
    replicates: int = REPLICATES
    challenger_rmse: float | None = None
    production_rmse: float | None = None
    improvement: Score = field(default_factory=Score)
    confidence_reached: float | None = None
    moved: float | None = None

    def document(self) -> dict[str, Any]:
        """The comparison as the manifest records it."""
        return {
            "rows": self.rows,
            "replicates": self.replicates,
            "confidence": self.confidence,
            "rmse": {"challenger": self.challenger_rmse, "production": self.production_rmse},
            "improvement": self.improvement.document(),
            "confidence_reached": self.confidence_reached,
            "moved": self.moved,
        }


@QUIET
def compare(
    actual: Vector,
    challenger: Vector,
    champion: Vector,
    *,
    confidence: float,
    seed: int,
    done: Callable[[], None] = lambda: None,
) -> Comparison:
    """Whether *challenger* predicts better than *champion*, on the same rows, which neither was trained on.

    *done* is called after each batch of replicates.
    """
    rows = len(actual)
    if rows < 2:  # noqa: PLR2004 - one row has no spread
        return Comparison(rows, confidence)
    gains = (champion - actual) ** 2 - (challenger - actual) ** 2
    theirs = float(((champion - actual) ** 2).mean())
    improvement, reached = Score(), None
    if np.isfinite(gains).all():
        if distance(challenger, champion).max() <= 1:
            gains = np.zeros(rows)
        saved = mean_above_zero(gains[None, :], confidence=confidence, seed=seed, done=done)
        ends = (float(saved.mean[0]), float(saved.low[0]), float(saved.high[0]))
        improvement = Score(*(finite(end / theirs) if theirs else None for end in ends))
        reached = float(saved.reached[0])
    return Comparison(
        rows,
        confidence,
        challenger_rmse=finite(rmse(actual, challenger)),
        production_rmse=finite(rmse(actual, champion)),
        improvement=improvement,
        confidence_reached=reached,
        moved=finite(float(abs(challenger.mean() - champion.mean()) / actual.std())),
    )


def inputs(document: Document) -> list[str]:
    """The columns of a manifest's model: names of the features in order, and last the target's."""
    return [*(feature["name"] for feature in document["features"]), document["target"]["name"]]
