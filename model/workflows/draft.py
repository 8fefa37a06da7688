"""From an estimator that is fitted to a version that can be published: written, proved, measured, judged."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import numpy as np

from functions import artifact, runtimes
from functions.artifact import Manifest
from functions.columns import times
from functions.columns.schema import Level, shown
from functions.columns.table import Table
from functions.predictor import build
from model.data.findings import Finding
from model.data.rows import Rows
from model.data.snapshots import snapshot
from model.data.statistics import describe, describe_numbers
from model.data.targets import kind_of
from model.errors import ExportError, RegistryError, ReportError
from model.registry.registry import Registry
from model.training.asking import Answers, Ask, asking, predicted
from model.training.export import Exported, export, refuse_kept_rows
from model.training.golden import golden
from model.training.proof import taken
from model.workflows import card
from model.workflows.dataset import Inputs
from model.workflows.evaluate import Champion, Written, evaluate
from model.workflows.progress import Talk
from model.workflows.two_classes import Threshold, positive_of
from model.workflows.usual_answers import are_usual

_MOST_SCORES = 10
"""Classes whose probabilities a manifest describes."""


@dataclass(frozen=True)
class Fitted:
    """An estimator that is fitted.

    Args:
        columns: Names of its columns where it takes a DataFrame, as `export` needs them.
        training: The manifest's `training`.
        ask: How it answers tables of the features; by default through its own `predict`.
        threshold: The one from which on it answers the positive class of two, where it has one of its own.
    """

    estimator: Any
    columns: Sequence[str] | None
    training: Mapping[str, Any]
    ask: Ask | None = None
    threshold: Threshold | None = None


@dataclass(frozen=True)
class Draft:
    """A manifest without the members that publishing fills in, and the arrays that belong to it."""

    document: dict[str, Any]
    arrays: bytes


def draft(inputs: Inputs, fitted: Fitted, *, champion: Champion, findings: Sequence[Finding], talk: Talk) -> Draft:
    """The draft of *fitted*, blessed or not.

    Raises:
        ExportError: It cannot be written so that it answers exactly as it does.
    """
    rows, sides = inputs.rows, inputs.sides
    seen = sides.seen
    positive = positive_of(rows, sides, inputs.settings)
    exported = export(fitted.estimator, fitted.columns)
    refuse_kept_rows(exported, rows.features)
    _refuse_other_classes(exported.document.get("classes") or (), rows)
    named = fitted.columns is not None
    ask = fitted.ask or asking(fitted.estimator, rows.features, named=named, classes=rows.classes)
    with talk.step("asking what it takes"):
        features = taken(ask, _model(exported, rows), rows.x[seen], rows.features)
    expected = ask(rows.x)
    document: dict[str, Any] = {
        **{name: value for name, value in exported.document.items() if value is not None},
        "task": rows.task,
        "probabilities": expected.shape[1] > 1,
        "features": describe(rows.x[seen], features),
        **_usual_predictions(expected, inputs, positive, line=exported.document["runtime"] == "linear"),
        "data": {
            "rows": len(rows.y),
            "holdout_rows": int(sides.kept.sum()),
            "holdout": sides.split.share,
            "split": sides.split.document(),
            **({"missing": list(inputs.settings.data.missing)} if inputs.settings.data.missing else {}),
            **({"key": inputs.settings.data.key} if inputs.settings.data.key else {}),
            "warnings": [
                {"code": found.code, "column": found.where, "count": found.count, "found": found.found}
                for found in findings
            ],
        },
        "training": {**fitted.training, **_environment()},
        "golden": golden(ask, rows.x, features, expected, rows.classes),
    }
    if fitted.threshold:
        document["threshold"] = fitted.threshold.document()
    if exported.keeps_rows:
        document["keeps_rows"] = True
    evaluation = evaluate(
        Written(document, exported.arrays, exported.edges, ask, positive),
        inputs,
        champion=champion,
        data_errors=sum(finding.severity == "error" for finding in findings),
        talk=talk,
    )
    return Draft(document | evaluation.document(), exported.arrays)


def published(store: Registry, made: Draft, inputs: Inputs, champion: Champion, *, talk: Talk) -> Manifest:
    """Publish *made* as the next version, with its model card."""
    with talk.step("publishing"):
        manifest = store.publish(
            made.document, snapshot=snapshot(inputs.rows), dataset=inputs.rows.dataset, arrays=made.arrays
        )
    try:
        with talk.step("drawing the card"):
            beside = made.arrays if artifact.ARRAYS in manifest.files else b""
            page = card.card(build(manifest, beside), inputs.rows, inputs.sides, champion.predictor, say=talk.say)
            store.publish_report(manifest.version, page)
    except (RegistryError, ReportError) as error:  # the version stands without its card
        number = manifest.version
        talk.say(f"version {number} has no model card yet, `report {number}` makes it: {error}")
    return manifest


def _model(exported: Exported, rows: Rows) -> Ask:
    """What is exported, as it answers tables of the features of *rows*."""
    runtime = runtimes.load(exported.document, exported.arrays)

    def ask(table: Table) -> Answers:
        return predicted(runtime.predict(times.expand(table, rows.features)), rows.classes)

    return ask


def _refuse_other_classes(classes: Sequence[Level], rows: Rows) -> None:
    """An error where what was exported answers with other labels than the target has."""
    if [(type(label), label) for label in classes] != [(type(label), label) for label in rows.classes]:
        ours, theirs = (", ".join(map(shown, some[:_MOST_SCORES])) or "numbers" for some in (classes, rows.classes))
        raise ExportError(f"the estimator answers {ours}, and '{rows.target}' holds {theirs}: it must answer those")


def _usual_predictions(expected: Answers, inputs: Inputs, positive: int | None, *, line: bool) -> dict[str, Any]:
    """The manifest's `prediction`, `scores` and `target`: of the rows that training saw, or of the others.

    The latter where the model knows the former by heart, which a *line* does not.
    """
    rows, sides = inputs.rows, inputs.sides
    seen = sides.seen
    described = _predictions(expected[seen], rows)
    if line or sides.kept.all():
        return described
    known: dict[str, Any] = {"classes": rows.classes, "probabilities": expected.shape[1] > 1}
    known |= {} if positive is None else {"positive": rows.classes[positive]}
    held = expected[sides.kept]
    if are_usual({**known, **described}, held, int(seen.sum())):
        return described
    described, count = _predictions(held, rows), {"rows": len(held)}
    for name in {"prediction", "top_score"} & described.keys():
        described[name] |= count
    if "scores" in described:
        described["scores"] = [entry | count for entry in described["scores"]]
    return described


def _predictions(expected: Answers, rows: Rows) -> dict[str, Any]:
    """The manifest's `prediction`, `scores` and `target`, from the estimator's answers to some rows.

    A classifier's `prediction` is described as a category is, and the probability of each class as a number.
    """
    if not rows.classes:
        return {"prediction": describe_numbers(expected[:, 0]), "target": {"name": rows.target}}
    counts = np.bincount(expected[:, 0].astype(np.intp), minlength=len(rows.classes))
    several = len(rows.classes) > 2 and expected.shape[1] > 1  # noqa: PLR2004 - of two, one is positive
    top = {"top_score": describe_numbers(expected[:, 1:].max(axis=1))} if several else {}
    scores = zip(rows.classes[:_MOST_SCORES], expected[:, 1:].T, strict=False)
    return {
        "prediction": {
            "kind": "category",
            "classes": list(rows.classes),
            "levels": list(rows.classes),
            "shares": (counts / len(expected)).tolist(),
        },
        **top,
        "scores": [{"class": label, **describe_numbers(score)} for label, score in scores],
        "target": {"name": rows.target, "kind": kind_of(rows.classes)},
    }


def _environment() -> dict[str, Any]:
    return {
        "packages": {name: package_version(name) for name in ("numpy", "scikit-learn", "scipy")},
        "python": platform.python_version(),
        "git_commit": _git_commit(),
    }


def _git_commit() -> str | None:
    """The commit this code stands at, "+" behind it when files differ from it; None outside a checkout."""
    folder = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "-C", str(folder), "status", "--porcelain"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}+" if changed else commit
