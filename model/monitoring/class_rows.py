"""Captured answers of a classifier as numbers: labels by their place among the classes, scores, probabilities. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.monitoring.log_schema import rendered, shown
from model.monitoring.row_values import as_logged, predicted_numbers
from model.monitoring.windows import Layout, Matrix

MOST_CLASSES = 10  # MOST_CLASSES of functions/telemetry/rows.py
_ROUNDING = 1e-9
_OF_THE_SUM = 1e-4
"""The most by which a row's probabilities may miss 1: those of boosters are of single precision."""
_NUMBERS = {int, float}


@dataclass(frozen=True)
class Chances:
    """Probabilities of some classes of each row; arrays of shape (n_rows, at most MOST_CLASSES).

    Args:
        places: Places of the classes among all; -1 where a row has none.
        values: Their probabilities; NaN where a row has none.
    """

    places: NDArray[np.int16]
    values: Matrix

    def where(self, rows: NDArray[Any]) -> Chances:
        """Those of *rows*, a mask or numbers."""
        return Chances(self.places[rows], self.values[rows])

    @property
    def there(self) -> NDArray[np.bool_]:
        """Which rows have probabilities; shape (n_rows,)."""
        return np.asarray(~np.isnan(self.values[:, 0]))

    def matrix(self, classes: int) -> Matrix:
        """Probabilities of all *classes*; the rest of those that a row does not name is shared equally among them."""
        rows, width = self.values.shape
        left = np.maximum(0.0, 1.0 - self.values.sum(axis=1, keepdims=True)) / max(1, classes - width)
        whole = np.repeat(left, classes, axis=1) if width < classes else np.zeros((rows, classes))
        np.put_along_axis(whole, self.places.astype(np.intp), self.values, axis=1)
        return whole


def add_answers(
    rows: Sequence[Mapping[str, Any]], layout: Layout, values: Matrix, flaws: dict[int, str]
) -> Chances | None:
    """Put predictions and scores into *values*, as `row_values` gives them; rows that have none are named in *flaws*.

    Returns:
        The probabilities of a classifier that has scores.
    """
    width = len(layout.features)
    if not layout.classes:
        values[:, width] = predicted_numbers(rows, flaws)
        return None
    values[:, width] = predicted_places(rows, layout, flaws)
    if not layout.scored:
        return None
    found = chances(rows, layout, flaws)
    values[:, width + 1] = scores(found, layout)
    return found


def predicted_places(rows: Sequence[Mapping[str, Any]], layout: Layout, flaws: dict[int, str]) -> Sequence[float]:
    """The place of each predicted label; NaN, and a line in *flaws*, for one that is no class."""
    codes = _codes(layout)
    places = []
    for row, fields in enumerate(rows):
        place = codes.get(fields["prediction"])
        if place is None:
            labels = ", ".join(shown(rendered(label)) for label in layout.classes[:MOST_CLASSES])
            more = ", …" if len(layout.classes) > MOST_CLASSES else ""
            found = shown(rendered(fields["prediction"]))
            flaws.setdefault(row, f"prediction must be one of {labels}{more}, found {found}")
        places.append(np.nan if place is None else float(place))
    return places


def chances(rows: Sequence[Mapping[str, Any]], layout: Layout, flaws: dict[int, str]) -> Chances:
    """The probabilities of each row; a line in *flaws* for one whose probabilities are none."""
    width = min(MOST_CLASSES, len(layout.classes))
    codes, usual = _codes(layout), list(map(as_logged, layout.classes))
    places = np.full((len(rows), width), -1, np.int16)
    values = np.full((len(rows), width), np.nan)
    in_order = np.arange(width, dtype=np.int16)
    for row, fields in enumerate(rows):
        found, names = fields.get("probabilities"), fields.get("classes")
        if found is None:
            continue
        if type(found) is not list or len(found) != width or not set(map(type, found)) <= _NUMBERS:
            flaws.setdefault(row, f"probabilities must be {width} numbers, found {shown(rendered(found))}")
            continue
        if min(found) < -_ROUNDING or max(found) > 1 + _ROUNDING:
            flaws.setdefault(row, f"probabilities must lie between 0 and 1, found {shown(rendered(found))}")
            continue
        whole, cut = sum(found), len(layout.classes) > width
        if whole > 1 + _OF_THE_SUM or (whole < 1 - _OF_THE_SUM and not cut):
            expected = "at most 1" if cut else "1"
            flaws.setdefault(row, f"probabilities must add up to {expected}, found {shown(rendered(found))}")
            continue
        if names == usual:
            places[row] = in_order
        else:
            own = [codes.get(name, -1) if isinstance(name, str | int | float) else -1 for name in _listed(names)]
            if -1 in own or len(set(own)) != width:
                flaws.setdefault(row, f"classes must name {width} classes, found {shown(rendered(names))}")
                continue
            places[row] = own
        values[row] = found
    return Chances(places, values)


def scores(found: Chances, layout: Layout) -> Matrix:
    """The probability of the positive class of each row, or of the likeliest one; NaN where it is not known."""
    if layout.positive is None:
        return np.asarray(found.values.max(axis=1))
    own = found.places == layout.positive
    return np.where(own.any(axis=1), found.values[np.arange(len(own)), own.argmax(axis=1)], np.nan)


def _codes(layout: Layout) -> dict[Any, int]:
    return {as_logged(label): place for place, label in enumerate(layout.classes)}


def _listed(names: object) -> list[Any]:
    return names if isinstance(names, list) else []
