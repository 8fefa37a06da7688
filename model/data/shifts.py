"""Features that moved from production's training rows: values, levels, missing cells; by the criterion of drift.py."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.columns.schema import Feature
from functions.columns.table import is_missing
from model.data import drift
from model.data.findings import Finding
from model.data.levels import level_counts, named
from model.data.remedies import with_remedy

Document = Mapping[str, Any]
Cells = NDArray[Any]

_EXPECTED_ROWS = 5
"""Rows that a level of production's would have here, from which on it is missed."""


def shifted(
    columns: Mapping[str, Cells], features: Sequence[Feature], production: Document, *, warn: float, alert: float
) -> Iterator[Finding]:
    """What moved in the *columns* that *production*'s manifest describes.

    Args:
        warn, alert: Distance from which on a feature has moved, and from which on it has far.
    """
    trained = production["data"]["rows"] - production["data"]["holdout_rows"]
    chance = drift.FALSE_SHARE / (2 * len(production["features"]))
    ours = {feature.name: feature for feature in features}
    for entry in production["features"]:
        name, kind = entry["name"], entry.get("kind", "number")
        if name in ours and name in columns and ours[name].kind != kind:
            found = f"should be of the kind that production was trained on, {kind}, found {ours[name].kind}"
            yield with_remedy("kind-changed", name, 1, found)
            continue
        cells = columns.get(name, np.empty(0))
        gone = is_missing(cells)
        values = cells[~gone]
        if len(cells):
            yield from _missing_shift(name, gone, entry.get("missing_share", 0.0), trained, chance=chance, warn=warn)
        if kind == "category":
            if name in ours:
                yield from _levels(ours[name], entry, values, trained, chance, warn=warn, alert=alert)
            continue
        values = values.astype(entry.get("width", "float64")).astype(np.float64)
        counts = drift.counts_between(values, drift.edges(entry))
        distances = drift.against_training(entry, counts, values, trained, chance)
        moved = drift.movement(distances, warn=warn, alert=alert)
        if moved.level != drift.OK:
            mean = entry.get("mean")
            was = "" if mean is None else f", was {mean:.4g}"
            yield _moved(name, moved, len(values), f"; mean {values.mean():.4g}{was}")


def _moved(name: str, moved: drift.Movement, rows: int, more: str) -> Finding:
    finding = with_remedy("shifted", name, rows, f"{moved} from production's training rows{more}")
    return replace(finding, value=moved.value, limit=moved.limit)


def _missing_shift(
    name: str, gone: NDArray[np.bool_], was: float, trained: int, *, chance: float, warn: float
) -> Iterator[Finding]:
    """A share of missing cells that is another one than production's, beyond what chance explains."""
    from scipy.special import ndtri  # noqa: PLC0415 - other verbs need not wait for it

    share = float(gone.mean())
    both = (share * len(gone) + was * trained) / (len(gone) + trained)
    spread = math.sqrt(both * (1 - both) * (1 / len(gone) + 1 / trained))
    limit = max(warn, -float(ndtri(chance / 2)) * spread)
    if abs(share - was) >= limit:
        found = f"{share:.1%} of the cells are missing, {was:.1%} of production's training rows were"
        yield replace(with_remedy("missing-shifted", name, int(gone.sum()), found), value=abs(share - was), limit=limit)


def _levels(
    feature: Feature, entry: Document, values: Cells, trained: int, chance: float, *, warn: float, alert: float
) -> Iterator[Finding]:
    """Levels that came or went, and shares of levels that moved."""
    counts = level_counts(values)
    was = dict(zip(entry["levels"], entry["shares"], strict=True))
    came = [level for level in counts if level not in was]
    went = [level for level, share in was.items() if level not in counts and share * len(values) >= _EXPECTED_ROWS]
    parts = [f"new {named(feature, came, counts)}"] if came else []
    parts += [f"none of {named(feature, went)}"] if went else []
    if parts and len(values):
        found = f"should have the levels of production's training rows, found {' and '.join(parts)}"
        yield with_remedy("levels-changed", feature.name, len(came) + len(went), found)
    distances = drift.between_levels(was, counts, trained, chance)
    moved = drift.movement(distances, warn=warn, alert=alert)
    if moved.level != drift.OK:
        most = max(
            was.keys() | counts.keys(), key=lambda level: abs(counts.get(level, 0) / len(values) - was.get(level, 0))
        )
        shares = f"{counts.get(most, 0) / len(values):.1%} {named(feature, [most])}, was {was.get(most, 0.0):.1%}"
        yield _moved(feature.name, moved, len(values), "" if feature.redact else f"; {shares}")
