"""The plots of the model card."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.reports.figure import DASHED, INK, MUTED, OURS, SHADE, THEIRS, Vector, bins, figure

MOST_POINTS = 1_000
"""Points in a cloud; a larger one is drawn by a random part, the same each time."""


def predicted_against_actual(actual: Vector, predicted: Vector) -> str:
    """A point for each row, and the line of equality."""
    shown = _part(len(actual))
    ends = [float(min(actual.min(), predicted.min())), float(max(actual.max(), predicted.max()))]
    text = f"Actual against predicted values of {len(actual)} held-out rows, with the line of equality"
    with figure("fit", text) as plot:
        plot.axes.plot(ends, ends, color=MUTED, linewidth=1.2, linestyle=DASHED)
        plot.axes.plot(predicted[shown], actual[shown], **_dots(OURS))
        plot.axes.set(xlabel="predicted", ylabel="actual")
    return plot.svg


def residuals_against_predicted(actual: Vector, predicted: Vector) -> str:
    """A point for each row; the line is the mean of the residuals in tenths of the rows, by prediction."""
    shown, residual = _part(len(actual)), actual - predicted
    text = "Residuals against predicted values, with their mean in each tenth of the rows"
    with figure("residuals", text) as plot:
        plot.axes.axhline(0, color=MUTED, linewidth=1.2, linestyle=DASHED)
        plot.axes.plot(predicted[shown], residual[shown], **_dots(OURS))
        parts = [part for part in np.array_split(np.argsort(predicted, kind="stable"), 10) if len(part)]
        plot.axes.plot(
            [predicted[part].mean() for part in parts],
            [residual[part].mean() for part in parts],
            color=THEIRS,
            linewidth=2,
            label="mean of each tenth",
        )
        plot.axes.set(xlabel="predicted", ylabel="actual − predicted")
        plot.axes.legend(loc="best")
    return plot.svg


def residual_histogram(actual: Vector, predicted: Vector) -> str:
    """Histogram of the residuals, beside a normal distribution of their mean and standard deviation."""
    residual = actual - predicted
    spread = float(residual.std())
    text = "Histogram of the residuals, with the normal distribution of the same mean and spread"
    with figure("spread", text) as plot:
        counts, edges = np.histogram(residual, bins=bins(residual))
        plot.axes.stairs(counts, edges, fill=True, color=OURS, alpha=0.55, label="rows")
        if spread:
            at = np.linspace(edges[0], edges[-1], 120)
            density = np.exp(-(((at - residual.mean()) / spread) ** 2) / 2) / (spread * np.sqrt(2 * np.pi))
            plot.axes.plot(
                at, density * len(residual) * (edges[1] - edges[0]), color=THEIRS, linewidth=2, label="normal"
            )
        plot.axes.set(xlabel="actual − predicted", ylabel="rows")
        plot.axes.legend(loc="best")
    return plot.svg


PREDICTION_PLOTS = {
    "fit": predicted_against_actual,
    "residuals": residuals_against_predicted,
    "spread": residual_histogram,
}


def errors_against_production(mine: Vector, other: Vector, loss: str = "absolute error") -> str:
    """The losses of a row as a point; below the line this version is nearer to the truth."""
    shown = _part(len(mine))
    end = float(max(mine.max(), other.max()))
    text = f"{loss.capitalize()} of this version against that of production, a point a row"
    with figure("errors", text) as plot:
        plot.axes.fill_between([0, end], [0, 0], [0, end], color=SHADE, linewidth=0)
        plot.axes.plot([0, end], [0, end], color=MUTED, linewidth=1.2, linestyle=DASHED)
        plot.axes.plot(other[shown], mine[shown], **_dots(OURS))
        plot.axes.set(xlabel=f"{loss} of production", ylabel=f"{loss} of this version")
    return plot.svg


def saved_error(value: float, low: float, high: float, *, loss: str = "squared error") -> str:
    """The share of production's *loss* that this version saves, with its interval."""
    text = f"{loss.capitalize()} saved against production: {value:.3g}, interval from {low:.3g} to {high:.3g}"
    with figure("saved", text, height=1.5) as plot:
        ends = min(low, 0) - 0.05, max(high, 0) + 0.05
        plot.axes.axvspan(ends[0], 0, color=SHADE, linewidth=0)
        plot.axes.axvline(0, color=INK, linewidth=1.2)
        plot.axes.plot([low, high], [0, 0], color=OURS, linewidth=4, solid_capstyle="butt")
        plot.axes.plot([value], [0], marker="o", markersize=9, color=OURS)
        plot.axes.set(xlabel=f"share of production's {loss} saved", xlim=ends, ylim=(-1, 1), yticks=[])
        plot.axes.locator_params(axis="x", nbins=6)
        plot.axes.spines["left"].set_visible(False)
    return plot.svg


def feature_histogram(number: int, training: Vector, held: Vector, minimum: float, maximum: float) -> str:
    """Histogram of one feature in training and in held-out rows, and the training range."""
    both = np.concatenate([training, held])
    edges = np.histogram_bin_edges(both, bins=bins(both))
    text = "Histogram of the feature in training and held-out rows, with the training range shaded"
    with figure(f"feature-{number}", text, height=2.6) as plot:
        plot.axes.axvspan(minimum, maximum, color=SHADE, linewidth=0)
        counts = [np.histogram(values, edges)[0] / max(1, len(values)) for values in (training, held)]
        plot.axes.stairs(counts[0], edges, fill=True, color=OURS, alpha=0.55, label="training")
        plot.axes.stairs(counts[1], edges, color=THEIRS, linewidth=2, label="held out")
        plot.axes.set(xlabel="value", ylabel="share of rows")
        plot.axes.legend(loc="best")
    return plot.svg


def _dots(colour: str) -> dict[str, Any]:
    return {
        "color": colour,
        "linestyle": "none",
        "marker": "o",
        "markersize": 5,
        "markeredgewidth": 0,
        "alpha": 0.6,
    }


def _part(rows: int) -> NDArray[np.intp]:
    if rows <= MOST_POINTS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, MOST_POINTS, replace=False))
