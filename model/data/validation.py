"""All faults of a data set at once, worst first, with their remedies.

An error means that no honest model can come of these rows, or that the rows are broken where a held-out score cannot
show it, because the rows held out are broken in the same way; errors stop training. A warning means that a model can
come of them, and somebody should know; warnings are kept with the version.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.columns.schema import Feature, Level, outside
from functions.columns.table import Table, is_missing
from model.data.cells import Flaw
from model.data.class_counts import class_findings, number_findings
from model.data.copies import copied, repeated
from model.data.findings import Example, Finding
from model.data.levels import categories
from model.data.nearly import MISSING, OTHER, are_numbers, forms_of, remedies
from model.data.outliers import far_rows, repeated_extremes
from model.data.remedies import MOST_EXAMPLES, REMEDIES, counted, with_remedy
from model.data.shifts import shifted
from model.data.spread import degenerate, spelled

_WHOLE_COLUMNS = frozenset({"missing-column", "doubled-column", "wrong-type"})
_ONLY_NUMBERS = 'say task = "classification" in [training] where it holds classes, or name a column of numbers'
_TEXTS = 'the column holds texts: say kind = "category" in data.features, or take it out there'
_MUCH = 0.5
"""Share of missing cells from which on a column is mostly empty. So with the target: where most rows lack it, a join
that failed is likelier than labels that are late, and the few that are left need not be like the others."""

Vector: TypeAlias = NDArray[np.float64]
Columns: TypeAlias = Mapping[str, NDArray[Any]]
Numbers: TypeAlias = NDArray[np.int64]
Document: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Limits:
    """Thresholds of validation; config.toml argues the defaults.

    Args:
        training_rows: Rows, or groups of rows, that training cannot do without.
        rows, holdout_rows: What the gate will want.
        rows_per_feature: Training rows for each feature.
        class_rows: Training rows that no class can do without; 0 where the model is fitted already.
        warn, alert: Distance from production's training rows from which on a feature has moved; [monitoring] of the
            configuration.
    """

    training_rows: int
    rows: int
    holdout_rows: int
    rows_per_feature: int
    warn: float
    alert: float
    class_rows: int = 0


def check(
    x: Table,
    y: Vector,
    held: NDArray[np.bool_],
    *,
    features: Sequence[Feature],
    target: str,
    flaws: Iterable[Flaw],
    limits: Limits,
    groups: NDArray[np.uint64] | None = None,
    production: Document | None = None,
    numbers: NDArray[np.int64] | None = None,
    classes: Sequence[Level] = (),
) -> list[Finding]:
    """Everything that is wrong with these rows, worst first; nothing is checked twice under two names.

    Args:
        x: The features' columns, missing where a cell could not be used.
        y: Shape (n_rows,), in the target's unit; where there are *classes*, places among them.
        held: Which rows are held out; shape (n_rows,).
        flaws: Cells and rows that reading could not use.
        groups: Keys of the rows that stay together in every split; by default each row is its own.
        production: The manifest of the version that these rows are compared with, if there is one.
        numbers: The number of each row in its source; by default they count from 0.
    """
    number = np.arange(len(y)) if numbers is None else numbers
    columns = {feature.name: x.cells(place) for place, feature in enumerate(features)} | {target: y}
    met = unusable(flaws, len(y), target, [name for name, cells in columns.items() if is_missing(cells).all()])
    broken = {finding.where for finding in met if finding.code in _WHOLE_COLUMNS}
    kinds = {feature.name: feature.kind for feature in features}
    sound = {name: cells for name, cells in columns.items() if name not in broken and not is_missing(cells).all()}
    measured = {name: cells for name, cells in sound.items() if kinds.get(name) != "category"}
    amounts = {name: cells for name, cells in measured.items() if name != target or not classes}
    numeric = {name: cells for name, cells in amounts.items() if kinds.get(name, "number") == "number"}
    flawed = {finding.where for finding in met}
    unusable_columns = {finding.where for finding in met if finding.severity == "error"}
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # squares of numbers that just are finite
        findings = [
            *met,
            *_missing(columns, held, flawed | {target}),
            *_out_of_bounds(measured, features, number),
            *degenerate(amounts, target, kinds),
            *(
                []
                if target in unusable_columns
                else _learnt(sound.get(target), held, classes, target, limits.class_rows)
            ),
            *copied(measured, target),
            *categories(sound, features),
            *_strange(_bounded(numeric, features), number, target),
        ]
        if not broken and not (len(y) == 0 and met):  # rows that could not be read are no lack of rows
            findings += [*_too_few(x, held, groups, limits), *repeated([*x.columns, y], held, number)]
        if production:
            findings += shifted(sound, features, production, warn=limits.warn, alert=limits.alert)
    order = list(REMEDIES)
    return sorted(findings, key=lambda finding: (order.index(finding.code), -finding.count))


def unusable(flaws: Iterable[Flaw], rows: int, target: str, without: Collection[str] = ()) -> list[Finding]:
    """The findings of cells and rows that reading could not use; *rows* were kept.

    Args:
        without: Columns of which no cell could be used.
    """
    return [_flawed(flaw, rows, target, without) for flaw in flaws]


def comparable(production: Document, features: Sequence[str] | None) -> str:
    """Why rows with *features* cannot be compared with those that *production* was trained on; "" if they can.

    Without *features* the rows decide, column by column.
    """
    try:
        known = {entry["name"]: _spread_is_told(entry) for entry in production["features"]}
        rows = production["data"]["rows"] - production["data"]["holdout_rows"]
        usable = rows > 0 and all(known.values())
    except (KeyError, TypeError, ValueError):
        usable = False
    if not usable:
        return "its manifest does not tell the quantiles of its training rows"
    return "" if features is None or set(known) & set(features) else f"it has other features: {', '.join(known)}"


def _spread_is_told(entry: Document) -> bool:
    if entry.get("kind") == "category":
        return len(entry["levels"]) == len(entry["shares"])
    return bool(np.array(entry["quantiles"], float).shape > (2,))


def _flawed(flaw: Flaw, rows: int, target: str, without: Collection[str]) -> Finding:
    """A flaw in words; *rows* were kept."""
    code, count, examples = flaw.code, flaw.count, flaw.examples
    if code == "no-target":
        return _without_target(flaw, rows)
    if code in _WHOLE_COLUMNS:
        found = with_remedy(code, flaw.column, 1, f"{flaw.expected}, found {examples[0].found}")
    else:
        what = "row" if flaw.column is None else "cell"
        verb = ("does" if count == 1 else "do") if what == "row" else ("is" if count == 1 else "are")
        found = with_remedy(code, flaw.column, count, f"{flaw.expected}, {counted(count, what)} {verb} not", examples)
    return replace(found, advice=flaw.advice or _advice(flaw, rows, target, without) or found.advice)


def _without_target(flaw: Flaw, rows: int) -> Finding:
    """Rows without a target, which were left out: a warning, or an error where they are more than half."""
    whole = rows + flaw.count
    share = f"{counted(flaw.count, 'row')} of {whole}"
    if flaw.count > _MUCH * whole:
        found = f"must be there in half of the rows or more, found none in {share}"
        return with_remedy("few-targets", flaw.column, flaw.count, found, flaw.examples)
    found = f"should be there in every row, found none in {share}, which {'is' if flaw.count == 1 else 'are'} left out"
    return with_remedy("no-target", flaw.column, flaw.count, found, flaw.examples)


def _advice(flaw: Flaw, rows: int, target: str, without: Collection[str]) -> str:
    """Advice against the cells that *flaw* shows, where they say more than its code."""
    if flaw.code == "wrong-type":
        texts = flaw.expected == "must be a column of numbers" and "string" in flaw.examples[0].found
        return _ONLY_NUMBERS if flaw.column == target else _TEXTS if texts else ""
    forms = flaw.forms or forms_of((example.found.strip('"'), example.row, 1) for example in flaw.examples)
    if flaw.code in {"not-boolean", "not-a-time"}:
        return remedies(forms, REMEDIES[flaw.code]) if MISSING in forms else ""
    if flaw.code != "not-numeric":
        return ""
    whole = flaw.count == rows or flaw.column in without
    if whole and flaw.count > MOST_EXAMPLES and not are_numbers(forms) and set(forms) != {MISSING}:
        return _ONLY_NUMBERS if flaw.column == target else _TEXTS
    if set(forms) == {OTHER} and any(re.search(r"\\x[89a-f][0-9a-f]", example.found) for example in flaw.examples):
        return "save the file as UTF-8, it may be Latin-1, and write plain numbers"
    return remedies(forms, REMEDIES[flaw.code])


def _learnt(
    y: Vector | None, held: NDArray[np.bool_], classes: Sequence[Level], target: str, class_rows: int
) -> Iterator[Finding]:
    """Findings on the target alone, where it is there."""
    if y is not None and classes:
        yield from class_findings(y, held, classes, target, least=class_rows)
    elif y is not None:
        yield from number_findings(y, target)


def _too_few(x: Table, held: NDArray[np.bool_], groups: NDArray[np.uint64] | None, limits: Limits) -> Iterator[Finding]:
    rows, held_rows = len(held), int(held.sum())
    kept = rows - held_rows
    if not rows:
        yield with_remedy("no-rows", None, 0, "must hold at least 1 row, found none")
        return
    if kept < limits.training_rows or not held_rows:
        wanted = f"at least {limits.training_rows} training rows (training.folds) and 1 held-out row are needed"
        yield with_remedy("too-few-rows", None, rows, f"{wanted}, found {kept} and {held_rows}")
        return
    if groups is not None and (different := len(np.unique(groups[~held]))) < limits.training_rows:
        least = f"at least {limits.training_rows} different training groups (training.folds) are needed"
        yield with_remedy("too-few-rows", None, rows, f"{least}, found {different}")
        return
    few = [
        f"{counted(found, what)} where {wanted} are wanted ({key})"
        for what, found, wanted, key in (
            ("row", rows, limits.rows, "gate.min_rows"),
            ("held-out row", held_rows, limits.holdout_rows, "gate.min_holdout_rows"),
            ("training row", kept, limits.rows_per_feature * x.width, "data.rows_per_feature for each feature"),
        )
        if found < wanted
    ]
    if few:
        yield with_remedy("few-rows", None, rows, "; ".join(few))


def _missing(columns: Columns, held: NDArray[np.bool_], but: Collection[str | None]) -> Iterator[Finding]:
    """Columns of no cells, or few; those in *but* have findings already."""
    for name, cells in columns.items():
        gone = is_missing(cells)
        if name in but or not gone.any():
            continue
        if gone[~held].all():
            where = "" if gone.all() else " that are trained on"
            found = (
                f"must hold values, found none in {counted(int((~held).sum()) if where else len(gone), 'row')}{where}"
            )
            yield with_remedy("empty-column", name, int(gone.sum()), found)
        elif gone.mean() > _MUCH:
            found = f"should hold values, found none in {counted(int(gone.sum()), 'row')} of {len(gone)}"
            yield with_remedy("many-missing", name, int(gone.sum()), found)


def _out_of_bounds(columns: Columns, features: Sequence[Feature], number: Numbers) -> Iterator[Finding]:
    for feature in features:
        if feature.name not in columns:
            continue
        cells = columns[feature.name]
        rows = _outside(cells, feature)
        if len(rows):
            verb = "is" if len(rows) == 1 else "are"
            low, high = (
                spelled(end, feature.kind) if np.isfinite(end) else str(end)
                for end in (feature.minimum, feature.maximum)
            )
            found = f"must be within [{low}, {high}], {counted(len(rows), 'cell')} {verb} not"
            examples = [
                Example(int(number[row]), spelled(cells[row], feature.kind)) for row in rows[:MOST_EXAMPLES].tolist()
            ]
            yield with_remedy("out-of-bounds", feature.name, len(rows), found, examples)


def _outside(cells: Vector, feature: Feature) -> NDArray[np.intp]:
    """Rows whose cell lies outside the feature's bounds."""
    return outside(cells.reshape(-1, 1), [feature])[:, 0]


