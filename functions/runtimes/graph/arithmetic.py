"""Operators that compute cell by cell or along a row: none mixes rows, so a row has the same bits in any batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...columns.schema import PayloadError, Problem
from .single import exp_single, softmax_single
from .step import Operation, Step, Values

Function = Callable[[Values], Values]

_erfc = np.frompyfunc(math.erfc, 1, 1)


def _expit(z: Values) -> Values:
    e = np.exp(-np.abs(z))
    positive: Values = np.where(z >= 0, 1 / (1 + e), e / (1 + e))
    return positive


def _float32(z: Values) -> Values:
    return z.astype(np.float32).astype(np.float64)


def _logit(z: Values) -> Values:
    return np.log(z / (1 - z))


def _normal_share(z: Values) -> Values:
    return 0.5 * np.asarray(_erfc(-z / math.sqrt(2)), np.float64)


def _normal_quantile(z: Values) -> Values:
    """The inverse of the normal distribution's share, by Wichura's algorithm AS 241."""
    from statistics import NormalDist  # noqa: PLC0415  few models need it

    out = np.where(z <= 0, -np.inf, np.where(z >= 1, np.inf, np.nan))
    inside = (z > 0) & (z < 1)
    out[inside] = [NormalDist().inv_cdf(share) for share in z[inside].tolist()]
    return out


ELEMENTWISE: Mapping[str, Function] = {
    "absolute": np.absolute,
    "arccos": np.arccos,
    "arcsin": np.arcsin,
    "arcsinh": np.arcsinh,
    "arctan": np.arctan,
    "arctanh": np.arctanh,
    "cbrt": np.cbrt,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg2rad": np.deg2rad,
    "exp": np.exp,
    "exp2": np.exp2,
    "exp_single": exp_single,
    "expit": _expit,
    "expm1": np.expm1,
    "float32": _float32,
    "floor": np.floor,
    "isnan": lambda z: np.isnan(z).astype(float),
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "logit": _logit,
    "nan_to_num": np.nan_to_num,
    "negative": np.negative,
    "normal_quantile": _normal_quantile,
    "normal_share": _normal_share,
    "rad2deg": np.rad2deg,
    "reciprocal": np.reciprocal,
    "rint": np.rint,
    "sign": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "square": np.square,
    "tan": np.tan,
    "tanh": np.tanh,
    "trunc": np.trunc,
}
"""Functions of one number, by name."""


def _softmax(z: Values) -> Values:
    e: Values = np.exp(z - z.max(axis=1, keepdims=True))
    return _share(e)


def _posterior(z: Values) -> Values:
    shifted = z - z.max(axis=1, keepdims=True)
    posterior: Values = np.exp(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
    return posterior


def _divided(z: Values, size: Values) -> Values:
    return z / np.where(size == 0, 1, size)


def _share(z: Values) -> Values:
    share: Values = z / z.sum(axis=1, keepdims=True)
    return share


def _share_or_even(z: Values) -> Values:
    total = z.sum(axis=1, keepdims=True)
    return np.where(total == 0, 1 / z.shape[1], z / np.where(total == 0, 1, total))


ROWWISE: Mapping[str, Function] = {
    "softmax": _softmax,
    "softmax_single": softmax_single,
    "posterior": _posterior,
    "share": _share,
    "share_or_even": _share_or_even,
    "share_or_zero": lambda z: _divided(z, z.sum(axis=1, keepdims=True)),
    "l1": lambda z: _divided(z, np.abs(z).sum(axis=1, keepdims=True)),
    "l2": lambda z: _divided(z, np.sqrt(np.einsum("ij,ij->i", z, z))[:, None]),
    "max": lambda z: _divided(z, np.abs(z).max(axis=1, keepdims=True)),
}
"""Functions of a row that keep its width, by name."""

REDUCED: Mapping[str, Function] = {
    "argmax": lambda z: z.argmax(axis=1, keepdims=True).astype(float),
    "argmin": lambda z: z.argmin(axis=1, keepdims=True).astype(float),
    "mean": lambda z: z.mean(axis=1, keepdims=True),
    "sum": lambda z: z.sum(axis=1, keepdims=True),
}
"""Functions of a row that leave one number, by name."""

BINARY: Mapping[str, Callable[[Values, Values], Values]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "power": np.power,
    "greater": lambda a, b: (a > b).astype(float),
    "greater_equal": lambda a, b: (a >= b).astype(float),
    "equal": lambda a, b: (a == b).astype(float),
}
"""Functions of two numbers, by name."""


def finite(step: Step) -> Operation:
    """(n, k) → (n, k), unchanged: refuses rows with an infinity, and with NaN unless *missing*.

    With *single*, numbers that float32 cannot hold count as infinite.
    """
    width = step.matrix()
    missing = step.flag("missing")
    most = float(np.finfo(np.float32).max) if step.flag("single") else np.finfo(np.float64).max

    def run(inputs: Sequence[Values]) -> Values:
        x = inputs[0]
        with np.errstate(invalid="ignore"):
            if not np.abs(x).max(initial=0.0) <= most:
                _refuse(x, most, missing=missing)
        return x

    return step.done(width, run)


def _refuse(x: Values, most: float, *, missing: bool) -> None:
    with np.errstate(invalid="ignore"):
        bad = (np.abs(x) > most) if missing else ~(np.abs(x) <= most)
    if (rows := np.flatnonzero(bad.any(axis=1))).size:
        row = int(rows[0])
        kind = "a missing number" if np.isnan(x[row]).any() and not missing else "an infinite number"
        raise PayloadError(Problem(f"row {row}: the model cannot answer {kind}", f"/{row}"))


def elementwise(step: Step) -> Operation:
    """(n, k) → (n, k): a function of ELEMENTWISE."""
    width = step.matrix()
    function = ELEMENTWISE[step.choice("function", {*ELEMENTWISE})]
    return step.done(width, lambda inputs: function(inputs[0]))


def rowwise(step: Step) -> Operation:
    """(n, k) → (n, k): a function of ROWWISE."""
    width = step.matrix()
    function = ROWWISE[step.choice("function", {*ROWWISE})]
    return step.done(width, lambda inputs: function(inputs[0]))


def reduced(step: Step) -> Operation:
    """(n, k) → (n, 1): a function of REDUCED."""
    step.matrix()
    function = REDUCED[step.choice("function", {*REDUCED})]
    return step.done(1, lambda inputs: function(inputs[0]))


def with_constant(step: Step) -> Operation:
    """(n, k) → (n, k): a function of BINARY with *values* (k,) or (1,) on its right."""
    width = step.matrix()
    function = BINARY[step.choice("function", {*BINARY})]
    values = step.floats("values", None, finite=False)
    if len(values) not in {1, width}:
        raise step.refuse(f"{len(values)} values for a matrix of width {width}")
    right: Any = values.astype(float) if len(values) > 1 else float(values[0])
    return step.done(width, lambda inputs: function(inputs[0], right))


def pairwise(step: Step) -> Operation:
    """(n, k), (n, k or 1) → (n, k): a function of BINARY."""
    widths = step.matrices(least=2, most=2)
    if widths[1] not in {1, widths[0]}:
        raise step.refuse(f"expected two matrices of one width, got {list(widths)[:9]}")
    function = BINARY[step.choice("function", {*BINARY})]
    return step.done(widths[0], lambda inputs: function(inputs[0], inputs[1]))


def impute(step: Step) -> Operation:
    """(n, k) → (n, k): NaN becomes *values* (k,)."""
    width = step.matrix()
    values = step.floats("values", width)
    return step.done(width, lambda inputs: np.where(np.isnan(inputs[0]), values, inputs[0]))


def blank(step: Step) -> Operation:
    """(n, k) → (n, k): *value* becomes NaN, and what lies *within* of it, if that is given."""
    width = step.matrix()
    value = step.number("value")
    within = step.number("within", low=0) if step.has("within") else 0.0

    def run(inputs: Sequence[Values]) -> Values:
        near = np.abs(inputs[0] - value) <= within if within else inputs[0] == value
        return np.where(near, np.nan, inputs[0])

    return step.done(width, run)


def choose(step: Step) -> Operation:
    """(n, k) condition, (n, k), (n, k) → (n, k): the second where the condition is not 0, else the third."""
    widths = step.matrices(step.widths[0] if step.widths else None, least=3, most=3)
    return step.done(widths[0], lambda inputs: np.where(inputs[0] != 0, inputs[1], inputs[2]))
