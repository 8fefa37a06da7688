"""Operators for the power transforms of Box and Cox (1964) and of Yeo and Johnson (2000), and their inverses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .step import Operation, Step, Values

_Function = Callable[[Values, float], Values]


def _box_cox(x: Values, power: float) -> Values:
    return np.log(x) if power == 0 else np.expm1(power * np.log(x)) / power


def _box_cox_inverse(x: Values, power: float) -> Values:
    return np.exp(x) if power == 0 else np.exp(np.log1p(power * x) / power)


def _yeo_johnson(x: Values, power: float) -> Values:
    out = np.array(x)
    above = x >= 0
    below = x < 0
    high, low = np.log1p(x[above]), np.log1p(-x[below])
    out[above] = high if abs(power) < np.spacing(1.0) else np.expm1(power * high) / power
    rest = 2 - power
    out[below] = -low if abs(rest) <= np.spacing(1.0) else -np.expm1(rest * low) / rest
    return out


def _yeo_johnson_inverse(x: Values, power: float) -> Values:
    out = np.array(x)
    above = x >= 0
    below = x < 0
    high, low = x[above], x[below]
    out[above] = np.exp(high) - 1 if abs(power) < np.spacing(1.0) else np.power(high * power + 1, 1 / power) - 1
    rest = 2 - power
    out[below] = 1 - np.exp(-low) if abs(rest) <= np.spacing(1.0) else 1 - np.power(-rest * low + 1, 1 / rest)
    return out


_METHODS: Mapping[str, _Function] = {
    "box_cox": _box_cox,
    "box_cox_inverse": _box_cox_inverse,
    "yeo_johnson": _yeo_johnson,
    "yeo_johnson_inverse": _yeo_johnson_inverse,
}


def power_transform(step: Step) -> Operation:
    """(n, k) → (n, k): column j by *method* with *powers* (k,)."""
    width = step.matrix()
    powers = step.floats("powers", width).tolist()
    method = _METHODS[step.choice("method", {*_METHODS})]

    def run(inputs: Sequence[Values]) -> Values:
        return np.column_stack([method(inputs[0][:, j], power) for j, power in enumerate(powers)])

    return step.done(width, run)
