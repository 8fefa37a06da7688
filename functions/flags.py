"""Values to warn of, and predictions that cannot be answered, each with its place in the request. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .columns.feature import traits
from .columns.places import Places, missing, outside, unknown
from .columns.rows import Rows
from .columns.schema import MOST_PROBLEMS, Feature, PayloadError, Problem, pointer, shown
from .columns.times import iso
from .exchange import Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    from .columns.arrays import np

NOTHING: dict[str, int] = {}


class Flags(NamedTuple):
    """The cells of a question that training did not see the like of.

    Attributes:
        warnings: The first MOST_PROBLEMS of them, in row order.
        flagged: How many there are in all.
        outside, unknown, missing: Numbers of cells outside the training range, of levels that training never saw, and
            of missing cells, by feature; a missing cell is flagged only where training had none.
    """

    warnings: list[Problem]
    flagged: int
    outside: dict[str, int]
    unknown: dict[str, int]
    missing: dict[str, int]


_NONE = Flags([], 0, NOTHING, NOTHING, NOTHING)


def flags(question: Question, features: Sequence[Feature]) -> Flags:
    """Flag values outside the training range, levels that training never saw, and cells that were never missing."""
    if isinstance(question.table, Rows):
        places = question.table.outside(features)
        return _plain_flags(question, places, features) if places else _NONE
    beyond = outside(question.table, features)
    strange = gaps = new_gaps = beyond[:0]
    if not traits(features).complete:
        strange, gaps = unknown(question.table, features), missing(question.table, features)
        never_missing = np.array([not feature.had_missing for feature in features])
        new_gaps = gaps[never_missing[gaps[:, 1]]]
    kinds = (("outside", beyond), ("unknown", strange), ("missing", new_gaps))
    first_ones = sorted(
        (row, column, kind) for kind, places in kinds for row, column in places[:MOST_PROBLEMS].tolist()
    )
    warnings = [
        _warning(question, features[column], row, column, kind) for row, column, kind in first_ones[:MOST_PROBLEMS]
    ]
    flagged = len(beyond) + len(strange) + len(new_gaps)
    counts = (_counts(places, features) for places in (beyond, strange, gaps))
    return Flags(warnings, flagged, *counts)


def _plain_flags(question: Question, beyond: Sequence[Sequence[int]], features: Sequence[Feature]) -> Flags:
    """The same for complete numbers of which those *beyond* are outside the range, without numpy."""
    warnings = [_warning(question, features[column], row, column, "outside") for row, column in beyond[:MOST_PROBLEMS]]
    columns = [column for _, column in beyond]
    counts = {feature.name: columns.count(place) for place, feature in enumerate(features) if place in columns}
    return Flags(warnings, len(beyond), counts, NOTHING, NOTHING)


def check_predictions(
    predictions: NDArray[Any] | list[float], probabilities: NDArray[Any] | None, question: Question
) -> None:
    """Refuse predictions and probabilities that are not finite numbers.

    Raises:
        PayloadError: The pointers name the instances that are too large for this model.
    """
    if isinstance(predictions, list):
        if beyond := [row for row, number in enumerate(predictions) if not math.isfinite(number)]:
            raise _beyond_float64(beyond, question)
        return
    finite = are_finite(predictions, probabilities)
    if not finite.all():
        raise _beyond_float64(np.flatnonzero(~finite)[:MOST_PROBLEMS].tolist(), question)


def _beyond_float64(rows: Sequence[int], question: Question) -> PayloadError:
    return PayloadError(
        *(
            Problem(f"row {row}: the prediction for this instance is beyond float64", question.pointer(f"/{row}"))
            for row in rows[:MOST_PROBLEMS]
        )
    )


def _warning(question: Question, feature: Feature, row: int, column: int, kind: str) -> Problem:
    relative = pointer(row, question.instances[row], feature.name, column)
    detail = f"row {row}: '{feature.name}' {_reason(question, feature, row, column, kind)}"
    return Problem(detail, question.pointer(relative))


def are_finite(predictions: NDArray[Any], probabilities: NDArray[Any] | None) -> NDArray[np.bool_]:
    """Which rows have finite numbers alone as prediction and probabilities, shape (n_rows,)."""
    finite: NDArray[np.bool_]
    finite = np.isfinite(predictions) if predictions.dtype.kind == "f" else np.ones(len(predictions), bool)
    if probabilities is not None:
        finite &= np.isfinite(probabilities).all(axis=1)
    return finite


def _reason(question: Question, feature: Feature, row: int, column: int, kind: str) -> str:
    """The predicate of a warning of one *kind*."""
    if kind == "missing":
        return "is missing, and was never missing in training"
    value = question.table.cell(row, column)
    if kind == "unknown":
        return f"= {shown(value)} is a level that training never saw"
    low, high = (_spelled(bound, feature, feature.width) for bound in (feature.minimum, feature.maximum))
    return f"= {_spelled(float(value), feature, 'float64')} is outside the training range [{low}, {high}]"


def _spelled(number: float, feature: Feature, width: str) -> str:
    """*number* as a request would hold it; the fewest digits that name it in its *width*."""
    match feature.kind:
        case "time":
            return iso(number)
        case "boolean":
            return "true" if number else "false"
        case _:
            return repr(number) if width == "float64" else str(np.array(number, dtype=width))


def _counts(places: Places, features: Sequence[Feature]) -> dict[str, int]:
    if not len(places):
        return {}
    counts = np.bincount(places[:, 1], minlength=len(features)).tolist()
    return {feature.name: count for feature, count in zip(features, counts, strict=True) if count}
