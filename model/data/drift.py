"""Whether a column moved: how far two distributions lie apart, and how much of that chance explains. Pure.

This is the one criterion of validation, of `retrain` and of `monitor`. Two figures decide, each against the same two
thresholds, and the worse one wins:

* the Jensen-Shannon divergence (log base 2, 0 to 1) over bins between the deciles of the training rows, and
* the normed Wasserstein distance: how far the mass must be moved on average, in standard deviations of training.

Neither alone is enough. Half a standard deviation of shift is 0.5 by Wasserstein and 0.04 by Jensen-Shannon, below
any threshold in use; a feature whose standard deviation is made by a few huge values hardly moves by Wasserstein and
does by Jensen-Shannon. The population stability index and Kolmogorov-Smirnov's statistic are shown beside them and
decide nothing: the first says what the divergence says on a scale without end, the second calls any difference
significant once there are enough rows.

The shares of the classes that a classifier predicts are judged by a figure of their own: the largest change of a share,
in standard deviations of training as well, |p - q| / sqrt(q (1 - q)). A class in 15 of 100 answers that was in 10 is
0.17 by it, and 0.004 bits.

Differences within sampling noise are never reported: a figure counts from the larger of its threshold and the limit
that samples of so many rows, without any drift, exceed in FALSE_SHARE of all comparisons, all figures of all columns
together (Bonferroni). For the divergence that limit is (1/n + 1/m) chi²(k - 1) / (8 ln 2), the divergence being an
eighth of the chi-square distance where both are near (Lin, Divergence measures based on the Shannon entropy, 1991;
Endres and Schindelin, A new metric for probability distributions, 2003); for Wasserstein it is the quantile of
∫ |B(F)| dx over Brownian bridges B (del Barrio, Giné and Matrán, Central limit theorems for the Wasserstein distance,
1999); for a share it is a normal's quantile with the first term of Cornish and Fisher's expansion.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from model.data.share_change import largest_share_change
from model.data.statistics import PARTS, means_of_parts

Document = Mapping[str, Any]
Vector = NDArray[np.float64]
Counts = NDArray[np.int64]

FALSE_SHARE = 0.01
"""Share of comparisons without drift, each over all columns, in which chance may bring a finding."""
OK, WARN, ALERT = "ok", "warn", "alert"
KS_MOST_ROWS = 1_000
"""With more rows Kolmogorov-Smirnov calls differences significant that nobody would act on; Evidently
ends there too."""
_BRIDGES = 20_000
_FEWEST_BEYOND = 20  # bridges beyond a quantile that is read off; farther out it is extrapolated
_LEAST_QUANTILES = 3
_EIGHTH = 8 * math.log(2)


@dataclass(frozen=True)
class Distances:
    """How far the rows of a column lie from other rows; each `…_chance` is the limit that chance alone may reach.

    Args:
        jensen_shannon: Divergence in bits, 0 to 1.
        population_stability, kolmogorov_smirnov: Shown, and decide nothing.
        wasserstein: In standard deviations of training; None where training is known by its deciles alone.
        share_change: Of predicted classes: the largest change of a share, in standard deviations of training; where it
            is there, it decides alone.
    """

    jensen_shannon: float
    jensen_shannon_chance: float
    population_stability: float
    wasserstein: float | None = None
    wasserstein_chance: float | None = None
    kolmogorov_smirnov: float | None = None
    kolmogorov_smirnov_p: float | None = None
    share_change: float | None = None
    share_change_chance: float | None = None


@dataclass(frozen=True)
class Weighting:
    """Rows of a column that do not all count alike.

    Args:
        weights: How many rows each value of the sample stands for; shape (n_values,).
        rows: How many rows of equal weight say as much as all of the column (`effective_rows`).
    """

    weights: Vector
    rows: float


Figure = Literal["", "wasserstein", "jensen_shannon", "share_change"]


@dataclass(frozen=True)
class Movement:
    """The answer to "did this column move?": *figure* decided, with *value* against *limit*."""

    level: Literal["ok", "warn", "alert"]
    figure: Figure
    value: float
    limit: float

    def __str__(self) -> str:
        return f"{self.value:.2g} {'bits' if self.figure == 'jensen_shannon' else 'standard deviations'}"


def movement(distances: Distances | None, *, warn: float, alert: float) -> Movement:
    """Judge *distances* against both thresholds; a column of which nothing is known did not move."""
    if distances is None:
        return Movement("ok", "", 0.0, math.inf)
    figures: list[tuple[Figure, float | None, float | None]] = [
        ("wasserstein", distances.wasserstein, distances.wasserstein_chance),
        ("jensen_shannon", distances.jensen_shannon, distances.jensen_shannon_chance),
    ]
    if distances.share_change is not None:
        figures = [("share_change", distances.share_change, distances.share_change_chance)]
    levels: tuple[tuple[Literal["alert", "warn"], float], ...] = (("alert", alert), ("warn", warn))
    for level, threshold in levels:
        reached = []
        for name, value, chance in figures:
            limit = max(threshold, chance or 0.0)
            if value is not None and value >= limit:
                reached.append((value / limit, Movement(level, name, value, limit)))
        if reached:
            return max(reached, key=lambda pair: pair[0])[1]
    return Movement("ok", "", 0.0, warn)


def counts_between(values: Vector, edges: Vector) -> Counts:
    """Rows in each cell around *edges*: below the first, equal to it, between it and the second, …"""
    cells = np.searchsorted(edges, values, "left") + np.searchsorted(edges, values, "right")
    return np.bincount(cells, minlength=2 * len(edges) + 1)


def columns(document: Document) -> list[Document]:
    """The manifest's entry of each feature, in order, then that of the predictions, and of a classifier's score.

    An entry is `{}` where the manifest has none.
    """
    scored = score(document)
    return [*document["features"], document.get("prediction") or {}, *([] if scored is None else [scored])]


def score(document: Document) -> Document | None:
    """The entry of a classifier's score; None where it has no probabilities, `{}` where training's are not known.

    The score is the probability of the positive class of two, which the entry names as `class`, or that of the
    likeliest of several classes.
    """
    if not document.get("classes") or not document.get("probabilities"):
        return None
    if "positive" not in document:
        return document.get("top_score") or {}
    positive = document["positive"]
    own = (entry for entry in document.get("scores") or () if entry["class"] == positive)
    return next(own, {"class": positive})


def edges(entry: Document) -> Vector:
    """The inner quantiles of a column, each once: where its bins meet. Empty if the manifest does not tell enough.

    A category's are the places of its levels; a level that training never saw lies beyond them. A time has none.
    """
    if "levels" in entry:
        return np.arange(len(entry["levels"]), dtype=np.float64)
    if entry.get("kind") == "time":  # times go on, so they lie elsewhere by nature
        return np.empty(0)
    quantiles = _numbers(entry.get("quantiles"))
    return np.unique(quantiles[1:-1]) if len(quantiles) >= _LEAST_QUANTILES else np.empty(0)


def fiftieths(entry: Document) -> Vector | None:
    """The means of fifty equal parts of the sorted training rows, from the manifest; None if it does not tell."""
    kept = _numbers(entry.get("fiftieths"))
    return kept if len(kept) >= _LEAST_QUANTILES else None


def jensen_shannon(p: Vector, q: Vector) -> float:
    """Divergence in bits, from 0 (equal) to 1 (nothing in common); the square of SciPy's `jensenshannon`, base 2."""
    middle = (p + q) / 2
    parts = [np.where(side > 0, side * np.log2(np.where(side > 0, side, 1) / np.where(middle > 0, middle, 1)), 0.0)
             for side in (p, q)]  # fmt: skip
    return max(0.0, float(parts[0].sum() + parts[1].sum()) / 2)


