"""Rows of numbers, and the manifest's entries of them, as values for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from functions.columns.schema import Feature
from functions.columns.table import Table
from model.data.rows import Rows
from model.data.statistics import describe


def number_rows(x: Any, y: Any, names: Sequence[str] = ("age", "bmi"), target: str = "y", **beside: Any) -> Rows:
    """Rows of number columns; *x* may be flat."""
    matrix = np.array(x, float).reshape(-1, len(names))
    return Rows("rows", tuple(map(Feature, names)), target, Table(matrix), np.array(y, float), **beside)


def described(x: Any, names: Sequence[str]) -> list[dict[str, Any]]:
    """A manifest's `features` of number columns, of shape (n_rows, n_columns)."""
    return describe(Table(x), [Feature(name) for name in names])
