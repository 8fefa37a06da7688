"""Verdicts on given windows, requests and logs, for tests of the monitor."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from model.config import MonitoringConfig
from model.monitoring import verdict
from model.monitoring.captured import LogCounts
from model.monitoring.document import document
from model.monitoring.request_counts import BOUNDS_SECONDS, SlotRequests
from model.monitoring.windows import SLOTS, Period
from tests.support.windows import draw, manifest, window

LIMITS = MonitoringConfig(min_rows=200, warn=0.1, alert=0.3, max_error_share=0.01, max_slowdown=2.0)
PERIOD = Period(slot_seconds=3600.0, slots=SLOTS, until=1_763_640_000.0)
TRAINED = draw(np.random.default_rng(1), 4_000)
WIDE = manifest(TRAINED)
NONE = window(WIDE, np.empty((0, 10)))


def requests(
    number: int = 500,
    slot: int = SLOTS,
    function: str = "batch",
    version: int | None = 1,
    statuses: dict[int, int] | None = None,
    seconds: float = 0.002,
) -> SlotRequests:
    """Requests of one slot, all as fast."""
    part = SlotRequests(function, version, slot)
    part.statuses.update({200: number} if statuses is None else statuses)
    part.answered = sum(count for status, count in part.statuses.items() if status < 400)
    part.latency[int(np.searchsorted(BOUNDS_SECONDS, seconds)) - 1] = part.answered
    part.micros["total"] = int(part.answered * seconds * 1e6)
    return part


def judge(*, manifests: Any = None, windows: Any = None, **changes: Any) -> dict[str, Any]:
    """The verdict as `monitor --json` prints it."""
    made = document(_judge(manifests=manifests, windows=windows, **changes))
    json.dumps(made, allow_nan=False)
    return made


def verdict_on(now: Any, before: Any = NONE, **changes: Any) -> verdict.Verdict:
    """The verdict on one version, as the rest of the program takes it."""
    return _judge(manifests={1: WIDE}, windows={1: (now, before)}, **changes)


def _judge(*, manifests: Any, windows: Any, **changes: Any) -> verdict.Verdict:
    given: dict[str, Any] = {
        "model": "m",
        "production": 1,
        "manifests": manifests or {},
        "windows": windows or {},
        "requests": (),
        "log": LogCounts(),
        "period": PERIOD,
        "live": {},
        "labels": None,
        "limits": LIMITS,
        **changes,
    }
    return verdict.judge(**given)


def judged(now: Any, before: Any = NONE, document: Any = WIDE, **changes: Any) -> dict[str, Any]:
    """The verdict on one version."""
    return judge(manifests={1: document}, windows={1: (now, before)}, **changes)


def moved(by: float, place: int = 0, rows: int = 1_000, seed: int = 2) -> Any:
    """Rows whose column at *place* moved."""
    x = draw(np.random.default_rng(seed), rows)
    x[:, place] += by
    return x


def brief(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Findings, by severity, code and place."""
    return [(found["severity"], found["code"], found["what"]) for found in document["findings"]]
