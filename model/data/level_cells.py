"""Cells of categories as places in a list of levels, and booleans as 1 and 0; what is neither is a flaw."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from functions.columns.schema import Level, shown
from functions.columns.text_cells import BOOLEANS
from model.data.cells import Codes, Flaw, Vector, distinct, flaw_of, plain, wrong_type
from model.data.formats import Column

_FORMS = {str: "a text", bool: "true or false", int: "a number", float: "a number"}


def booleans(column: Column, name: str, start: int, flaws: list[Flaw], *, texts: bool) -> Vector:
    """1 for true, 0 for false: booleans, their words in any case, or 0 and 1."""
    cells, codes = distinct(column, texts=texts)
    values = np.array([*map(_truth, cells), math.nan])
    bad = np.flatnonzero(np.isnan(values)[codes] & (codes >= 0))
    for row in bad.tolist():
        flaw_of("not-boolean", name, "must be true or false", flaws).add(shown(cells[codes[row]]), row=start + row)
    return values[codes]


def _truth(cell: Any) -> float:
    if isinstance(cell, str):
        return float(BOOLEANS.get(cell.strip().casefold(), math.nan))
    return float(cell) if isinstance(cell, int | float | Decimal) and cell in {0, 1} else math.nan


def _refuse_other_encodings(column: pa.Array, name: str, start: int, flaws: list[Flaw]) -> None:
    """A flaw for each cell whose bytes are no UTF-8: its level would be another one than callers spell."""
    try:
        column.cast(pa.string())
    except pa.ArrowInvalid:
        for row, cell in enumerate(column.to_pylist()):
            text = (cell or b"").decode("utf-8", "backslashreplace")
            if cell is not None and text.encode() != cell:
                flaw_of("other-encoding", name, "must be text in UTF-8", flaws).add(shown(text), row=start + row)


@dataclass
class LevelCodes:
    """The cells of a category, as places in a list of levels that grows; -1 for a missing one."""

    name: str
    places: dict[Level, int] = field(default_factory=dict)
    pieces: list[Codes] = field(default_factory=list)
    form: str = ""

    def add(self, column: Column | None, rows: int, start: int, flaws: list[Flaw], *, texts: bool) -> None:
        """The next cells; all levels are texts, or numbers, or booleans, as the first one is."""
        if column is None:
            self.pieces.append(np.full(rows, -1))
            return
        column = plain(column)
        if isinstance(column, pa.Array) and (pa.types.is_temporal(column.type)):
            column = column.cast(pa.string())
        if isinstance(column, pa.Array) and not texts and pa.types.is_nested(column.type):
            wrong_type("category", self.name, str(column.type), flaws)
            self.pieces.append(np.full(rows, -1))
            return
        if texts and isinstance(column, pa.Array):
            _refuse_other_encodings(column, self.name, start, flaws)
        cells, codes = distinct(column, texts=texts)
        places, refused = np.full(len(cells) + 1, -1), {}
        for code in np.unique(codes[codes >= 0]).tolist():
            level = _level(cells[code])
            form = _FORMS.get(type(level), "")
            self.form = self.form or form
            if level is None or form != self.form:
                refused[code] = self.form or "a text, a number or a boolean"
            else:
                places[code] = self.places.setdefault(level, len(self.places))
        if refused:
            for row in np.flatnonzero(np.isin(codes, list(refused))).tolist():
                flaw = flaw_of("not-a-level", self.name, f"must be {refused[codes[row]]}", flaws)
                flaw.add(shown(cells[codes[row]]), row=start + row)
        self.pieces.append(places[codes])

    def levels(self) -> tuple[Level, ...]:
        """The most frequent first, and of equally frequent ones the lesser."""
        codes = self.codes()
        counts = np.bincount(codes[codes >= 0], minlength=len(self.places)).tolist()
        seen = [level for level, place in self.places.items() if counts[place]]
        return tuple(sorted(seen, key=lambda level: (-counts[self.places[level]], level)))

    def cells(self) -> Any:
        """Shape (n_rows,), objects: the level, or None."""
        levels = np.empty(len(self.places) + 1, object)
        levels[:-1] = list(self.places)
        return levels[self.codes()]

    def codes(self) -> Codes:
        """Shape (n_rows,): the place of each level in the order of their first rows; -1 for a missing one."""
        return np.concatenate([np.empty(0, np.int64), *self.pieces])


def _level(cell: Any) -> Level | None:
    """A cell as a level: texts, booleans and finite numbers are; None for all else."""
    if isinstance(cell, Decimal):
        return int(cell) if cell == int(cell) else float(cell)
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return cell if isinstance(cell, str | bool | int | float) else None
