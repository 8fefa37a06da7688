"""From a source to float64 rows, what is wrong with them, and which of them are held out.

A file is read once, in pieces, and only the columns that are asked for. A cell that cannot be used becomes NaN and is
counted in a flaw; whether that is an error, and what would fix it, is said in validation.py.

Errors, by who must act:
    SourceError     the operator: the source cannot be read at all
    DataError       the owner of the data: it was read, and cannot be trained on
"""

from __future__ import annotations

import csv
import io
import math
import re
import sys
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from functions.schema import MOST_PROBLEMS, Feature, Matrix, PayloadError, shown, to_matrix
from model.data.drift import PARTS, means_of_parts
from model.data.hashing import row_hashes
from model.errors import SourceError

QUANTILES = tuple(step / 10 for step in range(11))
MOST_EXAMPLES = 5
"""Places that a flaw names."""

_CHUNK_ROWS = 65_536
_BLOCK_CELLS = 512
_BLOCK_BYTES = 4 << 20
_HEAD_BYTES = 4096
_ROW_GROUP_ROWS = 1 << 20
_KIND_CHARACTERS = 80
_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)", re.ASCII | re.IGNORECASE)
_RAGGED = re.compile(r"CSV parse error: Row #(\d+): Expected (\d+) columns, got (\d+)")
_MAGIC = {
    b"PAR1": "a Parquet file: name it .parquet",
    b"PK\x03\x04": "a spreadsheet or an archive: export it as CSV",
    b"\x1f\x8b": "a gzip file: unpack it",
    b"\xff\xfe": "UTF-16: save it as UTF-8",
    b"\xfe\xff": "UTF-16: save it as UTF-8",
}

Vector: TypeAlias = NDArray[np.float64]
Cells: TypeAlias = list[Any] | pa.DataType | pa.StringArray
"""Cells of one column as Python objects; or the column's type, when nothing of that type is a number; or texts, of a
column that stands for kinds."""
Pieces: TypeAlias = Iterator[tuple[int, dict[str, Cells]]]
"""Successive runs of rows: how many, and their cells by column."""


@dataclass
class Flaw:
    """One way in which cells of a column, or whole rows (no column), cannot be used; rows count from 0."""

    code: str
    column: str | None
    expected: str
    count: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, found: str, *, row: int | None = None) -> None:
        self.count += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append({"row": row, "found": found})


@dataclass(frozen=True)
class Rows:
    """Rows of a data set: *x* has shape (n_rows, n_features), *y* shape (n_rows,), in the target's unit.

    A cell that cannot be used is NaN, as is a whole column that is not there; *flaws* say why. *kinds* are columns of
    texts beside, in which rows are looked at apart; the model does not see them.
    """

    dataset: str
    features: tuple[str, ...]
    target: str
    x: Matrix
    y: Vector
    flaws: tuple[Flaw, ...] = ()
    kinds: Mapping[str, pa.DictionaryArray] = field(default_factory=dict)

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
        """64 bits of BLAKE2b over each row's values in order of column names; shape (n_rows,).

        Neither the row's place, nor other rows, nor the order of features matters; equal rows have equal hashes.
        """
        columns = {**dict(zip(self.features, self.x.T, strict=True)), self.target: self.y}
        return row_hashes([columns[name] for name in sorted(columns)])


def read(
    source: str, features: Sequence[Feature], target: str, *, kinds: Sequence[str] = (), path: Path | None = None
) -> Rows:
    """Read *source*; *path* is where its bytes are, for an address that is no path itself.

    Columns named in *kinds* are read as texts, whatever they hold. Every other cell passes the check that requests pass
    (functions/schema.py); what does not pass is among the flaws.

    Raises:
        SourceError: The source is unknown, absent or unreadable.
    """
    flaws: list[Flaw] = []
    wanted = [*features, Feature(target, -np.inf, np.inf)]
    with _translated(source):
        present, pieces = _open(source, path or Path(source), flaws)
        usable = [feature.name for feature in wanted if _is_there_once(feature.name, present, flaws)]
        texts = {name: [pa.array([], pa.string())] for name in kinds if _is_there_once(name, present, flaws)}
        found = pieces(usable, list(texts)) if usable or texts else iter(())
        values = _fill(_set_apart(found, texts), wanted, flaws)
    return Rows(
        dataset=_dataset_name(source),
        features=tuple(feature.name for feature in features),
        target=target,
        x=values[:, :-1],
        y=values[:, -1],
        flaws=tuple(flaw for flaw in flaws if flaw.count),
        kinds={name: pa.chunked_array(arrays).dictionary_encode().combine_chunks() for name, arrays in texts.items()},
    )


