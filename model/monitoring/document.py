"""The verdict as `monitor --json` prints it: the one place where its figures become JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from model.data.drift import FALSE_SHARE
from model.data.findings import Finding
from model.monitoring.columns import ColumnFigures
from model.monitoring.over_time import SlotFigures, iso
from model.monitoring.requests import FunctionRequests, RequestFigures
from model.monitoring.verdict import Verdict, VersionVerdict
from model.monitoring.windows import Period


def document(verdict: Verdict) -> dict[str, Any]:
    """Everything as JSON; times in UTC, and null for figures that are not known."""
    return {
        "format": 1,
        "status": verdict.status,
        "model": verdict.model,
        "production": verdict.production,
        "window": _window(verdict.period),
        "limits": {**verdict.limits.model_dump(), "false_windows": FALSE_SHARE},
        "findings": [_finding(finding) for finding in verdict.findings],
        "notes": list(verdict.notes),
        "versions": [_version(version) for version in verdict.versions],
        "functions": [_function(function) for function in verdict.functions],
        "labels": asdict(verdict.labels) if verdict.labels else None,
        "log": asdict(verdict.log),
        "series": [_slot(slot) for slot in verdict.series],
    }


def _window(period: Period) -> dict[str, Any]:
    until = period.until
    return {
        "hours": period.seconds / 3600,
        "from": None if until is None else iso(until - period.seconds),
        "until": None if until is None else iso(until),
        "previous_from": None if until is None else iso(until - 2 * period.seconds),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "what": finding.where,
        "version": finding.version,
        "value": finding.value,
        "threshold": finding.limit,
        "found": finding.found,
        "advice": finding.advice,
    }


def _version(version: VersionVerdict) -> dict[str, Any]:
    live = version.live
    return {
        "version": version.version,
        "production": version.production,
        "created": version.created,
        "age_days": version.age_days,
        "rows": version.rows,
        "previous_rows": version.previous_rows,
        "status": version.status,
        "features": [{"name": column.name, **_column(column)} for column in version.features],
        "prediction": _column(version.prediction) if version.prediction else None,
        **(
            {"score": {"name": version.score.name, "class": version.score_class, **_column(version.score)}}
            if version.score
            else {}
        ),
        "live": None
        if live is None
        else {
            "rows": live.rows,
            "instances": live.rows if live.instances is None else live.instances,
            "effective_rows": live.rows if live.effective_rows is None else live.effective_rows,
            "measure": live.measure,
            "metrics": {name: asdict(score) for name, score in live.metrics.items()},
            **({"reliability": list(live.reliability)} if live.reliability else {}),
        },
        "held_out": dict(version.held_out),
    }


def _column(column: ColumnFigures) -> dict[str, Any]:
    return {
        "rows": column.rows,
        "redacted": column.redacted,
        "missing_share": column.missing_share,
        "out_of_range_share": column.out_of_range_share,
        "training": asdict(column.training),
        "serving": asdict(column.serving),
        "skew": asdict(column.skew) if column.skew else None,
        "drift": asdict(column.drift) if column.drift else None,
        **({"kind": column.kind} if column.kind != "number" else {}),
        **({"training_missing_share": column.training_missing_share} if column.training_missing_share else {}),
        **({"levels": [asdict(level) for level in column.levels]} if column.levels else {}),
    }


def _function(entry: FunctionRequests) -> dict[str, Any]:
    previous = _requests(entry.previous)
    return {"function": entry.function, "version": entry.version, **_requests(entry.now), "previous": previous}


def _requests(figures: RequestFigures) -> dict[str, Any]:
    return {
        "requests": figures.requests,
        "statuses": {str(status): number for status, number in figures.statuses.items()},
        "server_error_share": figures.server_error_share,
        "client_error_share": figures.client_error_share,
        "cold_starts": figures.cold_starts,
        "probes": figures.probes,
        "latency": asdict(figures.latency),
    }


def _slot(slot: SlotFigures) -> dict[str, Any]:
    return {
        "from": slot.begin,
        "requests": slot.requests.requests,
        "server_error_share": slot.requests.server_error_share,
        "client_error_share": slot.requests.client_error_share,
        "p50_seconds": slot.requests.latency.p50_seconds,
        "p99_seconds": slot.requests.latency.p99_seconds,
        "rows": {str(version): rows for version, rows in slot.rows.items()},
        "largest_jensen_shannon": {str(version): value for version, value in slot.largest_jensen_shannon.items()},
    }
