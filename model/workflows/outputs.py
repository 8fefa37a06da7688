"""A file of rows with more columns, written piece by piece: CSV, Parquet or JSON Lines by its ending."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from model.data.cells import as_texts, is_number, objects, plain
from model.data.formats import Column
from model.errors import OperatorError, UsageError

_ENDINGS = (".csv", ".parquet", ".jsonl")


class Output:
    """The columns *names* and behind them those *added*.

    Args:
        path: None for CSV on standard output.
        added: Names of columns of numbers or labels, with their types.

    Raises:
        UsageError: *path* has another ending.
        OperatorError: It cannot be written.
    """

    def __init__(self, path: Path | None, names: Sequence[str], added: Mapping[str, pa.DataType]) -> None:
        self._path, self._names, self._added = path, names, added
        self._ending = ".csv" if path is None else path.suffix.lower()
        if self._ending not in _ENDINGS:
            raise UsageError(f"{path} must end in {', '.join(_ENDINGS)}")
        self._writer: Any = None
        self._file: Any = None
        self._schema: Any = None

    def __enter__(self) -> Output:
        try:
            self._file = sys.stdout.buffer if self._path is None else self._path.open("wb")
        except OSError as error:
            raise OperatorError(f"{self._path} cannot be written: {error.strerror}") from error
        return self

    def add(
        self, columns: Mapping[str, Column], kept: NDArray[np.bool_], added: Sequence[NDArray[Any]], *, texts: bool
    ) -> None:
        """The rows *kept* of one piece, and their *added* columns; *texts* where cells are the bytes of a text file."""
        arrays = [pa.array(cells, kind) for cells, kind in zip(added, self._added.values(), strict=True)]
        try:
            if self._ending == ".jsonl":
                self._add_objects(columns, kept, arrays, texts=texts)
            else:
                self._add_table(columns, kept, arrays, texts=texts)
        except OSError as error:
            if self._path is None:
                raise  # a reader that closed its pipe has seen enough
            raise OperatorError(f"{self._path} cannot be written: {os.strerror(error.errno or 0)}") from error

    def __exit__(self, *_: object) -> None:
        if self._writer is None and self._ending != ".jsonl" and _[0] is None:
            empty = [pa.array([], kind) for kind in self._added.values()]
            self._add_table({}, np.zeros(0, dtype=np.bool_), empty, texts=False)
        if self._writer is not None:
            self._writer.close()
        if self._path is None:
            self._file.flush()
        else:
            self._file.close()

    def _add_objects(
        self, columns: Mapping[str, Column], kept: NDArray[np.bool_], added: Sequence[pa.Array], *, texts: bool
    ) -> None:
        cells = [objects(columns[name], texts=texts) for name in self._names]
        rows = np.flatnonzero(kept).tolist()
        values = zip(*(array.to_pylist() for array in added), strict=True)
        for row, own in zip(rows, values, strict=True):
            document = {name: column[row] for name, column in zip(self._names, cells, strict=True)}
            document |= dict(zip(self._added, own, strict=True))
            self._file.write(orjson.dumps(document, default=str) + b"\n")

    def _add_table(
        self, columns: Mapping[str, Column], kept: NDArray[np.bool_], added: Sequence[pa.Array], *, texts: bool
    ) -> None:
        mask = pa.array(kept)
        arrays = [
            self._array(columns[name], texts=texts).filter(mask) if columns else pa.array([], pa.string())
            for name in self._names
        ]
        table = pa.table([*arrays, *added], names=[*self._names, *self._added])
        if self._writer is None:
            self._schema = table.schema
            if self._ending == ".csv":
                header = io.StringIO()
                csv.writer(header, lineterminator="\n").writerow(table.column_names)
                self._file.write(header.getvalue().encode())  # Arrow would quote every name
                options = pyarrow.csv.WriteOptions(quoting_style="needed", include_header=False)
                self._writer = pyarrow.csv.CSVWriter(self._file, table.schema, write_options=options)
            else:
                self._writer = pyarrow.parquet.ParquetWriter(self._file, table.schema)
        self._writer.write_table(table.cast(self._schema))

    def _array(self, column: Column, *, texts: bool) -> pa.Array:
        column = plain(column)
        if isinstance(column, list):
            return pa.array([None if cell is None else _text(cell) for cell in column], pa.string())
        if texts:
            made = as_texts(column)
            return pa.compute.if_else(column.is_null(), pa.scalar(None, pa.string()), made)
        if self._ending == ".parquet" or is_number(column.type) or pa.types.is_boolean(column.type):
            return column
        return pa.compute.if_else(column.is_null(), pa.scalar(None, pa.string()), as_texts(column))


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else orjson.dumps(cell, default=str).decode()
