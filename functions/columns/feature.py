"""One input of a model: its name, its kind, and what training saw of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

KINDS = ("number", "boolean", "category", "time")
"""Kinds of columns."""

TIME_PARTS = ("year", "month", "day", "weekday", "hour", "day_of_year", "epoch_days")
"""Numbers that a time can become."""

MOST_LEVELS = 1000
"""Number of different levels that a category may have."""

Level = str | bool | int | float
"""A category's value, in its own JSON type."""

JSON_TYPES: dict[type, str] = {str: "a text", bool: "true or false", int: "a number", float: "a number"}
"""Names of the JSON types that a level can have."""

WIDTHS = {"float16", "float32", "float64"}
"""Widths of the floating-point numbers that a feature can have been trained in."""


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

    @cached_property
    def lookup(self) -> dict[object, Level]:
        """Levels by the value that a request holds; true and false as (bool, value), since they equal 1 and 0."""
        return {(bool, level) if type(level) is bool else level: level for level in self.levels}

    @cached_property
    def level_set(self) -> frozenset[Level]:
        return frozenset(self.levels)

    @cached_property
    def level_types(self) -> set[str]:
        """The JSON types of the levels, by name; a text where there are no levels."""
        return {JSON_TYPES[type(level)] for level in self.levels} or {JSON_TYPES[str]}

    @cached_property
    def textual(self) -> bool:
        """Whether all levels are texts."""
        return self.level_types == {JSON_TYPES[str]}


class Traits(NamedTuple):
    """What holds for all of a model's features.

    Attributes:
        complete: All are numbers that are never missing.
        plain: All are that, and of double precision.
        measured: None is a category, so a table of them is a float64 matrix.
        texts: A cell of one can be a text.
        names, redacted: The names of all, and of those whose values are never logged.
    """

    features: Sequence[Feature]
    complete: bool
    plain: bool
    measured: bool
    texts: bool
    names: tuple[str, ...]
    redacted: tuple[str, ...]


def traits(features: Sequence[Feature]) -> Traits:
    """The traits of *features*; those of a tuple are remembered, since each request asks for those of the same one."""
    known = _known.get(id(features))
    if known is not None and known.features is features:
        return known
    kinds = {feature.kind for feature in features}
    complete = kinds <= {"number"} and not any(feature.takes_missing for feature in features)
    made = Traits(
        features,
        complete=complete,
        plain=complete and all(feature.width == "float64" for feature in features),
        measured="category" not in kinds,
        texts=not kinds.isdisjoint({"category", "time"}),
        names=tuple(feature.name for feature in features),
        redacted=tuple(feature.name for feature in features if feature.redact),
    )
    if isinstance(features, tuple):
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[id(features)] = made
    return made


_MOST_KNOWN = 8
_known: dict[int, Traits] = {}
