"""Texts that are nearly numbers: what they seem to be, and how they would be read as numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from functions.columns.schema import Level
from functions.columns.text_cells import NUMBER

MISSING_WORDS = frozenset({"na", "n/a", "#n/a", "nan", "null", "none", "nil", "?", "-", "--", "."})
"""Texts, in lower case, by which people mean a missing cell."""

_SEPARATED = re.compile(r"[+-]?\d{1,3}(?P<by>[,.'’_  \u202f])\d{3}(?:(?P=by)\d{3})*(?:[.,]\d+)?")
_COMMA = re.compile(r"[+-]?\d+,\d+")
_WITH_UNIT = re.compile(r"[^\w\s+-]{0,3}\s?[+-]?\d[\d.,']*\s?[^\W\d]{0,4}[^\w\s]{0,3}")
_UNIT = re.compile(r"[^\d.,'+\s-]+")
_MOST_WORDS = 20

PLAIN, SEPARATED, COMMA, UNIT, MISSING, OTHER = "plain", "separated", "comma", "unit", "missing", "other"
NEARLY = frozenset({PLAIN, SEPARATED, COMMA, UNIT})
"""Forms of texts that a person reads as numbers."""


@dataclass
class Form:
    """Cells of a column that are no numbers in the same way.

    Args:
        row: The first of them, counted from 0.
        words: Some of the texts, each once.
        units: What stands beside the digits, in all of the texts.
    """

    count: int = 0
    row: int | None = None
    words: dict[str, None] = field(default_factory=dict)
    units: set[str] = field(default_factory=set)

    def add(self, word: str, row: int | None, *, count: int = 1) -> None:
        if not self.count:
            self.row = row
        self.count += count
        if len(self.words) < _MOST_WORDS:
            self.words[word] = None
        if len(self.units) < _MOST_WORDS:
            self.units.add(" ".join(_UNIT.findall(word)))


def is_missing_word(text: str) -> bool:
    """Whether people mean a missing cell by *text*."""
    return text.strip().casefold() in MISSING_WORDS


def form(text: str) -> str:
    """The way in which *text*, a cell that should be a number, is none."""
    text = text.strip()
    if is_missing_word(text):
        return MISSING
    if NUMBER.fullmatch(text):
        return PLAIN
    if _SEPARATED.fullmatch(text):
        return SEPARATED
    if _COMMA.fullmatch(text):
        return COMMA
    return UNIT if _WITH_UNIT.fullmatch(text) else OTHER


def forms_of(words: Iterable[tuple[str, int | None, int]]) -> dict[str, Form]:
    """The forms of texts, each with its first row and how many cells hold it."""
    forms: dict[str, Form] = {}
    for word, row, count in words:
        forms.setdefault(form(word), Form()).add(word, row, count=count)
    return forms


def are_numbers(forms: Mapping[str, Form]) -> bool:
    """Whether more than half of the cells, words for a missing one aside, are nearly numbers.

    Those with a unit are where it is the same in each: `1a` and `2b` are names.
    """
    near = sum(
        found.count for name, found in forms.items() if name in NEARLY and (name != UNIT or len(found.units) == 1)
    )
    return near > sum(found.count for name, found in forms.items() if name != MISSING) / 2


def nearly_numbers(rows: Mapping[Level, int]) -> bool:
    """Whether levels, each with its rows, are texts that a person reads as numbers: `1,5`, `12 CHF`."""
    return are_numbers(forms_of((level, None, count) for level, count in rows.items() if isinstance(level, str)))


def remedies(forms: Mapping[str, Form], otherwise: str) -> str:
    """For each form the first row, how many there are, and what would help; *otherwise* against those of no form."""
    comma = COMMA in forms
    told = [(found, _remedy(name, found, otherwise, comma=comma)) for name, found in forms.items()]
    if len({text for _, text in told}) == 1:
        return told[0][1]
    return "; ".join(f"{_places(found)}: {text}" for found, text in told)


def missing_words(words: Sequence[str]) -> str:
    """The line of the configuration that makes *words* missing cells."""
    listed = ", ".join(f'"{word}"' for word in sorted(words))
    return f"missing = [{listed}] in [data]"


def _places(found: Form) -> str:
    more = f" and {found.count - 1} more" if found.count > 1 else ""
    return f'"{next(iter(found.words))}" (row {found.row}){more}'


def _remedy(name: str, found: Form, otherwise: str, *, comma: bool) -> str:
    match name:
        case "missing":
            return f"if these stand for missing cells, say so: {missing_words(list(found.words))}"
        case "separated" if not comma:
            word = next(iter(found.words))
            return f"write numbers without separators of thousands: {_unseparated(word)} for {word.strip()}"
        case "separated" | "comma":
            return "write decimal points in place of decimal commas"
        case "unit":
            return "write the number alone, without sign or unit"
        case "plain":
            return "write the column as numbers, not as texts"
    return otherwise


def _unseparated(word: str) -> str:
    match = _SEPARATED.fullmatch(word.strip())
    if match is None:
        return word
    digits = word.strip().replace(match["by"], "")
    return digits.replace(",", ".")
