"""The benchmark's results on the terminal."""

from __future__ import annotations

import statistics
from itertools import groupby

from rich.console import Console
from rich.table import Column, Table

from tests.bench.record import FEW_ROUNDS, Line, Part

RATIO = "a ratio is the median of the rounds' own ratios, not that of the two medians; in brackets half of them lie"


def show(console: Console, part: Part) -> None:
    for number, (_, lines) in enumerate(groupby(part.lines, lambda line: set(line.others))):
        if number:
            console.print()
        console.print(_compared(tuple(lines)))
    if part.lines:
        console.print(RATIO)
    for sheet in part.sheets:
        table = Table(*sheet.columns, box=None, pad_edge=False, header_style="bold", caption=sheet.caption or None)
        for row in sheet.rows:
            table.add_row(*row)
        console.print()
        console.print(table)
    for remark in part.remarks:
        console.print(remark)
    if part.noise:
        console.print(part.noise.sentence())


def figure(value: float, unit: str) -> str:
    """A figure with its unit, in three digits."""
    if unit == "s":
        return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"
    if unit == "/s":
        return f"{value:,.0f}/s"
    return f"{value:.3g} {unit}"


def _compared(lines: tuple[Line, ...]) -> Table:
    names = list(dict.fromkeys(name for line in lines for name in line.others))
    table = Table(Column("measured", no_wrap=True), "ours", box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name)
        table.add_column("ratio", justify="right")
    table.add_column("rounds", justify="right")
    for line in lines:
        cells = [line.measured, figure(statistics.median(line.ours), line.unit)]
        for name in names:
            theirs = line.others.get(name, "")
            cells += (
                [theirs, ""]
                if isinstance(theirs, str)
                else [figure(statistics.median(theirs), line.unit), _ratio(line, name)]
            )
        rounds = len(line.ours)
        table.add_row(*cells, f"{rounds}, few" if rounds < FEW_ROUNDS else str(rounds))
    return table


def _ratio(line: Line, name: str) -> str:
    middle = line.middle(name)
    return f"{line.ratio(name):.2f}" + (f" ({middle[0]:.2f}-{middle[1]:.2f})" if middle else "")
