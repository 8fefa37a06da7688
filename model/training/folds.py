"""The folds of a cross-validation: rows of one group stand together, classes keep their shares, times go forward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import CandidateError

Fold = tuple[NDArray[np.bool_], NDArray[np.bool_]]
"""The rows to fit, and those to score."""


def folds_of(
    groups: NDArray[Any],
    y: NDArray[Any],
    *,
    classes: bool,
    folds: int,
    seed: int,
    repeats: int = 1,
    times: NDArray[np.float64] | None = None,
) -> list[Fold]:
    """The folds of rows with these *groups*, shape (n_rows,).

    Args:
        classes: Whether *y* holds labels, of which each fold keeps the shares as far as groups allow.
        times: Where given, folds go forward in time, once.

    Raises:
        CandidateError: The groups, or times, are fewer than the folds.
    """
    if times is not None:
        return list(_forward(times, folds=folds))
    return list(_shuffled(groups, y if classes else None, folds=folds, repeats=repeats, seed=seed))


def _shuffled(
    groups: NDArray[Any], labels: NDArray[Any] | None, *, folds: int, repeats: int, seed: int
) -> Iterator[Fold]:
    """Each group once in each repeat, in folds of equally many."""
    different, first, group = np.unique(groups, return_index=True, return_inverse=True)
    if len(different) < folds:
        raise CandidateError(f"{folds} folds need at least {folds} different training rows, got {len(different)}")
    for repeat in range(repeats):
        order = np.random.default_rng([seed, repeat]).permutation(len(different))
        if labels is None:
            fold = order % folds
        else:  # class after class, so that each is dealt evenly
            dealt = np.lexsort((order, np.unique(labels[first], return_inverse=True)[1]))
            fold = np.empty(len(different), np.intp)
            fold[dealt] = np.arange(len(different)) % folds
        for number in range(folds):
            scored = (fold == number)[group]
            yield ~scored, scored


def _forward(times: NDArray[np.float64], *, folds: int) -> Iterator[Fold]:
    """Folds of nearly equally many rows, each later than the rows that are fitted; equal times stay together."""
    ordered = np.sort(times)
    starts = np.unique(ordered[np.arange(1, folds + 1) * len(ordered) // (folds + 1)])
    starts = starts[starts > ordered[0]] if len(ordered) else starts
    if len(starts) < folds:
        different = len(np.unique(times))
        raise CandidateError(f"{folds} folds forward in time need more than {folds} different times, got {different}")
    for start, end in zip(starts, [*starts[1:], np.inf], strict=True):
        yield times < start, (times >= start) & (times < end)
