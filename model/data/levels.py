"""Faults of categories: too many levels, identifiers, rare or similar ones, texts that mean a missing cell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.columns.schema import MOST_LEVELS, Feature, Level, shown
from model.data.findings import Finding
from model.data.nearly import MISSING, OTHER, PLAIN, are_numbers, forms_of, is_missing_word, remedies
from model.data.remedies import MOST_EXAMPLES, counted, with_remedy
from model.data.spread import DOMINANCE_LIMIT

FEWEST_ROWS = 5
"""Rows of a level, below which a model learns next to nothing about it."""
_DATE = re.compile(r"(?P<year>\d{4}[/.]\d{1,2}[/.])?(?P<first>\d{1,2})([/.-](?P<second>\d{1,2})[/.-]\d{2,4})?(?![\d.])")
_MONTHS = 12
_IDENTIFIER_SHARE = 0.5
_IDENTIFIER_LEVELS = 20

Cells = NDArray[Any]


def categories(columns: Mapping[str, Cells], features: Sequence[Feature]) -> Iterator[Finding]:
    """Everything strange about the levels of each category, whose cells are objects; None is missing."""
    coded: dict[str, NDArray[np.intp]] = {}
    for feature in features:
        if feature.kind == "category" and feature.name in columns:
            counts = level_counts(columns[feature.name])
            yield from _levels(feature, counts, len(columns[feature.name]))
            copy = next(iter(_copies(feature.name, columns[feature.name], counts, coded)), None)
            if copy:
                found = f"should say something of its own, found each level beside the same one of {copy}"
                yield with_remedy("feature-copied", feature.name, 1, found)


def level_counts(cells: Cells) -> dict[Level, int]:
    """Rows of each level, the most frequent level first; of equally frequent ones the lesser."""
    counts: dict[Level, int] = defaultdict(int)
    for cell in cells.tolist():
        if cell is not None:
            counts[cell] += 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def named(feature: Feature, levels: Sequence[Level], counts: Mapping[Level, int] | None = None) -> str:
    """Some levels in words; of a redacted feature only how many they are."""
    if feature.redact:
        return counted(len(levels), "level")
    some = [shown(level) + (f" ({counts[level]})" if counts else "") for level in levels[:MOST_EXAMPLES]]
    return ", ".join([*some, *(["…"] if len(levels) > MOST_EXAMPLES else [])])


def _in_another_form(levels: Sequence[Level]) -> tuple[str, str] | None:
    """What the *levels* are, in words, and what would help, where they are dates or numbers in a form of their own."""
    texts = [level.strip() for level in levels if isinstance(level, str)]
    if len(texts) < len(levels) or not texts:
        return None
    dates = [match for text in texts if (match := _DATE.match(text)) and (match["year"] or match["second"])]
    if len(dates) == len(texts):
        return f"dates as texts{_order(dates)}", "write dates as ISO 8601 (2026-11-26): the column is a time then"
    forms = {name: form for name, form in forms_of((text, None, 1) for text in texts).items() if name != MISSING}
    if PLAIN not in forms and are_numbers(forms) and OTHER not in forms:
        return "numbers as texts", remedies(forms, "")
    return None


def _order(dates: Sequence[re.Match[str]]) -> str:
    """Whether day or month stands first, as far as dates with the year at their end tell."""
    pairs = [(int(date["first"]), int(date["second"])) for date in dates if not date["year"]]
    if not pairs:
        return ""
    if any(first > _MONTHS for first, _ in pairs):
        return ", the day first"
    return (
        ", the month first"
        if any(second > _MONTHS for _, second in pairs)
        else ", in which day and month may be either"
    )


def _levels(feature: Feature, counts: Mapping[Level, int], rows: int) -> Iterator[Finding]:
    name, levels, present = feature.name, list(counts), sum(counts.values())
    other = _in_another_form(levels)
    if len(levels) > MOST_LEVELS:
        found = f"must hold at most {MOST_LEVELS} levels, found {len(levels)} in {present} cells"
        found += f", {other[0]}" if other else ""
        finding = with_remedy("too-many-levels", name, len(levels), f"{found}: {named(feature, levels)}")
        yield replace(finding, advice=other[1]) if other else finding
        return
    if len(levels) >= _IDENTIFIER_LEVELS and len(levels) > _IDENTIFIER_SHARE * present:
        found = f"should tell groups of rows apart, found {len(levels)} levels in {present} cells"
        found += f", {other[0]}" if other else ""
        finding = with_remedy("identifier", name, len(levels), f"{found}: {named(feature, levels)}")
        yield replace(finding, advice=other[1]) if other else finding
        return
    if other:
        found = f"should be levels, found {other[0]}: {named(feature, levels)}"
        yield replace(with_remedy("other-form", name, present, found), advice=other[1])
    if len(levels) == 1:
        found = named(feature, levels)
        if present == rows > 1:
            yield with_remedy("constant-feature", name, rows, f"must vary, found {found} in every row")
        else:
            yield with_remedy("near-constant", name, present, f"should vary, found {found} wherever it is not empty")
    elif levels and counts[levels[0]] >= DOMINANCE_LIMIT * counts[levels[1]]:
        found = f"should vary, found {named(feature, levels[:1])} in {counts[levels[0]]} of {present} rows"
        yield with_remedy("near-constant", name, counts[levels[0]], found)
    rare = [level for level in levels if counts[level] < FEWEST_ROWS]
    if rare:
        found = f"should each stand in {FEWEST_ROWS} rows, found fewer for {counted(len(rare), 'level')}"
        yield with_remedy("rare-levels", name, len(rare), f"{found}: {named(feature, rare[::-1], counts)}")
    alike: dict[str, list[Level]] = defaultdict(list)
    for level in levels:
        alike[" ".join(str(level).casefold().split())].append(level)
    similar = [level for group in alike.values() if len(group) > 1 for level in group]
    if similar:
        found = f"should differ in more than case and blanks, found {named(feature, similar, counts)}"
        yield with_remedy("similar-levels", name, len(similar), found)
    words = [level for level in levels if isinstance(level, str) and is_missing_word(level)]
    if words:
        found = f"should be empty where a cell is missing, found {named(feature, words, counts)}"
        yield with_remedy("missing-as-text", name, sum(counts[word] for word in words), found)


def _copies(name: str, cells: Cells, counts: Mapping[Level, int], coded: dict[str, NDArray[np.intp]]) -> Iterator[str]:
    """Names of the categories before this one whose levels stand beside one level of it each."""
    places = {level: place for place, level in enumerate(counts)}
    codes = np.array([places.get(cell, -1) for cell in cells.tolist()], np.intp) + 1
    different = len(np.unique(codes))
    for other, others in coded.items():
        pairs = codes * (int(others.max()) + 1) + others
        if 1 < different == len(np.unique(others)) == len(np.unique(pairs)):
            yield other
    coded[name] = codes
