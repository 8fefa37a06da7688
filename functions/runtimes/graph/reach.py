"""The leaves that rows reach in a forest: by plain Python, a walk or masks, whichever is fastest for so many rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .walk import walk, walk_few

if TYPE_CHECKING:
    from .forest import Forest, Places
    from .masks import Masks
    from .step import Array

PART_ROWS = 8192
"""How many rows are answered at a time: their numbers stay in the cache."""

_MOST_PAIRS = 1 << 20
_FEW_PAIRS = 1 << 8
"""Up to so many pairs of a row and a tree walk as fast through the trees as they travelled."""

_NODES_A_PAIR = 4
"""To lay out so many nodes takes as long as a pair's walk takes longer without (2026-11-26, within a factor of 2)."""

_FEW_TREES = 24
_MANY_ROWS, _MANY_ROWS_OF_LARGE_TREES = 256, 1536
"""From how many rows on masks are faster than the walk alone (2026-11-26: 200 trees of 8 leaves, 100 of 900)."""


class Leaves:
    """The leaves of *forest*, and what finding them needs, made when it is first needed."""

    def __init__(self, forest: Forest) -> None:
        self.forest = forest
        self._pairs = 0  # that have walked through the trees as they travelled

    def reached(self, x: Array) -> Iterator[tuple[slice, Places]]:
        """The leaf that each row of *x* (n, k) reaches in each tree, by its place among the leaves of all trees.

        Yields:
            Some neighbouring trees and their leaves, shape (trees, n); all trees in their order.
        """
        forest, count = self.forest, len(self.forest.roots)
        if len(x) == 1 and count <= _FEW_TREES:
            yield slice(0, count), self._one(x[0])
        elif self._as_travelled(len(x) * count):
            yield slice(0, count), walk_few(forest, x, slice(0, count))
        elif len(x) >= _MANY_ROWS and (len(x) >= _MANY_ROWS_OF_LARGE_TREES or self._masks.whole):
            for group in self._masks.groups():
                ends = self._masks.exits(group, x)
                yield group.trees, ends if self._masks.whole else forest.nodes.leaf.take(walk(forest, x, ends))
        else:
            trees = max(1, _MOST_PAIRS // len(x))
            for start in range(0, count, trees):
                roots = forest.roots[start : start + trees]
                nodes = roots.repeat(len(x)).reshape(len(roots), len(x))
                yield slice(start, start + len(roots)), forest.nodes.leaf.take(walk(forest, x, nodes))

    def _as_travelled(self, pairs: int) -> bool:
        """Whether *pairs* of a row and a tree should walk through the trees as they travelled.

        So a start, and a process that is asked for few rows, spares the time and the memory to lay them out.
        """
        if pairs <= _FEW_PAIRS or self.forest.laid_out:
            return pairs <= _FEW_PAIRS
        self._pairs += pairs
        return _NODES_A_PAIR * self._pairs <= len(self.forest.feature)

    @cached_property
    def _masks(self) -> Masks:
        from .masks import Masks  # noqa: PLC0415 - many rows need it, a start does not

        return Masks(self.forest)

    def _one(self, x: Array) -> Places:
        """One row through few trees, in plain Python: faster than some calls of numpy a level."""
        forest = self.forest
        feature, threshold, before = forest.feature.data, forest.threshold.data, forest.before.data
        missing_right = None if forest.missing_right is None else forest.missing_right.data
        category = None if forest.category is None else forest.category.data
        row, places = x.tolist(), [] if category is None else forest.categories(x).tolist()
        leaves = []
        for tree, root in enumerate(forest.roots.tolist(), start=1):
            node = root
            while (column := feature[node]) >= 0:
                value, split = row[column], before[node]
                if category is not None and (chosen := category[split]) >= 0:
                    right = forest.categories_right[chosen, places[column]]
                else:
                    right = value > threshold[split] or (
                        value != value and missing_right is not None and missing_right[split]  # noqa: PLR0124  NaN
                    )
                node = 2 * split + tree + bool(right)
            leaves.append(node - before[node])
        return np.array(leaves)[:, None]
