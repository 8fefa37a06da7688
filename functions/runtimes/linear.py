"""The linear runtime over a document: intercept + Σ coefficients · columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from operator import mul
from typing import TYPE_CHECKING, Any, NamedTuple

from ..columns.rows import Rows
from ..columns.table import Table, to_numbers
from ..entries import ArtifactError
from ..problems import PayloadError, Problem, shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    from ..columns.arrays import np


class Predictions(NamedTuple):
    """A regression's answer; see runtimes.Predictions. For Rows the values are a list."""

    values: NDArray[np.float64] | list[float]
    probabilities: None = None


class Line(NamedTuple):
    """A line over number columns."""

    coefficients: tuple[float, ...]
    intercept: float

    def predict(self, table: Any) -> Predictions:
        """Predict in feature order, never in blocks, so a row has the same bits alone and in any batch.

        A row whose sum leaves float64 gets an infinity or NaN.

        Raises:
            PayloadError: A number is missing or infinite.
            ValueError: The table has another number of columns.
        """
        if isinstance(table, Rows):
            return Predictions(self._few(table))
        rows = table if isinstance(table, Table) else Table(table)
        if rows.width != len(self.coefficients):
            raise _other_width(len(self.coefficients), rows.width)
        total = np.full(len(rows), self.intercept)
        with np.errstate(over="ignore", invalid="ignore"):
            for cells, coefficient in zip(rows.columns, self.coefficients, strict=True):
                total += to_numbers(cells) * coefficient
        if not np.isfinite(total).all():
            _refuse_gaps(rows)
        return Predictions(total)

    def _few(self, rows: Rows) -> list[float]:
        """The same bits without numpy."""
        coefficients, intercept = self
        if rows.width != len(coefficients):
            raise _other_width(len(coefficients), rows.width)
        values = []
        for row in rows.cells:
            total = intercept
            for product in map(mul, row, coefficients):
                total += product
            values.append(total)
        return values


def load(document: Mapping[str, Any], arrays: bytes) -> Line:
    """Read `linear` of *document*.

    Raises:
        ArtifactError: It has no finite intercept and coefficients, or arrays came with it.
    """
    linear = document.get("linear")
    if not isinstance(linear, Mapping) or arrays:
        raise ArtifactError("linear: expected an intercept and coefficients, and no arrays")
    coefficients, intercept = linear.get("coefficients"), linear.get("intercept")
    if not isinstance(coefficients, list | tuple) or not coefficients or not all(map(_is_finite, coefficients)):
        raise ArtifactError(f"linear.coefficients: expected finite numbers, found {shown(coefficients)}")
    if not _is_finite(intercept):
        raise ArtifactError(f"linear.intercept: expected a finite number, found {shown(intercept)}")
    return Line(tuple(map(float, coefficients)), float(intercept))  # type: ignore[arg-type]


def _other_width(expected: int, found: int) -> ValueError:
    return ValueError(f"expected {expected} columns, got {found}")


def _refuse_gaps(rows: Table) -> None:
    gaps = np.flatnonzero(~np.isfinite(rows.matrix()).all(axis=1))
    if gaps.size:
        row = int(gaps[0])
        raise PayloadError(Problem(f"row {row}: the model cannot answer a missing or infinite number", f"/{row}"))


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
