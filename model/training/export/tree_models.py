"""Exporters of decision trees, forests and gradient boosting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import ensemble, tree
from sklearn.utils import get_tags

from model.training.export.builder import Answer, Frame, Graph
from model.training.export.linear_models import linked
from model.training.export.registry import answer, register, register_transformer, transformed

Array = NDArray[Any]

_TWO = 2
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class _Nodes:
    """One tree, its nodes in any order, the root first.

    Args:
        left, right: Shape (nodes,); left is negative at a leaf.
        feature, threshold, missing_right: Shape (nodes,).
        value: Shape (nodes, m).
        category: Shape (nodes,); see functions.runtimes.graph.trees.Forest.
    """

    left: Array
    right: Array
    feature: Array
    threshold: Array
    missing_right: Array
    value: Array
    category: Array | None = None


def _forest(nodes: Sequence[_Nodes], *, single: bool, missing: bool, values: bool = True) -> dict[str, Any]:
    """Parameters of the operators `trees` and `leaves`: the nodes breadth first."""
    parts: dict[str, list[Array]] = {
        name: [] for name in ("feature", "threshold", "missing_right", "value", "category")
    }
    sizes = []
    for part in nodes:
        order = _breadth_first(part)
        is_leaf = part.left[order] < 0
        splits, leaves = order[~is_leaf], order[is_leaf]
        sizes.append(len(order))
        parts["feature"].append(np.where(is_leaf, -1, part.feature[order]))
        parts["threshold"].append(part.threshold[splits])
        parts["missing_right"].append(part.missing_right[splits].astype(bool))
        parts["value"].append(part.value[leaves])
        if part.category is not None:
            parts["category"].append(part.category[splits])
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items() if arrays}
    joined["feature"] = joined["feature"].astype(
        np.int32 if joined["feature"].max() > np.iinfo(np.int16).max else np.int16
    )
    if single:
        joined["threshold"] = _rounded_down(joined["threshold"])
    if not missing:
        del joined["missing_right"]
    if not values:
        del joined["value"]
    return {**joined, "sizes": np.array(sizes), "single": single}


def _breadth_first(nodes: _Nodes) -> Array:
    levels, level = [np.zeros(1, np.intp)], np.zeros(1, np.intp)
    while True:
        splits = level[nodes.left[level] >= 0]
        if not splits.size:
            return np.concatenate(levels)
        level = np.stack([nodes.left[splits], nodes.right[splits]], axis=1).ravel()
        levels.append(level)


def _rounded_down(threshold: Array) -> Array:
    """The greatest float32 not above each threshold: a float32 is at most the one exactly if at most the other."""
    with np.errstate(over="ignore"):
        single = threshold.astype(np.float32)
    above = single.astype(np.float64) > threshold
    lower: Array = np.where(above, np.nextafter(single, np.float32(-np.inf)), single)
    return lower


def _nodes(fitted: Any, value: Array) -> _Nodes:
    """Nodes of scikit-learn's own tree."""
    return _Nodes(
        fitted.children_left,
        fitted.children_right,
        fitted.feature,
        fitted.threshold,
        ~np.asarray(fitted.missing_go_to_left, bool),
        value,
    )


def _input(graph: Graph, estimator: Any, frame: Frame) -> tuple[int, bool]:
    """The matrix as scikit-learn's trees check it, and whether it may hold NaN."""
    missing = bool(get_tags(estimator).input_tags.allow_nan)
    return graph.checked(graph.numbers(frame), missing=missing, single=True), missing


def _members(estimator: Any) -> list[Any]:
    return list(getattr(estimator, "estimators_", [estimator]))


