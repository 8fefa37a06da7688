"""What became true of captured predictions: from a file of request_id, row and the target.

Errors, by who must act:
    SourceError      the operator: the file is absent, unreadable, or has no such columns
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from model.errors import SourceError

_BATCH_ROWS = 65_536
_MOST_SHOWN = 60
_KINDS = (".csv", ".parquet", ".jsonl", ".ndjson")


@dataclass
class Labels:
    """The labels of a file, in its order; *unusable* counts its other rows, *example* says where the first is."""

    ids: list[str]
    rows: list[int]
    values: list[float]
    unusable: int = 0
    example: str = ""


def read(source: str, path: Path, target: str) -> Labels:
    """Read *path*, which messages call *source*: columns `request_id`, *target*, and `row`, 0 where there is none.

    Raises:
        SourceError: It cannot be used.
    """
    kind = Path(source).suffix.lower()
    if kind not in _KINDS:
        raise SourceError(f"{source} must end in {', '.join(_KINDS[:-1])} or {_KINDS[-1]}")
    if path.is_dir():
        raise SourceError(f"{source} must be a file, found a directory")
    found = Labels([], [], [])
    try:
        pieces = {".csv": _csv, ".parquet": _parquet}.get(kind, _lines)(source, path, target)
        number = 0
        for piece in pieces:
            for cells in piece:
                _take(found, cells, number, target)
                number += 1
    except FileNotFoundError as error:
        raise SourceError(f"{path.absolute()} does not exist") from error
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0][:200]
        raise SourceError(f"{source} cannot be read: {reason}") from error
    return found


def _take(found: Labels, cells: Sequence[Any], number: int, target: str) -> None:
    identity, row, value = cells
    row = 0 if row is None else row
    told = ""
    if not isinstance(identity, str) or not identity:
        told = f"request_id must be text, found {_shown(identity)}"
    elif (place := _whole(row)) is None:
        told = f"row must be a whole number from 0, found {_shown(row)}"
    elif (number_of := _number(value)) is None:
        told = f"{target} must be a finite number, found {_shown(value)}"
    else:
        found.ids.append(identity)
        found.rows.append(place)
        found.values.append(number_of)
        return
    found.unusable += 1
    found.example = found.example or f"; label {number}: {told}"


def _csv(source: str, path: Path, target: str) -> Iterator[Sequence[tuple[Any, ...]]]:
    with path.open("rb") as file:
        if not file.read(1):
            raise SourceError(f"{source} must begin with a line of column names, found an empty file")
    names = pyarrow.csv.open_csv(path, read_options=pyarrow.csv.ReadOptions(block_size=1 << 22)).schema.names
    wanted = _columns(source, names, target)
    options = pyarrow.csv.ConvertOptions(
        include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=True
    )
    for batch in pyarrow.csv.open_csv(path, convert_options=options):
        yield _cells(batch, wanted)


def _parquet(source: str, path: Path, target: str) -> Iterator[Sequence[tuple[Any, ...]]]:
    file = pyarrow.parquet.ParquetFile(path)
    wanted = _columns(source, file.schema_arrow.names, target)
    for batch in file.iter_batches(_BATCH_ROWS, columns=wanted):
        yield _cells(batch, wanted)


def _lines(source: str, path: Path, target: str) -> Iterator[Sequence[tuple[Any, ...]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                label = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise SourceError(f"{source} line {number}: must be one JSON object: {error}") from error
            if not isinstance(label, dict):
                raise SourceError(f"{source} line {number}: must be a JSON object, found {_shown(label)}")
            _columns(f"{source} line {number}", list(label), target)
            yield [(label["request_id"], label.get("row"), label[target])]


def _columns(source: str, names: Sequence[str], target: str) -> list[str]:
    for name in ("request_id", target):
        if names.count(name) != 1:
            there = ", ".join(names)[:200]
            raise SourceError(f"{source} must have one column {name}, found {names.count(name)}; there are {there}")
    return ["request_id", *(["row"] if "row" in names else []), target]


def _cells(batch: pa.RecordBatch, wanted: Sequence[str]) -> list[tuple[Any, ...]]:
    columns = [batch.column(name).to_pylist() for name in wanted]
    if len(columns) == 2:  # noqa: PLR2004 - there is no column of rows
        columns.insert(1, [None] * batch.num_rows)
    return list(zip(*columns, strict=True))


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 and number == int(number) and number < 1 << 62 else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except RecursionError:
        text = "something nested too deeply"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
