"""Operators for classes with a density: Gaussian and categorical ones, and Gaussian process classifiers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...columns.schema import PayloadError, Problem
from .step import Operation, Step, Values

_erf = np.frompyfunc(math.erf, 1, 1)


def gaussians(step: Step) -> Operation:
    """(n, k) → (n, classes): *add* (classes,) - *factor* · |(x - means[c]) @ rotations[c]|².

    *means* is (classes, k), each of *rotations* (k, any).
    """
    width = step.matrix()
    means = step.floats("means", None, width)
    add = step.floats("add", len(means), finite=False)
    factor = step.number("factor")
    rotations = step.floats_list("rotations", len(means))
    if any(len(rotation) != width for rotation in rotations):
        raise step.refuse(f"each of rotations must have {width} rows")

    def run(inputs: Sequence[Values]) -> Values:
        squares = [((inputs[0] - mean) @ rotation) ** 2 for mean, rotation in zip(means, rotations, strict=True)]
        return np.column_stack([a - factor * part.sum(axis=1) for a, part in zip(add, squares, strict=True)])

    return step.done(len(means), run)


def independent_gaussians(step: Step) -> Operation:
    """(n, k) → (n, classes): *add* (classes,) - ½ Σ (x - means[c])² / variances[c], both (classes, k)."""
    width = step.matrix()
    means = step.floats("means", None, width)
    variances = step.floats("variances", len(means), width)
    add = step.floats("add", len(means), finite=False)

    def run(inputs: Sequence[Values]) -> Values:
        x = inputs[0]
        parts = [((x - mean) ** 2 / variance).sum(axis=1) for mean, variance in zip(means, variances, strict=True)]
        return np.column_stack([a - 0.5 * part for a, part in zip(add, parts, strict=True)])

    return step.done(len(means), run)


_SLOPES = np.array([0.41, 0.4, 0.37, 0.44, 0.39])[:, None]
_SHARES = np.array([-1854.8214151, 3516.89893646, 221.29346712, 128.12323805, -2010.49422654])[:, None]


def laplace_probability(step: Step) -> Operation:
    """(n, m) kernel, (n, 1) mean → (n, 1): the probability of a Gaussian process classifier.

    *root* (m,) is the square root of W, *factor* (m, m) the lower Cholesky factor of B; see Rasmussen and Williams
    (2006), algorithm 3.2. The logistic function is integrated as five error functions, after Williams and Barber
    (1998), appendix A. *diagonal* is the kernel of a row with itself.
    """
    widths = step.matrices(least=2, most=2)
    if widths[1] != 1:
        raise step.refuse("expected a kernel and its mean")
    root = step.floats("root", widths[0])
    factor = step.floats("factor", widths[0], widths[0])
    diagonal = step.number("diagonal")
    try:
        inverse = np.linalg.inv(factor)
    except np.linalg.LinAlgError:
        raise step.refuse("factor has no inverse") from None

    def run(inputs: Sequence[Values]) -> Values:
        solved = inverse @ (root[:, None] * inputs[0].T)
        variance = diagonal - np.einsum("ij,ij->j", solved, solved)
        with np.errstate(invalid="ignore", divide="ignore"):
            alpha = 1 / (2 * variance)
            gamma = _SLOPES * inputs[1][:, 0]
            error = _erf(gamma * np.sqrt(alpha / (alpha + _SLOPES**2))).astype(float)
            integrals = np.sqrt(np.pi / alpha) * error / (2 * np.sqrt(variance * 2 * np.pi))
        share: Values = ((_SHARES * integrals).sum(axis=0) + 0.5 * _SHARES.sum())[:, None]
        return share

    return step.done(1, run)


def category_tables(step: Step) -> Operation:
    """(n, k) places → (n, classes): *add* (classes,) plus, column by column, a row of *table* (Σ sizes, classes)."""
    width = step.matrix()
    sizes = step.integers("sizes", width, low=1, high=1 << 20)
    table = step.floats("table", int(sizes.sum()), None, finite=False)
    add = step.floats("add", table.shape[1], finite=False)
    first = np.cumsum(sizes) - sizes

    def run(inputs: Sequence[Values]) -> Values:
        out = np.zeros((len(inputs[0]), len(add)))
        for column in range(width):
            category = inputs[0][:, column].astype(np.intp)
            if category.size and not (category.min() >= 0 and category.max() < sizes[column]):
                row = int(np.flatnonzero((category < 0) | (category >= sizes[column]))[0])
                raise PayloadError(Problem(f"row {row}: a category that training did not see", f"/{row}"))
            out += table.take(category + first[column], axis=0)
        return out + add

    return step.done(len(add), run)
