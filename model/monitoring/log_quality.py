"""Whether the log, and the labels, can be trusted: lines, rows and labels that could not be used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from functions.columns.schema import shown
from model.data.drift import WARN
from model.data.findings import Finding
from model.monitoring.captured import LogCounts
from model.monitoring.findings import finding
from model.monitoring.labels import LabelCounts

LOG_SHARE = 0.01
"""Share of lines or rows that cannot be used, from which on the log itself is a finding."""


MOST_UNREADABLE = 0.99
"""Share of a source's lines that cannot be read, from which on nothing is said of it."""
MOST_UNUSED_LABELS = 0.5
"""Share of the labels that are not used, from which on the rest is no fair part of them."""
_FEWEST_ROWS = 10
_MOST_CLASSES = 5


@dataclass
class SourceTally:
    """Lines of one source: requests and rows, and the lines that could not be read, with the first of them."""

    source: str
    lines: int = 0
    rows: int = 0
    bad_rows: int = 0
    unreadable: int = 0
    unlike_ours: int = 0
    example: str = ""

    def add(self, code: str, example: str) -> None:
        """Count a line that cannot be read."""
        self.example = self.example or example
        self.unlike_ours += code not in {"malformed", "bad-time"}
        self.unreadable += 1

    def reason(self) -> str:
        """Why nothing can be said of this source; empty where enough was read."""
        lines = self.lines + self.unlike_ours
        if lines and self.unreadable >= MOST_UNREADABLE * lines:
            return f"{self.source}: {self.unreadable} of {lines} lines cannot be used; {self.example}"
        if self.rows >= _FEWEST_ROWS and self.bad_rows >= MOST_UNREADABLE * self.rows:
            return f"{self.source}: {self.bad_rows} of {self.rows} rows cannot be used; {self.example}"
        return ""


def labels_unused(labels: LabelCounts | None) -> str:
    """Why the labels say nothing: most of them could not be used; empty where enough of them were."""
    if not labels or not labels.labels:
        return ""
    unused = labels.conflicting + labels.unusable + labels.unmatched
    if unused <= MOST_UNUSED_LABELS * labels.labels:
        return ""
    return f"{labels.source}: {unused} of {labels.labels} labels are not used: {_fates(labels)}"


def log_findings(log: LogCounts) -> Iterable[Finding]:
    """Lines, rows and requests that are unusable, came again, or are not whole, once they are more than a hundredth."""
    lines = log.lines or 1
    unknown = log.unusable["unknown-version"].count if "unknown-version" in log.unusable else 0
    for code, total in (
        ("not-json", lines),
        ("malformed", lines),
        ("bad-time", lines),
        ("unknown-version", log.rows + unknown),
    ):
        flaw = log.unusable.get(code)
        if flaw and flaw.count >= LOG_SHARE * total:
            yield _finding(code, "log", flaw.count / total, f"{flaw.count} of {total}; {flaw.example}")
    if log.duplicates >= LOG_SHARE * max(1, log.rows):
        found = f"{log.duplicates} of {log.rows + log.duplicates} rows came again with the same request_id and row"
        yield _finding("duplicates", "log", log.duplicates / max(1, log.rows), found)
    short = log.incomplete_requests
    if short and short >= LOG_SHARE * max(1, log.requests):
        found = f"{short} of {log.requests} requests have fewer row lines than they captured"
        yield _finding("lost-rows", "log", short / max(1, log.requests), found)


def label_findings(labels: LabelCounts | None, log: LogCounts) -> Iterable[Finding]:
    """Labels that could not be used, once they are more than a hundredth."""
    if not labels or not labels.labels or (log.requests and not log.rows):
        return
    share = (labels.conflicting + labels.unusable + labels.unmatched) / labels.labels
    if share >= LOG_SHARE:
        found = f"of {labels.labels} labels {_fates(labels)}"
        if labels.lost:
            found += f"; labels of {_named(labels)} are left out, and live metrics lean to the other classes"
        yield replace(_finding("labels", "labels", share, found), advice=_advice(labels))


def _fates(labels: LabelCounts) -> str:
    """Why labels are not used, with their counts; those that are 0 are left out."""
    counts = (
        (labels.unmatched, "match no row"),
        (labels.conflicting, "contradict each other"),
        (labels.unusable, f"cannot be read{labels.example}"),
    )
    return ", ".join(f"{count} {fate}" for count, fate in counts if count)


def _advice(labels: LabelCounts) -> str:
    """The advice for the commonest reason first; rare ones are left out."""
    spelled = "write each label as the model's class is spelled: until then no live metric is an improvement"
    causes = sorted(
        [
            (labels.unmatched, "check that request_id and row are those of the log"),
            (labels.conflicting, "give each request_id and row one label"),
            (labels.unusable, spelled if labels.lost else "repair the rows that cannot be read"),
        ],
        reverse=True,
    )
    least = min(causes[0][0], LOG_SHARE * labels.labels)
    return f"these labels were not used: {'; '.join(advice for count, advice in causes if count >= least)}"


def _named(labels: LabelCounts) -> str:
    more = ", …" if len(labels.lost) > _MOST_CLASSES else ""
    return ", ".join(map(shown, labels.lost[:_MOST_CLASSES])) + more


def capture_notes(log: LogCounts) -> list[str]:
    """A line where requests were logged and no row of them, or rows and not their requests."""
    if log.rows_without_request:
        return [f"{log.rows_without_request} rows came without the line of their request: each counts as one instance"]
    if log.rows or not log.requests:
        return []
    return [
        f"no row was captured of {log.requests} requests (CAPTURE=off, or an exclusion filter): only they are judged"
    ]


def _finding(code: str, where: str, share: float, found: str) -> Finding:
    return finding(code, WARN, where, value=share, limit=LOG_SHARE, found=found)
