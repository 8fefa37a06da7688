"""Rows with their target that judge a pipeline which was fitted elsewhere: from Python, or from files."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import is_classifier

from functions.columns.schema import TIME_PARTS, Feature, Level, shown
from functions.columns.table import is_missing
from model.config import Config
from model.data.findings import Finding, line
from model.data.kinds import FOUND_OUT
from model.data.reading import column_names
from model.data.reading import read as read_rows
from model.data.rows import Rows
from model.data.validation import unusable
from model.errors import DataError, UsageError
from model.registry.registry import Registry
from model.training.asking import asked
from model.training.frames import framed
from model.workflows.progress import Talk
from model.workflows.source_rows import downloaded

_MOST_WHOLE = 2.0**53
_MOST_NAMED = 10


@dataclass(frozen=True)
class Labelled:
    """Rows with their target: *x* of shape (n_rows, n_columns), *y*, numbers or labels, of shape (n_rows,).

    Args:
        seconds: Columns of times that hold seconds since 1970.
        findings: What is known of cells and rows that could not be used.
        numbers: The number of each row in its file, from 0, where rows were left out; None where none were.
    """

    x: pd.DataFrame
    y: NDArray[Any]
    target: str
    seconds: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    numbers: NDArray[np.int64] | None = None


def labelled(x: Any, y: Any, *, target: str | None, columns: Sequence[str] | None = None, what: str = "X") -> Labelled:
    """Rows from the forms that scikit-learn takes.

    Args:
        columns: Names of the columns where *x* is a matrix.
        what: The name of *x* in messages.
    """
    if not isinstance(x, pd.DataFrame):
        matrix = np.asarray(x)
        if matrix.ndim != 2:  # noqa: PLR2004 - rows and columns
            raise UsageError(f"{what} must be a DataFrame or have two axes, got shape {matrix.shape}")
        names = columns or [f"x{column}" for column in range(matrix.shape[1])]
        x = pd.DataFrame(matrix, columns=list(names)).infer_objects()
    name = target or str(getattr(y, "name", None) or "target")
    answers = np.ravel(np.asarray(y))
    if len(answers) != len(x) or not len(x):
        raise UsageError(f"{what} has {len(x)} rows, and y has {len(answers)}; at least one of each is needed")
    if name in map(str, x.columns):
        raise UsageError(f"the target {name!r} must not be a column of {what}")
    return Labelled(x.reset_index(drop=True), answers, name)


def learnt(y: NDArray[Any], classes: Sequence[Level]) -> NDArray[np.float64]:
    """The numbers of *y*, or the places of its labels among *classes*: 1, 1.0 and true are one label.

    Raises:
        UsageError: A number is none.
        DataError: One is not finite, or a label is no class.
    """
    if classes:
        places = {label: float(place) for place, label in enumerate(classes)}
        found = np.array([places.get(label, np.nan) for label in y.tolist()], np.float64)
        expected = f"one of the pipeline's classes, {', '.join(map(shown, classes[:_MOST_NAMED]))}"
    else:
        expected = "finite numbers"
        try:
            found = y.astype(np.float64)
        except (TypeError, ValueError):
            raise UsageError(f"y must hold numbers, found {y[:1].tolist()[0]!r:.60}") from None
    wrong = np.flatnonzero(~np.isfinite(found))
    if len(wrong):
        raise DataError(f"y must hold {expected}, found {y.tolist()[wrong[0]]!r:.60} in row {wrong[0]}")
    return found


def read_labelled(
    source: str, pipeline: Any, target: str, settings: Config, store: Registry, *, talk: Talk
) -> Labelled:
    """The columns of *source* that *pipeline* was fitted to, as `train` reads them, in the types that a notebook has.

    Whole numbers are integers, texts are objects, or of pandas' type category where the pipeline answers no others.

    Args:
        settings: Their [data] tells the kinds of columns, and the texts that stand for a missing cell.

    Raises:
        SourceError: It cannot be read.
        UsageError: It lacks the target or a column.
        DataError: Its cells cannot be used.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = downloaded(source, store, Path(folder)) if source.startswith("gs://") else None
        names = column_names(source, files)
        if target not in names:
            raise UsageError(f"{source} has no column {target!r}, the target; it has {', '.join(names)[:300]}")
        rows = read_rows(
            source,
            _features(pipeline, names, target, settings),
            target,
            task="classification" if _is_classifier(pipeline) else "regression",
            missing=settings.data.missing,
            target_kind=settings.data.target_kind or "",
            files=files,
        )
    findings = unusable(rows.flaws, len(rows.y), target)
    errors = [f"{source}: {line(finding)}" for finding in findings if finding.severity == "error"]
    if errors:
        raise DataError("\n".join(errors))
    for finding in findings:
        talk.say(f"{source}: {line(finding)}")
    return replace(
        labelled(_as_fitted(pipeline, _frame(rows), rows), rows.targets, target=target, what=source),
        seconds=_times(rows),
        findings=tuple(findings),
        numbers=rows.numbers,
    )


