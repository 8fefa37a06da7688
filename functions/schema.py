"""Instances: features, order, types, ranges. The one check for training rows and requests.

Errors, by who must act:
    PayloadError    the sender of the rows (a caller of the functions, the owner of a data set)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

MOST_PROBLEMS = 20
"""Number of problems of one body, or of warnings of one answer, that are listed."""

KINDS = ("number", "boolean", "category", "time")
"""Kinds of columns."""

TIME_PARTS = ("year", "month", "day", "weekday", "hour", "day_of_year", "epoch_days")
"""Numbers that a time can become."""

MOST_LEVELS = 1000
"""Number of different levels that a category may have."""

Level = str | bool | int | float
"""A category's value, in its own JSON type."""

WIDTHS = {"float16", "float32", "float64"}
"""Widths of the floating-point numbers that a feature can have been trained in."""

_NUMBERS = {int, float}
_MOST_SHOWN = 40
_MOST_BITS = 10_000


@dataclass(frozen=True)
class Feature:
    """One input of the model.

    Attributes:
        minimum, maximum: The training range, inclusive, in the feature's own unit; of a time in seconds since 1970.
        redact: Its values are never logged.
        width: One of WIDTHS, that of the training column. Values are compared in it: the column's 0.1 of float32 is
            0.10000000149011612 as a double, and a caller means the same value by 0.1.
        kind: One of KINDS.
        takes_missing: The model answers a missing cell; it was asked.
        had_missing: Training rows had missing cells, so an absent member counts as one.
        levels: Of a category: the values that training saw, the most frequent first.
        takes_unknown: Of a category: the model answers a level that training never saw; it was asked.
        parts: Of a time: the numbers that the model sees of it, in order, each one of TIME_PARTS.
    """

    name: str
    minimum: float = -math.inf
    maximum: float = math.inf
    redact: bool = False
    width: str = "float64"
    kind: str = "number"
    takes_missing: bool = False
    had_missing: bool = False
    levels: tuple[Level, ...] = ()
    takes_unknown: bool = False
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """An error or a warning, and its place: *pointer* is a JSON Pointer (RFC 6901)."""

    detail: str
    pointer: str


