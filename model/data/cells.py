"""Cells of columns as float64, texts or flaws: the check of training rows is the one that requests pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from functions.columns.schema import MOST_PROBLEMS, Feature, PayloadError, shown, to_matrix
from functions.columns.text_cells import number
from model.data.findings import Example
from model.data.formats import Column
from model.data.nearly import MISSING, OTHER, Form, form, is_missing_word

MOST_EXAMPLES = 5
"""Places that a flaw names."""

_BLOCK_CELLS = 512
_OF_CELLS = frozenset({"not-numeric", "not-boolean", "not-a-time"})
KIND_CHARACTERS = 80
"""The longest name of a kind; longer ones are cut."""

Vector: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass
class Flaw:
    """One way in which cells of a column, or whole rows (no column), cannot be used; rows count from 0.

    Args:
        advice: What would help, where this flaw says more than its code.
        forms: The cells by the way in which they are no numbers, where they should be some.
    """

    code: str
    column: str | None
    expected: str
    count: int = 0
    examples: list[Example] = field(default_factory=list)
    advice: str = ""
    forms: dict[str, Form] = field(default_factory=dict)

    def add(self, found: str, *, row: int | None = None, count: int = 1) -> None:
        """Count cells that hold *found*, the first of them in *row*."""
        self.count += count
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(Example(row, found))
        if self.code in _OF_CELLS:
            word = found.strip('"')
            name = form(word) if self.code == "not-numeric" else MISSING if is_missing_word(word) else OTHER
            self.forms.setdefault(name, Form()).add(word, row, count=count)


def plain(column: Column) -> Column:
    """*column* without a dictionary."""
    if isinstance(column, pa.Array) and pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    return column


def is_number(kind: pa.DataType) -> bool:
    """Whether cells of an Arrow type are numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def numbers(column: Column | None, feature: Feature, start: int, flaws: list[Flaw], *, texts: bool) -> Vector | float:
    """Cells of the rows from *start* on as numbers; NaN where one is missing, or is a flaw as a request's would be.

    Args:
        texts: They are the bytes of a text file.
    """
    if column is None:
        return math.nan
    column = plain(column)
    if isinstance(column, pa.Array):
        if not (texts or is_number(column.type) or pa.types.is_null(column.type)):
            return wrong_type("number", feature.name, str(column.type), flaws)
        values = _floats(column, texts=texts)
        missing = np.asarray(column.is_null())
        if values is not None and np.isfinite(values[~missing]).all():
            return values
    cells = _number_cells(column, texts=texts)
    rows = [row for row in range(len(cells)) if cells[row] is not None]
    numbers = np.full(len(cells), math.nan)
    numbers[rows] = _checked([cells[row] for row in rows], [start + row for row in rows], feature, flaws)
    return numbers


def target_numbers(
    column: Column | None, rows: int, name: str, start: int, flaws: list[Flaw], *, texts: bool
) -> tuple[Vector | float, Mask]:
    """The target in the *rows* rows from *start* on, as `numbers`, and in which of them its cell is missing.

    Those are a flaw of the code `no-target`. In a typed file each text is a flaw of its own.
    """
    if column is None:
        return math.nan, np.zeros(rows, np.bool_)
    column = plain(column)
    gone = missing_cells(column, texts=texts)
    values: Vector | float
    if isinstance(column, pa.Array) and not texts and _is_text(column.type):
        values = _texts_for_numbers(column, gone, name, start, flaws)
    else:
        values = numbers(column, Feature(name), start, flaws, texts=texts)
    without_target(gone, name, start, flaws)
    return values, gone


def without_target(gone: Mask, name: str, start: int, flaws: list[Flaw]) -> None:
    """The flaw of the rows from *start* on in which the target is missing."""
    places = np.flatnonzero(gone).tolist()
    if places:
        flaw = flaw_of("no-target", name, "must be there", flaws)
        for row in places[:MOST_EXAMPLES]:
            flaw.add("null", row=start + row)
        flaw.count += len(places[MOST_EXAMPLES:])


def wrong_type(kind: str, name: str, found: str, flaws: list[Flaw]) -> float:
    """NaN for a column of a type that none of its kind has, and its flaw."""
    plural = {"category": "categories"}.get(kind, f"{kind}s")
    flaw = flaw_of("wrong-type", name, f"must be a column of {plural}", flaws)
    if not flaw.count:
        flaw.add(found)
    return math.nan


def objects(column: Column, *, texts: bool) -> list[Any]:
    """The cells as Python objects; bytes of a text file as text, None for an empty one."""
    column = plain(column)
    if isinstance(column, list):
        return column
    cells: list[Any] = column.to_pylist()
    return [cell and cell.decode("utf-8", "backslashreplace") for cell in cells] if texts else cells


