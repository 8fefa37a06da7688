"""Rows that a stray quote swallowed: a quoted cell that holds whole rows, or a quote that is never closed.

Free text over several lines is fine: its inner lines hardly ever split into the header's number of cells with numbers
where numbers belong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from functions.columns.csv_text import MOST_LINES, is_inner_row

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class SwallowedRows:
    """A row, from 0 below the header, whose quoted cell holds other rows, or with a quote that is never closed.

    Args:
        line: The line of the file, from 1, where the row begins.
        lines: How many of its lines look like rows; None where the quote is never closed.
        text: Where the quote opens.
    """

    row: int
    line: int
    lines: int | None
    text: str


def swallowed_rows(
    path: Path, names: Collection[str], numbers: Collection[str], skipped: int
) -> Iterator[SwallowedRows]:
    """Look through the CSV file at *path* with the columns *names*, of which those in *numbers* hold numbers.

    Args:
        skipped: Lines above the header.
    """
    places = [place for place, name in enumerate(names) if name in numbers]
    row, number, begin, begun, inner, quotes, inside = -1, 0, 0, b"", 0, 0, False
    for block in _blocks(path):
        if not inside and number >= skipped and b'"' not in block:
            lines = block.count(b"\n") + 1
            number += lines
            row += lines - (block.count(b"\n\n") + block.startswith(b"\n") + block.endswith(b"\n") if block else 1)
            continue
        for line in block.split(b"\n"):
            number += 1
            if number <= skipped or (not inside and not line):
                continue
            if not inside:
                begin, begun, inner, quotes = number, line, 0, 0
            elif number - begin <= MOST_LINES:
                inner += is_inner_row(begun, line, len(names), places)
            if inside or b'"' in line:
                quotes += line.count(b'"')
                inside = _is_open(line, inside=inside)
            if not inside:
                if row >= 0 and (inner or quotes % 2):
                    yield SwallowedRows(row, begin, inner or None, _shown(begun))
                row += 1
    if inside and row >= 0:
        yield SwallowedRows(row, begin, None, _shown(begun))


def _blocks(path: Path) -> Iterator[bytes]:
    """Some whole lines at a time, without the last one's end; line ends of any system become those of Unix."""
    with path.open("rb") as file:
        rest = b""
        while piece := file.read(_CHUNK_BYTES):
            text = rest + piece
            held = b"\r" if text.endswith(b"\r") else b""  # its other half may come
            text = text[: len(text) - len(held)]
            if b"\r" in text:
                text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            lines, end, rest = text.rpartition(b"\n")
            rest += held
            if end:
                yield lines
        if rest.rstrip(b"\r"):
            yield rest.rstrip(b"\r")


def _is_open(line: bytes, *, inside: bool) -> bool:
    """Whether a quoted cell goes on behind *line*; a quote opens a cell only where the cell begins."""
    first = line.find(b'"')
    if not inside and (first == 0 or line[first - 1] == ord(",")):  # the usual line at the speed of C
        opened, closed = line.count(b',"') + (first == 0), line.count(b'",') + line.endswith(b'"')
        if opened == closed and opened + closed == line.count(b'"'):
            return False
    place, fresh = 0, not inside
    while place < len(line):
        character = line[place : place + 1]
        if inside:
            end = line.find(b'"', place)
            if end < 0:
                return True
            if line[end + 1 : end + 2] == b'"':
                place = end + 2
                continue
            inside, place, fresh = False, end + 1, False
            continue
        if character == b'"' and fresh:
            inside, place = True, place + 1
            continue
        comma = line.find(b",", place)
        if comma < 0:
            return False
        place, fresh = comma + 1, True
    return inside


def _shown(line: bytes) -> str:
    opened = line[max(0, line.rfind(b'"') - 20) :][:40]
    return opened.decode("utf-8", "backslashreplace")
