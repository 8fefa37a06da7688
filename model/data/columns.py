"""Pieces of a file become whole columns, each by its kind; what does not fit becomes missing, and a flaw."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from functions.schema import Feature, Level, Matrix, shown
from functions.table import Table, is_missing
from model.data.cells import Codes, Flaw, Vector, distinct, flaw_of, numbers, plain, wrong_type
from model.data.formats import Column, Piece
from model.data.times import seconds

TIME_PARTS = ("epoch_days", "month", "weekday", "hour")
"""Parts of a time that nobody named parts of: the trend, and the place in the year, the week and the day."""

_FORMS = {str: "a text", bool: "true or false", int: "a number", float: "a number"}
_BOOLEANS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


@dataclass(frozen=True)
class Filled:
    """Whole columns: the features with what was found out about them, their table, and the target."""

    features: tuple[Feature, ...]
    x: Table
    y: Vector


def fill(
    pieces: Iterator[Piece], features: Sequence[Feature], target: str, flaws: list[Flaw], *, texts: bool
) -> Filled:
    """All *pieces* by the kinds of *features*; a column that is not there is missing whole.

    Args:
        texts: Cells are the bytes of a text file.
    """
    measured = [feature for feature in features if feature.kind != "category"]
    values, codes = (
        np.empty((0, len(measured) + 1)),
        {feature.name: _Codes(feature.name) for feature in features if feature.kind == "category"},
    )
    size = 0
    for rows, columns in pieces:
        if size + rows > len(values):
            values.resize((max(size + rows, len(values) * 5 // 4), values.shape[1]), refcheck=False)
        for place, feature in enumerate(measured):
            column = columns.get(feature.name)
            values[size : size + rows, place] = _measured(column, feature, size, flaws, texts=texts)
        values[size : size + rows, -1] = numbers(
            columns.get(target), Feature(target), size, flaws, texts=texts, needed=True
        )
        for name, kept in codes.items():
            kept.add(columns.get(name), rows, size, flaws, texts=texts)
        size += rows
    values.resize((size, values.shape[1]), refcheck=False)
    return _filled(features, values, codes)


def _filled(features: Sequence[Feature], values: Matrix, codes: dict[str, _Codes]) -> Filled:
    if not codes:
        table = Table(values[:, :-1])
    else:
        places = iter(range(values.shape[1]))
        table = Table(
            [
                codes[feature.name].cells() if feature.name in codes else values[:, next(places)].copy()
                for feature in features
            ]
        )
    found = [
        replace(
            feature,
            levels=codes[feature.name].levels() if feature.name in codes else (),
            had_missing=bool(is_missing(table.cells(place)).any()),
            parts=(feature.parts or TIME_PARTS) if feature.kind == "time" else (),
        )
        for place, feature in enumerate(features)
    ]
    return Filled(tuple(found), table, values[:, -1])


def _measured(column: Column | None, feature: Feature, start: int, flaws: list[Flaw], *, texts: bool) -> Vector | float:
    if column is None:
        return math.nan
    match feature.kind:
        case "boolean":
            return _booleans(column, feature.name, start, flaws, texts=texts)
        case "time":
            return seconds(column, feature.name, start, flaws, texts=texts, needed=False)
        case _:
            return numbers(column, feature, start, flaws, texts=texts)


def _booleans(column: Column, name: str, start: int, flaws: list[Flaw], *, texts: bool) -> Vector:
    """1 for true, 0 for false: booleans, their words in any case, or 0 and 1."""
    cells, codes = distinct(column, texts=texts)
    values = np.array([*map(_truth, cells), math.nan])
    bad = np.flatnonzero(np.isnan(values)[codes] & (codes >= 0))
    for row in bad.tolist():
        flaw_of("not-boolean", name, "must be true or false", flaws).add(shown(cells[codes[row]]), row=start + row)
    return values[codes]


def _truth(cell: Any) -> float:
    if isinstance(cell, str):
        return _BOOLEANS.get(cell.strip().casefold(), math.nan)
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
class _Codes:
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
        codes = self._codes()
        counts = np.bincount(codes[codes >= 0], minlength=len(self.places)).tolist()
        return tuple(sorted(self.places, key=lambda level: (-counts[self.places[level]], level)))

    def cells(self) -> Any:
        """Shape (n_rows,), objects: the level, or None."""
        levels = np.empty(len(self.places) + 1, object)
        levels[:-1] = list(self.places)
        return levels[self._codes()]

    def _codes(self) -> Codes:
        return np.concatenate([np.empty(0, np.int64), *self.pieces])


def _level(cell: Any) -> Level | None:
    """A cell as a level: texts, booleans and finite numbers are; None for all else."""
    if isinstance(cell, Decimal):
        return int(cell) if cell == int(cell) else float(cell)
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return cell if isinstance(cell, str | bool | int | float) else None
