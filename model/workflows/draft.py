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
from numpy.typing import NDArray

from functions import artifact, runtimes, times
from functions.artifact import Manifest
from functions.predictor import build
from functions.schema import Feature
from functions.table import Table
from model.data.findings import Finding
from model.data.snapshots import snapshot
from model.data.statistics import describe, describe_numbers
from model.errors import RegistryError, ReportError
from model.registry.registry import Registry
from model.training.export import Exported, export, refuse_kept_rows
from model.training.golden import golden
from model.training.proof import Ask, asking, taken
from model.workflows import card
from model.workflows.dataset import Inputs
from model.workflows.evaluate import Champion, Written, evaluate
from model.workflows.progress import Talk


@dataclass(frozen=True)
class Fitted:
    """An estimator that is fitted.

    Args:
        columns: Names of its columns where it takes a DataFrame, as `export` needs them.
        training: The manifest's `training`.
        ask: How it answers tables of the features; by default through its own `predict`.
    """

    estimator: Any
    columns: Sequence[str] | None
    training: Mapping[str, Any]
    ask: Ask | None = None


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
    exported = export(fitted.estimator, fitted.columns)
    refuse_kept_rows(exported, rows.features)
    ask = fitted.ask or asking(fitted.estimator, rows.features, named=fitted.columns is not None)
    with talk.step("asking what it takes"):
        features = taken(ask, _model(exported, rows.features), rows.x[seen], rows.features)
    expected = ask(rows.x)
    document: dict[str, Any] = {
        **{name: value for name, value in exported.document.items() if value is not None},
        "task": "regression",
        "probabilities": False,
        "features": describe(rows.x[seen], features),
        "prediction": describe_numbers(expected[seen]),
        "target": {"name": rows.target},
        "data": {
            "rows": len(rows.y),
            "holdout_rows": int(sides.kept.sum()),
            "holdout": sides.split.share,
            "split": sides.split.document(),
            **({"missing": list(inputs.settings.data.missing)} if inputs.settings.data.missing else {}),
            "warnings": [
                {"code": found.code, "column": found.where, "count": found.count, "found": found.found}
                for found in findings
            ],
        },
        "training": {**fitted.training, **_environment()},
        "golden": golden(ask, rows.x, features, expected),
    }
    if exported.keeps_rows:
        document["keeps_rows"] = True
    evaluation = evaluate(
        Written(document, exported.arrays, exported.edges, ask),
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


def _model(exported: Exported, features: Sequence[Feature]) -> Ask:
    """What is exported, as it answers tables of *features*."""
    runtime = runtimes.load(exported.document, exported.arrays)

    def ask(table: Table) -> NDArray[np.float64]:
        return np.asarray(runtime.predict(times.expand(table, features)).values, np.float64)

    return ask


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
