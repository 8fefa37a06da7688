"""Error by parts of each column: no part of the rows may be served much worse than the whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.predictor import RELATIVE
from functions.table import is_missing
from functions.times import iso
from model.evaluation.metrics import QUIET, finite, rmse
from model.evaluation.resampling import Vector
from model.formatting import number

MOST_SLICES = 40  # in a manifest
MOST_VALUES = 20  # texts with a slice of their own; the rarer ones are one slice together
_MORE_DIGITS = (9, 13, 17)  # of labels; two numbers of float64 differ in 17 at the latest


@dataclass(frozen=True)
class Slice:
    """The held-out rows with some values of one column, and the error on them, in the target's unit.

    Args:
        ratio: Their rmse by that of all held-out rows.
        compared_rows: Those of them that production may be judged by too; None where there is no production.
        loss: The rmse on those by production's.
        shown_only: It is not judged by the whole, only against production: the rows of a rare level, or those without a
            cell, may well be harder than others.
    """

    column: str
    values: str
    rows: int
    rmse: float | None
    bias: float | None
    ratio: float | None
    compared_rows: int | None = None
    loss: float | None = None
    shown_only: bool = False

    def document(self) -> dict[str, Any]:
        """The slice as the manifest records it."""
        whole = asdict(self)
        if self.compared_rows is None:
            del whole["compared_rows"], whole["loss"]
        if not self.shown_only:
            del whole["shown_only"]
        return whole


@QUIET
def slices(
    columns: Mapping[str, NDArray[Any]],
    actual: Vector,
    predicted: Vector,
    *,
    count: int,
    by_value: Collection[str] = (),
    levels: Collection[str] = (),
    moments: Collection[str] = (),
    booleans: Collection[str] = (),
    champion: Vector | None = None,
    done: Callable[[], None] = lambda: None,
) -> list[Slice]:
    """The slices of each column of *columns*, the worst ratio first.

    A column of numbers is cut into *count* parts with equally many rows, or by its values if it has no more or is
    named in *by_value*; a column of texts is cut by its values; rows without a cell (NaN, None) are a slice together.
    *levels* names columns whose slices are shown only, *moments* those of seconds since 1970, *booleans* those of 0 and
    1. *champion* holds production's predictions of the same rows, NaN where it may not be judged. *done* is called
    after each column.
    """
    floor = RELATIVE * float(np.abs(actual).max(initial=0.0)) or RELATIVE
    overall = max(rmse(actual, predicted), floor)
    measured = []
    for name, column in columns.items():
        gone = is_missing(column)
        parts = list(_parts(column[~gone], count, by_value=name in by_value, moments=name in moments))
        words = {"0": "false", "1": "true"} if name in booleans else {}
        masks = [(words.get(label, label), _placed(part, ~gone), name in levels) for label, part in parts]
        if gone.any():
            masks.append(("missing", gone, True))
        for label, part, shown_only in masks:
            error = rmse(actual[part], predicted[part])
            compared, loss = None, None
            if champion is not None:
                usable = part & np.isfinite(champion)
                compared = int(usable.sum())
                if compared:
                    theirs = max(rmse(actual[usable], champion[usable]), floor)
                    loss = finite(rmse(actual[usable], predicted[usable]) / theirs)
            measured.append(
                Slice(
                    column=name,
                    values=label,
                    rows=int(part.sum()),
                    rmse=finite(error),
                    bias=finite(float((predicted - actual)[part].mean())),
                    ratio=finite(error / overall),
                    compared_rows=compared,
                    loss=loss,
                    shown_only=shown_only,
                )
            )
        done()
    return sorted(measured, key=lambda part: math.inf if part.ratio is None else part.ratio, reverse=True)


def _placed(part: NDArray[np.bool_], there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """*part*, a mask of the rows that are *there*, as a mask of all rows."""
    whole = np.zeros(len(there), dtype=np.bool_)
    whole[there] = part
    return whole


def _parts(
    column: NDArray[Any], count: int, *, by_value: bool, moments: bool = False
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The parts of *column*: a label for people, and a mask of the rows."""
    if not len(column):
        return
    values, frequencies = np.unique(column, return_counts=True)
    numeric = column.dtype.kind in "fiu"
    if by_value or not numeric or len(values) <= count:
        common = values[np.argsort(-frequencies, kind="stable")][:MOST_VALUES]
        singles = [(value, value) for value in common]
        labels = _labels(singles, lambda value: f"{value:.6g}") if numeric else map(str, common)
        yield from ((label, column == value) for label, value in zip(labels, common, strict=True))
        if len(values) > MOST_VALUES:
            yield f"{len(values) - MOST_VALUES} rarer values", ~np.isin(column, common)
        return
    edges = np.unique(np.quantile(column, np.linspace(0, 1, count + 1)[1:-1], method="higher"))
    part_of = np.searchsorted(edges, column, side="right")
    parts = [part_of == index for index in np.unique(part_of)]
    ranges = [(float(column[part].min()), float(column[part].max())) for part in parts]
    yield from zip(_labels(ranges, iso if moments else number), parts, strict=True)


def _labels(ranges: Sequence[tuple[float, float]], shortest: Callable[[float], str]) -> list[str]:
    """A label for each of *ranges*, with as many digits as tell them apart."""
    for digits in (0, *_MORE_DIGITS):
        ends = [[f"{end:.{digits}g}" if digits else shortest(end) for end in ends] for ends in ranges]
        labels = [low if low == high else f"{low} … {high}" for low, high in ends]
        if len(set(labels)) == len(labels):
            break
    return labels
