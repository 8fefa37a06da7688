"""The model card of a version: its figures drawn from its rows, as it was published or from what the bucket keeps."""

from __future__ import annotations

import contextlib

import numpy as np
from numpy.typing import NDArray

from functions import artifact
from functions.runtimes import linear as predictor
from model.data import rows as data
from model.errors import NotFoundError, RegistryError
from model.registry import registry
from model.registry.production import verified_predictor
from model.reports import card_plots as plots
from model.reports import model_card as report
from model.workflows import dataset as inputs
from model.workflows import evaluate as judging


def card(
    manifest: artifact.Manifest, rows: data.Rows, held: NDArray[np.bool_], champion: predictor.Predictor | None
) -> str:
    """The model card of *manifest*, which was made from *rows* and compared with *champion*."""
    document = manifest.document
    ours = predictor.Predictor(manifest).predict(rows.x)
    theirs, fresh = judging.comparable(champion, document, rows, held)
    figures = {}
    if np.isfinite(ours[held]).all():
        for name, draw in plots.OF_PREDICTIONS.items():
            figures[name] = draw(rows.y[held], ours[held])
    improvement = document["comparison"].get("improvement") or {"value": None}
    if None not in improvement.values():
        figures["saved"] = plots.saved_error(*(improvement[name] for name in ("value", "low", "high")))
    if fresh.any() and np.isfinite(theirs[fresh]).all():
        figures["errors"] = plots.errors_against_production(rows.y[fresh], ours[fresh], theirs[fresh])
    drawn = [
        plots.feature_histogram(
            place,
            rows.x[~held, place],
            rows.x[held, place],
            manifest.features[place].minimum,
            manifest.features[place].maximum,
        )
        for place in report.most_important(document)
    ]
    return report.render(document, figures=figures, feature_figures=drawn)


def card_from_bucket(store: registry.Registry, manifest: artifact.Manifest) -> str:
    """The same card, from what the bucket keeps."""
    document = manifest.document
    where = f"{manifest.model} version {manifest.version}"
    if "holdout" not in document["data"] or "comparison" not in document:
        raise RegistryError(f"{where} does not say which rows it kept aside: no model card can be made of it")
    rows = inputs.snapshot(store, document)
    compared = document["comparison"]
    champion = None
    if compared["production"] is not None:
        with contextlib.suppress(RegistryError, NotFoundError):
            found = store.manifest(compared["production"])
            if artifact.sha256_of(artifact.canonical(found.document)) == compared["manifest_sha256"]:
                champion = verified_predictor(found)
    return card(manifest, rows, data.held_out(rows, document["data"]["holdout"]), champion)
