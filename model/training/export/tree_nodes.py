"""Trees of any kind as parameters of the operators over trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import get_tags

from model.training.export.builder import Frame, Graph

Array = NDArray[Any]


@dataclass(frozen=True)
class Nodes:
    """One tree, its nodes in any order, the root first.

    Args:
        left, right: Shape (nodes,); left is negative at a leaf.
        feature, threshold, missing_right: Shape (nodes,).
        value: Shape (nodes, m).
        category: Shape (nodes,); see functions.runtimes.graph.forest.Forest.
    """

    left: Array
    right: Array
    feature: Array
    threshold: Array
    missing_right: Array
    value: Array
    category: Array | None = None


def forest_parameters(nodes: Sequence[Nodes], *, single: bool, missing: bool, values: bool = True) -> dict[str, Any]:
    """Parameters of the operators `trees` and `leaves`: the nodes breadth first."""
    parts: dict[str, list[Array]] = {
        name: [] for name in ("feature", "threshold", "missing_right", "value", "category")
    }
    sizes = []
    for part in nodes:
        order = breadth_first(part)
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


def breadth_first(nodes: Nodes) -> Array:
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


def tree_nodes(fitted: Any, value: Array) -> Nodes:
    """Nodes of scikit-learn's own tree."""
    return Nodes(
        fitted.children_left,
        fitted.children_right,
        fitted.feature,
        fitted.threshold,
        ~np.asarray(fitted.missing_go_to_left, bool),
        value,
    )


def tree_input(graph: Graph, estimator: Any, frame: Frame) -> tuple[int, bool]:
    """The matrix as scikit-learn's trees check it, and whether it may hold NaN."""
    missing = bool(get_tags(estimator).input_tags.allow_nan)
    return graph.checked(graph.numbers(frame), missing=missing, single=True), missing
