"""Operators over binary trees; forest.py holds their layout, reach.py the ways through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .forest import read_forest
from .reach import PART_ROWS, Leaves
from .step import Operation, Step, Values

if TYPE_CHECKING:
    from .forest import Places


def trees(step: Step) -> Operation:
    """(n, k) → (n, m): *start* (m,) plus each tree's leaf values, in the order of the trees.

    A second input (n, m) takes the place of *start*.

    *value* is (leaves, m); or (leaves, 1), and *target* (trees,) says which column a tree adds to. The sum is held in
    the type of *value*, float64 or float32. With *single* numbers and thresholds are compared as float32.
    """
    widths = step.matrices(most=2)
    forest = read_forest(step, widths[0])
    start = step.floats("start", None) if len(widths) == 1 else np.zeros(widths[1])
    leaves = len(forest.feature) - len(forest.threshold)
    target = step.integers("target", len(forest.roots), high=len(start)) if step.has("target") else None
    value = step.floats("value", leaves, len(start) if target is None else 1)
    start = start.astype(value.dtype)
    kind = np.float32 if step.flag("single") else np.float64
    found = Leaves(forest)

    def run(inputs: Sequence[Values]) -> Values:
        with np.errstate(over="ignore"):
            x = inputs[0].astype(kind)
        out = np.repeat(start[None], len(x), axis=0) if len(inputs) == 1 else inputs[1].astype(value.dtype)
        for first in range(0, len(x), PART_ROWS):
            part = out[first : first + PART_ROWS]
            for some, reached in found.reached(x[first : first + PART_ROWS]):
                _add(part, reached, value, None if target is None else target[some])
        return out.astype(np.float64, copy=False)

    return step.done(len(start), run)


def leaves(step: Step) -> Operation:
    """(n, k) → (n, trees): the place of the leaf that a row reaches, counted from its tree's first leaf."""
    width = step.matrix()
    forest = read_forest(step, width)
    kind = np.float32 if step.flag("single") else np.float64
    first = forest.roots - forest.before.take(forest.roots)
    found = Leaves(forest)

    def run(inputs: Sequence[Values]) -> Values:
        with np.errstate(over="ignore"):
            x = inputs[0].astype(kind)
        out = np.empty((len(x), len(first)))
        for start in range(0, len(x), PART_ROWS):
            for some, reached in found.reached(x[start : start + PART_ROWS]):
                out[start : start + PART_ROWS, some] = (reached - first[some, None]).T
        return out

    return step.done(len(forest.roots), run)


def _add(out: Values, reached: Places, value: Values, target: Any) -> None:
    """Add the values of the leaves *reached* (trees, n) to *out* (n, m), tree by tree."""
    if len(out) == 1 and target is None:
        out[0] = np.add.accumulate(np.concatenate([out, value.take(reached[:, 0], axis=0)]), axis=0)[-1]
    elif len(out) == 1:
        addends = value[:, 0].take(reached[:, 0])
        for column in range(out.shape[1]):
            own = addends if out.shape[1] == 1 else addends[target == column]
            out[0, column] = np.add.accumulate(np.concatenate([out[0, column : column + 1], own]))[-1]
    elif target is None:
        for tree in reached:
            out += value.take(tree, axis=0)
    else:
        flat = value[:, 0]
        for tree, column in zip(reached, target, strict=True):
            out[:, column] += flat.take(tree)
