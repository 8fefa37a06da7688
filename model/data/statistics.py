"""How the values of a column spread, as a manifest keeps it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.columns.schema import Feature
from functions.columns.table import Table, is_missing
from model.data.levels import level_counts

QUANTILES = tuple(step / 10 for step in range(11))
PARTS = 50
"""Equal parts of the sorted training rows, whose means a manifest keeps: a distance from all rows needs them, where
deciles would leave out the tails. Fifty are 0.5 kB a feature, in a manifest that every cold start reads."""

Vector: TypeAlias = NDArray[np.float64]


def describe(table: Table, features: Sequence[Feature]) -> list[dict[str, Any]]:
    """The manifest's `features`: each column of *table*, the training rows, and what was found out about it.

    A member that says nothing is left out: the kind of a number, `missing` and `unknown` where the model takes neither,
    a share of missing cells that is 0. A feature that is redacted is marked, so that the functions log no value of it.
    """
    return [_entry(table.cells(place), feature) for place, feature in enumerate(features)]


def _entry(cells: NDArray[Any], feature: Feature) -> dict[str, Any]:
    gone = is_missing(cells)
    marks = {
        "kind": feature.kind if feature.kind != "number" else None,
        "missing": feature.takes_missing,
        "missing_share": float(gone.mean()) if len(gone) else 0.0,
        "unknown": feature.takes_unknown,
        "parts": list(feature.parts),
        "redact": feature.redact,
        "width": feature.width if feature.width != "float64" else None,
    }
    spread = describe_levels(cells) if feature.kind == "category" else describe_numbers(cells[~gone])
    return {"name": feature.name, **spread, **{name: mark for name, mark in marks.items() if mark}}


def describe_levels(cells: NDArray[Any]) -> dict[str, Any]:
    """The levels of a category, the most frequent first, and their shares of the cells that are there."""
    counts = level_counts(cells)
    present = sum(counts.values())
    return {"levels": list(counts), "shares": [count / present for count in counts.values()]}


def describe_numbers(numbers: Vector) -> dict[str, Any]:
    """Range, mean, standard deviation, deciles and fiftieths of *numbers*, as a manifest keeps them.

    A fiftieth is the mean of that part of the sorted rows, to a thousandth of the standard deviation or finer.
    """
    return {
        "minimum": float(numbers.min()),
        "maximum": float(numbers.max()),
        "mean": float(numbers.mean()),
        "std": float(numbers.std()),
        "quantiles": [float(value) for value in np.quantile(numbers, QUANTILES)],
        "fiftieths": _rounded(means_of_parts(numbers, PARTS), float(numbers.std())),
    }


def means_of_parts(values: Vector, parts: int, weights: Vector | None = None) -> Vector:
    """Means of equal parts of the sorted *values*, as a manifest keeps them of training rows.

    Args:
        weights: How many rows each value stands for; 1 by default.
    """
    rows = len(values)
    if weights is None:
        ordered = np.sort(values)
        reached = np.concatenate([[0.0], np.cumsum(ordered / rows)])
        ends = np.interp(np.linspace(0, rows, parts + 1), np.arange(rows + 1), reached)
    else:
        order = np.argsort(values, kind="stable")
        ordered, shares = values[order], weights[order] / weights.sum()
        reached = np.concatenate([[0.0], np.cumsum(ordered * shares)])
        ends = np.interp(np.linspace(0, 1, parts + 1), np.concatenate([[0.0], np.cumsum(shares)]), reached)
    return np.asarray(np.clip(np.diff(ends) * parts, ordered[0], ordered[-1]))


def _rounded(values: Vector, spread: float) -> list[float]:
    """*values* to so many places that the fourth digit of *spread* is kept; more would only weigh."""
    if not 0 < spread < math.inf:
        return [float(value) for value in values]
    places = 3 - math.floor(math.log10(spread))
    return [round(value, places) for value in values.tolist()]
