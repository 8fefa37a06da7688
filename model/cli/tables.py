"""Tables for people, from the documents in the bucket and the results of workflows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from model.data.findings import places
from model.formatting import brief, counted, number, plain, to_the_second
from model.registry.models import Model
from model.reports.importance_bars import recorded

if TYPE_CHECKING:
    from model.workflows.validate import Validation

Document = Mapping[str, Any]

_MOST_CANDIDATES = 20
_LISTED = ("mae", "r2", "rmse", "log_loss", "roc_auc", "accuracy")
_LOSSES = ("rmse", "log_loss", "error_rate")
_MEASURES = {"rmse": "by the whole's", "log_loss": "by the expected", "error_rate": "by the whole's"}
"""What a slice's error is divided by."""
_MOST_CLASSES = 10
_OF_CLASSES = ("precision", "recall", "f1")
_SLICES_SHOWN = 5
_FEATURES_SHOWN = 10


def versions(entries: Sequence[Document]) -> Table:
    """All versions, a row each; one that does not verify says why."""
    measured = {name for entry in entries for name in entry["metrics"] or ()}
    names = [name for name in _LISTED if name in measured]
    table = table_of("version", "created", *names, "blessed", "aliases")
    for entry in entries:
        aliases = ", ".join(f"{name} (forced)" if name in entry["forced"] else name for name in entry["aliases"])
        if entry["error"]:
            table.add_row(str(entry["version"]), plain(entry["error"]), *[""] * len(names), "", aliases)
            continue
        table.add_row(
            str(entry["version"]),
            to_the_second(entry["created"]),
            *[number(entry["metrics"].get(name, {}).get("value")) for name in names],
            "yes" if entry["blessed"] else "no",
            aliases,
        )
    return table


def models(found: Sequence[Model]) -> Table:
    """The models of a bucket, a row each."""
    table = table_of("model", "versions", "newest", "aliases")
    for model in found:
        held = ", ".join(
            f"{name} {'unreadable' if number is None else number}" for name, number in model.aliases.items()
        )
        table.add_row(plain(model.name), str(model.versions), str(model.newest or ""), plain(held))
    return table


def history(entries: Iterable[Document]) -> Table:
    """The versions that an alias held, a row for each move."""
    table = table_of("version", "promoted", "action", "by", "reason")
    for entry in entries:
        table.add_row(str(entry["version"]), to_the_second(str(entry.get("promoted_at", ""))), *_said(entry))
    return table


