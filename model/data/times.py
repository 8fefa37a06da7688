"""Cells of a column of times as seconds since 1970: timestamps, dates, ISO 8601 texts, numbers."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from functions.schema import shown
from model.data.cells import Flaw, flaw_of, objects, plain
from model.data.formats import NUMBER, Column


def seconds(column: Column, name: str, start: int, flaws: list[Flaw], *, texts: bool) -> NDArray[np.float64]:
    """The times of the rows from *start* on, as they order; without a zone they are UTC, and numbers stay as they are.

    A cell that is no time becomes NaN, and a flaw of the column *name*.
    """
    column = plain(column)
    if isinstance(column, pa.Array) and not texts and pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s"))
    if isinstance(column, pa.Array) and not texts and pa.types.is_timestamp(column.type):
        micros = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
        values = np.asarray(micros.cast(pa.float64(), safe=False).fill_null(math.nan)) / 1e6
        cells: list[Any] = [None] * len(values)
    else:
        cells = objects(column, texts=texts)
        values = np.array([_second(cell) for cell in cells], dtype=np.float64)
    for row in np.flatnonzero(np.isnan(values)).tolist():
        code = "empty-cell" if cells[row] is None else "not-a-time"
        flaw_of(code, name, "must be a time", flaws).add(shown(cells[row]), row=start + row)
    return values


def _second(cell: Any) -> float:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell) if math.isfinite(cell) else math.nan
    if not isinstance(cell, str):
        return math.nan
    text = cell.strip()
    if NUMBER.fullmatch(text):
        return float(text) if math.isfinite(float(text)) else math.nan
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
