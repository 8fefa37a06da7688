"""The rows of a CSV body, each with the line at which it begins. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeAlias

from ...columns.csv_text import HEAD_CHARACTERS, PREAMBLE_LINES, other_kind, preamble_lines, swallowed_lines
from ...problems import PayloadError, Problem

Row: TypeAlias = tuple[int, list[str]]
"""The number of the line, from 1, at which a row begins, and its cells."""

_CLOSE = "close it, or write two for one that belongs to the text"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_END = ("",)
"""An empty line behind the last one."""


def rows_of(body: bytes) -> list[Row]:
    """The rows of *body*, the header among them; an empty line is none.

    Raises:
        PayloadError: It is no CSV in UTF-8, or a quote is never closed.
    """
    if other := other_kind(body[:HEAD_CHARACTERS]):
        raise PayloadError(Problem(f"the body must be CSV in UTF-8{other}", ""))
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = body[: error.start].count(b"\n") + 1, body[error.start]
        detail = f"must be CSV in UTF-8, found byte 0x{byte:02x}: send it as UTF-8, it may be Latin-1"
        raise PayloadError(Problem(f"line {line}: {detail}", "")) from None
    usual = csv.field_size_limit(len(text) + 1)  # a cell may be as long as the body
    try:
        reader = csv.reader(chain(io.StringIO(text, newline=""), _END))
        rows, began, cells = [], 1, []
        for cells in reader:
            if cells:
                rows.append((began, cells))
            began = reader.line_num + 1
    finally:
        csv.field_size_limit(usual)
    if cells:  # the line behind the last one is no row, but a part of one whose quote is open
        raise PayloadError(Problem(f"line {rows[-1][0]}: a quote is opened and never closed; {_CLOSE}", ""))
    return rows


def skipped_lines(body: bytes) -> int:
    """How many lines of *body* would be a preamble above a header."""
    if not body.removeprefix(_BYTE_ORDER_MARK)[:4].lower().startswith((b"#", b"sep=")):
        return 0
    text = io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", newline="")
    return preamble_lines([text.readline(HEAD_CHARACTERS) for _ in range(PREAMBLE_LINES)])


def swallowed(body: bytes, rows: Sequence[Row], width: int, numbers: Sequence[int]) -> Iterator[Problem]:
    """A problem of each of *rows* with quotes out of pairs, or a quoted cell that holds other rows.

    Args:
        width: Cells of a row.
        numbers: The places of numbers in it.
    """
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    ends = chain((line for line, _ in rows[1:]), [len(lines) + 1])
    for number, ((line, _), end) in enumerate(zip(rows, ends, strict=True)):
        whole = lines[line - 1 : end - 1]
        if not any(b'"' in each for each in whole):
            continue
        inner = swallowed_lines(whole, width, numbers)
        if inner != 0:
            held = f"a quote holds {inner} more lines that look like rows"
            yield Problem(f"line {line}: {held if inner else 'quotes must come in pairs'}; {_CLOSE}", f"/{number}")
