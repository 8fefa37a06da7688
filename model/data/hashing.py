"""64-bit hashes of rows, of texts and of pairs: made and mixed in this one place."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Keys: TypeAlias = NDArray[np.uint64]
Vector: TypeAlias = NDArray[np.float64]

_CHUNK_ROWS = 65_536
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio


def row_hashes(columns: Sequence[Vector]) -> Keys:
    """64 bits of BLAKE2b over the values of each row, in the order of *columns*; -0.0 counts as 0.0.

    Splits of versions that are published rest on these bits: they never change.
    """
    rows = len(columns[0])
    width = 8 * len(columns)
    digests = bytearray()
    for start in range(0, rows, _CHUNK_ROWS):
        piece = np.column_stack([column[start : start + _CHUNK_ROWS] for column in columns])
        packed = (piece + 0.0).astype("<f8").tobytes()
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


def row_keys(columns: Sequence[Vector]) -> Keys:
    """Faster keys of the same rows, which share nothing with `row_hashes`; -0.0 counts as 0.0."""
    keys = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        keys = mixed(keys, (column + 0.0).view(np.uint64))
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


def mixed(keys: Keys, numbers: Keys) -> Keys:
    """Each key with its number, so that every bit of both moves half of the bits.

    The steps are those of SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014).
    """
    mixture = keys + numbers * _GOLDEN
    mixture = (mixture ^ (mixture >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixture = (mixture ^ (mixture >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixture ^ (mixture >> np.uint64(31)))
