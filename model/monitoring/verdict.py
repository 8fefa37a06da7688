"""Whether captured windows still look like the rows a version was trained on, and whether requests do well. Pure.

Of the figures that divergence.py gives, the normed Wasserstein distance and the Jensen-Shannon divergence decide, each
against the same two thresholds, and each only beyond what chance explains in FALSE_WINDOWS of all windows, all figures
of all features together (Bonferroni). Rows against training can alert, this window against the one before can warn:
neighbouring days differ by nature, and what the model was trained on says whether that matters. Of the versions that
answered only the one in production can alert, or the newest where that one did not answer.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.data.drift import FALSE_SHARE as FALSE_WINDOWS
from model.data.drift import Distances, against_training, against_window, columns, movement

Document = Mapping[str, Any]
Vector = NDArray[np.float64]

LOG_SHARE = 0.01
"""Share of lines or rows that cannot be used, from which on the log itself is a finding."""
FEWEST_EXPECTED = 20
"""Requests expected in a slot, from which on none is a gap: by chance that happens once in e^20 slots."""
SLOWER_SECONDS = 0.01
"""A percentile that grew by less is no slower function, whatever the ratio: schedulers and networks vary by that."""

OK, WARN, ALERT, FEW = "ok", "warn", "alert", "not enough data"


ADVICE = {
    "live-error": "train on newer rows and compare: `train`; until then consider `rollback`",
    "server-errors": "read the ERROR lines (./deploy.sh logs), then roll back what changed: the code or the model",
    "input-skew": "check the unit and what fills it; if the world has moved, train on newer rows",
    "prediction-skew": "see which input moved; if none did, callers mix inputs in a new way: train on newer rows",
    "missing-input": "ask the callers; a function refuses instances without it, so look at what writes the rows too",
    "out-of-range": "check the unit; the model extrapolates there: train on rows that cover these values",
    "slow": "see in --json which part of latency.mean_seconds grew: queue wants more instances, parse smaller bodies",
    "input-drift": "look for what changed since the window before: a caller, a pipeline, a weekday",
    "prediction-drift": "look for what changed since the window before: a caller, a model, a weekday",
    "client-errors": "the callers send what cannot be answered; the log lines with status 400 say which",
    "gap": "no caller, no function, or no log: look whether the requests failed before they came here",
    "lost-rows": "the log lost lines, or the source begins or ends within a request: read whole objects",
    "duplicates": "callers retry (each row counts once), or they give one X-Request-Id to different requests",
    "not-json": "these lines were left out: check the source; one at the end of a file is one that was cut short",
    "malformed": "these lines were left out: functions and monitor must be of the same release",
    "bad-time": "these lines were left out: times need a zone, and a clock that is right",
    "unknown-version": "these rows were not judged: the bucket holds no such version; is it the right bucket?",
    "labels": "these labels were not used: check that request_id and row are those of the log",
}
"""What to do, by code; their order is the order of badness within a severity."""
_REPLACED = "nothing: this version is not in production any more"


@dataclass(frozen=True)
class Limits:
    """[monitoring] of config.toml, which argues each."""

    min_rows: int
    warn: float
    alert: float
    max_error_share: float
    max_slowdown: float
    max_p99_seconds: float | None = None


def severity(figures: Document | None, limits: Limits) -> tuple[str, str, float, float]:
    """ok, warn or alert; and by which figure, its value, and the limit that it reached or would have to reach."""
    moved = movement(Distances(**figures) if figures else None, warn=limits.warn, alert=limits.alert)
    return moved.level, moved.figure, moved.value, moved.limit


def judge(
    *,
    model: str,
    production: int | None,
    manifests: Mapping[int, Document],
    windows: Mapping[int, Sequence[Document]],
    traffic: Sequence[Document],
    log: Document,
    period: Document,
    live: Mapping[int, Document],
    labels: Document | None,
    limits: Limits,
) -> dict[str, Any]:
    """The whole answer, as `monitor --json` prints it: status, findings worst first, notes, and all figures.

    Args:
        production: The version that the alias names.
        manifests: By version, of those that have rows.
        windows: By version, this window and the one before, each with `rows`, `counts`, `sample`, `present`,
            `missing`, `redacted` and `outside` as traffic.py gives them.
        traffic: By function, version and slot.
        log: What was read, and what of it could not be used.
        period: `slot_seconds`, `slots` in a window, and `until`, in seconds since 1970.
        live: By version, the metrics on labels that arrived, with `rows`.
        labels: How many labels there were and what became of them; None without labels.
    """
    order = sorted(windows, key=lambda version: (version != production, -version))
    comparisons = 4 * sum(len(manifests[version]["features"]) + 1 for version in order)
    chance = FALSE_WINDOWS / max(1, comparisons)
    versions = [
        _version(
            version,
            manifests[version],
            windows[version],
            live.get(version),
            chance=chance,
            limits=limits,
            period=period,
            production=production,
        )
        for version in order
    ]
    for entry in versions[1:]:  # they answered, and do not any more: nobody needs to be woken
        entry["findings"] = [finding | {"severity": WARN, "advice": _REPLACED} for finding in entry["findings"]]
        entry["status"] = WARN if entry["status"] == ALERT else entry["status"]
    functions = _functions(traffic, period["slots"])
    series = _series(traffic, windows, manifests, period, limits)
    findings = [
        *(finding | {"version": entry["version"]} for entry in versions for finding in entry.pop("findings")),
        *_of_failures(functions, limits),
        *(finding for entry in functions for finding in _of_latency(entry, limits)),
        *_gaps(series, period),
        *_of_log(log, labels),
    ]
    codes = list(ADVICE)
    findings.sort(key=lambda found: (found["severity"] != ALERT, codes.index(found["code"]), -_excess(found)))
    enough = any(entry["status"] != FEW for entry in versions)
    severities = {found["severity"] for found in findings}
    status = ALERT if ALERT in severities else FEW if not enough else WARN if WARN in severities else OK
    span = period["slot_seconds"] * period["slots"]
    until = period["until"]
    return {
        "format": 1,
        "status": status,
        "model": model,
        "production": production,
        "window": {
            "hours": span / 3600,
            "from": None if until is None else iso(until - span),
            "until": None if until is None else iso(until),
            "previous_from": None if until is None else iso(until - 2 * span),
        },
        "limits": {**vars(limits), "false_windows": FALSE_WINDOWS},
        "findings": findings,
        "notes": [*_of_capture(log), *(note for entry in versions for note in entry.pop("notes"))],
        "versions": versions,
        "functions": functions,
        "labels": labels,
        "log": log,
        "series": series,
    }


def iso(seconds: float) -> str:
    """A time in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _version(
    version: int,
    document: Document,
    pair: Sequence[Document],
    live: Document | None,
    *,
    chance: float,
    limits: Limits,
    period: Document,
    production: int | None,
) -> dict[str, Any]:
    now, before = pair
    what = f"version {version}"
    enough = now["rows"] >= limits.min_rows
    entry: dict[str, Any] = {
        "version": version,
        "production": version == production,
        "created": document.get("created"),
        "age_days": _age_days(document.get("created"), period["until"]),
        "rows": now["rows"],
        "previous_rows": before["rows"],
        "status": FEW,
        "features": [],
        "prediction": None,
        "live": live,
        "held_out": {name: score for name, score in document["metrics"].items() if name in {"rmse", "mae"}},
        "findings": [],
        "notes": [],
    }
    names = [feature["name"] for feature in document["features"]]
    trained = document["data"]["rows"] - document["data"]["holdout_rows"]
    if not enough:
        entry["notes"].append(f"{what}: {now['rows']} rows in the window, {limits.min_rows} are needed to judge it")
    else:
        if before["rows"] < limits.min_rows:
            told = f"{before['rows']} rows in the window before, {limits.min_rows} are needed to compare with it"
            entry["notes"].append(f"{what}: {told}")
        for place, column in enumerate(columns(document)):
            of_prediction = place == len(names)
            name = "prediction" if of_prediction else names[place]
            found = _column(
                place, column, now, before, trained=trained, chance=chance, limits=limits, named=not of_prediction
            )
            kind = "prediction" if of_prediction else "input"
            entry["findings"] += _of_column(found, f"{what}, {name}", kind, limits)
            if found["redacted"]:
                entry["notes"].append(f"{what}, {name}: redacted, so nothing is known of it")
            elif found["skew"] is None:
                entry["notes"].append(f"{what}, {name}: its training distribution is not known for this version")
            elif found["skew"]["wasserstein"] is None:
                entry["notes"].append(f"{what}, {name}: only deciles of training are known for this version")
            if of_prediction:
                entry["prediction"] = found
            else:
                entry["features"].append({"name": name, **found})
    entry["findings"] += _of_live(what, live, document, limits, entry["notes"])
    if enough or entry["findings"]:
        severities = {found["severity"] for found in entry["findings"]}
        entry["status"] = ALERT if ALERT in severities else WARN if severities else OK
    return entry


