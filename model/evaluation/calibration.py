"""How far predicted probabilities are from the shares that are observed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.evaluation.answers import Classified
from model.evaluation.resampling import ROUNDING, Vector

_MOST_BINS = 10
_ROWS_A_BIN = 10


@dataclass(frozen=True)
class Bin:
    """The rows whose score lies from *low* to *high*: their mean score, and the share that is of the class."""

    low: float
    high: float
    rows: int
    predicted: float
    observed: float

    def document(self) -> dict[str, Any]:
        """The bin as the manifest records it."""
        return asdict(self)


def scored(actual: NDArray[Any], answers: Classified, positive: int | None) -> tuple[Vector, NDArray[np.bool_]]:
    """The probability of each row that is asked for, and whether it came true: that of the *positive* class.

    Without one it is the probability of the likeliest class.
    """
    if answers.probabilities is None:
        raise ValueError("a classifier without probabilities has no calibration")
    if positive is not None:
        return answers.probabilities[:, positive], actual == positive
    likeliest = np.argmax(answers.probabilities, axis=1)
    return answers.probabilities[np.arange(len(likeliest)), likeliest], actual == likeliest


def reliability(
    actual: NDArray[Any], answers: Classified, positive: int | None, weights: Vector | None = None
) -> list[Bin]:
    """Bins of about equally many rows by their score, as `scored` gives it; none where there are no probabilities.

    Args:
        weights: How many instances each row stands for, 1 by default; means and shares are those of the instances.
    """
    if answers.probabilities is None or np.isnan(answers.probabilities).any() or not len(actual):
        return []
    scores, hit = scored(actual, answers, positive)
    weights = np.ones(len(scores)) if weights is None else weights
    bin_of = _bins(scores)
    parts = [bin_of == number for number in np.unique(bin_of)]
    return [
        Bin(
            float(scores[part].min()),
            float(scores[part].max()),
            int(part.sum()),
            float(np.average(scores[part], weights=weights[part])),
            float(np.average(hit[part], weights=weights[part])),
        )
        for part in parts
    ]


def squared_error(scores: Vector, hit: NDArray[np.bool_]) -> Callable[[Vector], Vector]:
    """Put rows into bins once; gives a function of counts, whole or not, of shape (n_counts, n_rows).

    It returns the squared calibration error, the mean over rows of (predicted - observed)² of their bin, less its
    expectation for observed shares of so few rows: Kumar, Liang and Ma, Verified Uncertainty Calibration, NeurIPS 2019,
    section 4. It is unbiased, so it may lie below 0. The number of rows in a bin is Kish's effective one, which a
    resample halves: the noise that resampling adds is taken off with that of the sample.
    """
    bin_of = _bins(scores)
    bins = (bin_of[:, None] == np.unique(bin_of)).astype(np.float64)

    def measure(counts: Vector) -> Vector:
        rows = counts @ bins
        some = np.where(rows > 0, rows, 1.0)
        observed = counts @ (bins * hit[:, None]) / some
        squares = (counts @ (bins * scores[:, None]) / some - observed) ** 2
        effective = rows**2 / np.maximum((counts**2) @ bins, ROUNDING)
        noise = observed * (1 - observed) / np.maximum(effective - 1, ROUNDING)
        told = np.where(effective > 1 + ROUNDING, squares - noise, 0.0)  # one row tells nothing
        squared: Vector = (rows * told).sum(axis=1) / rows.sum(axis=1)
        return squared

    return measure


def _bins(scores: Vector) -> NDArray[np.intp]:
    """The bin of each row: up to ten of about equally many rows, some ten at least; equal scores stay together."""
    count = min(_MOST_BINS, max(1, len(scores) // _ROWS_A_BIN))
    if not len(scores) or np.isnan(scores).any():
        return np.zeros(len(scores), np.intp)
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, count + 1)[1:-1], method="higher"))
    return np.searchsorted(edges, scores, side="right")
