"""The templates of all pages, and their filters.

A page is whole by itself: it holds no script and loads nothing, and its own policy forbids both. All text from data
or configuration is escaped by the template; plots hold nothing but numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.formatting import label, number, percent, to_the_second, typographic

Document = Mapping[str, Any]


def template(name: str) -> Any:
    """The jinja2 template *name*, with autoescaping; an undefined value raises UndefinedError."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - other verbs need not wait

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=_number, percent=_percent, second=_second, milliseconds=_milliseconds, moment=_moment, label=label
    )
    return environment.get_template(name)


def _number(value: Any) -> str:
    """Four digits, thousands apart in a count; a text as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        return str(value)
    return typographic(f"{value:,}" if isinstance(value, int) else number(value))


def _percent(share: float | None) -> str:
    return typographic(percent(share))


def _milliseconds(seconds: float | None) -> str:
    return _number(None if seconds is None else 1000 * seconds)


def _moment(seconds: float) -> str:
    """Seconds since 1970 as a date, or a time in UTC."""
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return _number(seconds)
    return f"{moment:%Y-%m-%d}" if not seconds % 86_400 else f"{moment:%Y-%m-%d %H:%M}"


def _second(time: str) -> str:
    """An ISO 8601 time in UTC, to the second."""
    return f"{to_the_second(time)} UTC" if time.endswith("Z") else time
