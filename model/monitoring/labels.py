"""Labels of captured predictions: by key, ready to be joined, and the count of those that were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.columns.schema import Level
from model.data.hashing import Keys
from model.monitoring.keys import column_keys, row_keys


@dataclass(frozen=True)
class KeyedLabels:
    """The actual value of each distinct (request_id, row), or of each distinct cell of the model's key column.

    Args:
        keys: As `row_keys` or `column_keys` gives them, sorted.
        values: Numbers, or places among *classes*; NaN where labels of one key contradict each other.
        repeated: Labels that repeat another one.
        conflicting: Labels that contradict another one.
        classes: The labels of the classifier that they belong to; empty for a regression.
        by_column: They belong to cells of the key column.
    """

    keys: Keys
    values: NDArray[np.float64]
    repeated: int
    conflicting: int
    classes: tuple[Level, ...] = ()
    by_column: bool = False


@dataclass(frozen=True)
class LabelCounts:
    """The fate of the labels in *source*; *example* shows the first unusable one, and where it stands.

    *lost* are the classes that lack labels, since theirs are spelled otherwise.
    """

    source: str
    labels: int
    matched: int
    unmatched: int
    repeated: int
    conflicting: int
    unusable: int
    example: str
    lost: tuple[Level, ...] = ()


def keyed(
    ids: Sequence[str],
    rows: Sequence[int],
    values: Sequence[float],
    classes: tuple[Level, ...] = (),
    *,
    by_column: bool = False,
) -> KeyedLabels:
    """Labels of (id, row) pairs by key, each once; *values* are places among *classes* where there are any.

    Args:
        by_column: The ids are cells of the model's key column, and rows do not count.
    """
    keys, actual = column_keys(ids) if by_column else row_keys(ids, rows), np.array(values, dtype=np.float64)
    distinct, place, times = np.unique(keys, return_inverse=True, return_counts=True)
    least, most = np.full(len(distinct), np.inf), np.full(len(distinct), -np.inf)
    np.minimum.at(least, place, actual)
    np.maximum.at(most, place, actual)
    agree = least == most
    repeated, conflicting = int((times[agree] - 1).sum()), int(times[~agree].sum())
    return KeyedLabels(distinct, np.where(agree, least, np.nan), repeated, conflicting, classes, by_column)
