"""One line of a report on rows or on captured traffic: validation and monitoring share the type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Example:
    """A row, counted from 0 behind the header (None for a whole column), and what stands there."""

    row: int | None
    found: str


@dataclass(frozen=True)
class Finding:
    """Something wrong, or worth knowing, and what would help.

    Args:
        severity: "error" or "warning" from validation, "alert" or "warn" from monitoring.
        where: The column, or the place in the traffic; None for whole rows.
        found: What was expected and what was found, in words.
        advice: What would help.
        value, limit: The figure that decided and the limit that it reached; None where no figure did.
        count: Cells or rows that it holds for; 1 for a whole column.
        examples: The first few places.
        version: The model version that it is about, from monitoring.
    """

    severity: str
    code: str
    where: str | None
    found: str
    advice: str
    value: float | None = None
    limit: float | None = None
    count: int = 1
    examples: tuple[Example, ...] = ()
    version: int | None = None


def line(finding: Finding) -> str:
    """A finding of validation in one line."""
    where = f" '{finding.where}'" if finding.where is not None else ""
    examples = f" ({places(finding)})" if finding.examples else ""
    return f"{finding.severity} {finding.code}{where}: {finding.found}{examples}: {finding.advice}"


def places(finding: Finding) -> str:
    """The examples in words, with an ellipsis where there are more; empty without any."""
    listed = [f"row {example.row}: {example.found}" for example in finding.examples]
    return "; ".join([*listed, *(["…"] if listed and len(listed) < finding.count else [])])


def as_document(finding: Finding) -> dict[str, Any]:
    """A finding of validation as `validate --json` prints it."""
    return {
        "severity": finding.severity,
        "code": finding.code,
        "column": finding.where,
        "count": finding.count,
        "found": finding.found,
        "examples": [{"row": example.row, "found": example.found} for example in finding.examples],
        "fix": finding.advice,
    }
