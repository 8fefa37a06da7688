"""What the verbs print for people: tables from the documents in the bucket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

Document = Mapping[str, Any]


def versions(entries: Sequence[Document]) -> Table:
    """All versions, a row each; one that does not verify says why."""
    names = sorted({name for entry in entries for name in entry["metrics"] or ()})
    table = _table("version", "created", *names, "blessed", "aliases")
    for entry in entries:
        aliases = ", ".join(entry["aliases"])
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
        said = [plain(str(entry.get(name, ""))) for name in ("action", "by", "reason")]
        table.add_row(str(entry["version"]), _second(str(entry.get("promoted_at", ""))), *said)
    return table


def version(document: Document) -> list[Any]:
    """One version in full: facts, metrics with their intervals, the gate's checks."""
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_column(style="bold")
    trained, rows = document["training"], document["data"]
    parameters = " ".join(f"{name}={value}" for name, value in trained["parameters"].items())
    for name, value in (
        ("model", f"{document['model']} version {document['version']}"),
        ("created", document["created"]),
        ("estimator", f"{trained['estimator']} {parameters}"),
        ("features", ", ".join(feature["name"] for feature in document["features"])),
        ("target", document["target"]["name"]),
        ("data", f"{rows['rows']} rows, {rows['holdout_rows']} held out, {rows['uri']}"),
        ("git commit", str(trained["git_commit"])),
    ):
        facts.add_row(name, value)
    scores = _table("metric", "held-out", "low", "high")
    for name, score in document["metrics"].items():
        scores.add_row(name, *[_number(score[part]) for part in ("value", "low", "high")])
    checks = _table("check", "passed", "value", "threshold")
    for check in document["gate"]:
        passed = "yes" if check["passed"] else "NO"
        checks.add_row(check["check"], passed, _number(check["value"]), _number(check["threshold"]))
    return [facts, "", scores, "", checks, "", f"blessed: {'yes' if document['blessed'] else 'no'}"]


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


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, header_style="bold")


def _second(time: str) -> str:
    """An ISO 8601 time to the second, with a blank for its T."""
    return time.replace("T", " ")[:19]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
