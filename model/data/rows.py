"""From a source to float64 rows, and the flaws of their cells.

A file is read once, in pieces, and only the columns that are asked for. A cell that cannot be used becomes NaN and is
counted in a flaw; validation.py says whether that is an error, and what would help.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
from numpy.typing import NDArray

from functions.schema import Feature, Matrix, shown
from functions.table import Table
from model.data.cells import KIND_CHARACTERS, MOST_EXAMPLES, Flaw, as_texts, checked, flaw_of, numbers
from model.data.findings import Example
from model.data.formats import FileTable, Piece, RaggedRow, arrow_table, csv_table, parquet_table
from model.data.hashing import Keys, occurrences, row_hashes, spread_out
from model.data.quotes import SwallowedRows, swallowed_rows
from model.data.sources import translated
from model.data.times import seconds
from model.errors import SourceError

_ROW_GROUP_ROWS = 1 << 20
_WIDTHS = {pa.float16(): "float16", pa.float32(): "float32"}

Vector: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Rows of a data set.

    A cell that cannot be used is missing, as is a whole column that is not there; *flaws* say why.

    Args:
        features: The columns that the model sees, as these rows have them: kind, levels, missing cells, width; and the
            bounds that were asked for.
        x: Those columns, in their order.
        y: The target in its unit, NaN where it is not known; shape (n_rows,).
        kinds: Columns of texts beside, in which rows are looked at apart.
        groups, times: Columns that rows are split by: texts, and seconds since 1970.
        target_width: The width of the target's numbers, one of WIDTHS.
    """

    dataset: str
    features: tuple[Feature, ...]
    target: str
    x: Table
    y: Vector
    flaws: tuple[Flaw, ...] = ()
    kinds: Mapping[str, pa.DictionaryArray] = field(default_factory=dict)
    groups: Mapping[str, pa.StringArray] = field(default_factory=dict)
    times: Mapping[str, Vector] = field(default_factory=dict)
    target_width: str = "float64"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
        """64 bits of BLAKE2b over each row's values in order of column names; shape (n_rows,).

        Neither the row's place, nor other rows, nor the order of features matters; equal rows have equal hashes.
        """
        columns = {**dict(zip(self.names, self.x.columns, strict=True)), self.target: self.y}
        return row_hashes([columns[name] for name in sorted(columns)])

    @cached_property
    def keys(self) -> Keys:
        """A key for each row's content and how many equal rows stand before it; the first keeps its `hashes`."""
        return spread_out(self.hashes, occurrences(self.hashes))


def read(
    source: str,
    features: Sequence[Feature] | None,
    target: str,
    *,
    kinds: Sequence[str] = (),
    groups: Sequence[str] = (),
    times: Sequence[str] = (),
    optional: Collection[str] = (),
    path: Path | None = None,
) -> Rows:
    """Read *source*; *path* is where its bytes are, for an address that is no path itself.

    Columns named in *kinds* and *groups* are read as texts, whatever they hold, and those in *times* as seconds. Every
    other cell passes the check that requests pass (functions/schema.py), or is among the flaws. A column in *optional*
    may be missing. Without *features*, every column that is nothing else is one.

    Raises:
        SourceError: The source is unknown, absent or unreadable.
    """
    flaws: list[Flaw] = []
    left_out: list[RaggedRow] = []

    def leave_out(row: RaggedRow) -> None:
        left_out.append(row if len(left_out) < MOST_EXAMPLES else replace(row, text=""))

    with translated(source):
        table = _file_table(source, path or Path(source), leave_out)
        if features is None:
            beside = {target, *groups, *times}
            features = [Feature(name) for name in dict.fromkeys(table.names) if name not in beside]
        columns = [*features, Feature(target, -np.inf, np.inf)]
        named = dict.fromkeys([*(feature.name for feature in columns), *kinds, *groups, *times])
        asked = [name for name in named if name in table.names or name not in optional]
        there = [name for name in asked if _is_there_once(name, table.names, flaws)]
        aside = _Aside(
            {name: [] for name in kinds if name in there},
            {name: [] for name in groups if name in there},
            {name: [] for name in times if name in there},
        )
        pieces = aside.collect(table.read(there), flaws, texts=table.texts) if there else iter(())
        values = _fill(pieces, columns, flaws, texts=table.texts)
        _renumber(flaws, left_out)
        if table.texts:
            numeric = {feature.name for feature in columns}
            flaws.append(_swallowed(swallowed_rows(path or Path(source), table.names, numeric, table.skipped)))
    return Rows(
        dataset=_dataset_name(source),
        features=tuple(replace(feature, width=aside.widths.get(feature.name, "float64")) for feature in features),
        target=target,
        x=Table(values[:, :-1]),
        y=values[:, -1],
        flaws=tuple(flaw for flaw in (_ragged(left_out, len(values)), *flaws) if flaw.count),
        kinds={name: _joined(arrays).dictionary_encode().combine_chunks() for name, arrays in aside.kinds.items()},
        groups={name: _joined(arrays).combine_chunks() for name, arrays in aside.groups.items()},
        times={name: np.concatenate([np.empty(0), *arrays]) for name, arrays in aside.times.items()},
        target_width=aside.widths.get(target, "float64"),
    )


