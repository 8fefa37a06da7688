"""Exporters of LightGBM's boosted trees, from the model's own text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np

from model.training.export.boosters import codes, confirmed
from model.training.export.builder import Answer, Frame, Graph
from model.training.export.registry import refuse, register
from model.training.export.tree_nodes import Array, Nodes, forest_parameters

_ZERO = float(np.float32(1e-35))
"""Numbers up to this distance from 0 are 0 to LightGBM (kZeroThreshold)."""

_BY_CATEGORY, _DEFAULT_LEFT = 1, 2
_NO_GAP, _ZERO_IS_GAP, _NAN_IS_GAP = range(3)

_IDENTITY = {"regression", "regression_l1", "huber", "fair", "quantile", "mape"}
_FUNCTIONS = {
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
    "multiclass": "softmax",
    "cross_entropy": "expit",
}
"""Functions from sums to answers, by objective."""


@dataclass(frozen=True)
class _Model:
    """A model's text: the members of its head, and of each tree."""

    head: dict[str, str]
    trees: list[dict[str, str]]

    @property
    def width(self) -> int:
        """Numbers that one row is given: 1, or one a class."""
        return int(self.head["num_tree_per_iteration"])


@register(lightgbm.LGBMRegressor, lightgbm.Booster)
def _regression(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    model = _read(graph, estimator)
    if model.width > 1:
        raise graph.refuse(estimator, "several classes; export the LGBMClassifier")
    return Answer(_linked(graph, estimator, model, _averaged(graph, model, _sums(graph, estimator, model, frame))))


@register(lightgbm.LGBMClassifier)
def _classification(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    model = _read(graph, estimator)
    raw = _sums(graph, estimator, model, frame)
    shares = _linked(graph, estimator, model, _averaged(graph, model, raw))
    shares = graph.pair(shares) if model.width == 1 else shares
    return Answer(graph.apply("argmax", shares), estimator.classes_, shares, raw)


refuse("it ranks, and does not predict a target; use LGBMRegressor or LGBMClassifier", lightgbm.LGBMRanker)


def _read(graph: Graph, estimator: Any) -> _Model:
    settings = estimator.params if isinstance(estimator, lightgbm.Booster) else estimator.get_params()
    if callable(settings.get("objective")):
        raise graph.refuse(estimator, "objective is a function; name one of LightGBM's own")
    if settings.get("pred_early_stop"):
        raise graph.refuse(estimator, "pred_early_stop leaves trees out; fit it without")
    head, *rest = _booster(estimator).model_to_string().split("\nTree=")
    model = _Model(_members(head), [_members(part.split("\n\n")[0]) for part in rest])
    if "objective" not in model.head:
        raise graph.refuse(estimator, "it has no objective of LightGBM's own, so how its sums are read is not known")
    if any(tree.get("is_linear", "0") != "0" for tree in model.trees):
        raise graph.refuse(estimator, "linear_tree=True; fit it without")
    return model


def _booster(estimator: Any) -> Any:
    return estimator if isinstance(estimator, lightgbm.Booster) else estimator.booster_


def _members(text: str) -> dict[str, str]:
    lines = (line.partition("=") for line in text.split("\n"))
    return {name: value for name, _, value in lines}


def _linked(graph: Graph, estimator: Any, model: _Model, raw: int) -> int:
    """The target or the probabilities, from sums of leaves."""
    name, *options = model.head["objective"].split()
    if name in {"binary", "multiclassova"}:
        slope = float(next(option for option in options if option.startswith("sigmoid:")).partition(":")[2])
        return graph.apply("expit", graph.apply("multiply", raw, slope))
    if name == "cross_entropy_lambda":
        return graph.apply("log1p", graph.apply("exp", raw))
    if name in _FUNCTIONS:
        return graph.apply(_FUNCTIONS[name], raw)
    if "sqrt" in options:
        signed = graph.add("pairwise", graph.apply("sign", raw), raw, function="multiply")
        return graph.add("pairwise", signed, raw, function="multiply")
    if name not in _IDENTITY:
        raise graph.refuse(estimator, f"objective={name!r} is not known here")
    return raw


def _averaged(graph: Graph, model: _Model, raw: int) -> int:
    """The mean over the trees where the model is a forest, else the sums as they are."""
    if "average_output" not in model.head:
        return raw
    return graph.apply("divide", raw, float(len(model.trees) // model.width))


def _sums(graph: Graph, estimator: Any, model: _Model, frame: Frame) -> int:
    """Sums of leaves: width 1, or a class each."""
    booster = _booster(estimator)
    x = graph.numbers(codes(graph, frame, _levels(graph, estimator, model), unknown=True))
    sets: list[Array] = []
    columns: dict[tuple[int, int], int] = {}
    nodes = [_nodes(tree, graph.widths[x], columns, sets) for tree in model.trees]
    parameters = forest_parameters(nodes, single=False, missing=True)
    if sets:
        parameters["categories_right"] = _equally_long(sets)
    else:
        del parameters["category"]
    parameters["target"] = np.arange(len(nodes)) % model.width

    def build(graph: Graph, x: int) -> int:
        return graph.add("trees", _widened(graph, x, columns), start=np.zeros(model.width), **parameters)

    def sums(rows: Array) -> Array:
        answers: Array = booster.predict(rows, raw_score=True)
        return answers

    return confirmed(graph, estimator, x, [_as_told(tree) for tree in model.trees], build, sums)


def _levels(graph: Graph, estimator: Any, model: _Model) -> dict[int, list[Any]]:
    """The levels of each column that was of pandas' type category, by its place."""
    levels = _booster(estimator).pandas_categorical or []
    infos = model.head["feature_infos"].split()
    by_category = [place for place, info in enumerate(infos) if not info.startswith("[") and info != "none"]
    if levels and len(levels) != len(by_category):
        raise graph.refuse(
            estimator,
            "its text does not say which columns were of type category: ordered ones, of one level, or beside "
            "categorical_feature; encode them by an OrdinalEncoder in front of it",
        )
    return dict(zip(by_category, levels, strict=True)) if levels else {}


def _numbers(tree: dict[str, str], name: str, kind: type) -> Array:
    return np.array([kind(text) for text in tree.get(name, "").split()], kind)


def _as_told(tree: dict[str, str]) -> Nodes:
    """The splits as the text has them, the leaves behind the splits."""
    value = _numbers(tree, "leaf_value", float)
    splits = len(value) - 1
    kind = _numbers(tree, "decision_type", int)
    left, right = (
        np.where(child < 0, splits + ~child, child)
        for child in (_numbers(tree, name, int)[:splits] for name in ("left_child", "right_child"))
    )
    leaves = np.full(len(value), -1)
    return Nodes(
        np.append(left, leaves),
        np.append(right, leaves),
        np.append(_numbers(tree, "split_feature", int)[:splits], leaves),
        np.append(_numbers(tree, "threshold", float)[:splits], np.zeros(len(value))),
        np.append(~(kind[:splits] & _DEFAULT_LEFT > 0), leaves < 0),
        np.append(np.zeros(splits), value)[:, None],
        np.append(kind[:splits], leaves),
    )


def _nodes(tree: dict[str, str], width: int, columns: dict[tuple[int, int], int], sets: list[Array]) -> Nodes:
    """The tree over columns that say what is missing by NaN; see `_widened` for those added to *columns*."""
    told = _as_told(tree)
    feature, threshold, missing_right = told.feature.copy(), told.threshold.copy(), told.missing_right.copy()
    category = np.full(len(feature), -1)
    bounds, words = _numbers(tree, "cat_boundaries", int), _numbers(tree, "cat_threshold", int)
    for place in np.flatnonzero(told.left >= 0):
        kind = int(told.category[place])  # type: ignore[index]
        gap = kind >> 2 & 3
        if kind & _BY_CATEGORY:
            chosen = int(threshold[place])
            category[place] = len(sets)
            sets.append(_goes_right(words[bounds[chosen] : bounds[chosen + 1]]))
            threshold[place] = np.inf
        else:
            threshold[place] = _beyond_zero(float(threshold[place]))
            if gap == _NO_GAP:
                missing_right[place] = threshold[place] < 0  # NaN is 0
        if kind & _BY_CATEGORY or gap == _ZERO_IS_GAP:
            column = (int(feature[place]), kind & _BY_CATEGORY)
            feature[place] = columns.setdefault(column, width + len(columns))
    return Nodes(told.left, told.right, feature, threshold, missing_right, told.value, category)


def _beyond_zero(threshold: float) -> float:
    """The threshold that decides alike over numbers that are not made 0 before."""
    if -_ZERO <= threshold < 0:
        return float(np.nextafter(-_ZERO, -np.inf))
    return max(threshold, _ZERO) if threshold >= 0 else threshold


def _goes_right(words: Array) -> Array:
    """Whether each category goes right, from the bits of those that go left."""
    values = np.arange(32 * len(words))
    right: Array = (words[values >> 5] >> (values & 31)) & 1 == 0
    return right


def _equally_long(sets: Sequence[Array]) -> Array:
    """Rows of one length; other categories and NaN go right."""
    longest = max(map(len, sets))
    return np.array([np.append(row, np.ones(longest + 2 - len(row), bool)) for row in sets])


def _widened(graph: Graph, x: int, columns: dict[tuple[int, int], int]) -> int:
    """The matrix, then columns of whole categories, and columns whose zeros are gaps, in the order of *columns*."""
    parts = [x]
    for feature, by_category in columns:
        column = graph.take(x, [feature])
        near_zero = {"value": 0.0, "within": _ZERO}
        parts.append(graph.apply("trunc", column) if by_category else graph.add("blank", column, **near_zero))
    return x if len(parts) == 1 else graph.add("concatenate", *parts)
