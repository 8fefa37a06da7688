"""Cells of a request by the kind of their feature: as a table holds them, or why they cannot be used. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..problems import shown
from . import times
from .feature import JSON_TYPES, Feature, Level

if TYPE_CHECKING:
    import numpy as np

    from .table import Cells
else:
    from .arrays import np

MOST_LEVELS_SHOWN = 5
"""Number of known levels that a refusal names."""

_NUMBERS = {int, float}
_NULL = type(None)
_LONGEST_NUMBER = 32


def column(values: Sequence[Any], feature: Feature) -> Cells | None:
    """*values* of *feature* as a table holds them, shape (n_rows,); None where one of them cannot be used."""
    kinds = {*map(type, values)}
    if _NULL in kinds:
        if not feature.takes_missing:
            return None
        kinds.remove(_NULL)
    match feature.kind:
        case "category":
            return _levels(values, kinds, feature)
        case "time":
            return _times(values, kinds)
        case "boolean":
            cells = _numbers(values, kinds - {bool})
            return cells if cells is not None and ((cells == 0) | (cells == 1) | np.isnan(cells)).all() else None
        case _:
            return _numbers(values, kinds)


def fault(value: object, feature: Feature) -> str | None:
    """The predicate of a message about a *value* that cannot be used, `must be a number, got "x"`; else None."""
    if value is None and feature.takes_missing:
        return None
    match feature.kind:
        case "category":
            fits, expected = _level(value, feature) is not None, _expected_level(value, feature)
        case "time":
            fits = type(value) is str and times.parse(value) is not None
            expected = "a date or a time like 2026-11-26T01:30:00Z"
        case "boolean":
            fits, expected = type(value) is bool or (type(value) in _NUMBERS and value in {0, 1}), "true or false"
        case _:
            number = type(value) in _NUMBERS
            fits, expected = number and _is_finite(value), "a finite number" if number else "a number"
    return None if fits else f"must be {expected}, got {shown(value)}{_advice(value, feature)}"


def _advice(value: object, feature: Feature) -> str:
    """How to send what *value* probably stands for: pandas writes missing cells as NaN, and times as numbers."""
    if feature.takes_missing and type(value) is float and math.isnan(value):
        return "; a missing cell is null, or empty in CSV"
    if feature.kind == "time" and type(value) in _NUMBERS:
        return '; send a text (from pandas: to_json(date_format="iso"))'
    return ""


def _numbers(values: Sequence[Any], kinds: set[type]) -> Cells | None:
    if not kinds <= _NUMBERS:
        return None
    try:
        cells = np.array(values, dtype=np.float64)  # None becomes NaN
    except OverflowError:  # an int beyond float64
        return None
    finite = int(np.isfinite(cells).sum())
    return cells if finite == len(values) or finite + values.count(None) == len(values) else None


def _times(values: Sequence[Any], kinds: set[type]) -> Cells | None:
    if not kinds <= {str}:
        return None
    seconds = [math.nan if value is None else times.parse(value) for value in values]
    return None if None in seconds else np.array(seconds, dtype=np.float64)


def _levels(values: Sequence[Any], kinds: set[type], feature: Feature) -> Cells | None:
    if not (kinds <= {str} and feature.textual):
        levels = [None if value is None else _level(value, feature) for value in values]
        if levels.count(None) != values.count(None):
            return None
        values = levels
    elif not feature.takes_unknown and not {*values} - {None} <= feature.lookup.keys():
        return None
    cells = np.empty(len(values), object)
    cells[:] = values
    return cells


def _level(value: object, feature: Feature) -> Level | None:
    """The level that *value* means; *value* itself for an unknown one that the model answers; None if it is neither.

    A number or a boolean may come as its own JSON type or as a text.
    """
    kind = type(value)
    if kind is not str and kind is not bool and (kind not in _NUMBERS or not _is_finite(value)):
        return None
    level = feature.lookup.get((bool, value) if kind is bool else value)
    if level is None and kind is str and not feature.textual:
        level = _spelled(str(value), feature)
    if level is None and feature.takes_unknown and JSON_TYPES[kind] in feature.level_types:
        return value  # type: ignore[return-value]  # one of the types above
    return level


def _spelled(text: str, feature: Feature) -> Level | None:
    """The number or boolean level that *text* spells."""
    try:
        value = json.loads(text) if len(text) <= _LONGEST_NUMBER else None
    except (ValueError, RecursionError):
        return None
    return None if type(value) not in {bool, *_NUMBERS} else _level(value, feature)


def _expected_level(value: object, feature: Feature) -> str:
    """The levels that *value* is none of, a handful of them; or their type where it has another one."""
    if JSON_TYPES.get(type(value)) not in feature.level_types and len(feature.level_types) == 1 and value is not None:
        return next(iter(feature.level_types))
    if feature.redact:
        return "a level that training saw"
    first = ", ".join(map(shown, feature.levels[:MOST_LEVELS_SHOWN]))
    more = len(feature.levels) - MOST_LEVELS_SHOWN
    return f"one of {first} and {more} others" if more > 0 else f"one of {first}" if first else "null"


def _is_finite(number: Any) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False
