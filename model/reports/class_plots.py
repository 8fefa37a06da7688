"""The plots of a classifier's card: reliability, ROC and precision-recall curves, scores by class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.reports.figure import DASHED, INK, MUTED, OURS, SHADE, THEIRS, Vector, figure

MOST_CURVES = 6
"""Classes that have a curve, where each is ranked against the rest."""

_COLOURS = (OURS, THEIRS, INK)
_Z = 1.96  # of an interval of 95 %


@dataclass(frozen=True)
class Curve:
    """Points of shape (n_points, 2), and the point at which the model's labels stand."""

    points: Vector
    mark: tuple[float, float] | None = None


def curve_style(number: int) -> tuple[str, str]:
    """Colour and dashes of a curve, as classes of the page's style."""
    return ("ours", "theirs", "ink")[number % 3], ("solid", "dashed")[number // 3 % 2]


def reliability_diagram(bins: Sequence[Mapping[str, Any]], name: str = "reliability") -> str:
    """Observed share against mean probability, a point for each bin, with the interval of so few rows.

    Intervals are Wilson's (J. Am. Stat. Assoc. 22, 1927), 95 %; the larger the point, the more rows.
    """
    rows = sum(each["rows"] for each in bins)
    text = f"Observed share against mean probability in {len(bins)} bins of {rows} rows, with the line of equality"
    with figure(name, text) as plot:
        plot.axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=DASHED)
        plot.axes.plot(
            [each["predicted"] for each in bins], [each["observed"] for each in bins], color=OURS, linewidth=1
        )
        for each in bins:
            ends = wilson(each["observed"], each["rows"])
            plot.axes.plot([each["predicted"]] * 2, ends, color=OURS, linewidth=1.6, alpha=0.6)
            size = 4 + 5 * math.sqrt(each["rows"] * len(bins) / rows) / 2
            plot.axes.plot([each["predicted"]], [each["observed"]], color=OURS, marker="o", markersize=min(size, 14))
        plot.axes.set(xlabel="mean probability", ylabel="observed share", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return plot.svg


def roc_curves(curves: Sequence[Curve]) -> str:
    """True against false positive rate; a dot where the labels stand."""
    text = _curves_text("True positive rate against false positive rate", curves)
    with figure("roc", text) as plot:
        plot.axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=DASHED)
        _draw(plot.axes, curves)
        plot.axes.set(xlabel="false positive rate", ylabel="true positive rate (recall)")
        plot.axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return plot.svg


def precision_recall_curves(curves: Sequence[Curve], share: float | None) -> str:
    """Precision against recall; the dashed line is the *share* of the class, the precision of guessing."""
    text = _curves_text("Precision against recall", curves)
    with figure("precision-recall", text) as plot:
        if share is not None:
            plot.axes.axhline(share, color=MUTED, linewidth=1.2, linestyle=DASHED)
        _draw(plot.axes, curves)
        plot.axes.set(xlabel="recall", ylabel="precision", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return plot.svg


def score_histograms(scores: Vector, hit: NDArray[np.bool_], threshold: float) -> str:
    """Histogram of the probability of the positive class, of rows that are of it and of the others; *threshold* too."""
    edges = np.linspace(0, 1, 26)
    text = f"Histogram of the probability in rows of the positive class and in the others; threshold {threshold:.3g}"
    with figure("scores", text) as plot:
        plot.axes.axvspan(threshold, 1, color=SHADE, linewidth=0)
        for rows, colour, label in ((hit, OURS, "positive rows"), (~hit, THEIRS, "the others")):
            shares = np.histogram(scores[rows], edges)[0] / max(1, rows.sum())
            filled = colour == OURS
            plot.axes.stairs(
                shares, edges, fill=filled, color=colour, alpha=0.55 if filled else 1, linewidth=2, label=label
            )
        plot.axes.axvline(threshold, color=INK, linewidth=1.2, linestyle=DASHED, label="threshold")
        plot.axes.set(xlabel="probability of the positive class", ylabel="share of the class's rows", xlim=(0, 1))
        plot.axes.legend(loc="best")
    return plot.svg


def wilson(share: float, rows: int) -> tuple[float, float]:
    """The interval of a share that *rows* show."""
    middle = (share + _Z**2 / (2 * rows)) / (1 + _Z**2 / rows)
    half = _Z / (1 + _Z**2 / rows) * math.sqrt(share * (1 - share) / rows + _Z**2 / (4 * rows**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def _curves_text(subject: str, curves: Sequence[Curve]) -> str:
    several = f" of {len(curves)} classes, each against the rest" if len(curves) > 1 else ""
    return f"{subject}{several}, with the point at which the model's labels stand"


def _draw(axes: Any, curves: Sequence[Curve]) -> None:
    for number, curve in enumerate(curves):
        colour, dashes = _COLOURS[number % 3], DASHED if number // 3 % 2 else "-"
        axes.plot(curve.points[:, 0], curve.points[:, 1], color=colour, linestyle=dashes, linewidth=1.8)
        if curve.mark is not None:
            axes.plot(*curve.mark, color=colour, marker="o", markersize=8, linestyle="none")
