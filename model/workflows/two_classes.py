"""A target of two classes: which one is positive, and from which probability on it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from functions.columns.schema import Level, shown
from model.config import Config, CostConfig
from model.data.rows import Rows
from model.data.split import Sides
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


def check_keys(rows: Rows, settings: Config) -> None:
    """Let pass the keys for two classes where the target has two, and those that are not set.

    Raises:
        ConfigError: `positive` is none of the classes, or there are not two for it or for `threshold`.
    """
    _named(rows, settings)
    if settings.training.threshold and len(rows.classes) != _TWO:
        raise settings.problem(f"training.threshold is for two classes, '{rows.target}' has {_classes_in_words(rows)}")


def positive_of(rows: Rows, sides: Sides, settings: Config) -> int | None:
    """The place of the positive class: the one that is named, or the rarer among training rows; None but for two.

    Raises:
        ConfigError: The one that is named is none of them, or there are not two.
    """
    place = _named(rows, settings)
    if place is not None or len(rows.classes) != _TWO:
        return place
    counts = np.bincount(rows.y[sides.seen].astype(np.intp), minlength=_TWO)
    return int(counts[1] <= counts[0])


def _named(rows: Rows, settings: Config) -> int | None:
    label = settings.training.positive
    if label is None:
        return None
    names = ", ".join(shown(one) for one in rows.classes[:_MOST_NAMED])
    if len(rows.classes) != _TWO:
        raise settings.problem(f"training.positive is for two classes, '{rows.target}' has {_classes_in_words(rows)}")
    same = [place for place, one in enumerate(rows.classes) if (type(one), one) == (type(label), label)]
    same += [place for place, one in enumerate(rows.classes) if label_name(one) == label]
    if not same:
        raise settings.problem(f"training.positive must be one of the classes {names}, got {shown(label)}")
    return same[0]


def _classes_in_words(rows: Rows) -> str:
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
