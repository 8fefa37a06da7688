"""Times: ISO 8601 texts as seconds since 1970, and the numbers that a model sees of a time. One code for both sides.

Pure; numpy alone. A time without a zone is UTC.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .feature import Feature, traits
from .table import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Seconds = NDArray[np.float64]
    Days = NDArray[np.datetime64]
else:
    from .arrays import np

    Seconds = Days = Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = (
    r"[0-9]{4}(?:-[0-9]{2}-[0-9]{2}|/[0-9]{1,2}/[0-9]{1,2})"
    r"(?:[T ](?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
"""Compiled by the first time that comes: a model without times does not pay for it at its start."""
_DAY_SECONDS = 86_400
_PARTS: dict[str, Callable[[NDArray[np.int64], Any], Any]] = {
    "year": lambda _, day: day.astype("M8[Y]").astype(np.int64) + 1970,
    "month": lambda _, day: day.astype("M8[M]").astype(np.int64) % 12 + 1,
    "day": lambda _, day: (day - day.astype("M8[M]")).astype(np.int64) + 1,
    "weekday": lambda _, day: (day.astype(np.int64) + 3) % 7,
    "hour": lambda seconds, _: seconds % _DAY_SECONDS // 3600,
    "day_of_year": lambda _, day: (day - day.astype("M8[Y]")).astype(np.int64) + 1,
    "epoch_days": lambda _, day: day.astype(np.int64),
}
"""Each part from whole seconds since 1970 and their day; Monday is weekday 0, and 1 January day 1 of its year."""


def parse(text: str) -> float | None:
    """Seconds since 1970 of a date or a timestamp, 2026-11-26 or 2026-11-26T01:30:00.5+01:00; None if it is none.

    2026/11/26 is such a date, too: with the year first nothing can be mistaken.
    """
    text = text.upper()
    if not re.fullmatch(_ISO, text):
        return None
    if text[4] == "/":
        text = re.sub("/([0-9]+)", lambda number: f"-{number[1]:0>2}", text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:  # no such day or minute
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def iso(seconds: float) -> str:
    """The shortest ISO 8601 text, in UTC, that `parse` gives *seconds* for; years beyond 1 to 9999 as seconds."""
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return repr(seconds)
    if not seconds % _DAY_SECONDS:
        return moment.date().isoformat()
    return moment.isoformat().removesuffix("+00:00") + "Z"


def parts(seconds: Seconds, names: Sequence[str]) -> list[Seconds]:
    """The numbers *names*, each one of feature.TIME_PARTS, of times of shape (n_rows,); missing ones are NaN."""
    missing = ~np.isfinite(seconds)
    whole = np.floor(np.where(missing, 0.0, seconds)).astype(np.int64)
    day = np.floor_divide(whole, _DAY_SECONDS).astype("M8[D]")
    columns = []
    for name in names:
        numbers = _PARTS[name](whole, day).astype(np.float64)
        numbers[missing] = math.nan
        columns.append(numbers)
    return columns


def expand(table: Table, features: Sequence[Feature]) -> Table:
    """The columns that the model sees: each time becomes its parts, in its place; *table* itself where none is one."""
    if not traits(features).texts or all(feature.kind != "time" for feature in features):
        return table
    columns: list[Any] = []
    for place, feature in enumerate(features):
        cells = table.cells(place)
        columns += parts(cells, feature.parts) if feature.kind == "time" else [cells]
    expanded = Table(columns)
    return Table(expanded.matrix()) if expanded.numeric else expanded


def model_columns(features: Sequence[Feature]) -> list[str]:
    """Names of the columns that `expand` gives."""
    names: list[str] = []
    for feature in features:
        names += [f"{feature.name}.{part}" for part in feature.parts] if feature.kind == "time" else [feature.name]
    return names