class PayloadError(ValueError):
    """Rows, or a whole body, that cannot be used; str() of it is safe to send to the caller."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("; ".join(problem.detail for problem in problems))


def to_matrix(instances: Sequence[Any], features: Sequence[Feature]) -> Matrix:
    """Arrange *instances* in the column order the model was trained with.

    An instance is a number (one-feature models), a list in feature order, or a dict by feature name;
    forms may be mixed.

    Returns:
        Array of shape (n_instances, n_features).

    Raises:
        PayloadError: A feature is missing, unknown, not a number or not finite. Problems are listed from
            the first row on, MOST_PROBLEMS at most; pointers start at the list of instances.
    """
    flat = _flatten(instances, features)
    if flat is not None and set(map(type, flat)) <= _NUMBERS:
        try:
            matrix = np.array(flat, dtype=np.float64).reshape(-1, len(features))
        except OverflowError:  # an int beyond float64; the walk below names its row
            pass
        else:
            if np.isfinite(matrix).all():
                return matrix
    return _walk(instances, features)


def outside(matrix: Matrix, features: Sequence[Feature]) -> NDArray[np.intp]:
    """Find the cells outside their feature's range.

    Returns:
        Array of shape (n_cells, 2): row and column of each such cell, in row order.
    """
    low = np.array([feature.minimum for feature in features])
    high = np.array([feature.maximum for feature in features])
    if any(feature.width != "float64" for feature in features):
        matrix, low, high = (in_training_width(values, features) for values in (matrix, low, high))
    return np.argwhere((matrix < low) | (matrix > high))


def in_training_width(values: NDArray[np.float64], features: Sequence[Feature]) -> NDArray[np.float64]:
    """*values*, whose last axis is (n_features,), each rounded to the width of its feature; a copy."""
    rounded = values.copy()
    with np.errstate(over="ignore"):  # a value beyond the width is an infinity in it
        for column, feature in enumerate(features):
            rounded[..., column] = values[..., column].astype(feature.width)
    return rounded


def pointer(row: int, instance: object, feature: str, column: int) -> str:
    """JSON Pointer, from the list of instances, to where *instance* holds a feature."""
    match instance:
        case list():
            return f"/{row}/{column}"
        case dict():
            return f"/{row}/{escape(feature)}"
        case _:
            return f"/{row}"


def escape(member: str) -> str:
    """*member* as one reference token of a JSON Pointer, at most 40 characters, encodable as UTF-8."""
    token = member[:_MOST_SHOWN].replace("~", "~0").replace("/", "~1")
    return token.encode("utf-8", "replace").decode()


def shown(value: object) -> str:
    """*value* as JSON, shortened, for a message."""
    match value:
        case list():
            return f"an array of {len(value)}"
        case dict():
            return "an object"
        case float() if math.isnan(value):
            return "NaN"
        case float() if math.isinf(value):
            return "a number beyond float64 or an infinity"
        case int() if value.bit_length() > _MOST_BITS:  # it has more digits than Python prints
            return "a number beyond float64 or an infinity"
        case str():
            value = value[:_MOST_SHOWN] + "…" if len(value) > _MOST_SHOWN else value
    text = json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace").decode()
    return text if len(text) <= _MOST_SHOWN + 4 else f"{text[:_MOST_SHOWN]}…"


def _flatten(instances: Sequence[Any], features: Sequence[Feature]) -> Sequence[Any] | None:
    """All cells in row order if every instance has the same valid form, else None."""
    width = len(features)
    kinds = set(map(type, instances))
    if kinds == {list} and set(map(len, instances)) == {width}:
        return list(chain.from_iterable(instances))
    if kinds == {dict} and set(map(len, instances)) == {width}:
        names = [feature.name for feature in features]
        try:
            return [instance[name] for instance in instances for name in names]
        except KeyError:
            return None
    return instances if width == 1 and kinds <= _NUMBERS else None


def _walk(instances: Sequence[Any], features: Sequence[Feature]) -> Matrix:
    """Arrange the instances row by row, and name every problem."""
    rows: list[list[float]] = []
    problems: list[Problem] = []
    for row, instance in enumerate(instances):
        if type(instance) is float and len(features) == 1 and math.isfinite(instance):
            rows.append([instance])
            continue
        cells: list[float] = []
        for cell in _cells(row, instance, features):
            if isinstance(cell, Problem):
                problems.append(cell)
            else:
                cells.append(cell)
        rows.append(cells)
        if len(problems) >= MOST_PROBLEMS:
            break
    if problems:
        raise PayloadError(*problems[:MOST_PROBLEMS])
    return np.array(rows, dtype=np.float64).reshape(-1, len(features))


def _cells(row: int, instance: object, features: Sequence[Feature]) -> Iterator[float | Problem]:
    values: Mapping[str, object]
    match instance:
        case dict():
            values = instance
            names = {feature.name for feature in features}
            for name in instance:
                if name not in names:
                    yield Problem(f"row {row}: unknown feature {shown(name)}", f"/{row}/{escape(name)}")
        case list():
            if len(instance) != len(features):
                listed = ", ".join(feature.name for feature in features)
                detail = f"row {row}: must hold {_counted(len(features))} ({listed}), got {len(instance)}"
                yield Problem(detail, f"/{row}")
                return
            values = {feature.name: cell for feature, cell in zip(features, instance, strict=True)}
        case _ if len(features) == 1:
            values = {features[0].name: instance}
        case _:
            detail = f"row {row}: must be an array of {len(features)} numbers or an object, got {shown(instance)}"
            yield Problem(detail, f"/{row}")
            return
    for column, feature in enumerate(features):
        if feature.name not in values:
            yield Problem(f"row {row}: missing feature '{feature.name}'", f"/{row}")
            continue
        value = values[feature.name]
        number = _finite(value)
        if number is None:
            kind = "a finite number" if type(value) in _NUMBERS else "a number"
            detail = f"row {row}: '{feature.name}' must be {kind}, got {shown(value)}"
            yield Problem(detail, pointer(row, instance, feature.name, column))
        else:
            yield number


def _counted(numbers: int) -> str:
    return "1 number" if numbers == 1 else f"{numbers} numbers"


def _finite(value: object) -> float | None:
    if type(value) is not int and type(value) is not float:  # bool is an int, and no number here
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
