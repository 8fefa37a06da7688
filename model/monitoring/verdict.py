"""The monitor's verdict: each version against its training rows, requests, labels and the log, worst findings first.

Rows against training can alert, this window against the one before can warn: neighbouring days differ by nature, and
the training rows say whether that matters. Only the version in production can alert; if it answered no request, the
newest version that did can. Shifts within sampling noise are never reported: all figures of all features together may
exceed their limits by chance in FALSE_SHARE of the windows (Bonferroni). The shares of the classes that a classifier
predicts take CLASS_PART of that, since a change of a few hundredths matters there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from functions.columns.schema import Level
from model.config import MonitoringConfig
from model.data.drift import ALERT, FALSE_SHARE, OK, WARN, columns, score
from model.data.findings import Finding
from model.monitoring import live_error
from model.monitoring.captured import LogCounts
from model.monitoring.columns import ColumnFigures, Role, column_figures, column_findings, column_notes
from model.monitoring.findings import FEW, finding, worst_first, worst_severity
from model.monitoring.labels import LabelCounts
from model.monitoring.live_error import Live
from model.monitoring.log_quality import capture_notes, label_findings, log_findings
from model.monitoring.over_time import SlotFigures, gap_findings, series
from model.monitoring.request_counts import SlotRequests
from model.monitoring.requests import FunctionRequests, function_requests, request_findings
from model.monitoring.windows import Period, Window

Manifest = Mapping[str, Any]

CLASS_PART = 1 / 3
"""Part of FALSE_SHARE that is for the shares of predicted classes."""

_REPLACED = "nothing: this version is not in production any more"


@dataclass(frozen=True)
class VersionVerdict:
    """One version that answered; *features* are empty, and *prediction* is None, where it had too few rows.

    Args:
        score: That of a classifier with probabilities.
        score_class: The positive class, whose probability the score is; None where it is that of the likeliest.
    """

    version: int
    production: bool
    created: str | None
    age_days: float | None
    rows: int
    previous_rows: int
    status: str
    features: Sequence[ColumnFigures]
    prediction: ColumnFigures | None
    live: Live | None
    held_out: Mapping[str, Any]
    findings: Sequence[Finding]
    notes: Sequence[str]
    score: ColumnFigures | None = None
    score_class: Level | None = None


@dataclass(frozen=True)
class Verdict:
    """Everything that `monitor` says; *versions* begin with the one in production."""

    status: str
    model: str
    production: int | None
    period: Period
    limits: MonitoringConfig
    findings: Sequence[Finding]
    notes: Sequence[str]
    versions: Sequence[VersionVerdict]
    functions: Sequence[FunctionRequests]
    labels: LabelCounts | None
    log: LogCounts
    series: Sequence[SlotFigures]


def judge(
    *,
    model: str,
    production: int | None,
    manifests: Mapping[int, Manifest],
    windows: Mapping[int, tuple[Window, Window]],
    requests: Sequence[SlotRequests],
    log: LogCounts,
    period: Period,
    live: Mapping[int, Live],
    labels: LabelCounts | None,
    limits: MonitoringConfig,
) -> Verdict:
    """Judge everything that was read.

    Args:
        production: The version that the alias names.
        manifests: By version, of those that have rows.
        windows: By version, this window and the one before.
        live: By version, its metrics on labels that arrived.
        labels: None without labels.
    """
    order = sorted(windows, key=lambda version: (version != production, -version))
    comparisons = 4 * sum(len(manifests[version]["features"]) + 1 for version in order)
    classifiers = sum("classes" in (manifests[version].get("prediction") or {}) for version in order)
    class_part = CLASS_PART if classifiers else 0.0
    versions = [
        _version_verdict(
            version,
            manifests[version],
            windows[version],
            live.get(version),
            chance=FALSE_SHARE * (1 - class_part) / max(1, comparisons),
            class_chance=FALSE_SHARE * class_part / max(1, 2 * classifiers),
            limits=limits,
            until=period.until,
            in_production=version == production,
        )
        for version in order
    ]
    versions[1:] = map(_replaced, versions[1:])
    functions = function_requests(requests, period.slots)
    slots = series(requests, windows, manifests, period, limits.min_rows)
    findings = worst_first(
        [
            *(replace(entry, version=version.version) for version in versions for entry in version.findings),
            *request_findings(functions, limits),
            *gap_findings(slots, period),
            *log_findings(log),
            *label_findings(labels, log),
        ]
    )
    status = worst_severity(findings)
    if status != ALERT and all(version.status == FEW for version in versions):
        status = FEW
    return Verdict(
        status=status,
        model=model,
        production=production,
        period=period,
        limits=limits,
        findings=findings,
        notes=[*capture_notes(log), *(note for version in versions for note in version.notes)],
        versions=versions,
        functions=functions,
        labels=labels,
        log=log,
        series=slots,
    )


def _version_verdict(
    version: int,
    manifest: Manifest,
    pair: tuple[Window, Window],
    live: Live | None,
    *,
    chance: float,
    class_chance: float,
    limits: MonitoringConfig,
    until: float | None,
    in_production: bool,
) -> VersionVerdict:
    now, before = pair
    where = f"version {version}"
    enough = now.rows >= limits.min_rows
    names = [*(feature["name"] for feature in manifest["features"]), "prediction"]
    width, scored = len(manifest["features"]), score(manifest)
    names += [] if scored is None else [_score_name(scored)]
    trained = manifest["data"]["rows"] - manifest["data"]["holdout_rows"]
    figures: list[ColumnFigures] = []
    findings: list[Finding] = []
    notes: list[str] = []
    if not enough:
        notes.append(f"{where}: {now.rows} rows in the window, {limits.min_rows} are needed to judge it")
    elif before.rows < limits.min_rows:
        message = f"{before.rows} rows in the window before, {limits.min_rows} are needed to compare with it"
        notes.append(f"{where}: {message}")
    if enough and not now.even:
        message = f"{now.rows} rows stand for {now.weight:.0f} instances, since requests captured a part of theirs"
        notes.append(f"{where}: {message}; they say as much as {now.effective_rows(width):.0f} that count alike")
    for place, (name, entry) in enumerate(zip(names, columns(manifest), strict=True)) if enough else ():
        role: Role = "input" if place < width else "prediction" if place == width else "score"
        column = column_figures(
            name,
            entry,
            place,
            now,
            before if before.rows >= limits.min_rows else None,
            trained=entry.get("rows", trained),
            chance=class_chance if "classes" in entry else chance,
            role=role,
        )
        figures.append(column)
        findings += column_findings(column, f"{where}, {name}", limits, role=role)
        notes += column_notes(column, f"{where}, {name}")
    if live is not None:
        error = live_error.judge(live, live_error.held_out_error(manifest, live.measure), limits)
        if not error.known:
            notes.append(f"{where}: {error.found}")
        elif error.severity != OK:
            growth, limit = error.growth, error.limit
            findings.append(finding("live-error", error.severity, where, value=growth, limit=limit, found=error.found))
    return VersionVerdict(
        version=version,
        production=in_production,
        created=manifest.get("created"),
        age_days=_age_days(manifest.get("created"), until),
        rows=now.rows,
        previous_rows=before.rows,
        status=worst_severity(findings) if enough or findings else FEW,
        features=figures[:width],
        prediction=figures[width] if figures else None,
        live=live,
        held_out=_held_out(manifest),
        findings=findings,
        notes=notes,
        score=figures[width + 1] if figures and scored is not None else None,
        score_class=None if scored is None else scored.get("class"),
    )


def _score_name(entry: Mapping[str, Any]) -> str:
    label = entry.get("class")
    if label is None:
        return "score of the likeliest class"
    return f"score of {str(label).lower() if isinstance(label, bool) else label}"


def _held_out(manifest: Manifest) -> dict[str, Any]:
    """The metrics of the manifest that labels give live: for classes all of them."""
    shown = None if manifest.get("classes") else {"rmse", "mae"}
    return {name: entry for name, entry in manifest["metrics"].items() if shown is None or name in shown}


def _replaced(version: VersionVerdict) -> VersionVerdict:
    """A version that answered and does not any more warns: nobody needs to be woken."""
    findings = [replace(entry, severity=WARN, advice=_REPLACED) for entry in version.findings]
    return replace(version, status=WARN if version.status == ALERT else version.status, findings=findings)


def _age_days(created: object, until: float | None) -> float | None:
    try:
        made = datetime.fromisoformat(str(created))
    except ValueError:
        return None
    if until is None or made.tzinfo is None:
        return None
    return round(max(0.0, (until - made.timestamp()) / 86400), 2)
