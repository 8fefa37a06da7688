"""Operators that arrange columns, and products with matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...columns.table import Table
from .step import Operation, Step, Values

_MOST_FACTORS = 1 << 21
"""How many columns all terms of a polynomial may multiply: some seconds for one row."""


def constant(step: Step) -> Operation:
    """→ (n, k): *values* (k,) in every row."""
    step.source()
    values = step.floats("values", None, finite=False).astype(float)

    def run(inputs: Sequence[Table]) -> Values:
        return np.repeat(values[None], inputs[0].rows, axis=0)

    return step.done(len(values), run)


def concatenate(step: Step) -> Operation:
    """(n, a), (n, b), … → (n, a + b + …)."""
    widths = step.matrices()
    return step.done(sum(widths), lambda inputs: np.concatenate(inputs, axis=1))


def take(step: Step) -> Operation:
    """(n, k) → (n, len(columns))."""
    columns = step.integers("columns", None, high=step.matrix())
    return step.done(len(columns), lambda inputs: inputs[0].take(columns, axis=1))


def pick(step: Step) -> Operation:
    """(n, 1) places → (n, w): rows of *table* (rows, w); a place outside is the nearest one inside."""
    step.matrix(1)
    table = step.floats("table", None, None)
    if not len(table):
        raise step.refuse("an empty table")

    def run(inputs: Sequence[Values]) -> Values:
        return np.asarray(table.take(inputs[0][:, 0].astype(np.intp), axis=0, mode="clip"))

    return step.done(table.shape[1], run)


def linear(step: Step) -> Operation:
    """(n, k) → (n, m): x @ weights (k, m) + bias (m,), a row with the same bits alone and in any batch."""
    weights = step.floats("weights", step.matrix(), None).astype(float)
    bias = step.floats("bias", weights.shape[1])
    columns = np.ascontiguousarray(weights.T)

    def run(inputs: Sequence[Values]) -> Values:
        x = np.ascontiguousarray(inputs[0])
        out = np.asarray(np.einsum("ij,kj->ik", x, columns))
        out += bias
        return out

    return step.done(weights.shape[1], run)


def product(step: Step) -> Operation:
    """(n, k) → (n, m): x @ weights (k, m) + bias (m,), by BLAS: the last bits depend on the batch."""
    weights = step.floats("weights", step.matrix(), None).astype(float, copy=False)
    bias = step.floats("bias", weights.shape[1])

    def run(inputs: Sequence[Values]) -> Values:
        out: Values = inputs[0] @ weights
        out += bias
        return out

    return step.done(weights.shape[1], run)


def polynomial(step: Step) -> Operation:
    """(n, k) → (n, terms): for each row of *powers* (terms, k) the product of the columns to these powers."""
    powers = step.integers("powers", None, step.matrix(), high=64)
    if (factors := int(powers.sum())) > _MOST_FACTORS:
        raise step.refuse(f"powers ask for {factors} multiplications a row, more than {_MOST_FACTORS}")
    terms = [[column for column in np.flatnonzero(row) for _ in range(row[column])] for row in powers]

    def run(inputs: Sequence[Values]) -> Values:
        x = np.asfortranarray(inputs[0])
        out = np.ones((len(x), len(terms)), order="F")
        for place, term in enumerate(terms):
            if term:
                out[:, place] = x[:, term[0]]
            for column in term[1:]:
                out[:, place] *= x[:, column]
        return np.ascontiguousarray(out)

    return step.done(len(terms), run)


def one_hot(step: Step) -> Operation:
    """(n, k) places → (n, Σ sizes): one column for each place 0 … sizes[j] - 1 of column j."""
    sizes = step.integers("sizes", step.matrix(), low=1, high=1 << 20)
    column = np.repeat(np.arange(len(sizes)), sizes)
    level = np.concatenate([np.arange(size) for size in sizes]).astype(float)
    return step.done(len(level), lambda inputs: (inputs[0].take(column, axis=1) == level).astype(float))
