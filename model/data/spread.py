"""Columns of one value or nearly, or of numbers that leave float64 no room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from functions.columns.times import iso
from model.data.findings import Finding
from model.data.remedies import with_remedy

SPREAD_LIMIT = 1e-6
"""Smallest standard deviation, relative to the mean, that is no near-constant: below, a sum of products that large
cancels down to the nine digits within which an artefact must equal its estimator."""
DOMINANCE_LIMIT = 19.0
"""Most often to second most often value, from which on a feature is nearly constant: 95 to 5, with few values
altogether, as in Kuhn and Johnson, Applied Predictive Modeling (2013), section 3.5."""
SCALE_LIMIT = 1e100
"""Largest size of a number, and inverse of the smallest spread, that leave float64 room for squares and products."""
_FEW_VALUES = 0.1
Vector = NDArray[np.float64]


def degenerate(columns: Mapping[str, Vector], target: str, kinds: Mapping[str, str]) -> Iterator[Finding]:
    """Columns of one value or nearly: by how often their commonest value stands, and by how little they spread.

    Args:
        kinds: The kind of each column that is not one of numbers.
    """
    for name, cells in columns.items():
        kind = kinds.get(name, "number")
        column = cells[~np.isnan(cells)]
        values, counts = np.unique(column, return_counts=True)
        if len(values) == 1 and name != target and len(column) < len(cells):
            found = f"should vary, found {spelled(values[0], kind)} wherever it is not empty"
            yield with_remedy("near-constant", name, len(column), found)
        elif len(values) == 1 and len(column) > 1:
            code = "constant-target" if name == target else "constant-feature"
            yield with_remedy(code, name, len(column), f"must vary, found {spelled(values[0], kind)} in every row")
        elif kind == "number" and len(values) > 1 and (found := _scale(column)):
            yield with_remedy("beyond-scale", name, len(column), found)
        elif len(values) > 1 and name != target:
            second, first = np.partition(counts, -2)[-2:].tolist()
            spread, mean = float(column.std()), float(column.mean())
            if first >= DOMINANCE_LIMIT * second and len(values) <= max(2, _FEW_VALUES * len(column)):
                value = spelled(values[counts.argmax()], kind)
                found = f"should vary, found {value} in {first} of {len(column)} rows"
                yield with_remedy("near-constant", name, first, found)
            elif kind == "number" and spread < SPREAD_LIMIT * abs(mean):
                found = f"should vary, found a standard deviation of {spread:.3g} around {mean:.10g}"
                yield with_remedy("near-constant", name, len(column), found)


def spelled(value: float, kind: str) -> str:
    """A value of a column of *kind* as people write it."""
    match kind:
        case "boolean":
            return "true" if value else "false"
        case "time":
            return iso(float(value))
    return str(float(value))


def _scale(column: Vector) -> str:
    """The figure of *column* that is too large or too small to be computed with, or nothing."""
    size, spread = float(np.abs(column).max()), float(column.max() / 2 - column.min() / 2)
    if size > SCALE_LIMIT:
        return f"must lie within ±{SCALE_LIMIT:g}, found {size:.3g}"
    return "" if spread > 1 / SCALE_LIMIT else f"must spread over {1 / SCALE_LIMIT:g} at least, found {spread:.3g}"
