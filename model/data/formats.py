"""Columns of a file, read in pieces: CSV, Parquet, JSON Lines. One set of options for rows and for labels."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from functions.columns import csv_text
from functions.columns.schema import shown
from functions.columns.text_cells import NUMBER
from model.data.sources import BLOCK_BYTES
from model.errors import SourceError

BATCH_ROWS = 65_536

Column: TypeAlias = pa.Array | list[Any]
Piece: TypeAlias = tuple[int, dict[str, Column]]
"""A run of rows: how many, and the columns asked for, by name."""


@dataclass(frozen=True)
class RaggedRow:
    """A row of another width than the header's, counted from 0; it is left out."""

    row: int
    expected: int
    actual: int
    text: str


@dataclass(frozen=True)
class FileTable:
    """The names of all columns, and a function that reads some of them.

    Args:
        texts: Cells are the bytes of a text file, whatever they mean.
        skipped: Lines above the header.
    """

    names: Sequence[str]
    read: Callable[[Sequence[str]], Iterator[Piece]]
    texts: bool = False
    skipped: int = 0


@dataclass(frozen=True)
class Header:
    """The names in the header of a CSV file, and how many lines stand above it (`sep=,`, comments)."""

    names: list[str]
    skipped: int


def csv_table(
    source: str, path: Path, left_out: Callable[[RaggedRow], None], *, missing: Sequence[str] = ()
) -> FileTable:
    """The CSV file at *path*, which messages call *source*; rows of another width go to *left_out*.

    Args:
        missing: Texts that stand for a missing cell, as an empty one does.

    Raises:
        SourceError: It does not look like one.
    """
    header = csv_header(source, path)
    return FileTable(
        header.names,
        lambda names: _csv_pieces(path, names, header.skipped, left_out, missing),
        texts=True,
        skipped=header.skipped,
    )


def parquet_table(source: str, path: Path) -> FileTable:
    """The Parquet file at *path*, which messages call *source*.

    Raises:
        SourceError: It does not begin like one.
    """
    if _head(source, path)[:4] != b"PAR1":
        raise SourceError(f"{source} must be a Parquet file, found one that does not begin like one")
    file = pyarrow.parquet.ParquetFile(path, memory_map=True)
    return FileTable(
        file.schema_arrow.names,
        lambda names: map(_piece, file.iter_batches(BATCH_ROWS, columns=list(names))),
    )


def arrow_table(table: pa.Table) -> FileTable:
    """A table that is in memory already."""
    return FileTable(table.column_names, lambda names: map(_piece, table.select(list(names)).to_batches(BATCH_ROWS)))


def json_objects(source: str, path: Path, *, checked: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSON Lines file, each with the number of its line from 1.

    Args:
        checked: No name comes twice in an object, as an earlier reading has found.

    Raises:
        SourceError: A line is no JSON object, or one with a name that came twice.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not text.strip():
                continue
            try:
                value = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                raise SourceError(f"{source} line {number}: must be one JSON object: {error}") from error
            if not isinstance(value, dict):
                raise SourceError(f"{source} line {number}: must be a JSON object, found {shown_briefly(value)}")
            if not checked:
                _refuse_repeated(f"{source} line {number}", text, value)
            yield number, value


def csv_header(source: str, path: Path) -> Header:
    """The header of the CSV file at *path*, once the file looks like one.

    Raises:
        SourceError: It is of another kind or encoding, has no header, or another separator.
    """
    head = _head(source, path)
    if other := csv_text.other_kind(head):
        raise SourceError(f"{source} must be CSV in UTF-8{other}")
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        skipped = csv_text.preamble_lines(
            [text.readline(csv_text.HEAD_CHARACTERS) for _ in range(csv_text.PREAMBLE_LINES)]
        )
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        for _ in range(skipped):
            text.readline(BLOCK_BYTES)
        lines = csv.reader(iter(lambda: text.readline(BLOCK_BYTES), ""))
        try:
            names = next((line for line in lines if line), [])
        except csv.Error as error:
            raise SourceError(f"{source} must begin with a line of column names: {error}") from error
    line = ",".join(names)
    if strange := re.search("[\udc80-\udcff]", line):
        byte = f"byte 0x{ord(strange[0]) - 0xDC00:02x}"
        raise SourceError(
            f"{source} must be CSV in UTF-8, found {byte} in its first line: save it as UTF-8, it may be Latin-1"
        )
    if all(NUMBER.fullmatch(name.strip()) for name in names):
        numbers = f"the numbers {shown(line)}" if names else "none"
        raise SourceError(f"{source} must begin with a line of column names, found {numbers}")
    if separator := csv_text.other_separator(line):
        raise SourceError(
            f"{source} must be separated by commas, and seems to be separated by {shown(separator)}: save it with "
            f"commas and decimal points; its first line is {shown(line)}"
        )
    return Header(names, skipped)


def shown_briefly(value: Any, most: int = 60) -> str:
    """*value* as Python writes it, shortened, for a message."""
    try:
        text = repr(value)
    except RecursionError:
        text = "something nested too deeply"
    return text if len(text) <= most else f"{text[:most]}…"


def _refuse_repeated(where: str, text: bytes, value: dict[str, Any]) -> None:
    """An error where a name came twice in the object *text*, of which *value* has the last cell.

    A name and a text have two quotes each, so one that was dropped leaves more; so do quotes inside of texts.
    """
    if text.count(b'"') == 2 * (len(value) + [*map(type, value.values())].count(str)):
        return
    try:
        names = Counter(name for name, _ in json.loads(text, object_pairs_hook=list))
    except RecursionError as error:
        raise SourceError(f"{where}: must be an object of plain cells, found one nested too deeply") from error
    twice = next((name for name, times in names.items() if times > 1), None)
    if twice is not None:
        raise SourceError(f"{where}: {shown(twice)} came twice")


def _head(source: str, path: Path) -> bytes:
    if path.is_dir():
        raise SourceError(f"{source} must be a file, found a directory")
    with path.open("rb") as file:
        head = file.read(csv_text.HEAD_CHARACTERS)
    if not head:
        raise SourceError(f"{source} must hold rows, found an empty file")
    return head


def _csv_pieces(
    path: Path,
    names: Sequence[str],
    skipped: int,
    left_out: Callable[[RaggedRow], None],
    missing: Sequence[str],
) -> Iterator[Piece]:
    def leave_out(row: Any) -> str:
        left_out(RaggedRow(row.number - 2 - skipped, row.expected_columns, row.actual_columns, row.text))
        return "skip"

    types = dict.fromkeys(names, pa.binary())
    try:
        with _unraised():
            reader = pyarrow.csv.open_csv(
                path,
                read_options=pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False, skip_rows=skipped),
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=leave_out),
                convert_options=pyarrow.csv.ConvertOptions(
                    include_columns=list(types),
                    column_types=types,
                    null_values=["", *missing],
                    strings_can_be_null=True,
                ),
            )
    except pa.ArrowInvalid as error:
        if "Empty CSV file" in str(error):  # it has a first line without an end, and nothing else
            return
        raise
    while True:
        with _unraised():
            batch = next(reader, None)
        if batch is None:
            return
        yield _piece(batch)


@contextmanager
def _unraised() -> Iterator[None]:
    """Keep Python from printing an exception that Arrow could not raise: it comes back as Arrow's own error."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        yield
    finally:
        sys.unraisablehook = hook


def _piece(batch: pa.RecordBatch) -> Piece:
    return batch.num_rows, dict(zip(batch.schema.names, batch.columns, strict=True))
