"""What speaks for training again: production and its rows in the bucket against the rows of today."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from functions.artifact import Alias
from model.config import Config
from model.data.findings import Finding
from model.data.rows import Rows
from model.data.split import held_out
from model.evaluation.metrics import scores
from model.monitoring import triggers as retraining
from model.monitoring.triggers import Reason
from model.registry import registry
from model.registry.production import verified_manifest, verified_predictor
from model.workflows import dataset as inputs
from model.workflows.dataset import Inputs, Production


def reasons(
    given: Inputs,
    production: Production,
    store: registry.Registry,
    *,
    findings: Sequence[Finding],
    labelled: Rows | None,
    now: datetime,
) -> list[Reason]:
    """Every reason, due or not; one that says why where production cannot be compared with.

    Raises:
        RegistryError: The rows that production was trained on cannot be read.
    """
    document, obstacle = production.comparable(given.settings)
    if document is None or production.promoted is None:
        return retraining.without_production(obstacle)
    known = inputs.snapshot(store, document).hashes
    alert = given.settings.monitoring.alert
    found = retraining.decide(
        given.settings.retraining.model_dump(),
        age_days=(now - datetime.fromisoformat(document["created"])).total_seconds() / 86_400,
        rows=len(given.rows.y),
        new_rows=int(np.isin(given.rows.hashes, known, invert=True).sum()),
        shifts=[
            f"{finding.where}: {finding.found}"
            for finding in findings
            if finding.code == "shifted" and (finding.limit or 0.0) >= alert
        ],
        shift_limit=alert,
    )
    if labelled is not None:
        found.append(_live_error(given.settings, production.promoted, labelled, known))
    return found


def _live_error(settings: Config, promoted: Alias, labelled: Rows, known: NDArray[np.uint64]) -> Reason:
    """How production errs on *labelled* rows that it was not trained on."""
    served = verified_predictor(verified_manifest(promoted, promoted.manifest["model"]))
    document = served.manifest.document
    kept = held_out(labelled, document["data"].get("holdout", 0.0))
    fresh = kept | np.isin(labelled.hashes, known, invert=True)
    order = [labelled.features.index(feature.name) for feature in served.manifest.features]
    live = scores(
        labelled.y[fresh],
        served.predict(labelled.x[fresh][:, order]),
        confidence=settings.gate.confidence,
        seed=settings.training.seed,
    )
    rows = int(fresh.sum())
    return retraining.live_error(
        live["rmse"].document(), document["metrics"]["rmse"], rows=rows, known=len(labelled.y) - rows
    )
