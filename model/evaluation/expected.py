"""The loss that a classifier's own probabilities expect of each row, and whether more is beyond chance.

Rows near one half lose more than others, and a model that is sure of itself is rarely wrong: so a part of the rows is
not judged by the loss of the whole, but by the loss that its probabilities let expect there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.evaluation.class_losses import clipped
from model.evaluation.resampling import Vector

_TILTS = np.geomspace(0.05, 2.0, 12)
_STEEPEST = 16.0
_FLATTEST = 0.05
_HALVINGS = 30
_LARGEST_ODDS = np.geomspace(0.05, 10.0, 12)


@dataclass(frozen=True)
class Expected:
    """The expected loss of rows, and how likely each larger one is.

    Args:
        losses: The loss of each row; shape (n_rows,).
        expected: The loss that is expected of it.
        tilts: Exponents t at which the chance is bounded; shape (n_tilts,).
        moments: The logarithm of the expected exp(t · loss) of each row; shape (n_rows, n_tilts).
    """

    losses: Vector
    expected: Vector
    tilts: Vector
    moments: Vector

    def ratio(self, part: NDArray[np.bool_]) -> float:
        """The loss of *part*, a mask, by the expected one."""
        return float(self.losses[part].mean() / self.expected[part].mean())

    def chance(self, part: NDArray[np.bool_]) -> float:
        """The largest chance of so large a loss on *part*: Chernoff's bound (Ann. Math. Stat. 23, 1952).

        A normal approximation would call one surprise in ten rows of probability 0.999 as rare as nine standard
        deviations, and it comes in one of a hundred such slices.
        """
        exponents = self.moments[part].sum(axis=0) - self.tilts * self.losses[part].sum()
        return math.exp(min(0.0, float(exponents.min()))) if np.isfinite(exponents).all() else math.nan


def expected_log_loss(losses: Vector, probabilities: Vector) -> Expected:
    """What *probabilities* let expect, shape (n_rows, n_classes), raised to the power by which they fit the whole.

    With that one power the expected loss of all rows is that of all rows, so a part is compared with the whole: a model
    that is too sure, or not sure enough, everywhere is not worse on any part of the rows. For calibrated probabilities
    the power is 1, and the expected loss is their entropy.
    """
    logarithms = np.log(clipped(probabilities))
    low, high = 0.0, _STEEPEST
    for _ in range(_HALVINGS if np.isfinite(logarithms).all() and len(losses) else 0):
        middle = (low + high) / 2
        if _cross_entropy(logarithms, middle).mean() > losses.mean():
            low = middle
        else:
            high = middle
    power = (low + high) / 2
    tilts = _TILTS * max(power, _FLATTEST)
    total = _sum_of_exponentials(power * logarithms)
    moments = np.column_stack([_sum_of_exponentials((power - tilt) * logarithms) - total for tilt in tilts])
    return Expected(losses, _cross_entropy(logarithms, power), tilts, moments)


def expected_errors(losses: Vector) -> Expected:
    """The share of wrong labels among all rows, expected of each; half a wrong row where there is none."""
    rows = len(losses)
    share = min(max(float(losses.mean()), 0.5 / rows), 1 - 0.5 / rows) if rows else math.nan
    moments = np.log1p(share * np.expm1(_LARGEST_ODDS))
    return Expected(losses, np.full(rows, share), _LARGEST_ODDS, np.tile(moments, (rows, 1)))


def chance_of_errors(wrong: Vector, share: float) -> float:
    """The largest chance of so many *wrong* labels (1, else 0) if *share* of them is expected: Chernoff's bound."""
    found = float(wrong.mean())
    if found <= share:
        return 1.0
    if not share:
        return 0.0
    divergence = found * math.log(found / share)
    divergence += (1 - found) * math.log((1 - found) / (1 - share)) if found < 1 else 0.0
    return math.exp(-len(wrong) * divergence)


def chance_of_more(differences: Vector) -> float:
    """The chance of a mean so far above 0 if the true one is 0: Student's t by Wallace's approximation (1959)."""
    rows, mean = len(differences), float(differences.mean())
    if rows < 2 or not mean > 0:  # noqa: PLR2004 - one row has no spread
        return 1.0 if mean <= 0 or rows < 2 else math.nan  # noqa: PLR2004
    freedom, spread = rows - 1, float(differences.std(ddof=1))
    if not spread:
        return 0.0
    squared = (mean / spread) ** 2 * rows
    z = math.sqrt(freedom * math.log1p(squared / freedom)) * (8 * freedom + 1) / (8 * freedom + 3)
    return math.erfc(z / math.sqrt(2)) / 2


def _cross_entropy(logarithms: Vector, power: float) -> Vector:
    """The loss that is expected of each row if its probabilities are those with *logarithms*, to the *power*."""
    raised = power * logarithms
    weights = np.exp(raised - raised.max(axis=1, keepdims=True))
    cross: Vector = -(weights * logarithms).sum(axis=1) / weights.sum(axis=1)
    return cross


def _sum_of_exponentials(exponents: Vector) -> Vector:
    """The logarithm of the sum over classes."""
    largest = exponents.max(axis=1)
    sums: Vector = largest + np.log(np.exp(exponents - largest[:, None]).sum(axis=1))
    return sums
