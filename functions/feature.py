"""One input of a model: its name, its kind, and what training saw of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