def _column(
    place: int,
    column: Document,
    now: Document,
    before: Document,
    *,
    trained: int,
    chance: float,
    limits: Limits,
    named: bool,
) -> dict[str, Any]:
    values = _column_of(now, place)
    drift = None
    if before["rows"] >= limits.min_rows:
        pairs = [now["counts"][place], before["counts"][place]], [values, _column_of(before, place)]
        drift = _as_document(against_window(column, *pairs, chance))
    present, missing = (int(now[name][place]) for name in ("present", "missing"))
    return {
        "rows": present,
        "redacted": bool(now["redacted"][place]),
        "missing_share": missing / (present + missing) if present + missing else None,
        "out_of_range_share": int(now["outside"][place]) / present if named and present else None,
        "training": {name: column.get(name) for name in ("minimum", "maximum", "mean", "std")},
        "serving": _described(values),
        "skew": _as_document(against_training(column, now["counts"][place], values, trained, chance)),
        "drift": drift,
    }


def _as_document(distances: Distances | None) -> dict[str, Any] | None:
    return None if distances is None else asdict(distances)


def _column_of(window: Document, place: int) -> Vector:
    values: Vector = window["sample"][:, place]
    return values[~np.isnan(values)]


def _described(values: Vector) -> dict[str, float | None]:
    if not len(values):
        return dict.fromkeys(("minimum", "maximum", "mean", "std"))
    with np.errstate(over="ignore", invalid="ignore"):
        found = {
            "minimum": float(values.min()),
            "maximum": float(values.max()),
            "mean": float(values.mean()),
            "std": float(values.std()),
        }
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


