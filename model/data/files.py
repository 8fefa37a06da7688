"""From a source to its files, and from files to one table: suffixes, gzip, several files by a pattern."""

from __future__ import annotations

import glob
import gzip
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute

from model.data.cells import plain
from model.data.formats import Column, FileTable, Piece, RaggedRow, csv_table, parquet_table
from model.data.json_lines import json_table
from model.data.sources import translated
from model.errors import DataError, SourceError

SUFFIXES = (".csv", ".jsonl", ".ndjson", ".parquet")
"""Endings of files of rows; each may have .gz behind it."""

_BLANK_BYTES = 4096
"""A file of so many bytes at most is looked through for a line."""

LeaveOut = Callable[[RaggedRow], None]


@dataclass(frozen=True)
class File:
    """A file of rows: its name for messages, and where its bytes are."""

    name: str
    path: Path


@dataclass
class Joined:
    """Files that are read one after the other, as one table whose rows are counted through all files.

    Args:
        leave_out: Takes each row of a CSV file that has another width than the header.
        starts: The first row of each file that was read to its end, and of the one behind; left-out rows count.
    """

    files: Sequence[File]
    leave_out: LeaveOut
    tables: list[FileTable] = field(default_factory=list)
    starts: list[int] = field(default_factory=lambda: [0])
    _gone: int = 0

    def table(self) -> FileTable:
        return replace(self.tables[0], read=self._pieces)

    def left_out(self, row: RaggedRow) -> None:
        """Pass on a row that is counted within its file."""
        self._gone += 1
        self.leave_out(replace(row, row=row.row + self.starts[-1]))

    def _pieces(self, names: Sequence[str]) -> Iterator[Piece]:
        self.starts, self._gone = [0], 0
        for file, table in zip(self.files, self.tables, strict=True):
            rows = 0
            with translated(file.name):
                for piece in table.read(names):
                    rows += piece[0]
                    yield piece
            self.starts.append(self.starts[-1] + rows + self._gone)
            self._gone = 0


def is_pattern(source: str) -> bool:
    """Whether *source* names several files: it holds one of the characters of a pattern, and is no file itself."""
    return any(character in source for character in "*?[") and ("://" in source or not Path(source).exists())


def suffix(source: str) -> str:
    """The ending of *source* that tells its format, without .gz.

    Raises:
        SourceError: It has none of SUFFIXES.
    """
    name = source.lower().removesuffix(".gz")
    ending = next((ending for ending in SUFFIXES if name.endswith(ending)), "")
    if ("://" in source and not source.startswith("gs://")) or not ending:
        raise SourceError(
            f"{source} must be sklearn:NAME, or a path or gs:// address that ends in .csv, .jsonl or .parquet, "
            "or in one of them and .gz"
        )
    return ending


def located(source: str) -> list[File]:
    """The file at *source*, or all files that match it, in the order of their names.

    Raises:
        SourceError: No file matches.
    """
    if not is_pattern(source):
        return [File(source, Path(source))]
    paths = sorted(path for path in glob.glob(source, recursive=True) if Path(path).is_file())  # noqa: PTH207 - absolute ones too
    if not paths:
        raise SourceError(f"{source} must match at least one file, found none")
    return [File(path, Path(path)) for path in paths]


def unpacked(files: Sequence[File], folder: Path) -> list[File]:
    """The same files, those that end in .gz unpacked into *folder*.

    Raises:
        SourceError: One is absent, no gzip file, or cut short.
    """
    plain = []
    for number, file in enumerate(files):
        if file.name.lower().endswith(".gz"):
            path = folder / f"{number}{suffix(file.name)}"
            with translated(file.name):
                try:
                    with gzip.open(file.path) as packed, path.open("wb") as target:
                        shutil.copyfileobj(packed, target, 1 << 20)
                except (EOFError, zlib.error) as error:
                    raise SourceError(f"{file.name} cannot be unpacked: {error}") from error
            file = File(file.name, path)  # noqa: PLW2901 - the same file in another place
        plain.append(file)
    return plain


def joined(files: Sequence[File], leave_out: LeaveOut, *, missing: Sequence[str] = ()) -> Joined:
    """*files* as one table; rows of a CSV file that have another width than its header go to *leave_out*.

    Args:
        missing: Texts that stand for a missing cell.

    Raises:
        SourceError: One does not look like its name, or they differ in format or columns.
        DataError: One is empty.
    """
    whole = Joined(files, leave_out)
    for file in files:
        kind = suffix(file.name)
        _refuse_empty(file)
        if kind != suffix(files[0].name):
            raise SourceError(f"{file.name} must be of the same format as {files[0].name}")
        with translated(file.name):
            match kind:
                case ".csv":
                    table = csv_table(file.name, file.path, whole.left_out, missing=missing)
                case ".parquet":
                    table = _without(parquet_table(file.name, file.path), missing)
                case _:
                    table = _without(json_table(file.name, file.path), missing)
        if whole.tables and (problem := _difference(whole.tables[0].names, table.names)):
            raise SourceError(f"{file.name} must have the columns of {files[0].name}: {problem}")
        whole.tables.append(table)
    return whole


def _refuse_empty(file: File) -> None:
    """Refuse a file without a line, as one with a first line alone is refused: it was read, and holds no row."""
    with translated(file.name):
        small = file.path.is_file() and file.path.stat().st_size <= _BLANK_BYTES
        if small and not file.path.read_bytes().removeprefix(b"\xef\xbb\xbf").strip():
            raise DataError(f"{file.name} must hold rows, found an empty file")


def _without(table: FileTable, missing: Sequence[str]) -> FileTable:
    """*table* of typed cells, each text of *missing* left empty."""
    if not missing:
        return table
    return replace(
        table,
        read=lambda names: (
            (rows, {name: _emptied(column, missing) for name, column in columns.items()})
            for rows, columns in table.read(names)
        ),
    )


def _emptied(column: Column, missing: Sequence[str]) -> Column:
    column = plain(column)
    if isinstance(column, list):
        return [None if isinstance(cell, str) and cell in missing else cell for cell in column]
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return column
    gone = pyarrow.compute.is_in(column, pa.array(missing, column.type))
    return pyarrow.compute.if_else(gone, pa.scalar(None, column.type), column)


def _difference(first: Sequence[str], names: Sequence[str]) -> str:
    if sorted(first) == sorted(names):
        return ""
    lacks, more = (
        ", ".join(f"'{name}'" for name in dict.fromkeys(those) if name not in others)
        for those, others in ((first, names), (names, first))
    )
    return (
        " and ".join([*([f"it lacks {lacks}"] if lacks else []), *([f"has {more} besides"] if more else [])])
        or "it has some of them more than once"
    )
