"""Cells of a column of times as seconds since 1970: timestamps, dates, ISO 8601 texts, numbers."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from functions.columns.schema import shown
from functions.columns.text_cells import NUMBER
from functions.columns.times import parse
from model.data.cells import Flaw, distinct, flaw_of, plain
from model.data.formats import Column


def seconds(
    column: Column, name: str, start: int, flaws: list[Flaw], *, texts: bool, needed: bool = True
) -> NDArray[np.float64]:
    """The times of the rows from *start* on, in UTC where they name no zone; NaN where there is none.

    A cell that is no time is a flaw of the column *name*.

    Args:
        needed: The rows are ordered by it: a missing cell is a flaw, and a number is a time as it stands.
    """
    column = plain(column)
    if isinstance(column, pa.Array) and not texts and pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s"))
    if isinstance(column, pa.Array) and not texts and pa.types.is_timestamp(column.type):
        micros = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
        values = np.asarray(micros.cast(pa.float64(), safe=False).fill_null(math.nan)) / 1e6
        cells: list[Any] = [None]
        codes = np.where(np.isnan(values), -1, 0)
    else:
        cells, codes = distinct(column, texts=texts)
        values = np.array([*(_second(cell, lenient=needed) for cell in cells), math.nan])[codes]
    for row in np.flatnonzero(np.isnan(values)).tolist():
        code = int(codes[row])
        if code >= 0:
            flaw_of("not-a-time", name, "must be a time", flaws).add(shown(cells[code]), row=start + row)
        elif needed:
            flaw_of("empty-cell", name, "must be a time", flaws).add(shown(None), row=start + row)
    return values


def _second(cell: Any, *, lenient: bool) -> float:
    """Seconds since 1970; where *lenient* also of a number as it stands, and of any form of ISO 8601."""
    text = cell.strip() if isinstance(cell, str) else ""
    moment = parse(text)
    if moment is not None:
        return moment
    return _other_form(cell, text) if lenient else math.nan


def _other_form(cell: Any, text: str) -> float:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell) if math.isfinite(cell) else math.nan
    if NUMBER.fullmatch(text):
        return float(text) if math.isfinite(float(text)) else math.nan
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
