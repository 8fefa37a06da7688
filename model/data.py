"""From a source to float64 rows, and which of them are held out.

Errors, by who must act:
    SourceError     the operator: the source cannot be read at all
    DataError       the owner of the data: it was read, and cannot be trained on
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from functions.schema import Feature, Matrix, PayloadError, outside, to_matrix

QUANTILES = tuple(step / 10 for step in range(11))
_CHUNK_ROWS = 65_536
_MOST_PROBLEMS = 20
_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)", re.ASCII | re.IGNORECASE)


class SourceError(Exception):
    """The source is unknown, absent, or no readable file; the message names it."""


class DataError(Exception):
    """Columns are missing or cells are wrong; one line a problem."""


@dataclass(frozen=True)
class Rows:
    """Rows of a data set: *x* has shape (n_rows, n_features), *y* shape (n_rows,), in the target's unit."""

    dataset: str
    features: tuple[str, ...]
    target: str
    x: Matrix
    y: NDArray[np.float64]


def read(source: str, features: Sequence[Feature], target: str, *, path: Path | None = None) -> Rows:
    """Read *source*; *path* is where its bytes are, for an address that is no path itself.

    Every cell passes the check that requests pass (functions/schema.py).

    Raises:
        SourceError: The source is unknown, absent or unreadable.
        DataError: A column is missing or doubled, a cell is not a finite number or lies outside its bounds.
    """
    table, text_is_numeric = _table(source, path or Path(source))
    x = _matrix(table, features, text_is_numeric=text_is_numeric)
    y = _matrix(table, [Feature(target, -np.inf, np.inf)], text_is_numeric=text_is_numeric)[:, 0]
    return Rows(_dataset_name(source), tuple(feature.name for feature in features), target, x, y)


def held_out(rows: Rows, share: float) -> NDArray[np.bool_]:
    """Which rows are kept from training: those whose hash falls into the first *share* of all hashes.

    The hash covers the values of the row in order of column names, so neither the row's place, nor other rows, nor
    the order of features matters; equal rows stand on one side together.

    Returns:
        Array of shape (n_rows,).
    """
    columns = {**dict(zip(rows.features, rows.x.T, strict=True)), rows.target: rows.y}
    values = np.column_stack([columns[name] for name in sorted(columns)]) + 0.0  # -0.0 becomes 0.0
    packed = np.ascontiguousarray(values, dtype="<f8")
    hashes = (int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8).digest(), "big") for row in packed)
    return np.fromiter((value < share * 2**64 for value in hashes), dtype=np.bool_, count=len(packed))


def snapshot(rows: Rows) -> bytes:
    """*rows* as a Parquet file; the same rows give the same bytes."""
    columns = {**dict(zip(rows.features, rows.x.T, strict=True)), rows.target: rows.y}
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


def describe(x: Matrix, features: Sequence[str]) -> list[dict[str, Any]]:
    """The manifest's `features`: range, mean, standard deviation and deciles of each column of *x*."""
    return [
        {
            "name": name,
            "minimum": float(column.min()),
            "maximum": float(column.max()),
            "mean": float(column.mean()),
            "std": float(column.std()),
            "quantiles": [float(value) for value in np.quantile(column, QUANTILES)],
        }
        for name, column in zip(features, x.T, strict=True)
    ]


def _table(source: str, path: Path) -> tuple[pa.Table, bool]:
    """The whole source, and whether text in it may stand for numbers."""
    if source.startswith("sklearn:"):
        return _bundled(source.removeprefix("sklearn:")), False
    wanted = f"{source} must be sklearn:NAME, or a path or gs:// address that ends in .csv or .parquet"
    if "://" in source and not source.startswith("gs://"):
        raise SourceError(wanted)
    try:
        match path.suffix.lower():
            case ".csv":
                return pyarrow.csv.read_csv(path), True
            case ".parquet":
                return pyarrow.parquet.ParquetFile(path).read(), False
    except FileNotFoundError as error:
        raise SourceError(f"{path.absolute()} does not exist") from error
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise SourceError(f"{source} cannot be read: {reason}") from error
    raise SourceError(wanted)


def _bundled(name: str) -> pa.Table:
    from sklearn import datasets  # noqa: PLC0415 - a second of import that other sources need not wait for

    match name:
        case "diabetes":
            bunch, targets = datasets.load_diabetes(), ["disease_progression"]
        case "linnerud":
            bunch = datasets.load_linnerud()
            targets = bunch.target_names
        case _:
            raise SourceError(f"sklearn:{name} is no bundled regression set; there are diabetes and linnerud")
    values = np.column_stack([bunch.data, bunch.target])
    return pa.table(dict(zip([*bunch.feature_names, *targets], values.T, strict=True)))


def _matrix(table: pa.Table, features: Sequence[Feature], *, text_is_numeric: bool) -> Matrix:
    """The columns of *features*, checked; chunk by chunk, since cells pass through Python objects."""
    _check_columns(table, [feature.name for feature in features])
    if table.num_rows == 0:
        raise DataError("the data must hold at least 1 row, got none")
    chunks: list[Matrix] = []
    problems: list[str] = []
    for start in range(0, table.num_rows, _CHUNK_ROWS):
        piece = table.slice(start, _CHUNK_ROWS)
        columns = [_cells(piece.column(feature.name), text_is_numeric=text_is_numeric) for feature in features]
        try:
            matrix = to_matrix([list(cells) for cells in zip(*columns, strict=True)], features)
        except PayloadError as error:
            problems += (_renumbered(problem.detail, start) for problem in error.problems)
        else:
            for row, column in outside(matrix, features)[:_MOST_PROBLEMS].tolist():
                feature = features[column]
                within = f"within [{feature.minimum}, {feature.maximum}]"
                problems.append(f"row {start + row}: '{feature.name}' must be {within}, got {matrix[row, column]}")
            chunks.append(matrix)
        if len(problems) >= _MOST_PROBLEMS:
            break
    if problems:
        raise DataError("\n".join(problems[:_MOST_PROBLEMS]))
    return np.concatenate(chunks)


def _check_columns(table: pa.Table, names: Sequence[str]) -> None:
    present = table.column_names
    problems = [
        f"column '{name}' must be there once, found {present.count(name)}; there are {', '.join(present)[:500]}"
        for name in names
        if present.count(name) != 1
    ]
    if problems:
        raise DataError("\n".join(problems))


def _cells(column: pa.ChunkedArray, *, text_is_numeric: bool) -> list[Any]:
    try:
        cells: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):  # a time that Python cannot hold, so no number: its type is complained about
        return [str(column.type)] * len(column)
    if text_is_numeric and pa.types.is_string(column.type):
        return [_number(cell) for cell in cells]
    return cells


def _number(text: str | None) -> float | str | None:
    """A cell of a CSV column that holds text somewhere: the number it is, or the text to complain about."""
    stripped = (text or "").strip()
    return float(stripped) if _NUMBER.fullmatch(stripped) else text if stripped else None


def _renumbered(detail: str, start: int) -> str:
    return re.sub(r"^row (\d+)", lambda found: f"row {start + int(found[1])}", detail)


def _dataset_name(source: str) -> str:
    """A name for the bucket: the bundled set's, the file's, or for a snapshot the folder's it was kept in."""
    *folders, last = source.removeprefix("sklearn:").rstrip("/").split("/")
    stem = last.rsplit(".", 1)[0]
    if re.fullmatch("[0-9a-f]{64}", stem) and folders:
        stem = folders[-1]
    name = re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("._-")[:63].strip("._-")
    return name or "data"
