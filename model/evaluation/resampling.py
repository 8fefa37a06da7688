"""Resampling of rows with replacement, and the interval that decides whether a mean is above 0.

A resample of many rows draws from a random part of them, and its spread is scaled to the whole: an interval of
millions of rows costs as much as one of 10,000.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

REPLICATES = 10_000  # the level of an interval is off by 0.2 percentage points; with 2,000 it is off by 0.5

MOST_ROWS_DRAWN = 10_000

_MOST_UNSEEN = 2.0
_SMALL_SAMPLE = 75

ROUNDING = 1e-12  # residue of rounding in place of 0, beside a variance of 1

_CELLS_AT_ONCE = 2_000_000

Vector = NDArray[np.float64]


class MeanInterval(NamedTuple):
    """Means of samples with their intervals: arrays of shape (n_samples,).

    Args:
        reached: The highest confidence from 0 to 1 whose interval lies above 0 whole; 0 where all rows are 0.
    """

    mean: Vector
    low: Vector
    high: Vector
    reached: Vector


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def mean_above_zero(
    samples: Vector,
    *,
    confidence: float,
    seed: int,
    replicates: int = REPLICATES,
    done: Callable[[], None] = lambda: None,
) -> MeanInterval:
    """Mean of each sample (a row of *samples*), its interval, and the confidence that the mean is above 0.

    The interval is that of `_interval`; a sample with losses is given one loss more first, which stands for the rows
    that it does not hold (`_unseen_loss`). *done* is called after each batch of replicates.
    """
    loss = _unseen_loss(samples)
    result = MeanInterval(*(np.empty(len(samples)) for _ in MeanInterval._fields))
    for which, rows in (
        (loss <= 0, samples),
        (loss > 0, np.concatenate([samples, -loss[:, None]], axis=1)),
    ):
        if which.any():
            part = _interval(rows[which], confidence, replicates, np.random.default_rng(seed), done)
            for whole, values in zip(result, part, strict=True):
                whole[which] = values
    return result._replace(mean=samples.mean(axis=1))


def _unseen_loss(samples: Vector) -> Vector:
    """The loss of one row more: up to twice the largest one there is, shape (n_samples,).

    Losses that are rare and large are missing from many samples, and the rest then looks surer than it is. The
    largest loss is scaled by 75 / n_rows, since a small sample misses more, or by how far it stands out beside the
    third. A sample without any loss tells nothing of losses, and gets none. tests/bench/gate.py prints the
    effect: at 400 rows such models are promoted half as often, and a gain of 20 % is found in 88 of 100 with 200 rows.
    """
    rows = samples.shape[1]
    worst = np.partition(samples, min(2, rows - 1), axis=1)[:, :3]
    losses = np.maximum(-np.sort(worst, axis=1), 0.0)
    largest, third = losses[:, 0], losses[:, -1]
    standing_out = np.where(third > 0, 2 * (largest / np.where(third > 0, third, 1.0) - 1.5), _MOST_UNSEEN)
    scaled: Vector = largest * np.clip(np.maximum(standing_out, _SMALL_SAMPLE / rows), 0.0, _MOST_UNSEEN)
    return scaled


def _interval(
    samples: Vector, confidence: float, replicates: int, rng: np.random.Generator, done: Callable[[], None]
) -> MeanInterval:
    """The studentised bootstrap interval of each mean.

    Each end is the farther one of two: the equal-tailed bootstrap-t interval (Efron and Tibshirani, An Introduction
    to the Bootstrap, 1993) and the symmetric one (Hall, On symmetric bootstrap confidence intervals, J. R. Stat.
    Soc. B 50, 1988). Squared errors are skewed and held-out rows are few: a percentile interval promises too much
    where the new model is usually a little better and seldom much worse, and the equal-tailed one alone believes in
    a gain that two or three rows made. tests/bench/gate.py prints how often each is wrong.
    """
    mean, error = samples.mean(axis=1), samples.std(axis=1) / math.sqrt(samples.shape[1])
    ratios = studentised(samples, replicates, rng, done)
    sizes = np.abs(ratios)
    symmetric, upper = (math.ceil(share * (replicates + 1)) for share in (confidence, (1 + confidence) / 2))
    farthest = _smallest(sizes, symmetric)
    below = np.maximum(_smallest(ratios, upper), farthest)
    above = np.maximum(_smallest(-ratios, upper), farthest)
    observed = np.where(error > 0, mean / error, np.where(mean == 0, 0.0, np.copysign(np.inf, mean)))
    low = np.where(error > 0, mean - below * error, mean)
    high = np.where(error > 0, mean + above * error, mean)
    tails = (ratios < observed[:, None]).sum(axis=1) / (replicates + 1)
    middle = (sizes < observed[:, None]).sum(axis=1) / (replicates + 1)
    return MeanInterval(mean, low, high, np.clip(np.minimum(2 * tails - 1, middle), 0.0, 1.0))


def batches(rows: int, replicates: int) -> int:
    """The number of arrays that `resamples` makes, at least 1, for a bar of progress."""
    return max(1, math.ceil(replicates / _at_once(min(rows, MOST_ROWS_DRAWN))))


def resamples(rows: int, replicates: int, rng: np.random.Generator) -> Iterator[Vector]:
    """How often each of *rows* is drawn, with replacement: arrays of shape (some replicates, n_rows)."""
    at_once = _at_once(rows)
    for start in range(0, replicates, at_once):
        many = min(at_once, replicates - start)
        cells = rng.integers(0, rows, (many, rows)) + np.arange(many)[:, None] * rows
        yield np.bincount(cells.ravel(), minlength=many * rows).reshape(many, rows).astype(np.float64)


def _at_once(rows: int) -> int:
    return max(1, _CELLS_AT_ONCE // max(1, rows))


def drawn(rows: int, rng: np.random.Generator, weights: Vector | None = None) -> tuple[NDArray[np.intp] | slice, float]:
    """The rows to resample, and the factor that brings their spread to that of all *rows*.

    Where not all are taken, *weights* are the chances to be, and the rows taken count alike; all *rows* then say as
    much as Kish's effective number of them (Survey Sampling, 1965).
    """
    if rows <= MOST_ROWS_DRAWN:
        return slice(None), 1.0
    if weights is not None:
        chances = weights / weights.sum()
        effective = 1 / float((chances**2).sum())
        return np.sort(rng.choice(rows, MOST_ROWS_DRAWN, p=chances)), math.sqrt(MOST_ROWS_DRAWN / effective)
    return np.sort(rng.choice(rows, MOST_ROWS_DRAWN, replace=False)), math.sqrt(MOST_ROWS_DRAWN / rows)


def studentised(
    samples: Vector, replicates: int, rng: np.random.Generator, done: Callable[[], None] = lambda: None
) -> Vector:
    """By how many standard errors the mean of each resample is off: shape (n_samples, replicates)."""
    part, _ = drawn(samples.shape[1], rng)
    centred = samples[:, part] - samples[:, part].mean(axis=1, keepdims=True)
    rows, spread = centred.shape[1], centred.std(axis=1, keepdims=True)
    centred = centred / np.where(spread > 0, spread, 1.0)
    pieces = []
    for counts in resamples(rows, replicates, rng):
        means = centred @ counts.T / rows
        variances = (centred**2) @ counts.T / rows - means**2
        # A draw of equal values has no spread, so its ratio is as far out as can be.
        usable = variances > ROUNDING
        away = np.where(np.abs(means) > ROUNDING, np.copysign(np.inf, means), 0.0)
        pieces.append(np.where(usable, means / np.sqrt(np.where(usable, variances, 1.0) / rows), away))
        done()
    return np.concatenate(pieces, axis=1)


def _smallest(values: Vector, rank: int) -> Vector:
    """The value at *rank* in each row, from 1; infinite beyond the last: there are too few replicates to tell."""
    if rank > values.shape[1]:
        return np.full(len(values), np.inf)
    ranked: Vector = np.partition(values, rank - 1, axis=1)[:, rank - 1]
    return ranked
