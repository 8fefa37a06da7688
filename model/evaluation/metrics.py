"""How good predictions are on held-out rows: metrics with intervals, by slices, residuals, and against another model.

Intervals come from resampling rows with replacement. Of more rows than are drawn at once, a random part is drawn
and the spread is scaled to the whole: an interval of millions of rows costs what one of 10,000 costs.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.runtimes.linear import TOLERANCE, relative_distance

METRIC_REPLICATES = 2_000  # for intervals that describe; those of 95 % rest on 50 replicates at each end
REPLICATES = 10_000  # for the interval that decides: its level is off by 0.2 percentage points; of 2,000 by 0.5

MOST_ROWS_DRAWN = 10_000
MOST_SLICES = 40
MOST_VALUES = 20  # of a column of texts; the rarer ones are one slice together

_CELLS_AT_ONCE = 2_000_000
_ROUNDING = 1e-12  # what it leaves of 0, beside a variance of 1

_QUIET = np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what is not finite becomes None

Vector = NDArray[np.float64]
Score = dict[str, float | None]


@_QUIET
def r2(actual: Vector, predicted: Vector) -> float:
    """Coefficient of determination, 1 - SSE / SST. Minus infinity where all *actual* values are equal."""
    return float(_metrics_of(actual, predicted, np.ones((1, len(actual))))["r2"][0])


@_QUIET
def rmse(actual: Vector, predicted: Vector) -> float:
    """Root mean squared error, in the target's unit."""
    return float(np.sqrt(np.mean((predicted - actual) ** 2)))


@_QUIET
def metrics(actual: Vector, predicted: Vector, *, confidence: float, seed: int) -> dict[str, Score]:
    """The manifest's `metrics`: value and percentile bootstrap interval of each, over rows drawn in pairs.

    All but `r2` are in the target's unit: `rmse`, `mae`, `median_absolute_error`, and `bias`, the mean of predicted
    minus actual. What cannot be computed (too few rows, a constant target) is None.
    """
    if not len(actual):
        return {key: {"value": None, "low": None, "high": None} for key in _METRICS}
    rng = np.random.default_rng(seed)
    whole = _metrics_of(actual, predicted, np.ones((1, len(actual))))
    drawn, shrink = _drawn(len(actual), rng)
    actual, predicted = actual[drawn], predicted[drawn]
    centre = _metrics_of(actual, predicted, np.ones((1, len(actual))))
    draws = [_metrics_of(actual, predicted, counts) for counts in resamples(len(actual), METRIC_REPLICATES, rng)]
    found: dict[str, Score] = {}
    for name in _METRICS:
        value = float(whole[name][0])
        ends = (math.nan, math.nan)
        if len(actual) > 1:
            replicates = np.concatenate([draw[name] for draw in draws]) - centre[name]
            ends = tuple(value + shrink * np.quantile(replicates, [(1 - confidence) / 2, (1 + confidence) / 2]))
        found[name] = {"value": finite(value), "low": finite(ends[0]), "high": finite(ends[1])}
    return found


@_QUIET
def slices(
    columns: Mapping[str, NDArray[Any]],
    actual: Vector,
    predicted: Vector,
    *,
    count: int,
    by_value: Collection[str] = (),
    champion: Vector | None = None,
) -> list[dict[str, Any]]:
    """The manifest's `slices`: error by parts of each column of *columns*, the worst of them first.

    A column of numbers is cut into *count* parts with equally many rows, or by its values if it has no more or is
    named in *by_value*; a column of texts is cut by its values. `ratio` is the part's rmse by that of all rows,
    `loss` by that of *champion*, whose predictions of the same rows may be NaN where they cannot be used.
    """
    floor = TOLERANCE * float(np.abs(actual).max(initial=0.0)) or TOLERANCE
    overall = max(rmse(actual, predicted), floor)
    entries = []
    for name, column in columns.items():
        for label, part in _parts(column, count, by_value=name in by_value):
            error = rmse(actual[part], predicted[part])
            entry = {
                "column": name,
                "values": label,
                "rows": int(part.sum()),
                "rmse": finite(error),
                "bias": finite(float((predicted - actual)[part].mean())),
                "ratio": finite(error / overall),
            }
            if champion is not None:
                usable = part & np.isfinite(champion)
                entry |= {"compared_rows": int(usable.sum()), "loss": None}
                if usable.any():
                    theirs = max(rmse(actual[usable], champion[usable]), floor)
                    entry["loss"] = finite(rmse(actual[usable], predicted[usable]) / theirs)
            entries.append(entry)
    return sorted(entries, key=lambda entry: math.inf if entry["ratio"] is None else entry["ratio"], reverse=True)


