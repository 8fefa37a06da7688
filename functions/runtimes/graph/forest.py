"""Binary trees: their layout and their checks.

A forest travels as its nodes in breadth-first order, tree by tree: *feature* (nodes,) is the column that a node asks,
or -1 at a leaf; *threshold* (splits,) goes with the splits in their order, *value* (leaves, m) with the leaves. The
children of a tree's k-th split (from 0) are its nodes 2k + 1 and 2k + 2, so where they stand is never written down and
every walk ends: the loader checks that each node stands behind its parent.

A row goes left where its number is at most the threshold. NaN goes right where *missing_right* (splits,) says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .step import Array, Step

MOST_LEVELS = 4096
"""How deep a tree may be: a walk is a loop over levels."""

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Forest:
    """Trees laid out for walking: a split's right child is its left one and one; a leaf is its own left child.

    Args:
        roots: Shape (trees,).
        feature: Shape (nodes,); 0 at a leaf.
        threshold: Shape (nodes,); NaN at a leaf, so that nothing is above it.
        left: Shape (nodes,).
        leaf: Shape (nodes,); a leaf's place among the leaves, 0 at a split.
        missing_right: Shape (nodes,), or None where no NaN is answered.
        category: Shape (nodes,); row of *categories_right* of a split by category, -1 elsewhere. None without any.
        categories_right: Shape (sets, categories + 2): whether category 0, 1, …, any other number, or NaN goes right.
    """

    roots: Places
    feature: Places
    threshold: Array
    left: Places
    leaf: Places
    missing_right: NDArray[np.bool_] | None
    category: Places | None
    categories_right: NDArray[np.bool_]

    def categories(self, numbers: Array) -> Places:
        """Each of *numbers* as a column of *categories_right*."""
        count = self.categories_right.shape[1] - 2
        with np.errstate(invalid="ignore"):
            inside = (numbers >= 0) & (numbers < count)
        category: Places = np.where(np.isnan(numbers), count + 1, count)
        category[inside] = numbers[inside].astype(np.intp)
        return category

    def by_category(self, right: NDArray[np.bool_], node: Places, categories: Places, place: Places) -> None:
        """Set *right* where *node* asks for a category: the one at *place* among *categories*, those of all numbers."""
        sets = self.category.take(node)  # type: ignore[union-attr]
        asked = np.flatnonzero(sets >= 0)
        right[asked] = self.categories_right[sets[asked], categories.take(place[asked])]


def read_forest(step: Step, width: int) -> Forest:
    """Read and check the trees of *step*."""
    sizes = step.integers("sizes", None, low=1)
    feature = step.integers("feature", None, low=-1, high=width)
    if sizes.sum() != len(feature) or not len(sizes):
        raise step.refuse(f"sizes add up to {sizes.sum()} nodes, there are {len(feature)}")
    roots = np.cumsum(sizes) - sizes
    is_split = feature >= 0
    splits = np.flatnonzero(is_split)
    root = np.repeat(roots, sizes)[splits]
    rank = np.arange(len(splits)) - np.concatenate([[0], np.cumsum(is_split)])[root]
    below = root + 2 * rank + 1
    counts = np.add.reduceat(is_split, roots, dtype=np.intp)
    if (sizes != 2 * counts + 1).any() or (below <= splits).any():
        raise step.refuse("a node does not stand behind its parent")
    left = np.arange(len(feature))
    left[splits] = below
    if counts.max() > MOST_LEVELS:  # no tree has more levels than splits
        _refuse_deep(step, roots, left)
    threshold = step.floats("threshold", len(splits), finite=False)
    if np.isnan(threshold).any():
        raise step.refuse("a threshold is NaN")
    thresholds = np.full(len(feature), np.nan, threshold.dtype)
    thresholds[splits] = threshold
    leaf = np.cumsum(~is_split) - 1
    leaf[splits] = 0
    missing = None
    if step.has("missing_right"):
        missing = np.zeros(len(feature), bool)
        missing[splits] = step.flags("missing_right", len(splits))
    category, categories_right = None, np.zeros((0, 2), bool)
    if step.has("category"):
        categories_right = step.flags("categories_right", None, None)
        if categories_right.shape[1] < len(("any other number", "NaN")):
            raise step.refuse(f"categories_right must have 2 columns at least, got {categories_right.shape[1]}")
        category = np.full(len(feature), -1)
        category[splits] = step.integers("category", len(splits), low=-1, high=len(categories_right))
    feature = np.where(is_split, feature, 0)
    return Forest(roots, feature, thresholds, left, leaf, missing, category, categories_right)


def _refuse_deep(step: Step, roots: Places, left: Places) -> None:
    node = roots
    for _ in range(MOST_LEVELS + 1):
        below = left[node]
        below = below[below != node]
        if not below.size:
            return
        node = np.concatenate([below, below + 1])
    raise step.refuse(f"a tree of more than {MOST_LEVELS} levels")
