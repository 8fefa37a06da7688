"""The leaves that rows reach in a forest: by plain Python, a walk or masks, whichever is fastest for so many rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from .forest import Forest, Places
from .masks import Masks
from .step import Array
from .walk import walk

PART_ROWS = 8192
"""How many rows are answered at a time: their numbers stay in the cache."""

_MOST_PAIRS = 1 << 20
_FEW_TREES = 24
_FEW_NODES = 1 << 16
_MANY_ROWS, _MANY_ROWS_OF_LARGE_TREES = 256, 1536
"""From how many rows on masks are faster than the walk alone (2026-11-26: 200 trees of 8 leaves, 100 of 900)."""


class Leaves:
    """The leaves of *forest*, and what finding them needs, made when it is first needed."""

    def __init__(self, forest: Forest) -> None:
        self.forest = forest

    def reached(self, x: Array) -> Iterator[tuple[slice, Places]]:
        """The leaf that each row of *x* (n, k) reaches in each tree, by its place among the leaves of all trees.

        Yields:
            Some neighbouring trees and their leaves, shape (trees, n); all trees in their order.
        """
        forest = self.forest
        if len(x) == 1 and len(forest.roots) <= _FEW_TREES and len(forest.left) <= _FEW_NODES:
            yield slice(0, len(forest.roots)), self._one(x[0])
        elif len(x) >= _MANY_ROWS and (len(x) >= _MANY_ROWS_OF_LARGE_TREES or self._masks.whole):
            for group in self._masks.groups():
                ends = self._masks.exits(group, x)
                yield group.trees, ends if self._masks.whole else forest.leaf.take(walk(forest, x, ends))
        else:
            trees = max(1, _MOST_PAIRS // len(x))
            for start in range(0, len(forest.roots), trees):
                roots = forest.roots[start : start + trees]
                nodes = roots.repeat(len(x)).reshape(len(roots), len(x))
                yield slice(start, start + len(roots)), forest.leaf.take(walk(forest, x, nodes))

    @cached_property
    def _masks(self) -> Masks:
        return Masks(self.forest)

    def _one(self, x: Array) -> Places:
        """One row through few trees, in plain Python: faster than one call of numpy a level."""
        feature, threshold, left, missing_right, category = self._lists
        row, places = x.tolist(), self.forest.categories(x).tolist() if category else []
        ends = []
        for root in self.forest.roots.tolist():
            node, below = root, left[root]
            while below != node:
                value = row[feature[node]]
                if category and (chosen := category[node]) is not None:
                    below += chosen[places[feature[node]]]
                elif value > threshold[node] or (value != value and missing_right[node]):  # noqa: PLR0124  NaN
                    below += 1
                node, below = below, left[below]
            ends.append(node)
        return self.forest.leaf.take(ends)[:, None]

    @cached_property
    def _lists(self) -> tuple[list[int], list[float], list[int], list[bool], list[list[bool] | None]]:
        """The nodes as Python's own numbers."""
        forest = self.forest
        missing = [False] * len(forest.left) if forest.missing_right is None else forest.missing_right.tolist()
        sets = [*forest.categories_right.tolist(), None]
        category = [] if forest.category is None else [sets[chosen] for chosen in forest.category.tolist()]
        return forest.feature.tolist(), forest.threshold.tolist(), forest.left.tolist(), missing, category