def _of_column(found: Document, what: str, kind: str, limits: Limits) -> Iterable[dict[str, Any]]:
    """Findings of one column: against training, against the window before, missing, out of range."""
    level, figure, value, limit = severity(found["skew"], limits)
    here, there = found["serving"], found["training"]
    if level != OK:
        told = f"{_figure(figure, value)} from training; mean {_short(here['mean'])}, was {_short(there['mean'])}"
        yield _finding(f"{kind}-skew", level, what, value, limit, found=told)
    level, figure, value, limit = severity(found["drift"], limits)
    if level != OK:
        yield _finding(
            f"{kind}-drift", WARN, what, value, limit, found=f"{_figure(figure, value)} from the window before"
        )
    for code, share, told in (
        ("missing-input", found["missing_share"], "of the rows lack it"),
        ("out-of-range", found["out_of_range_share"], "of the rows are outside the training range"),
    ):
        level, limit = _by_share(share, limits)
        if level != OK:
            yield _finding(code, level, what, share, limit, found=f"{_percent(share)} {told}")


def _of_live(
    what: str, live: Document | None, document: Document, limits: Limits, notes: list[str]
) -> Iterable[dict[str, Any]]:
    """The root mean squared error on labels against the one held out: by size, and beyond what both intervals allow."""
    if live is None:
        return
    gate, score = document["metrics"].get("rmse") or {}, live["metrics"]["rmse"]
    if live["rows"] < limits.min_rows:
        notes.append(f"{what}: {live['rows']} labels, {limits.min_rows} are needed to judge the error")
        return
    held, high, value, low = gate.get("value"), gate.get("high"), score["value"], score["low"]
    if value is None or low is None:
        told = f"rmse beyond float64 on {live['rows']} labels; held out {_short(held)}"
        yield _finding("live-error", ALERT, what, math.inf, limits.alert, found=told)
        return
    if not held or high is None:
        notes.append(f"{what}: its held-out error is not known, so the live error is compared with nothing")
        return
    growth = value / held - 1
    told = f"rmse {_short(value)} [{_short(low)}, {_short(score['high'])}] on {live['rows']} labels"
    told += f"; held out {_short(held)} [{_short(gate['low'])}, {_short(high)}]"
    if growth >= limits.alert and low > high:
        yield _finding("live-error", ALERT, what, growth, limits.alert, found=told)
    elif growth >= limits.warn and value - held > math.hypot(value - low, high - held):
        yield _finding("live-error", WARN, what, growth, limits.warn, found=told)


