"""Both windows slot by slot: requests, failures, latency, rows, the farthest feature; and hours without a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.data.drift import WARN, against_training
from model.data.findings import Finding
from model.monitoring.findings import finding
from model.monitoring.request_counts import SlotRequests
from model.monitoring.requests import RequestFigures, request_figures
from model.monitoring.windows import Period, Window

FEWEST_EXPECTED = 20
"""Requests expected in a slot, from which on none is a gap: by chance that happens once in e^20 slots."""


@dataclass(frozen=True)
class SlotFigures:
    """One slot; *rows* and *largest_jensen_shannon* are by version, the latter for slots with enough rows."""

    begin: str
    requests: RequestFigures
    rows: dict[int, int]
    largest_jensen_shannon: dict[int, float | None]


def iso(seconds: float) -> str:
    """A time in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def series(
    requests: Sequence[SlotRequests],
    windows: Mapping[int, tuple[Window, Window]],
    manifests: Mapping[int, Mapping[str, Any]],
    period: Period,
    min_rows: int,
) -> list[SlotFigures]:
    """Figures of each slot of the window before and of this one; empty if nothing was read."""
    if period.until is None:
        return []
    entries = []
    for slot in range(2 * period.slots):
        rows, skew = {}, {}
        for version, pair in windows.items():
            part = pair[1 - slot // period.slots].slots.get(slot)
            if part is None:
                continue
            rows[version] = part.rows
            if part.rows >= min_rows:
                skew[version] = _largest_divergence(manifests[version], part.counts)
        entries.append(
            SlotFigures(
                begin=iso(period.until - (2 * period.slots - slot) * period.slot_seconds),
                requests=request_figures([part for part in requests if part.slot == slot]),
                rows=rows,
                largest_jensen_shannon=skew,
            )
        )
    return entries


def gap_findings(slots: Sequence[SlotFigures], period: Period) -> Iterable[Finding]:
    """Slots of this window without a request, where the same slot of the window before, or a usual one, had many."""
    numbers = [slot.requests.requests for slot in slots]
    before, now = numbers[: period.slots], numbers[period.slots :]
    filled = [number for number in numbers if number]
    if not filled or period.until is None:
        return
    usual = float(np.median(filled)) if len(filled) >= period.slots / 4 else 0.0
    first = next(place for place, number in enumerate(numbers) if number)
    gap: list[int] = []
    for place, number in enumerate([*now, -1]):
        seen_before = first < period.slots
        expected = 0.0
        if not number:
            expected = before[place] if seen_before else usual if period.slots + place > first else 0.0
        if number == 0 and expected >= FEWEST_EXPECTED:
            gap.append(place)
        elif gap:
            begin = slots[period.slots + gap[0]].begin
            end = iso(period.until - (period.slots - 1 - gap[-1]) * period.slot_seconds)
            hours = len(gap) * period.slot_seconds / 3600
            found = f"no request from {begin} to {end} ({hours:.3g} h), where {expected:.0f} were usual"
            yield finding("gap", WARN, "requests", value=hours, limit=period.slot_seconds / 3600, found=found)
            gap = []


def _largest_divergence(manifest: Mapping[str, Any], counts: Sequence[NDArray[np.float64]]) -> float | None:
    """Divergence from training of the feature that moved most; None where none is known."""
    divergences = [
        figures.jensen_shannon
        for entry, cells in zip(manifest["features"], counts, strict=False)
        if (figures := against_training({**entry, "fiftieths": None}, cells, np.zeros(1), 1, 0.5))
    ]
    return max(divergences, default=None)
