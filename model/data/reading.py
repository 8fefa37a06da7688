"""From a source to rows, and the flaws of their cells.

A file is read in pieces, and only the columns that are asked for; where kinds are not named it is read twice, the first
time to find them out. A cell that cannot be used becomes missing and is counted in a flaw; validation.py says whether
that is an error, and what would help.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from functions.columns.schema import Feature, shown
from model.data.bundled import bundled, dataset_name
from model.data.cells import KIND_CHARACTERS, MOST_EXAMPLES, Flaw, as_texts, flaw_of
from model.data.columns import fill
from model.data.files import File, Joined, located, suffix, unpacked
from model.data.files import joined as files_joined
from model.data.findings import Example
from model.data.formats import FileTable, Piece, RaggedRow, arrow_table
from model.data.kinds import FOUND_OUT
from model.data.kinds import kinds as found_kinds
from model.data.quotes import SwallowedRows, swallowed_rows
from model.data.rows import Rows
from model.data.sources import translated
from model.data.targets import CLASS_KINDS, Target
from model.data.times import seconds
from model.formatting import near

_WIDTHS = {pa.float16(): "float16", pa.float32(): "float32"}

Vector: TypeAlias = NDArray[np.float64]


def read(
    source: str,
    features: Sequence[Feature] | None,
    target: str,
    *,
    task: str | None = "regression",
    kinds: Sequence[str] = (),
    groups: Sequence[str] = (),
    times: Sequence[str] = (),
    optional: Collection[str] = (),
    missing: Sequence[str] = (),
    key: str = "",
    target_kind: str = "",
    files: Sequence[File] | None = None,
) -> Rows:
    """Read *source*, rows of all its files one after the other.

    A feature whose kind is FOUND_OUT is of the kind that its cells show; without *features*, every column that is
    nothing else is one. A cell of a feature may be missing. Each other one passes the check that requests pass
    (functions/columns/schema.py), or is among the flaws. Columns named in *kinds* and *groups* are read as texts,
    whatever they hold, and those in *times* as seconds. A column in *optional* may be missing.

    Args:
        task: What the target is, "regression" or "classification"; None where its kind tells: texts and booleans are
            classes.
        missing: Texts that stand for a missing cell.
        key: A column that names the rows, and is no feature; one that names two alike is a flaw.
        target_kind: "number", "boolean" or "category"; found out from the cells where it is empty.
        files: Where the bytes of *source* are, by default what it names on this machine.

    Raises:
        SourceError: The source is unknown, absent or unreadable, or its files differ.
    """
    flaws: list[Flaw] = []
    left_out: list[RaggedRow] = []

    def leave_out(row: RaggedRow) -> None:
        left_out.append(row if len(left_out) < MOST_EXAMPLES else replace(row, text=""))

    with tempfile.TemporaryDirectory() as folder, translated(source):
        table, joined = _opened(source, files, Path(folder), leave_out, missing)
        if features is None:
            features = _all_but(table.names, {target, *groups, *times, key})
        beside = [*kinds, *groups, *times, *([key] if key else [])]
        named = dict.fromkeys([*(feature.name for feature in features), target, *beside])
        asked = [name for name in named if name in table.names or name not in optional]
        there = [name for name in asked if _is_there_once(name, table.names, flaws)]
        unknown = [feature.name for feature in features if feature.kind == FOUND_OUT]
        asks = [*unknown, *([target] if task != "regression" and not target_kind else [])]
        found = found_kinds(table, [name for name in asks if name in there])
        features = [replace(feature, kind=feature.kind or found.get(feature.name, "number")) for feature in features]
        left_out.clear()
        aside = _Aside(
            {name: [] for name in kinds if name in there},
            {name: [] for name in groups if name in there},
            {name: [] for name in times if name in there},
            {name: [] for name in [key] if name in there},
        )
        pieces = aside.collect(table.read(there), flaws, texts=table.texts) if there else iter(())
        learnt = _target(target, task, target_kind or found.get(target, "number"))
        filled = fill(pieces, features, learnt, flaws, texts=table.texts)
        flaws.extend(_repeated(name, arrays) for name, arrays in aside.keys.items())
        _renumber(flaws, left_out)
        numbers = _numbers(filled.kept, left_out)
        if joined and table.texts:
            measured = {feature.name for feature in features if feature.kind == "number"}
            measured |= {target} if learnt.kind == "number" else set()
            flaws.append(_swallowed(_swallowed_rows(joined, measured)))
    return Rows(
        dataset=dataset_name(source),
        features=tuple(
            replace(feature, width=aside.widths.get(feature.name, "float64") if feature.kind == "number" else "float64")
            for feature in filled.features
        ),
        target=target,
        x=filled.x,
        y=filled.y,
        flaws=tuple(flaw for flaw in (_ragged(left_out, len(filled.y)), *flaws) if flaw.count),
        kinds={
            name: _joined(arrays, filled.kept).dictionary_encode().combine_chunks()
            for name, arrays in aside.kinds.items()
        },
        groups={name: _joined(arrays, filled.kept).combine_chunks() for name, arrays in aside.groups.items()},
        times={name: np.concatenate([np.empty(0), *arrays])[filled.kept] for name, arrays in aside.times.items()},
        numbers=numbers,
        target_width=aside.widths.get(target, "float64"),
        classes=filled.classes,
    )


def column_names(source: str, files: Sequence[File] | None = None) -> Sequence[str]:
    """The names of all columns of *source*, in its order.

    Raises:
        SourceError: The source is unknown, absent or unreadable, or its files differ.
    """
    with tempfile.TemporaryDirectory() as folder, translated(source):
        return _opened(source, files, Path(folder), lambda _: None, ())[0].names


def _opened(
    source: str,
    files: Sequence[File] | None,
    folder: Path,
    leave_out: Callable[[RaggedRow], None],
    missing: Sequence[str],
) -> tuple[FileTable, Joined | None]:
    """The table of *source*, and its files where it has some, unpacked into *folder*."""
    if source.startswith("sklearn:"):
        return arrow_table(bundled(source.removeprefix("sklearn:"))), None
    suffix(source)
    joined = files_joined(unpacked(files or located(source), folder), leave_out, missing=missing)
    return joined.table(), joined


def _target(name: str, task: str | None, kind: str) -> Target:
    """The target's column; one that is a time, or that cannot be told, is read as what the task needs."""
    if task == "regression" or (task is None and kind not in CLASS_KINDS):
        return Target(name)
    return Target(name, kind if kind in {"number", *CLASS_KINDS} else "category", is_class=True)