@register(
    tree.DecisionTreeRegressor, tree.ExtraTreeRegressor, ensemble.RandomForestRegressor, ensemble.ExtraTreesRegressor
)
def _regression(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    if estimator.n_outputs_ > 1:
        raise graph.refuse(estimator, "several targets; only estimators with one target are served")
    return Answer(_mean_of_trees(graph, estimator, frame, [m.tree_.value[:, :, 0] for m in _members(estimator)]))


@register(
    tree.DecisionTreeClassifier,
    tree.ExtraTreeClassifier,
    ensemble.RandomForestClassifier,
    ensemble.ExtraTreesClassifier,
)
def _classification(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    if estimator.n_outputs_ > 1:
        raise graph.refuse(estimator, "several targets; only estimators with one target are served")
    values = [member.tree_.value[:, 0, :] for member in _members(estimator)]
    shares = _mean_of_trees(graph, estimator, frame, values)
    return Answer(graph.apply("argmax", shares), estimator.classes_, shares)


def _mean_of_trees(graph: Graph, estimator: Any, frame: Frame, values: Sequence[Array]) -> int:
    x, missing = _input(graph, _members(estimator)[0], frame)
    nodes = [_nodes(m.tree_, value) for m, value in zip(_members(estimator), values, strict=True)]
    start = np.zeros(values[0].shape[1])
    total = graph.add("trees", x, start=start, **_forest(nodes, single=True, missing=missing))
    return graph.apply("divide", total, float(len(nodes))) if hasattr(estimator, "estimators_") else total


@register_transformer(ensemble.RandomTreesEmbedding)
def _embedding(graph: Graph, estimator: Any, frame: Frame) -> Frame:
    x, missing = _input(graph, estimator.estimators_[0], frame)
    nodes = [_nodes(member.tree_, member.tree_.value[:, :, 0]) for member in estimator.estimators_]
    leaves = graph.add("leaves", x, **_forest(nodes, single=True, missing=missing, values=False))
    orders = [(part, _breadth_first(part)) for part in nodes]
    places = [order[part.left[order] < 0] for part, order in orders]
    sizes = [len(part) for part in places]
    hot = graph.add("one_hot", leaves, sizes=np.array(sizes))
    # scikit-learn's columns are a tree's leaves by their own numbers; leaves that no training row reached have none.
    columns, first = [], 0
    for leaves_of_tree, categories in zip(places, estimator.one_hot_encoder_.categories_, strict=True):
        at = {int(leaf): place for place, leaf in enumerate(leaves_of_tree)}
        columns += [first + at[int(leaf)] for leaf in categories]
        first += len(leaves_of_tree)
    return graph.frame(graph.take(hot, columns))


# --- gradient boosting ---


@register(ensemble.GradientBoostingRegressor)
def _boosted_regression(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    return Answer(_boosted(graph, estimator, frame))


@register(ensemble.GradientBoostingClassifier)
def _boosted_classes(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    raw = _boosted(graph, estimator, frame)
    if len(estimator.classes_) > _TWO:
        return Answer(graph.apply("argmax", raw), estimator.classes_, graph.apply("softmax", raw), raw)
    doubled = graph.apply("multiply", raw, 2.0) if estimator.loss == "exponential" else raw
    shares = graph.pair(graph.apply("expit", doubled))
    return Answer(graph.apply("greater_equal", raw, 0.0), estimator.classes_, shares, raw)


def _boosted(graph: Graph, estimator: Any, frame: Frame) -> int:
    """Raw predictions: the initial ones plus each stage's trees, in their order."""
    stages = estimator.estimators_
    members = [member for stage in stages for member in stage]
    x, missing = _input(graph, estimator, frame)
    width = stages.shape[1]
    nodes = [_nodes(member.tree_, estimator.learning_rate * member.tree_.value[:, :, 0]) for member in members]
    parameters = _forest(nodes, single=True, missing=missing)
    parameters["target"] = np.tile(np.arange(width), len(stages))
    if isinstance(estimator.init_, str):
        return graph.add("trees", x, start=np.zeros(width), **parameters)
    if type(estimator.init_).__name__ in {"DummyRegressor", "DummyClassifier"}:
        start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), np.float32))[0]
        return graph.add("trees", x, start=start, **parameters)
    if type(estimator.init_) not in _EXACT_IN_FLOAT32:
        name = type(estimator.init_).__name__
        raise graph.refuse(
            estimator, f"init={name} is given float32 numbers and computes with them; use a tree, or none"
        )
    with graph.at("init"):
        first = _initial(graph, estimator, graph.frame(graph.apply("float32", x)))
    return graph.add("trees", x, first, **parameters)


_EXACT_IN_FLOAT32 = {
    tree.DecisionTreeClassifier,
    tree.DecisionTreeRegressor,
    ensemble.ExtraTreesClassifier,
    ensemble.ExtraTreesRegressor,
    ensemble.GradientBoostingClassifier,
    ensemble.GradientBoostingRegressor,
    ensemble.RandomForestClassifier,
    ensemble.RandomForestRegressor,
}
"""What boosting may start from: the others' answers hang on sums in float32."""


def _initial(graph: Graph, estimator: Any, frame: Frame) -> int:
    """Raw predictions of the estimator that boosting starts from."""
    start = answer(graph, estimator.init_, frame)
    if start.classes is None:
        return start.values
    if start.probabilities is None:
        raise graph.refuse(estimator.init_, "it gives no probabilities")
    shares = start.probabilities
    if len(start.classes) == _TWO:
        shares = graph.take(shares, [1])
    clipped = graph.apply("minimum", graph.apply("maximum", shares, _EPSILON), 1 - _EPSILON)
    match type(estimator._loss.link).__name__:
        case "LogitLink":
            return graph.apply("logit", clipped)
        case "HalfLogitLink":
            return graph.apply("multiply", graph.apply("logit", clipped), 0.5)
        case "MultinomialLogit":
            logarithms = graph.apply("log", clipped)
            return graph.add("pairwise", logarithms, graph.apply("mean", logarithms), function="subtract")
    raise graph.refuse(estimator, "init= with this loss; leave it out")


# --- histogram boosting ---


@register(ensemble.HistGradientBoostingRegressor)
def _histogram_regression(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    return Answer(linked(graph, estimator, estimator._loss.link, _histogram(graph, estimator, frame)))


@register(ensemble.HistGradientBoostingClassifier)
def _histogram_classes(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    raw = _histogram(graph, estimator, frame)
    if len(estimator.classes_) > _TWO:
        return Answer(graph.apply("argmax", raw), estimator.classes_, graph.apply("softmax", raw), raw)
    shares = graph.pair(graph.apply("expit", raw))
    return Answer(graph.apply("argmax", shares), estimator.classes_, shares, raw)


def _histogram(graph: Graph, estimator: Any, frame: Frame) -> int:
    """Raw predictions. Its trees compare in float64, take NaN and infinities, and categories up to 255."""
    if estimator._preprocessor is not None:
        frame = transformed(graph, estimator._preprocessor, frame)
    x = graph.numbers(frame)
    width = estimator.n_trees_per_iteration_
    known, known_row = estimator._bin_mapper.make_known_categories_bitsets()
    sets: list[Array] = []
    nodes, target = [], []
    for iteration in estimator._predictors:
        for column, predictor in enumerate(iteration):
            nodes.append(_predictor_nodes(predictor, known, known_row, sets))
            target.append(column)
    parameters = _forest(nodes, single=False, missing=True)
    if sets:
        parameters["categories_right"] = np.array(sets)
    else:
        del parameters["category"]
    start = np.broadcast_to(np.ravel(estimator._baseline_prediction), (width,)).astype(float)
    return graph.add("trees", x, start=start, target=np.array(target), **parameters)


def _predictor_nodes(predictor: Any, known: Array, known_row: Array, sets: list[Array]) -> _Nodes:
    """Nodes of one tree; the sets of categories that go right are appended to *sets*."""
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"].astype(bool)
    by_category = nodes["is_categorical"].astype(bool) & ~is_leaf
    missing_right = ~nodes["missing_go_to_left"].astype(bool)
    category = np.full(len(nodes), -1)
    for place in np.flatnonzero(by_category):
        node = nodes[place]
        left = _bits(predictor.raw_left_cat_bitsets[node["bitset_idx"]])
        seen = _bits(known[known_row[node["feature_idx"]]])
        right = ~left & (seen | missing_right[place])
        category[place] = len(sets)
        sets.append(np.append(right, missing_right[place]))
    return _Nodes(
        np.where(is_leaf, -1, nodes["left"].astype(np.intp)),
        nodes["right"].astype(np.intp),
        nodes["feature_idx"].astype(np.intp),
        np.where(by_category, np.inf, nodes["num_threshold"]).astype(float),
        missing_right & ~by_category,
        nodes["value"][:, None],
        category,
    )


def _bits(words: Array) -> Array:
    """256 bits of eight 32-bit words."""
    values = np.arange(256)
    bits: Array = (words[values >> 5] >> (values & 31).astype(words.dtype)) & 1
    return bits.astype(bool)
