"""Results of the benchmark: figures beside others' figures, their medians and ratios, and the JSON file that keeps them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

FEW_ROUNDS = 3
"""Fewer rounds than these leave a ratio to chance, and the table says so."""

Samples = Sequence[float]
"""A figure of each round; all figures of a line have the same rounds."""


@dataclass(frozen=True)
class Line:
    """One figure of ours beside the same figure of others, each by its samples.

    Args:
        unit: "s", "MB", or "/s".
        others: Samples by name, or a word where there is no figure.
    """

    measured: str
    unit: str
    ours: Samples
    others: Mapping[str, Samples | str]

    def ratio(self, name: str) -> float | None:
        """The median of the rounds' ratios, which other work on the machine moves less than the medians."""
        theirs = self.others.get(name)
        if theirs is None or isinstance(theirs, str):
            return None
        return statistics.median(a / b for a, b in zip(self.ours, theirs, strict=True))

    def middle(self, name: str) -> tuple[float, float] | None:
        """Between which two half of the rounds' ratios lie; None where there are fewer than FEW_ROUNDS."""
        theirs = self.others.get(name)
        if theirs is None or isinstance(theirs, str) or len(theirs) < FEW_ROUNDS:
            return None
        ratios = [a / b for a, b in zip(self.ours, theirs, strict=True)]
        low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return low, high

    def document(self) -> dict[str, Any]:
        others = {
            name: {"missing": theirs}
            if isinstance(theirs, str)
            else {
                "median": statistics.median(theirs),
                "samples": [*theirs],
                "ratio": self.ratio(name),
                "middle": self.middle(name),
            }
            for name, theirs in self.others.items()
        }
        ours = {"median": statistics.median(self.ours), "rounds": len(self.ours), "samples": [*self.ours]}
        return {"measured": self.measured, "unit": self.unit, "ours": ours, "others": others}


@dataclass(frozen=True)
class Sheet:
    """A table without ratios.

    Args:
        rows: Cells as they are shown.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""

    @classmethod
    def of(cls, table: Table) -> Sheet:
        """The same as a table of the terminal's."""
        columns = tuple(str(column.header) for column in table.columns)
        rows = zip(*(map(str, column.cells) for column in table.columns), strict=True)
        return cls(columns, tuple(rows), str(table.caption or ""))

    def document(self) -> dict[str, Any]:
        return {"columns": list(self.columns), "rows": [list(row) for row in self.rows], "caption": self.caption}


@dataclass(frozen=True)
class Noise:
    """The same work in each round, done by something that no change of ours moves.

    Args:
        reference: Names that work.
    """

    reference: str
    samples: Samples

    def spread(self) -> float:
        """The slowest and the fastest round's distance, as a share of the median."""
        return (max(self.samples) - min(self.samples)) / statistics.median(self.samples)

    def sentence(self) -> str:
        rounds = len(self.samples)
        if rounds < FEW_ROUNDS:
            return f"how noisy the machine was is not known: {self.reference} was measured {rounds} times"
        share = self.spread()
        word = "quiet" if share < 0.1 else "somewhat noisy" if share < 0.5 else "noisy: trust ratios, not times"
        return f"the machine was {word}: {self.reference} differed by {share:.0%} of its median over {rounds} rounds"

    def document(self) -> dict[str, Any]:
        known = len(self.samples) >= FEW_ROUNDS
        return {"reference": self.reference, "rounds": len(self.samples), "spread": self.spread() if known else None}


@dataclass(frozen=True)
class Part:
    """All results of one part of the benchmark.

    Args:
        noise: None where nothing is timed.
        remarks: What could not be measured, and why.
    """

    lines: tuple[Line, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    noise: Noise | None = None
    remarks: tuple[str, ...] = field(default=())

    def document(self) -> dict[str, Any]:
        return {
            "lines": [line.document() for line in self.lines],
            "sheets": [sheet.document() for sheet in self.sheets],
            "noise": self.noise.document() if self.noise else None,
            "remarks": list(self.remarks),
        }


def read(path: Path) -> dict[str, Any]:
    """Parts by name; none where *path* holds no such record."""
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def merge(path: Path, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Put the part *name* into the record at *path*, in place of an earlier one; returns the whole record."""
    record = {**read(path), name: dict(document)}
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(record, indent=1, allow_nan=False))
    new.replace(path)
    return record
