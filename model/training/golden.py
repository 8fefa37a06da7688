"""Golden instances: a few rows with the estimator's answers, which every reader reproduces before it serves.

They are shown and sent about. Where a feature is redacted they are made up, so no row of anybody's is among them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.columns import times
from functions.columns.schema import Feature, Level
from functions.columns.table import Table
from model.training.asking import Answers, Ask, answered
from model.training.proof import joined, unknown_level

_WHOLE = 2.0**53
ROWS = 8
"""How many instances without missing cells and unknown levels there are at most."""


def golden(
    ask: Ask, table: Table, features: Sequence[Feature], expected: Answers, classes: Sequence[Level] = ()
) -> list[dict[str, Any]]:
    """The manifest's `golden`: rows whose predictions spread evenly, then some with cells that the model takes.

    Args:
        ask: The estimator.
        table: Rows that may be shown where no feature is redacted.
        features: With what the model takes of each.
        expected: The estimator's answers to *table*.
        classes: The labels of a classifier.
    """
    plain = made_up(table, features) if any(feature.redact for feature in features) else table[_spread(expected[:, -1])]
    rows = joined([part for part in (plain, _unusual(plain, features)) if len(part)])
    answers = answered(ask, rows)
    cells = [_as_json(column, feature) for column, feature in zip(rows.columns, features, strict=True)]
    return [
        {"instance": [column[row] for column in cells], **_answer(answers[row].tolist(), classes)}
        for row in np.flatnonzero(np.isfinite(answers).all(axis=1)).tolist()
    ]


def _answer(answer: list[float], classes: Sequence[Level]) -> dict[str, Any]:
    """A row of answers as the manifest has it."""
    if not classes:
        return {"prediction": answer[0]}
    prediction = {"prediction": classes[int(answer[0])]}
    return {**prediction, "probabilities": answer[1:]} if len(answer) > 1 else prediction


def made_up(table: Table, features: Sequence[Feature]) -> Table:
    """Instances that are nobody's: quantiles of each column, and levels by turns."""
    steps = np.linspace(0, 1, ROWS)
    columns: list[Any] = []
    for cells, feature in zip(table.columns, features, strict=True):
        if feature.kind == "category":
            levels = feature.levels or (None,)
            columns.append(np.array([levels[place % len(levels)] for place in range(ROWS)], object))
            continue
        there = cells[~np.isnan(cells)]
        quantiles = np.quantile(there, steps) if len(there) else np.full(ROWS, np.nan)
        columns.append(quantiles if feature.kind == "number" else np.round(quantiles))
    return Table(columns)


def _spread(expected: NDArray[np.float64]) -> NDArray[np.intp]:
    """Rows whose predictions, or probabilities of the last class, spread evenly from the smallest to the largest."""
    order = np.argsort(expected, kind="stable")
    chosen: NDArray[np.intp] = order[np.linspace(0, len(order) - 1, min(ROWS, len(order))).round().astype(int)]
    return chosen


def _unusual(plain: Table, features: Sequence[Feature]) -> Table:
    """Rows of *plain* with missing cells and unknown levels where the model takes them: all, every second, the rest."""
    gaps = [place for place, feature in enumerate(features) if feature.takes_missing]
    news = [place for place, feature in enumerate(features) if feature.takes_unknown]
    rows: list[Table] = []
    for chosen in ([], gaps), (news, []), (news[::2], gaps[1::2]), (news[1::2], gaps[::2]):
        unknown, missing = chosen
        if unknown or missing:
            rows.append(_changed(plain[len(rows) : len(rows) + 1], features, unknown, missing))
    return joined(rows) if rows else plain[:0]


def _changed(row: Table, features: Sequence[Feature], unknown: Sequence[int], missing: Sequence[int]) -> Table:
    columns = [cells.copy() for cells in row.columns]
    for place in unknown:
        columns[place][0] = unknown_level(features[place])
    for place in missing:
        columns[place][0] = None if features[place].kind == "category" else np.nan
    return Table(columns)


def _as_json(cells: NDArray[Any], feature: Feature) -> list[Any]:
    """Cells as a request holds them."""
    match feature.kind:
        case "category":
            return [cell.item() if isinstance(cell, np.generic) else cell for cell in cells.tolist()]
        case "boolean":
            return [None if np.isnan(cell) else bool(cell) for cell in cells.tolist()]
        case "time":
            return [None if np.isnan(cell) else times.iso(cell) for cell in cells.tolist()]
    return [None if np.isnan(cell) else _shortest(cell) for cell in cells.tolist()]


def _shortest(number: float) -> float | int:
    """A whole number without its `.0`, where both are the same number."""
    whole = number.is_integer() and abs(number) < _WHOLE and (number or math.copysign(1, number) > 0)
    return int(number) if whole else number
