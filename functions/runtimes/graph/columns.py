"""Operators that read the table and its cells: the only ones that see texts, booleans and None."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...columns.schema import PayloadError, Problem
from ...columns.table import Table, is_missing, to_numbers
from .step import CELLS, Array, Operation, Step, Values


def matrix(step: Step) -> Operation:
    """→ (n, len(columns)): number columns of the table side by side, missing cells NaN."""
    step.source()
    columns = step.integers("columns", None, high=step.columns).tolist()

    def run(inputs: Sequence[Table]) -> Values:
        return inputs[0].matrix(columns)

    return step.done(len(columns), run)


def cells(step: Step) -> Operation:
    """→ cells of one column of the table, as they came."""
    step.source()
    column = step.integer("column", 0, step.columns - 1)

    def run(inputs: Sequence[Table]) -> Array:
        return inputs[0].cells(column)

    return step.done(CELLS, run)


def as_cells(step: Step) -> Operation:
    """(n, k) → cells: one *column* of the matrix."""
    column = step.integer("column", 0, step.matrix() - 1)

    def run(inputs: Sequence[Values]) -> Array:
        return inputs[0][:, column]

    return step.done(CELLS, run)


def number(step: Step) -> Operation:
    """Cells → (n, 1): the cells as numbers, missing ones NaN."""
    step.cells()

    def run(inputs: Sequence[Array]) -> Values:
        return to_numbers(inputs[0])[:, None]

    return step.done(1, run)


def fill(step: Step) -> Operation:
    """Cells → cells: missing ones become *value*."""
    step.cells()
    (value,) = step.scalars("value")

    def run(inputs: Sequence[Array]) -> Array:
        filled = inputs[0].astype(object)
        filled[is_missing(inputs[0])] = value
        return filled

    return step.done(CELLS, run)


def absent(step: Step) -> Operation:
    """Cells → (n, 1): 1 where a cell is missing, else 0."""
    step.cells()

    def run(inputs: Sequence[Array]) -> Values:
        return is_missing(inputs[0]).astype(float)[:, None]

    return step.done(1, run)


def lookup(step: Step) -> Operation:
    """Cells → (n, w): the row of *table* (rows, w) that stands at a cell's place among *keys*.

    A missing cell takes the row *missing*, a cell that is not among the keys the row *unknown*. Without one, such a
    cell cannot be answered.
    """
    step.cells()
    table = step.floats("table", None, None, finite=False)
    keys = step.scalars("keys")
    if len(keys) > len(table):
        raise step.refuse(f"{len(keys)} keys for a table of {len(table)} rows")
    last = len(table) - 1
    unknown = step.integer("unknown", 0, last) if step.has("unknown") else -1
    missing = step.integer("missing", 0, last) if step.has("missing") else -1
    row_of = {key: row for row, key in enumerate(keys)}.get

    def run(inputs: Sequence[Array]) -> Values:
        values = inputs[0].tolist()
        rows = [missing if value is None or value != value else row_of(value, unknown) for value in values]  # noqa: PLR0124  NaN
        if rows and min(rows) < 0:
            raise _unanswerable(rows.index(min(rows)), values)
        return table.take(rows, axis=0)

    return step.done(table.shape[1], run)


def _unanswerable(row: int, values: list[Any]) -> PayloadError:
    value = values[row]
    kind = "a missing cell" if value is None or value != value else "a level that training did not see"  # noqa: PLR0124
    return PayloadError(Problem(f"row {row}: the model cannot answer {kind}", f"/{row}"))
