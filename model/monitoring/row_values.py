"""Captured features as numbers: a level by its place in the manifest, a time in seconds, a missing cell NaN. Pure.

The answers of classifiers are read by class_rows.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.columns.times import parse
from model.monitoring.log_schema import rendered, shown
from model.monitoring.windows import Layout

Matrix = NDArray[np.float64]

_NUMBERS = {int, float, bool}
_MOST_LOGGED_CHARACTERS = 256  # MOST_CHARACTERS of functions/telemetry/rows.py


def row_values(rows: Sequence[Mapping[str, Any]], layout: Layout) -> tuple[Matrix, dict[int, str]]:
    """Features of captured rows.

    Returns:
        Array of shape (n_rows, n_columns), NaN where a cell is missing and in the columns behind the features; and a
        message for each row, by its place, that holds another kind of value than its feature's.
    """
    features = [row["features"] for row in rows]
    width = len(layout.features)
    values = np.full((len(rows), len(layout.edges)), np.nan)
    try:
        cells: list[Any] = list(map(itemgetter(*layout.features), features))
    except KeyError:
        cells = [[row.get(name) for name in layout.features] for row in features]
    flaws: dict[int, str] = {}
    whole = None if layout.kinds else np.array(cells)
    if whole is not None and whole.dtype.kind in "fi":  # all cells are numbers
        values[:, :width] = whole.reshape(len(rows), -1)
    else:
        columns = list(zip(*map(_listed, cells), strict=True)) if cells else [()] * len(layout.features)
        for place, column in enumerate(columns):
            values[:, place] = _numbers(column, place, layout, flaws)
    values[:, :width] = layout.narrowed(values[:, :width])
    return values, flaws


def predicted_numbers(rows: Sequence[Mapping[str, Any]], flaws: dict[int, str]) -> Sequence[float]:
    """The prediction of each row; NaN, and a line in *flaws*, for one that is no number."""
    found = [row["prediction"] for row in rows]
    if set(map(type, found)) <= {int, float}:
        return found
    numbers = []
    for row, cell in enumerate(found):
        is_number = type(cell) in {int, float}
        if not is_number:
            flaws.setdefault(row, f"prediction must be a number, found {shown(rendered(cell))}")
        numbers.append(float(cell) if is_number else np.nan)
    return numbers


def _listed(row: Any) -> Sequence[Any]:
    """The cells of a row; itemgetter gives the one cell of a single feature as it is."""
    return row if isinstance(row, tuple | list) else (row,)


def _numbers(column: Sequence[Any], place: int, layout: Layout, flaws: dict[int, str]) -> Sequence[float]:
    """The cells of the feature at *place* as numbers; NaN, and a line in *flaws*, for each of another kind."""
    kind = layout.kind(place)
    if kind == "category":
        levels = layout.levels[place]
        codes = {as_logged(level): float(code) for code, level in enumerate(levels)}
        return [np.nan if cell is None else codes.get(cell, float(len(levels))) for cell in column]
    expected, number = _KINDS[kind]
    numbers = []
    for row, cell in enumerate(column):
        found = np.nan if cell is None else number(cell)
        if found is None:
            flaws.setdefault(
                row, f"features.{layout.features[place]} must be {expected}, found {shown(rendered(cell))}"
            )
        numbers.append(np.nan if found is None else found)
    return numbers


def as_logged(level: Any) -> Any:
    """*level* as the functions log it: long texts are cut."""
    if isinstance(level, str) and len(level) > _MOST_LOGGED_CHARACTERS:
        return level[:_MOST_LOGGED_CHARACTERS] + "…"
    return level


def _number(cell: Any) -> float | None:
    return float(cell) if type(cell) in _NUMBERS else None


def _flag(cell: Any) -> float | None:
    return float(cell) if cell in {0, 1} else None


def _moment(cell: Any) -> float | None:
    return parse(cell) if type(cell) is str else _number(cell)


_KINDS: Mapping[str, tuple[str, Callable[[Any], float | None]]] = {
    "number": ("a number", _number),
    "boolean": ("true or false", _flag),
    "time": ("an ISO 8601 time", _moment),
}
"""By kind: what a cell must be, and its number; None for one that is not."""
