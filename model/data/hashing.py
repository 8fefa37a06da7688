"""64-bit hashes of rows, of texts and of pairs: made and mixed in this one place."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.columns.text_cells import NUMBER
from functions.columns.times import parse

Keys: TypeAlias = NDArray[np.uint64]

_CHUNK_ROWS = 65_536
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio
_BOOLEANS = {"true": 1.0, "false": 0.0}


def words(cells: NDArray[Any]) -> Keys:
    """64 bits that stand for each cell, whatever its column's kind; shape (n_rows,).

    A number has those of its float64, -0.0 those of 0.0, a missing cell those of NaN. The level of a category that
    reads as a number, a boolean or a time has those of that number; any other level those of a hash of its text. So a
    row keeps its hash when a column is declared to be of another kind, or comes in another file format.
    """
    if cells.dtype != object:
        numbers = cells.astype(np.float64) + 0.0
        numbers[np.isnan(numbers)] = np.nan
        return numbers.view(np.uint64)
    places: dict[Any, int] = {}
    codes = np.array([places.setdefault((type(cell), cell), len(places)) for cell in cells.tolist()], np.intp)
    levels = [level for _, level in places]
    numbers = np.array([_number(level) for level in levels])
    numbers_or_texts = (numbers + 0.0).view(np.uint64)
    for place, level in enumerate(levels):
        if isinstance(level, str) and math.isnan(numbers[place]):
            numbers_or_texts[place] = text_hashes([level])[0]
    return numbers_or_texts[codes]


def row_hashes(columns: Sequence[NDArray[Any]]) -> Keys:
    """64 bits of BLAKE2b over the `words` of each row, in the order of *columns*.

    Splits of versions that are published rest on these bits: they never change.
    """
    rows = len(columns[0])
    width = 8 * len(columns)
    digests = bytearray()
    contents = [words(column) for column in columns]
    for start in range(0, rows, _CHUNK_ROWS):
        packed = np.column_stack([content[start : start + _CHUNK_ROWS] for content in contents]).astype("<u8").tobytes()
        ends = range(width, len(packed) + 1, width)
        digests += b"".join(hashlib.blake2b(packed[end - width : end], digest_size=8).digest() for end in ends)
    return np.frombuffer(bytes(digests), dtype=">u8").astype(np.uint64)


def occurrences(hashes: Keys) -> Keys:
    """How many equal hashes stand before each; shape (n_rows,)."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])
    lengths = np.diff(np.concatenate([begins, [len(ordered)]]))
    counted = np.empty(len(hashes), dtype=np.uint64)
    counted[order] = np.arange(len(hashes)) - np.repeat(begins, lengths)
    return counted


def spread_out(hashes: Keys, places: Keys) -> Keys:
    """A key for each hash and its place among equal ones, from 0; the first keeps its hash.

    From the second on, the keys of one hash step by the golden section of 2^64, which spreads them evenly (Weyl, Über
    die Gleichverteilung von Zahlen mod. Eins, 1916): among n of them the share below a bound is off by some 2 / n,
    where that of a draw is off by 1 / sqrt(n).
    """
    later = mixed(hashes, np.ones_like(hashes)) + (places - np.uint64(1)) * _GOLDEN
    return np.where(places == 0, hashes, later)


def row_keys(contents: Sequence[Keys]) -> Keys:
    """Faster keys of rows by the `words` of their columns, which share nothing with `row_hashes`."""
    keys = np.zeros(len(contents[0]), dtype=np.uint64)
    for content in contents:
        keys = mixed(keys, content)
    return keys


def text_hashes(texts: Sequence[str]) -> Keys:
    """64 bits of BLAKE2b over each text; a text that repeats the one before is hashed once."""
    digests = bytearray()
    last, digest = None, b""
    for text in texts:
        if text != last:
            last = text
            digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        digests += digest
    return np.frombuffer(bytes(digests), dtype="<u8").astype(np.uint64)


def _number(level: Any) -> float:
    """The number that a level reads as; NaN for a text of another kind, and for None."""
    if not isinstance(level, str):
        return math.nan if level is None else float(level)
    text = level.strip()
    if text.casefold() in _BOOLEANS:
        return _BOOLEANS[text.casefold()]
    number = float(text) if NUMBER.fullmatch(text) else parse(text)
    return math.nan if number is None or not math.isfinite(number) else number


def mixed(keys: Keys, numbers: Keys) -> Keys:
    """Each key with its number, so that every bit of both moves half of the bits.

    The steps are those of SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014).
    """
    mixture = keys + numbers * _GOLDEN
    mixture = (mixture ^ (mixture >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixture = (mixture ^ (mixture >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixture ^ (mixture >> np.uint64(31)))
