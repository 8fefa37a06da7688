"""A target of classes: how many there are, and whether each has rows enough; and numbers that look like classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from functions.columns.schema import MOST_LEVELS, Feature, Level, shown
from model.data.findings import Finding
from model.data.levels import categories
from model.data.remedies import MOST_EXAMPLES, counted, with_remedy

FEW_WHOLE_NUMBERS = 10
"""So many different whole numbers, or fewer, are likelier names or grades than amounts."""

RARE_ROWS = 10
"""Training rows of a class below which little can be learnt of it (as of a level: training/preprocessing.py)."""

_BLURRED = 2**53
"""Whole numbers from this size on share a float64 with others, so two labels could be read as one."""

Vector = NDArray[np.float64]


def class_findings(
    y: Vector, held: NDArray[np.bool_], classes: Sequence[Level], target: str, *, least: int
) -> Iterator[Finding]:
    """Labels that are no names, too many classes, a single one, and those with too few rows.

    Args:
        y: Places of the labels among *classes*, NaN for a missing one.
        held: Which rows are held out.
        least: Training rows that no class can do without, one for each fold; 0 where the model is fitted already.
    """
    there = ~np.isnan(y)
    broken = next((label for label in classes if isinstance(label, float) and not label.is_integer()), None)
    if broken is not None:
        found = f"must hold labels, found {counted(len(classes), 'different number')}, {shown(broken)} among them"
        yield with_remedy("not-classes", target, int(there.sum()), found)
        return
    large = next((label for label in classes if isinstance(label, float) and abs(label) >= _BLURRED), None)
    if large is not None:
        found = f"must hold labels below 2^53 in size, where numbers of a file are read as they are, found {large:.17g}"
        yield with_remedy("blurred-classes", target, int(there.sum()), found)
        return
    if len(classes) > MOST_LEVELS:
        found = f"may have {MOST_LEVELS} classes at most, found {len(classes)}"
        yield with_remedy("too-many-classes", target, len(classes), found)
        return
    yield from _strange(y, classes, target)
    if len(classes) == 1:
        found = f"must vary, found {shown(classes[0])} in every row"
        yield with_remedy("constant-target", target, int(there.sum()), found)
        return
    trained, judged = (np.bincount(y[there & side].astype(np.intp), minlength=len(classes)) for side in (~held, held))
    few = np.flatnonzero(trained < least)
    if len(few):
        wanted = f"each class must have {least} training rows (training.folds)"
        yield with_remedy("few-of-class", target, len(few), f"{wanted}, found {_named(few, trained, classes)}")
    rare = np.flatnonzero((trained >= least) & (trained < RARE_ROWS)) if least else few
    if len(rare):
        wanted = f"each class should have {RARE_ROWS} training rows or more"
        yield with_remedy("rare-class", target, len(rare), f"{wanted}, found {_named(rare, trained, classes)}")
    unjudged = np.flatnonzero((judged == 0) & (trained >= least))
    if len(unjudged):
        labels = _listed([shown(classes[place]) for place in unjudged.tolist()])
        wanted = f"each class should have rows among those held out, found none of {labels}"
        yield with_remedy("rare-class", target, len(unjudged), wanted)


def number_findings(y: Vector, target: str) -> Iterator[Finding]:
    """A target of few whole numbers, which is learnt as an amount."""
    values = np.unique(y[~np.isnan(y)])
    if 1 < len(values) <= FEW_WHOLE_NUMBERS and (values == np.round(values)).all():
        numbers = _listed([f"{value:.10g}" for value in values])
        found = f"should be an amount, found {len(values)} whole numbers: {numbers}"
        yield with_remedy("whole-target", target, int((~np.isnan(y)).sum()), found)


def _strange(y: Vector, classes: Sequence[Level], target: str) -> Iterator[Finding]:
    """Labels that mean a missing cell, or that are spelled in two ways."""
    cells = np.array([*classes, None], object)[np.where(np.isnan(y), len(classes), y).astype(np.intp)]
    found = categories({target: cells}, [Feature(target, kind="category", levels=tuple(classes))])
    yield from (finding for finding in found if finding.code in {"missing-as-text", "similar-levels"})


def _named(places: NDArray[np.intp], rows: NDArray[np.intp], classes: Sequence[Level]) -> str:
    fewest = sorted(places.tolist(), key=lambda place: rows[place])
    return _listed([f"{rows[place]} of {shown(classes[place])}" for place in fewest])


def _listed(words: Sequence[str]) -> str:
    more = len(words) - 2 * MOST_EXAMPLES
    return ", ".join(words) if more <= 0 else f"{', '.join(words[: 2 * MOST_EXAMPLES])} and {more} more"
