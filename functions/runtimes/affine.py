"""The linear runtime over a document: intercept + Σ coefficients · columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..artifact import ArtifactError
from ..schema import PayloadError, Problem

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """A regression's answer; see runtimes.Predictions."""

    values: Values
    probabilities: None = None


@dataclass(frozen=True)
class Affine:
    """A line over number columns."""

    coefficients: tuple[float, ...]
    intercept: float

    def predict(self, table: Any) -> Predictions:
        """Predict in feature order, never in blocks, so a row has the same bits alone and in any batch."""
        columns = table.T if isinstance(table, np.ndarray) else table
        if len(columns) != len(self.coefficients):
            raise ValueError(f"expected {len(self.coefficients)} columns, got {len(columns)}")
        total = np.full(len(columns[0]), self.intercept)
        with np.errstate(over="ignore", invalid="ignore"):
            for column, coefficient in zip(columns, self.coefficients, strict=True):
                total += np.asarray(column, np.float64) * coefficient
        if not np.isfinite(total).all():
            _refuse_gaps(columns)
        return Predictions(total)


def _refuse_gaps(columns: Any) -> None:
    matrix = np.column_stack([np.asarray(column, np.float64) for column in columns])
    if (rows := np.flatnonzero(~np.isfinite(matrix).all(axis=1))).size:
        row = int(rows[0])
        raise PayloadError(Problem(f"row {row}: the model cannot answer a missing or infinite number", f"/{row}"))


def load(document: Mapping[str, Any], arrays: bytes) -> Affine:
    """Read `linear` of *document*.

    Raises:
        ArtifactError: It has no finite intercept and coefficients, or arrays came with it.
    """
    linear = document.get("linear")
    if not isinstance(linear, Mapping) or arrays:
        raise ArtifactError("linear: expected an intercept and coefficients, and no arrays")
    coefficients, intercept = linear.get("coefficients"), linear.get("intercept")
    if not isinstance(coefficients, list | tuple) or not coefficients:
        raise ArtifactError("linear.coefficients: expected a list of numbers")
    if not all(map(_is_finite, (*coefficients, intercept))):
        raise ArtifactError("linear: intercept and coefficients must be finite numbers")
    return Affine(tuple(map(float, coefficients)), float(intercept))  # type: ignore[arg-type]


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
