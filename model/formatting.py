"""Numbers, times and texts as people read them, in tables, messages and pages."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence

PROGRAM = os.environ.get("MODEL_PROGRAM") or "python -m model"
"""The command that a person types to get here, as messages name it."""

LONGEST_REASON = 500
"""Characters of a reason in a history, which every cold start reads."""

ABSENT = "-"
"""Stands where there is no value."""

_LARGEST_IN_DIGITS = 1e15
"""`number` shows larger figures with an exponent."""

_MOST_SHOWN = 60
_SMALLEST_SHOWN = 0.001
"""`short` shows smaller figures as 0."""


def number(value: float | None, absent: str = ABSENT) -> str:
    """Four significant figures; every digit of whole numbers and before the decimal point."""
    if value is None:
        return absent
    if isinstance(value, int):
        return str(value)
    text = f"{value:.4g}"
    return f"{value:.0f}" if "e+" in text and abs(value) < _LARGEST_IN_DIGITS else text


def interval(value: float | None, low: float | None, high: float | None, absent: str = ABSENT) -> str:
    """A value with the ends of its interval: 54.2 [51, 57.3]."""
    return f"{number(value, absent)} [{number(low, absent)}, {number(high, absent)}]"


def short(value: float | None, absent: str = ABSENT) -> str:
    """Two significant figures, for distances and divergences."""
    if value is None:
        return absent
    return f"{value:.2g}" if abs(value) >= _SMALLEST_SHOWN else "0"


def percent(share: float | None, absent: str = ABSENT) -> str:
    """A share of 1 in percent, with three significant figures."""
    return absent if share is None else f"{100 * share:.3g} %"


def milliseconds(seconds: float | None, absent: str = ABSENT) -> str:
    """A time in seconds, shown in milliseconds."""
    return absent if seconds is None else f"{1000 * seconds:.3g} ms"


def duration(seconds: float | None, absent: str = ABSENT) -> str:
    """A time in seconds, shown in milliseconds below one second."""
    if seconds is None or seconds < 1:
        return milliseconds(seconds, absent)
    return f"{seconds:.3g} s"


def label(value: object) -> str:
    """The label of a class, or a level: true, 3, late."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def brief(text: str) -> str:
    """*text*, a label or a level, as a table or a page has room for it."""
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun: 1 row, 2 rows; *plural* where an s does not make it."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def near(name: str, names: Sequence[str]) -> list[str]:
    """Those of *names* that are spelled nearly as *name*, the nearest first."""
    spelled = {other.strip().casefold(): other for other in reversed(names)}
    return [spelled[key] for key in difflib.get_close_matches(name.strip().casefold(), spelled, 3, 0.6)]


def to_the_second(time: str) -> str:
    """An ISO 8601 time to the second, with a blank for its T."""
    return time.replace("T", " ")[:19]


def typographic(text: str) -> str:
    """A formatted figure for a page: a true minus sign, an en dash for an absent value, no break before the unit."""
    if text == ABSENT:
        return "–"
    text = text if "e" in text else text.replace("-", "−")
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def shortened(text: str) -> str:
    """*text* as a reason that fits into a history, with an ellipsis where it was cut."""
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}…"


def plain(text: str) -> str:
    """*text* with every character that could steer the terminal replaced by a question mark."""
    return "".join(character if character.isprintable() else "?" for character in text)
