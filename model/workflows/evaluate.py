"""How good a version is, by itself and against production, and the gate's decision."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions import artifact
from functions.predictor import Predictor, build, distance
from model.data.rows import Rows
from model.errors import RegistryError, SandboxError
from model.evaluation import gate
from model.evaluation.comparison import Comparison, compare, inputs
from model.evaluation.gate import Check
from model.evaluation.metrics import METRIC_REPLICATES, Residuals, Score, residuals, rmse, scores
from model.evaluation.resampling import REPLICATES, batches
from model.evaluation.scale import Line, Scale, line, recorded_line, scale
from model.evaluation.slices import MOST_SLICES, Slice, slices
from model.infra_validation import sandbox, smoke_test
from model.registry.production import verified_manifest, verified_predictor
from model.workflows.dataset import Inputs, Production
from model.workflows.progress import Talk


@dataclass(frozen=True)
class Champion:
    """The model in production that a challenger is compared with.

    Args:
        predictor: None if production holds nothing that can predict; *note* says why.
        version: None if production holds nothing.
    """

    predictor: Predictor | None = None
    version: int | None = None
    manifest_sha256: str | None = None
    note: str = ""

    def document(self) -> dict[str, Any]:
        """The champion as the manifest's `comparison` names it."""
        if self.version is None:
            return {"production": None, "note": self.note}
        return {"production": self.version, "manifest_sha256": self.manifest_sha256, "note": self.note}


@dataclass(frozen=True)
class Evaluation:
    """The measurements of a version, and the gate's checks of them.

    Args:
        comparison: None where production holds nothing.
    """

    scores: dict[str, Score]
    slices: Sequence[Slice]
    residuals: Residuals | None
    line: Line | None
    champion: Champion
    comparison: Comparison | None
    checks: Sequence[Check]

    def document(self) -> dict[str, Any]:
        """The part of the manifest that says how good the version is."""
        return {
            "metrics": {name: score.document() for name, score in self.scores.items()},
            "slices": [part.document() for part in self.slices[:MOST_SLICES]],
            "residuals": vars(self.residuals) if self.residuals else {},
            "line": self.line.document() if self.line else None,
            "comparison": self.champion.document() | (self.comparison.document() if self.comparison else {}),
            "gate": [check.document() for check in self.checks],
            "blessed": all(check.passed for check in self.checks),
        }


def champion(production: Production) -> Champion:
    """The model that a challenger is compared with."""
    promoted, alias = production.promoted, production.alias
    if promoted is None:
        return Champion(note=f"{alias} holds nothing yet: the absolute checks decide")
    predictor, note = None, ""
    try:
        predictor = verified_predictor(verified_manifest(promoted, production.model))
    except RegistryError as error:
        note = f"{alias} could not be compared with: {error}"
    return Champion(predictor, promoted.version, promoted.manifest_sha256, note)


def evaluate(
    document: dict[str, Any],
    given: Inputs,
    *,
    expected: NDArray[np.float64],
    champion: Champion,
    data_errors: int,
    talk: Talk,
) -> Evaluation:
    """Measure the version of *document* on its held-out rows, and put it through the gate.

    Args:
        expected: The estimator's predictions of all rows, shape (n_rows,).
    """
    bounds, seed = given.settings.gate, given.settings.training.seed
    rows, sides = given.rows, given.sides
    held = sides.held
    draft = _draft(document)
    predicted = build(draft).predict(rows.x).values
    theirs, fresh = champion_predictions(champion.predictor, rows), sides.shared
    actual, ours = rows.y[held], predicted[held]
    kinds = {name: kind.filter(held).to_numpy(zero_copy_only=False) for name, kind in rows.kinds.items()}
    columns = dict(zip(rows.names, rows.x[held].columns, strict=True)) | kinds
    with talk.progress("bootstrapping", batches(len(actual), METRIC_REPLICATES)) as done:
        measured = scores(actual, ours, confidence=bounds.confidence, seed=seed, done=done)
    with talk.progress("slices", len(columns)) as done:
        parts = slices(
            columns,
            actual,
            ours,
            count=bounds.slices,
            by_value=bounds.slice_columns,
            champion=np.where(fresh, theirs, np.nan)[held] if champion.predictor else None,
            done=done,
        )
    with talk.step("asking the functions"):
        served = _asked(draft, talk.say)
    checks = gate.absolute(
        bounds,
        scores=measured,
        slices=parts,
        data_errors=data_errors,
        rows=len(rows.y),
        holdout_rows=int(held.sum()),
        baseline_rmse=rmse(actual, np.full(len(actual), rows.y[~sides.kept].mean())),
        furthest_relative=float(distance(predicted, expected).max()),
        tolerance=1.0,
        wrong_answers=served.wrong,
        wrong_answer=served.first,
    )
    comparison = None
    if champion.version is not None:
        judged = (rows.y[fresh], predicted[fresh], theirs[fresh])
        with talk.progress("comparing with production", batches(int(fresh.sum()), REPLICATES)) as done:
            comparison = compare(*judged, confidence=bounds.confidence, seed=seed, done=done)
        checks += gate.relative(
            bounds,
            comparison=comparison,
            scale=_scale(champion.predictor, *judged, seed),
            slices=parts,
            inputs=inputs(document),
            production_inputs=inputs(champion.predictor.manifest.document) if champion.predictor else [],
        )
    return Evaluation(measured, parts, residuals(actual, ours), line(actual, ours), champion, comparison, checks)


def champion_predictions(predictor: Predictor | None, rows: Rows) -> NDArray[np.float64]:
    """Production's predictions of all rows; NaN where there is none, or it has other features."""
    names = [feature.name for feature in predictor.manifest.features] if predictor else []
    if predictor is None or not set(names) <= set(rows.names):
        return np.full(len(rows.y), np.nan)
    values: NDArray[np.float64] = predictor.predict(rows.x.pick([rows.names.index(name) for name in names])).values
    return values


def _scale(
    predictor: Predictor | None,
    actual: NDArray[np.float64],
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    seed: int,
) -> Scale:
    """The scale of the target by that of *predictor*, production, on rows that may judge both."""
    if predictor is None:
        return Scale()
    document = predictor.manifest.document
    trained = document["data"].get("rows", 0) - document["data"].get("holdout_rows", 0)
    return scale(actual, ours, theirs, learnt=recorded_line(document), trained_rows=trained, seed=seed)


def _draft(document: dict[str, Any]) -> artifact.Manifest:
    """*document* as a function would read it, under a name of its own: no other server is taken for ours."""
    name = f"draft-{uuid.uuid4().hex}"
    return artifact.parse_manifest(artifact.seal({**document, "model": name, "version": 1}), name, 1)


@dataclass(frozen=True)
class Served:
    """Answers of the running functions: how many were wrong, None if they did not run; and the first problem."""

    wrong: int | None
    first: str = ""


def _asked(draft: artifact.Manifest, say: Callable[[str], None]) -> Served:
    """Start the functions over *draft* and call them; *say* takes a line for each wrong answer."""
    problems: list[str] = []
    try:
        with sandbox.running(draft) as addresses:
            for function, address in addresses.items():
                _, wrong = smoke_test.ask(address, function, draft, by_path=True, within_seconds=0.0)
                problems += [f"{function}: {problem}" for problem in wrong]
    except SandboxError as error:
        say(str(error))
        return Served(None, str(error))
    for problem in problems:
        say(problem)
    return Served(len(problems), problems[0] if problems else "")
