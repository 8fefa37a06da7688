"""The importance of features as a page shows it: the largest first, with the lengths of bars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model.reports.page import Document

MOST_SHOWN = 20
"""Features that are seen at once; the others are folded away."""


def recorded(document: Document) -> dict[str, Any] | None:
    """The manifest's `importance`; an earlier form of it, a number a feature, is brought into today's."""
    found = document.get("importance")
    if not found:
        return None
    if isinstance(found, Mapping):
        return dict(found)
    names = [feature["name"] for feature in document["features"]]
    return {
        "loss": "rmse",
        "features": [
            {"feature": name, "value": value, "low": None, "high": None, "repeats": None}
            for name, value in zip(names, found, strict=True)
        ],
    }


def importance_bars(document: Document) -> dict[str, Any] | None:
    """The figures of `recorded`, the largest first, and the lengths of their bars in percent of the longest one.

    Features that no figure was found for are named in `left_out`.
    """
    found = recorded(document)
    if found is None:
        return None
    there = [growth for growth in found["features"] if growth["value"] is not None]
    longest = max((growth["high"] or growth["value"] for growth in there), default=0.0)
    bars = [_bar(growth, longest) for growth in sorted(there, key=lambda growth: -growth["value"])]
    wanted, repeats = found.get("repeats"), [growth["repeats"] for growth in there]
    return {
        **found,
        "bars": bars[:MOST_SHOWN],
        "more": bars[MOST_SHOWN:],
        "left_out": [growth["feature"] for growth in found["features"] if growth["value"] is None],
        "fewest": min(repeats) if wanted and repeats and min(repeats) < wanted else None,
    }


def _bar(growth: Document, longest: float) -> dict[str, Any]:
    def along(value: float | None) -> float:
        return round(100 * max(0.0, value or 0.0) / longest, 2) if longest > 0 else 0.0

    low, high = along(growth["low"]), along(growth["high"])
    return {**growth, "width": along(growth["value"]), "start": low, "length": round(high - low, 2)}
