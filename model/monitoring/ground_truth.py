"""The true values of captured predictions: from a file of request_id, row and the target."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.data.cells import objects
from model.data.formats import RaggedRow, csv_table, json_objects, parquet_table, shown_briefly
from model.data.sources import translated
from model.errors import SourceError

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
    number = 0
    with translated(source):
        for piece in _pieces(source, path, kind, target, found):
            for cells in piece:
                _take(found, cells, number, target)
                number += 1
    return found


def _take(found: Labels, cells: Sequence[Any], number: int, target: str) -> None:
    identity, row, value = cells
    row = 0 if row is None else row
    told = ""
    if not isinstance(identity, str) or not identity:
        told = f"request_id must be text, found {shown_briefly(identity)}"
    elif (place := _whole(row)) is None:
        told = f"row must be a whole number from 0, found {shown_briefly(row)}"
    elif (number_of := _number(value)) is None:
        told = f"{target} must be a finite number, found {shown_briefly(value)}"
    else:
        found.ids.append(identity)
        found.rows.append(place)
        found.values.append(number_of)
        return
    found.unusable += 1
    found.example = found.example or f"; label {number}: {told}"


def _pieces(source: str, path: Path, kind: str, target: str, found: Labels) -> Iterator[Sequence[tuple[Any, ...]]]:
    if kind in {".jsonl", ".ndjson"}:
        for number, label in json_objects(source, path):
            _columns(f"{source} line {number}", list(label), target)
            yield [(label["request_id"], label.get("row"), label[target])]
        return

    def leave_out(row: RaggedRow) -> None:
        found.unusable += 1
        found.example = found.example or f"; label {row.row}: must hold {row.expected} cells, found {row.actual}"

    table = parquet_table(source, path) if kind == ".parquet" else csv_table(source, path, leave_out)
    names = _columns(source, table.names, target)
    for rows, columns in table.read(names):
        cells = [objects(columns[name], texts=table.texts) for name in names]
        if "row" not in names:
            cells.insert(1, [None] * rows)
        yield list(zip(*cells, strict=True))


def _columns(source: str, names: Sequence[str], target: str) -> list[str]:
    for name in ("request_id", target):
        if names.count(name) != 1:
            there = ", ".join(names)[:200]
            raise SourceError(f"{source} must have one column {name}, found {names.count(name)}; there are {there}")
    return ["request_id", *(["row"] if "row" in names else []), target]


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
