"""Instances: features, order, kinds, ranges. The one check for training rows and requests."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from ..problems import MOST_PROBLEMS, PayloadError, Problem, escape, pointer, shown
from .arrays import doubles
from .cells import column, fault
from .feature import KINDS, MOST_LEVELS, TIME_PARTS, WIDTHS, Feature, Level, traits
from .places import in_training_width, outside
from .rows import Rows, to_rows
from .table import Matrix, Table

if TYPE_CHECKING:
    import numpy as np
else:
    from .arrays import np

__all__ = [
    "KINDS",
    "MOST_LEVELS",
    "MOST_PROBLEMS",
    "QUOTES",
    "TIME_PARTS",
    "WIDTHS",
    "Feature",
    "Level",
    "Matrix",
    "PayloadError",
    "Problem",
    "escape",
    "example",
    "has_texts",
    "in_training_width",
    "outside",
    "pointer",
    "shown",
    "to_few",
    "to_matrix",
    "to_table",
]

QUOTES = "a text has double quotes, in an address %22"
"""The advice where a text came without."""

_NUMBERS = {int, float}
_FEW_CELLS = 32
"""Up to so many cells plain Python checks faster than numpy does; for one cell in half of the time of all."""


def to_few(
    instances: Sequence[Any], features: Sequence[Feature], most_cells: int, *, booleans: bool = True
) -> Table | Rows:
    """The same as to_table; up to *most_cells* complete numbers come as Rows, for a model that takes them.

    Raises:
        PayloadError: See to_table.
    """
    known = traits(features)
    if len(instances) * len(features) > most_cells or not known.plain:
        return to_table(instances, features, booleans=booleans)
    rows = to_rows(instances, known.names)
    return rows if rows is not None else Rows([[*map(float, row)] for row in _walk(instances, features)], len(features))


def to_table(instances: Sequence[Any], features: Sequence[Feature], *, booleans: bool = True) -> Table:
    """Arrange *instances* in the column order the model was trained with.

    An instance is a value (one-feature models), a list in feature order, or a dict by feature name; forms may be mixed.
    None is a missing cell; so is an absent member of a dict where the feature had missing cells in training.

    Args:
        booleans: False where JSON without true and false was decoded to *instances*: then a row of numbers is known by
            becoming floats, without a look at the type of each cell.

    Raises:
        PayloadError: A feature is missing or unknown, or a cell is not what its feature takes. Problems are listed
            from the first row on, MOST_PROBLEMS at most; pointers start at the list of instances.
    """
    if traits(features).complete:
        return Table(to_matrix(instances, features, booleans=booleans))
    columns = _columns(instances, features)
    table = None if columns is None else _arranged(columns, features)
    if table is None:
        rows = _walk(instances, features)
        table = _arranged(list(zip(*rows, strict=True)) if rows else [()] * len(features), features)
    if table is None:
        raise AssertionError("cells without a fault were refused")
    return table


def to_matrix(instances: Sequence[Any], features: Sequence[Feature], *, booleans: bool = True) -> Matrix:
    """The same for number features without missing cells, as an array of shape (n_instances, n_features).

    Args:
        booleans: See to_table.

    Raises:
        PayloadError: See to_table.
    """
    flat = _flatten(instances, features)
    if flat is not None and not (booleans and _are_others(flat)):
        try:
            cells = doubles(flat)
            few = len(flat) <= _FEW_CELLS
            if all(map(math.isfinite, flat)) if few else np.isfinite(cells).all():
                return cells.reshape(-1, len(features))
        except ValueError:  # no number, or an int beyond float64; the walk below names its row
            pass
    return np.array(_walk(instances, features), dtype=np.float64).reshape(-1, len(features))


def has_texts(features: Sequence[Feature]) -> bool:
    """Whether a cell of *features* can be a text."""
    return traits(features).texts


def example(feature: Feature) -> str:
    """A value of *feature* as JSON, for a message; no level of one that is redacted."""
    match feature.kind:
        case "category":
            return shown(feature.levels[0] if feature.levels and not feature.redact else "text")
        case "time":
            return '"2026-11-26"'
        case "boolean":
            return "true"
        case _:
            return "0.5"


def _flatten(instances: Sequence[Any], features: Sequence[Feature]) -> Sequence[Any] | None:
    """All cells in row order if every instance has the same valid form, else None; among them may be any value."""
    width = len(features)
    if width == 1 and instances and type(instances[0]) in _NUMBERS:
        return instances
    kinds = {*map(type, instances)}
    if kinds == {list} and {*map(len, instances)} == {width}:
        return list(chain.from_iterable(instances))
    if kinds == {dict} and {*map(len, instances)} == {width}:
        names = [feature.name for feature in features]
        try:
            return [instance[name] for instance in instances for name in names]
        except KeyError:
            return None
    return None


def _are_others(cells: Sequence[Any]) -> bool:
    """Whether one of *cells* is no number."""
    types = [*map(type, cells)]
    return types.count(float) != len(types) and not {*types} <= _NUMBERS


def _columns(instances: Sequence[Any], features: Sequence[Feature]) -> Sequence[Sequence[Any]] | None:
    """The values of each feature, if every instance has the same valid form, else None."""
    width, forms = len(features), {*map(type, instances)}
    if forms == {list}:
        return list(zip(*instances, strict=True)) if {*map(len, instances)} == {width} else None
    if forms == {dict}:
        return _by_name(instances, features)
    return [instances] if width == 1 and forms and forms.isdisjoint({list, dict}) else None


def _by_name(instances: Sequence[dict[str, Any]], features: Sequence[Feature]) -> list[list[Any]] | None:
    if {*map(len, instances)} != {len(features)} or any(map(_may_be_absent, features)):
        names = {feature.name for feature in features}
        if not all(map(names.issuperset, instances)):
            return None
    try:
        return [
            [instance.get(feature.name) for instance in instances]
            if _may_be_absent(feature)
            else [instance[feature.name] for instance in instances]
            for feature in features
        ]
    except KeyError:
        return None


def _may_be_absent(feature: Feature) -> bool:
    return feature.had_missing and feature.takes_missing


def _arranged(columns: Sequence[Sequence[Any]], features: Sequence[Feature]) -> Table | None:
    """The table of *columns*, the values of each feature; None where one of them cannot be used."""
    cells = []
    for values, feature in zip(columns, features, strict=True):
        converted = column(values, feature)
        if converted is None:
            return None
        cells.append(converted)
    return Table(np.stack(cells, axis=1) if traits(features).measured else cells)


def _walk(instances: Sequence[Any], features: Sequence[Feature]) -> list[list[Any]]:
    """The cells of each instance in feature order, if all can be used; else every problem is named."""
    rows: list[list[Any]] = []
    problems: list[Problem] = []
    lone_number = len(features) == 1 and features[0].kind == "number"
    for row, instance in enumerate(instances):
        if lone_number and type(instance) is float and math.isfinite(instance):
            rows.append([instance])
            continue
        cells: list[Any] = []
        for cell in _cells(row, instance, features):
            if not isinstance(cell, Problem):
                cells.append(cell)
                continue
            problems.append(cell)
            if len(problems) == MOST_PROBLEMS:
                raise PayloadError(*problems)
        rows.append(cells)
    if problems:
        raise PayloadError(*problems)
    return rows


def _cells(row: int, instance: object, features: Sequence[Feature]) -> Iterator[Any]:
    """The cells of one instance in feature order, or a Problem in place of each that cannot be used."""
    values: Mapping[str, object]
    match instance:
        case dict():
            values = instance
            names = {feature.name for feature in features}
            for name in instance:
                if name not in names:
                    from .naming import unknown  # noqa: PLC0415 - only a refusal comes here

                    yield Problem(f"row {row}: {unknown(name, features)}", f"/{row}/{escape(name)}")
        case list():
            if len(instance) != len(features):
                from .naming import listed  # noqa: PLC0415 - only a refusal comes here

                every = listed([feature.name for feature in features])
                detail = f"row {row}: must hold {_counted(features)} ({every}), got {len(instance)}"
                yield Problem(detail, f"/{row}")
                return
            values = {feature.name: cell for feature, cell in zip(features, instance, strict=True)}
        case _ if len(features) == 1:
            values = {features[0].name: instance}
        case _:
            detail = f"row {row}: must be an array of {_counted(features)} or an object, got {shown(instance)}"
            yield Problem(detail, f"/{row}")
            return
    for place, feature in enumerate(features):
        if feature.name not in values:
            missing = Problem(f"row {row}: missing feature '{feature.name}'", f"/{row}")
            yield None if _may_be_absent(feature) else missing
            continue
        value = values[feature.name]
        reason = fault(value, feature)
        if reason is None:
            yield value
        else:
            detail = f"row {row}: '{feature.name}' {reason}"
            yield Problem(detail, pointer(row, instance, feature.name, place))


def _counted(features: Sequence[Feature]) -> str:
    noun = "number" if all(feature.kind == "number" for feature in features) else "value"
    return f"1 {noun}" if len(features) == 1 else f"{len(features)} {noun}s"
