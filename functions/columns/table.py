"""Rows by their columns, as files, requests and runtimes pass them on: numbers as float64, categories as objects.

A number, a boolean (0 or 1) and a time (seconds since 1970, UTC) are float64, and a missing cell of theirs is NaN; a
category's cells are its levels in their own type, and a missing one is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..problems import PayloadError, Problem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Cells = NDArray[Any]
else:
    from .arrays import np

    Matrix = Cells = Any


class Table:
    """Rows: either a float64 matrix of shape (n_rows, n_columns), or columns, each an array of shape (n_rows,).

    Raises:
        ValueError: Neither of the two, or columns of different lengths.
    """

    def __init__(self, table: Matrix | Sequence[Any]) -> None:
        self._matrix: Matrix | None = None
        if isinstance(table, np.ndarray) and len(table.shape) == len(("rows", "columns")):
            self._matrix = np.ascontiguousarray(table, np.float64)
            self.width, self.rows = table.shape[1], len(table)
            return
        self._columns = [np.asarray(column) for column in table]
        lengths = {column.shape for column in self._columns}
        if len(lengths) != 1 or len(shape := lengths.pop()) != 1:
            raise ValueError("expected a float64 matrix, or columns of one length")
        self.width, self.rows = len(self._columns), shape[0]

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, rows: Any) -> Table:
        """The rows that *rows* picks: a slice, a mask of shape (n_rows,), or numbers of rows."""
        if self._matrix is not None:
            return Table(self._matrix[rows])
        return Table([column[rows] for column in self._columns])

    @property
    def numeric(self) -> bool:
        """Whether every column is float64."""
        return self._matrix is not None or all(column.dtype == np.float64 for column in self._columns)

    @property
    def columns(self) -> list[Cells]:
        """The columns in order, each of shape (n_rows,)."""
        return self._columns if self._matrix is None else list(self._matrix.T)

    def cells(self, column: int) -> Cells:
        """One column, shape (n_rows,)."""
        return self._columns[column] if self._matrix is None else self._matrix[:, column]

    def cell(self, row: int, column: int) -> Any:
        return self.cells(column)[row]

    def pick(self, columns: Sequence[int]) -> Table:
        """Some columns, in the order given."""
        if self._matrix is not None:
            return Table(self._matrix[:, list(columns)])
        return Table([self._columns[column] for column in columns] or np.empty((self.rows, 0)))

    def matrix(self, columns: Sequence[int] | None = None) -> Matrix:
        """Number columns side by side, all by default; shape (n_rows, n_columns), missing cells NaN.

        Raises:
            PayloadError: A cell of them is no number.
        """
        if columns is None:
            if self._matrix is not None:
                return self._matrix
            columns = range(self.width)
        if self._matrix is None:
            matrix = np.empty((self.rows, len(columns)))
            for place, column in enumerate(columns):
                matrix[:, place] = to_numbers(self._columns[column])
            return matrix
        columns = list(columns)
        return self._matrix if columns == list(range(self.width)) else self._matrix.take(columns, axis=1)


def to_numbers(cells: Cells) -> NDArray[np.float64]:
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


def is_missing(cells: Cells) -> NDArray[np.bool_]:
    """Which cells are None or NaN, shape (n_rows,)."""
    if cells.dtype.kind == "f":
        return np.isnan(cells)
    return np.array([value is None or value != value for value in cells.tolist()], bool)  # noqa: PLR0124  NaN
