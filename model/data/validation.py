"""All faults of a data set at once, worst first, with their remedies.

An error means that no honest model can come of these rows, or that the rows are broken where a held-out score cannot
show it, because the rows held out are broken in the same way; errors stop training. A warning means that a model can
come of them, and somebody should know; warnings are kept with the version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.schema import Feature, Matrix, outside
from model.data import drift
from model.data.cells import Flaw
from model.data.findings import Example, Finding
from model.data.hashing import row_keys
from model.data.outliers import far_rows, repeated_extremes

MOST_EXAMPLES = 5
COPY_TOLERANCE = 1e-6
"""How far a copy may lie from the column it copies, relative to its range: what rounding to float32 leaves."""
SPREAD_LIMIT = 1e-6
"""Smallest standard deviation, relative to the mean, that is no near-constant: below, a sum of products that large
cancels down to the nine digits within which an artefact must equal its estimator."""
DOMINANCE_LIMIT = 19.0
"""Most often to second most often value, from which on a feature is nearly constant: 95 to 5, with few values
altogether, as in Kuhn and Johnson, Applied Predictive Modeling (2013), section 3.5."""
SCALE_LIMIT = 1e100
"""Largest size of a number, and inverse of the smallest spread, that leave float64 room for squares and products."""

MOST_COPIES = 10
"""Rows for each different one, from which on a table has few values rather than copies."""

_SAMPLE_ROWS = 5000
_FEW_VALUES = 0.1
_FIXES = {
    "missing-column": "name the column in config.toml as the file does, or add it to the data",
    "doubled-column": "keep one of the columns, or rename the others",
    "ragged-row": "quote cells that hold commas or line ends, and write decimal points",
    "swallowed-rows": "close the quote, or write two for one that belongs to the text",
    "no-rows": "point data.source at data with rows below its first line",
    "wrong-type": "write the column as integers or as float64",
    "not-numeric": "write plain numbers with a decimal point, or remove these rows",
    "empty-cell": "fill the cells in, or remove these rows",
    "not-a-time": "write times as 2026-11-25T19:59:46Z, or remove these rows",
    "not-finite": "find out what divides by zero or overflows upstream, or remove these rows",
    "out-of-bounds": "repair or remove these rows, or widen the feature's minimum or maximum",
    "too-few-rows": "collect more rows",
    "beyond-scale": "write the column in another unit: what is computed of it leaves float64",
    "constant-target": "there is nothing to learn from a constant: check how the target is made",
    "constant-feature": "take the feature out of data.features, or repair what fills it",
    "target-copied": "take the feature out of data.features: it is the answer, and will not be there when asked",
    "few-rows": "collect more rows, or take features out of data.features",
    "repeated-extreme": "if it stands for a missing value, remove these rows; a minimum or maximum keeps it out",
    "far-row": "look at it: remove a row of totals, repair another unit; a minimum or maximum keeps such rows out",
    "near-constant": "check what fills it; where it is large with a small spread, subtract a constant upstream",
    "feature-copied": "keep one of the two: their coefficients cannot be told apart",
    "duplicated-row": "check that no join multiplies rows: a copy on the other side of the split flatters the score",
    "shifted": "check the unit and what fills it; if the world has moved, this is a reason to train",
}
"""Remedies by code; their order is the order of badness."""
_WHOLE_COLUMNS = frozenset({"missing-column", "doubled-column", "wrong-type"})
_WARNINGS = frozenset(
    {"few-rows", "repeated-extreme", "far-row", "near-constant", "feature-copied", "duplicated-row", "shifted"}
)

Vector: TypeAlias = NDArray[np.float64]
Columns: TypeAlias = Mapping[str, Vector]
Document: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Limits:
    """Thresholds of validation; config.toml argues the defaults.

    Args:
        training_rows: Rows, or groups of rows, that training cannot do without.
        rows, holdout_rows: What the gate will want.
        rows_per_feature: Training rows for each feature.
        warn, alert: Distance from production's training rows from which on a feature has moved; [monitoring] of the
            configuration.
    """

    training_rows: int
    rows: int
    holdout_rows: int
    rows_per_feature: int
    warn: float
    alert: float


def check(
    x: Matrix,
    y: Vector,
    held: NDArray[np.bool_],
    *,
    features: Sequence[Feature],
    target: str,
    flaws: Iterable[Flaw],
    limits: Limits,
    groups: NDArray[np.uint64] | None = None,
    production: Document | None = None,
) -> list[Finding]:
    """Everything that is wrong with these rows, worst first; nothing is checked twice under two names.

    Args:
        x: Shape (n_rows, n_features), NaN where a cell could not be used.
        y: Shape (n_rows,), in the target's unit.
        held: Which rows are held out; shape (n_rows,).
        flaws: Cells and rows that reading could not use.
        groups: Keys of the rows that stay together in every split; by default each row is its own.
        production: The manifest of the version that these rows are compared with, if there is one.
    """
    met = [_flawed(flaw, len(y)) for flaw in flaws]
    broken = {finding.where for finding in met if finding.code in _WHOLE_COLUMNS}
    columns = {feature.name: x[:, place] for place, feature in enumerate(features)} | {target: y}
    sound = {name: cells for name, cells in columns.items() if name not in broken and not np.isnan(cells).all()}
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # squares of numbers that just are finite
        findings = [
            *met,
            *_out_of_bounds(x, features),
            *_degenerate(sound, target),
            *_copied(sound, target),
            *_strange(_bounded(sound, features)),
        ]
        if not broken and not (len(y) == 0 and met):  # rows that could not be read are no lack of rows
            findings += [*_too_few(x, held, groups, limits), *_repeated(x, y, held)]
        if production:
            findings += _shifted(sound, production, limits)
    order = list(_FIXES)
    return sorted(findings, key=lambda finding: (order.index(finding.code), -finding.count))


def comparable(production: Document, features: Sequence[str]) -> str:
    """Why rows with *features* cannot be compared with those that *production* was trained on; "" if they can."""
    try:
        known = {entry["name"]: np.array(entry["quantiles"], float) for entry in production["features"]}
        rows = production["data"]["rows"] - production["data"]["holdout_rows"]
        usable = rows > 0 and all(quantiles.shape > (2,) for quantiles in known.values())
    except (KeyError, TypeError, ValueError):
        usable = False
    if not usable:
        return "its manifest does not tell the quantiles of its training rows"
    return "" if set(known) & set(features) else f"it has other features: {', '.join(known)}"


def _finding(code: str, column: str | None, count: int, found: str, examples: Iterable[Example] = ()) -> Finding:
    severity = "warning" if code in _WARNINGS else "error"
    return Finding(severity, code, column, found, _FIXES[code], count=count, examples=tuple(examples))


def _flawed(flaw: Flaw, rows: int) -> Finding:
    """A flaw in words."""
    code, count, examples = flaw.code, flaw.count, flaw.examples
    if code in _WHOLE_COLUMNS:
        return _finding(code, flaw.column, 1, f"{flaw.expected}, found {examples[0].found}")
    what = "row" if flaw.column is None else "cell"
    verb = ("does" if count == 1 else "do") if what == "row" else ("is" if count == 1 else "are")
    found = _finding(code, flaw.column, count, f"{flaw.expected}, {_counted(count, what)} {verb} not", examples)
    if flaw.advice:
        return replace(found, advice=flaw.advice)
    if code == "not-numeric" and count == rows > MOST_EXAMPLES:
        return replace(found, advice="the column holds texts: take it out of data.features, or write it as numbers")
    texts = [example.found for example in examples]
    if code == "not-numeric" and all(re.fullmatch(r'"\s*[+-]?\d+,\d+\s*"', text) for text in texts):
        return replace(found, advice="write decimal points in place of decimal commas")
    if code == "not-numeric" and any(re.search(r"\\x[89a-f][0-9a-f]", text) for text in texts):
        return replace(found, advice="save the file as UTF-8, it may be Latin-1, and write plain numbers")
    return found


def _too_few(
    x: Matrix, held: NDArray[np.bool_], groups: NDArray[np.uint64] | None, limits: Limits
) -> Iterator[Finding]:
    rows, held_rows = len(held), int(held.sum())
    kept = rows - held_rows
    if not rows:
        yield _finding("no-rows", None, 0, "must hold at least 1 row, found none")
        return
    if kept < limits.training_rows or not held_rows:
        wanted = f"at least {limits.training_rows} training rows (training.folds) and 1 held-out row are needed"
        yield _finding("too-few-rows", None, rows, f"{wanted}, found {kept} and {held_rows}")
        return
    if groups is not None and (different := len(np.unique(groups[~held]))) < limits.training_rows:
        least = f"at least {limits.training_rows} different training groups (training.folds) are needed"
        yield _finding("too-few-rows", None, rows, f"{least}, found {different}")
        return
    few = [
        f"{_counted(found, what)} where {wanted} are wanted ({key})"
        for what, found, wanted, key in (
            ("row", rows, limits.rows, "gate.min_rows"),
            ("held-out row", held_rows, limits.holdout_rows, "gate.min_holdout_rows"),
            ("training row", kept, limits.rows_per_feature * x.shape[1], "data.rows_per_feature for each feature"),
        )
        if found < wanted
    ]
    if few:
        yield _finding("few-rows", None, rows, "; ".join(few))


def _out_of_bounds(x: Matrix, features: Sequence[Feature]) -> Iterator[Finding]:
    for place, feature in enumerate(features):
        rows = outside(x[:, [place]], [feature])[:, 0]
        if len(rows):
            verb = "is" if len(rows) == 1 else "are"
            within = f"within [{feature.minimum}, {feature.maximum}]"
            found = f"must be {within}, {_counted(len(rows), 'cell')} {verb} not"
            examples = [Example(row, str(float(x[row, place]))) for row in rows[:MOST_EXAMPLES].tolist()]
            yield _finding("out-of-bounds", feature.name, len(rows), found, examples)


def _degenerate(columns: Columns, target: str) -> Iterator[Finding]:
    """Columns of one value or nearly: by how often their commonest value stands, and by how little they spread."""
    for name, cells in columns.items():
        column = cells[~np.isnan(cells)]
        values, counts = np.unique(column, return_counts=True)
        if len(values) == 1 and len(column) > 1:
            code = "constant-target" if name == target else "constant-feature"
            yield _finding(code, name, len(column), f"must vary, found {float(values[0])} in every row")
        elif len(values) > 1 and (found := _scale(column)):
            yield _finding("beyond-scale", name, len(column), found)
        elif len(values) > 1 and name != target:
            second, first = np.partition(counts, -2)[-2:].tolist()
            spread, mean = float(column.std()), float(column.mean())
            if first >= DOMINANCE_LIMIT * second and len(values) <= max(2, _FEW_VALUES * len(column)):
                found = f"should vary, found {float(values[counts.argmax()])} in {first} of {len(column)} rows"
                yield _finding("near-constant", name, first, found)
            elif spread < SPREAD_LIMIT * abs(mean):
                found = f"should vary, found a standard deviation of {spread:.3g} around {mean:.10g}"
                yield _finding("near-constant", name, len(column), found)


def _bounded(columns: Columns, features: Sequence[Feature]) -> Columns:
    """*columns* without the cells that are out of bounds: those have a finding already."""
    bounded = dict(columns)
    for feature in features:
        if feature.name in columns:
            cells = columns[feature.name].reshape(-1, 1)
            rows = outside(cells, [feature])[:, 0]
            if len(rows):
                bounded[feature.name] = np.where(np.isin(np.arange(len(cells)), rows), np.nan, cells[:, 0])
    return {name: cells for name, cells in bounded.items() if not np.isnan(cells).all()}


def _strange(columns: Columns) -> Iterator[Finding]:
    """Values that repeat at the edge and stand apart, and lone rows far outside."""
    for name, cells in columns.items():
        for extreme in repeated_extremes(cells):
            found = (
                f"found {extreme.value:.10g} in {extreme.count} cells, nothing between it and {extreme.nearest:.10g}"
            )
            example = Example(extreme.row, f"{extreme.value:.10g}")
            yield _finding(
                "repeated-extreme", name, extreme.count, f"should be a value like the others, {found}", [example]
            )
    for far in far_rows(columns):
        values = ", ".join(f"{name} {value:.10g}" for name, value in far.columns.items())
        total = " (the sum of all others)" if far.total else ""
        column = next(iter(far.columns)) if len(far.columns) == 1 else None
        found = f"should lie among the others, found row {far.row} far outside: {values}{total}"
        yield _finding("far-row", column, 1, found)


def _scale(column: Vector) -> str:
    """The figure of *column* that is too large or too small to be computed with, or nothing."""
    size, spread = float(np.abs(column).max()), float(column.max() / 2 - column.min() / 2)
    if size > SCALE_LIMIT:
        return f"must lie within ±{SCALE_LIMIT:g}, found {size:.3g}"
    return "" if spread > 1 / SCALE_LIMIT else f"must spread over {1 / SCALE_LIMIT:g} at least, found {spread:.3g}"


def _copied(columns: Columns, target: str) -> Iterator[Finding]:
    """Columns that are a · another + b in every row; of each set of copies all but the first."""
    varying = {name: cells for name, cells in columns.items() if np.nanmin(cells) < np.nanmax(cells)}
    names = list(varying)
    if len(names) < 2:  # noqa: PLR2004 - there is no other
        return
    step = -(-len(varying[names[0]]) // _SAMPLE_ROWS)
    sample = np.array([cells[::step] for cells in varying.values()])
    sample = sample[:, ~np.isnan(sample).any(axis=0)]
    apart = np.zeros((len(names), len(names)), dtype=bool)
    if sample.shape[1] > 2:  # noqa: PLR2004 - any two points lie on a line
        apart = np.abs(np.corrcoef(sample)) < 1 - COPY_TOLERANCE  # not where one is constant in the sample
    copies: set[str] = set()
    for later, name in enumerate(names):
        for earlier, original in enumerate(names[:later]):
            if original in copies or apart[later, earlier]:
                continue
            relation = _relation(original, varying[original], varying[name])
            if relation and name == target:
                yield _finding(
                    "target-copied", original, 1, f"must not give the target away, found {name} = {relation}"
                )
            elif relation:
                copies.add(name)
                yield _finding("feature-copied", name, 1, f"should say something of its own, found {name} = {relation}")
                break


def _relation(name: str, original: Vector, copy: Vector) -> str:
    """The line on which all points (original, copy) lie, as text; "" if there is none, or fewer than 3 points."""
    whole = ~(np.isnan(original) | np.isnan(copy))
    x, y = original[whole], copy[whole]
    if len(x) < 3 or x.min() == x.max():  # noqa: PLR2004 - any two points lie on a line
        return ""
    low, high = int(x.argmin()), int(x.argmax())
    slope = (y[high] - y[low]) / (x[high] - x[low])
    furthest = np.abs(y - (y[low] + slope * (x - x[low]))).max()
    if not (furthest <= COPY_TOLERANCE * np.ptp(y) < np.inf and slope):
        return ""
    offset = y[low] - slope * x[low]
    if abs(offset) <= COPY_TOLERANCE * np.ptp(y):
        return name if abs(slope - 1) <= COPY_TOLERANCE else f"{slope:.6g} · {name}"
    return f"{slope:.6g} · {name} {'+' if offset > 0 else '-'} {abs(offset):.6g}"


def _repeated(x: Matrix, y: Vector, held: NDArray[np.bool_]) -> Iterator[Finding]:
    """Equal rows where they are no chance: some value of theirs stands in no other row.

    In a table of few distinct values equal rows are natural, and the split deals with them.
    """
    columns = [*x.T, y]
    keys = row_keys(columns)
    order = np.argsort(keys, kind="stable")
    again = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    equal = (x[order[again]] == x[order[again + 1]]).all(axis=1) & (y[order[again]] == y[order[again + 1]])
    again = again[equal]
    different = len(y) - len(again)
    if not len(again) or len(y) > MOST_COPIES * different:
        return
    first = np.ones(len(y), dtype=np.bool_)
    first[order[again + 1]] = False
    alone = np.zeros(len(y), dtype=np.bool_)
    for column in columns:
        _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
        rows_with = np.bincount(place[first], minlength=len(counts))
        alone |= rows_with[place] == 1
    earlier, later = order[again], order[again + 1]
    earlier, later = earlier[alone[later]], later[alone[later]]
    if not len(later):
        return
    by_row = np.argsort(later)
    earlier, later = earlier[by_row], later[by_row]
    across = int((held[earlier] != held[later]).sum())
    verb = "equals" if len(later) == 1 else "equal"
    found = f"{_counted(len(later), 'row')} of {len(y)} {verb} an earlier one"
    if across:
        found += f", {across} of them on the other side of the hold-out split"
    examples = [
        Example(int(row), f"equals row {int(other)}")
        for row, other in zip(later[:MOST_EXAMPLES], earlier[:MOST_EXAMPLES], strict=True)
    ]
    yield _finding("duplicated-row", None, len(later), found, examples)


def _shifted(columns: Columns, production: Document, limits: Limits) -> Iterator[Finding]:
    """Features that moved from production's training rows, by the criterion of drift.py."""
    trained = production["data"]["rows"] - production["data"]["holdout_rows"]
    chance = drift.FALSE_SHARE / (2 * len(production["features"]))
    for entry in production["features"]:
        cells = columns.get(entry["name"], np.empty(0))
        values = cells[~np.isnan(cells)].astype(entry.get("width", "float64")).astype(np.float64)
        counts = drift.counts_between(values, drift.edges(entry))
        distances = drift.against_training(entry, counts, values, trained, chance)
        moved = drift.movement(distances, warn=limits.warn, alert=limits.alert)
        if moved.level != drift.OK:
            mean = entry.get("mean")
            was = "" if mean is None else f", was {mean:.4g}"
            found = f"{moved} from production's training rows; mean {values.mean():.4g}{was}"
            finding = _finding("shifted", entry["name"], len(values), found)
            yield replace(finding, value=moved.value, limit=moved.limit)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
