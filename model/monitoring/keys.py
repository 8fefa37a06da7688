"""64-bit keys of captured rows, and sets of them in little memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.data.hashing import Keys, mixed, text_hashes
from model.monitoring.row_values import as_logged


def row_keys(ids: Sequence[str], rows: Sequence[int] | NDArray[np.int64]) -> Keys:
    """A key for each (request_id, row).

    Two of n pairs meet by chance with probability n² / 2^65: ten million rows do so once in 370,000 logs.
    """
    return with_rows(text_hashes(ids), rows)


def with_rows(ids: Keys, rows: Sequence[int] | NDArray[np.int64]) -> Keys:
    """The key of each row, from the hash of its request_id."""
    return mixed(ids, np.asarray(rows, dtype=np.int64).astype(np.uint64))


def column_keys(cells: Sequence[str]) -> Keys:
    """A key for each cell of the model's key column, as `column_text` writes it; a long one as the functions log it."""
    return text_hashes([as_logged(cell) for cell in cells])


def column_text(cell: object) -> str:
    """A cell of the key column as a text: 7, 7.0 and "7" are one; empty for a missing one, and for what is none."""
    match cell:
        case bool():
            return str(cell).lower()
        case float() if not cell.is_integer():
            return repr(cell)
        case int() | float():
            return str(int(cell))
        case str():
            return cell.strip()
    return ""


class DistinctKeys:
    """A set of keys in sorted arrays, each at least twice as long as the next: 8 bytes a key."""

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def add(self, keys: Keys) -> NDArray[np.bool_]:
        """Make *keys* members; True where a key is new, and first among its equals."""
        ordered, places = np.unique(keys, return_index=True)
        new = np.ones(len(ordered), dtype=np.bool_)
        for run in self._runs:
            at = np.searchsorted(run, ordered)
            new &= run[np.minimum(at, len(run) - 1)] != ordered
        fresh = ordered[new]
        if len(fresh):
            self._runs.append(fresh)
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            merged = np.concatenate([self._runs.pop(), self._runs.pop()])
            merged.sort(kind="stable")  # finds the two runs and merges them
            self._runs.append(merged)
        first = np.zeros(len(keys), dtype=np.bool_)
        first[places[new]] = True
        return first