def held_out(rows: Rows, share: float) -> NDArray[np.bool_]:
    """Which rows are kept from training: those whose hash falls into the first *share* of all hashes.

    Returns:
        Array of shape (n_rows,).
    """
    return np.asarray(rows.hashes < np.uint64(math.ceil(share * 2**64)))


def snapshot(rows: Rows) -> bytes:
    """*rows* as a Parquet file; the same rows give the same bytes."""
    numbers = {**dict(zip(rows.features, rows.x.T, strict=True)), rows.target: rows.y}
    texts = {name: kind.cast(pa.string()) for name, kind in rows.kinds.items()}
    columns = numbers | texts
    schema = pa.schema([(name, pa.string() if name in texts else pa.float64()) for name in columns])
    sink = io.BytesIO()
    with pyarrow.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for start in range(0, len(rows.y), _ROW_GROUP_ROWS):
            piece = {name: values[start : start + _ROW_GROUP_ROWS] for name, values in columns.items()}
            writer.write_table(pa.table(piece, schema))
    return sink.getvalue()


def describe(x: Matrix, features: Sequence[str], *, redacted: Collection[str] = ()) -> list[dict[str, Any]]:
    """The manifest's `features`: range, mean, standard deviation, deciles and fiftieths of each column of *x*.

    A fiftieth is the mean of that part of the sorted rows, to a thousandth of the standard deviation or finer. Those in
    *redacted* are marked: the functions log no value of them.
    """
    return [
        {
            "name": name,
            "minimum": float(column.min()),
            "maximum": float(column.max()),
            "mean": float(column.mean()),
            "std": float(column.std()),
            "quantiles": [float(value) for value in np.quantile(column, QUANTILES)],
            "fiftieths": _rounded(means_of_parts(column, PARTS), float(column.std())),
            **({"redact": True} if name in redacted else {}),
        }
        for name, column in zip(features, x.T, strict=True)
    ]


def _rounded(values: Vector, spread: float) -> list[float]:
    """*values* to so many places that the fourth digit of *spread* is kept; more would only weigh."""
    if not 0 < spread < math.inf:
        return [float(value) for value in values]
    places = 3 - math.floor(math.log10(spread))
    return [round(value, places) for value in values.tolist()]


def _open(source: str, path: Path, flaws: list[Flaw]) -> tuple[Sequence[str], Callable[[list[str], list[str]], Pieces]]:
    """The names of all columns, and what reads some of them, as numbers and as texts."""
    if source.startswith("sklearn:"):
        table = _bundled(source.removeprefix("sklearn:"))
        return table.column_names, lambda names, kinds: (
            _piece(batch, kinds) for batch in table.select([*names, *kinds]).to_batches(_CHUNK_ROWS)
        )
    kind = path.suffix.lower()
    if ("://" in source and not source.startswith("gs://")) or kind not in {".csv", ".parquet"}:
        raise SourceError(f"{source} must be sklearn:NAME, or a path or gs:// address that ends in .csv or .parquet")
    if path.is_dir():
        raise SourceError(f"{source} must be a file, found a directory")
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise SourceError(f"{source} must hold rows, found an empty file")
    if kind == ".csv":
        return _header(source, path, head), lambda names, kinds: _csv_pieces(path, names, kinds, flaws)
    if head[:4] != b"PAR1":
        raise SourceError(f"{source} must be a Parquet file, found one that does not begin like one")
    parquet = pyarrow.parquet.ParquetFile(path, memory_map=True)
    return parquet.schema_arrow.names, lambda names, kinds: (
        _piece(batch, kinds) for batch in parquet.iter_batches(_CHUNK_ROWS, columns=[*names, *kinds])
    )


