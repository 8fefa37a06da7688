"""Whether a graph is an intercept and a sum of coefficients times columns, and which."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from model.training.export.builder import Graph

_MOST_TERMS = 10_000

Sum = tuple[Fraction, dict[int, Fraction]]
"""A constant, and a coefficient by column of the table."""


def affine(graph: Graph, step: int) -> dict[str, Any] | None:
    """The manifest's `linear` of the value of *step*, or None where it is more than a line over all columns as numbers.

    Scalers are multiplied out in exact rational arithmetic and rounded once, so a column with a large mean and a small
    spread costs no digits.
    """
    sums: list[list[Sum] | None] = []
    for entry in graph.steps:
        sums.append(_sums(graph, entry, [sums[place] for place in entry["inputs"]]))
    line = sums[step]
    if line is None:
        return None
    constant, terms = line[0]
    try:
        coefficients = [float(terms.get(column, 0)) for column in range(graph.columns)]
        intercept = float(constant)
    except OverflowError:
        return None
    return {"coefficients": coefficients, "intercept": intercept}


def _sums(graph: Graph, entry: dict[str, Any], inputs: Sequence[list[Sum] | None]) -> list[Sum] | None:
    """Each column of a step as a sum, or None where it is none."""
    rule = _RULES.get(entry["operator"])
    if rule is None or any(part is None for part in inputs):
        return None
    arrays = {name: graph.arrays[place] for name, place in entry.get("arrays", {}).items() if isinstance(place, int)}
    if any(array.size > _MOST_TERMS for array in arrays.values()):
        return None
    return rule(entry.get("attributes", {}), arrays, [part for part in inputs if part is not None])


def _columns(attributes: Any, arrays: Any, inputs: Any) -> list[Sum]:
    return [(Fraction(0), {int(column): Fraction(1)}) for column in arrays["columns"]]


def _same(attributes: Any, arrays: Any, inputs: Any) -> list[Sum]:
    return inputs[0]  # type: ignore[no-any-return]


def _taken(attributes: Any, arrays: Any, inputs: Any) -> list[Sum]:
    return [inputs[0][int(column)] for column in arrays["columns"]]


def _joined(attributes: Any, arrays: Any, inputs: Any) -> list[Sum]:
    return [part for parts in inputs for part in parts]


def _constant(attributes: Any, arrays: Any, inputs: Any) -> list[Sum]:
    return [(_exact(value), {}) for value in arrays["values"]]


def _with_constant(attributes: Any, arrays: Any, inputs: Any) -> list[Sum] | None:
    values = [float(value) for value in arrays["values"]]
    values = values * len(inputs[0]) if len(values) == 1 else values
    function = attributes["function"]
    if function not in {"add", "subtract", "multiply", "divide"} or not all(map(math.isfinite, values)):
        return None
    if function == "divide" and not all(values):
        return None
    out = []
    for (constant, terms), value in zip(inputs[0], map(Fraction, values), strict=True):
        if function in {"add", "subtract"}:
            out.append((constant + (value if function == "add" else -value), terms))
        else:
            factor = value if function == "multiply" else 1 / value
            out.append((constant * factor, {column: term * factor for column, term in terms.items()}))
    return out


def _product(attributes: Any, arrays: Any, inputs: Any) -> list[Sum]:
    weights, bias = arrays["weights"], arrays["bias"]
    return [_weighted(inputs[0], weights[:, place], _exact(bias[place])) for place in range(weights.shape[1])]


def _combined(attributes: Any, arrays: Any, inputs: Any) -> list[Sum]:
    weights = arrays["weights"] if "weights" in arrays else [1.0] * len(inputs)
    divisor = _exact(attributes["divisor"])
    factors = [_exact(weight) / divisor for weight in weights]
    return [_weighted(parts, factors, Fraction(0)) for parts in zip(*inputs, strict=True)]


def _weighted(parts: Sequence[Sum], weights: Any, constant: Fraction) -> Sum:
    total: dict[int, Fraction] = {}
    for (own, terms), weight in zip(parts, map(_exact, weights), strict=True):
        constant += own * weight
        for column, term in terms.items():
            total[column] = total.get(column, Fraction(0)) + term * weight
    return constant, total


def _exact(value: Any) -> Fraction:
    return value if isinstance(value, Fraction) else Fraction(float(value))


_RULES: dict[str, Callable[[Any, Any, Any], list[Sum] | None]] = {
    "matrix": _columns,
    "finite": _same,
    "take": _taken,
    "concatenate": _joined,
    "constant": _constant,
    "with_constant": _with_constant,
    "linear": _product,
    "product": _product,
    "combine": _combined,
}