def _features(pipeline: Any, names: Sequence[str], target: str, settings: Config) -> list[Feature]:
    """The columns that *pipeline* was fitted to, or all of *names*; a time where it was fitted to parts of one."""
    fitted = getattr(pipeline, "feature_names_in_", None)
    kinds = {feature.name: feature.kind or FOUND_OUT for feature in settings.data.features or ()}
    if fitted is None:
        beside = {target, settings.data.key}
        return [Feature(name, kind=kinds.get(name, FOUND_OUT)) for name in names if name not in beside and name.strip()]
    features: dict[str, Feature] = {}
    for name in fitted.tolist():
        column, _, part = name.rpartition(".")
        if name not in names and column in names and part in TIME_PARTS:
            features.setdefault(column, Feature(column, kind="time", parts=(part,)))
        else:
            features[name] = Feature(name, kind=kinds.get(name, FOUND_OUT))
    lacking = [name for name in features if name not in names]
    if lacking:
        raise UsageError(
            f"the pipeline was fitted to {', '.join(map(repr, lacking))[:300]}, and there is no such column; there are "
            f"{', '.join(names)[:300]}"
        )
    if target in features:
        raise UsageError(f"the pipeline was fitted to {target!r}, which is the target")
    return list(features.values())


def _frame(rows: Rows) -> pd.DataFrame:
    """The columns of *rows* in the types that a notebook has them; a time in seconds since 1970."""
    columns = {}
    for place, feature in enumerate(rows.features):
        cells, gone = rows.x.cells(place), is_missing(rows.x.cells(place))
        match feature.kind:
            case "boolean" | "category":
                column = cells.astype(bool if feature.kind == "boolean" else object).astype(object)
                column[gone] = np.nan
                columns[feature.name] = pd.Series(column, dtype=object)
                if feature.kind == "boolean" and not gone.any():
                    columns[feature.name] = columns[feature.name].astype(bool)
            case "number" if feature.width != "float64":
                columns[feature.name] = pd.Series(cells.astype(feature.width))
            case "number" if not gone.any() and (np.floor(cells) == cells).all() and (abs(cells) < _MOST_WHOLE).all():
                columns[feature.name] = pd.Series(cells.astype(np.int64))
            case _:
                columns[feature.name] = pd.Series(cells)
    return pd.DataFrame(columns)


def _as_fitted(pipeline: Any, frame: pd.DataFrame, rows: Rows) -> pd.DataFrame:
    """*frame*, its texts as categories of pandas where *pipeline* answers those alone."""
    levels = [feature.name for feature in rows.features if feature.kind == "category"]
    if not levels or _answers(pipeline, frame, _times(rows)):
        return frame
    typed = frame.astype(dict.fromkeys(levels, "category"))
    return typed if _answers(pipeline, typed, _times(rows)) else frame


def _answers(pipeline: Any, frame: pd.DataFrame, seconds: Sequence[str]) -> bool:
    fitted = getattr(pipeline, "feature_names_in_", None)
    try:
        rows = framed(frame, None if fitted is None else fitted.tolist(), seconds=seconds)
        asked(pipeline, lambda: rows.input(rows.table, rows.columns(named=fitted is not None)))
    except Exception:  # noqa: BLE001 - a pipeline may raise anything for rows that it does not take
        return False
    return True


def _times(rows: Rows) -> tuple[str, ...]:
    return tuple(feature.name for feature in rows.features if feature.kind == "time")


def _is_classifier(pipeline: Any) -> bool:
    try:
        return bool(is_classifier(pipeline))
    except Exception:  # noqa: BLE001 - no estimator; publishing says so
        return False
