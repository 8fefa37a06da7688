"""Places of cells to speak of in a table: outside their range, of a level that training never saw, missing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .feature import Feature, traits
from .table import Matrix, Table, is_missing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Places = NDArray[np.intp]
else:
    from .arrays import np

    Places = Any
"""Row and column of each cell, in row order; shape (n_cells, 2)."""


def outside(table: Table | Matrix, features: Sequence[Feature]) -> Places:
    """Find the numbers, booleans and times outside their feature's range.

    Returns:
        Their places, in row order.
    """
    table = table if isinstance(table, Table) else Table(table)
    measured = None
    if not traits(features).measured:
        measured = [place for place, feature in enumerate(features) if feature.kind != "category"]
        features = [features[place] for place in measured]
    matrix = table.matrix(measured)
    low = np.array([feature.minimum for feature in features])
    high = np.array([feature.maximum for feature in features])
    if any(feature.width != "float64" for feature in features):
        matrix, low, high = (in_training_width(values, features) for values in (matrix, low, high))
    beyond = (matrix < low) | (matrix > high)
    places: Places = np.argwhere(beyond) if beyond.any() else np.empty((0, 2), np.intp)
    if measured is not None:
        places[:, 1] = np.take(measured, places[:, 1])
    return places


def unknown(table: Table, features: Sequence[Feature]) -> Places:
    """Find the levels that training never saw, as `outside` does."""
    found = []
    for place, feature in enumerate(features):
        if feature.takes_unknown:
            cells = table.cells(place).tolist()
            if strange := {*cells} - feature.level_set - {None}:
                found.append((place, np.flatnonzero([cell in strange for cell in cells])))
    return _in_row_order(found)


def missing(table: Table, features: Sequence[Feature]) -> Places:
    """Find the missing cells, as `outside` does."""
    takers = [place for place, feature in enumerate(features) if feature.takes_missing]
    return _in_row_order([(place, np.flatnonzero(is_missing(table.cells(place)))) for place in takers])


def _in_row_order(found: Sequence[tuple[int, NDArray[np.intp]]]) -> Places:
    """From columns, each with rows, to pairs."""
    if not found:
        return np.empty((0, 2), np.intp)
    rows = np.concatenate([rows for _, rows in found])
    columns = np.concatenate([np.full(len(rows), column) for column, rows in found])
    return np.stack([rows, columns], axis=1)[np.lexsort((columns, rows))]


def in_training_width(values: NDArray[np.float64], features: Sequence[Feature]) -> NDArray[np.float64]:
    """*values*, whose last axis is (n_features,), each rounded to the width of its feature; a copy."""
    rounded = values.copy()
    with np.errstate(over="ignore"):  # a value beyond the width is an infinity in it
        for column, feature in enumerate(features):
            rounded[..., column] = values[..., column].astype(feature.width)
    return rounded
