"""What the verbs print for people: tables from the documents in the bucket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

Document = Mapping[str, Any]

_MOST_CANDIDATES = 20
_LISTED = {"mae", "r2", "rmse"}
_SLICES_SHOWN = 5


def versions(entries: Sequence[Document]) -> Table:
    """All versions, a row each; one that does not verify says why."""
    names = sorted({name for entry in entries for name in entry["metrics"] or ()} & _LISTED)
    table = _table("version", "created", *names, "blessed", "aliases")
    for entry in entries:
        aliases = ", ".join(f"{name} (forced)" if name in entry["forced"] else name for name in entry["aliases"])
        if entry["error"]:
            table.add_row(str(entry["version"]), plain(entry["error"]), *[""] * len(names), "", aliases)
            continue
        table.add_row(
            str(entry["version"]),
            _second(entry["created"]),
            *[_number(entry["metrics"].get(name, {}).get("value")) for name in names],
            "yes" if entry["blessed"] else "no",
            aliases,
        )
    return table


def history(entries: Iterable[Document]) -> Table:
    """What an alias held, a row for each time it was moved."""
    table = _table("version", "promoted", "action", "by", "reason")
    for entry in entries:
        table.add_row(str(entry["version"]), _second(str(entry.get("promoted_at", ""))), *_said(entry))
    return table


def version(document: Document, standing: Iterable[Document] = ()) -> list[Any]:
    """One version in full: facts, metrics with their intervals, the worst slices, the gate's checks.

    *standing* are entries of aliases' histories, each with its `alias`.
    """
    trained, rows = document["training"], document["data"]
    parameters = " ".join(f"{name}={value}" for name, value in trained["parameters"].items())
    facts = _facts(
        ("model", f"{document['model']} version {document['version']}"),
        ("created", document["created"]),
        ("estimator", f"{trained['estimator']} {parameters}"),
        ("features", ", ".join(feature["name"] for feature in document["features"])),
        ("target", document["target"]["name"]),
        ("data", f"{rows['rows']} rows, {rows['holdout_rows']} held out, {rows['uri']}"),
        ("git commit", str(trained["git_commit"])),
        ("production", _against(document.get("comparison") or {})),
    )
    if rows.get("warnings"):
        facts.add_row("warnings", plain("; ".join(f"{entry['code']}: {entry['found']}" for entry in rows["warnings"])))
    tried = candidates(trained.get("candidates_tried", ()))
    scores = _table("metric", "held-out", "low", "high")
    for name, score in document["metrics"].items():
        scores.add_row(plain(name), *[_number(score[part]) for part in ("value", "low", "high")])
    parts = _table("slice", "values", "rows", "rmse", "bias", "by the whole's", "by production's")
    for part in document.get("slices", ())[:_SLICES_SHOWN]:
        figures = [_number(part.get(name)) for name in ("rmse", "bias", "ratio", "loss")]
        parts.add_row(plain(part["column"]), plain(part["values"]), str(part["rows"]), *figures)
    checks = _table("check", "passed", "value", "threshold")
    for check in document["gate"]:
        passed = "yes" if check["passed"] else "NO"
        checks.add_row(plain(check["check"]), passed, _number(check["value"]), _number(check["threshold"]))
    moves = _table("alias", "promoted", "action", "by", "reason")
    for entry in standing:
        alias = f"{entry['alias']} (now)" if entry["current"] else entry["alias"]
        moves.add_row(alias, _second(str(entry["promoted_at"])), *_said(entry))
    verdict = f"blessed: {'yes' if document['blessed'] else 'no'}"
    tables: list[Any] = [table for table in (facts, tried, scores, parts, checks) if table.row_count]
    return [thing for table in tables for thing in (table, "")] + [verdict, *(["", moves] if moves.row_count else [])]


def findings(report: Document) -> list[Any]:
    """What `validate` found: a line each, worst first, and what was not looked at."""
    found = _table("severity", "code", "column", "count", "found", "what would help")
    for entry in report["findings"]:
        places = "; ".join(f"row {example['row']}: {example['found']}" for example in entry["examples"])
        more = "; …" if len(entry["examples"]) < entry["count"] else ""
        said = plain(f"{entry['found']}{f' ({places}{more})' if places else ''}")
        column = plain(entry["column"] or "")
        found.add_row(entry["severity"], entry["code"], column, str(entry["count"]), said, entry["fix"])
    counts = ", ".join(f"{report[kind]} {kind[:-1] if report[kind] == 1 else kind}" for kind in ("errors", "warnings"))
    summary = plain(f"{report['source']}: {report['rows']} rows read, {report['holdout_rows']} held out; {counts}")
    version, reason = report["compared_with"]["version"], report["compared_with"]["reason"]
    compared = (
        f"compared with version {version} in production" if version else f"not compared with production: {reason}"
    )
    return [summary, *(["", found, ""] if report["findings"] else []), plain(compared)]


def reasons(decision: Document) -> Table:
    """Why `retrain` trains, or does not."""
    table = _table("reason", "due", "value", "from", "found")
    for entry in decision["reasons"]:
        figures = [_number(entry[name]) for name in ("value", "threshold")]
        table.add_row(entry["reason"], "YES" if entry["due"] else "no", *figures, plain(entry["found"]))
    return table


def monitoring(document: Document) -> list[Any]:
    """What `monitor` found: status, findings worst first, then the figures of features, requests and the log."""
    window, counts = document["window"], Counter(entry["severity"] for entry in document["findings"])
    counted = ", ".join(f"{counts[kind]} {kind}{'' if counts[kind] == 1 else 's'}" for kind in ("alert", "warn"))
    period = f"{_second(window['from'])} to {_second(window['until'])} UTC" if window["until"] else "no usable line"
    summary = f"{document['model']}: {document['status'].upper()}; {counted}; {period}"
    found = _table("severity", "code", "where", "found", "what would help")
    for entry in document["findings"]:
        found.add_row(entry["severity"], *(plain(entry[name]) for name in ("code", "what", "found", "advice")))
    features = _table(
        *("version", "column", "rows", "mean", "in training", "wasserstein", "js bits", "psi", "before", "missing"),
        "outside",
    )
    for version in document["versions"]:
        name = f"{version['version']}{' (production)' if version['production'] else ''}"
        columns = [*version["features"], {"name": "prediction", **(version["prediction"] or {})}]
        for column in columns if version["features"] else ():
            features.add_row(name, plain(column["name"]), *_of_column(column))
    requests = _table("function", "version", "requests", "5xx", "4xx", "p50", "p90", "p99", "p99 before", "cold")
    for entry in document["functions"]:
        shares = [_percent(entry[name]) for name in ("server_error_share", "client_error_share")]
        times = [_milliseconds(entry["latency"][name]) for name in ("p50_seconds", "p90_seconds", "p99_seconds")]
        times.append(_milliseconds(entry["previous"]["latency"]["p99_seconds"]))
        version = "-" if entry["version"] is None else str(entry["version"])
        requests.add_row(entry["function"], version, str(entry["requests"]), *shares, *times, str(entry["cold_starts"]))
    live = _table("version", "labels", "metric", "live", "low", "high", "held out")
    for version in document["versions"]:
        for name in ("rmse", "mae") if version["live"] else ():
            score = [_number(version["live"]["metrics"][name][part]) for part in ("value", "low", "high")]
            held = version["held_out"].get(name) or {}
            live.add_row(
                str(version["version"]), str(version["live"]["rows"]), name, *score, _number(held.get("value"))
            )
    notes = [plain(note) for note in document["notes"]]
    shown: list[Any] = [table for table in (found, live, features, requests) if table.row_count]
    shown += ["\n".join(notes)] if notes else []
    return [plain(summary), *(thing for table in shown for thing in ("", table)), "", *map(plain, _of_log(document))]


def _of_column(column: Document) -> list[str]:
    skew, drift = column["skew"] or {}, column["drift"] or {}
    figures = [_number(column["serving"]["mean"]), _number(column["training"]["mean"])]
    figures += [_short(skew.get(name)) for name in ("wasserstein", "jensen_shannon", "population_stability")]
    shares = [_percent(column[name]) for name in ("missing_share", "out_of_range_share")]
    return [str(column["rows"]), *figures, _short(drift.get("wasserstein")), *shares]


def _of_log(document: Document) -> list[str]:
    """The log in a line, and one for each way in which lines could not be used."""
    log, told = document["log"], document["labels"]
    left = {"of other kinds": "other_lines", "of other models": "other_models", "older": "older", "newer": "after"}
    parts = [f"{log['rows']} rows and {log['requests']} requests in {log['lines']} lines"]
    parts += [f"{log['duplicates']} rows came again"] if log["duplicates"] else []
    parts += [f"{log['incomplete_requests']} requests lack row lines"] if log["incomplete_requests"] else []
    parts += [f"{log[name]} {what}" for what, name in left.items() if log[name]]
    lines = [f"read: {'; '.join(parts)}"]
    lines += [f"left out: {flaw['count']} {code}; {flaw['example']}" for code, flaw in log["unusable"].items()]
    if told:
        lines.append(f"labels: {told['matched']} of {told['labels']} in {told['source']} met a row")
    return lines


def candidates(tried: Sequence[Document]) -> Table:
    """What the search tried, best first, with the spread over the folds."""
    table = _table("candidate", "rmse", "std", "se", "")
    for entry in tried[:_MOST_CANDIDATES]:
        parameters = " ".join(f"{name}={value}" for name, value in entry["parameters"].items())
        name = " ".join([entry["estimator"], *(["scale"] if entry["scale"] else []), parameters])
        note = "chosen" if entry.get("chosen") else "not served" if entry.get("unserved") else ""
        table.add_row(plain(name), *[_number(entry.get(part)) for part in ("rmse", "rmse_std", "rmse_se")], note)
    if len(tried) > _MOST_CANDIDATES:
        table.add_row(f"… and {len(tried) - _MOST_CANDIDATES} more, see --json")
    return table


def write(*things: Any) -> None:
    """Print to standard output, as wide as a terminal, or in a pipe as wide as it takes."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 1000  # a pipe has no edge to wrap at
    with console.capture() as captured:
        for thing in things:
            console.print(thing)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def plain(text: str) -> str:
    """*text* without what would steer the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _facts(*pairs: tuple[str, str]) -> Table:
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_column(style="bold")
    for name, value in pairs:
        if value:
            facts.add_row(name, plain(value))
    return facts


def _against(comparison: Document) -> str:
    """What the comparison with production came to, in a line."""
    if comparison.get("production") is None or comparison.get("note"):
        return str(comparison.get("note", ""))
    low, value, high = (comparison["improvement"][name] for name in ("low", "value", "high"))
    if value is None:
        return f"version {comparison['production']}, could not be compared"
    ends = ", ".join("-" if end is None else f"{100 * end:.3g} %" for end in (low, high))
    return f"version {comparison['production']}; of its squared error this one saves {100 * value:.3g} % [{ends}]"


def _said(entry: Document) -> list[str]:
    """Action, by whom and why, as an alias's history has them."""
    action = f"{entry.get('action', '')}{' (forced)' if entry.get('forced') is True else ''}"
    return [plain(str(text)) for text in (action, entry.get("by", ""), entry.get("reason", ""))]


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, header_style="bold")


def _second(time: str) -> str:
    """An ISO 8601 time to the second, with a blank for its T."""
    return time.replace("T", " ")[:19]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}" if abs(value) >= 0.001 else "0"  # noqa: PLR2004 - what a reader sees


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.3g} %"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.3g} ms"