def _of_failures(functions: Sequence[Document], limits: Limits) -> Iterable[dict[str, Any]]:
    """Failed and refused requests: of a function whole, since what failed early has no version; else by version."""
    for name in sorted({entry["function"] for entry in functions}):
        own = [entry for entry in functions if entry["function"] == name]
        whole = list(_of_statuses(name, own, limits))
        yield from whole
        for entry in own if len(own) > 1 and not whole else ():
            yield from _of_statuses(_named(entry), [entry], limits)


def _of_statuses(what: str, entries: Sequence[Document], limits: Limits) -> Iterable[dict[str, Any]]:
    statuses: Counter[str] = Counter()
    for entry in entries:
        statuses.update(entry["statuses"])
    requests = statuses.total()
    if requests < limits.min_rows:
        return
    kinds = (
        ("server-errors", ALERT, "5", limits.max_error_share, "failed"),
        ("client-errors", WARN, "4", limits.warn, "were refused"),
    )
    for code, level, first, limit, verb in kinds:
        chosen = {status: number for status, number in sorted(statuses.items()) if status.startswith(first)}
        share = sum(chosen.values()) / requests
        if share >= limit:
            listed = ", ".join(f"{number} × {status}" for status, number in chosen.items())
            told = f"{_percent(share)} of {requests} requests {verb} ({listed})"
            yield _finding(code, level, what, share, limit, found=told)


def _named(entry: Document) -> str:
    return (
        f"{entry['function']}, version {entry['version']}" if entry["version"] else f"{entry['function']}, no version"
    )


def _of_latency(entry: Document, limits: Limits) -> Iterable[dict[str, Any]]:
    """Latency of one function and version, against what was promised, else against the window before."""
    what = _named(entry)
    now, before = entry["latency"], entry["previous"]["latency"]
    if now["answered"] < limits.min_rows:
        return
    if limits.max_p99_seconds is not None and now["p99_seconds"] > limits.max_p99_seconds:
        told = f"99 % within {_seconds(now['p99_seconds'])}, {_seconds(limits.max_p99_seconds)} allowed"
        yield _finding("slow", ALERT, what, now["p99_seconds"], limits.max_p99_seconds, found=told)
    elif before["answered"] >= limits.min_rows:
        for level, name, words in ((ALERT, "p50_seconds", "half"), (WARN, "p99_seconds", "99 %")):
            ratio = now[name] / before[name]
            if ratio >= limits.max_slowdown and now[name] - before[name] >= SLOWER_SECONDS:
                told = f"{words} within {_seconds(now[name])}, was {_seconds(before[name])}"
                yield _finding("slow", level, what, ratio, limits.max_slowdown, found=told)
                break


def _gaps(series: Sequence[Document], period: Document) -> Iterable[dict[str, Any]]:
    """Slots of this window without a request, where the same slot of the window before, or a usual one, had many."""
    slots = period["slots"]
    numbers = [entry["requests"] for entry in series]
    before, now = numbers[:slots], numbers[slots:]
    filled = [number for number in numbers if number]
    if not filled:
        return
    usual = float(np.median(filled)) if len(filled) >= slots / 4 else 0.0
    first = next(place for place, number in enumerate(numbers) if number)
    run: list[int] = []
    for place, number in enumerate([*now, -1]):
        known = first < slots
        expected = 0.0 if number else (before[place] if known else usual if slots + place > first else 0.0)
        if number == 0 and expected >= FEWEST_EXPECTED:
            run.append(place)
        elif run:
            begin, end = (
                series[slots + run[0]]["from"],
                period["until"] - (slots - 1 - run[-1]) * period["slot_seconds"],
            )
            hours = len(run) * period["slot_seconds"] / 3600
            told = f"no request from {begin} to {iso(end)} ({hours:.3g} h), where {expected:.0f} were usual"
            yield _finding("gap", WARN, "requests", hours, period["slot_seconds"] / 3600, found=told)
            run = []


