"""The model card: one version as one HTML page, from its manifest and plots of its rows."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from model.errors import ReportError
from model.reports.importance_bars import importance_bars, recorded
from model.reports.page import Document, template
from model.reports.task_words import compared, general, headlines, loss_of

MOST_FEATURES_DRAWN = 24
MOST_LEVELS_DRAWN = 12
STANDING = "<!--standing-->"
"""Where `with_standing` writes; no text in the page can hold it, since `<` is escaped."""


@dataclass(frozen=True)
class Example:
    """A command that calls the version, and its answer."""

    text: str
    command: str
    answer: str


def render(
    document: Document,
    *,
    figures: Mapping[str, str],
    feature_figures: Sequence[str],
    classes: Mapping[str, Any] | None = None,
) -> str:
    """The page.

    Args:
        document: The manifest, as published.
        figures: SVG by name; a name that is absent is left out.
        feature_figures: SVG of features, in the order of `most_important`; "" where it could not be drawn.
        classes: Tables of a classifier, as `class_tables` makes them.

    Raises:
        ReportError: The manifest lacks an entry that the page shows.
    """
    from jinja2 import UndefinedError  # noqa: PLC0415 - other verbs need not wait for it

    try:
        return _page(document, figures, feature_figures, classes)
    except (UndefinedError, KeyError, TypeError) as error:
        where = f"{document.get('model')} version {document.get('version')}"
        raise ReportError(f"{where}: its manifest lacks what a model card shows: {error}") from error


def with_standing(page: str, standing: Sequence[Document]) -> str:
    """*page* with its promotions since: entries of the aliases' histories, each with its `alias`."""
    return page.replace(STANDING, template("standing.html").render(standing=standing), 1)


def most_important(document: Document) -> list[int]:
    """Indices of the features to draw, those first that the model relies on most."""
    found = recorded(document)
    if found:
        weights = [growth["value"] or 0.0 for growth in found["features"]]
    else:
        weights = [abs(effect["effect"]) for effect in _effects(document)] or [0.0] * len(document["features"])
    return sorted(range(len(weights)), key=lambda index: -weights[index])[:MOST_FEATURES_DRAWN]


def _effects(document: Document) -> list[dict[str, Any]]:
    """How much each feature of a line moves the prediction, by its coefficient and its spread; empty for a graph."""
    if document["runtime"] != "linear":
        return []
    coefficients, features = document["linear"]["coefficients"], document["features"]
    weights = [value * feature["std"] for value, feature in zip(coefficients, features, strict=True)]
    return [
        {"name": feature["name"], "coefficient": value, "effect": weight, "share": _share(weight, weights)}
        for feature, value, weight in zip(features, coefficients, weights, strict=True)
    ]


def examples(document: Document) -> list[Example]:
    """Calls of this version for golden predictions; a redacted feature is posted only, since addresses are logged.

    None where a category is redacted: each call would show a level of it.
    """
    if any(feature.get("redact") and feature.get("kind") == "category" for feature in document["features"]):
        return []
    golden = document["golden"][:2]
    instances = [entry["instance"] for entry in golden]
    predictions = [entry["prediction"] for entry in golden]
    names = [feature["name"] for feature in document["features"]]
    model = {"name": document["model"], "version": document["version"]}
    single = instances[0] if len(names) > 1 else instances[0][0]
    many = instances if len(names) > 1 else [instance[0] for instance in instances]
    identity = '-H "Authorization: Bearer $(gcloud auth print-identity-token)"'
    body = shlex.quote(_compact({"instances": [dict(zip(names, instance, strict=True)) for instance in instances]}))
    several = _compact({"predictions": predictions, **_beside(document, golden), "model": model})
    one = _compact({"prediction": predictions[0], **_beside(document, golden[0]), "model": model})
    get_several = f'curl -g "$BATCH/batch/{_address(many)}" {identity}'
    post_several = f'curl "$BATCH/batch" {identity} -H "Content-Type: application/json" -d {body}'
    get_one = f'curl -g "$STREAM/stream/{_address(single)}" {identity}'
    posted = Example("several instances by name, POST", post_several, several)
    if any(feature.get("redact") for feature in document["features"]):
        return [posted]
    return [
        Example("several instances, GET", get_several, several),
        posted,
        Example("one instance, GET", get_one, one),
    ]


def _page(
    document: Document,
    figures: Mapping[str, str],
    feature_figures: Sequence[str],
    classes: Mapping[str, Any] | None,
) -> str:
    features = document["features"]
    plots = list(zip([features[index] for index in most_important(document)], feature_figures, strict=False))
    tried = document["training"]["candidates_tried"]
    metric = loss_of(tried)
    losses = [candidate[metric] for candidate in tried]
    candidates = sorted(
        (
            {**each, "loss": loss, "std": each[f"{metric}_std"], "share": _share(loss, losses)}
            for each, loss in zip(tried, losses, strict=True)
        ),
        key=lambda candidate: candidate["loss"],
    )
    slices = document.get("slices", [])
    page: str = template("model_card.html").render(
        document=document,
        comparison=compared(document),
        headlines=headlines(document),
        metrics=general(document),
        classes=classes,
        figures=figures,
        drawn=[(feature, svg) for feature, svg in plots if svg],
        levels=[_levels(feature) for feature, _ in plots if feature.get("kind") == "category"],
        left_out=[feature["name"] for feature, svg in plots if not svg and feature.get("kind") != "category"],
        slices=slices,
        measure=loss_of(slices),
        residuals=document.get("residuals") or {},
        importance=importance_bars(document),
        effects=_effects(document),
        candidates=candidates,
        metric=metric.replace("_", " "),
        examples=examples(document),
        standing=STANDING,
    )
    return page


def _beside(document: Document, golden: Document | Sequence[Document]) -> dict[str, Any]:
    """The members of a classifier's answer beside its labels, for one golden entry or several."""
    if not document.get("classes"):
        return {}
    entries = [golden] if isinstance(golden, Mapping) else golden
    shares = [entry["probabilities"] for entry in entries if "probabilities" in entry]
    told = {"probabilities": shares[0] if isinstance(golden, Mapping) else shares} if shares else {}
    return {**told, "classes": document["classes"]}


def _levels(feature: Document) -> dict[str, Any]:
    """The commonest levels of a category with their shares of the training rows; none of one that is redacted."""
    pairs = [] if feature.get("redact") else list(zip(feature["levels"], feature["shares"], strict=True))
    shown = pairs[:MOST_LEVELS_DRAWN]
    return {
        "name": feature["name"],
        "count": len(feature["levels"]),
        "bars": [(level, share, _share(share, [share for _, share in shown])) for level, share in shown],
    }


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _address(value: Any) -> str:
    """*value* as JSON in an address."""
    return quote(_compact(value), safe="[],.-+:{}")


def _share(value: float, of: Sequence[float]) -> float:
    """Percent of the largest, for a bar."""
    largest = max(map(abs, of), default=0.0)
    return round(100 * abs(value) / largest, 2) if largest else 0.0
