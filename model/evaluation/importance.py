"""How much the loss grows on held-out rows when the cells of one feature are shuffled among them.

This is permutation importance: Breiman, Random Forests, Machine Learning 45 (2001), section 10. It tells how much the
model relies on a feature, not how much the target depends on it: of two features that say the same, each may look idle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from functions.columns.table import Table
from model.evaluation.metrics import QUIET, Score, finite
from model.evaluation.resampling import Vector, resamples

MOST_ROWS = 1_000
"""Held-out rows that are shuffled; of more a random part, the same each time."""

REPEATS = 5
"""How often each feature is shuffled, where the time allows."""

_REPLICATES = 1_000
_MOST_NAMED = 10
_DIGITS = 6

Losses = Callable[[Table], Vector]
"""From rows to the loss of each, shape (n_rows,); NaN where the model does not answer."""


@dataclass(frozen=True)
class Growth:
    """How much the loss grows without *feature*, and after how many shuffles; a score of None after none."""

    feature: str
    score: Score
    repeats: int

    def document(self) -> dict[str, Any]:
        """The feature's entry in the manifest."""
        ends = {name: _rounded(value) for name, value in self.score.document().items()}
        return {"feature": self.feature, **ends, "repeats": self.repeats}


@dataclass(frozen=True)
class Importance:
    """The growth of *loss* for each feature, in the order of the features.

    Args:
        loss: rmse, in the target's unit; log_loss, in nats; or error_rate.
        rows: Held-out rows that were shuffled.
        repeats: Shuffles of each feature that were wanted.
        seconds: The time that they could take.
    """

    loss: str
    rows: int
    repeats: int
    seconds: float
    features: Sequence[Growth]

    def document(self) -> dict[str, Any]:
        """The manifest's `importance`."""
        return {
            "loss": self.loss,
            "rows": self.rows,
            "repeats": self.repeats,
            "seconds": self.seconds,
            "features": [growth.document() for growth in self.features],
        }

    @property
    def left_out(self) -> str:
        """The shuffles that the time did not suffice for, as a sentence; "" if it did, or if none were wanted."""
        if not self.seconds:
            return ""
        missing = [growth.feature for growth in self.features if not growth.repeats]
        fewest = min((growth.repeats for growth in self.features if growth.repeats), default=0)
        if not missing and fewest in {0, self.repeats}:
            return ""
        more = len(missing) - _MOST_NAMED
        named = ", ".join(missing[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        parts = [f"{len(missing)} of {len(self.features)} features were not shuffled ({named})"] if missing else []
        if fewest < self.repeats and fewest:
            parts.append(f"some were shuffled {fewest} times in place of {self.repeats}")
        return f"{self.seconds:g} seconds did not suffice for the importance of features: {', and '.join(parts)}"


def steps(rows: int, features: int) -> int:
    """The number of shuffles, for a bar of progress."""
    return REPEATS * features if rows else 0


def sample(rows: int, seed: int) -> Any:
    """The held-out rows to shuffle: their numbers, ascending."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:MOST_ROWS])


@QUIET
def importance(
    table: Table,
    losses: Losses,
    names: Sequence[str],
    *,
    loss: str,
    confidence: float,
    seed: int,
    within_seconds: float,
    clock: Callable[[], float] = time.monotonic,
    done: Callable[[], None] = lambda: None,
) -> Importance:
    """Shuffle each column of *table* REPEATS times, first all of them once, and measure how much *losses* grow.

    The interval is a percentile bootstrap over the rows, each with the mean of its losses over the shuffles. For
    *loss* "rmse" *losses* are squared errors, and the growth is that of the root of their mean. A figure that is not
    finite is None. No shuffle begins later than *within_seconds* after the call. *done* is called after each one.
    """
    ends_at = clock() + within_seconds
    columns, plain = table.columns, losses(table)
    sums, repeats = np.zeros((len(names), len(table))), [0] * len(names)
    for repeat in range(REPEATS if len(table) else 0):
        for place in range(len(names)):
            if clock() >= ends_at:
                break
            order = np.random.default_rng((seed, repeat, place)).permutation(len(table))
            shuffled = [*columns[:place], columns[place][order], *columns[place + 1 :]]
            sums[place] += losses(Table(shuffled)) - plain
            repeats[place] += 1
            done()
    grown = _growths(
        plain, sums / np.array(repeats, np.float64)[:, None], root=loss == "rmse", confidence=confidence, seed=seed
    )
    features = [Growth(*each) for each in zip(names, grown, repeats, strict=True)]
    return Importance(loss, len(table), REPEATS, within_seconds, features)


def _growths(plain: Vector, added: Vector, *, root: bool, confidence: float, seed: int) -> list[Score]:
    """Growth of the mean of *plain* by each sample (a row of *added*), with its interval."""
    rows = len(plain)
    if not rows:
        return [Score()] * len(added)

    def growth(counts: Vector) -> Vector:
        before, grown = (counts @ plain / rows)[:, None], counts @ added.T / rows
        return np.sqrt(before + grown) - np.sqrt(before) if root else np.asarray(grown)

    value = growth(np.ones((1, rows)))[0]
    drawn = np.concatenate([growth(counts) for counts in resamples(rows, _REPLICATES, np.random.default_rng(seed))])
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return [Score(*map(finite, ends)) for ends in zip(value.tolist(), low.tolist(), high.tolist(), strict=True)]


def _rounded(value: float | None) -> float | None:
    """Digits that a reader needs: the manifest of a wide table travels with each cold start."""
    return None if value is None else float(f"{value:.{_DIGITS}g}")