def snapshot(rows: Rows) -> bytes:
    """*rows* as a Parquet file; the same rows give the same bytes."""
    numbers = {**dict(zip(rows.names, rows.x.columns, strict=True)), rows.target: rows.y}
    widths = {feature.name: feature.width for feature in rows.features} | {rows.target: rows.target_width}
    widths = {name: width for name, width in widths.items() if width != "float64"}
    texts: dict[str, pa.Array] = {name: kind.cast(pa.string()) for name, kind in rows.kinds.items()}
    texts |= rows.groups
    columns = numbers | dict(rows.times) | texts
    types = dict.fromkeys(columns, pa.float64()) | dict.fromkeys(texts, pa.string())
    types |= {name: pa.type_for_alias(width) for name, width in widths.items()}
    schema = pa.schema(list(types.items()))
    sink = io.BytesIO()
    with pyarrow.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for start in range(0, len(rows.y), _ROW_GROUP_ROWS):
            piece = {name: values[start : start + _ROW_GROUP_ROWS] for name, values in columns.items()}
            piece |= {name: piece[name].astype(width) for name, width in widths.items()}
            writer.write_table(pa.table(piece, schema))
    return sink.getvalue()


def _file_table(source: str, path: Path, left_out: Callable[[RaggedRow], None]) -> FileTable:
    if source.startswith("sklearn:"):
        return arrow_table(_bundled(source.removeprefix("sklearn:")))
    kind = path.suffix.lower()
    if ("://" in source and not source.startswith("gs://")) or kind not in {".csv", ".parquet"}:
        raise SourceError(f"{source} must be sklearn:NAME, or a path or gs:// address that ends in .csv or .parquet")
    return csv_table(source, path, left_out) if kind == ".csv" else parquet_table(source, path)


def _ragged(left_out: Sequence[RaggedRow], kept: int) -> Flaw:
    """The flaw of rows of another width than the header's, which were left out; *kept* were not."""
    flaw = Flaw("ragged-row", None, "")
    if all(row.actual == row.expected + 1 for row in left_out):
        if all(row.text.rstrip().endswith(",") for row in left_out[:MOST_EXAMPLES]):
            flaw.advice = "remove the comma that rows end in, or name the last column in the first line"
        elif not kept:
            flaw.advice = (
                "the first line lacks a name: write one for the first column (in R, row.names=FALSE leaves it out)"
            )
    for row in left_out:
        flaw.expected = f"must hold {row.expected} cells, as the first line does"
        flaw.add(f"{row.actual} in {shown(row.text)}", row=row.row)
    return flaw


