"""Proof that a model answers as its estimator: which cells both take, and rows on which both are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.columns.schema import Feature, Level
from functions.columns.table import Table
from functions.predictor import distance
from model.training.asking import Answers, Ask, answered, stacked
from model.training.export.edges import Edge

_Cell = tuple[int, Any]
"""A column and what stands in it; None is a missing cell."""

ALONE = 500
"""How many rows are asked one by one, too."""

_MOST_SHUFFLED = 20_000
_ASKED_ROWS = 5
_MANY_FEATURES = 50
_GAPPY_ROWS = 60
_GAP_SHARE = 0.3


@dataclass(frozen=True)
class Exactness:
    """How far a model is from its estimator.

    Args:
        furthest: The largest distance, as functions.predictor.distance measures it; 1 is the most that is equal.
        rows: How many rows were asked in a batch.
        alone: How many of them were asked one by one, too.
    """

    furthest: float
    rows: int
    alone: int


def taken(estimator: Ask, model: Ask, table: Table, features: Sequence[Feature]) -> list[Feature]:
    """*features*, each with whether both answer a missing cell of it, and a level that training never saw.

    Both are asked row by row, on some rows of *table*: an exception or an answer that is no number is none.
    """
    count = _ASKED_ROWS if len(features) <= _MANY_FEATURES else 2
    rows = [table[place : place + 1] for place in np.unique(np.linspace(0, len(table) - 1, count).astype(int)).tolist()]

    def take(column: int, cell: Level | None) -> bool:
        changed = [_with_cell(row, column, cell) for row in rows]
        return all(_answers(ask, row) for ask in (estimator, model) for row in changed)

    return [
        replace(
            feature,
            takes_missing=take(column, None),
            takes_unknown=feature.kind == "category" and take(column, unknown_level(feature)),
        )
        for column, feature in enumerate(features)
    ]


def unknown_level(feature: Feature) -> Level:
    """A level that *feature* does not have: a number where all of its levels are, else a text."""
    numbers = [level for level in feature.levels if isinstance(level, int | float) and not isinstance(level, bool)]
    if numbers and len(numbers) == len(feature.levels):
        return max(numbers) + 1
    text = "unknown"
    while text in feature.levels:
        text += "?"
    return text


def proof_rows(table: Table, features: Sequence[Feature], edges: Sequence[Edge], *, seed: int) -> Table:
    """All rows; with each column shuffled; on *edges*; with missing cells and unknown levels, where they are taken.

    Args:
        edges: Numbers of columns as the model sees them; those in parts of times are left out.
    """
    source = np.random.default_rng(seed)
    some = source.permutation(len(table))[:_MOST_SHUFFLED]
    shuffled = [column[source.permutation(some)] for column in table.columns]
    parts = [table, Table(shuffled)]
    places = _places(features)
    at_edges = [(places[column], number) for column, number in edges if column in places]
    parts.append(_changed(table, [[edge] for edge in at_edges], source))
    gaps: list[_Cell] = [(column, None) for column, feature in enumerate(features) if feature.takes_missing]
    news: list[_Cell] = [
        (column, unknown_level(feature)) for column, feature in enumerate(features) if feature.takes_unknown
    ]
    cells = [*gaps, *news]
    parts.append(_changed(table, [[cell] for cell in (*cells, *cells)], source))
    drawn = source.random((_GAPPY_ROWS if cells else 0, len(cells))) < _GAP_SHARE
    together = [[cell for cell, chosen in zip(cells, row, strict=True) if chosen] for row in drawn.tolist()]
    parts.append(_changed(table, [change for change in (gaps, news, *together) if change], source))
    return joined([part for part in parts if len(part)])


def exactness(estimator: Ask, model: Ask, rows: Table) -> Exactness:
    """How far *model* is from *estimator* on *rows*: all in a batch, and some of them one by one.

    A row that the estimator does not answer must not be answered by the model.
    """
    expected = answered(estimator, rows)
    chosen = np.unique(np.linspace(0, len(rows) - 1, ALONE).astype(int))
    batch = answered(model, rows)
    alone = stacked([batch, *(answered(model, rows[place : place + 1]) for place in chosen.tolist())])
    alone, single = alone[: len(rows)].copy(), alone[len(rows) :]
    alone[chosen] = single
    furthest = max(furthest_of(found, expected) for found in (batch, alone))
    return Exactness(furthest, len(rows), len(chosen))


def furthest_of(found: Answers, expected: Answers) -> float:
    """The largest distance; infinite where one of the two is an answer and the other is none."""
    known = np.isfinite(expected).all(axis=1)
    if (known != np.isfinite(found).all(axis=1)).any():
        return float("inf")
    if not known.any():
        return 0.0
    if found.shape[1] != expected.shape[1]:
        return float("inf")
    columns = zip(found[known].T, expected[known].T, strict=True)
    return max(float(distance(*pair).max(initial=0.0)) for pair in columns)


def joined(parts: Sequence[Table]) -> Table:
    """Tables of the same columns, one below the other."""
    if all(part.numeric for part in parts):
        return Table(np.concatenate([part.matrix() for part in parts]))
    return Table([np.concatenate(cells) for cells in zip(*(part.columns for part in parts), strict=True)])


def _answers(ask: Ask, row: Table) -> bool:
    return bool(np.isfinite(answered(ask, row)).all())


def _places(features: Sequence[Feature]) -> dict[int, int]:
    """The feature by the column that the model sees, where the two hold the same numbers."""
    places, column = {}, 0
    for place, feature in enumerate(features):
        if feature.kind in {"number", "boolean"}:
            places[column] = place
        column += len(feature.parts) if feature.kind == "time" else 1
    return places


def _with_cell(row: Table, column: int, cell: Any) -> Table:
    """*row*, one or several, with *cell* in *column*; None is a missing one."""
    columns = [cells.copy() for cells in row.columns]
    columns[column][:] = _stored(cell, columns[column])
    return Table(columns)


def _changed(table: Table, changes: Sequence[Sequence[_Cell]], source: np.random.Generator) -> Table:
    """A row of *table* for each of *changes*, with these cells."""
    drawn = table[source.integers(len(table), size=len(changes))]
    columns = [cells.copy() for cells in drawn.columns]
    for row, cells in enumerate(changes):
        for column, cell in cells:
            columns[column][row] = _stored(cell, columns[column])
    return Table(columns)


def _stored(cell: Any, cells: NDArray[Any]) -> Any:
    return np.nan if cell is None and cells.dtype.kind == "f" else cell
