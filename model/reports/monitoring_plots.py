"""The plots of the monitor's page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from model.reports.figure import DASHED, INK, MUTED, OURS, SHADE, THEIRS, Vector, attempt, bins, figure

_FURTHEST = 1e100  # a caller may send numbers that no axis can hold
_SPREAD = 20  # points between two neighbouring means


def serving_histogram(
    name: str,
    training: Vector | None,
    serving: Vector,
    before: Vector,
    *,
    within: tuple[float, float] | None,
) -> str:
    """Histogram of the values in this window, in the window before and in training, and the training range.

    Args:
        training: Means of equal parts of the training rows; None where the manifest has none.
        within: The training range.
    """
    serving, before = (np.clip(values, -_FURTHEST, _FURTHEST) for values in (serving, before))
    parts = [values for values in (training, serving, before) if values is not None and len(values)]
    both = np.concatenate(parts) if parts else np.zeros(1)
    low, high = np.quantile(both, [0.001, 0.999])
    edges = np.histogram_bin_edges(np.clip(both, low, high), bins=25 if training is not None else bins(both))
    text = "Histogram of the values in this window, in the window before and in training rows"
    with figure(f"serving-{name}", text, height=2.6) as plot:
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


def over_time(
    series: Sequence[Mapping[str, Any]], *, hours: float, warn: float, say: Callable[[str], None]
) -> dict[str, str]:
    """Rows, drift, failures and latency, slot by slot over both windows of *hours* each, as SVG by name.

    Slots without a figure stay empty. *say* takes a line for each plot that cannot be drawn.
    """
    if not series:
        return {}
    middles = (np.arange(len(series)) + 0.5) / len(series) * 2 * hours - 2 * hours
    figures: dict[str, str] = {}
    versions = sorted({version for entry in series for version in entry["rows"]}, key=int)

    def draw(
        name: str,
        text: str,
        label: str,
        lines: Sequence[tuple[str, Sequence[float | None]]],
        limit: float | None = None,
    ) -> None:
        if any(value is not None for _, values in lines for value in values):
            svg = attempt(
                say, f"{label} over time", _lines, f"time-{name}", text, label, middles, lines,
                limit=limit, parted_at=-hours,
            )  # fmt: skip
            if svg:
                figures[name] = svg

    rows = [(f"version {version}", [entry["rows"].get(version, 0) for entry in series]) for version in versions]
    draw("rows", "Captured rows by version over time", "rows", rows)
    skew = [
        (f"version {version}", [entry["largest_jensen_shannon"].get(version) for entry in series])
        for version in versions
    ]
    text = "Largest Jensen-Shannon divergence of a feature from training over time"
    draw("skew", text, "divergence, bits", skew, limit=warn)
    shares = [("5xx", "server_error_share"), ("4xx", "client_error_share")]
    errors = [(name, [_percent(entry[key]) for entry in series]) for name, key in shares]
    draw("errors", "Share of requests that failed or were refused over time", "percent of requests", errors)
    percentiles = [("99 %", "p99_seconds"), ("half", "p50_seconds")]
    latency = [(name, [_milliseconds(entry[key]) for entry in series]) for name, key in percentiles]
    draw("latency", "Latency that half and 99 percent of the requests stay within, over time", "milliseconds", latency)
    return figures


def _lines(
    name: str,
    text: str,
    label: str,
    times: Vector,
    lines: Sequence[tuple[str, Sequence[float | None]]],
    *,
    limit: float | None,
    parted_at: float,
) -> str:
    """Named lines over time, a dashed line that parts the windows, and a dotted one at *limit*."""
    with figure(name, text, height=2.6) as plot:
        plot.axes.axvline(parted_at, color=MUTED, linewidth=1.2, linestyle=DASHED)
        if limit is not None:
            plot.axes.axhline(limit, color=MUTED, linewidth=1, linestyle=(0, (1, 2)), label="warns at")
        for number, (line, values) in enumerate(lines):
            cells = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
            colour, style = (OURS, THEIRS, INK)[number % 3], ("-", (0, (4, 2)), (0, (1, 1)))[number // 3 % 3]
            plot.axes.plot(
                times, cells, color=colour, linestyle=style, marker="o", markersize=3, linewidth=1.6, label=line
            )
        plot.axes.set(xlabel="hours; the dashed line parts the windows", ylabel=label)
        plot.axes.set_ylim(bottom=0)
        plot.axes.legend(loc="best")
    return plot.svg


def _spread(means: Vector) -> Vector:
    """Values between neighbouring *means*, so that a finer histogram of them has no holes."""
    at = (np.arange(len(means) * _SPREAD) + 0.5) / _SPREAD - 0.5
    return np.interp(at, np.arange(len(means)), means)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds
