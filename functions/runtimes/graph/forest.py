"""Binary trees: their layout and their checks.

A forest travels as its nodes in breadth-first order, tree by tree: *feature* (nodes,) is the column that a node asks,
or -1 at a leaf; *threshold* (splits,) goes with the splits in their order, *value* (leaves, m) with the leaves. The
children of a tree's k-th split (from 0) are its nodes 2k + 1 and 2k + 2, so where they stand is never written down and
every walk ends: the loader checks that each node stands behind its parent.

A tree has one leaf more than splits. So in the forest the left child of a split is node 2s + t + 1, where s splits and
t trees stand before the split; the leaf at node i is leaf i - s.

A row goes left where its number is at most the threshold. NaN goes right where *missing_right* (splits,) says so.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .step import Array, Step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Places = NDArray[np.intp]
    Flags = NDArray[np.bool_]

MOST_LEVELS = 4096
"""How deep a tree may be: a walk is a loop over levels."""


class Nodes(NamedTuple):
    """Trees laid out for many rows: a split's right child is its left one and one; a leaf is its own left child.

    Attributes:
        feature: Shape (nodes,); 0 at a leaf.
        threshold: Shape (nodes,); NaN at a leaf, so that nothing is above it.
        left: Shape (nodes,).
        leaf: Shape (nodes,); a leaf's place among the leaves, 0 at a split.
        missing_right: Shape (nodes,), or None where no NaN is answered.
        category: Shape (nodes,); row of *categories_right* of a split by category, -1 elsewhere. None without any.
    """

    feature: Places
    threshold: Array
    left: Places
    leaf: Places
    missing_right: Flags | None
    category: Places | None


class Forest:
    """Checked trees. They stay as they travel, so that a start takes little memory beside the arrays.

    Args:
        roots: Shape (trees,).
        feature: Shape (nodes,); -1 at a leaf.
        threshold: Shape (splits,).
        before: Shape (nodes + 1,); how many splits stand before a node.
        missing_right: Shape (splits,), or None where no NaN is answered.
        category: Shape (splits,); row of *categories_right* of a split by category, -1 elsewhere. None without any.
        categories_right: Shape (sets, categories + 2): whether category 0, 1, …, any other number, or NaN goes right.
    """

    def __init__(  # noqa: PLR0917 - arrays, as the block holds them
        self,
        roots: Places,
        feature: Array,
        threshold: Array,
        before: Array,
        missing_right: Flags | None,
        category: Array | None,
        categories_right: Flags,
    ) -> None:
        self.roots, self.feature, self.threshold, self.before = roots, feature, threshold, before
        self.missing_right, self.category, self.categories_right = missing_right, category, categories_right

    @cached_property
    def nodes(self) -> Nodes:
        """The layout for many rows, made when they first come."""
        is_split = self.feature >= 0
        splits = np.flatnonzero(is_split)
        tree = np.repeat(np.arange(len(self.roots)), np.diff(self.roots, append=len(self.feature)))
        left = np.arange(len(self.feature))
        leaf = left - self.before[:-1]
        leaf[splits] = 0
        left[splits] = 2 * self.before[splits] + tree[splits] + 1
        threshold = np.full(len(left), np.nan, self.threshold.dtype)
        threshold[splits] = self.threshold
        missing_right = category = None
        if self.missing_right is not None:
            missing_right = np.zeros(len(left), bool)
            missing_right[splits] = self.missing_right
        if self.category is not None:
            category = np.full(len(left), -1)
            category[splits] = self.category
        return Nodes(np.maximum(self.feature, 0).astype(np.intp), threshold, left, leaf, missing_right, category)

    @property
    def laid_out(self) -> bool:
        return "nodes" in self.__dict__

    def categories(self, numbers: Array) -> Places:
        """Each of *numbers* as a column of *categories_right*."""
        count = self.categories_right.shape[1] - 2
        with np.errstate(invalid="ignore"):
            inside = (numbers >= 0) & (numbers < count)
        category: Places = np.where(np.isnan(numbers), count + 1, count)
        category[inside] = numbers[inside].astype(np.intp)
        return category

    def by_category(self, right: Flags, sets: Array, categories: Places, place: Places) -> None:
        """Set *right* where *sets*, rows of *categories_right* or -1, ask for a category.

        It is the one at *place* among *categories*, those of all numbers.
        """
        asked = np.flatnonzero(sets >= 0)
        right[asked] = self.categories_right[sets[asked], categories.take(place[asked])]


def read_forest(step: Step, width: int) -> Forest:
    """Read and check the trees of *step*."""
    sizes = step.integers("sizes", None, low=1)
    feature = step.stored("feature", None, low=-1, high=width)
    if sizes.sum() != len(feature) or not len(sizes):
        raise step.refuse(f"sizes add up to {sizes.sum()} nodes, there are {len(feature)}")
    ends = np.cumsum(sizes)
    roots = ends - sizes
    before = np.zeros(len(feature) + 1, np.int32)
    np.cumsum(feature >= 0, dtype=np.int32, out=before[1:])
    if (sizes != 2 * (before[ends] - before[roots]) + 1).any():
        raise step.refuse("a node does not stand behind its parent")
    _check_levels(step, roots, ends, before)
    splits = int(before[-1])
    threshold = step.floats("threshold", splits, finite=False)
    if np.isnan(threshold).any():
        raise step.refuse("a threshold is NaN")
    missing_right = step.flags("missing_right", splits) if step.has("missing_right") else None
    category, categories_right = None, np.zeros((0, 2), bool)
    if step.has("category"):
        categories_right = step.flags("categories_right", None, None)
        if categories_right.shape[1] < len(("any other number", "NaN")):
            raise step.refuse(f"categories_right must have 2 columns at least, got {categories_right.shape[1]}")
        category = step.stored("category", splits, low=-1, high=len(categories_right))
    return Forest(roots, feature, threshold, before, missing_right, category, categories_right)


def _check_levels(step: Step, roots: Places, ends: Places, before: Array) -> None:
    """Refuse a tree that is too deep, or of which a node does not stand behind its parent.

    The splits before a place say where their children end. From a tree's root on, this is the end of one level after
    the other: in breadth-first order all nodes of a level stand together. The first node that does not stand behind its
    parent is a place at which it goes no further, before the tree's end; and there is no other.
    """
    tree = np.arange(1, len(roots) + 1)
    end = roots + 1
    for _ in range(MOST_LEVELS + 1):
        unfinished = end < ends
        if not unfinished.all():
            end, ends, tree = end[unfinished], ends[unfinished], tree[unfinished]
        if not end.size:
            return
        following = 2 * before[end].astype(np.intp) + tree
        if (following <= end).any():
            raise step.refuse("a node does not stand behind its parent")
        end = following
    raise step.refuse(f"a tree of more than {MOST_LEVELS} levels")
