"""Numbers of the table's columns at which a graph turns: thresholds of trees, edges of bins and of comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.training.export.builder import Graph

Edge = tuple[int, float]
"""A column of the table, and a number in it."""

_MOST = 150
_Traced = tuple[int, float, float]
"""A column of the table, and the factor and the summand by which it was scaled."""


def edges(graph: Graph, *, most: int = _MOST) -> tuple[Edge, ...]:
    """A seeded choice of at most *most* numbers; several for one threshold that is met in float32 or behind a scaler.

    Columns that reach a tree by other ways than scaling are left out.
    """
    traced: list[list[_Traced | None]] = []
    found: list[tuple[_Traced, float, bool]] = []
    for number, entry in enumerate(graph.steps):
        inputs = [traced[place] for place in entry["inputs"]]
        arrays = {name: graph.arrays[place] for name, place in entry.get("arrays", {}).items() if type(place) is int}
        attributes = entry.get("attributes", {})
        rule = _RULES.get(entry["operator"])
        width = max(graph.widths[number], 0)
        traced.append(rule(attributes, arrays, inputs) if rule else [None] * width)
        found += _turns(entry["operator"], attributes, arrays, inputs)
    chosen = np.random.default_rng(0).permutation(len(found))[:most]
    return tuple(edge for place in sorted(chosen.tolist()) for edge in _met(*found[place]))


def _turns(operator: str, attributes: Any, arrays: Any, inputs: Any) -> list[tuple[_Traced, float, bool]]:
    """The thresholds of one step, each with its traced column and whether it is compared as float32."""
    pairs: Iterable[tuple[int, float]]
    if operator in {"trees", "leaves"}:
        columns, thresholds = arrays["feature"][arrays["feature"] >= 0], arrays["threshold"]
        some = np.random.default_rng(0).permutation(len(thresholds))[:_MOST]
        pairs = zip(columns[some].tolist(), thresholds[some].tolist(), strict=True)
    elif operator == "bins":
        pairs = ((column, edge) for column, row in enumerate(arrays["edges"].tolist()) for edge in row)
    elif operator == "with_constant" and attributes["function"] in {"greater", "greater_equal"}:
        values = arrays["values"].tolist()
        pairs = ((column, values[column % len(values)]) for column in range(len(inputs[0])))
    else:
        return []
    single = bool(attributes.get("single", False))
    return [
        (inputs[0][column], number, single) for column, number in pairs if inputs[0][column] and abs(number) < np.inf
    ]


def _met(traced: _Traced, threshold: float, single: bool) -> list[Edge]:  # noqa: FBT001 - one of a tuple's members
    """Numbers of the table's column on both sides of *threshold*, and on it."""
    column, factor, summand = traced
    turns = [threshold]
    if single:  # all numbers that round to the same float32 are one
        above = float(np.nextafter(np.float32(threshold), np.float32(np.inf)))
        turns += [above, (threshold + above) / 2]
    numbers: list[float] = []
    for turn in turns:
        number = (turn - summand) / factor
        numbers += [number, float(np.nextafter(number, -np.inf)), float(np.nextafter(number, np.inf))]
    return [(column, number) for number in dict.fromkeys(numbers) if abs(number) < np.inf]


# --- how columns come through a step ---


def _columns(attributes: Any, arrays: Any, inputs: Any) -> list[_Traced | None]:
    return [(int(column), 1.0, 0.0) for column in arrays["columns"]]


def _same(attributes: Any, arrays: Any, inputs: Any) -> list[_Traced | None]:
    return list(inputs[0])


def _taken(attributes: Any, arrays: Any, inputs: Any) -> list[_Traced | None]:
    return [inputs[0][int(column)] for column in arrays["columns"]]


def _joined(attributes: Any, arrays: Any, inputs: Any) -> list[_Traced | None]:
    return [part for parts in inputs for part in parts]


def _scaled(attributes: Any, arrays: Any, inputs: Any) -> list[_Traced | None]:
    values: NDArray[Any] = np.broadcast_to(arrays["values"], (len(inputs[0]),))
    return [
        part and _with(part, attributes["function"], value)
        for part, value in zip(inputs[0], values.tolist(), strict=True)
    ]


def _with(traced: _Traced, function: str, value: float) -> _Traced | None:
    column, factor, summand = traced
    match function:
        case "add":
            return column, factor, summand + value
        case "subtract":
            return column, factor, summand - value
        case "multiply" if value:
            return column, factor * value, summand * value
        case "divide" if value:
            return column, factor / value, summand / value
    return None


def _elementwise(attributes: Any, arrays: Any, inputs: Any) -> list[_Traced | None]:
    return list(inputs[0]) if attributes["function"] == "float32" else [None] * len(inputs[0])


_RULES: dict[str, Callable[[Any, Any, Sequence[Any]], list[_Traced | None]]] = {
    "matrix": _columns,
    "finite": _same,
    "impute": _same,
    "take": _taken,
    "concatenate": _joined,
    "with_constant": _scaled,
    "elementwise": _elementwise,
}