def distinct(column: Column, *, texts: bool) -> tuple[list[Any], Codes]:
    """The different cells as Python objects, and which of them stands in each row; -1 where none does.

    A text of blanks is none.
    """
    column = plain(column)
    if isinstance(column, list) or pa.types.is_nested(column.type):
        values: dict[tuple[type, Any], int] = {}
        cells = objects(column, texts=texts)
        keys = [(type(cell), cell if isinstance(cell, str | bool | int | float) else repr(cell)) for cell in cells]
        codes = np.array([values.setdefault(key, len(values)) for key in keys], np.int64)
        firsts = dict(zip(reversed(codes.tolist()), reversed(cells), strict=True))
        different = [firsts[code] for code in range(len(values))]
    else:
        encoded = column.dictionary_encode()
        different = objects(encoded.dictionary, texts=texts)
        codes = np.asarray(encoded.indices.fill_null(-1)).astype(np.int64)
    gone = [code for code, cell in enumerate(different) if cell is None or (isinstance(cell, str) and not cell.strip())]
    codes[np.isin(codes, gone)] = -1
    return different, codes


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


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def missing_cells(column: Column, *, texts: bool) -> Mask:
    """Which cells are missing; a text of blanks is, too."""
    column = plain(column)
    if isinstance(column, list):
        return np.array([cell is None for cell in column], np.bool_)
    gone = np.asarray(column.is_null())
    if not texts and not _is_text(column.type):
        return gone
    blank = pyarrow.compute.match_substring_regex(column, r"^[ \t\r\n]*$").fill_null(True)  # noqa: FBT003 - Arrow's own
    return np.asarray(gone | np.asarray(blank))


def _texts_for_numbers(column: pa.Array, gone: Mask, name: str, start: int, flaws: list[Flaw]) -> float:
    """NaN for all texts, and flaws, quickly also for a column that holds classes."""
    cells, codes = distinct(column, texts=False)
    there = np.flatnonzero(~gone & (codes >= 0))
    places, firsts, counts = np.unique(codes[there], return_index=True, return_counts=True)
    for place in np.argsort(firsts).tolist():
        flaw = flaw_of("not-numeric", name, "must be a number", flaws)
        flaw.add(shown(cells[places[place]]), row=start + int(there[firsts[place]]), count=int(counts[place]))
    return math.nan


def _floats(column: pa.Array, *, texts: bool) -> Vector | None:
    """A column at the speed of Arrow, NaN for null; None where a text of it is no number."""
    kind = column.type
    try:
        if texts:
            column = pyarrow.compute.ascii_trim_whitespace(column.cast(pa.string())).cast(pa.float64())
        elif pa.types.is_decimal(kind):
            column = column.cast(pa.string()).cast(pa.float64())  # the nearest float64 of the digits
        elif not pa.types.is_floating(kind):
            column = column.cast(pa.float64(), safe=False)
    except pa.ArrowInvalid:
        return None
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _number_cells(column: Column, *, texts: bool) -> list[Any]:
    """Cells as numbers where they are, else the text to complain about; None for an empty one."""
    if isinstance(column, list):
        return column
    if texts:
        return [number((cell or b"").decode("utf-8", "backslashreplace")) for cell in column.to_pylist()]
    if pa.types.is_decimal(column.type):
        return [None if cell is None else float(cell) for cell in column.to_pylist()]
    cells: list[Any] = column.to_pylist()
    return cells


def _checked(cells: Sequence[Any], rows: Sequence[int], feature: Feature, flaws: list[Flaw]) -> Vector:
    """Cells, which stand in *rows*, as numbers; NaN, and a flaw, for each that a request could not hold."""
    try:
        return to_matrix([[cell] for cell in cells], [feature])[:, 0]
    except PayloadError as error:
        problems = error.problems
    if len(cells) > MOST_PROBLEMS:  # of fewer all are listed
        step = _BLOCK_CELLS if len(cells) > _BLOCK_CELLS else MOST_PROBLEMS
        blocks = range(0, len(cells), step)
        return np.hstack([_checked(cells[at : at + step], rows[at : at + step], feature, flaws) for at in blocks])
    bad = {int(problem.pointer.split("/")[1]): problem.detail for problem in problems}
    for place, detail in bad.items():
        expected, _, found = detail.removeprefix(f"row {place}: '{feature.name}' ").partition(", got ")
        code = "empty-cell" if cells[place] is None else "not-finite" if "finite" in expected else "not-numeric"
        flaw_of(code, feature.name, expected, flaws).add(found, row=rows[place])
    good = [place for place in range(len(cells)) if place not in bad]
    values = np.full(len(cells), math.nan)
    values[good] = to_matrix([[cells[place]] for place in good], [feature])[:, 0]
    return values
