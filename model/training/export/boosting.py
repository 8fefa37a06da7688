"""Exporters of gradient boosting, by single trees and by histograms."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import ensemble, tree

from model.training.export.builder import Answer, Frame, Graph
from model.training.export.linear_models import linked
from model.training.export.registry import answer, register, transformed
from model.training.export.tree_nodes import Array, Nodes, forest_parameters, tree_input, tree_nodes

_TWO = 2
_EPSILON = float(np.finfo(np.float64).eps)


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
    x, missing = tree_input(graph, estimator, frame)
    width = stages.shape[1]
    nodes = [tree_nodes(member.tree_, estimator.learning_rate * member.tree_.value[:, :, 0]) for member in members]
    parameters = forest_parameters(nodes, single=True, missing=missing)
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
"""Classes that boosting may start from: the answers of others hang on sums in float32."""


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
    parameters = forest_parameters(nodes, single=False, missing=True)
    if sets:
        parameters["categories_right"] = np.array(sets)
    else:
        del parameters["category"]
    start = np.broadcast_to(np.ravel(estimator._baseline_prediction), (width,)).astype(float)
    return graph.add("trees", x, start=start, target=np.array(target), **parameters)


def _predictor_nodes(predictor: Any, known: Array, known_row: Array, sets: list[Array]) -> Nodes:
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
        sets.append(np.append(right, [missing_right[place]] * 2))  # any other number counts as missing
    return Nodes(
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
