"""The rows of a request as a graph sees them: a float64 matrix, or one array a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...schema import PayloadError, Problem
from .step import Array, Values


class Table:
    """Rows to predict: either *matrix* of shape (n_rows, n_columns), or *columns*, each of shape (n_rows,)."""

    def __init__(self, table: Any) -> None:
        self._matrix: Values | None = None
        if isinstance(table, np.ndarray) and len(table.shape) == len(("rows", "columns")):
            self._matrix = np.ascontiguousarray(table, np.float64)
            self.width, self.rows = table.shape[1], len(table)
            return
        self._columns = [np.asarray(column) for column in table]
        lengths = {column.shape for column in self._columns}
        if len(lengths) != 1 or len(shape := lengths.pop()) != 1:
            raise ValueError("expected a float64 matrix, or columns of one length")
        self.width, self.rows = len(self._columns), shape[0]

    def part(self, start: int, stop: int) -> Table:
        """Rows *start* to *stop* - 1."""
        if self._matrix is not None:
            return Table(self._matrix[start:stop])
        return Table([column[start:stop] for column in self._columns])

    def cells(self, column: int) -> Array:
        return self._columns[column] if self._matrix is None else self._matrix[:, column]

    def matrix(self, columns: Sequence[int]) -> Values:
        """Number columns side by side, shape (n_rows, len(columns)), missing cells NaN."""
        if self._matrix is None:
            matrix = np.empty((self.rows, len(columns)))
            for place, column in enumerate(columns):
                matrix[:, place] = to_numbers(self._columns[column])
            return matrix
        if columns == list(range(self.width)):
            return self._matrix
        return self._matrix.take(columns, axis=1)


def to_numbers(cells: Array) -> Values:
    """Cells of a number or boolean column as float64, missing ones NaN.

    Raises:
        PayloadError: A cell is a text or something else that is no number.
    """
    if cells.dtype.kind in "fiub":
        return cells.astype(np.float64, copy=False)
    numbers = np.empty(len(cells))
    for row, value in enumerate(cells.tolist()):
        if value is not None and not isinstance(value, int | float):
            raise PayloadError(Problem(f"row {row}: expected a number", f"/{row}"))
        numbers[row] = np.nan if value is None else value
    return numbers


def is_missing(cells: Array) -> Array:
    """Which cells are None or NaN, shape (n_rows,)."""
    if cells.dtype.kind == "f":
        return np.isnan(cells)
    return np.array([value is None or value != value for value in cells.tolist()], bool)  # noqa: PLR0124  NaN
