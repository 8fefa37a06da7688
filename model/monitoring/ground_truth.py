"""The true values of captured predictions: a file of request_id, row and the target, or of a key and the target."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from functions.columns.schema import Level, shown
from model.data.cells import objects
from model.data.formats import RaggedRow, csv_table, json_objects, parquet_table, shown_briefly
from model.data.quotes import swallowed_rows
from model.data.sources import translated
from model.errors import SourceError
from model.monitoring.class_labels import Spellings, is_empty
from model.monitoring.keys import column_text

_HEADER_CHARACTERS = 4096
_LAST_EXACT = 2**53
_ONE_COMMA = re.compile(r"[+-]?\d{1,3},\d{3}")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3}(,\d{3})+(\.\d*)?|,\d{3}\.\d*)")
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+")
_POINTS_OF_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")
_FLOAT_OF_A_WHOLE = re.compile(r"\d+\.0+")
_KINDS = (".csv", ".parquet", ".jsonl", ".ndjson")


@dataclass
class Labels:
    """The labels of a file; *unusable* counts its other rows, and *example* shows the first of those.

    *values* are numbers; with *spellings*, those of a classifier, places of classes. *points* is True where a number
    shows that its decimals stand behind a point. *key* is the model's key column, and *by_column* is
    True where *ids* are cells of it.
    """

    ids: list[str]
    rows: list[int]
    values: list[float]
    unusable: int = 0
    example: str = ""
    points: bool = False
    key: str = ""
    by_column: bool = False
    spellings: Spellings | None = field(default=None, repr=False)

    def leave_out(self, example: str) -> None:
        """Count a row that cannot be used."""
        self.unusable += 1
        self.example = self.example or f"; {example}"


def read(source: str, path: Path, target: str, classes: Sequence[Level] = (), key: str = "") -> Labels:
    """Read *path*, which messages call *source*: columns `request_id`, *target*, and `row`, 0 where there is none.

    Args:
        key: The model's key column, which may stand in the place of `request_id` and `row`; empty where it has none.
        classes: The labels of a classifier; empty where the target is a number.

    Raises:
        SourceError: It cannot be used.
    """
    kind = Path(source).suffix.lower()
    if kind not in _KINDS:
        raise SourceError(f"{source} must end in {', '.join(_KINDS[:-1])} or {_KINDS[-1]}")
    if path.is_dir():
        raise SourceError(f"{source} must be a file, found a directory")
    found = Labels([], [], [], key=key, spellings=Spellings(classes) if classes else None)
    number = 0
    ambiguous: list[tuple[int, str, int, str]] = []
    with translated(source):
        for piece in _pieces(source, path, kind, target, found):
            for cells in piece:
                _take(found, cells, number, target, ambiguous)
                number += 1
    for place, name, row, text in ambiguous:
        if found.points:
            found.ids.append(name)
            found.rows.append(row)
            found.values.append(float(text.replace(",", "")))
        else:
            found.leave_out(f"label {place}: {target} must tell thousands from decimals, found {shown_briefly(text)}")
    if found.spellings is not None and found.unusable and (named := found.spellings.named()):
        found.example += f"; {named}"
    if found.ids and all(map(_FLOAT_OF_A_WHOLE.fullmatch, found.ids)):
        found.ids = [name.partition(".")[0] for name in found.ids]
    return found


def _take(
    found: Labels, cells: Sequence[Any], number: int, target: str, ambiguous: list[tuple[int, str, int, str]]
) -> None:
    identity, row, value = cells
    name = column_text(identity) if found.by_column else _identity(identity)
    place = _whole(0 if row is None else row)
    message = ""
    if not name:
        kinds = "text, a number, true or false" if found.by_column else "text or a whole number"
        message = f"{found.key if found.by_column else 'request_id'} must be {kinds}, found {shown_briefly(identity)}"
    elif place is None:
        message = f"row must be a whole number from 0, found {shown_briefly(row)}"
    elif found.spellings is not None:
        own = found.spellings.place(value)
        if own is not None:
            found.ids.append(name)
            found.rows.append(place)
            found.values.append(own)
            return
        spelled = "an empty cell" if is_empty(value) else shown(value)
        message = f"{target} must be {found.spellings.expected()}, found {spelled}"
    elif isinstance(value, str) and _ONE_COMMA.fullmatch(value.strip()):
        ambiguous.append((number, name, place, value.strip()))
        return
    elif (actual := _number(value)) is None:
        message = f"{target} must be a finite number, found {shown_briefly(value)}"
    else:
        found.ids.append(name)
        found.rows.append(place)
        found.values.append(actual)
        found.points |= isinstance(value, str) and ("." in value or "," in value)
        return
    found.leave_out(f"label {number}: {message}")


def _identity(value: Any) -> str:
    """The request_id as text: 200 and 200.0 are 200; empty if it is none, or a float that lost digits."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        return ""
    if value != int(value) or (isinstance(value, float) and abs(value) >= _LAST_EXACT):
        return ""
    return str(int(value))


