"""CSV as text: where it begins, its separator, rows that a quote swallowed. For files and bodies alike. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from .text_cells import NUMBER

HEAD_CHARACTERS = 4096
"""The beginning of a file or a body that shows whether it is CSV, and the longest line of a preamble."""

PREAMBLE_LINES = 100
"""The most lines above a header, and one."""

_MAGIC = {
    b"PAR1": "a Parquet file: name it .parquet",
    b"PK\x03\x04": "a spreadsheet or an archive: export it as CSV",
    b"\x1f\x8b": "a gzip file: name it .csv.gz",
    b"\xff\xfe": "UTF-16: save it as UTF-8",
    b"\xfe\xff": "UTF-16: save it as UTF-8",
}
COMMAS = "a cell that holds a comma stands in double quotes"
"""The advice where a row has more cells than it should."""

MOST_LINES = 100_000
"""Lines of one row that are looked at: a quote that is open for longer is named when the file ends."""


def other_kind(head: bytes) -> str:
    """What bytes that begin with *head* are instead of CSV, and what would help; "" where they may be CSV."""
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return f", and seems to be {kind}"
    return ", found a binary file" if b"\0" in head[:HEAD_CHARACTERS] else ""


def preamble_lines(lines: Sequence[str]) -> int:
    """How many of the first *lines* are Excel's `sep=,`, or comments that begin with # and hold fewer commas."""
    skipped = 0
    for line, following in pairwise(lines):
        is_separator = skipped == 0 and re.fullmatch(r"sep=.\s*", line, re.IGNORECASE)
        is_comment = line.startswith("#") and (following.startswith("#") or line.count(",") != following.count(","))
        if not line.endswith("\n") or not (is_separator or is_comment):
            break
        skipped += 1
    return skipped


def other_separator(header: str) -> str:
    """The separator of a *header* that commas do not seem to separate; "" where they do."""
    separator = max(";\t|", key=header.count)
    return separator if header.count(separator) > header.count(",") else ""


def swallowed_lines(lines: Sequence[bytes], width: int, numbers: Sequence[int]) -> int | None:
    """How many of the *lines* of one row look like rows of their own; None where its quotes are not in pairs.

    Args:
        lines: Without line ends; the first one begins the row.
        width: Cells of a row.
        numbers: The places of numbers in it.
    """
    begun, *rest = lines
    swallowed = sum(is_inner_row(begun, line, width, numbers) for line in rest[:MOST_LINES])
    return None if not swallowed and sum(line.count(b'"') for line in lines) % 2 else swallowed


def is_inner_row(begun: bytes, line: bytes, width: int, numbers: Sequence[int]) -> bool:
    """Whether *line*, within a quoted cell of the row that began with *begun*, looks like a row of its own.

    The rest of the row stands behind the end of its first cell, and is none.
    """
    ends_first_cell = begun.startswith(b'"') and b'"' in line and b"," not in line[: line.find(b'"')]
    if ends_first_cell and not _is_row(begun, width, numbers):
        return False
    return _is_row(line, width, numbers)


def _is_row(line: bytes, width: int, numbers: Sequence[int]) -> bool:
    """Whether *line*, its quotes left out, holds *width* cells, and numbers where numbers belong."""
    cells = line.replace(b'"', b"").split(b",")
    if len(cells) != width:
        return False
    texts = [cells[place].decode("utf-8", "replace").strip() for place in numbers]
    return bool(texts) and all(NUMBER.fullmatch(text) for text in texts)
