"""Findings of the monitor: their codes in the order of badness, the advice for each, and their severities."""

from __future__ import annotations

import math
from collections.abc import Iterable

from model.config import MonitoringConfig
from model.data.drift import ALERT, OK, WARN
from model.data.findings import Finding

FEW = "not enough data"

ADVICE = {
    "live-error": "train on newer rows and compare: `train`; until then consider `rollback`",
    "server-errors": "read the ERROR lines (./deploy.sh logs), then roll back what changed: the code or the model",
    "input-skew": "check the unit and what fills it; if the world has moved, train on newer rows",
    "prediction-skew": "see which input moved; if none did, callers mix inputs in a new way: train on newer rows",
    "score-skew": "see which input moved; if none did, callers mix inputs in a new way: train on newer rows",
    "missing-input": "ask the callers; a function refuses instances without it, so look at what writes the rows too",
    "out-of-range": "check the unit; the model extrapolates there: train on rows that cover these values",
    "unknown-level": "look at how callers spell it; train on rows that have it if it is here to stay",
    "slow": "see in --json which part of latency.mean_seconds grew: queue wants more instances, parse smaller bodies",
    "input-drift": "look for what changed since the window before: a caller, a pipeline, a weekday",
    "prediction-drift": "look for what changed since the window before: a caller, a model, a weekday",
    "score-drift": "look for what changed since the window before: a caller, a model, a weekday",
    "client-errors": "the callers send what cannot be answered; the log lines with status 400 say which",
    "gap": "no caller, no function, or no log: look whether the requests failed before they came here",
    "lost-rows": "the log lost lines, or the source begins or ends within a request: read whole objects",
    "duplicates": "callers retry (each row counts once), or they give one X-Request-Id to different requests",
    "not-json": "these lines were left out: check the source; one at the end of a file is one that was cut short",
    "malformed": "these lines were left out: functions and monitor must be of the same release",
    "bad-time": "these lines were left out: times need a zone, and a clock that is right",
    "unknown-version": "these rows were not judged: the bucket holds no such version; is it the right bucket?",
    "labels": "these labels were not used: check their request_id, row and spelling",
}
"""The advice by code; the codes stand in the order of badness within a severity."""


def finding(code: str, severity: str, where: str, *, value: float, limit: float, found: str) -> Finding:
    """A finding with the advice for its code."""
    return Finding(
        severity, code, where, found, ADVICE[code], value=value if math.isfinite(value) else None, limit=limit
    )


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Alerts first, then by code, then by how far the limit is exceeded."""
    codes = list(ADVICE)
    return sorted(
        findings, key=lambda entry: (entry.severity != ALERT, codes.index(entry.code), -_times_the_limit(entry))
    )


def worst_severity(findings: Iterable[Finding]) -> str:
    """ALERT or WARN, or OK without findings."""
    severities = {entry.severity for entry in findings}
    return ALERT if ALERT in severities else WARN if severities else OK


def share_severity(share: float | None, limits: MonitoringConfig) -> tuple[str, float]:
    """The severity of a share of the rows, and the limit that it reached or would have to reach."""
    if share is not None and share >= limits.alert:
        return ALERT, limits.alert
    return (WARN, limits.warn) if share is not None and share >= limits.warn else (OK, limits.warn)


def _times_the_limit(entry: Finding) -> float:
    if entry.value is None:
        return math.inf
    return entry.value / entry.limit if entry.limit else math.inf