@_QUIET
def residuals(actual: Vector, predicted: Vector) -> dict[str, Any]:
    """The manifest's `residuals` (actual minus predicted, in the target's unit): their shape, and what they depend on.

    `spread_with_prediction` and `curvature` are rank correlations, 0 when all is well: of the residual's size with
    the prediction, and of the residual with the prediction's distance from its median. `calibration_slope` is that
    of a line through actual against predicted, 1 when all is well.
    """
    residual = actual - predicted
    if len(residual) < 3 or not np.isfinite(residual).all():  # noqa: PLR2004 - two points always lie on a line
        return {}
    spread = float(residual.std())
    scaled = (residual - residual.mean()) / (spread or 1.0)
    around = predicted - predicted.mean()
    variance = (around**2).mean()
    return {
        "mean": float(residual.mean()),
        "std": spread,
        "skewness": finite(float((scaled**3).mean())) if spread else None,
        "excess_kurtosis": finite(float((scaled**4).mean()) - 3) if spread else None,
        "quantiles": [float(value) for value in np.quantile(residual, np.linspace(0, 1, 11))],
        "spread_with_prediction": _rank_correlation(np.abs(residual), predicted),
        "curvature": _rank_correlation(residual, np.abs(predicted - np.median(predicted))),
        "calibration_slope": finite(float((around * actual).mean() / variance)) if variance else None,
    }


@_QUIET
def compare(actual: Vector, challenger: Vector, champion: Vector, *, confidence: float, seed: int) -> dict[str, Any]:
    """Whether *challenger* predicts better than *champion*, on the same rows, which neither was trained on.

    `improvement` is the reduction of the mean squared error as a share of the champion's, with its interval;
    `confidence_reached` is the highest confidence whose interval lies above 0 whole, and 0 for a tie. `moved` is how
    far the mean prediction moved, in standard deviations of *actual*. What cannot be computed is None.
    """
    found: dict[str, Any] = {
        "rows": len(actual),
        "replicates": REPLICATES,
        "confidence": confidence,
        "rmse": {"challenger": None, "production": None},
        "improvement": {"value": None, "low": None, "high": None},
        "confidence_reached": None,
        "moved": None,
    }
    if len(actual) < 2:  # noqa: PLR2004 - one row has no spread
        return found
    gains = (champion - actual) ** 2 - (challenger - actual) ** 2
    theirs = float(((champion - actual) ** 2).mean())
    found["rmse"] = {"challenger": finite(rmse(actual, challenger)), "production": finite(rmse(actual, champion))}
    found["moved"] = finite(float(abs(challenger.mean() - champion.mean()) / actual.std()))
    if not np.isfinite(gains).all():
        return found
    if relative_distance(challenger, champion).max() <= TOLERANCE:
        gains = np.zeros(len(actual))
    value, low, high, reached = (
        float(part[0]) for part in mean_above_zero(gains[None, :], confidence=confidence, seed=seed)
    )
    ends = {"value": value, "low": low, "high": high}
    found["improvement"] = {name: finite(end / theirs) if theirs else None for name, end in ends.items()}
    found["confidence_reached"] = reached
    return found


@_QUIET
def mean_above_zero(
    samples: Vector, *, confidence: float, seed: int, replicates: int = REPLICATES
) -> tuple[Vector, Vector, Vector, Vector]:
    """Mean of each sample (a row of *samples*), its studentised bootstrap interval, and how sure it is above 0.

    Each end is the farther one of two: the equal-tailed bootstrap-t interval (Efron and Tibshirani, An Introduction
    to the Bootstrap, 1993) and the symmetric one (Hall, On symmetric bootstrap confidence intervals, J. R. Stat.
    Soc. B 50, 1988). Squared errors are skewed and held-out rows are few: a percentile interval promises too much
    where the new model is usually a little better and seldom much worse, and the equal-tailed one alone believes in
    a gain that two or three rows made. tests/benchmark.py prints how often each is wrong.

    Returns:
        Four arrays of shape (n_samples,): mean, low, high, and the highest confidence from 0 to 1 whose interval lies
        above 0 whole. A sample whose rows are all 0 reaches 0.
    """
    mean, error = samples.mean(axis=1), samples.std(axis=1) / math.sqrt(samples.shape[1])
    ratios = _studentised(samples, replicates, np.random.default_rng(seed))
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
    return mean, low, high, np.clip(np.minimum(2 * tails - 1, middle), 0.0, 1.0)


