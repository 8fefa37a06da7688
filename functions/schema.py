"""Instances: features, order, kinds, ranges. The one check for training rows and requests."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .feature import KINDS, MOST_LEVELS, TIME_PARTS, WIDTHS, Feature, Level
from .problems import MOST_PROBLEMS, PayloadError, Problem, escape, pointer, shown
from .table import Matrix, Table

__all__ = [
    "KINDS",
    "MOST_LEVELS",
    "MOST_PROBLEMS",
    "TIME_PARTS",
    "WIDTHS",
    "Feature",
    "Level",
    "Matrix",
    "PayloadError",
    "Problem",
    "escape",
    "in_training_width",
    "outside",
    "pointer",
    "shown",
    "to_matrix",
    "to_table",
]

_NUMBERS = {int, float}


def to_table(instances: Sequence[Any], features: Sequence[Feature]) -> Table:
    """Arrange *instances* in the column order the model was trained with; see to_matrix."""
    return Table(to_matrix(instances, features))


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
