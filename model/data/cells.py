"""Cells of columns as float64, texts or flaws: the check of training rows is the one that requests pass."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from functions.schema import MOST_PROBLEMS, Feature, PayloadError, to_matrix
from model.data.findings import Example
from model.data.formats import NUMBER, Column

MOST_EXAMPLES = 5
"""Places that a flaw names."""

_BLOCK_CELLS = 512
KIND_CHARACTERS = 80
"""The longest name of a kind; longer ones are cut."""

Vector: TypeAlias = NDArray[np.float64]
Cells: TypeAlias = list[Any] | pa.DataType
"""Cells of one column as Python objects; or the column's type, when nothing of that type is a number."""


@dataclass
class Flaw:
    """One way in which cells of a column, or whole rows (no column), cannot be used; rows count from 0.

    Args:
        advice: What would help, where this flaw says more than its code.
    """

    code: str
    column: str | None
    expected: str
    count: int = 0
    examples: list[Example] = field(default_factory=list)
    advice: str = ""

    def add(self, found: str, *, row: int | None = None) -> None:
        self.count += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(Example(row, found))


def plain(column: Column) -> Column:
    """*column* without a dictionary."""
    if isinstance(column, pa.Array) and pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    return column


def numbers(column: Column, *, texts: bool) -> Cells:
    """The cells as Python objects; *texts* where they are the bytes of a text file."""
    column = plain(column)
    if isinstance(column, list):
        return column
    if texts:
        return _parsed(column)
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind):
        cells: list[Any] = column.to_pylist()
        return cells
    return kind


def objects(column: Column, *, texts: bool) -> list[Any]:
    """The cells as Python objects; bytes of a text file as text, None for an empty one."""
    column = plain(column)
    if isinstance(column, list):
        return column
    cells: list[Any] = column.to_pylist()
    return [cell and cell.decode("utf-8", "backslashreplace") for cell in cells] if texts else cells


def checked(cells: Cells | None, feature: Feature, start: int, flaws: list[Flaw]) -> Vector | float:
    """Cells as numbers; NaN, and a flaw, for each that a request could not hold."""
    if cells is None:
        return math.nan
    if not isinstance(cells, list):
        flaw = flaw_of("wrong-type", feature.name, "must be a column of numbers", flaws)
        if not flaw.count:
            flaw.add(str(cells))
        return math.nan
    try:
        return to_matrix(cells, [feature])[:, 0]
    except PayloadError as error:
        problems = error.problems
    if len(cells) > MOST_PROBLEMS:  # of fewer all are listed
        step = _BLOCK_CELLS if len(cells) > _BLOCK_CELLS else MOST_PROBLEMS
        blocks = range(0, len(cells), step)
        return np.hstack([checked(cells[at : at + step], feature, start + at, flaws) for at in blocks])
    bad = {int(problem.pointer[1:]): problem.detail for problem in problems}
    for row, detail in bad.items():
        expected, _, found = detail.removeprefix(f"row {row}: '{feature.name}' ").partition(", got ")
        code = "empty-cell" if cells[row] is None else "not-finite" if "finite" in expected else "not-numeric"
        flaw_of(code, feature.name, expected, flaws).add(found, row=start + row)
    good = [row for row in range(len(cells)) if row not in bad]
    values = np.full(len(cells), math.nan)
    values[good] = to_matrix([cells[row] for row in good], [feature])[:, 0]
    return values


def flaw_of(code: str, column: str, expected: str, flaws: list[Flaw]) -> Flaw:
    """The flaw of this kind in this column, made where there is none yet."""
    flaw = next((flaw for flaw in flaws if (flaw.code, flaw.column) == (code, column)), None)
    if flaw is None:
        flaw = Flaw(code, column, expected)
        flaws.append(flaw)
    return flaw


def as_texts(column: Column, *, most: int | None = None) -> pa.StringArray:
    """Cells as texts of at most *most* characters; empty where there is none, with escapes where bytes are no UTF-8."""
    column = plain(column)
    if isinstance(column, list):
        column = pa.array([None if cell is None else str(cell) for cell in column], pa.string())
    try:
        texts = column.cast(pa.string()).fill_null("")
    except pa.ArrowInvalid:
        cells = [(cell or b"").decode("utf-8", "backslashreplace") for cell in column.to_pylist()]
        texts = pa.array(cells, pa.string())
    except pa.ArrowNotImplementedError:  # a list, a structure
        texts = pa.array(map(str, column.to_pylist()), pa.string())
    return texts if most is None else pyarrow.compute.utf8_slice_codeunits(texts, 0, most)


def _parsed(column: pa.BinaryArray) -> list[Any]:
    """The numbers in cells of a CSV file, or the text to complain about; None for an empty one."""
    try:
        text = pyarrow.compute.ascii_trim_whitespace(column.cast(pa.string()))
        cells: list[Any] = text.cast(pa.float64()).to_pylist()
    except pa.ArrowInvalid:
        return [_number((cell or b"").decode("utf-8", "backslashreplace")) for cell in column.to_pylist()]
    return cells


def _number(text: str) -> float | str | None:
    stripped = text.strip()
    return float(stripped) if NUMBER.fullmatch(stripped) else text if stripped else None
