"""The text of a first configuration: what the columns of rows are, and, as comments, what is doubtful about them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from functions.columns.schema import Feature, Level, shown
from functions.columns.table import is_missing
from functions.columns.times import iso, parts
from model.data.columns import TIME_PARTS
from model.data.findings import Finding
from model.data.levels import level_counts
from model.data.rows import Rows
from model.formatting import PROGRAM

COUNTER = "counts the rows"
"""The reason against a column of so many whole numbers in a row."""

_MOST_NAMES = 20
"""Different whole numbers that may be names."""


def configuration(
    rows: Rows, source: str, missing: Sequence[str], findings: Sequence[Finding], left_out: Mapping[str, str]
) -> str:
    """TOML with every feature and its kind; *findings* and the features *left_out* stand there as comments.

    Args:
        source: As the configuration names it.
        missing: Texts that stand for a missing cell.
        left_out: The reason by the feature's name.
    """
    doubts: dict[str | None, list[str]] = defaultdict(list)
    for finding in findings:
        doubts[finding.where].append(f"{finding.code}: {finding.found}; {finding.advice}")
    today = datetime.now(UTC).date().isoformat()
    lines = [
        f"# Written by `{PROGRAM} init` on {today}, by {len(rows.y)} rows. model/config.toml argues every key;",
        "# one that is left out here has the value that stands there.",
        *(f"# {doubt}" for doubt in doubts[None]),
        "",
        "[data]",
        f"source = {_quoted(source)}",
        f"target = {_quoted(rows.target)}",
        *(f"# {doubt}" for doubt in doubts[rows.target]),
    ]
    keys = [name for name, reason in left_out.items() if reason == COUNTER or reason.startswith("identifier")]
    lines += [f"# key = {_quoted(name)}  # comes back beside each prediction, and is no feature" for name in keys[:1]]
    if missing:
        lines.append(
            f"missing = [{', '.join(map(_quoted, missing))}]  # these stand among numbers, and for a missing cell"
        )
    lines += [
        f"# split = {{ time = {_quoted(feature.name)} }}  # holds out the newest rows; then without epoch_days"
        for feature in rows.features
        if feature.kind == "time" and feature.name not in left_out
    ]
    lines.append("features = [")
    for place, feature in enumerate(rows.features):
        entry, words = _entry(feature, rows.x.cells(place))
        if feature.name in left_out:
            lines.append(f"  # {entry},  # left out, {left_out[feature.name]}")
            continue
        lines += [f"  # {doubt}" for doubt in doubts[feature.name]]
        lines.append(f"  {entry},  # {words}")
    lines += ["]", "", "[training]", f'task = "{rows.task}"{_or_classes(findings)}', *_two(rows), ""]
    return "\n".join(_printable(text) for text in lines)


def _or_classes(findings: Sequence[Finding]) -> str:
    """A comment behind the task where the target's numbers may be classes."""
    few = any(finding.code == "whole-target" for finding in findings)
    return '  # "classification" where the few whole numbers are names or grades' if few else ""


def _two(rows: Rows) -> list[str]:
    """The positive class of two, as a line that may be changed."""
    if len(rows.classes) != 2:  # noqa: PLR2004 - only one of two is positive
        return []
    rarer = rows.classes[int(np.nanmean(rows.y) <= 0.5)]  # noqa: PLR2004 - half of the rows
    return [f"positive = {_label(rarer)}  # AUC, recall and a threshold are about it; the rarer class unless named"]


def _label(label: Level) -> str:
    """A label as TOML writes it."""
    return _quoted(label) if isinstance(label, str) else str(label).lower()


def _entry(feature: Feature, cells: Any) -> tuple[str, str]:
    """A feature as a line of the configuration, and in words."""
    gone = is_missing(cells)
    values = cells[~gone]
    entry = f'{{ name = {_quoted(feature.name)}, kind = "{feature.kind}"'
    match feature.kind:
        case "category":
            levels = list(level_counts(values))
            words = f"{len(levels)} levels: {', '.join(map(shown, levels[:5]))}{', …' if len(levels) > 5 else ''}"  # noqa: PLR2004
        case "boolean":
            words = f"true in {values.mean():.0%}" if len(values) else "no cell"
        case "time":
            chosen = _varying(values)
            entry += f", parts = [{', '.join(map(_quoted, chosen))}]"
            words = f"{iso(float(values.min()))} to {iso(float(values.max()))}" if len(values) else "no cell"
        case _:
            words = f"{values.min():.6g} to {values.max():.6g}" if len(values) else "no cell"
            different = np.unique(values)
            if 2 < len(different) <= _MOST_NAMES and (different == np.round(different)).all():  # noqa: PLR2004
                words += f', {len(different)} whole numbers: if they are names, kind = "category"'
    if gone.any():
        words += f"; {int(gone.sum())} missing"
    return f"{entry} }}", words


def _varying(seconds: Any) -> list[str]:
    """The usual parts of a time, without those that are the same in all rows."""
    if not len(seconds):
        return [*TIME_PARTS]
    columns = parts(np.asarray(seconds, np.float64), TIME_PARTS)
    return [name for name, column in zip(TIME_PARTS, columns, strict=True) if len(np.unique(column)) > 1] or [
        TIME_PARTS[0]
    ]


def _quoted(text: str) -> str:
    """A text as TOML writes it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _printable(text: str) -> str:
    """A line without characters that TOML forbids in a comment."""
    return "".join(character if character.isprintable() else "�" for character in text)
