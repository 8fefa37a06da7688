"""Exporters of decision trees and forests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import ensemble, tree

from model.training.export.builder import Answer, Frame, Graph
from model.training.export.registry import register, register_transformer
from model.training.export.tree_nodes import Array, breadth_first, forest_parameters, tree_input, tree_nodes


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
    x, missing = tree_input(graph, _members(estimator)[0], frame)
    nodes = [tree_nodes(m.tree_, value) for m, value in zip(_members(estimator), values, strict=True)]
    start = np.zeros(values[0].shape[1])
    total = graph.add("trees", x, start=start, **forest_parameters(nodes, single=True, missing=missing))
    return graph.apply("divide", total, float(len(nodes))) if hasattr(estimator, "estimators_") else total


@register_transformer(ensemble.RandomTreesEmbedding)
def _embedding(graph: Graph, estimator: Any, frame: Frame) -> Frame:
    x, missing = tree_input(graph, estimator.estimators_[0], frame)
    nodes = [tree_nodes(member.tree_, member.tree_.value[:, :, 0]) for member in estimator.estimators_]
    leaves = graph.add("leaves", x, **forest_parameters(nodes, single=True, missing=missing, values=False))
    orders = [(part, breadth_first(part)) for part in nodes]
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
