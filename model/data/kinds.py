"""The kind of a column, found out from all of its cells.

Numbers, booleans and times of a typed file are such. A column of texts is one of numbers (in CSV, where every cell is
a text), booleans (`true`, `false`, in any case) or times (ISO 8601) where each of its cells is, words for a missing
cell (`NA`, `?`) aside; a CSV column of which more than half are numbers is one of numbers. What does not fit then is a
flaw. All other texts are categories.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from functions.columns.text_cells import NUMBER
from functions.columns.times import parse
from model.data.cells import distinct, is_number, plain
from model.data.formats import Column, FileTable
from model.data.nearly import MISSING_WORDS

FOUND_OUT = ""
"""The kind of a feature that nobody named: its cells tell."""

_MOST_SEEN = 100_000


def kinds(table: FileTable, names: Sequence[str]) -> Mapping[str, str]:
    """The kind of each of the columns *names*, one of KINDS; a column without any cell is one of numbers."""
    tallies = {name: _Tally(texts=table.texts) for name in names}
    if names:
        for _, columns in table.read(names):
            for name, tally in tallies.items():
                tally.add(columns[name])
    return {name: tally.kind() for name, tally in tallies.items()}


@dataclass
class _Tally:
    """How many cells of a column are of which kind."""

    texts: bool
    present: int = 0
    number: int = 0
    boolean: int = 0
    time: int = 0
    other: int = 0
    word: int = 0
    seen: dict[str, str] = field(default_factory=dict)

    def kind(self) -> str:
        if not self.present or self.other or self.number > self.present / 2:
            return "number"
        told = self.present - self.word
        same = [kind for kind in ("number", "boolean", "time") if 0 < getattr(self, kind) == told]
        return same[0] if same else "category"

    def add(self, column: Column) -> None:
        column = plain(column)
        if isinstance(column, pa.Array) and not self.texts and (kind := _typed(column.type)):
            self._count(kind, len(column) - column.null_count)
            return
        if isinstance(column, pa.Array) and self.texts and _all_numbers(column):
            self._count("number", len(column) - column.null_count)
            return
        cells, codes = distinct(column, texts=self.texts)
        for cell, count in zip(cells, np.bincount(codes[codes >= 0], minlength=len(cells)).tolist(), strict=True):
            self._count(self._of(cell), count)

    def _count(self, kind: str, cells: int) -> None:
        self.present += cells
        if kind != "category":
            setattr(self, kind, getattr(self, kind) + cells)

    def _of(self, cell: Any) -> str:
        match cell:
            case bool():
                return "boolean"
            case int() | float():
                return "number"
            case str():
                if len(self.seen) > _MOST_SEEN:
                    self.seen.clear()
                if cell not in self.seen:
                    self.seen[cell] = _of_text(cell.strip(), numbers=self.texts)
                return self.seen[cell]
        return "other"


def _typed(kind: pa.DataType) -> str:
    """The kind of an Arrow type; empty where the cells tell."""
    tests: Sequence[tuple[str, Callable[[pa.DataType], bool]]] = (
        ("number", is_number),
        ("boolean", pa.types.is_boolean),
        ("time", pa.types.is_timestamp),
        ("time", pa.types.is_date),
        ("", pa.types.is_string),
        ("", pa.types.is_large_string),
        ("", pa.types.is_string_view),
        ("category", pa.types.is_null),
    )
    return next((name for name, test in tests if test(kind)), "other")


def _all_numbers(column: pa.Array) -> bool:
    try:
        pyarrow.compute.ascii_trim_whitespace(column.cast(pa.string())).cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def _of_text(text: str, *, numbers: bool) -> str:
    if numbers and NUMBER.fullmatch(text):
        return "number"
    if text.casefold() in MISSING_WORDS:
        return "word"
    if text.casefold() in {"true", "false"}:
        return "boolean"
    return "category" if parse(text) is None else "time"
