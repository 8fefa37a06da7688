"""A first configuration for a file: what its columns are, and, as comments, what is doubtful about them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.config import GateConfig, MonitoringConfig, TrainingConfig
from model.data import validation
from model.data.findings import Finding, line
from model.data.nearly import MISSING, is_missing_word
from model.data.reading import columns_near
from model.data.remedies import REMEDIES
from model.data.rows import Rows
from model.data.split import Split, held_out
from model.errors import DataError, OperatorError, UsageError
from model.registry.registry import Registry
from model.workflows import dataset
from model.workflows.first_configuration import COUNTER, configuration

_LEFT_OUT = frozenset({"identifier"})
"""Warnings after which a feature is left out; errors about a whole column are others."""


@dataclass(frozen=True)
class Written:
    """The configuration that was written.

    Args:
        model: A name for the model, after the file.
        kinds: The kind of each feature, by name.
        left_out: Why a column is no feature, by name.
        doubts: Findings about the rows, one line each.
    """

    path: Path
    model: str
    source: str
    rows: int
    kinds: Mapping[str, str]
    left_out: Mapping[str, str]
    doubts: Sequence[str]

    def document(self) -> dict[str, Any]:
        """The JSON of `init`."""
        return {**vars(self), "path": str(self.path)}


def init(source: str, target: str, output: Path | None, store: Registry | None) -> Written:
    """Look at the rows of *source* and write a configuration to *output*, by default NAME.toml in this folder.

    Raises:
        UsageError: The file is there already, or *target* is no column of numbers or classes.
        SourceError: The source cannot be read.
        DataError: It holds no rows, or nothing to learn from.
    """
    path = output or Path(f"{_stem(source)}.toml")
    if path.exists():
        raise UsageError(f"{path} is there already: name another file with --output, or remove it")
    rows, missing = _looked_at(source, target, store)
    findings = _findings(rows)
    left_out = _left_out(rows, findings)
    if len(left_out) == len(rows.features):
        reasons = "; ".join(f"'{name}' {reason}" for name, reason in left_out.items())
        raise DataError(f"{source} must hold a column to learn '{target}' from, found none: {reasons}")
    text = configuration(rows, _relative(source, path), missing, findings, left_out)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already: name another file with --output, or remove it") from error
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}") from error
    return Written(
        path=path,
        model=_model_name(_stem(source)),
        source=source,
        rows=len(rows.y),
        kinds={feature.name: feature.kind for feature in rows.features if feature.name not in left_out},
        left_out=left_out,
        doubts=[line(finding) for finding in findings if finding.where not in left_out],
    )


def _stem(source: str) -> str:
    """The file's name without its endings; for a pattern, without its wild cards."""
    name = source.removeprefix("sklearn:").rstrip("/").rpartition("/")[2].removesuffix(".gz")
    stem = name.rpartition(".")[0] or name
    return "".join(character for character in stem if character not in "*?[]").strip("-_. ") or "data"


def _model_name(stem: str) -> str:
    """A name for the model: lower case, digits and dashes."""
    return re.sub("[^a-z0-9]+", "-", stem.lower())[:63].strip("-") or "data"


def _relative(source: str, path: Path) -> str:
    """*source* as the configuration at *path* names it."""
    if "://" in source or source.startswith("sklearn:") or Path(source).is_absolute():
        return source
    return os.path.relpath(source, path.parent)


def _looked_at(source: str, target: str, store: Registry | None) -> tuple[Rows, list[str]]:
    """The rows, and the texts that stand for a missing cell among numbers, booleans and times.

    Raises:
        UsageError: *target* is no column of numbers or classes.
        DataError: There are no rows.
    """
    rows = dataset.all_columns(source, target, store)
    absent = [flaw for flaw in rows.flaws if flaw.column == target and flaw.code == "missing-column"]
    if absent:
        raise UsageError(f"--target must be a column of {source}, got {target!r}; {columns_near(target, rows.names)}")
    if not len(rows.y) and not rows.without_target:
        raise DataError(f"{source} must hold rows below its first line, found none")
    _check_target(rows, target)
    words = {word for flaw in rows.flaws if MISSING in flaw.forms for word in flaw.forms[MISSING].words}
    missing = sorted(words | {label for label in rows.classes if isinstance(label, str) and is_missing_word(label)})
    return (dataset.all_columns(source, target, store, missing), missing) if missing else (rows, [])


def _check_target(rows: Rows, target: str) -> None:
    """Let classes pass, and numbers, some of which are numbers: the comments name the others.

    Raises:
        UsageError: No cell of it can be learnt.
    """
    if not np.isnan(rows.y).all():
        return
    told = "\n".join(line(finding) for finding in _findings(rows) if finding.where == target)
    raise UsageError(f"--target must be a column of numbers or classes, and no cell of '{target}' is one\n{told}")


def _findings(rows: Rows) -> list[Finding]:
    bounds, limits = GateConfig(), MonitoringConfig()
    return validation.check(
        rows.x,
        rows.y,
        held_out(rows, Split("rows", 0.2)),
        features=rows.features,
        target=rows.target,
        flaws=rows.flaws,
        limits=validation.Limits(
            training_rows=TrainingConfig().folds,
            rows=bounds.min_rows,
            holdout_rows=bounds.min_holdout_rows,
            rows_per_feature=10,
            warn=limits.warn,
            alert=limits.alert,
            class_rows=TrainingConfig().folds,
        ),
        classes=rows.classes,
    )


def _left_out(rows: Rows, findings: Sequence[Finding]) -> dict[str, str]:
    """Why columns are no features: nothing can be learnt of them."""
    flawed = {flaw.code for flaw in rows.flaws} - {"wrong-type", "doubled-column"}
    reasons = {
        finding.where: f"{finding.code}: {finding.found}{_own_advice(finding)}"
        for finding in reversed(findings)
        if finding.where not in {None, rows.target}
        and (finding.code in _LEFT_OUT or (finding.severity == "error" and finding.code not in flawed))
    }
    counters = {
        feature.name: COUNTER
        for place, feature in enumerate(rows.features)
        if feature.kind == "number" and _is_counter(rows.x.cells(place))
    }
    names = [name for name in rows.names if name in reasons or name in counters]
    return {name: counters.get(name) or reasons[name] for name in names}


def _own_advice(finding: Finding) -> str:
    """The advice, where it says more than that of its code."""
    return "" if finding.advice == REMEDIES[finding.code] else f"; {finding.advice}"


def _is_counter(cells: Any) -> bool:
    """Whether the cells are so many whole numbers in a row, each once."""
    if len(cells) < 2 or np.isnan(cells).any():  # noqa: PLR2004 - one row counts nothing
        return False
    ordered = np.sort(cells)
    return bool((np.diff(ordered) == 1).all() and ordered[0] == round(float(ordered[0])))
