"""From rows to a published version with its model card: search, choose, fit, evaluate, publish."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable, Sequence
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.artifact import Manifest
from functions.schema import Matrix
from model.config import Config
from model.data.findings import Finding
from model.data.snapshots import snapshot
from model.data.split import fold_keys
from model.data.statistics import describe, describe_numbers
from model.errors import CandidateError, ConfigError, RegistryError, ReportError
from model.registry.registry import Registry
from model.training.candidates import Trial, expand, fit
from model.training.export import to_linear
from model.training.search import Result, choose, search
from model.workflows import card
from model.workflows.dataset import Inputs, Production, number_matrix, stop_at_errors
from model.workflows.evaluate import Champion, champion, evaluate
from model.workflows.progress import Talk

_GOLDEN_ROWS = 8


def candidates(settings: Config) -> list[Trial]:
    """Every combination of estimator and parameters that the configuration names.

    Raises:
        ConfigError: One of them is none; the message has its place in the file.
    """
    chosen = settings.training.candidates
    try:
        return expand(
            ((candidate.estimator, candidate.scale, candidate.grid) for candidate in chosen),
            len(settings.data.features or [None]),
        )
    except CandidateError as error:
        raise ConfigError(str(error)) from error


def train(
    store: Registry,
    candidates: list[Trial],
    given: Inputs,
    production: Production,
    findings: Sequence[Finding],
    *,
    talk: Talk,
) -> Manifest:
    """Publish the best of *candidates*, blessed or not, with its model card.

    Raises:
        DataError: There are errors among *findings*.
        ConfigError: No candidate could be trained and served.
    """
    opponent = champion(production)
    document = draft(given, candidates, champion=opponent, findings=findings, talk=talk)
    with talk.step("publishing"):
        manifest = store.publish(document, snapshot=snapshot(given.rows), dataset=given.rows.dataset)
    try:
        with talk.step("drawing the card"):
            page = card.card(manifest, given.rows, given.sides, opponent.predictor, say=talk.say)
            store.publish_report(manifest.version, page)
    except (RegistryError, ReportError) as error:  # the version stands without its card
        number = manifest.version
        talk.say(f"version {number} has no model card yet, `report {number}` makes it: {error}")
    return manifest


def draft(
    inputs: Inputs, candidates: list[Trial], *, champion: Champion, findings: Sequence[Finding], talk: Talk
) -> dict[str, Any]:
    """The manifest of the best of *candidates*, without the members that publishing fills in.

    Raises:
        DataError: There are errors among *findings*.
        ConfigError: No candidate could be trained and served.
    """
    stop_at_errors(findings)
    settings, rows, sides = inputs.settings, inputs.rows, inputs.sides
    trained = ~sides.kept
    everything = number_matrix(rows)
    x, y, seed = everything[trained], rows.y[trained], settings.training.seed
    folds = settings.training.folds
    repeats = 1 if sides.split.by == "time" else settings.training.repeats
    try:
        with talk.progress("cross-validating", len(candidates) * folds * repeats) as done:
            groups = fold_keys(rows, sides.split)[trained]
            times = rows.times[sides.split.column][trained] if sides.split.by == "time" else None
            scored = search(
                candidates, x, y, folds=folds, repeats=repeats, seed=seed, groups=groups, times=times, done=done
            )
        results = choose(scored)
    except CandidateError as error:
        raise ConfigError(str(error)) from error
    _tell(results, talk.say)
    best = next(result.trial for result in results if result.chosen)
    with talk.step("fitting"):
        estimator = fit(best, x, y, seed=seed)
    expected = np.ravel(estimator.predict(everything))
    redacted = any(feature.redact for feature in rows.features)
    golden = _made_up(x) if redacted else everything[_golden_rows(expected)]
    document: dict[str, Any] = {
        "runtime": "linear",
        "linear": to_linear(estimator, x),
        "features": describe(rows.x[trained], rows.features),
        "prediction": _described_predictions(expected[trained]),
        "target": {"name": rows.target},
        "data": {
            "rows": len(rows.y),
            "holdout_rows": int(sides.kept.sum()),
            "holdout": settings.data.holdout,
            "split": sides.split.document(),
            "warnings": [
                {"code": found.code, "column": found.where, "count": found.count, "found": found.found}
                for found in findings
            ],
        },
        "training": {
            "estimator": best.estimator,
            "parameters": {"scale": best.scale, **best.parameters},
            "candidates_tried": [result.document() for result in results],
            "seed": seed,
            "folds": folds,
            "repeats": repeats,
            "packages": {name: package_version(name) for name in ("numpy", "scikit-learn", "scipy")},
            "python": platform.python_version(),
            "git_commit": _git_commit(),
        },
        "golden": [
            {"instance": instance.tolist(), "prediction": float(prediction)}
            for instance, prediction in zip(golden, np.ravel(estimator.predict(golden)), strict=True)
        ],
    }
    evaluation = evaluate(
        document,
        inputs,
        expected=expected,
        champion=champion,
        data_errors=sum(finding.severity == "error" for finding in findings),
        talk=talk,
    )
    return document | evaluation.document()


def _tell(results: Sequence[Result], say: Callable[[str], None]) -> None:
    """Say the warnings of scikit-learn, and which better candidates were passed over; the table shows neither."""
    chosen = next(result for result in results if result.chosen)
    for result in results:
        for text in result.warned:
            say(f"warning: {result.trial}: {text}")
        if result.unserved and result.rmse < chosen.rmse:
            better = f"{result.trial} scored better ({result.rmse:.4g} against {chosen.rmse:.4g})"
            say(f"warning: {better} and is passed over: {result.unserved}")


def _described_predictions(predicted: NDArray[np.float64]) -> dict[str, Any]:
    """The manifest's `prediction`: the spread of the predictions of training rows, described as a feature is."""
    return describe_numbers(np.asarray(predicted, dtype=np.float64))


def _made_up(x: Matrix) -> Matrix:
    """Instances that are nobody's, from quantiles of each column: golden instances are shown and sent about."""
    levels = np.linspace(0, 1, _GOLDEN_ROWS)
    return np.column_stack([np.quantile(column, levels) for column in x.T])


def _golden_rows(expected: Any) -> list[int]:
    """Rows whose predictions spread evenly from the smallest to the largest."""
    order = np.argsort(expected, kind="stable")
    places = np.linspace(0, len(order) - 1, min(_GOLDEN_ROWS, len(order))).round().astype(int)
    return [int(order[place]) for place in places]


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
