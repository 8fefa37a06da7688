"""Operators that find the interval in which a number lies: bins, interpolation, splines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...columns.schema import PayloadError, Problem
from .step import Array, Operation, Step, Values


def bins(step: Step) -> Operation:
    """(n, k) → (n, k): how many of the column's *edges* are not above the number.

    *edges* (k, most) is ascending in each row and filled up with infinities.
    """
    width = step.matrix()
    edges = step.floats("edges", width, None, finite=False)
    if np.isnan(edges).any() or (edges[:, 1:] < edges[:, :-1]).any():
        raise step.refuse("edges must ascend")

    def run(inputs: Sequence[Values]) -> Values:
        x = inputs[0]
        return np.column_stack([edges[j].searchsorted(x[:, j], side="right") for j in range(width)]).astype(float)

    return step.done(width, run)


def interpolate(step: Step) -> Operation:
    """(n, k) → (n, k): each column along the points *x* (points, k), *y* (points, k), ascending in x.

    Below the first and above the last point the answer is the point's own, or with *outside* "nan" NaN, with
    "refuse" none. NaN stays NaN.
    """
    width = step.matrix()
    x = step.floats("x", None, width)
    y = step.floats("y", len(x), width)
    outside = step.choice("outside", {"hold", "nan", "refuse"})
    if not len(x) or (x[1:] < x[:-1]).any():
        raise step.refuse("x must ascend")

    def run(inputs: Sequence[Values]) -> Values:
        z = inputs[0]
        out = np.column_stack([np.interp(z[:, j], x[:, j], y[:, j]) for j in range(width)])
        if outside != "hold":
            beyond = (z < x[0]) | (z > x[-1])
            if outside == "refuse" and beyond.any():
                raise _beyond(beyond)
            out[beyond] = np.nan
        return out

    return step.done(width, run)


def quantiles(step: Step) -> Operation:
    """(n, k) → (n, k): shares from 0 to 1, the mean of interpolating from below and from above.

    *quantiles* (points, k) ascends, *references* (points,) are the shares. The first quantile and all below it are
    0, the last one and all above it 1; what is nearer to them than *ends* counts as them.
    """
    width = step.matrix()
    references = step.floats("references", None)
    values = step.floats("quantiles", len(references), width)
    ends = step.number("ends", 0.0, 1.0)
    if not len(references) or (values[1:] < values[:-1]).any() or (references[1:] < references[:-1]).any():
        raise step.refuse("quantiles and references must ascend")

    def column(z: Values, points: Array) -> Values:
        rising = np.interp(z, points, references)
        falling = np.interp(-z, -points[::-1], -references[::-1])
        share: Values = 0.5 * (rising - falling)
        share[(z >= points[-1]) if ends == 0 else (z + ends > points[-1])] = 1.0
        share[(z <= points[0]) if ends == 0 else (z - ends < points[0])] = 0.0
        return share

    def run(inputs: Sequence[Values]) -> Values:
        return np.column_stack([column(inputs[0][:, j], values[:, j]) for j in range(width)])

    return step.done(width, run)


def spline(step: Step) -> Operation:
    """(n, k) → (n, k · functions): the B-splines of each column, by the recursion of Cox and de Boor.

    *knots* (k, m) strictly ascend between the places degree and m - degree - 1, the ends of the base interval.
    *outside* says what a number beyond it is taken for: "hold" its nearest end, "continue" the outermost
    polynomial, "linear" the tangent at the end, "period" its place in the period, "refuse" no answer.
    """
    width = step.matrix()
    degree = step.integer("degree", 0, 16)
    knots = step.floats("knots", width, None)
    outside = step.choice("outside", {"hold", "continue", "linear", "period", "refuse"})
    functions = knots.shape[1] - degree - 1
    if functions <= degree or (np.diff(knots[:, degree : functions + 1]) <= 0).any() or (np.diff(knots) < 0).any():
        raise step.refuse("knots must ascend, and be more than twice the degree and one")
    kept = functions - degree if outside == "period" else functions

    def column(x: Values, t: Array) -> Values:
        low, high = t[degree], t[functions]
        beyond = ~((x >= low) & (x <= high))
        if outside == "refuse" and beyond.any():
            raise _beyond(beyond[:, None])
        if outside == "period":
            x = low + (x - low) % (high - low)
        inside = x if outside in {"continue", "period"} else np.clip(x, low, high)
        basis = _basis(inside, t, degree, functions, _segments(inside, t, degree, functions))
        if outside == "linear" and beyond.any():
            slope = _slope(inside[beyond], t, degree, functions)
            basis[beyond] += slope * (x - inside)[beyond, None]
        if outside == "period":
            basis[:, :degree] += basis[:, kept:]
        return basis[:, :kept]

    def run(inputs: Sequence[Values]) -> Values:
        return np.concatenate([column(inputs[0][:, j], knots[j]) for j in range(width)], axis=1)

    return step.done(width * kept, run)


def _segments(x: Values, t: Array, degree: int, functions: int) -> Array:
    return np.clip(t.searchsorted(x, side="right") - 1, degree, functions - 1)


def _basis(x: Values, t: Array, degree: int, functions: int, segment: Array) -> Values:
    """All B-splines of *degree* at *x*, each in its *segment*; shape (n, functions)."""
    local = [np.ones(len(x))]
    for d in range(1, degree + 1):
        raised = [np.zeros(len(x)) for _ in range(d + 1)]
        for r in range(d):
            right, left = t[segment + r + 1], t[segment + 1 - d + r]
            share = local[r] / (right - left)
            raised[r] += (right - x) * share
            raised[r + 1] += (x - left) * share
        local = raised
    basis = np.zeros((len(x), functions))
    for r, values in enumerate(local):
        basis[np.arange(len(x)), segment - degree + r] = values
    return basis


def _slope(x: Values, t: Array, degree: int, functions: int) -> Values:
    """First derivative of all B-splines at *x*, shape (n, functions)."""
    slope = np.zeros((len(x), functions))
    if degree == 0:
        return slope
    lower = _basis(x, t, degree - 1, functions + 1, _segments(x, t, degree, functions))
    for i in range(functions):
        if (span := t[i + degree] - t[i]) > 0:
            slope[:, i] += degree * lower[:, i] / span
        if (span := t[i + degree + 1] - t[i + 1]) > 0:
            slope[:, i] -= degree * lower[:, i + 1] / span
    return slope


def _beyond(beyond: Array) -> PayloadError:
    row = int(np.flatnonzero(beyond.any(axis=1))[0])
    return PayloadError(Problem(f"row {row}: a number lies outside the range that the model answers", f"/{row}"))
