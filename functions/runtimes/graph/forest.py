"""Binary trees: their layout, their checks, and the walk of rows through them.

A forest travels as its nodes in breadth-first order, tree by tree: *feature* (nodes,) is the column that a node asks,
or -1 at a leaf; *threshold* (splits,) goes with the splits in their order, *value* (leaves, m) with the leaves. The
children of a tree's k-th split (from 0) are its nodes 2k + 1 and 2k + 2, so where they stand is never written down and
every walk ends: the loader checks that each node stands behind its parent.

A row goes left where its number is at most the threshold. NaN goes right where *missing_right* (splits,) says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .step import Array, Step

MOST_LEVELS = 4096
"""How deep a tree may be: a walk is a loop over levels."""

PART_ROWS = 8192
"""How many rows are walked at a time: their numbers stay in the cache."""

_WALKERS = 1 << 15
_FEW_LEAVES = 128
_MANY_ROWS = 512
_FEW_TREES = 24
_FEW_NODES = 1 << 16

Places = NDArray[np.intp]


@dataclass(frozen=True)
class _SmallTree:
    """A tree as Python's own numbers.

    Args:
        splits: Node, feature, threshold, missing_right, category and left child of each split, the last one first.
        leaf: Each node's number among the tree's leaves.
        first_leaf: The place of the tree's first leaf among all.
    """

    splits: list[tuple[int, int, Any, bool, int, int]]
    leaf: list[int]
    first_leaf: int


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

    def leaves(self, x: Array) -> Places:
        """The leaf that each row of *x* (n, k) reaches in each tree, by its place among the leaves; (trees, n)."""
        if len(x) == 1 and len(self.roots) <= _FEW_TREES and len(self.left) <= _FEW_NODES:
            return self._leaves_of_one(x[0])
        out = np.empty((len(self.roots), len(x)), np.intp)
        if len(x) >= _MANY_ROWS and self.is_shallow:
            for start in range(0, len(x), PART_ROWS):
                self._select(x[start : start + PART_ROWS], out[:, start : start + PART_ROWS])
            return out
        for start in range(0, len(x), PART_ROWS):
            part = np.ascontiguousarray(x[start : start + PART_ROWS])
            trees = max(1, _WALKERS // len(part))
            for first in range(0, len(self.roots), trees):
                reached = self._walk(part, self.roots[first : first + trees])
                out[first : first + trees, start : start + len(part)] = self.leaf.take(reached)
        return out

    def _walk(self, x: Array, roots: Places) -> Places:
        """The node at which each walk ends, shape (len(roots), n)."""
        n, width = x.shape
        numbers = x.ravel()
        row = np.tile(np.arange(0, n * width, width), len(roots))
        node = ends = np.repeat(roots, n)
        categories = self._categories(numbers) if self.category is not None else None
        gaps = self.missing_right is not None and bool(np.isnan(numbers).any())
        walking: Places | None = None
        for level in range(MOST_LEVELS + 1):
            place = row + self.feature.take(node)
            value = numbers.take(place)
            right = value > self.threshold.take(node)
            if gaps:
                right |= np.isnan(value) & self.missing_right.take(node)  # type: ignore[union-attr]
            if categories is not None:
                self._by_category(right, node, categories, place)
            node = self.left.take(node) + right
            if walking is None:
                ends = node
            else:
                ends[walking] = node
            if level % 2 or n * len(roots) < PART_ROWS:
                split = self.left.take(node) != node
                if not split.any():
                    break
                if level % 2 and (going := np.flatnonzero(split)).size < 0.8 * node.size:
                    walking = going if walking is None else walking[going]
                    row, node = row[going], node[going]
        return ends.reshape(len(roots), n)

    def _categories(self, numbers: Array) -> Places:
        """Each number as a column of *categories_right*."""
        count = self.categories_right.shape[1] - 2
        with np.errstate(invalid="ignore"):
            inside = (numbers >= 0) & (numbers < count)
        category: Places = np.where(np.isnan(numbers), count + 1, count)
        category[inside] = numbers[inside].astype(np.intp)
        return category

    def _by_category(self, right: NDArray[np.bool_], node: Places, categories: Places, place: Places) -> None:
        sets = self.category.take(node)  # type: ignore[union-attr]
        asked = np.flatnonzero(sets >= 0)
        right[asked] = self.categories_right[sets[asked], categories.take(place[asked])]

    @cached_property
    def is_shallow(self) -> bool:
        """Whether every tree has few leaves."""
        sizes = np.diff(np.append(self.roots, len(self.left)))
        return int(sizes.max()) < 2 * _FEW_LEAVES

    def _select(self, x: Array, out: Places) -> None:
        """Many rows through small trees: each split is asked of all rows at once, the last one first.

        A split's answer is one of its children's: a leaf by its number in its tree, in one byte.
        """
        columns = np.ascontiguousarray(x.T)
        categories = [self._categories(column) for column in columns] if self.category is not None else None
        for number, tree in enumerate(self._small):
            answers: list[Any] = list(tree.leaf)
            for node, feature, threshold, missing_right, category, below in tree.splits:
                if category >= 0 and categories is not None:
                    right = self.categories_right[category].take(categories[feature])
                elif missing_right:
                    right = ~(columns[feature] <= threshold)
                else:
                    right = columns[feature] > threshold
                bit = right.view(np.uint8)
                low, high = answers[below], answers[below + 1]
                if isinstance(low, int) and isinstance(high, int):
                    answers[node] = bit * ((high - low) % 256) + low
                else:
                    answers[node] = low ^ ((low ^ high) & -bit)
            out[number] = answers[0]
            out[number] += tree.first_leaf

    @cached_property
    def _small(self) -> list[_SmallTree]:
        missing = np.zeros(len(self.left), bool) if self.missing_right is None else self.missing_right
        category = np.full(len(self.left), -1) if self.category is None else self.category
        ends = np.append(self.roots, len(self.left)).tolist()
        trees = []
        for root, end in pairwise(ends):
            own = slice(root, end)
            is_leaf = self.left[own] == np.arange(root, end)
            first_leaf = int(self.leaf[own][is_leaf][0])
            splits = zip(
                range(end - root),
                self.feature[own].tolist(),
                self.threshold[own],
                missing[own].tolist(),
                category[own].tolist(),
                (self.left[own] - root).tolist(),
                strict=True,
            )
            chosen = [split for split, leaf in zip(splits, is_leaf.tolist(), strict=True) if not leaf]
            trees.append(_SmallTree(chosen[::-1], (self.leaf[own] - first_leaf).tolist(), first_leaf))
        return trees

    def _leaves_of_one(self, x: Array) -> Places:
        """One row through few trees, in plain Python: faster than one call of numpy a level."""
        feature, threshold, left, missing_right, category = self._lists
        row, places = x.tolist(), self._categories(x).tolist() if category else []
        ends = []
        for root in self.roots.tolist():
            node, below = root, left[root]
            while below != node:
                value = row[feature[node]]
                if category and (chosen := category[node]) is not None:
                    below += chosen[places[feature[node]]]
                elif value > threshold[node] or (value != value and missing_right[node]):  # noqa: PLR0124  NaN
                    below += 1
                node, below = below, left[below]
            ends.append(node)
        return self.leaf.take(ends)[:, None]

    @cached_property
    def _lists(self) -> tuple[list[int], list[float], list[int], list[bool], list[list[bool] | None]]:
        """The nodes as Python's own numbers, made when the first single row comes."""
        missing = np.zeros(len(self.left), bool) if self.missing_right is None else self.missing_right
        sets = [*self.categories_right.tolist(), None]
        category = [] if self.category is None else [sets[chosen] for chosen in self.category.tolist()]
        return self.feature.tolist(), self.threshold.tolist(), self.left.tolist(), missing.tolist(), category


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