def _swallowed(rows: Iterator[SwallowedRows]) -> Flaw:
    """The flaw of rows whose quoted cells hold other rows."""
    flaw = Flaw("swallowed-rows", None, "")
    for row in rows:
        ended = "is never closed" if row.lines is None else f"holds {row.lines} more lines that look like rows"
        if flaw.expected:
            flaw.add(f"line {row.line}, {shown(row.text)}, {ended}", row=row.row)
        else:
            flaw.expected = f"must close its quotes: that in row {row.row} (line {row.line}) {ended}"
            flaw.add(shown(row.text), row=row.row)
    return flaw


def _renumber(flaws: Sequence[Flaw], left_out: Sequence[RaggedRow]) -> None:
    """Count rows that were left out, too, in the examples, which count the rows that were kept."""
    for flaw in flaws:
        for place, example in enumerate(flaw.examples):
            row = example.row
            if row is not None:
                for gone in left_out:
                    row += gone.row <= row
                flaw.examples[place] = Example(row, example.found)


@dataclass
class _Aside:
    """Columns beside the rows, collected piece by piece; and the widths of all."""

    kinds: dict[str, list[pa.Array]]
    groups: dict[str, list[pa.Array]]
    times: dict[str, list[Vector]]
    widths: dict[str, str] = field(default_factory=dict)

    def collect(self, pieces: Iterator[Piece], flaws: list[Flaw], *, texts: bool) -> Iterator[Piece]:
        """The same *pieces*, once their columns are collected."""
        start = 0
        for rows, columns in pieces:
            for name, kind in self.kinds.items():
                kind.append(as_texts(columns[name], most=KIND_CHARACTERS))
            for name, groups in self.groups.items():
                groups.append(as_texts(columns[name]))
                for row in np.flatnonzero(pyarrow.compute.equal(groups[-1], "").to_numpy(zero_copy_only=False)):
                    flaw_of("empty-cell", name, "must name the row's group", flaws).add("null", row=start + int(row))
            for name, moments in self.times.items():
                moments.append(seconds(columns[name], name, start, flaws, texts=texts))
            for name, column in columns.items():
                if isinstance(column, pa.Array) and column.type in _WIDTHS:
                    self.widths[name] = _WIDTHS[column.type]
            yield rows, columns
            start += rows


def _joined(arrays: list[pa.Array]) -> pa.ChunkedArray:
    return pa.chunked_array(arrays, pa.string())


def _is_there_once(name: str, present: Sequence[str], flaws: list[Flaw]) -> bool:
    times = present.count(name)
    if times != 1:
        flaw = Flaw("doubled-column" if times else "missing-column", name, "must be there once")
        near = [other for other in present if other.strip().casefold() == name.strip().casefold()]
        others = f"there is {near[0]!r}" if near and not times else f"there are {', '.join(present)[:500]}"
        flaw.add(f"{times}; {others}")
        flaws.append(flaw)
    return times == 1


def _fill(pieces: Iterator[Piece], columns_read: Sequence[Feature], flaws: list[Flaw], *, texts: bool) -> Matrix:
    """All pieces in one array of shape (n_rows, n_columns), which grows in place."""
    values = np.empty((0, len(columns_read)))
    size = 0
    for rows, columns in pieces:
        if size + rows > len(values):
            values.resize((max(size + rows, len(values) * 5 // 4), len(columns_read)), refcheck=False)
        for place, feature in enumerate(columns_read):
            cells = numbers(columns[feature.name], texts=texts) if feature.name in columns else None
            values[size : size + rows, place] = checked(cells, feature, size, flaws)
        size += rows
    values.resize((size, len(columns_read)), refcheck=False)
    return values


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


def _dataset_name(source: str) -> str:
    """A name for the bucket: the bundled set's, the file's, or for a snapshot the folder's it was kept in."""
    *folders, last = source.removeprefix("sklearn:").rstrip("/").split("/")
    stem = last.rsplit(".", 1)[0]
    if re.fullmatch("[0-9a-f]{64}", stem) and folders:
        stem = folders[-1]
    name = re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("._-")[:63].strip("._-")
    return name or "data"
