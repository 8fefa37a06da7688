"""Walks of rows through trees of any size, level by level, pairs of a row and a tree side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .forest import Forest, Places
    from .step import Array

_PAIRS = 1 << 14
"""How many pairs walk at a time: their buffers stay in the cache."""

_LEVELS = 3
"""How many levels are walked between two looks at which pairs have reached a leaf."""

_FEW = 1 << 12
"""Up to so many pairs a look costs less than a level."""


def walk_few(forest: Forest, x: Array, trees: slice) -> Places:
    """The leaf, by its place among the leaves, that each row of *x* (n, k) reaches in each of *trees*; (trees, n).

    It walks through the trees as they travelled, which takes some more calls of numpy a level.
    """
    n, width = x.shape
    roots = forest.roots[trees]
    numbers = np.ascontiguousarray(x).ravel()
    categories = forest.categories(numbers) if forest.category is not None else None
    gaps = forest.missing_right is not None and bool(np.isnan(numbers).any())
    first = np.tile(np.arange(0, n * width, width), len(roots))
    above = np.repeat(np.arange(trees.start + 1, trees.start + 1 + len(roots)), n)
    node = np.repeat(roots, n)
    while True:
        column, split = forest.feature.take(node), forest.before.take(node)
        inside = column >= 0
        if not inside.any():
            return (node - split).reshape(len(roots), n)
        place = first + column
        value = numbers.take(place, mode="clip")
        right = value > forest.threshold.take(split, mode="clip")
        if gaps:
            right |= np.isnan(value) & forest.missing_right.take(split, mode="clip")  # type: ignore[union-attr]
        if categories is not None:
            sets = np.where(inside, forest.category.take(split, mode="clip"), -1)  # type: ignore[union-attr]
            forest.by_category(right, sets, categories, place)
        node = np.where(inside, 2 * split + above + right, node)


def walk(forest: Forest, x: Array, nodes: Places) -> Places:
    """The leaf, by its node, that each row of *x* (n, k) reaches from each of *nodes* (trees, n); same shape.

    A pair that has reached its leaf leaves its place to the next one that waits, so numpy's calls are few and long.
    """
    n, width = x.shape
    laid = forest.nodes
    numbers = np.ascontiguousarray(x).ravel()
    categories = forest.categories(numbers) if forest.category is not None else None
    gaps = forest.missing_right is not None and bool(np.isnan(numbers).any())
    ends = nodes.flatten()
    begun = walking = min(_PAIRS, len(ends))
    starts = np.arange(0, n * width, width)
    firsts = np.broadcast_to(starts, (walking // n + 2, n)).ravel()  # where the numbers of pair 0, 1, … begin
    pair, first, node = np.arange(walking), firsts[:walking].copy(), ends[:walking].copy()
    below, place, flag = np.empty_like(node), np.empty_like(node), np.empty(walking, bool)
    value, threshold = np.empty(walking, numbers.dtype), np.empty(walking, laid.threshold.dtype)
    while walking:
        for _ in range(_LEVELS if walking > _FEW else 1):
            laid.feature.take(node, out=place, mode="clip")
            place += first
            numbers.take(place, out=value, mode="clip")
            laid.threshold.take(node, out=threshold, mode="clip")
            np.greater(value, threshold, out=flag)
            if gaps:
                flag |= np.isnan(value) & laid.missing_right.take(node)  # type: ignore[union-attr]
            if categories is not None:
                forest.by_category(flag, laid.category.take(node), categories, place)  # type: ignore[union-attr]
            laid.left.take(node, out=below, mode="clip")
            below += flag
            node, below = below, node
        laid.left.take(node, out=below, mode="clip")
        arrived = np.flatnonzero(np.equal(node, below, out=flag))
        if begun < len(ends) and 8 * arrived.size >= walking:
            ends[pair.take(arrived)] = node.take(arrived)
            following = min(arrived.size, len(ends) - begun)
            free = arrived[:following]
            pair[free] = np.arange(begun, begun + following)
            first[free] = firsts[begun % n : begun % n + following]
            node[free] = ends[begun : begun + following]
            begun += following
        elif begun == len(ends) and (3 * arrived.size > walking or arrived.size == walking):
            ends[pair.take(arrived)] = node.take(arrived)
            going = np.flatnonzero(~flag)
            walking = going.size
            pair, first, node = pair.take(going), first.take(going), node.take(going)
            below, place, flag = below[:walking], place[:walking], flag[:walking]
            value, threshold = value[:walking], threshold[:walking]
    return ends.reshape(nodes.shape)
