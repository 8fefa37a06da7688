"""One plot as SVG inside a page: axes to draw on, and the page's colours, text and size.

Nothing from data or configuration is written into a plot but numbers; names stand in the page around it. The same
numbers give the same bytes.
"""

from __future__ import annotations

import html
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

DASHED = (0, (4, 3))

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

_LONG = 1e5  # labels of larger numbers would run into each other


class Figure:
    """Axes to draw on, and the SVG once it is drawn."""

    def __init__(self, axes: Any) -> None:
        self.axes = axes
        self.svg = ""


@contextmanager
def figure(name: str, text: str, *, height: float = 3.6) -> Iterator[Figure]:
    """Axes to draw on; afterwards an <svg> with *text* for readers who cannot see it, its ids begun with *name*."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it talks about its font cache
    from matplotlib import figure as canvas  # noqa: PLC0415 - half a second that other verbs need not wait for
    from matplotlib import style  # noqa: PLC0415
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.ticker import AutoLocator, EngFormatter, MaxNLocator  # noqa: PLC0415

    with style.context(_STYLE, after_reset=True):  # whatever the user's own matplotlibrc says
        whole = canvas.Figure(figsize=(5.4, height), layout="constrained")
        FigureCanvasSVG(whole)
        drawn = Figure(whole.add_subplot())
        yield drawn
        for axis in (drawn.axes.xaxis, drawn.axes.yaxis):
            if isinstance(axis.get_major_locator(), AutoLocator):
                axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
            if np.abs(axis.get_view_interval()).max() >= _LONG:
                axis.set_major_formatter(EngFormatter(sep=""))  # 150k
        sink = io.StringIO()
        whole.savefig(sink, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawn.svg = _for_a_page(sink.getvalue(), name, text)


def attempt(say: Callable[[str], None], name: str, draw: Callable[..., str], *arguments: Any, **options: Any) -> str:
    """The SVG of *draw*; "" and a line to *say* where it cannot be drawn: no verb fails for a plot."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of axes that hold no such numbers
            return draw(*arguments, **options)
    except Exception as error:  # noqa: BLE001 - numpy and matplotlib raise many kinds for numbers that no axis holds
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        say(f"the plot of {name} is left out: {reason}")
        return ""


def bins(values: Vector) -> int:
    """Number of bins of a histogram: the square root of the rows, between 8 and 40."""
    return int(np.clip(np.sqrt(len(values)), 8, 40))


def _for_a_page(svg: str, name: str, text: str) -> str:
    """A file of matplotlib's as an element of a page: size and colours are the page's, its ids its own."""
    svg = svg[svg.index("<svg") :]
    for colour, variable in _COLOURS.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r" ?font-family: [^;\"]*;?", "", svg).replace("xlink:href=", "href=")
    used = set(re.findall(r"#([\w.-]+)", svg))
    svg = re.sub(r' id="([\w.-]+)"', lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "", svg)
    svg = re.sub(r'(url\(#|href="#)([\w.-]+)', rf"\1{name}-\2", svg)
    view = re.search(r'viewBox="[^"]*"', svg)
    label = html.escape(text, quote=True)
    opening = f'<svg {view[0] if view else ""} role="img" aria-label="{label}">'
    svg = re.sub(r"<svg[^>]*>", lambda _: opening, svg, count=1)
    return re.sub(r"\s*\n\s*", "\n", svg).strip()
