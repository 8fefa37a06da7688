"""A target of two classes: which one is positive, and from which probability on it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from functions.schema import Level, shown
from model.config import CostConfig
from model.data.rows import Rows
from model.data.split import Sides
from model.errors import ConfigError
from model.evaluation.answers import label_name
from model.evaluation.threshold import choose
from model.training.export.builder import plain

_TWO = 2
_MOST_NAMED = 10


@dataclass(frozen=True)
class Threshold:
    """The probability of *positive* from which on it is answered; *cost* is what chose it here, else None."""

    value: float
    positive: Level
    cost: CostConfig | None = None

    def document(self) -> dict[str, Any]:
        """The manifest's `threshold`."""
        cost = {"cost": self.cost.model_dump()} if self.cost else {}
        return {"value": self.value, "positive": self.positive, **cost}


def positive_of(rows: Rows, sides: Sides, label: Level | None) -> int | None:
    """The place of the positive class: that of *label*, or of the rarer one among training rows; None but for two.

    Raises:
        ConfigError: *label* is none of them, or there are not two.
    """
    if label is None:
        if len(rows.classes) != _TWO:
            return None
        counts = np.bincount(rows.y[sides.seen].astype(np.intp), minlength=_TWO)
        return int(counts[1] <= counts[0])
    names = ", ".join(shown(one) for one in rows.classes[:_MOST_NAMED])
    if len(rows.classes) != _TWO:
        raise ConfigError(f"training.positive is for two classes, '{rows.target}' has {classes_in_words(rows)}")
    same = [place for place, one in enumerate(rows.classes) if (type(one), one) == (type(label), label)]
    same += [place for place, one in enumerate(rows.classes) if label_name(one) == label]
    if not same:
        raise ConfigError(f"training.positive must be one of the classes {names}, got {shown(label)}")
    return same[0]


def classes_in_words(rows: Rows) -> str:
    """How many classes the target has, and the first of them."""
    names = [shown(label) for label in rows.classes[:_MOST_NAMED]]
    more = ", …" if len(rows.classes) > _MOST_NAMED else ""
    return f"{len(rows.classes)}: {', '.join(names)}{more}" if names else "numbers"


def own_threshold(estimator: Any) -> Threshold | None:
    """The threshold that an *estimator* fitted elsewhere has of its own, where it is one of probabilities."""
    if not isinstance(estimator, FixedThresholdClassifier | TunedThresholdClassifierCV):
        return None
    method = estimator.response_method
    if method == "decision_function" or not hasattr(estimator.estimator_, "predict_proba"):
        return None
    if isinstance(estimator, TunedThresholdClassifierCV):
        value = estimator.best_threshold_
        label = estimator._curve_scorer._get_pos_label()  # noqa: SLF001 - nothing else tells
    else:
        value = 0.5 if estimator.threshold == "auto" else estimator.threshold
        label = estimator.pos_label
    return Threshold(float(value), plain(estimator.classes_[1] if label is None else label))


def cheapest(cost: CostConfig, actual: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """The threshold of least cost by *scores* of rows, of which *actual* are positive; NaN scores are left out."""
    told = ~np.isnan(scores)
    return choose(actual[told], scores[told], **cost.model_dump())
