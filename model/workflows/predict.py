"""The predictions of a version for every row of a file, piece by piece; rows that it cannot answer are set aside."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray

from functions.columns.csv_text import COMMAS
from functions.columns.schema import Feature, Level, shown
from functions.columns.table import Table, is_missing
from functions.predictor import Predictor
from model.data.cells import Flaw, distinct
from model.data.columns import fill
from model.data.files import File, joined, located, suffix, unpacked
from model.data.formats import BATCH_ROWS, FileTable, Piece, RaggedRow
from model.data.reading import columns_near
from model.data.sources import BLOCK_BYTES, translated
from model.data.targets import Target
from model.errors import SourceError, UsageError
from model.evaluation.answers import label_name
from model.registry.registry import Registry
from model.training.asking import Answers, answered, predicted
from model.workflows.outputs import Output
from model.workflows.progress import Talk
from model.workflows.source_rows import downloaded

PREDICTION = "prediction"
"""The name of the new column."""

PROBABILITY = "probability:"
"""The beginning of the names of a classifier's other new columns; its end is the label."""

_MOST_ANSWERS = 4_000_000
"""Numbers in the answers to rows that are asked at once."""

_KINDS = {"number": "a number", "boolean": "true or false", "time": "a time in ISO 8601", "category": "a level"}
_MOST_LEVELS_SHOWN = 10


@dataclass(frozen=True)
class Predicted:
    """A file that was predicted.

    Args:
        refused: How many rows could not be answered.
        output: The file with the others; None for standard output.
        refused_output: The file with the numbers of those rows and the reasons; None where there are none.
    """

    model: str
    version: int
    rows: int
    refused: int
    output: str | None
    refused_output: str | None

    def document(self) -> dict[str, Any]:
        """The JSON of `predict`."""
        return asdict(self)


