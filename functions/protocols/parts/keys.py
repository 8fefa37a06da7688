"""Keys that a caller wants back beside each prediction. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...problems import PayloadError, Problem, escape, refuse, shown

_PLAIN = {str, int, float, bool}
_LEAST_ROUNDED = 2.0**64
"""A whole number from here on is read as the nearest float, and would come back as another number."""


def keys_of(keys: object, rows: int) -> Sequence[str | float]:
    """The keys of a request for *rows* predictions.

    Raises:
        PayloadError: They are no array of as many texts, numbers or booleans; pointers start at the body.
    """
    if not isinstance(keys, list) or len(keys) != rows:
        found = shown(keys)
        raise PayloadError(Problem(f"'keys' must be an array of {rows}, one an instance, got {found}", "/keys"))
    refuse(_problem(row, key, f"/keys/{row}") for row, key in enumerate(keys) if not _is_key(key))
    return keys


def taken(instances: list[Any], key: str) -> tuple[list[Any], list[Any] | None]:
    """*instances* without their member *key*, and its values; None for a row without it, or in place of all.

    Raises:
        PayloadError: See column; pointers start at the list of instances.
    """
    there = [type(instance) is dict and key in instance for instance in instances]
    if not any(there):
        return instances, None
    keys = [instance[key] if has else None for instance, has in zip(instances, there, strict=True)]
    column(keys, lambda row: f"/{row}/{escape(key)}")
    without = [
        {name: cell for name, cell in instance.items() if name != key} if has else instance
        for instance, has in zip(instances, there, strict=True)
    ]
    return without, keys


def column(keys: Sequence[Any], place: Callable[[int], str]) -> Sequence[Any]:
    """The cells of a key column, each of which may be missing.

    Args:
        place: The JSON Pointer to the cell of a row.

    Raises:
        PayloadError: One is no text, number or boolean.
    """
    refuse(_problem(row, key, place(row)) for row, key in enumerate(keys) if key is not None and not _is_key(key))
    return keys


def without_place(key: str, format_: str) -> str:
    """The message about a column *key* in a format that has no place for one in its answers."""
    return f"the key column {shown(key)} has no place in {format_}: leave it out, answers come in the order of the rows"


def _is_key(key: object) -> bool:
    if type(key) is float:
        return abs(key) < _LEAST_ROUNDED  # false for NaN
    return type(key) in _PLAIN and is_unicode(key)


def _problem(row: int, key: object, place: str) -> Problem:
    if isinstance(key, float) and abs(key) >= _LEAST_ROUNDED:
        detail = f"row {row}: a key that is a number must be below 2^64, got {shown(key)}; send it as a text"
        return Problem(detail, place)
    return Problem(f"row {row}: a key must be a text, a number, true or false, got {shown(key)}", place)


def is_unicode(value: object) -> bool:
    """Whether *value* can be sent; half of a surrogate pair, which JSON may hold, cannot."""
    return not isinstance(value, str) or value.isascii() or not any("\ud800" <= each <= "\udfff" for each in value)
