"""Cells of text files by the kind of their feature: one set of rules for training files and for requests. Pure.

A cell is missing where it is empty, blank, or one of the words that the configuration's `missing` lists. Those words
are compared as they stand; of numbers, booleans and times the blanks around them do not count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from .feature import Feature

NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)", re.ASCII | re.IGNORECASE)
"""The texts that spell a number; those that are not finite are refused as such."""

BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
"""The words of a boolean, in any case."""

_NUMERALS = frozenset("0123456789+-.eE")


def number(text: str) -> float | str | None:
    """The number that *text* spells, None for a blank one; *text* itself where it is neither."""
    stripped = text.strip()
    return float(stripped) if NUMBER.fullmatch(stripped) else text if stripped else None


def boolean(text: str) -> bool | str | None:
    """The same for a boolean."""
    stripped = text.strip()
    return BOOLEANS.get(stripped.casefold(), text) if stripped else None


def time(text: str) -> str | None:
    """A time without the blanks around it; None for a blank text."""
    return text.strip() or None


def level(text: str) -> str | None:
    """A level as it stands; None for a blank text."""
    return text if text.strip() else None


def csv_cells(texts: Sequence[str], feature: Feature, missing: Collection[str] = ()) -> list[Any]:
    """The cells of a column of CSV; a text that is none of its kind stays as it is, for the schema to refuse."""
    if feature.kind == "number" and "" not in texts and {*"".join(texts)} <= _NUMERALS and missing == ():
        try:
            return list(map(float, texts))
        except ValueError:  # some cell; the line below leaves it
            pass
    read = _READERS[feature.kind]
    if missing:
        return [None if text in missing else read(text) for text in texts]
    return [read(text) for text in texts]


def json_cell(cell: object, feature: Feature, missing: Collection[str] = ()) -> object:
    """A cell of JSON Lines, in which a text is no number."""
    if not isinstance(cell, str):
        return cell
    if cell in missing:
        return None
    return cell if feature.kind == "number" else _READERS[feature.kind](cell)


_READERS: dict[str, Callable[[str], Any]] = {"number": number, "boolean": boolean, "time": time, "category": level}