def version(document: Document, standing: Iterable[Document] = ()) -> list[Any]:
    """One version in full: facts, metrics with their intervals, importance, the worst slices, the gate's checks.

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
        ("classes", _classes(document)),
        ("threshold", _threshold(document.get("threshold"))),
        ("data", f"{rows['rows']} rows, {rows['holdout_rows']} held out, {rows['uri']}"),
        ("git commit", str(trained["git_commit"])),
        ("production", _against(document.get("comparison") or {})),
    )
    if rows.get("warnings"):
        facts.add_row("warnings", plain("; ".join(map(_warning, rows["warnings"]))))
    tried = candidates(trained.get("candidates_tried", ()))
    scores = table_of("metric", "held-out", "low", "high")
    for name, score in document["metrics"].items():
        if ":" not in name:
            scores.add_row(plain(name), *[number(score[part]) for part in ("value", "low", "high")])
    measure = next((name for name in _MEASURES for part in document.get("slices", ()) if name in part), "rmse")
    parts = table_of("slice", "values", "rows", _words(measure), "bias", _MEASURES[measure], "by production's", "")
    for part in document.get("slices", ())[:_SLICES_SHOWN]:
        figures = [number(part.get(name)) for name in (measure, "bias", "ratio", "loss")]
        parts.add_row(plain(part["column"]), plain(part["values"]), str(part["rows"]), *figures, _judged(part))
    checks = table_of("check", "passed", "value", "threshold")
    for check in document["gate"]:
        passed = "yes" if check["passed"] else "NO"
        checks.add_row(plain(check["check"]), passed, number(check["value"]), number(check["threshold"]))
    moves = table_of("alias", "promoted", "action", "by", "reason")
    for entry in standing:
        alias = f"{entry['alias']} (now)" if entry["current"] else entry["alias"]
        moves.add_row(alias, to_the_second(str(entry["promoted_at"])), *_said(entry))
    verdict = f"blessed: {'yes' if document['blessed'] else 'no'}"
    tables: list[Any] = [
        table
        for table in (facts, tried, scores, _by_class(document), importance(document), parts, checks)
        if table.row_count
    ]
    notes = [plain(f"{check['check']}: {check['note']}") for check in document["gate"] if check.get("note")]
    return [
        *(thing for table in tables for thing in (table, "")),
        *([*notes, ""] if notes else []),
        verdict,
        *(["", moves] if moves.row_count else []),
    ]


def validation(report: Validation) -> list[Any]:
    """The findings of `validate`, worst first, and the production version that the rows were compared with."""
    table = table_of("severity", "code", "column", "count", "found", "what would help")
    for finding in report.findings:
        examples = f" ({places(finding)})" if finding.examples else ""
        found = plain(f"{finding.found}{examples}")
        column = plain(finding.where or "")
        table.add_row(finding.severity, finding.code, column, str(finding.count), found, finding.advice)
    counts = f"{counted(report.errors, 'error')}, {counted(report.warnings, 'warning')}"
    without = report.rows_without_target
    left_out = f", {without} without a target left out" if without else ""
    read = f"{report.rows + without} rows read{left_out}, {report.holdout_rows} held out"
    summary = plain(f"{report.source}: {read}; {counts}")
    if report.version:
        compared = f"compared with version {report.version} of {report.model} in production"
    else:
        compared = f"not compared with production of {report.model}: {report.obstacle}"
    return [summary, *(["", table, ""] if report.findings else []), plain(compared)]


def reasons(decision: Sequence[Document]) -> Table:
    """The reasons of `retrain` to train, or not to."""
    table = table_of("reason", "due", "value", "from", "found")
    for entry in decision:
        figures = [number(entry[name]) for name in ("value", "threshold")]
        table.add_row(entry["reason"], "YES" if entry["due"] else "no", *figures, plain(entry["found"]))
    return table


def candidates(tried: Sequence[Document]) -> Table:
    """The candidates of the search, best first, with the spread over the folds."""
    metric = next((name for name in _LOSSES for entry in tried if name in entry), "rmse")
    table = table_of("candidate", _words(metric), "std", "se", "")
    for entry in tried[:_MOST_CANDIDATES]:
        parameters = " ".join(f"{name}={value}" for name, value in entry["parameters"].items())
        name = " ".join([entry["estimator"], *(["scale"] if entry["scale"] else []), parameters])
        note = "chosen" if entry.get("chosen") else "not served" if entry.get("unserved") else ""
        figures = [number(entry.get(part)) for part in (metric, f"{metric}_std", f"{metric}_se")]
        table.add_row(plain(name), *figures, note)
    if len(tried) > _MOST_CANDIDATES:
        table.add_row(f"… and {len(tried) - _MOST_CANDIDATES} more, see --json")
    return table


def importance(document: Document) -> Table:
    """How much the loss grows when a feature is shuffled, the largest first; no rows where it was not measured."""
    found = recorded(document) or {"loss": "loss", "features": []}
    table = table_of("feature", f"{_words(found['loss'])} grows by", "low", "high", "shuffles")
    ranked = sorted(found["features"], key=lambda growth: (growth["value"] is None, -(growth["value"] or 0.0)))
    for growth in ranked[:_FEATURES_SHOWN]:
        figures = [number(growth[name]) for name in ("value", "low", "high", "repeats")]
        table.add_row(plain(growth["feature"]), *figures)
    if len(ranked) > _FEATURES_SHOWN:
        table.add_row(f"… and {len(ranked) - _FEATURES_SHOWN} more, see --json")
    return table


def _facts(*pairs: tuple[str, str]) -> Table:
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_column(style="bold")
    for name, value in pairs:
        if value:
            facts.add_row(name, plain(value))
    return facts


def _against(comparison: Document) -> str:
    """The result of the comparison with production, in a line."""
    if comparison.get("production") is None or comparison.get("note"):
        return str(comparison.get("note", ""))
    low, value, high = (comparison["improvement"][name] for name in ("low", "value", "high"))
    if value is None:
        return f"version {comparison['production']}, could not be compared"
    ends = ", ".join("-" if end is None else f"{100 * end:.3g} %" for end in (low, high))
    loss, judged = _words(comparison.get("loss", "squared_error")), comparison.get("judged")
    told = f", {judged}" if judged else ""
    return f"version {comparison['production']}; of its {loss} this one saves {100 * value:.3g} % [{ends}]{told}"


def _classes(document: Document) -> str:
    """The labels of a classifier, and which of two is positive."""
    classes = document.get("classes") or []
    shown = ", ".join(map(_shown, classes[:_MOST_CLASSES])) + (", …" if len(classes) > _MOST_CLASSES else "")
    return f"{shown}; positive is {_shown(document['positive'])}" if "positive" in document else shown


def _by_class(document: Document) -> Table:
    """The metrics of single classes, each with its interval."""
    table = table_of("class", *_OF_CLASSES)
    for label in map(_label, document.get("classes") or ()):
        scores = [document["metrics"].get(f"{name}:{label}") for name in _OF_CLASSES]
        if any(scores):
            table.add_row(plain(brief(label)), *map(_with_interval, scores))
    return table


def _with_interval(score: Document | None) -> str:
    if not score or score["value"] is None:
        return number(None)
    return f"{number(score['value'])} [{number(score['low'])}, {number(score['high'])}]"


def _threshold(threshold: Document | None) -> str:
    """The probability from which on the positive class is answered, and the costs that chose it."""
    if not threshold:
        return ""
    costs = ", ".join(f"{name} {cost:g}" for name, cost in threshold.get("cost", {}).items())
    chosen = f", chosen by the costs {costs}" if costs else ""
    return f"{_shown(threshold['positive'])} from {number(threshold['value'])} on{chosen}"


def _label(label: object) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


def _shown(label: object) -> str:
    return brief(_label(label))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _said(entry: Document) -> list[str]:
    """Action, by whom and why, as an alias's history has them."""
    action = f"{entry.get('action', '')}{' (forced)' if entry.get('forced') is True else ''}"
    return [plain(str(text)) for text in (action, entry.get("by", ""), entry.get("reason", ""))]


def table_of(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, header_style="bold")


def _judged(part: Document) -> str:
    """A word beside a slice that is not judged by the whole."""
    return "shown only" if part.get("shown_only") else ""


def _warning(entry: Document) -> str:
    """A warning of the manifest, with the column that it is about."""
    column = f" '{entry['column']}'" if entry.get("column") else ""
    return f"{entry['code']}{column}: {entry['found']}"
