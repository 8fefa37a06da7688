"""How good a version is, by itself and against production, and what the gate says: figures in, decision out."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions import artifact
from functions.runtimes import linear as predictor
from model.data import rows as data
from model.errors import RegistryError, SandboxError
from model.evaluation import gate
from model.evaluation import metrics as evaluation
from model.infra_validation import sandbox as rehearsal
from model.infra_validation import smoke_test as replay
from model.registry.production import verified_manifest, verified_predictor
from model.workflows.dataset import Inputs, Production


@dataclass(frozen=True)
class Champion:
    """What production predicts with, None if it holds nothing that can; *standing* says in the record which it was."""

    predictor: predictor.Predictor | None
    standing: dict[str, Any]


def champion(production: Production) -> Champion:
    """What a challenger is compared with."""
    promoted, alias = production.promoted, production.alias
    if promoted is None:
        note = f"{alias} holds nothing yet: the absolute checks decide"
        return Champion(None, {"production": None, "note": note})
    held = {"production": promoted.version, "manifest_sha256": promoted.manifest_sha256}
    try:
        served = verified_predictor(verified_manifest(promoted, production.model))
    except RegistryError as error:
        return Champion(None, {**held, "note": f"{alias} could not be compared with: {error}"})
    return Champion(served, {**held, "note": ""})


def verdict(
    document: dict[str, Any],
    inputs: Inputs,
    *,
    expected: NDArray[np.float64],
    champion: Champion,
    data_errors: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """What the manifest says of how good the version of *document* is, and what the gate says to that.

    Args:
        expected: The estimator's predictions of all rows, shape (n_rows,).
        say: Takes a line for each answer of the running functions that was not as it must be.
    """
    settings, rows, held = inputs.settings, inputs.rows, inputs.held
    bounds, confidence, seed = settings.gate.model_dump(), settings.gate.confidence, settings.training.seed
    draft = _draft(document)
    predicted = predictor.Predictor(draft).predict(rows.x)
    theirs, fresh = comparable(champion.predictor, document, rows, held)
    actual, ours = rows.y[held], predicted[held]
    scores = evaluation.metrics(actual, ours, confidence=confidence, seed=seed)
    kinds = {name: kind.filter(held).to_numpy(zero_copy_only=False) for name, kind in rows.kinds.items()}
    slices = evaluation.slices(
        dict(zip(rows.features, rows.x[held].T, strict=True)) | kinds,
        actual,
        ours,
        count=settings.gate.slices,
        by_value=settings.gate.slice_columns,
        champion=np.where(fresh, theirs, np.nan)[held] if champion.predictor else None,
    )
    checks = gate.absolute(
        bounds,
        metrics=scores,
        slices=slices,
        data_errors=data_errors,
        rows=len(rows.y),
        holdout_rows=int(held.sum()),
        baseline_rmse=evaluation.rmse(actual, np.full(len(actual), rows.y[~held].mean())),
        furthest_relative=float(predictor.relative_distance(predicted, expected).max()),
        tolerance=predictor.TOLERANCE,
        wrong_answers=_asked(draft, say),
    )
    comparison = champion.standing
    if comparison["production"] is not None:
        comparison = comparison | evaluation.compare(
            rows.y[fresh], predicted[fresh], theirs[fresh], confidence=confidence, seed=seed
        )
        checks += gate.relative(
            bounds,
            comparison=comparison,
            slices=slices,
            inputs=gate.inputs_of(document),
            production_inputs=gate.inputs_of(champion.predictor.manifest.document) if champion.predictor else [],
        )
    return {
        "metrics": scores,
        "slices": slices[: evaluation.MOST_SLICES],
        "residuals": evaluation.residuals(actual, ours),
        "comparison": comparison,
        "gate": gate.as_tables(checks),
        "blessed": all(check.passed for check in checks),
    }


def comparable(
    champion: predictor.Predictor | None, document: artifact.Document, rows: data.Rows, held: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Production's predictions of all rows, and on which of them it may be compared: held out from both trainings."""
    none = np.full(len(rows.y), np.nan), np.zeros(len(rows.y), dtype=np.bool_)
    if champion is None:
        return none
    share = gate.share_new_to_both(document, champion.manifest.document)
    if not share:
        return none
    order = [rows.features.index(feature.name) for feature in champion.manifest.features]
    return champion.predict(rows.x[:, order]), held & data.held_out(rows, share)


def _draft(document: dict[str, Any]) -> artifact.Manifest:
    """*document* as a function would read it; its name is nobody else's, so that no other server is taken for ours."""
    name = f"draft-{uuid.uuid4().hex}"
    return artifact.parse_manifest(artifact.seal({**document, "model": name, "version": 1}), name, 1)


def _asked(draft: artifact.Manifest, say: Callable[[str], None]) -> int | None:
    """How many answers of running functions were not as they must be; None if they did not run."""
    wrong = 0
    try:
        with rehearsal.running(draft) as addresses:
            for function, address in addresses.items():
                _, problems = replay.ask(address, function, draft, by_path=True, within_seconds=0.0)
                wrong += len(problems)
                for problem in problems:
                    say(f"{function}: {problem}")
    except SandboxError as error:
        say(str(error))
        return None
    return wrong
