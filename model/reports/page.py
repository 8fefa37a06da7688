"""The templates of all pages, and their filters.

A page is whole by itself: it holds no script and loads nothing, and its own policy forbids both. All text from data
or configuration is escaped by the template; plots hold nothing but numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
    environment.filters.update(number=_number, percent=_percent, second=_second, milliseconds=_milliseconds)
    return environment.get_template(name)


def _number(value: Any) -> str:
    """Four digits, thousands apart; `–` where there is no number."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    text = f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return text.replace("-", "−") if "e" not in text else text


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.3g}\N{NO-BREAK SPACE}%".replace("-", "−")


def _milliseconds(seconds: float | None) -> str:
    return _number(None if seconds is None else 1000 * seconds)


def _second(time: str) -> str:
    """An ISO 8601 time in UTC, to the second."""
    return f"{time.replace('T', ' ')[:19]} UTC" if time.endswith("Z") else time
