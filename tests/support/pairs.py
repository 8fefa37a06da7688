"""Simulated pairs of models with a known truth: the squared error that the newer one saves, row by row.

Each family gives an array of shape (draws, rows) whose true mean is 0: the two models are equally good.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Pairs = NDArray[np.float64]


def _bent(rng: np.random.Generator, draws: int, rows: int, noise: Pairs) -> Pairs:
    """Two lines, one as much too steep as the other is too flat: errors e - a·x and e + a·x."""
    x = rng.normal(size=(draws, rows))
    return (noise - 0.2 * x) ** 2 - (noise + 0.2 * x) ** 2


def normal(rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    return _bent(rng, draws, rows, rng.normal(size=(draws, rows)))


def heavy_tails(rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    return _bent(rng, draws, rows, rng.standard_t(3, size=(draws, rows)))


def skewed(rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    """Targets are exponential; the newer model aims as far below their mean as the older above: often a bit better."""
    y = rng.exponential(1.0, (draws, rows)) - 1.0
    return (y - 0.25) ** 2 - (y + 0.25) ** 2


def very_skewed(rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    """The same with lognormal targets of skewness 6."""
    y = rng.lognormal(0.0, 1.0, (draws, rows)) - np.exp(0.5)
    return (y - 0.25) ** 2 - (y + 0.25) ** 2


def seldom_worse(rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    """The newer model is a little better on 19 rows of 20 and so much worse on the 20th that it comes to nothing."""
    bad = rng.random((draws, rows)) < 0.05
    noise = rng.normal(size=(draws, rows))
    return (noise + np.where(bad, 0.0, 0.3)) ** 2 - (noise + np.where(bad, 0.3 * np.sqrt(19.0), 0.0)) ** 2


EQUAL: dict[str, Callable[[np.random.Generator, int, int], Pairs]] = {
    "normal": normal,
    "heavy tails": heavy_tails,
    "skewed": skewed,
    "very skewed": very_skewed,
    "seldom worse": seldom_worse,
}


def tenfold(rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    """Contaminated normal errors: on 2 % of the rows the newer model's squared error is ten times as large."""
    noise, own = rng.normal(size=(2, draws, rows))
    bad = rng.random((draws, rows)) < 0.02
    return (noise + 3 * np.sqrt(0.02) * own) ** 2 - (noise + np.where(bad, 3 * own, 0.0)) ** 2


def chi_squared_losses(rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    """Gains spread by 1; on 2 % of the rows there are losses of 10 on average, some far larger."""
    bad = rng.random((draws, rows)) < 0.02
    noise, size = rng.normal(size=(2, draws, rows))
    return np.where(bad, -10 * size**2, noise) + 0.2


def losses_of_ten(rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    """Gains spread by 1; on 3 % of the rows they are lower by 10."""
    return rng.normal(size=(draws, rows)) - np.where(rng.random((draws, rows)) < 0.03, 10.0, 0.0) + 0.3


def bare_losses_of_ten(rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    """The same small gain on all rows but 3 %, which lose 10: 22 % of samples of 50 rows hold no loss at all."""
    return np.where(rng.random((draws, rows)) < 0.03, -10.0, 0.3 / 0.97)


RARE: dict[str, Callable[[np.random.Generator, int, int], Pairs]] = {
    "2 % lose tenfold": tenfold,
    "2 % lose chi-squared": chi_squared_losses,
    "3 % lose 10": losses_of_ten,
    "3 % lose 10, bare": bare_losses_of_ten,
}
"""Equally good as well, but the newer model's losses are rare and large."""


def better_by(share: float, rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    """The newer model makes the noise alone; the older one's squared error is larger, so that *share* is saved."""
    noise, x = rng.normal(size=(2, draws, rows))
    return (noise + np.sqrt(share / (1.0 - share)) * x) ** 2 - noise**2


# Classes: log losses saved, of two models that see the true log odds through opposite faults; or wrong labels saved.


def _log_losses(logits: Pairs, labels: NDArray[np.bool_]) -> Pairs:
    return np.logaddexp(0.0, np.where(labels, -logits, logits))


def _opposed(rng: np.random.Generator, draws: int, rows: int, *, middle: float, spread: float) -> Pairs:
    """Log odds off by a·x and by -a·x: equally good, since x is symmetric."""
    z = middle + spread * rng.normal(size=(draws, rows))
    x = 0.5 * rng.normal(size=(draws, rows))
    labels = rng.random((draws, rows)) < 1 / (1 + np.exp(-z))
    return _log_losses(z - x, labels) - _log_losses(z + x, labels)


def imbalanced(rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    """About 5 % of the rows are positive."""
    return _opposed(rng, draws, rows, middle=-3.5, spread=1.0)


def separable(rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    """Nearly every probability is close to 0 or 1."""
    return _opposed(rng, draws, rows, middle=0.0, spread=8.0)


def noisy(rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    """Nearly every probability is close to one half."""
    return _opposed(rng, draws, rows, middle=0.0, spread=0.3)


def too_sure(rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    """The newer model's log odds are 1.5 times too large, the older one's 0.6085 of what they should be.

    Both expect the same log loss (found by quadrature): the newer is a bit better on most rows, and seldom much worse.
    """
    z = 2 * rng.normal(size=(draws, rows))
    labels = rng.random((draws, rows)) < 1 / (1 + np.exp(-z))
    return _log_losses(0.6085 * z, labels) - _log_losses(1.5 * z, labels)


def wrong_labels(rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    """Two models without probabilities whose labels differ on a tenth of the rows, each right on half of those."""
    return rng.choice([-1.0, 0.0, 1.0], p=[0.05, 0.9, 0.05], size=(draws, rows))


CLASSES: dict[str, Callable[[np.random.Generator, int, int], Pairs]] = {
    "5 % positive": imbalanced,
    "separable": separable,
    "noisy": noisy,
    "too sure": too_sure,
    "wrong labels": wrong_labels,
}
"""Equally good classifiers."""


def class_better_by(share: float, rng: np.random.Generator, draws: int, rows: int) -> Pairs:
    """The newer model knows the probabilities, 7 % of the rows positive; the older one sees log odds with noise.

    Args:
        share: Of the older one's log loss that the newer saves: 0.05, 0.1 or 0.2.
    """
    noise = {0.05: 0.612, 0.1: 0.879, 0.2: 1.289}[share]
    z = -3.5 + 1.5 * rng.normal(size=(draws, rows))
    labels = rng.random((draws, rows)) < 1 / (1 + np.exp(-z))
    return _log_losses(z + noise * rng.normal(size=(draws, rows)), labels) - _log_losses(z, labels)