def stability(p: Vector, q: Vector, rows: float) -> float:
    """Population stability index Σ (p - q) ln(p / q), with half a row more in each bin so that none is empty."""
    shares = [(side * rows + 0.5) / (rows + 0.5 * len(side)) for side in (p, q)]
    return float(((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum())


def against_training(
    entry: Document,
    counts: Counts | Vector,
    sample: Vector,
    trained: int,
    chance: float,
    *,
    weighting: Weighting | None = None,
) -> Distances | None:
    """Distances of a column from the training rows that *entry* describes; None where it does not describe them.

    Args:
        counts: Rows around the `edges`, as `counts_between` gives them.
        sample: Values of the column; shape (n_rows,).
        trained: How many training rows there were.
        chance: Probability with which each limit may be exceeded without drift.
        weighting: For rows that count differently; *counts* are weighted then.
    """
    rows = weighting.rows if weighting else float(counts.sum())
    weights, quantiles = weighting.weights if weighting else None, _numbers(entry.get("quantiles"))
    if not rows or not len(sample) or not len(edges(entry)) or trained < 1:
        return None
    if "classes" in entry:
        here, there = counts[1::2] / counts.sum(), np.array(entry["shares"])
        return _between_classes(here, there, there, (rows, trained), chance)
    if "levels" in entry:
        seen = dict(enumerate(counts[1::2].tolist())) | {-1: float(counts[-1])}
        return between_levels(dict(enumerate(entry["shares"])), seen, trained, chance, rows=rows)
    levels = np.linspace(0, 1, len(quantiles))[1:-1]
    _, place = np.unique(quantiles[1:-1], return_inverse=True)
    cumulated = np.cumsum(counts) / counts.sum()
    # A quantile that many training rows equal may stand anywhere among those.
    reached = np.clip(levels, cumulated[2 * place], cumulated[2 * place + 1])
    expected = np.diff([0.0, *levels, 1.0])
    shares = np.diff([0.0, *reached, 1.0])
    more: dict[str, float] = {}
    means = fiftieths(entry)
    if means is not None and (entry.get("std") or 0) > 0:
        more = _wasserstein(sample, means, entry, others=trained, chance=chance, weights=weights)
        more |= _kolmogorov(sample, means, trained) if weights is None else {}
    return Distances(
        jensen_shannon(shares, expected),
        _divergence_chance([rows, trained], len(expected), chance),
        stability(shares, expected, rows),
        **more,
    )


def against_window(
    entry: Document,
    counts: Sequence[Counts | Vector],
    samples: Sequence[Vector],
    chance: float,
    *,
    weightings: Sequence[Weighting | None] = (None, None),
) -> Distances | None:
    """Distances of a column's window (first of *counts* and *samples*) from the one before (second); or None.

    Args:
        weightings: As in `against_training`.
    """
    pairs = list(zip(counts, weightings, strict=True))
    rows = [weighting.rows if weighting else float(cells.sum()) for cells, weighting in pairs]
    weights = [weighting.weights if weighting else None for weighting in weightings]
    if not all(rows) or not all(map(len, samples)) or not len(edges(entry)):
        return None
    shares = [cells / cells.sum() for cells in counts]
    if "classes" in entry:
        here, there = (cells[1::2] for cells in shares)
        return _between_classes(here, there, np.array(entry["shares"]), (rows[0], rows[1]), chance)
    filled = int(((counts[0] + counts[1]) > 0).sum())
    more: dict[str, float] = {}
    if (entry.get("std") or 0) > 0:
        means = means_of_parts(np.clip(samples[1], entry["minimum"], entry["maximum"]), PARTS, weights[1])
        others = effective_rows(samples[1], weights[1])
        more = _wasserstein(samples[0], means, entry, others=others, chance=chance, weights=weights[0])
        if weights[0] is None and weights[1] is None:
            more |= _kolmogorov(samples[0], np.sort(samples[1]), len(samples[1]))
    return Distances(
        jensen_shannon(shares[0], shares[1]),
        _divergence_chance(rows, filled, chance),
        stability(shares[0], shares[1], rows[0]),
        **more,
    )


def between_levels(
    shares: Mapping[Any, float], counts: Mapping[Any, float], trained: int, chance: float, *, rows: float | None = None
) -> Distances | None:
    """Distances of a category's rows from the training rows; None where there are no rows.

    Args:
        shares: Share of each level in the training rows.
        counts: Rows of each level here; those that training never saw count as one level more.
        trained, chance: As in `against_training`.
        rows: How many rows of equal weight say as much as these; by default as many as they are.
    """
    whole = float(sum(counts.values()))
    if not whole or not shares or trained < 1:
        return None
    rows = whole if rows is None else rows
    here = np.array([*(counts.get(level, 0) for level in shares), 0.0]) / whole
    here[-1] = max(0.0, 1.0 - here.sum())
    there = np.array([*shares.values(), 0.0])
    filled = int(((here > 0) | (there > 0)).sum())
    return Distances(
        jensen_shannon(here, there), _divergence_chance([rows, trained], filled, chance), stability(here, there, rows)
    )


def _between_classes(
    here: Vector, there: Vector, training: Vector, rows: tuple[float, float], chance: float
) -> Distances:
    """Distances of the shares of predicted classes *here* from those *there*, of so many *rows* each."""
    filled = int(((here > 0) | (there > 0)).sum())
    change, limit = largest_share_change(here, there, training, rows, chance)
    return Distances(
        jensen_shannon(here, there),
        _divergence_chance(rows, filled, chance),
        stability(here, there, rows[0]),
        share_change=change,
        share_change_chance=limit,
    )


def effective_rows(values: Vector, weights: Vector | None) -> float:
    """How many rows of equal weight say as much as *values* do (Kish, Survey Sampling, 1965)."""
    return float(len(values)) if weights is None else float(weights.sum() ** 2 / (weights**2).sum())


def _wasserstein(
    sample: Vector, means: Vector, entry: Document, *, others: float, chance: float, weights: Vector | None
) -> dict[str, float]:
    """The normed Wasserstein distance of *sample* from rows whose parts have *means*, and its limit by chance.

    The distance is that between the means of as many equal parts of both: it never exceeds the distance of all rows,
    and equals it where the order of the two does not change within a part. Values beyond the training range count
    as its ends: one wild value is no drift, and how many there are is a figure of its own. Chance goes by the shape
    of the training rows (of the others where that is not known) or by that of *sample*, the wider one.
    """
    from scipy.special import ndtri  # noqa: PLC0415 - other verbs need not wait for it
    from scipy.stats import wasserstein_distance  # noqa: PLC0415 - as above

    low, high, std = entry["minimum"], entry["maximum"], entry["std"]
    here = means_of_parts(np.clip(sample, low, high), len(means), weights)
    inverse = 1 / effective_rows(sample, weights) + 1 / others
    training = fiftieths(entry)
    shape = means if training is None else training
    # Without drift both are draws from one distribution, whose tail either may have missed: the wider one counts.
    reach = max(_bridge(own.tobytes(), low, high, chance) for own in (shape, here)) / std
    skewness = max(_skewness(own) for own in (shape, here))
    # Means of few skewed rows are farther out than a normal's: the first term of Cornish and Fisher's expansion.
    skewed = (ndtri(chance) ** 2 - 1) * skewness / 6 * inverse
    return {
        "wasserstein": float(wasserstein_distance(here, means)) / std,
        "wasserstein_chance": reach * math.sqrt(inverse) + skewed,
    }


def _skewness(values: Vector) -> float:
    scaled = (values - values.mean()) / (values.std() or 1.0)
    return abs(float((scaled**3).mean()))


@lru_cache(4096)
def _bridge(packed: bytes, low: float, high: float, chance: float) -> float:
    """The value of ∫ |B(F(x))| dx that Brownian bridges exceed with probability *chance*, F being that of *means*."""
    means = np.frombuffer(packed)
    areas = _bridges(len(means)) @ np.diff([low, *means, high])
    read = max(chance, _FEWEST_BEYOND / len(areas))
    place = len(areas) - max(1, round(read * len(areas)))
    value = float(np.partition(areas, place)[place])
    # Beyond, tails fall like a normal's or faster: P(> t) ~ exp(-t² / 2σ²).
    return value * math.sqrt(math.log(chance) / math.log(read))


@cache
def _bridges(parts: int) -> Vector:
    """|B| of Brownian bridges where one of *parts* ends and the next begins, and in the middle of the outer ones."""
    levels = np.array([0.25, *np.arange(1, parts), parts - 0.25]) / parts
    rng = np.random.default_rng(0)
    walks = np.cumsum(rng.normal(size=(_BRIDGES, len(levels))) * np.sqrt(np.diff([0.0, *levels])), axis=1)
    ends = walks[:, -1:] + rng.normal(size=(_BRIDGES, 1)) * math.sqrt(1 - levels[-1])
    return np.abs(walks - levels * ends)


def _kolmogorov(sample: Vector, reference: Vector, others: int) -> dict[str, float]:
    """Kolmogorov-Smirnov, where it is fair: few rows (KS_MOST_ROWS), and hardly two alike; else no figure."""
    if len(sample) > KS_MOST_ROWS:
        return {}
    if min(len(np.unique(values)) / len(values) for values in (sample, reference)) < 0.9:  # noqa: PLR2004 - a tenth
        return {}
    from scipy.stats import kstest, kstwobign  # noqa: PLC0415 - as above

    levels = (np.arange(len(reference)) + 0.5) / len(reference)
    test = kstest(sample, lambda x: np.interp(x, reference, levels, left=0.0, right=1.0), method="asymp")
    reach = math.sqrt(len(sample) * others / (len(sample) + others))
    return {
        "kolmogorov_smirnov": float(test.statistic),
        "kolmogorov_smirnov_p": float(kstwobign.sf(reach * test.statistic)),
    }


def _divergence_chance(rows: Sequence[float], bins: int, chance: float) -> float:
    from scipy.special import chdtri  # noqa: PLC0415 - as above

    return float(sum(1 / many for many in rows) * chdtri(max(1, bins - 1), chance)) / _EIGHTH


def _numbers(values: object) -> Vector:
    try:
        numbers = np.array(values if isinstance(values, list) else [], dtype=np.float64)
    except (TypeError, ValueError):
        return np.empty(0)
    return numbers if numbers.ndim == 1 and np.isfinite(numbers).all() else np.empty(0)
