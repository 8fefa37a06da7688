"""The column that is learnt: numbers, or the places of its classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from functions.columns.schema import Level
from model.data.cells import Flaw, Mask, Vector, missing_cells, target_numbers, without_target
from model.data.formats import Column
from model.data.level_cells import LevelCodes, booleans

CLASS_KINDS = ("boolean", "category")
"""Kinds of a target that is one of classes, where nobody says otherwise."""


@dataclass
class Target:
    """The cells of the target, piece by piece.

    Args:
        kind: `number`, `boolean` or `category`.
        is_class: Whether its different cells are classes; else it is a number.
    """

    name: str
    kind: str = "number"
    is_class: bool = False
    pieces: list[Vector] = field(default_factory=list)
    gone: list[Mask] = field(default_factory=list)
    labels: LevelCodes | None = None

    def __post_init__(self) -> None:
        """Labels are collected where cells are texts, or numbers and booleans of an own type."""
        if self.is_class and self.kind == "category":
            self.labels = LevelCodes(self.name)

    def add(self, column: Column | None, rows: int, start: int, flaws: list[Flaw], *, texts: bool) -> None:
        """The next cells; a missing one is a flaw of the code `no-target`."""
        if self.labels is not None:
            self.labels.add(column, rows, start, flaws, texts=texts)
            gone = self.labels.pieces[-1] < 0
        elif self.is_class and self.kind == "boolean" and column is not None:
            self.pieces.append(booleans(column, self.name, start, flaws, texts=texts))
            gone = np.isnan(self.pieces[-1])
        else:
            values, gone = target_numbers(column, rows, self.name, start, flaws, texts=texts)
            self.pieces.append(np.broadcast_to(values, rows).astype(np.float64))
            self.gone.append(gone)
            return
        gone = np.zeros(rows, np.bool_) if column is None else gone & missing_cells(column, texts=texts)
        self.gone.append(gone)
        without_target(gone, self.name, start, flaws)

    def there(self) -> Mask:
        """Which rows have a target, be it a flaw; shape (n_rows,)."""
        return ~np.concatenate([np.empty(0, np.bool_), *self.gone])

    def result(self) -> tuple[Vector, tuple[Level, ...]]:
        """The target, shape (n_rows,), and its classes: none for a number; else numbers are places of classes.

        Classes are in ascending order, as scikit-learn has them. Whole numbers are int labels. NaN is no cell.
        """
        if self.labels is not None:
            codes = self.labels.codes()
            found = list(self.labels.places)
            order = sorted(range(len(found)), key=lambda place: found[place])
            places = np.full(len(found) + 1, math.nan)
            places[order] = np.arange(len(order))
            return places[codes], tuple(found[place] for place in order)
        values = np.concatenate([np.empty(0), *self.pieces])
        if not self.is_class:
            return values, ()
        return placed(values, boolean=self.kind == "boolean")


def placed(values: Vector, *, boolean: bool = False) -> tuple[Vector, tuple[Level, ...]]:
    """Numbers as places of their classes, and the classes."""
    present = ~np.isnan(values)
    different, places = np.unique(values[present], return_inverse=True)
    out = np.full(len(values), math.nan)
    out[present] = places
    whole = bool((different == np.round(different)).all()) and bool((np.abs(different) < 2**53).all())
    classes: Sequence[Any] = different.tolist()
    if boolean:
        return out, tuple(bool(value) for value in classes)
    return out, tuple(int(value) if whole else value for value in classes)


def kind_of(classes: Sequence[Level]) -> str:
    """The kind of a column of these labels."""
    match classes[0]:
        case bool():
            return "boolean"
        case str():
            return "category"
    return "number"