def predict(
    predictor: Predictor,
    source: str,
    store: Registry,
    output: Path | None,
    *,
    missing: Sequence[str] = (),
    talk: Talk,
) -> Predicted:
    """Write the rows of *source* with their predictions to *output*, or as CSV to standard output, in their order.

    Args:
        missing: Texts that stand for a missing cell.

    Raises:
        SourceError: *source* is unknown, absent or unreadable, or lacks a feature.
        UsageError: It has a column of the name of a new one.
    """
    manifest = predictor.manifest
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        suffix(source)
        files = downloaded(source, store, folder) if source.startswith("gs://") else located(source)
        files = unpacked(files, folder)
        numbers = _Numbers()
        with translated(source):
            table = joined(files, numbers.leave_out, missing=missing).table()
        added = _added(predictor)
        _check_columns(source, table, manifest.features, [*added])
        names = list(dict.fromkeys(table.names))
        written = stack.enter_context(Output(output, names, added))
        refused = stack.enter_context(_Refused(output, talk.say))
        done = stack.enter_context(talk.progress("predicting", _pieces(files)))
        count = 0
        with translated(source):
            for piece in _parts(table.read(names), max(1, _MOST_ANSWERS // len(added))):
                rows = numbers.of(piece[0])
                reasons, cells = _checked(piece, manifest.features, texts=table.texts)
                values = _values(predictor, cells, reasons, len(added))
                against = {int(rows[place]): reason for place, reason in reasons.items()}
                against |= numbers.left_out(before=int(rows[-1]) if len(rows) else 0)
                for row in sorted(against):
                    refused.add(row, against[row])
                kept = np.ones(piece[0], dtype=np.bool_)
                kept[list(reasons)] = False
                written.add(piece[1], kept, _columns(values[kept], manifest.classes), texts=table.texts)
                count += piece[0]
                done()
        for row, reason in numbers.left_out(before=math.inf).items():
            refused.add(row, reason)
        return Predicted(
            manifest.model,
            manifest.version,
            rows=count + len(numbers.gone),
            refused=refused.count,
            output=None if output is None else str(output),
            refused_output=None if refused.path is None or not refused.count else str(refused.path),
        )


def _added(predictor: Predictor) -> dict[str, pyarrow.DataType]:
    """The new columns and their types: the prediction, and the probability of each class where there are any."""
    classes = predictor.manifest.classes
    if not classes:
        return {PREDICTION: pyarrow.float64()}
    kind = pyarrow.infer_type(list(classes))
    likely = predictor.manifest.document.get("probabilities")
    return {PREDICTION: kind} | {
        f"{PROBABILITY}{label_name(label)}": pyarrow.float64() for label in (classes if likely else ())
    }


def _columns(answered: Answers, classes: Sequence[Level]) -> list[NDArray[Any]]:
    """The new columns of some rows."""
    values, *probabilities = answered.T
    if not classes:
        return [values]
    labels = np.empty(len(classes), object)
    labels[:] = classes
    return [labels[values.astype(np.intp)], *probabilities]


def _parts(pieces: Iterator[Piece], most: int) -> Iterator[Piece]:
    """*pieces* cut into parts of at most *most* rows."""
    for rows, columns in pieces:
        for start in range(0, rows, most) if rows > most else (0,):
            stop = min(start + most, rows)
            whole = stop - start == rows
            yield stop - start, columns if whole else {name: column[start:stop] for name, column in columns.items()}


def _check_columns(source: str, table: FileTable, features: Sequence[Feature], added: Sequence[str]) -> None:
    for name in added:
        if name in table.names:
            raise UsageError(f"{source} has a column {name!r} already: rename it")
    problems = []
    for feature in features:
        times = table.names.count(feature.name)
        if times != 1:
            nowhere = ", a member of no row" if not times and suffix(source) == ".jsonl" else ""
            empty = "" if times or not _may_be_missing(feature) else "; a column of empty cells is filled in"
            there = columns_near(feature.name, table.names)
            problems.append(
                f"{source} must have the column {feature.name!r} once, found {times}{nowhere}; {there}{empty}"
            )
    if problems:
        raise SourceError("\n".join(problems))


def _may_be_missing(feature: Feature) -> bool:
    return feature.takes_missing and feature.had_missing


def _checked(piece: Piece, features: Sequence[Feature], *, texts: bool) -> tuple[dict[int, str], Table]:
    """The reasons against rows of *piece*, and the features' cells of all of them."""
    flaws: list[Flaw] = []
    rows, columns = piece
    filled = fill(iter([piece]), features, Target(""), flaws, texts=texts)
    reasons: dict[int, str] = {}
    cells = list(filled.x.columns)
    for place, feature in enumerate(features):
        if feature.kind == "category":
            cells[place] = _own_levels(cells[place], feature)
        for row, reason in _wrong(columns.get(feature.name), cells[place], feature, texts=texts):
            reasons.setdefault(row, reason)
    return reasons, Table(cells) if rows else filled.x


def _wrong(column: Any, cells: NDArray[Any], feature: Feature, *, texts: bool) -> Iterator[tuple[int, str]]:
    gone = is_missing(cells)
    if gone.any() and column is not None:
        found, codes = distinct(column, texts=texts)
        for row in np.flatnonzero(gone & (codes >= 0)).tolist():
            got = "a redacted value" if feature.redact else shown(found[codes[row]])
            yield row, f"'{feature.name}' must be {_KINDS[feature.kind]}, got {got}"
    if not feature.takes_missing:
        for row in np.flatnonzero(gone).tolist():
            yield row, f"'{feature.name}' is missing, and the model answers no row without it"
    if feature.kind == "category" and not feature.takes_unknown:
        known = {*feature.levels}
        levels = ", ".join(map(str, feature.levels[:_MOST_LEVELS_SHOWN]))
        for row, cell in enumerate(cells.tolist()):
            if cell is not None and cell not in known:
                told = "a level that the model knows" if feature.redact else f"one of {levels}, got {shown(cell)}"
                yield row, f"'{feature.name}' must be {told}"


def _own_levels(cells: NDArray[Any], feature: Feature) -> NDArray[Any]:
    """*cells* with the levels of *feature* in their own type: a CSV file holds texts alone."""
    own = {str(level).casefold() if isinstance(level, bool) else str(level): level for level in feature.levels}
    if all(isinstance(level, str) for level in feature.levels):
        return cells
    made = np.empty(len(cells), object)
    made[:] = [own.get(_spelled(cell), cell) for cell in cells.tolist()]
    return made


def _spelled(cell: Any) -> str:
    return str(cell).casefold() if isinstance(cell, bool) or cell in {"True", "False"} else str(cell)


def _values(predictor: Predictor, cells: Table, reasons: dict[int, str], width: int) -> Answers:
    """The answers, NaN where there is a reason against a row; those that are no number become reasons.

    Returns:
        Array of shape (n_rows, width); of a classifier the first column is the place of the label.
    """
    asked = np.ones(len(cells), dtype=np.bool_)
    asked[list(reasons)] = False
    values = np.full((len(cells), width), math.nan)
    if asked.any():
        classes = predictor.manifest.classes
        values[asked] = answered(lambda table: predicted(predictor.predict(table), classes), cells[asked])
    for row in np.flatnonzero(asked & ~np.isfinite(values).all(axis=1)).tolist():
        reasons[row] = "the model gives no number for it"
    return values


def _pieces(files: Sequence[File]) -> int | None:
    """How many pieces *files* have; None where only reading tells."""
    match suffix(files[0].name):
        case ".csv":
            return int(sum(math.ceil(file.path.stat().st_size / BLOCK_BYTES) for file in files))
        case ".parquet":
            counts = [pyarrow.parquet.read_metadata(file.path).num_rows for file in files]
            return int(sum(math.ceil(count / BATCH_ROWS) for count in counts))
    return None


class _Numbers:
    """The numbers of rows in the file, from 0, where some were left out since they have another width."""

    def __init__(self) -> None:
        self.gone: dict[int, str] = {}
        self._next = 0
        self._told: set[int] = set()

    def leave_out(self, row: RaggedRow) -> None:
        advice = f"; {COMMAS}" if row.actual > row.expected else ""
        self.gone[row.row] = f"must hold {row.expected} cells, as the first line does, got {row.actual}{advice}"

    def of(self, count: int) -> NDArray[np.int64]:
        """The numbers of the next *count* rows that are there."""
        if not any(row >= self._next for row in list(self.gone)[-1:]):
            numbers = np.arange(self._next, self._next + count)
        else:
            last = self._next + count + len(self.gone)
            there = np.arange(self._next, last)
            numbers = there[~np.isin(there, list(self.gone))][:count]
        self._next = int(numbers[-1]) + 1 if count else self._next
        return numbers

    def left_out(self, *, before: float) -> dict[int, str]:
        """The rows before one, each once, that were left out, with the reasons."""
        found = {row: reason for row, reason in self.gone.items() if row < before and row not in self._told}
        self._told |= found.keys()
        return found


class _Refused:
    """Rows that are set aside: a CSV file beside the output, or lines for a person."""

    MOST_SAID = 20

    def __init__(self, output: Path | None, say: Callable[[str], None]) -> None:
        self.count = 0
        self.path = None if output is None else output.with_name(f"{output.name}.refused.csv")
        self._say = say
        self._file: Any = None

    def __enter__(self) -> _Refused:
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        return self

    def add(self, row: int, reason: str) -> None:
        self.count += 1
        if self.path is None:
            if self.count <= self.MOST_SAID:
                self._say(f"row {row}: {reason}")
            return
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8", errors="backslashreplace")
            self._file.write("row,reason\n")
        quoted = reason.replace('"', '""')
        self._file.write(f'{row},"{quoted}"\n')

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        elif self.path is None and self.count > self.MOST_SAID:
            self._say(f"and {self.count - self.MOST_SAID} more rows")