def _of_capture(log: Document) -> list[str]:
    if log["rows"] or not log["requests"]:
        return []
    return [
        f"no row was captured of {log['requests']} requests (CAPTURE=off, or an exclusion filter): only they are judged"
    ]


def _of_log(log: Document, labels: Document | None) -> Iterable[dict[str, Any]]:
    """What of the log, and of the labels, cannot be used, once it is more than a hundredth."""
    lines = log["lines"] or 1
    for code, of in (
        ("not-json", lines),
        ("malformed", lines),
        ("bad-time", lines),
        ("unknown-version", log["rows"] + log["unusable"].get("unknown-version", {}).get("count", 0)),
    ):
        flaw = log["unusable"].get(code)
        if flaw and flaw["count"] >= LOG_SHARE * of:
            told = f"{flaw['count']} of {of}; {flaw['example']}"
            yield _finding(code, WARN, "log", flaw["count"] / of, LOG_SHARE, found=told)
    if log["duplicates"] >= LOG_SHARE * max(1, log["rows"]):
        of = log["rows"] + log["duplicates"]
        told = f"{log['duplicates']} of {of} rows came again with the same request_id and row"
        yield _finding("duplicates", WARN, "log", log["duplicates"] / max(1, log["rows"]), LOG_SHARE, found=told)
    short = log["incomplete_requests"]
    if short and short >= LOG_SHARE * max(1, log["requests"]):
        told = f"{short} of {log['requests']} requests have fewer row lines than they captured"
        yield _finding("lost-rows", WARN, "log", short / max(1, log["requests"]), LOG_SHARE, found=told)
    if labels and labels["labels"] and (log["rows"] or not log["requests"]):
        unusable = labels["conflicting"] + labels["unusable"] + labels["unmatched"]
        share = unusable / labels["labels"]
        if share >= LOG_SHARE:
            told = (
                f"of {labels['labels']} labels {labels['unmatched']} match no row, {labels['conflicting']} contradict"
            )
            told += f" each other, {labels['unusable']} cannot be read{labels['example']}"
            yield _finding("labels", WARN, "labels", share, LOG_SHARE, found=told)


def _finding(code: str, severity: str, what: str, *figures: float, found: str) -> dict[str, Any]:
    return {
        "code": code,
        "severity": severity,
        "what": what,
        "version": None,
        "value": figures[0] if math.isfinite(figures[0]) else None,
        "threshold": figures[1],
        "found": found,
        "advice": ADVICE[code],
    }


def _functions(traffic: Sequence[Document], slots: int) -> list[dict[str, Any]]:
    """Figures of each function and version: this window's, and under `previous` those of the one before."""
    keys = sorted({(part["function"], part["version"]) for part in traffic}, key=lambda key: (key[0], -(key[1] or 0)))
    entries = []
    for function, version in keys:
        own = [part for part in traffic if (part["function"], part["version"]) == (function, version)]
        now = _traffic([part for part in own if part["slot"] >= slots])
        before = _traffic([part for part in own if part["slot"] < slots])
        entries.append({"function": function, "version": version, **now, "previous": before})
    return entries


