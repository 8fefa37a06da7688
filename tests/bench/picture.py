"""The ratios of a record of the benchmark as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

_COLOURS = ("#1f6f8b", "#d08c2f", "#7a5195", "#4f9d69")


def draw(record: Mapping[str, Any], path: Path) -> None:
    """Write an SVG to *path*: for each part with ratios a panel of bars, ours by each other's; 1 is a line."""
    panels = [(name, bars) for name, part in record.items() if (bars := _bars(part))]
    if not panels:
        return
    heights = [len(bars) for _, bars in panels]
    with mpl.rc_context({"svg.hashsalt": "bench", "font.size": 8}):
        figure = Figure(figsize=(9, 0.18 * sum(heights) + 0.9 * len(panels)), layout="constrained")
        axes = figure.subplots(len(panels), squeeze=False, gridspec_kw={"height_ratios": [h + 2 for h in heights]})
        for axis, (name, bars) in zip(axes[:, 0], panels, strict=True):
            others = list(dict.fromkeys(other for _, other, _ in bars))
            colours = [_COLOURS[others.index(other) % len(_COLOURS)] for _, other, _ in bars]
            places = range(len(bars))
            axis.barh(places, [ratio for _, _, ratio in bars], color=colours, height=0.8)
            axis.set_yticks(places, [f"{measured} : {other}" for measured, other, _ in bars])
            axis.invert_yaxis()
            axis.set_xscale("log")
            axis.axvline(1, color="black", linewidth=0.8)
            axis.set_title(f"{name}: ours by theirs", loc="left")
        figure.savefig(path, format="svg", metadata={"Date": None})


def _bars(part: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    """Name, other and ratio of every figure that has one."""
    return [
        (line["measured"], name, other["ratio"])
        for line in part["lines"]
        for name, other in line["others"].items()
        if other.get("ratio")
    ]
