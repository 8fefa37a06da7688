"""Operators that compare rows with rows that training kept: kernels and distances."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .step import Array, Operation, Step, Values

_BLOCK = 1 << 16


def squared_distances(x: Values, y: Array) -> Values:
    """Squared Euclidean distances, shape (len(x), len(y)), summed column by column as libsvm does."""
    out = np.zeros((len(x), len(y)))
    rows = max(1, _BLOCK // len(y))
    columns = np.ascontiguousarray(y.T)
    buffer = np.empty((min(rows, len(x)), len(y)))
    for start in range(0, len(x), rows):
        part, total = x[start : start + rows], out[start : start + rows]
        difference = buffer[: len(part)]
        for place, column in enumerate(columns):
            np.subtract(part[:, place, None], column, out=difference)
            difference *= difference
            total += difference
    return out


def absolute_distances(x: Values, y: Array) -> Values:
    """Sums of absolute differences, shape (len(x), len(y))."""
    out = np.zeros((len(x), len(y)))
    for column in range(y.shape[1]):
        out += np.abs(x[:, column, None] - y[:, column])
    return out


def _matern32(d: Values) -> Values:
    scaled = np.sqrt(d) * math.sqrt(3)
    return (1 + scaled) * np.exp(-scaled)


def _matern52(d: Values) -> Values:
    scaled = np.sqrt(d) * math.sqrt(5)
    return (1 + scaled + scaled**2 / 3) * np.exp(-scaled)


_OfDistance = Callable[[Values, float], Values]

_OF_SQUARES: Mapping[str, _OfDistance] = {
    "squared_distance": lambda d, _: d,
    "rbf": lambda d, gamma: np.exp(-gamma * d),
    "matern12": lambda d, _: np.exp(-np.sqrt(d)),
    "matern32": lambda d, _: _matern32(d),
    "matern52": lambda d, _: _matern52(d),
}
_OF_PRODUCTS = {"dot", "polynomial", "sigmoid", "cosine"}
_OF_CHI: Mapping[str, _OfDistance] = {
    "additive_chi2": lambda s, _: s,
    "chi2": lambda s, gamma: np.exp(gamma * s),
}
_OF_DIFFERENCES: Mapping[str, _OfDistance] = {
    "manhattan_distance": lambda d, _: d,
    "laplacian": lambda d, gamma: np.exp(-gamma * d),
}
_WITH_GAMMA = {"rbf", "laplacian", "polynomial", "sigmoid", "chi2"}


def kernel(step: Step) -> Operation:
    """(n, k) → (n, m): a function of each row and each of *rows* (m, k).

    squared_distance, rbf (gamma), matern12, matern32, matern52: of the Euclidean distance. manhattan_distance,
    laplacian (gamma): of the sum of absolute differences. dot, polynomial (gamma, offset, degree), sigmoid (gamma,
    offset), cosine: of the dot product. additive_chi2, chi2 (gamma): minus Σ (x - y)² / (x + y), and the exponential of
    gamma times it.
    """
    rows = np.ascontiguousarray(step.floats("rows", None, step.matrix()), np.float64)
    name = step.choice("function", {*_OF_SQUARES, *_OF_DIFFERENCES, *_OF_PRODUCTS, *_OF_CHI})
    gamma = step.number("gamma") if name in _WITH_GAMMA else 1.0
    offset = step.number("offset") if name in {"polynomial", "sigmoid"} else 0.0
    degree = step.number("degree") if name == "polynomial" else 1.0

    def run(inputs: Sequence[Values]) -> Values:
        x = inputs[0]
        if name in _OF_SQUARES:
            return _OF_SQUARES[name](squared_distances(x, rows), gamma)
        if name in _OF_DIFFERENCES:
            return _OF_DIFFERENCES[name](absolute_distances(x, rows), gamma)
        if name in _OF_CHI:
            return _OF_CHI[name](_chi2(x, rows), gamma)
        return _of_products(name, x, rows, gamma=gamma, offset=offset, degree=degree)

    return step.done(len(rows), run)


def _of_products(name: str, x: Values, rows: Array, *, gamma: float, offset: float, degree: float) -> Values:
    if name == "cosine":
        return np.asarray(unit(x) @ unit(rows).T)
    products: Values = x @ rows.T
    if name == "dot":
        return products
    scaled = gamma * products + offset
    powered: Values = np.tanh(scaled) if name == "sigmoid" else scaled**degree
    return powered


def unit(x: Values) -> Values:
    """Each row divided by its length."""
    size = np.sqrt(np.einsum("ij,ij->i", x, x))[:, None]
    return x / np.where(size == 0, 1, size)


def _chi2(x: Values, y: Array) -> Values:
    out = np.zeros((len(x), len(y)))
    for column in range(y.shape[1]):
        difference, total = x[:, column, None] - y[:, column], x[:, column, None] + y[:, column]
        out -= np.where(total == 0, 0, difference**2 / np.where(total == 0, 1, total))
    return out


def rational_quadratic(step: Step) -> Operation:
    """(n, k) → (n, m): (1 + d² / (2 · mixture · length²)) ^ -mixture, d the distance to each of *rows* (m, k)."""
    rows = np.ascontiguousarray(step.floats("rows", None, step.matrix()), np.float64)
    mixture, length = step.number("mixture", 0.0), step.number("length", 0.0)

    def run(inputs: Sequence[Values]) -> Values:
        return (1 + squared_distances(inputs[0], rows) / (2 * mixture * length**2)) ** -mixture

    return step.done(len(rows), run)


def periodic(step: Step) -> Operation:
    """(n, k) → (n, m): exp(-2 (sin(π d / period) / length)²), d the distance to each of *rows* (m, k)."""
    rows = np.ascontiguousarray(step.floats("rows", None, step.matrix()), np.float64)
    period, length = step.number("period", 0.0), step.number("length", 0.0)

    def run(inputs: Sequence[Values]) -> Values:
        distance = np.sqrt(squared_distances(inputs[0], rows))
        return np.exp(-2 * (np.sin(np.pi / period * distance) / length) ** 2)

    return step.done(len(rows), run)
