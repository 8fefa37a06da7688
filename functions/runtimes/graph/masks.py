"""The top of each tree, answered for many rows at once without a walk.

A tree's top is its 63 splits with most nodes below, all of a small tree's. It has at most 64 exits, numbered from the
left: leaves, or nodes from which a walk goes on. A row that a split sends right loses the exits on the split's left;
the exit that it takes is the first one that it keeps (QuickScorer, Lucchese et al., SIGIR 2015). All splits on one
column are looked up together: at the rank of the row's number among the column's thresholds stands a mask, one bit for
each exit that the row keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .forest import Forest, Places
    from .step import Array

    Mask = NDArray[Any]
    Counts = NDArray[np.uint8]

_MOST_SPLITS = 63
_MOST_TREES = 128
_TABLE_BYTES = 1 << 22
_KEPT_BYTES = 1 << 24
"""Up to this size tables are kept from batch to batch."""

_KINDS: dict[int, type[np.unsignedinteger[Any]]] = {8: np.uint8, 16: np.uint16, 32: np.uint32, 64: np.uint64}


class _Column(NamedTuple):
    """How the numbers of one column become places in the tables.

    Args:
        first: The first place.
        thresholds: Ascending and all different; None where splits ask for categories.
    """

    column: int
    first: int
    thresholds: Array | None


class Group(NamedTuple):
    """Neighbouring trees with common tables.

    Args:
        trees: Their places in the forest.
        columns: The columns that they ask.
        tables: Shape (trees, places).
        asked: The places in *columns* of those that each tree asks.
    """

    trees: slice
    columns: list[_Column]
    tables: Mask
    asked: list[list[int]]


class Masks:
    """The tops of the trees of *forest*."""

    def __init__(self, forest: Forest) -> None:
        self._forest = forest
        self._has, self._splits = _tops(forest)
        most = self._has.shape[1]
        self.kind = next(kind for bits, kind in _KINDS.items() if most < bits)
        exits, count, start = _exits(forest, self._has, self._splits)
        left = forest.nodes.left
        below = left[self._splits]
        left_exits = (np.uint64(1) << count[below].astype(np.uint64)) - np.uint64(1)
        self._masks = (~(left_exits << start[below].astype(np.uint64))).astype(self.kind)
        self.whole = bool((left[exits] == exits).all())
        self._exits = np.zeros((len(forest.roots), most + 1), np.intp)
        tree = np.searchsorted(forest.roots, exits, side="right") - 1
        self._exits[tree, start[exits]] = forest.nodes.leaf.take(exits) if self.whole else exits
        self._kept: list[Group] = []

    def groups(self) -> Iterator[Group]:
        """All trees in their order."""
        if self._kept:
            yield from self._kept
            return
        count, most = len(self._forest.roots), self._masks.shape[1]
        trees, categories = (
            _MOST_TREES,
            0 if self._forest.category is None else self._forest.categories_right.shape[1] * most,
        )
        while trees > 1 and trees * (trees * most + categories) * self._masks.itemsize > _TABLE_BYTES:
            trees //= 2
        parts = -(-count // trees)
        bounds = [count * part // parts for part in range(parts + 1)]
        made: list[Group] = []
        for start, stop in pairwise(bounds):
            group = self._group(slice(start, stop))
            if group.tables.nbytes * parts <= _KEPT_BYTES:
                made.append(group)
            yield group
        self._kept = made if len(made) == parts else []

    def exits(self, group: Group, x: Array) -> Places:
        """The exit that each row of *x* (n, k) takes in each tree of *group*; (trees, n).

        It is a leaf by its place among the leaves where every exit is one (`whole`), else a node.
        """
        places = [self._places(column, x) for column in group.columns]
        out = np.empty((len(group.tables), len(x)), np.intp)
        kept, mask, exit_ = np.empty(len(x), self.kind), np.empty(len(x), self.kind), np.empty(len(x), np.intp)
        for number, (table, asked, exits) in enumerate(
            zip(group.tables, group.asked, self._exits[group.trees], strict=True)
        ):
            kept.fill(~self.kind(0))
            for column in asked:
                table.take(places[column], out=mask, mode="clip")
                np.bitwise_and(kept, mask, out=kept)
            np.subtract(kept, 1, out=mask)
            np.bitwise_and(np.invert(kept, out=kept), mask, out=kept)
            exit_[:] = np.bitwise_count(kept)  # how many bits stand below the lowest one
            exits.take(exit_, out=out[number], mode="clip")
        return out

    def _places(self, column: _Column, x: Array) -> Places:
        numbers = np.ascontiguousarray(x[:, column.column])
        if column.thresholds is None:
            return self._forest.categories(numbers) + column.first
        places = np.searchsorted(column.thresholds, numbers)
        places[np.isnan(numbers)] = len(column.thresholds) + 1
        places += column.first
        return places

    def _group(self, trees: slice) -> Group:
        forest, nodes = self._forest, self._forest.nodes
        tree, split = np.nonzero(self._has[trees])
        node, mask = self._splits[trees][tree, split], self._masks[trees][tree, split]
        by_category = np.zeros(len(node), bool) if nodes.category is None else nodes.category[node] >= 0
        keys, key = np.unique(np.stack([nodes.feature[node], by_category]), axis=1, return_inverse=True)
        columns: list[_Column] = []
        cells: list[tuple[Any, ...]] = []
        sizes: list[int] = []
        for number, (column, categorical) in enumerate(keys.T.tolist()):
            own = np.flatnonzero(key == number)
            if categorical:
                which, place = np.nonzero(forest.categories_right[nodes.category[node[own]]])  # type: ignore[index]
                thresholds, size = None, forest.categories_right.shape[1]
            else:
                thresholds, rank = np.unique(nodes.threshold[node[own]], return_inverse=True)
                which, place, size = np.arange(len(own)), rank + 1, len(thresholds) + 2
            cells.append((tree[own][which], sum(sizes) + place, mask[own][which]))
            columns.append(_Column(column, sum(sizes), thresholds))
            sizes.append(size)
        tables = np.full((trees.stop - trees.start, sum(sizes)), ~self.kind(0), self.kind)
        for at_tree, place, masks in cells:
            np.bitwise_and.at(tables, (at_tree, place), masks)
        for each in columns:
            if each.thresholds is not None:
                ranks = tables[:, each.first : each.first + len(each.thresholds) + 1]
                np.bitwise_and.accumulate(ranks, axis=1, out=ranks)
        if nodes.missing_right is not None:
            gaps = np.array(
                [c.first + (0 if c.thresholds is None else len(c.thresholds) + 1) for c in columns], np.intp
            )
            right = nodes.missing_right[node] & ~by_category
            np.bitwise_and.at(tables, (tree[right], gaps[key[right]]), mask[right])
        asked = np.zeros((len(tables), len(columns)), bool)
        asked[tree, key] = True
        return Group(trees, columns, tables, [np.flatnonzero(row).tolist() for row in asked])


def _tops(forest: Forest) -> tuple[NDArray[np.bool_], Places]:
    """The splits of each tree's top, parents before children, shape (trees, most of a tree); and where there is one."""
    left = forest.nodes.left
    size = np.ones(len(left), np.int32)
    levels, level = [], forest.roots
    while level.size:
        level = level[left[level] != level]
        levels.append(level)
        level = np.concatenate([left[level], left[level] + 1])
    for level in reversed(levels):
        size[level] = 1 + size[left[level]] + size[left[level] + 1]
    tops = []
    for first, last in pairwise([*forest.roots.tolist(), len(left)]):
        own = first + np.flatnonzero(size[first:last] > 1)
        if own.size > _MOST_SPLITS:  # a parent is larger than its children, so the top is in one piece
            own = np.sort(own[np.argpartition(-size[own], _MOST_SPLITS)[:_MOST_SPLITS]])
        tops.append(own)
    counts = np.array([top.size for top in tops])
    has = np.arange(counts.max()) < counts[:, None]
    splits = np.zeros(has.shape, np.intp)
    splits[has] = np.concatenate(tops)
    return has, splits


def _exits(forest: Forest, has: NDArray[np.bool_], splits: Places) -> tuple[Places, Counts, Counts]:
    """The exits of the tops; and for each node of the forest how many exits stand below it, and the first of them."""
    left = forest.nodes.left
    count, start = np.ones(len(left), np.uint8), np.zeros(len(left), np.uint8)
    for column in reversed(range(has.shape[1])):
        node = splits[has[:, column], column]
        count[node] = count[left[node]] + count[left[node] + 1]
    for column in range(has.shape[1]):
        node = splits[has[:, column], column]
        below = left[node]
        start[below] = start[node]
        start[below + 1] = start[node] + count[below]
    top = splits[has]
    is_exit = np.zeros(len(left), bool)
    is_exit[forest.roots] = True
    is_exit[left[top]] = is_exit[left[top] + 1] = True
    is_exit[top] = False
    return np.flatnonzero(is_exit), count, start
