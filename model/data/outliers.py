"""Values that seldom come about honestly: a repeated extreme that stands apart, a lone row far outside. Pure.

Heavy tails are honest: how far out the outermost value of a column may lie is judged by the tail behind it, whose
index is Hill's estimate (A simple general approach to inference about the tail of a distribution, 1975).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_REPEATS = 3
CHANCE = 1e-4
"""Probability by which the tail of a column, on either side, may call its outermost value far outside."""
_TAIL_ROWS = 20
_LEAST_TAIL_ROWS = 10
_STEEPEST = 6.0  # of a tail index: no value less than 4.6 times as far out as the next is far outside
_APART = 0.1  # of the middle nine tenths, for a value that is usually a code
_FAR_APART = 1.0  # of the same, for any value
_FEW_VALUES = 50
_LEAST_VALUES = 3
_SUM_TOLERANCE = 1e-6

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Repeated:
    """An extreme value that *count* cells hold, well apart from *nearest*, the next one."""

    value: float
    count: int
    nearest: float
    row: int


@dataclass(frozen=True)
class FarRow:
    """A row whose values in *columns* lie far outside; *total* where one of them is the sum of all others."""

    row: int
    columns: Mapping[str, float]
    total: bool


def repeated_extremes(cells: Vector) -> list[Repeated]:
    """The smallest and the largest value of a column, where it repeats and stands apart; NaN cells are left out.

    0 is never one: it is the honest value of much that did not happen.
    """
    values, counts = np.unique(cells[~np.isnan(cells)], return_counts=True)
    if len(values) <= _LEAST_VALUES:
        return []
    found = []
    for place, rest in ((0, slice(1, None)), (-1, slice(None, -1))):
        value, others = float(values[place]), values[rest]
        nearest = float(others[0] if place == 0 else others[-1])
        gap = abs(nearest - value)
        low, high = np.quantile(np.repeat(others, counts[rest]), [0.05, 0.95])
        spacing = float(np.diff(others).max()) if len(others) <= _FEW_VALUES else 0.0
        coded = _is_code(value) and (value > 0 or nearest >= 0)
        needed = (_APART if coded else _FAR_APART) * (high - low)
        if value and counts[place] >= FEWEST_REPEATS and gap >= max(needed, 2 * spacing):
            found.append(Repeated(value, int(counts[place]), nearest, int(np.flatnonzero(cells == value)[0])))
    return found


def far_rows(columns: Mapping[str, Vector]) -> list[FarRow]:
    """Rows that hold the outermost value of a column, farther out than its tail explains."""
    rows: dict[int, dict[str, float]] = {}
    for name, cells in columns.items():
        for row in _outermost(cells):
            rows.setdefault(row, {})[name] = float(cells[row])
    return [
        FarRow(row, values, any(_is_sum(columns[name], row) for name in values)) for row, values in sorted(rows.items())
    ]


def _is_code(value: float) -> bool:
    """Whether people write *value* for a missing one: -1, and nines of either sign from 99 on (-9 too)."""
    digits = f"{abs(value):.0f}"
    nines = set(digits) == {"9"} and value == round(value)
    return value == -1 or (nines and (value < 0 or len(digits) > 1))


def _outermost(cells: Vector) -> list[int]:
    """The row of the largest and that of the smallest value, where it is far outside."""
    middle = float(np.nanmedian(cells))
    found = []
    for distances in (cells - middle, middle - cells):
        outside = np.flatnonzero(distances > 0)
        if len(outside) < _LEAST_TAIL_ROWS + 2:
            continue
        outermost = outside[np.argpartition(distances[outside], -min(_TAIL_ROWS + 2, len(outside)))]
        tail = np.sort(distances[outermost[-min(_TAIL_ROWS + 2, len(outside)) :]])[::-1]
        spread = float(np.log(tail[1:-1] / tail[-1]).mean())
        index = min(_STEEPEST, 1 / spread) if spread > 0 else _STEEPEST
        if index * math.log(tail[0] / tail[1]) > -math.log(CHANCE):
            found.append(int(outside[distances[outside].argmax()]))
    return found


def _is_sum(cells: Vector, row: int) -> bool:
    others = float(np.nansum(cells)) - float(cells[row])
    return bool(abs(cells[row] - others) <= _SUM_TOLERANCE * abs(others))
