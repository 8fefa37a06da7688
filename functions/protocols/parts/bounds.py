"""How many instances a request may hold, so that neither reading nor answering it takes too much memory. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import orjson

from ...columns.arrays import count
from ...columns.schema import Level
from ...exchange import MOST_PREDICTION_BYTES, TooLargeError
from ...problems import Problem

STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
"""A text of JSON, as a regular expression; the closing quote may be missing at the end."""

_COMMAS_BESIDE_CELLS = 1000
_LINES_BESIDE_ROWS = 1000


def most_rows(classes: Sequence[Level], most_bytes: int) -> int:
    """How many instances may be asked about, so that the predictions take no more than *most_bytes*."""
    return max(1, most_bytes // (_label_bytes(tuple(classes)) if classes else MOST_PREDICTION_BYTES))


def most_unread(body: bytes, classes: Sequence[Level], most_bytes: int) -> int:
    """The most rows that *body* may hold before it is read: `parameters` in it may shorten their answers."""
    if classes and b'"parameters"' in body:
        return most_with_top(classes, 1, most_bytes)
    return most_rows(classes, most_bytes)


def most_with_top(classes: Sequence[Level], top: int, most_bytes: int) -> int:
    """How many instances may be asked about with their *top* classes; see leading.most_rows."""
    from .leading import most_rows as rows  # noqa: PLC0415 - most processes are never asked for it

    return rows(classes, top, most_bytes)


def check_cells(body: bytes, width: int, most: int) -> None:
    """Refuse, before it is parsed, a body with more commas than the most cells that could be answered.

    A parsed body takes up to forty times its size; counting its commas takes a hundredth of the time. Commas in texts
    do not count; they are left out only where they could matter.

    Raises:
        TooLargeError: There are more.
    """
    commas = most * width + _COMMAS_BESIDE_CELLS
    if len(body) <= commas or count(body, b",") <= commas:
        return
    if re.sub(STRING.encode(), b"", body, flags=re.DOTALL).count(b",") > commas:
        rows = f"at most {most} instances of {width} values" if width > 1 else f"at most {most} instances"
        raise TooLargeError(Problem(f"the body must hold {rows}, got more; send them in parts", ""))


def check_lines(body: bytes, width: int, most: int, noun: str) -> None:
    """Refuse, before it is parsed, a body with more lines than the most rows, *noun*, that could be answered.

    Raises:
        TooLargeError: There are more, or more cells.
    """
    check_cells(body, width, most)
    if count(body, b"\n") > most + _LINES_BESIDE_ROWS:
        raise TooLargeError(Problem(f"the body must hold at most {most} {noun}, got more; send them in parts", ""))


@lru_cache(maxsize=4)
def _label_bytes(classes: tuple[Level, ...]) -> int:
    """The most bytes of a label and the probabilities of all classes."""
    label = max(len(orjson.dumps(label)) for label in classes)
    return label + len(",[]") + MOST_PREDICTION_BYTES * len(classes)
