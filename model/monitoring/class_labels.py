"""The spelling of classes in a file of labels: which class a cell means, and the cells that mean none."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from functions.columns.schema import Level, shown
from model.formatting import counted, near

_MOST_KEPT = 1000
_MOST_NAMED = 5
_MOST_KEPT_NEAR = 20
_MOST_CLASSES_NAMED = 10


class Spellings:
    """The places of labels among *classes*; a cell that is none of them is counted by its spelling.

    Texts of a boolean and of a number are read as those are: `TRUE`, `1` and 1.0 are true, `3.0` is 3. A text is
    compared letter by letter, blanks around it left out.
    """

    def __init__(self, classes: Sequence[Level]) -> None:
        self._classes = classes
        self._texts = {_spelled(label): place for place, label in enumerate(classes)}
        self._booleans = all(isinstance(label, bool) for label in classes)
        self._numbers = not self._booleans and not any(isinstance(label, str) for label in classes)
        self.unknown: Counter[str] = Counter()
        self.more = 0
        self._met: set[int] = set()

    def place(self, cell: Any) -> int | None:
        """The place of the class that *cell* spells; None where it is none."""
        place = self._place(cell)
        if place is not None:
            self._met.add(place)
        elif not is_empty(cell):
            spelling = shown(cell)
            if spelling in self.unknown or len(self.unknown) < _MOST_KEPT:
                self.unknown[spelling] += 1
            else:
                self.more += 1
        return place

    def expected(self) -> str:
        """The classes, in words."""
        names = ", ".join(shown(label) for label in self._classes[:_MOST_CLASSES_NAMED])
        more = ", …" if len(self._classes) > _MOST_CLASSES_NAMED else ""
        return f"one of {names}{more}"

    def named(self, *, rows: bool = True) -> str:
        """The commonest spellings that are no class, with their *rows* and the class that is spelled nearly so."""
        if not self.unknown:
            return ""
        common = self.unknown.most_common(_MOST_NAMED)
        places = [f" in {counted(count, 'row')}" if rows else "" for _, count in common]
        parts = [f"{word}{place}{self._hint(word)}" for (word, _), place in zip(common, places, strict=True)]
        rest = sum(self.unknown.values()) + self.more - sum(count for _, count in common)
        return f"no class is spelled {', '.join([*parts, *([f'{rest} more'] if rest else [])])}"

    def lost(self) -> list[Level]:
        """The classes that lack labels since cells are spelled otherwise: those spelled nearly so, or never rightly."""
        if not self.unknown:
            return []
        common = [spelling.strip('"') for spelling, _ in self.unknown.most_common(_MOST_KEPT_NEAR)]
        nearly = {self._texts[found] for spelling in common for found in near(spelling, list(self._texts))[:1]}
        return [label for place, label in enumerate(self._classes) if place in nearly or place not in self._met]

    def _hint(self, spelling: str) -> str:
        nearest = near(spelling.strip('"'), list(self._texts))
        return f" (did you mean {shown(self._classes[self._texts[nearest[0]]])}?)" if nearest else ""

    def _place(self, cell: Any) -> int | None:
        if isinstance(cell, bytes):
            cell = cell.decode("utf-8", "replace")
        if not isinstance(cell, str | bool | int | float | Decimal):
            return None
        text = cell.strip() if isinstance(cell, str) else _spelled(cell)
        if self._booleans:
            text = {"1": "true", "0": "false", "1.0": "true", "0.0": "false"}.get(text, text.lower())
        elif self._numbers and not isinstance(cell, bool):
            text = _number(text)
        return self._texts.get(text)


def is_empty(cell: Any) -> bool:
    """Whether *cell* holds nothing."""
    return (
        cell is None or (isinstance(cell, str) and not cell.strip()) or (isinstance(cell, float) and math.isnan(cell))
    )


def _spelled(label: Any) -> str:
    """A label as a text: true, 3, 2.5, late; a whole number without a point."""
    if isinstance(label, bool):
        return str(label).lower()
    return label.strip() if isinstance(label, str) else _number(str(label))


def _number(text: str) -> str:
    """*text* as the shortest spelling of its number; as it is where it is none."""
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    return str(int(number)) if number == int(number) else repr(number)
