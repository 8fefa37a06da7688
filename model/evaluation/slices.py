"""Error by parts of each column: no part of the rows may be served much worse than the whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from functions.columns.table import is_missing
from functions.columns.times import iso
from model.evaluation.metrics import QUIET
from model.formatting import number

MOST_SLICES = 40  # in a manifest
MOST_VALUES = 20  # texts with a slice of their own; the rarer ones are one slice together
_MORE_DIGITS = (9, 13, 17)  # of labels; two numbers of float64 differ in 17 at the latest


@dataclass(frozen=True)
class Slice:
    """The held-out rows with some values of one column, and the error on them.

    Args:
        error: Their rmse in the target's unit, or for classes their log loss or error rate, as *measure* says.
        bias: Mean of predicted minus observed; None for classes that have no positive one.
        ratio: Their error by that of all held-out rows; for log loss by the one that their probabilities expect.
        compared_rows: Those of them that production may be judged by too; None where there is no production.
        loss: The error on those by production's.
        shown_only: It is not judged by the whole, only against production: the rows of a rare level, or those without a
            cell, may well be harder than others.
        chance, loss_chance: For classes: the largest chance of an error as large as this one, or of one that is so much
            larger than production's, if the slice is like the whole, or both models are equally good.
    """

    column: str
    values: str
    rows: int
    error: float | None
    bias: float | None
    ratio: float | None
    compared_rows: int | None = None
    loss: float | None = None
    shown_only: bool = False
    measure: str = "rmse"
    chance: float | None = None
    loss_chance: float | None = None

    def document(self) -> dict[str, Any]:
        """The slice as the manifest records it."""
        numbers = self.measure == "rmse"
        return {
            "column": self.column,
            "values": self.values,
            "rows": self.rows,
            self.measure: self.error,
            **({"bias": self.bias} if numbers or self.bias is not None else {}),
            "ratio": self.ratio,
            **({} if numbers else {"chance": self.chance}),
            **({} if self.compared_rows is None else self._compared(numbers=numbers)),
            **({"shown_only": True} if self.shown_only else {}),
        }

    def _compared(self, *, numbers: bool) -> dict[str, Any]:
        figures = {"compared_rows": self.compared_rows, "loss": self.loss}
        return figures if numbers else {**figures, "loss_chance": self.loss_chance}


class Figures(NamedTuple):
    """The figures of a slice; see Slice."""

    error: float | None
    bias: float | None
    ratio: float | None
    chance: float | None = None


class Compared(NamedTuple):
    """The figures of a slice against production; see Slice."""

    rows: int
    loss: float | None = None
    chance: float | None = None


class Errors(Protocol):
    """Errors of the held-out rows, of which any part can be looked at; *part* is a mask."""

    @property
    def measure(self) -> str:
        """What a slice's error is: rmse, log_loss or error_rate."""

    def within(self, part: NDArray[np.bool_]) -> Figures: ...

    def compared(self, part: NDArray[np.bool_]) -> Compared | None:
        """None where there is no production."""


@QUIET
def slices(
    columns: Mapping[str, NDArray[Any]],
    errors: Errors,
    *,
    count: int,
    by_value: Collection[str] = (),
    levels: Collection[str] = (),
    moments: Collection[str] = (),
    booleans: Collection[str] = (),
    done: Callable[[], None] = lambda: None,
) -> list[Slice]:
    """The slices of each column of *columns*, the worst ratio first.

    A column of numbers is cut into *count* parts with equally many rows, or by its values if it has no more or is
    named in *by_value*; a column of texts is cut by its values; rows without a cell (NaN, None) are a slice together.
    *levels* names columns whose slices are shown only, *moments* those of seconds since 1970, *booleans* those of 0 and
    1. *errors* are those of `regression` or `classification`. *done* is called after each column.
    """
    measured = []
    for name, column in columns.items():
        gone = is_missing(column)
        parts = list(_parts(column[~gone], count, by_value=name in by_value, moments=name in moments))
        words = {"0": "false", "1": "true"} if name in booleans else {}
        masks = [(words.get(label, label), _placed(part, ~gone), name in levels) for label, part in parts]
        if gone.any():
            masks.append(("missing", gone, True))
        for label, part, shown_only in masks:
            figures, compared = errors.within(part), errors.compared(part)
            measured.append(
                Slice(
                    column=name,
                    values=label,
                    rows=int(part.sum()),
                    error=figures.error,
                    bias=figures.bias,
                    ratio=figures.ratio,
                    compared_rows=compared.rows if compared else None,
                    loss=compared.loss if compared else None,
                    shown_only=shown_only,
                    measure=errors.measure,
                    chance=figures.chance,
                    loss_chance=compared.chance if compared else None,
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
