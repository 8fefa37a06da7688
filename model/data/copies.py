"""Columns that copy another one, and rows that come again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.data.findings import Example, Finding
from model.data.hashing import row_keys, words
from model.data.remedies import MOST_EXAMPLES, counted, with_remedy

COPY_TOLERANCE = 1e-6
"""How far a copy may lie from the column it copies, relative to its range: what rounding to float32 leaves."""
MOST_COPIES = 10
"""Rows for each different one, from which on a table has few values rather than copies."""
_SAMPLE_ROWS = 5000
Vector = NDArray[np.float64]


def copied(columns: Mapping[str, Vector], target: str) -> Iterator[Finding]:
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
                yield with_remedy(
                    "target-copied", original, 1, f"must not give the target away, found {name} = {relation}"
                )
            elif relation:
                copies.add(name)
                yield with_remedy(
                    "feature-copied", name, 1, f"should say something of its own, found {name} = {relation}"
                )
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


def repeated(columns: Sequence[NDArray[Any]], held: NDArray[np.bool_], number: NDArray[np.int64]) -> Iterator[Finding]:
    """Equal rows where they are no chance: some value of theirs stands in no other row.

    In a table of few distinct values equal rows are natural, and the split deals with them.

    Args:
        number: The number of each row in its source.
    """
    contents = [words(column) for column in columns]
    keys = row_keys(contents)
    order = np.argsort(keys, kind="stable")
    again = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    for content in contents:
        again = again[content[order[again]] == content[order[again + 1]]]
    different = len(held) - len(again)
    if not len(again) or len(held) > MOST_COPIES * different:
        return
    first = np.ones(len(held), dtype=np.bool_)
    first[order[again + 1]] = False
    alone = np.zeros(len(held), dtype=np.bool_)
    for content in contents:
        _, place, counts = np.unique(content, return_inverse=True, return_counts=True)
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
    found = f"{counted(len(later), 'row')} of {len(held)} {verb} an earlier one"
    if across:
        found += f", {across} of them on the other side of the hold-out split"
    examples = [
        Example(int(number[row]), f"equals row {number[other]}")
        for row, other in zip(later[:MOST_EXAMPLES], earlier[:MOST_EXAMPLES], strict=True)
    ]
    yield with_remedy("duplicated-row", None, len(later), found, examples)