def _bounded(columns: Columns, features: Sequence[Feature]) -> Columns:
    """*columns* without the cells that are out of bounds: those have a finding already."""
    bounded = dict(columns)
    for feature in features:
        if feature.name in columns:
            cells = columns[feature.name]
            rows = _outside(cells, feature)
            if len(rows):
                bounded[feature.name] = np.where(np.isin(np.arange(len(cells)), rows), np.nan, cells)
    return {name: cells for name, cells in bounded.items() if not np.isnan(cells).all()}


def _strange(columns: Columns, number: Numbers, target: str) -> Iterator[Finding]:
    """Values that repeat at the edge and stand apart, and lone rows far outside.

    Few whole numbers of a *target* are likelier names than amounts, and none of them stands apart.
    """
    for name, cells in columns.items():
        if name == target and any(number_findings(cells, target)):
            continue
        for extreme in repeated_extremes(cells):
            found = (
                f"found {extreme.value:.10g} in {extreme.count} cells, nothing between it and {extreme.nearest:.10g}"
            )
            example = Example(int(number[extreme.row]), f"{extreme.value:.10g}")
            yield with_remedy(
                "repeated-extreme", name, extreme.count, f"should be a value like the others, {found}", [example]
            )
    for far in far_rows(columns):
        values = ", ".join(f"{name} {value:.10g}" for name, value in far.columns.items())
        total = " (the sum of all others)" if far.total else ""
        column = next(iter(far.columns)) if len(far.columns) == 1 else None
        found = f"should lie among the others, found row {number[far.row]} far outside: {values}{total}"
        yield with_remedy("far-row", column, 1, found)