def resamples(rows: int, replicates: int, rng: np.random.Generator) -> Iterator[Vector]:
    """How often each of *rows* is drawn, with replacement: arrays of shape (some replicates, n_rows)."""
    at_once = max(1, _CELLS_AT_ONCE // rows)
    for start in range(0, replicates, at_once):
        many = min(at_once, replicates - start)
        places = rng.integers(0, rows, (many, rows)) + np.arange(many)[:, None] * rows
        yield np.bincount(places.ravel(), minlength=many * rows).reshape(many, rows).astype(np.float64)


def finite(value: float) -> float | None:
    """*value*, or None where JSON has no number for it."""
    return float(value) if math.isfinite(value) else None


_METRICS = ("r2", "rmse", "mae", "median_absolute_error", "bias")


def _metrics_of(actual: Vector, predicted: Vector, counts: Vector) -> dict[str, Vector]:
    """Each metric, with row j counted counts[i, j] times: arrays of shape (n_counts,)."""
    error = predicted - actual
    centred = actual - actual.mean()
    columns = np.column_stack([error**2, np.abs(error), error, centred, centred**2])
    squares, sizes, sums, totals, around = (counts @ columns).T
    rows = counts.sum(axis=1)
    around -= totals**2 / rows
    constant = around <= _ROUNDING * rows * (centred**2).mean()
    order = np.argsort(np.abs(error), kind="stable")
    ranked = np.abs(error)[order]
    reached = np.cumsum(counts[:, order], axis=1)
    middle = [np.argmax(reached > place[:, None], axis=1) for place in ((rows - 1) // 2, rows // 2)]
    return {
        "r2": np.where(constant, -np.inf, 1 - squares / np.where(constant, 1.0, around)),
        "rmse": np.sqrt(squares / rows),
        "mae": sizes / rows,
        "median_absolute_error": (ranked[middle[0]] + ranked[middle[1]]) / 2,
        "bias": sums / rows,
    }


def _drawn(rows: int, rng: np.random.Generator) -> tuple[NDArray[np.intp] | slice, float]:
    """Which rows are resampled, and by what their spread shrinks to be that of all *rows*."""
    if rows <= MOST_ROWS_DRAWN:
        return slice(None), 1.0
    return np.sort(rng.choice(rows, MOST_ROWS_DRAWN, replace=False)), math.sqrt(MOST_ROWS_DRAWN / rows)


def _studentised(samples: Vector, replicates: int, rng: np.random.Generator) -> Vector:
    """Of each sample's resamples, how many standard errors the mean is off: shape (n_samples, replicates)."""
    drawn, _ = _drawn(samples.shape[1], rng)
    part = samples[:, drawn] - samples[:, drawn].mean(axis=1, keepdims=True)
    rows, spread = part.shape[1], part.std(axis=1, keepdims=True)
    part = part / np.where(spread > 0, spread, 1.0)
    pieces = []
    for counts in resamples(rows, replicates, rng):
        means = part @ counts.T / rows
        variances = (part**2) @ counts.T / rows - means**2
        # A draw of equal values has no spread: what it says is as far out as can be.
        usable = variances > _ROUNDING
        away = np.where(np.abs(means) > _ROUNDING, np.copysign(np.inf, means), 0.0)
        pieces.append(np.where(usable, means / np.sqrt(np.where(usable, variances, 1.0) / rows), away))
    return np.concatenate(pieces, axis=1)


def _smallest(values: Vector, place: int) -> Vector:
    """The *place*-th smallest of each row, from 1; infinite beyond the last: so much confidence is not to be had."""
    if place > values.shape[1]:
        return np.full(len(values), np.inf)
    found: Vector = np.partition(values, place - 1, axis=1)[:, place - 1]
    return found


def _parts(column: NDArray[Any], count: int, *, by_value: bool) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The parts of *column*: what people read, and which rows."""
    values, frequencies = np.unique(column, return_counts=True)
    numeric = column.dtype.kind in "fiu"
    if by_value or not numeric or len(values) <= count:
        common = values[np.argsort(-frequencies, kind="stable")][:MOST_VALUES]
        yield from ((f"{value:.6g}" if numeric else str(value), column == value) for value in common)
        if len(values) > MOST_VALUES:
            yield f"{len(values) - MOST_VALUES} rarer values", ~np.isin(column, common)
        return
    edges = np.unique(np.quantile(column, np.linspace(0, 1, count + 1)[1:-1], method="higher"))
    place = np.searchsorted(edges, column, side="right")
    for number in np.unique(place):
        part = place == number
        low, high = f"{column[part].min():.4g}", f"{column[part].max():.4g}"
        yield low if low == high else f"{low} … {high}", part


def _rank_correlation(first: Vector, second: Vector) -> float | None:
    from scipy.stats import rankdata  # noqa: PLC0415 - half a second that other verbs need not wait for

    ranks: Sequence[Vector] = [rankdata(values) - (len(values) + 1) / 2 for values in (first, second)]
    size = math.sqrt(float((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return float((ranks[0] * ranks[1]).sum()) / size if size else None
