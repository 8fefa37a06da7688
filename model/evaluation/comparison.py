"""Challenger against production: which rows may judge both, and how much loss the challenger saves on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from model.evaluation.metrics import QUIET, Score, finite
from model.evaluation.resampling import REPLICATES, Vector, mean_above_zero

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """Losses of a challenger and of production on the same rows, which neither was trained on; shape (n_rows,).

    Args:
        loss: squared_error, log_loss or error_rate.
        same: Both gave equal answers, but for rounding.
        moved: How far the mean prediction moved; see Comparison.
        note: How the pair is judged, where that is not as usual.
    """

    loss: str
    challenger: Vector
    production: Vector
    same: bool = False
    moved: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """Errors of a challenger and of production on the same rows; None where a figure cannot be computed.

    Args:
        rows: How many rows both were judged by; neither was trained on them.
        loss, note: Those of the pair.
        challenger, production: The mean loss; for squared error its root, in the target's unit.
        improvement: Reduction of the mean loss as a share of production's, with its interval.
        confidence_reached: The highest confidence whose interval lies above 0 whole; 0 for a tie.
        moved: How far the mean prediction moved, in standard deviations of the target; for classes how far the mean
            probability of that class moved that moved most, in those of belonging to it.
    """

    rows: int
    confidence: float
    replicates: int = REPLICATES
    loss: str = "squared_error"
    challenger: float | None = None
    production: float | None = None
    improvement: Score = field(default_factory=Score)
    confidence_reached: float | None = None
    moved: float | None = None
    note: str = ""

    def document(self) -> dict[str, Any]:
        """The comparison as the manifest records it."""
        squared = self.loss == "squared_error"
        return {
            "rows": self.rows,
            "replicates": self.replicates,
            "confidence": self.confidence,
            **({} if squared else {"loss": self.loss}),
            "rmse" if squared else self.loss: {"challenger": self.challenger, "production": self.production},
            "improvement": self.improvement.document(),
            "confidence_reached": self.confidence_reached,
            "moved": self.moved,
            **({"judged": self.note} if self.note else {}),
        }


@QUIET
def compare(pair: Pair, *, confidence: float, seed: int, done: Callable[[], None] = lambda: None) -> Comparison:
    """Whether the challenger of *pair* predicts better than production.

    *done* is called after each batch of replicates.
    """
    rows = len(pair.challenger)
    if rows < 2:  # noqa: PLR2004 - one row has no spread
        return Comparison(rows, confidence, loss=pair.loss, note=pair.note)
    gains = pair.production - pair.challenger
    ours, theirs = float(pair.challenger.mean()), float(pair.production.mean())
    improvement, reached = Score(), None
    if np.isfinite(gains).all():
        if pair.same:
            gains = np.zeros(rows)
        saved = mean_above_zero(gains[None, :], confidence=confidence, seed=seed, done=done)
        ends = (float(saved.mean[0]), float(saved.low[0]), float(saved.high[0]))
        improvement = Score(*(finite(end / theirs) if theirs else None for end in ends))
        reached = float(saved.reached[0])
    if pair.loss == "squared_error":
        ours, theirs = float(np.sqrt(ours)), float(np.sqrt(theirs))
    return Comparison(
        rows,
        confidence,
        loss=pair.loss,
        challenger=finite(ours),
        production=finite(theirs),
        improvement=improvement,
        confidence_reached=reached,
        moved=pair.moved,
        note=pair.note,
    )


def inputs(document: Document) -> list[str]:
    """The columns of a manifest's model: names of the features in order, and last the target's."""
    return [*(feature["name"] for feature in document["features"]), document["target"]["name"]]
