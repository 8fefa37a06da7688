"""The plots of the model card and of the monitor's page, as SVG to stand inside a page.

Text is text, colours are the page's, no script.

Nothing from data or configuration is written into them but numbers; names stand in the page around them. The same
numbers give the same bytes.
"""

from __future__ import annotations

import html
import io
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_POINTS = 1_000
"""Of a cloud of points; of more a random part is drawn, the same each time."""

Vector = NDArray[np.float64]

_COLOURS = {
    "#010101": "var(--ink)",
    "#020202": "var(--muted)",
    "#030303": "var(--line)",
    "#040404": "var(--ours)",
    "#050505": "var(--theirs)",
    "#060606": "var(--shade)",
}
INK, MUTED, LINE, OURS, THEIRS, SHADE = _COLOURS

_STYLE: dict[str, Any] = {
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "font.size": 11,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "model card",
    "text.color": INK,
    "xtick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.color": LINE,
    "ytick.labelcolor": MUTED,
}


def predicted_against_actual(actual: Vector, predicted: Vector) -> str:
    """A point a row, and the line on which all would lie."""
    shown = _part(len(actual))
    ends = [float(min(actual.min(), predicted.min())), float(max(actual.max(), predicted.max()))]
    text = f"Actual against predicted values of {len(actual)} held-out rows, with the line of equality"
    with _plot("fit", text) as plot:
        plot.axes.plot(ends, ends, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
        plot.axes.plot(predicted[shown], actual[shown], **_dots(OURS))
        plot.axes.set(xlabel="predicted", ylabel="actual")
    return plot.svg


def residuals_against_predicted(actual: Vector, predicted: Vector) -> str:
    """A point a row; the line is the mean of the residuals in tenths of the rows, by prediction."""
    shown, residual = _part(len(actual)), actual - predicted
    text = "Residuals against predicted values, with their mean in each tenth of the rows"
    with _plot("residuals", text) as plot:
        plot.axes.axhline(0, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
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
    """How the residuals spread, beside a normal distribution of their mean and standard deviation."""
    residual = actual - predicted
    spread = float(residual.std())
    text = "Histogram of the residuals, with the normal distribution of the same mean and spread"
    with _plot("spread", text) as plot:
        counts, edges = np.histogram(residual, bins=_bins(residual))
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


OF_PREDICTIONS = {
    "fit": predicted_against_actual,
    "residuals": residuals_against_predicted,
    "spread": residual_histogram,
}


def errors_against_production(actual: Vector, ours: Vector, theirs: Vector) -> str:
    """A point a row: below the line this version is nearer to the truth."""
    shown = _part(len(actual))
    mine, other = np.abs(ours - actual), np.abs(theirs - actual)
    end = float(max(mine.max(), other.max()))
    text = "Absolute error of this version against that of production, a point a row"
    with _plot("errors", text) as plot:
        plot.axes.fill_between([0, end], [0, 0], [0, end], color=SHADE, linewidth=0)
        plot.axes.plot([0, end], [0, end], color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
        plot.axes.plot(other[shown], mine[shown], **_dots(OURS))
        plot.axes.set(xlabel="absolute error of production", ylabel="absolute error of this version")
    return plot.svg


def saved_error(value: float, low: float, high: float) -> str:
    """The share of production's squared error that this version saves, with its interval."""
    text = f"Squared error saved against production: {value:.3g}, interval from {low:.3g} to {high:.3g}"
    with _plot("saved", text, height=1.5) as plot:
        ends = min(low, 0) - 0.05, max(high, 0) + 0.05
        plot.axes.axvspan(ends[0], 0, color=SHADE, linewidth=0)
        plot.axes.axvline(0, color=INK, linewidth=1.2)
        plot.axes.plot([low, high], [0, 0], color=OURS, linewidth=4, solid_capstyle="butt")
        plot.axes.plot([value], [0], marker="o", markersize=9, color=OURS)
        plot.axes.set(xlabel="share of production's squared error saved", xlim=ends, ylim=(-1, 1), yticks=[])
        plot.axes.locator_params(axis="x", nbins=6)
        plot.axes.spines["left"].set_visible(False)
    return plot.svg


def feature_histogram(number: int, training: Vector, held: Vector, minimum: float, maximum: float) -> str:
    """How the values of one feature spread in training and in held-out rows, and the training range."""
    both = np.concatenate([training, held])
    edges = np.histogram_bin_edges(both, bins=_bins(both))
    text = "Histogram of the feature in training and held-out rows, with the training range shaded"
    with _plot(f"feature-{number}", text, height=2.6) as plot:
        plot.axes.axvspan(minimum, maximum, color=SHADE, linewidth=0)
        counts = [np.histogram(values, edges)[0] / max(1, len(values)) for values in (training, held)]
        plot.axes.stairs(counts[0], edges, fill=True, color=OURS, alpha=0.55, label="training")
        plot.axes.stairs(counts[1], edges, color=THEIRS, linewidth=2, label="held out")
        plot.axes.set(xlabel="value", ylabel="share of rows")
        plot.axes.legend(loc="best")
    return plot.svg


_LONG = 1e5  # labels of larger numbers would run into each other
_FURTHEST = 1e100  # a caller may send what no axis can hold


def serving_histogram(
    name: str,
    training: Vector | None,
    serving: Vector,
    before: Vector,
    *,
    within: tuple[float, float] | None,
) -> str:
    """How values spread in this window, in the one before, and in training; and the training range.

    Args:
        training: Means of equal parts of the training rows; None where they are not known.
        within: The training range.
    """
    serving, before = (np.clip(values, -_FURTHEST, _FURTHEST) for values in (serving, before))
    known = [values for values in (training, serving, before) if values is not None and len(values)]
    both = np.concatenate(known) if known else np.zeros(1)
    low, high = np.quantile(both, [0.001, 0.999])
    edges = np.histogram_bin_edges(np.clip(both, low, high), bins=25 if training is not None else _bins(both))
    text = "Histogram of the values in this window, in the window before and in training rows"
    with _plot(f"serving-{name}", text, height=2.6) as plot:
        if within is not None:
            plot.axes.axvspan(*within, color=SHADE, linewidth=0)
        if training is not None:
            shares = np.histogram(np.clip(_spread(training), low, high), edges)[0] / (len(training) * _SPREAD)
            plot.axes.stairs(shares, edges, fill=True, color=OURS, alpha=0.45, label="training")
        for values, label, style in ((before, "window before", (0, (2, 2))), (serving, "this window", "-")):
            if len(values):
                shares = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / len(values)
                colour = MUTED if label == "window before" else THEIRS
                plot.axes.stairs(shares, edges, color=colour, linewidth=2, linestyle=style, label=label)
        plot.axes.set(xlabel="value", ylabel="share of rows")
        plot.axes.legend(loc="best")
    return plot.svg


def over_time(series: Sequence[Mapping[str, Any]], *, hours: float, warn: float) -> dict[str, str]:
    """Slot by slot over both windows of *hours* each: rows, drift, failures, latency; what is unknown is not drawn."""
    if not series:
        return {}
    middles = (np.arange(len(series)) + 0.5) / len(series) * 2 * hours - 2 * hours
    figures = {}
    versions = sorted({version for entry in series for version in entry["rows"]}, key=int)

    def drawn(
        name: str, text: str, label: str, lines: Sequence[tuple[str, Sequence[float | None]]], **more: Any
    ) -> None:
        if not any(value is not None for _, values in lines for value in values):
            return
        with _plot(f"time-{name}", text, height=2.6) as plot:
            plot.axes.axvline(-hours, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
            if "limit" in more:
                plot.axes.axhline(more["limit"], color=MUTED, linewidth=1, linestyle=(0, (1, 2)), label="warns at")
            for place, (line, values) in enumerate(lines):
                cells = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
                colour, style = (OURS, THEIRS, INK)[place % 3], ("-", (0, (4, 2)), (0, (1, 1)))[place // 3 % 3]
                plot.axes.plot(
                    middles,
                    cells,
                    color=colour,
                    linestyle=style,
                    marker="o",
                    markersize=3,
                    linewidth=1.6,
                    label=line,
                )
            plot.axes.set(xlabel="hours; the dashed line parts the windows", ylabel=label)
            plot.axes.set_ylim(bottom=0)
            plot.axes.legend(loc="best")
        figures[name] = plot.svg

    rows = [(f"version {version}", [entry["rows"].get(version, 0) for entry in series]) for version in versions]
    drawn("rows", "Captured rows by version over time", "rows", rows)
    skew = [
        (f"version {version}", [entry["largest_jensen_shannon"].get(version) for entry in series])
        for version in versions
    ]
    text = "Largest Jensen-Shannon divergence of a feature from training over time"
    drawn("skew", text, "divergence, bits", skew, limit=warn)
    shares = [("5xx", "server_error_share"), ("4xx", "client_error_share")]
    errors = [(name, [_percent(entry[key]) for entry in series]) for name, key in shares]
    drawn("errors", "Share of requests that failed or were refused over time", "percent of requests", errors)
    percentiles = [("99 %", "p99_seconds"), ("half", "p50_seconds")]
    latency = [(name, [_milliseconds(entry[key]) for entry in series]) for name, key in percentiles]
    drawn("latency", "Latency that half and 99 percent of the requests stay within, over time", "milliseconds", latency)
    return figures


_SPREAD = 20


def _spread(means: Vector) -> Vector:
    """Values that lie between neighbouring *means*, so that their histogram has no holes where bins are finer."""
    places = (np.arange(len(means) * _SPREAD) + 0.5) / _SPREAD - 0.5
    return np.interp(places, np.arange(len(means)), means)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


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


def _bins(values: Vector) -> int:
    """More for more rows, between 8 and 40; half as fine as the square root of the rows."""
    return int(np.clip(np.sqrt(len(values)), 8, 40))


class _Plot:
    """What is drawn on, and what came of it."""

    def __init__(self, axes: Any) -> None:
        self.axes = axes
        self.svg = ""


@contextmanager
def _plot(name: str, text: str, *, height: float = 3.6) -> Iterator[_Plot]:
    """Axes to draw on; then an <svg> with *text* for those who cannot see it, its ids begun with *name*."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache
    from matplotlib import style  # noqa: PLC0415 - half a second that other verbs need not wait for
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import AutoLocator, EngFormatter, MaxNLocator  # noqa: PLC0415

    with style.context(_STYLE, after_reset=True):  # whatever the user's own matplotlibrc says
        figure = Figure(figsize=(5.4, height), layout="constrained")
        FigureCanvasSVG(figure)
        plot = _Plot(figure.add_subplot())
        yield plot
        for axis in (plot.axes.xaxis, plot.axes.yaxis):
            if isinstance(axis.get_major_locator(), AutoLocator):
                axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
            if np.abs(axis.get_view_interval()).max() >= _LONG:
                axis.set_major_formatter(EngFormatter(sep=""))  # 150k
        sink = io.StringIO()
        figure.savefig(sink, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    plot.svg = _for_a_page(sink.getvalue(), name, text)


def _for_a_page(svg: str, name: str, text: str) -> str:
    """A file of matplotlib's as an element of a page: its size and colours are the page's, its ids its own."""
    svg = svg[svg.index("<svg") :]
    for colour, variable in _COLOURS.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r" ?font-family: [^;\"]*;?", "", svg).replace("xlink:href=", "href=")
    used = set(re.findall(r"#([\w.-]+)", svg))
    svg = re.sub(r' id="([\w.-]+)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", svg)
    svg = re.sub(r'(url\(#|href="#)([\w.-]+)', rf"\1{name}-\2", svg)
    view = re.search(r'viewBox="[^"]*"', svg)
    label = html.escape(text, quote=True)
    opening = f'<svg {view[0] if view else ""} role="img" aria-label="{label}">'
    svg = re.sub(r"<svg[^>]*>", lambda _: opening, svg, count=1)
    return re.sub(r"\s*\n\s*", "\n", svg).strip()
