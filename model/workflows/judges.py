"""How good the answers of a version are, for numbers and for classes: two judges with the same questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from functions.artifact import Document
from functions.columns.schema import Level
from model.config import GateConfig
from model.evaluation import classification, regression
from model.evaluation.answers import Classified
from model.evaluation.calibration import reliability
from model.evaluation.checks import Check
from model.evaluation.class_losses import loss_name, losses, share_losses, share_of
from model.evaluation.class_metrics import class_scores, confusion
from model.evaluation.comparison import Pair
from model.evaluation.metrics import Score, residuals, rmse, scores
from model.evaluation.scale import Scale, line, recorded_line, scale
from model.evaluation.slices import Errors
from model.training.asking import Answers

Done = Callable[[], None]
Mask = NDArray[np.bool_]


class Judge(Protocol):
    """The rows that a version is judged by, and its answers to them.

    *theirs* are production's answers, NaN where it gave none or may not be judged; *rows* are masks of all rows.
    """

    def scores(self, bounds: GateConfig, seed: int, done: Done) -> dict[str, Score]:
        """The metrics on held-out rows."""

    def errors(self, theirs: Answers | None) -> Errors:
        """What slices are made of, on held-out rows."""

    def checks(self, bounds: GateConfig, measured: dict[str, Score]) -> list[Check]:
        """The gate's checks of the metrics."""

    def pair(self, both: Mask, theirs: Answers) -> Pair:
        """Losses of both models on the rows *both*."""

    def scale(self, both: Mask, theirs: Answers, champion: Document | None, seed: int) -> Scale | None:
        """The target by that of production; None for classes."""

    @property
    def loss(self) -> str:
        """The figure that the importance of features is told in: rmse, log_loss or error_rate."""

    def losses(self, truth: NDArray[np.float64], answers: Answers) -> NDArray[np.float64]:
        """The loss of each of some rows, whose mean is that figure, or its square for rmse."""

    def described(self) -> dict[str, Any]:
        """Members of the manifest beside the metrics."""


def judge_of(
    y: NDArray[np.float64],
    answers: Answers,
    *,
    held: Mask,
    seen: Mask,
    classes: Sequence[Level],
    positive: int | None,
) -> Judge:
    """The judge of *answers* to all rows, of which *held* are held out, and *seen* were trained on."""
    if classes:
        return Classes(y, answers, held, seen, classes, positive)
    return Numbers(y, answers[:, 0], held, seen)


@dataclass(frozen=True)
class Numbers:
    """A regression: *y* and *predicted* of all rows, in the target's unit."""

    y: NDArray[np.float64]
    predicted: NDArray[np.float64]
    held: Mask
    seen: Mask

    def scores(self, bounds: GateConfig, seed: int, done: Done) -> dict[str, Score]:
        return scores(self.y[self.held], self.predicted[self.held], confidence=bounds.confidence, seed=seed, done=done)

    def errors(self, theirs: Answers | None) -> Errors:
        champion = None if theirs is None else theirs[self.held, 0]
        return regression.Errors(self.y[self.held], self.predicted[self.held], champion)

    def checks(self, bounds: GateConfig, measured: dict[str, Score]) -> list[Check]:
        actual = self.y[self.held]
        constant = rmse(actual, np.full(len(actual), self.y[self.seen].mean()))
        return regression.checks(bounds, measured, baseline_rmse=constant)

    def pair(self, both: Mask, theirs: Answers) -> Pair:
        return regression.pair(self.y[both], self.predicted[both], theirs[both, 0])

    def scale(self, both: Mask, theirs: Answers, champion: Document | None, seed: int) -> Scale | None:
        if champion is None:
            return Scale()
        trained = champion["data"].get("rows", 0) - champion["data"].get("holdout_rows", 0)
        return scale(
            self.y[both],
            self.predicted[both],
            theirs[both, 0],
            learnt=recorded_line(champion),
            trained_rows=trained,
            seed=seed,
        )

    @property
    def loss(self) -> str:
        return "rmse"

    def losses(self, truth: NDArray[np.float64], answers: Answers) -> NDArray[np.float64]:
        squared: NDArray[np.float64] = (answers[:, 0] - truth) ** 2
        return squared

    def described(self) -> dict[str, Any]:
        actual, predicted = self.y[self.held], self.predicted[self.held]
        spread, fitted = residuals(actual, predicted), line(actual, predicted)
        return {"residuals": vars(spread) if spread else {}, "line": fitted.document() if fitted else None}


@dataclass(frozen=True)
class Classes:
    """A classification: *y* holds places of the labels among *classes*, *positive* that of the positive one of two."""

    y: NDArray[np.float64]
    answers: Answers
    held: Mask
    seen: Mask
    classes: Sequence[Level]
    positive: int | None

    def scores(self, bounds: GateConfig, seed: int, done: Done) -> dict[str, Score]:
        return class_scores(
            self.y[self.held],
            classified(self.answers[self.held]),
            self._labels,
            self.positive,
            confidence=bounds.confidence,
            seed=seed,
            named=classification.recall_bounds(bounds, self._labels, self.positive),
            done=done,
        )

    def errors(self, theirs: Answers | None) -> Errors:
        champion = None if theirs is None else classified(theirs[self.held])
        return classification.Errors(
            self.y[self.held],
            classified(self.answers[self.held]),
            champion=champion,
            comparable=None if theirs is None else np.asarray(np.isfinite(theirs[self.held]).all(axis=1)),
            positive=self.positive,
        )

    def checks(self, bounds: GateConfig, measured: dict[str, Score]) -> list[Check]:
        shares = share_of(self.y[self.seen], len(self.classes))
        loss = loss_name(classified(self.answers))
        constant = share_losses(self.y[self.held], shares, loss)
        baseline = float(constant.mean()) if len(constant) else float("nan")
        return classification.checks(bounds, measured, baseline=baseline, classes=self._labels, positive=self.positive)

    def pair(self, both: Mask, theirs: Answers) -> Pair:
        return classification.pair(
            self.y[both], classified(self.answers[both]), classified(theirs[both]), len(self.classes)
        )

    def scale(self, *_: object) -> Scale | None:
        return None

    @property
    def loss(self) -> str:
        return loss_name(classified(self.answers))

    def losses(self, truth: NDArray[np.float64], answers: Answers) -> NDArray[np.float64]:
        return losses(truth, classified(answers))

    def described(self) -> dict[str, Any]:
        actual, answers = self.y[self.held], classified(self.answers[self.held])
        members: dict[str, Any] = {"confusion": confusion(actual, answers.places, len(self.classes))}
        if answers.probabilities is not None:
            members["reliability"] = [part.document() for part in reliability(actual, answers, self.positive)]
        if self.positive is not None:
            members["positive"] = self.classes[self.positive]
        return members

    @property
    def _labels(self) -> Sequence[Any]:
        return self.classes


def classified(answers: Answers) -> Classified:
    """Answers as labels and probabilities; a row without an answer has the first label and no probability."""
    places = np.nan_to_num(answers[:, 0]).astype(np.intp)
    return Classified(places, answers[:, 1:] if answers.shape[1] > 1 else None)
