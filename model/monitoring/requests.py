"""Requests of each function and version in the window and in the one before: whether they fail, or got slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.config import MonitoringConfig
from model.data.drift import ALERT, WARN
from model.data.findings import Finding
from model.monitoring.findings import finding
from model.monitoring.request_counts import BOUNDS_SECONDS, SlotRequests

SLOWER_SECONDS = 0.01
"""A percentile that grew by less is no slower function, whatever the ratio: schedulers and networks vary by that."""


@dataclass(frozen=True)
class Latency:
    """Seconds that a share of the *answered* requests stayed within, and the mean of each part by name."""

    answered: int
    p50_seconds: float | None
    p90_seconds: float | None
    p99_seconds: float | None
    mean_seconds: dict[str, float]


@dataclass(frozen=True)
class RequestFigures:
    """Requests of one window or slot; shares are None where there was none."""

    requests: int
    statuses: dict[int, int]
    server_error_share: float | None
    client_error_share: float | None
    cold_starts: int
    probes: int
    latency: Latency


@dataclass(frozen=True)
class FunctionRequests:
    """One function and version; *version* is None for requests that failed before one was loaded."""

    function: str
    version: int | None
    now: RequestFigures
    previous: RequestFigures

    @property
    def where(self) -> str:
        """Its name in a finding."""
        return f"{self.function}, version {self.version}" if self.version else f"{self.function}, no version"


def function_requests(slots: Sequence[SlotRequests], slots_in_window: int) -> list[FunctionRequests]:
    """Requests by function and version, the newest version first."""
    keys = sorted({(part.function, part.version) for part in slots}, key=lambda key: (key[0], -(key[1] or 0)))
    entries = []
    for function, version in keys:
        own = [part for part in slots if (part.function, part.version) == (function, version)]
        now = request_figures([part for part in own if part.slot >= slots_in_window])
        previous = request_figures([part for part in own if part.slot < slots_in_window])
        entries.append(FunctionRequests(function, version, now, previous))
    return entries


def request_figures(parts: Sequence[SlotRequests]) -> RequestFigures:
    """Figures of all requests in *parts*."""
    statuses: Counter[int] = Counter()
    micros: Counter[str] = Counter()
    for part in parts:
        statuses.update(part.statuses)
        micros.update(part.micros)
    requests = statuses.total()
    answered = sum(part.answered for part in parts)
    failed = sum(number for status, number in statuses.items() if status >= 500)  # noqa: PLR2004 - RFC 9110
    refused = sum(number for status, number in statuses.items() if 400 <= status < 500)  # noqa: PLR2004
    spread = sum((part.latency for part in parts), np.zeros(len(BOUNDS_SECONDS) - 1, dtype=np.int64))
    half, nine_tenths, nearly_all = (_percentile(spread, level) for level in (0.5, 0.9, 0.99))
    means = {name: total / answered / 1e6 for name, total in sorted(micros.items()) if answered}
    return RequestFigures(
        requests=requests,
        statuses=dict(sorted(statuses.items())),
        server_error_share=failed / requests if requests else None,
        client_error_share=refused / requests if requests else None,
        cold_starts=sum(part.cold for part in parts),
        probes=sum(part.probes for part in parts),
        latency=Latency(answered, half, nine_tenths, nearly_all, means),
    )


def request_findings(entries: Sequence[FunctionRequests], limits: MonitoringConfig) -> Iterable[Finding]:
    """Failed and refused requests, and slow ones.

    Requests that failed early have no version, so shares are those of a function whole; only if those are sound, each
    version is looked at.
    """
    for function in sorted({entry.function for entry in entries}):
        own = [entry for entry in entries if entry.function == function]
        whole = list(_status_findings(function, own, limits))
        yield from whole
        for entry in own if len(own) > 1 and not whole else ():
            yield from _status_findings(entry.where, [entry], limits)
    for entry in entries:
        yield from _latency_findings(entry, limits)


def _status_findings(where: str, entries: Sequence[FunctionRequests], limits: MonitoringConfig) -> Iterable[Finding]:
    statuses: Counter[int] = Counter()
    for entry in entries:
        statuses.update(entry.now.statuses)
    requests = statuses.total()
    if requests < limits.min_rows:
        return
    kinds = (
        ("server-errors", ALERT, 5, limits.max_error_share, "failed"),
        ("client-errors", WARN, 4, limits.warn, "were refused"),
    )
    for code, severity, hundreds, limit, verb in kinds:
        chosen = {status: number for status, number in sorted(statuses.items()) if status // 100 == hundreds}
        share = sum(chosen.values()) / requests
        if share >= limit:
            listed = ", ".join(f"{number} × {status}" for status, number in chosen.items())
            found = f"{100 * share:.3g} % of {requests} requests {verb} ({listed})"
            yield finding(code, severity, where, value=share, limit=limit, found=found)


def _latency_findings(entry: FunctionRequests, limits: MonitoringConfig) -> Iterable[Finding]:
    """Latency against what was promised, else against the window before."""
    now, before = entry.now.latency, entry.previous.latency
    if now.answered < limits.min_rows or now.p50_seconds is None or now.p99_seconds is None:
        return
    if limits.max_p99_seconds is not None and now.p99_seconds > limits.max_p99_seconds:
        found = f"99 % within {_time(now.p99_seconds)}, {_time(limits.max_p99_seconds)} allowed"
        value, limit = now.p99_seconds, limits.max_p99_seconds
        yield finding("slow", ALERT, entry.where, value=value, limit=limit, found=found)
    elif before.answered >= limits.min_rows and before.p50_seconds is not None and before.p99_seconds is not None:
        for severity, seconds, earlier, words in (
            (ALERT, now.p50_seconds, before.p50_seconds, "half"),
            (WARN, now.p99_seconds, before.p99_seconds, "99 %"),
        ):
            ratio = seconds / earlier
            if ratio >= limits.max_slowdown and seconds - earlier >= SLOWER_SECONDS:
                found = f"{words} within {_time(seconds)}, was {_time(earlier)}"
                yield finding("slow", severity, entry.where, value=ratio, limit=limits.max_slowdown, found=found)
                break


def _percentile(counts: NDArray[np.int64], level: float) -> float | None:
    """From counts between BOUNDS_SECONDS, by a straight line within the bin."""
    total = int(counts.sum())
    if not total:
        return None
    cumulated = np.concatenate([[0], np.cumsum(counts)]) / total
    place = max(min(int(np.searchsorted(cumulated, level, "left")), len(counts)) - 1, 0)
    within = (level - cumulated[place]) / (cumulated[place + 1] - cumulated[place])
    return float(BOUNDS_SECONDS[place] + within * (BOUNDS_SECONDS[place + 1] - BOUNDS_SECONDS[place]))


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