def _all_but(names: Sequence[str], beside: Collection[str]) -> list[Feature]:
    """All columns that have a name, but those: a row's number, as pandas writes it, has none."""
    return [Feature(name, kind=FOUND_OUT) for name in dict.fromkeys(names) if name.strip() and name not in beside]


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


def _repeated(name: str, arrays: Sequence[pa.Array]) -> Flaw:
    """The flaw of rows of one key; an empty one is none."""
    flaw = Flaw("repeated-key", name, "should name one row each")
    texts = pa.chunked_array(arrays, pa.string()).combine_chunks()
    encoded = texts.dictionary_encode()
    codes = np.asarray(encoded.indices)
    named = ~np.asarray(pyarrow.compute.equal(texts, ""), np.bool_)
    firsts = np.zeros(len(codes), np.bool_)
    firsts[np.unique(codes, return_index=True)[1]] = True
    again = np.flatnonzero(named & ~firsts)
    for row in again[:MOST_EXAMPLES].tolist():
        flaw.add(shown(texts[row].as_py()), row=row)
    flaw.count = len(again)
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


def _swallowed_rows(files: Joined, numbers: Collection[str]) -> Iterator[SwallowedRows]:
    for file, table, start in zip(files.files, files.tables, files.starts, strict=False):
        for row in swallowed_rows(file.path, table.names, numbers, table.skipped):
            yield replace(row, row=row.row + start)


def _renumber(flaws: Sequence[Flaw], left_out: Sequence[RaggedRow]) -> None:
    """Count rows that were left out, too, in the examples, which count the rows that were kept."""
    for flaw in flaws:
        for place, example in enumerate(flaw.examples):
            row = example.row
            if row is not None:
                flaw.examples[place] = Example(_in_file(row, left_out), example.found)
        for form in flaw.forms.values():
            if form.row is not None:
                form.row = _in_file(form.row, left_out)


def _in_file(row: int, left_out: Sequence[RaggedRow]) -> int:
    for gone in left_out:
        row += gone.row <= row
    return row


@dataclass
class _Aside:
    """Columns beside the rows, collected piece by piece; and the widths of all."""

    kinds: dict[str, list[pa.Array]]
    groups: dict[str, list[pa.Array]]
    times: dict[str, list[Vector]]
    keys: dict[str, list[pa.Array]]
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
            for name, keys in self.keys.items():
                keys.append(as_texts(columns[name]))
            for name, moments in self.times.items():
                moments.append(seconds(columns[name], name, start, flaws, texts=texts))
            for name, column in columns.items():
                if isinstance(column, pa.Array) and column.type in _WIDTHS:
                    self.widths[name] = _WIDTHS[column.type]
            yield rows, columns
            start += rows


def _joined(arrays: list[pa.Array], kept: NDArray[np.bool_]) -> pa.ChunkedArray:
    whole = pa.chunked_array(arrays, pa.string())
    return whole if kept.all() else whole.filter(pa.array(kept))


def _numbers(kept: NDArray[np.bool_], left_out: Sequence[RaggedRow]) -> NDArray[np.int64] | None:
    """The number in the file of each row that is kept; None where they are those in order."""
    if kept.all() and not left_out:
        return None
    gone = [row.row for row in left_out]
    return np.setdiff1d(np.arange(len(kept) + len(gone)), gone)[: len(kept)][kept]


def columns_near(name: str, present: Sequence[str]) -> str:
    """The columns that a person may have meant by *name*; all of them where none is near."""
    names = near(name, present) if name not in present else []
    if len(names) == 1:
        return f"there is {names[0]!r}"
    return f"there are {', '.join(map(repr, names) if names else present)[:500]}"


def _is_there_once(name: str, present: Sequence[str], flaws: list[Flaw]) -> bool:
    times = present.count(name)
    if times != 1:
        flaw = Flaw("doubled-column" if times else "missing-column", name, "must be there once")
        flaw.add(f"{times}; {columns_near(name, present)}")
        flaws.append(flaw)
    return times == 1
