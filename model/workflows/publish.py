"""A pipeline that was fitted elsewhere becomes a version: the same proof, the same gate, the same card."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import InconsistentVersionWarning

from functions.artifact import Manifest
from functions.columns.schema import Level, shown
from functions.columns.table import Table
from functions.predictor import RELATIVE
from model.config import Config
from model.data.rows import Rows
from model.data.split import Sides, Split, held_out
from model.errors import SourceError, UsageError
from model.registry.registry import Registry
from model.training.asking import Answers, asked
from model.training.export import known_classes
from model.training.export.builder import plain
from model.training.frames import Framed, framed, stacked
from model.training.own_code import register_exporters
from model.training.proof import furthest_of
from model.training.threads import threads_for
from model.workflows import dataset
from model.workflows.dataset import Inputs, Production
from model.workflows.draft import Fitted, draft, published
from model.workflows.evaluate import champion
from model.workflows.labelled import Labelled, learnt
from model.workflows.progress import Talk
from model.workflows.two_classes import own_threshold


@dataclass(frozen=True)
class Given:
    """A pipeline that is fitted, and how it came here.

    Args:
        by: Who says that it was not fitted to the rows that judge it.
        fitted_with: Versions of packages that it was fitted with, where they are known.
        dataset: A name for its rows in the bucket.
    """

    pipeline: Any
    by: str
    fitted_with: dict[str, str]
    dataset: str


def publish(
    store: Registry,
    given: Given,
    holdout: Labelled,
    training: Labelled | None,
    settings: Config,
    *,
    production: Production,
    redact: Collection[str] = (),
    talk: Talk,
) -> Manifest:
    """Publish *given*, judged on the rows of *holdout*.

    Args:
        training: The rows that it was fitted to, for ranges and the baseline of drift; else *holdout* gives both.

    Raises:
        UsageError: It is no regressor or classifier, or its columns are not there.
        DataError: The rows cannot be used.
        ExportError: It cannot be written so that it answers exactly as it does.
    """
    classes = _classes(given.pipeline)
    for name, version in given.fitted_with.items():
        if version != package_version(name):
            here = package_version(name)
            talk.say(
                f"warning: fitted with {name} {version}, and this environment has {name} {here}, whose answers count"
            )
    known_classes()
    register_exporters(settings.training.exporters)
    parts = [holdout] if training is None else [training, holdout]
    frame = stacked([part.x for part in parts])
    wanted = getattr(given.pipeline, "feature_names_in_", None)
    rows = framed(frame, None if wanted is None else wanted.tolist(), redact=redact, seconds=holdout.seconds)
    if settings.training.threshold:
        talk.say("warning: training.threshold does not count here: the pipeline answers as it was fitted")
    y = np.concatenate([learnt(part.y, classes) for part in parts])
    inputs = _inputs(
        rows,
        y,
        classes=classes,
        holdout=holdout,
        settings=settings,
        name=given.dataset,
        production=production,
        store=store,
    )
    fitted = _fitted(
        given, rows, frame, named=wanted is not None, seed=settings.training.seed, trained=training, classes=classes
    )
    findings = [
        *(finding for part in parts for finding in part.findings),
        *dataset.findings(_both_sides(inputs), production.comparable(settings)[0]),
    ]
    dataset.stop_at_errors(findings)
    opponent = champion(production, store)
    with threads_for(len(y)):
        made = draft(inputs, fitted, champion=opponent, findings=findings, talk=talk)
    return published(store, made, inputs, opponent, talk=talk)


def loaded(path: Path) -> tuple[Any, dict[str, str]]:
    """The pipeline in a joblib or pickle file of one's own, and the versions that it was fitted with.

    Loading it runs code of whoever wrote it. It never goes to the bucket.

    Raises:
        SourceError: It cannot be loaded.
    """
    import joblib  # noqa: PLC0415 - for this alone

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            pipeline = joblib.load(path)
        except FileNotFoundError as error:
            raise SourceError(f"{path.absolute()} does not exist") from error
        except Exception as error:  # a pickle may raise anything
            if path.is_file() and not isinstance(error, ImportError | AttributeError) and not _begins_like_one(path):
                empty = ", found an empty file" if not path.stat().st_size else ""
                raise SourceError(f"{path} must be a joblib or pickle file{empty or ', and is none'}") from error
            told = (str(error) or type(error).__name__).splitlines()[0][:300]
            raise SourceError(f"{path} cannot be loaded: {type(error).__name__}: {told}") from error
    older = [one.message for one in caught if isinstance(one.message, InconsistentVersionWarning)]
    return pipeline, {"scikit-learn": older[0].original_sklearn_version if older else package_version("scikit-learn")}


def _begins_like_one(path: Path) -> bool:
    """Whether *path* begins as a pickle of protocol 2 or later does, or as a compression that joblib reads."""
    with path.open("rb") as file:
        head = file.read(3)
    zlib = head[:1] == b"x" and int.from_bytes(head[:2]) % 31 == 0
    return zlib or head.startswith((b"\x80", b"\x1f\x8b", b"BZh", b"\xfd7z", b"]\x00"))


def _classes(pipeline: Any) -> tuple[Level, ...]:
    """The labels of a classifier; none of a regressor.

    Raises:
        UsageError: *pipeline* is neither, or is not fitted.
    """
    if not hasattr(pipeline, "predict"):
        raise UsageError(f"expected a fitted scikit-learn pipeline or estimator, got a {type(pipeline).__name__}")
    try:
        classifier, regressor = is_classifier(pipeline), is_regressor(pipeline)
    except Exception as error:
        raise UsageError(f"{type(pipeline).__name__} is no scikit-learn estimator: {error}") from error
    if regressor:
        return ()
    if not classifier:
        raise UsageError(f"{type(pipeline).__name__} predicts neither numbers nor classes")
    labels: Any = getattr(pipeline, "classes_", ())
    if np.ndim(labels) != 1 or not len(labels):
        what = "predicts several targets" if len(labels) else "is not fitted"
        raise UsageError(f"the pipeline {what}: expected a fitted classifier of one target")
    return tuple(map(plain, labels))


def _inputs(
    rows: Framed,
    y: NDArray[np.float64],
    *,
    classes: tuple[Level, ...],
    holdout: Labelled,
    settings: Config,
    name: str,
    production: Production,
    store: Registry,
) -> Inputs:
    """All rows, the training rows first; those that judge stand last."""
    split = Split("given", len(holdout.y) / len(y))
    numbers = holdout.numbers if len(holdout.y) == len(y) else None
    all_rows = Rows(
        dataset=name,
        features=rows.features,
        target=holdout.target,
        x=rows.table,
        y=y,
        numbers=numbers,
        classes=classes,
    )
    held = held_out(all_rows, split)
    inputs = Inputs(settings, all_rows, Sides(split, held, held, np.zeros(len(y), dtype=np.bool_)))
    return dataset.beside(inputs, production, store)


def _both_sides(inputs: Inputs) -> Inputs:
    """*inputs*, some rows on the side of training where none are known: validation looks for rows on both sides."""
    sides = inputs.sides
    if not sides.kept.all():
        return inputs
    held = sides.held.copy()
    held[: inputs.settings.training.folds] = False
    return replace(inputs, sides=replace(sides, held=held))


def _fitted(
    given: Given,
    rows: Framed,
    frame: pd.DataFrame,
    *,
    named: bool,
    seed: int,
    trained: Labelled | None,
    classes: Sequence[Level],
) -> Fitted:
    """*given* as it answers tables, once it answers them as it answers the rows themselves."""
    columns = rows.columns(named=named)

    def ask(table: Table) -> Answers:
        return asked(given.pipeline, lambda: rows.input(table, columns), classes)

    try:
        answers = ask(rows.table)
        if not any(feature.kind == "time" for feature in rows.features):
            own = frame[list(rows.names)] if columns is not None else rows.table.matrix()
            _check_same(answers, asked(given.pipeline, own.copy, classes), classes)
    except UsageError:
        raise
    except Exception as error:  # steps of a user's own may raise anything
        told = f"{type(error).__name__}: {(str(error) or ' ').splitlines()[0][:300]}"
        raise UsageError(f"the pipeline cannot answer the rows: {told}") from error
    kind = type(given.pipeline)
    training = {
        "estimator": f"{kind.__module__}.{kind.__qualname__}",
        "parameters": {},
        "steps": [type(step).__name__ for _, step in getattr(given.pipeline, "steps", [])],
        "candidates_tried": [],
        "seed": seed,
        "fitted_by": given.by,
        "fitted_with": given.fitted_with,
        "training_rows_given": trained is not None,
    }
    return Fitted(given.pipeline, columns, training, ask, own_threshold(given.pipeline))


def _check_same(answers: Answers, expected: Answers, classes: Sequence[Level]) -> None:
    """Callers send numbers, booleans and texts: the pipeline must answer those as it answers the DataFrame."""
    if furthest_of(answers, expected) <= 1:
        return
    wrong = ~(np.abs(answers - expected) <= RELATIVE * np.abs(expected))
    row = int(np.flatnonzero(wrong.any(axis=1))[0])
    column = int(np.argmax(wrong[row]))
    theirs, ours = expected[row, column].item(), answers[row, column].item()
    if classes and not column:  # places of labels; NaN is none
        theirs, ours = ("no label" if np.isnan(place) else shown(classes[int(place)]) for place in (theirs, ours))
    raise UsageError(
        f"row {row}: the pipeline answers {theirs} for the DataFrame, and {ours} for the same cells as"
        " numbers, booleans and texts, which callers send: fit it to columns of these types"
    )
