"""JSON Lines as a table: one object a line, whose members are cells; an absent member is an empty cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from model.data.formats import BATCH_ROWS, FileTable, Piece, json_objects
from model.errors import DataError, SourceError


def json_table(source: str, path: Path) -> FileTable:
    """The JSON Lines file at *path*, which messages call *source*.

    Raises:
        SourceError: It is absent, or a line is no JSON object, or one with a name that came twice.
        DataError: No object of it has a member.
    """
    if path.is_dir():
        raise SourceError(f"{source} must be a file, found a directory")
    names: dict[str, None] = {}
    for _, row in json_objects(source, path):
        names.update(dict.fromkeys(row))
    if not names:
        raise DataError(f"{source} must hold rows, found none")
    return FileTable(list(names), lambda asked: _pieces(source, path, asked))


def _pieces(source: str, path: Path, names: Sequence[str]) -> Iterator[Piece]:
    objects = json_objects(source, path, checked=True)
    while batch := [row for _, row in islice(objects, BATCH_ROWS)]:
        yield len(batch), {name: [row.get(name) for row in batch] for name in names}
