"""The codes of validation: their severity, and the remedy of each."""

from __future__ import annotations

from collections.abc import Iterable

from model.data.findings import Example, Finding

MOST_EXAMPLES = 5
REMEDIES = {
    "missing-column": "name the column in the configuration as the file does, or add it to the data",
    "doubled-column": "keep one of the columns, or rename the others",
    "ragged-row": "quote cells that hold commas or line ends, and write decimal points",
    "swallowed-rows": "close the quote, or write two for one that belongs to the text",
    "no-rows": "point data.source at data with rows below its first line",
    "wrong-type": "write the column as integers or as float64",
    "not-numeric": "write plain numbers with a decimal point, or remove these rows",
    "empty-cell": "fill the cells in, or remove these rows",
    "few-targets": "look for a join that failed; if these rows are meant to have none, remove them from the file",
    "not-a-time": "write times as 2026-11-25T19:59:46Z, or remove these rows",
    "not-boolean": "write true or false, or remove these rows",
    "other-encoding": "save the file as UTF-8 (in Excel: CSV UTF-8); it may be Latin-1",
    "not-a-level": "write all cells of the column in one type, or remove these rows",
    "not-finite": "find out what divides by zero or overflows upstream, or remove these rows",
    "out-of-bounds": "repair or remove these rows, or widen the feature's minimum or maximum",
    "too-many-levels": "leave out what is free text or an identifier: list the other columns in data.features",
    "empty-column": "take the feature out of data.features, or repair what fills it",
    "too-few-rows": "collect more rows",
    "beyond-scale": "write the column in another unit: what is computed of it leaves float64",
    "not-classes": 'say task = "regression" in [training], or write labels: texts, booleans or whole numbers',
    "blurred-classes": "write the labels as texts, a letter before the digits: larger numbers could be read as one",
    "too-many-classes": 'say task = "regression" where it is an amount, or join classes upstream',
    "few-of-class": "collect more rows of it, join it to another class upstream, or remove its rows",
    "constant-target": "there is nothing to learn from a constant: check how the target is made",
    "constant-feature": "take the feature out of data.features, or repair what fills it",
    "target-copied": "take the feature out of data.features: it is the answer, and will not be there when asked",
    "few-rows": "collect more rows, or take features out of data.features",
    "repeated-key": "name a column that tells the rows apart, or remove rows that came twice",
    "no-target": "nothing can be learnt of them; fill the cells in where the outcome is known",
    "rare-class": "collect more rows of it, or join it to another class upstream",
    "whole-target": 'say task = "classification" in [training] where they are names or grades',
    "other-form": "write the column in the form of its kind",
    "identifier": "leave the column out: what is learnt of one row says nothing of the next",
    "missing-as-text": "if these stand for missing cells, list them in data.missing",
    "many-missing": "check what fills it: next to nothing can be learnt from it",
    "similar-levels": "write them alike upstream: here they are different levels",
    "rare-levels": "join them to others upstream, or collect more rows of them",
    "repeated-extreme": "if it stands for a missing value, remove these rows; a minimum or maximum keeps it out",
    "far-row": "look at it: remove a row of totals, repair another unit; a minimum or maximum keeps such rows out",
    "near-constant": "check what fills it; where it is large with a small spread, subtract a constant upstream",
    "feature-copied": "keep one of the two: their coefficients cannot be told apart",
    "duplicated-row": "check that no join multiplies rows: a copy on the other side of the split flatters the score",
    "kind-changed": "declare the kind in data.features; if the column has really changed, training again is right",
    "levels-changed": "check what fills it; if the world has moved, this is a reason to train",
    "missing-shifted": "check what fills it; if the world has moved, this is a reason to train",
    "shifted": "check the unit and what fills it; if the world has moved, this is a reason to train",
}
"""Remedies by code; their order is the order of badness."""
WARNINGS = frozenset(list(REMEDIES)[list(REMEDIES).index("few-rows") :])


def with_remedy(code: str, column: str | None, count: int, found: str, examples: Iterable[Example] = ()) -> Finding:
    severity = "warning" if code in WARNINGS else "error"
    return Finding(severity, code, column, found, REMEDIES[code], count=count, examples=tuple(examples))


def counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