def _pieces(source: str, path: Path, kind: str, target: str, found: Labels) -> Iterator[Sequence[tuple[Any, ...]]]:
    key = found.key
    if kind in {".jsonl", ".ndjson"}:
        for number, label in json_objects(source, path):
            named = _columns(f"{source} line {number}", list(label), target, key)
            if found.by_column and named[0] != key:
                raise SourceError(f"{source} line {number} must have the column {key}, as the lines above have")
            found.by_column = named[0] == key
            yield [(label[named[0]], None if found.by_column else label.get("row"), label[target])]
        return

    def leave_out(row: RaggedRow) -> None:
        found.leave_out(f"label {row.row}: must hold {row.expected} cells, found {row.actual}")

    if kind == ".csv" and (separated := _semicolons(path, key)):
        names = _columns(source, separated[0], target, key)
        found.by_column = names[0] == key
        places = [separated[0].index(name) for name in names]
        written = [line[places[-1]].strip() for line in separated[1:] if line[places[-1] :]]
        commas = not found.spellings and any(map(_DECIMAL_COMMA.fullmatch, written))
        points = any("." in text and not _POINTS_OF_THOUSANDS.fullmatch(text) for text in written)
        for number, line in enumerate(separated[1:]):
            if len(line) != len(separated[0]):
                leave_out(RaggedRow(number, len(separated[0]), len(line), ""))
                continue
            row_cells = [line[place] or None for place in places]
            if commas:
                row_cells[-1] = _with_point(row_cells[-1])
            elif not points and not found.spellings and _POINTS_OF_THOUSANDS.fullmatch((row_cells[-1] or "").strip()):
                message = f"{target} must tell thousands from decimals, found {shown_briefly(row_cells[-1])}"
                found.leave_out(f"label {number}: {message}")
                continue
            yield [(row_cells[0], row_cells[1] if "row" in names else None, row_cells[-1])]
        return
    table = parquet_table(source, path) if kind == ".parquet" else csv_table(source, path, leave_out)
    names = _columns(source, table.names, target, key)
    found.by_column = names[0] == key
    if kind == ".csv":
        numbers = {"row"} if found.spellings else {"row", target}
        for swallowed in swallowed_rows(path, table.names, numbers, table.skipped):
            lines = swallowed.lines
            ended = "is never closed" if lines is None else f"holds {lines} more lines that look like labels"
            quote = f"that in line {swallowed.line} {ended}: {shown(swallowed.text)}"
            raise SourceError(f"{source} must close its quotes; {quote}")
    for rows, columns in table.read(names):
        cells = [objects(columns[name], texts=table.texts) for name in names]
        if "row" not in names:
            cells.insert(1, [None] * rows)
        yield list(zip(*cells, strict=True))


def _semicolons(path: Path, key: str) -> list[list[str]]:
    """All lines of a file whose header is separated by semicolons; empty where it is not."""
    with path.open(encoding="utf-8-sig", errors="backslashreplace", newline="") as text:
        start, header = 0, text.readline(_HEADER_CHARACTERS)
        if header.strip() == "sep=;":  # Excel's
            start, header = text.tell(), text.readline(_HEADER_CHARACTERS)
        if header.count(";") <= header.count(",") or not ("request_id" in header or (key and key in header)):
            return []
        text.seek(start)
        return [line for line in csv.reader(text, delimiter=";") if line]


def _with_point(text: str | None) -> str | None:
    """2.867,89 as 2867.89, and 2.867 as 2867, in a file that writes decimals behind commas; other texts as they are."""
    if text and (_DECIMAL_COMMA.fullmatch(text.strip()) or _POINTS_OF_THOUSANDS.fullmatch(text.strip())):
        return text.strip().replace(".", "").replace(",", ".")
    return text


def _columns(source: str, names: Sequence[str], target: str, key: str) -> list[str]:
    """The columns to read: those that name a prediction, and the target; *key* where there is no `request_id`."""
    identity = key if key and key in names and "request_id" not in names else "request_id"
    for name in (identity, target):
        if names.count(name) != 1:
            there = ", ".join(names)[:200]
            either = f", or {key}" if key and name == "request_id" and not names.count(name) else ""
            raise SourceError(
                f"{source} must have one column {name}{either}, found {names.count(name)}; there are {there}"
            )
    return [identity, *(["row"] if "row" in names and identity != key else []), target]


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 and number == int(number) and number < 1 << 62 else None


def _number(value: Any) -> float | None:
    """A number, a decimal, or the text of one, with a comma between thousands where a point or two commas tell so."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    if isinstance(value, str) and _THOUSANDS.fullmatch(value.strip()):
        value = value.replace(",", "")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
