"""A few complete rows of numbers as Python's own floats, for models that need no arrays. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .feature import Feature

FEW_CELLS = 64
"""Cells of a request up to which plain Python is the faster one, from reading to recording. Time by numpy's, measured
2026-11: 1 cell 0.39, 16 of one feature 0.68, 64 of it 0.94, 128 of it 1.5; 64 of three features 0.71, of ten 0.51."""

CELLS_BEFORE_NUMPY = 8192
"""Cells that a process answers in larger requests before it imports numpy. They cost 6 to 29 ms more than with it (ten
features, one), the import 45 ms: so no process pays twice for what it turns out to need, and a small one never."""


class Rows:
    """Rows of shape (n_rows, n_columns), none of them with a missing or infinite cell."""

    __slots__ = ("cells", "width")

    def __init__(self, cells: list[list[float]], width: int) -> None:
        self.cells, self.width = cells, width

    def __len__(self) -> int:
        return len(self.cells)

    def __getitem__(self, rows: Sequence[int]) -> Rows:
        return Rows([self.cells[row] for row in rows], self.width)

    def cell(self, row: int, column: int) -> float:
        return self.cells[row][column]

    def pick(self, columns: Sequence[int]) -> Rows:
        """Some columns, in the order given."""
        return Rows([[row[column] for column in columns] for row in self.cells], len(columns))

    def outside(self, features: Sequence[Feature]) -> list[list[int]]:
        """Row and column of each cell outside its feature's range, in row order."""
        return [
            [number, column]
            for number, row in enumerate(self.cells)
            for column, (value, feature) in enumerate(zip(row, features, strict=True))
            if not feature.minimum <= value <= feature.maximum
        ]


def to_rows(instances: Sequence[Any], names: Sequence[str]) -> Rows | None:
    """The rows of *instances*, as schema.to_table arranges them; None where one has a cell that is no finite number.

    Args:
        names: The features, in order.
    """
    rows = []
    for instance in instances:
        row = _row(instance, names)
        if row is None:
            return None
        rows.append(row)
    return Rows(rows, len(names))


def _row(instance: Any, names: Sequence[str]) -> list[float] | None:
    if type(instance) is float:
        return [instance] if len(names) == 1 and math.isfinite(instance) else None
    cells = [instance]
    if type(instance) is list:
        cells = instance
    elif type(instance) is dict:
        cells = [instance.get(name) for name in names] if len(instance) == len(names) else []
    kinds = {*map(type, cells)}
    if len(cells) != len(names) or not kinds <= _NUMBERS:
        return None
    try:
        row = cells if kinds == _FLOATS else [*map(float, cells)]
    except OverflowError:
        return None
    return row if all(map(math.isfinite, row)) else None


_FLOATS, _NUMBERS = {float}, {float, int}
