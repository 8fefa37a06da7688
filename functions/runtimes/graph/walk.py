"""The walk of rows through trees of any size, level by level, many pairs of a row and a tree side by side."""

from __future__ import annotations

import numpy as np

from .forest import Forest, Places
from .step import Array

_PAIRS = 1 << 14
"""How many pairs walk at a time: their buffers stay in the cache."""

_LEVELS = 3
"""How many levels are walked between two looks at which pairs have reached a leaf."""

_FEW = 1 << 12
"""Up to so many pairs a look costs less than a level."""


def walk(forest: Forest, x: Array, nodes: Places) -> Places:
    """The leaf, by its node, that each row of *x* (n, k) reaches from each of *nodes* (trees, n); same shape.

    A pair that has reached its leaf leaves its place to the next one that waits, so numpy's calls are few and long.
    """
    n, width = x.shape
    numbers = np.ascontiguousarray(x).ravel()
    categories = forest.categories(numbers) if forest.category is not None else None
    gaps = forest.missing_right is not None and bool(np.isnan(numbers).any())
    ends = nodes.flatten()
    begun = walking = min(_PAIRS, len(ends))
    starts = np.arange(0, n * width, width)
    firsts = np.broadcast_to(starts, (walking // n + 2, n)).ravel()  # where the numbers of pair 0, 1, … begin
    pair, first, node = np.arange(walking), firsts[:walking].copy(), ends[:walking].copy()
    below, place, flag = np.empty_like(node), np.empty_like(node), np.empty(walking, bool)
    value, threshold = np.empty(walking, numbers.dtype), np.empty(walking, forest.threshold.dtype)
    while walking:
        for _ in range(_LEVELS if walking > _FEW else 1):
            forest.feature.take(node, out=place, mode="clip")
            place += first
            numbers.take(place, out=value, mode="clip")
            forest.threshold.take(node, out=threshold, mode="clip")
            np.greater(value, threshold, out=flag)
            if gaps:
                flag |= np.isnan(value) & forest.missing_right.take(node)  # type: ignore[union-attr]
            if categories is not None:
                forest.by_category(flag, node, categories, place)
            forest.left.take(node, out=below, mode="clip")
            below += flag
            node, below = below, node
        forest.left.take(node, out=below, mode="clip")
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
