"""Pieces of a file become whole columns, each by its kind; what does not fit becomes missing, and a flaw."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from functions.columns.schema import Feature, Level, Matrix
from functions.columns.table import Table, is_missing
from model.data.cells import Flaw, Mask, Vector, numbers
from model.data.formats import Column, Piece
from model.data.level_cells import LevelCodes, booleans
from model.data.targets import Target
from model.data.times import seconds

TIME_PARTS = ("epoch_days", "month", "weekday", "hour")
"""Parts of a time that nobody named parts of: the trend, and the place in the year, the week and the day."""


@dataclass(frozen=True)
class Filled:
    """Whole columns: the features with what was found out about them, their table, and the target with its classes.

    Args:
        kept: Which rows of the file these are: those whose target is there; shape (n_rows of the file,).
    """

    features: tuple[Feature, ...]
    x: Table
    y: Vector
    kept: Mask
    classes: tuple[Level, ...] = ()


def fill(
    pieces: Iterator[Piece], features: Sequence[Feature], target: Target, flaws: list[Flaw], *, texts: bool
) -> Filled:
    """All *pieces* by the kinds of *features*, but rows without a target; a column that is not there is missing whole.

    Args:
        texts: Cells are the bytes of a text file.
    """
    measured = [feature for feature in features if feature.kind != "category"]
    values, codes = (
        np.empty((0, len(measured))),
        {feature.name: LevelCodes(feature.name) for feature in features if feature.kind == "category"},
    )
    size = 0
    for rows, columns in pieces:
        if size + rows > len(values):
            values.resize((max(size + rows, len(values) * 5 // 4), values.shape[1]), refcheck=False)
        for place, feature in enumerate(measured):
            column = columns.get(feature.name)
            values[size : size + rows, place] = _measured(column, feature, size, flaws, texts=texts)
        target.add(columns.get(target.name), rows, size, flaws, texts=texts)
        for name, code in codes.items():
            code.add(columns.get(name), rows, size, flaws, texts=texts)
        size += rows
    values.resize((size, values.shape[1]), refcheck=False)
    kept = target.there()
    if not kept.all():
        values = values[kept]
        for code in codes.values():
            code.pieces = [np.concatenate(code.pieces)[kept]]
    y, classes = target.result()
    return replace(_filled(features, values, codes), y=y[kept], kept=kept, classes=classes)


def _filled(features: Sequence[Feature], values: Matrix, codes: dict[str, LevelCodes]) -> Filled:
    if not codes:
        table = Table(values)
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
    return Filled(tuple(found), table, np.empty(0), np.empty(0, np.bool_))


def _measured(column: Column | None, feature: Feature, start: int, flaws: list[Flaw], *, texts: bool) -> Vector | float:
    if column is None:
        return math.nan
    match feature.kind:
        case "boolean":
            return booleans(column, feature.name, start, flaws, texts=texts)
        case "time":
            return seconds(column, feature.name, start, flaws, texts=texts, needed=False)
        case _:
            return numbers(column, feature, start, flaws, texts=texts)
