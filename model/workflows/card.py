"""The model card of a version: plots of its rows, as it was published or from the objects in the bucket."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np

from functions.artifact import Document, Manifest, canonical, sha256_of
from functions.predictor import Predictor
from model.data.rows import Rows
from model.data.split import Sides, recorded
from model.data.split import sides as split_sides
from model.errors import NotFoundError, RegistryError
from model.registry.registry import Registry
from model.reports import card_plots, model_card
from model.reports.figure import attempt
from model.workflows.beside import sides_beside
from model.workflows.card_figures import drawn
from model.workflows.source_rows import snapshot


def card(
    ours: Predictor,
    rows: Rows,
    sides: Sides,
    champion: Predictor | None,
    *,
    say: Callable[[str], None],
) -> str:
    """The model card of *ours*, which was made from *rows* and compared with *champion*.

    Args:
        say: Takes a line for each plot that cannot be drawn.
    """
    document = ours.manifest.document
    found = drawn(ours, rows, sides, champion, say)
    histograms = [_histogram(ours.manifest, rows, sides, index, say) for index in model_card.most_important(document)]
    return model_card.render(document, figures=found.figures, feature_figures=histograms, classes=found.classes)


def _histogram(manifest: Manifest, rows: Rows, sides: Sides, index: int, say: Callable[[str], None]) -> str:
    """The histogram of one feature, without its missing cells; "" for a category, whose levels are bars on the page."""
    feature = manifest.features[index]
    if feature.kind == "category":
        return ""
    cells = rows.x.cells(rows.names.index(feature.name))
    there = ~np.isnan(cells)
    return attempt(
        say,
        f"feature {feature.name}",
        card_plots.feature_histogram,
        index,
        cells[sides.seen & there],
        cells[sides.held & there],
        feature.minimum,
        feature.maximum,
    )


def card_from_bucket(store: Registry, manifest: Manifest, *, say: Callable[[str], None]) -> str:
    """The same card, from the objects in the bucket.

    Raises:
        RegistryError: The manifest does not say which rows it kept aside, or its rows cannot be read.
    """
    document = manifest.document
    where = f"{manifest.model} version {manifest.version}"
    if "holdout" not in document["data"] or "comparison" not in document:
        raise RegistryError(f"{where} does not say which rows it kept aside: no model card can be made of it")
    rows, split = snapshot(store, document), recorded(document["data"])
    if split is None:
        raise RegistryError(f"{where} was split in a way that this code does not know")
    champion = _champion(store, document)
    sides = split_sides(rows, split, None)
    if champion:
        sides, _ = sides_beside(rows, split, champion.manifest.document, store)
    return card(store.predictor(manifest), rows, sides, champion, say=say)


def published_card(store: Registry, version: int, *, say: Callable[[str], None]) -> str:
    """The card of *version* as it was published, or made now and published, with its promotions until today.

    Raises:
        NotFoundError: There is no such version.
        RegistryError: It does not verify, or its card cannot be made.
    """
    manifest = store.manifest(version)
    page = store.report(version)
    if page is None:
        page = card_from_bucket(store, manifest, say=say)
        with contextlib.suppress(RegistryError):  # an account that may only read has the page all the same
            store.publish_report(version, page)
    return model_card.with_standing(page, store.standing(version))


def _champion(store: Registry, document: Document) -> Predictor | None:
    """The production version that *document* was compared with; None if it is not in the bucket any more."""
    comparison = document["comparison"]
    if comparison["production"] is None:
        return None
    with contextlib.suppress(RegistryError, NotFoundError):
        manifest = store.manifest(comparison["production"])
        if sha256_of(canonical(manifest.document)) == comparison["manifest_sha256"]:
            return store.predictor(manifest)
    return None