@contextmanager
def _translated(source: str) -> Iterator[None]:
    """The one place where exceptions of files and of Arrow become ours."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(f"{Path(error.filename or source).absolute()} does not exist") from error
    except (OSError, ValueError, pa.ArrowException) as error:  # Arrow's errors are some of each
        reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0][:200]
        if "straddl" in reason:
            reason = f"a row is longer than {_BLOCK_BYTES >> 20} MiB; a quote may have been opened and not closed"
        elif found := _RAGGED.match(reason):  # and no UTF-8, which keeps Arrow from telling us of it
            row, wanted, cells = map(int, found.groups())
            reason = f"row {row - 2} must hold {wanted} cells, found {cells}, and bytes that are no UTF-8"
        elif "magic bytes" in reason or "Parquet file size" in reason:
            reason = "its end is missing; it may have been cut short"
        raise SourceError(f"{source} cannot be read: {reason}") from error


@contextmanager
def _unraised() -> Iterator[None]:
    """Keep Python from printing what Arrow could not raise: it comes back as Arrow's own error."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        yield
    finally:
        sys.unraisablehook = hook


def _header(source: str, path: Path, head: bytes) -> list[str]:
    """The names in the first line of a CSV file, once the file looks like one."""
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            raise SourceError(f"{source} must be CSV in UTF-8, and seems to be {kind}")
    if b"\0" in head:
        raise SourceError(f"{source} must be CSV in UTF-8, found a binary file")
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        lines = csv.reader(iter(lambda: text.readline(_BLOCK_BYTES), ""))
        try:
            names = next((line for line in lines if line), [])
        except csv.Error as error:
            raise SourceError(f"{source} must begin with a line of column names: {error}") from error
    line = ",".join(names)
    if strange := re.search("[\udc80-\udcff]", line):
        found = f"byte 0x{ord(strange[0]) - 0xDC00:02x}"
        raise SourceError(
            f"{source} must be CSV in UTF-8, found {found} in its first line: save it as UTF-8, it may be Latin-1"
        )
    if all(_NUMBER.fullmatch(name.strip()) for name in names):
        found = f"the numbers {shown(line)}" if names else "none"
        raise SourceError(f"{source} must begin with a line of column names, found {found}")
    separator = max(";\t|", key=line.count)
    if line.count(separator) > line.count(","):
        raise SourceError(
            f"{source} must be separated by commas, and seems to be separated by {shown(separator)}: save it with "
            f"commas and decimal points; its first line is {shown(line)}"
        )
    return names


def _csv_pieces(path: Path, names: list[str], kinds: list[str], flaws: list[Flaw]) -> Pieces:
    """Rows of another width than the header's are left out, and become a flaw."""
    ragged, left_out = Flaw("ragged-row", None, ""), array("q")
    flaws.append(ragged)

    def leave_out(row: Any) -> str:
        ragged.expected = f"must hold {row.expected_columns} cells, as the first line does"
        ragged.add(f"{row.actual_columns} in {shown(row.text)}", row=row.number - 2)
        left_out.append(row.number - 2)
        return "skip"

    types = dict.fromkeys([*names, *kinds], pa.binary())
    try:
        with _unraised():
            reader = pyarrow.csv.open_csv(
                path,
                read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=leave_out),
                convert_options=pyarrow.csv.ConvertOptions(
                    include_columns=list(types), column_types=types, null_values=[""], strings_can_be_null=True
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
            break
        numbers = {name: _parsed(batch.column(name)) for name in names}
        yield batch.num_rows, numbers | {name: _texts(batch.column(name)) for name in kinds}
    for example in (example for flaw in flaws if flaw is not ragged for example in flaw.examples):
        for row in left_out if example["row"] is not None else ():  # until now it counts the rows that were kept
            example["row"] += row <= example["row"]


def _parsed(column: pa.BinaryArray) -> list[Any]:
    """The numbers that cells of a CSV file stand for, or the text to complain about; None for an empty one."""
    try:
        text = pyarrow.compute.ascii_trim_whitespace(column.cast(pa.string()))
        numbers: list[Any] = text.cast(pa.float64()).to_pylist()
    except pa.ArrowInvalid:
        return [_number((cell or b"").decode("utf-8", "backslashreplace")) for cell in column.to_pylist()]
    return numbers


def _number(text: str) -> float | str | None:
    stripped = text.strip()
    return float(stripped) if _NUMBER.fullmatch(stripped) else text if stripped else None


def _texts(column: pa.Array) -> pa.StringArray:
    """Cells as texts of at most _KIND_CHARACTERS; empty where there is none, with escapes where bytes are no UTF-8."""
    try:
        texts = column.cast(pa.string()).fill_null("")
    except pa.ArrowInvalid:
        cells = [(cell or b"").decode("utf-8", "backslashreplace") for cell in column.to_pylist()]
        texts = pa.array(cells, pa.string())
    except pa.ArrowNotImplementedError:  # a list, a structure
        texts = pa.array(map(str, column.to_pylist()), pa.string())
    return pyarrow.compute.utf8_slice_codeunits(texts, 0, _KIND_CHARACTERS)


def _set_apart(pieces: Pieces, texts: dict[str, list[pa.Array]]) -> Pieces:
    """The same pieces without the columns of texts, which are collected."""
    for rows, columns in pieces:
        for name, collected in texts.items():
            collected.append(columns.pop(name))
        yield rows, columns


def _piece(batch: pa.RecordBatch, kinds: Collection[str]) -> tuple[int, dict[str, Cells]]:
    cells: dict[str, Cells] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        if name in kinds:
            cells[name] = _texts(plain)
            continue
        kind = plain.type
        numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)
        cells[name] = plain.to_pylist() if numeric else kind
    return batch.num_rows, cells


