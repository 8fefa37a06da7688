"""Tables of `monitor` for people, from its JSON."""

from __future__ import annotations

from collections import Counter
from typing import Any

from model.cli.tables import Document, table_of
from model.evaluation.answers import label_name
from model.formatting import brief, counted, interval, milliseconds, number, percent, plain, short, to_the_second

_MOST_CLASSES = 10


def monitoring(document: Document) -> list[Any]:
    """Status, findings worst first, then the figures of features, requests and the log."""
    window, severities = document["window"], Counter(entry["severity"] for entry in document["findings"])
    counts = ", ".join(counted(severities[severity], severity) for severity in ("alert", "warn"))
    period = "no usable line"
    if window["until"]:
        period = f"{to_the_second(window['from'])} to {to_the_second(window['until'])} UTC"
    summary = f"{document['model']}: {document['status'].upper()}; {counts}; {period}"
    findings = table_of("severity", "code", "where", "found", "what would help")
    for entry in document["findings"]:
        findings.add_row(entry["severity"], *(plain(entry[name]) for name in ("code", "what", "found", "advice")))
    features = table_of(
        *("version", "column", "rows", "mean", "in training", "wasserstein", "js bits", "psi", "before", "missing"),
        "outside",
    )
    for version in document["versions"]:
        name = f"{version['version']}{' (production)' if version['production'] else ''}"
        scored = [version["score"]] if version.get("score") else []
        columns = [*version["features"], {"name": "prediction", **(version["prediction"] or {})}, *scored]
        for column in columns if version["features"] else ():
            features.add_row(name, plain(column["name"]), *_column_figures(column))
    requests = table_of("function", "version", "requests", "5xx", "4xx", "p50", "p90", "p99", "p99 before", "cold")
    for entry in document["functions"]:
        shares = [percent(entry[name]) for name in ("server_error_share", "client_error_share")]
        times = [milliseconds(entry["latency"][name]) for name in ("p50_seconds", "p90_seconds", "p99_seconds")]
        times.append(milliseconds(entry["previous"]["latency"]["p99_seconds"]))
        version = "-" if entry["version"] is None else str(entry["version"])
        requests.add_row(entry["function"], version, str(entry["requests"]), *shares, *times, str(entry["cold_starts"]))
    live = table_of("version", "labels", "metric", "live", "low", "high", "held out")
    for version in document["versions"]:
        for name in _live_metrics(version["live"]["metrics"]) if version["live"] else ():
            score = [number(version["live"]["metrics"][name][part]) for part in ("value", "low", "high")]
            held = version["held_out"].get(name)
            was = interval(*(held.get(part) for part in ("value", "low", "high"))) if held else number(None)
            live.add_row(str(version["version"]), str(version["live"]["rows"]), plain(name), *score, was)
    classes = table_of("version", "class", "predicted", "in training")
    for version in document["versions"]:
        levels = (version["prediction"] or {}).get("levels", [])
        for level in sorted(levels, key=lambda level: -abs(level["serving"] - level["training"]))[:_MOST_CLASSES]:
            figures = [percent(level[name]) for name in ("serving", "training")]
            classes.add_row(str(version["version"]), plain(brief(label_name(level["level"]))), *figures)
    notes = [plain(note) for note in document["notes"]]
    shown: list[Any] = [table for table in (findings, live, classes, features, requests) if table.row_count]
    shown += ["\n".join(notes)] if notes else []
    return [plain(summary), *(thing for table in shown for thing in ("", table)), "", *map(plain, _log_lines(document))]


def _live_metrics(metrics: Document) -> list[str]:
    """The names of the metrics that are shown: of classes the general ones, and the recall of each of few classes."""
    if "rmse" in metrics:
        return ["rmse", "mae"]
    recalls = [name for name in metrics if name.startswith("recall:")]
    general = ("log_loss", "roc_auc", "calibration_error", "accuracy", "balanced_accuracy")
    return [*(name for name in general if name in metrics), *(recalls if len(recalls) <= _MOST_CLASSES else [])]


def _column_figures(column: Document) -> list[str]:
    skew, drift = column["skew"] or {}, column["drift"] or {}
    figures = [number(column["serving"]["mean"]), number(column["training"]["mean"])]
    moved = "wasserstein" if skew.get("share_change") is None else "share_change"
    figures += [short(skew.get(name)) for name in (moved, "jensen_shannon", "population_stability")]
    shares = [percent(column[name]) for name in ("missing_share", "out_of_range_share")]
    return [
        str(column["rows"]),
        *figures,
        short(drift.get("wasserstein" if drift.get("share_change") is None else "share_change")),
        *shares,
    ]


def _log_lines(document: Document) -> list[str]:
    """The log in a line, and one for each way in which lines could not be used."""
    log, told = document["log"], document["labels"]
    left = {"of other kinds": "other_lines", "of other models": "other_models", "older": "older", "newer": "after"}
    parts = [f"{log['rows']} rows and {log['requests']} requests in {log['lines']} lines"]
    parts += [f"{log['duplicates']} rows came again"] if log["duplicates"] else []
    parts += [f"{log['incomplete_requests']} requests lack row lines"] if log["incomplete_requests"] else []
    parts += [f"{log[name]} {kind}" for kind, name in left.items() if log[name]]
    lines = [f"read: {'; '.join(parts)}"]
    lines += [f"left out: {flaw['count']} {code}; {flaw['example']}" for code, flaw in log["unusable"].items()]
    if told:
        lines.append(f"labels: {told['matched']} of {told['labels']} in {told['source']} met a row")
    return lines