def _traffic(parts: Sequence[Document]) -> dict[str, Any]:
    statuses: dict[int, int] = {}
    micros: dict[str, int] = {}
    for part in parts:
        for status, number in part["statuses"].items():
            statuses[status] = statuses.get(status, 0) + number
        for name, total in part["micros"].items():
            micros[name] = micros.get(name, 0) + total
    requests = sum(statuses.values())
    answered, cold = (sum(part[name] for part in parts) for name in ("answered", "cold"))
    failed = sum(number for status, number in statuses.items() if status >= 500)  # noqa: PLR2004 - RFC 9110
    refused = sum(number for status, number in statuses.items() if 400 <= status < 500)  # noqa: PLR2004
    spread = sum((part["latency"] for part in parts), np.zeros(1, dtype=np.int64))
    bounds = parts[0]["bounds"] if parts else np.ones(2)
    return {
        "requests": requests,
        "statuses": {str(status): statuses[status] for status in sorted(statuses)},
        "server_error_share": failed / requests if requests else None,
        "client_error_share": refused / requests if requests else None,
        "cold_starts": cold,
        "probes": sum(part["probes"] for part in parts),
        "latency": {
            "answered": answered,
            "p50_seconds": _percentile(spread, bounds, 0.5),
            "p90_seconds": _percentile(spread, bounds, 0.9),
            "p99_seconds": _percentile(spread, bounds, 0.99),
            "mean_seconds": {name: total / answered / 1e6 for name, total in sorted(micros.items()) if answered},
        },
    }


def _percentile(counts: NDArray[np.int64], bounds: Vector, level: float) -> float | None:
    """From counts between *bounds*, by a straight line within the bin."""
    total = int(counts.sum())
    if not total:
        return None
    cumulated = np.concatenate([[0], np.cumsum(counts)]) / total
    place = min(int(np.searchsorted(cumulated, level, "left")), len(counts)) - 1
    place = max(place, 0)
    within = (level - cumulated[place]) / (cumulated[place + 1] - cumulated[place])
    return float(bounds[place] + within * (bounds[place + 1] - bounds[place]))


def _series(
    traffic: Sequence[Document],
    windows: Mapping[int, Sequence[Document]],
    manifests: Mapping[int, Document],
    period: Document,
    limits: Limits,
) -> list[dict[str, Any]]:
    """Slot by slot over both windows: requests, failures, latency, rows, and how far the inputs are from training."""
    if period["until"] is None:
        return []
    entries = []
    for slot in range(2 * period["slots"]):
        begin = period["until"] - (2 * period["slots"] - slot) * period["slot_seconds"]
        figures = _traffic([part for part in traffic if part["slot"] == slot])
        rows, skew = {}, {}
        for version, pair in windows.items():
            part = pair[1 - slot // period["slots"]]["slots"].get(slot)
            if part is None:
                continue
            rows[str(version)] = part["rows"]
            if part["rows"] >= limits.min_rows:
                skew[str(version)] = _largest_divergence(manifests[version], part["counts"])
        entries.append(
            {
                "from": iso(begin),
                "requests": figures["requests"],
                "server_error_share": figures["server_error_share"],
                "client_error_share": figures["client_error_share"],
                "p50_seconds": figures["latency"]["p50_seconds"],
                "p99_seconds": figures["latency"]["p99_seconds"],
                "rows": rows,
                "largest_jensen_shannon": skew,
            }
        )
    return entries


def _largest_divergence(document: Document, counts: Sequence[NDArray[np.int64]]) -> float | None:
    """Of all features, from training; None where none is known."""
    found = [
        figures.jensen_shannon
        for entry, cells in zip(document["features"], counts[:-1], strict=True)
        if (figures := against_training({**entry, "fiftieths": None}, cells, np.zeros(1), 1, 0.5))
    ]
    return max(found, default=None)


def _age_days(created: object, until: float | None) -> float | None:
    try:
        made = datetime.fromisoformat(str(created))
    except ValueError:
        return None
    if until is None or made.tzinfo is None:
        return None
    return round(max(0.0, (until - made.timestamp()) / 86400), 2)


def _by_share(share: float | None, limits: Limits) -> tuple[str, float]:
    if share is not None and share >= limits.alert:
        return ALERT, limits.alert
    return (WARN, limits.warn) if share is not None and share >= limits.warn else (OK, limits.warn)


def _excess(found: Document) -> float:
    if found["value"] is None:
        return math.inf
    return float(found["value"] / found["threshold"]) if found["threshold"] else math.inf


def _figure(name: str, value: float) -> str:
    return f"{value:.2g} standard deviations" if name == "wasserstein" else f"{value:.2g} bits"


def _short(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _seconds(value: float) -> str:
    return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s"
