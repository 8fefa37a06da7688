"""A record of the benchmark as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

_COLOURS = ("#1f6f8b", "#d08c2f", "#7a5195", "#4f9d69")

_LINE = 0.55
"""The height of a table's line, by a bar's."""


def draw(record: Mapping[str, Any], path: Path) -> None:
    """Write an SVG to *path*: for each part a panel, of bars where it has ratios, ours by each other's, else of its tables."""
    panels = [(name, _bars(part), _tables(part)) for name, part in record.items()]
    panels = [panel for panel in panels if panel[1] or panel[2]]
    if not panels:
        return
    heights = [len(bars) or _LINE * len(lines) for _, bars, lines in panels]
    with mpl.rc_context({"svg.hashsalt": "bench", "font.size": 8}):
        figure = Figure(figsize=(9, 0.18 * sum(heights) + 0.9 * len(panels)), layout="constrained")
        axes = figure.subplots(len(panels), squeeze=False, gridspec_kw={"height_ratios": [h + 2 for h in heights]})
        for axis, (name, bars, lines) in zip(axes[:, 0], panels, strict=True):
            axis.set_title(f"{name}: ours by theirs" if bars else name, loc="left")
            if not bars:
                axis.axis("off")
                axis.text(0, 1, "\n".join(lines), family="monospace", fontsize=6, va="top", transform=axis.transAxes)
                continue
            others = list(dict.fromkeys(other for _, other, _ in bars))
            colours = [_COLOURS[others.index(other) % len(_COLOURS)] for _, other, _ in bars]
            places = range(len(bars))
            axis.barh(places, [ratio for _, _, ratio in bars], color=colours, height=0.8)
            axis.set_yticks(places, [f"{measured} : {other}" for measured, other, _ in bars])
            axis.invert_yaxis()
            axis.set_xscale("log")
            axis.axvline(1, color="black", linewidth=0.8)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _bars(part: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    """Name, other and ratio of every figure that has one."""
    return [
        (line["measured"], name, other["ratio"])
        for line in part["lines"]
        for name, other in line["others"].items()
        if other.get("ratio")
    ]


def _tables(part: Mapping[str, Any]) -> list[str]:
    """The lines of all tables without ratios, their cells one below the other."""
    lines: list[str] = []
    for sheet in part.get("sheets", ()):
        rows = [sheet["columns"], *sheet["rows"]]
        widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
        lines += ["", *("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)]
    return lines[1:]
