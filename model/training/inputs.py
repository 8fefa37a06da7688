"""Rows as an estimator is fitted to them and asked: a float64 matrix, or a DataFrame where it sees levels or names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from functions.columns.schema import Feature
from functions.columns.table import Cells, Table, is_missing


@dataclass(frozen=True)
class Column:
    """One column that the model sees: a feature, or one part of a time.

    Args:
        levels: How many levels training saw of a category; 0 for numbers.
    """

    name: str
    is_category: bool
    had_missing: bool
    levels: int = 0


def columns(features: Sequence[Feature]) -> list[Column]:
    """The columns that a model of *features* sees, in order."""
    seen = []
    for feature in features:
        names = [f"{feature.name}.{part}" for part in feature.parts] if feature.kind == "time" else [feature.name]
        is_category = feature.kind == "category"
        seen += [Column(name, is_category, feature.had_missing, len(feature.levels)) for name in names]
    return seen


def columns_of(features: Sequence[Feature], *, named: bool = False) -> list[str] | None:
    """Names of the columns as `export` needs them; None where the estimator takes a matrix.

    Args:
        named: The estimator takes a DataFrame even where every column is a number.
    """
    seen = columns(features)
    return [column.name for column in seen] if named or any(column.is_category for column in seen) else None


def as_input(table: Table, features: Sequence[Feature], *, named: bool = False) -> Any:
    """*table*, the columns of *features*, as an estimator takes it.

    Returns:
        A float64 matrix of shape (n_rows, n_columns) where every column is a number; otherwise, or where *named*, a
        DataFrame: numbers as float64, levels as objects, missing cells NaN in both.
    """
    names = columns_of(features, named=named)
    rows = _expanded(table, features)
    if names is None:
        return rows.matrix()
    kinds = columns(features)
    cells = [_levels(rows.cells(j)) if kind.is_category else rows.matrix([j])[:, 0] for j, kind in enumerate(kinds)]
    return pd.DataFrame(dict(zip(names, cells, strict=True)))


def rows_of(x: Any, rows: Any) -> Any:
    """Some rows of an input, by a mask of shape (n_rows,) or by their numbers."""
    return x[rows] if isinstance(x, np.ndarray) else x.iloc[np.flatnonzero(rows) if rows.dtype == bool else rows]


def _expanded(table: Table, features: Sequence[Feature]) -> Table:
    """*table* with the parts of each time in its place."""
    if not any(feature.kind == "time" for feature in features):
        return table
    from functions.columns import times  # noqa: PLC0415 - most models have no time

    return times.expand(table, features)


def _levels(cells: Cells) -> Any:
    """Levels as a Series of objects: pandas would make a column of texts its own kind of text."""
    filled = np.array(cells, object)
    filled[is_missing(filled)] = np.nan
    return pd.Series(filled, dtype=object)
