"""Keys that a caller wants back beside each prediction. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .problems import PayloadError, Problem, refuse, shown

_PLAIN = {str, int, float, bool}


def keys_of(keys: object, rows: int) -> Sequence[str | float]:
    """The keys of a request for *rows* predictions.

    Raises:
        PayloadError: They are no array of as many texts, numbers or booleans; pointers start at the body.
    """
    if not isinstance(keys, list) or len(keys) != rows:
        found = shown(keys)
        raise PayloadError(Problem(f"'keys' must be an array of {rows}, one an instance, got {found}", "/keys"))
    refuse(
        Problem(f"row {row}: a key must be a text, a number, true or false, got {shown(key)}", f"/keys/{row}")
        for row, key in enumerate(keys)
        if type(key) not in _PLAIN or key != key or not is_unicode(key)  # noqa: PLR0124  NaN
    )
    return keys


def is_unicode(value: object) -> bool:
    """Whether *value* can be sent; half of a surrogate pair, which JSON may hold, cannot."""
    return not isinstance(value, str) or value.isascii() or not any("\ud800" <= each <= "\udfff" for each in value)