def _is_there_once(name: str, present: Sequence[str], flaws: list[Flaw]) -> bool:
    found = present.count(name)
    if found != 1:
        flaw = Flaw("missing-column" if not found else "doubled-column", name, "must be there once")
        near = [other for other in present if other.strip().casefold() == name.strip().casefold()]
        others = f"there is {near[0]!r}" if near and not found else f"there are {', '.join(present)[:500]}"
        flaw.add(f"{found}; {others}")
        flaws.append(flaw)
    return found == 1


def _fill(pieces: Pieces, wanted: Sequence[Feature], flaws: list[Flaw]) -> Matrix:
    """All pieces in one array of shape (n_rows, n_wanted), which grows in place."""
    values = np.empty((0, len(wanted)))
    size = 0
    for rows, columns in pieces:
        if size + rows > len(values):
            values.resize((max(size + rows, len(values) * 5 // 4), len(wanted)), refcheck=False)
        for place, feature in enumerate(wanted):
            values[size : size + rows, place] = _checked(columns.get(feature.name), feature, size, flaws)
        size += rows
    values.resize((size, len(wanted)), refcheck=False)
    return values


def _checked(cells: Cells | None, feature: Feature, start: int, flaws: list[Flaw]) -> Vector | float:
    """Cells as numbers; NaN, and a flaw, for each that a request could not hold."""
    if cells is None:
        return math.nan
    if not isinstance(cells, list):
        flaw = _flaw("wrong-type", feature.name, "must be a column of numbers", flaws)
        if not flaw.count:
            flaw.add(str(cells))
        return math.nan
    try:
        return to_matrix(cells, [feature])[:, 0]
    except PayloadError as error:
        problems = error.problems
    if len(cells) > MOST_PROBLEMS:  # of fewer all are listed
        step = _BLOCK_CELLS if len(cells) > _BLOCK_CELLS else MOST_PROBLEMS
        blocks = range(0, len(cells), step)
        return np.hstack([_checked(cells[at : at + step], feature, start + at, flaws) for at in blocks])
    bad = {int(problem.pointer[1:]): problem.detail for problem in problems}
    for row, detail in bad.items():
        expected, _, found = detail.removeprefix(f"row {row}: '{feature.name}' ").partition(", got ")
        code = "empty-cell" if cells[row] is None else "not-finite" if "finite" in expected else "not-numeric"
        _flaw(code, feature.name, expected, flaws).add(found, row=start + row)
    good = [row for row in range(len(cells)) if row not in bad]
    numbers = np.full(len(cells), math.nan)
    numbers[good] = to_matrix([cells[row] for row in good], [feature])[:, 0]
    return numbers


def _flaw(code: str, column: str, expected: str, flaws: list[Flaw]) -> Flaw:
    """The flaw of this kind in this column, made where there is none yet."""
    found = next((flaw for flaw in flaws if (flaw.code, flaw.column) == (code, column)), None)
    if found is None:
        found = Flaw(code, column, expected)
        flaws.append(found)
    return found


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
