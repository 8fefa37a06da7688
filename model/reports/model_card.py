"""The model card: one version as one HTML page, from its manifest and what was measured on its rows. And the page of
what `monitor` found, in the same clothes.

The page is whole by itself: no script, no address is asked for anything, and its own policy forbids both. All that
comes from data or configuration goes through the template's escaping; the plots hold nothing but numbers.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model.errors import ReportError

Document = Mapping[str, Any]

MOST_FEATURES_DRAWN = 24
STANDING = "<!--standing-->"
"""Where `with_standing` writes; no text in the page can hold it, since `<` is escaped."""


def render(
    document: Document,
    *,
    figures: Mapping[str, str],
    feature_figures: Sequence[str],
) -> str:
    """The page.

    Args:
        document: The manifest, as published.
        figures: SVG by name; one that is not there is left out.
        feature_figures: SVG of features, in the order of `most_important`.

    Raises:
        ReportError: The manifest lacks something that the page shows.
    """
    from jinja2 import UndefinedError  # noqa: PLC0415 - other verbs need not wait for it

    try:
        return _page(document, figures, feature_figures)
    except (UndefinedError, KeyError, TypeError) as error:
        where = f"{document.get('model')} version {document.get('version')}"
        raise ReportError(f"{where}: its manifest lacks what a model card shows: {error}") from error


def with_standing(page: str, standing: Sequence[Document]) -> str:
    """*page* with what became of the version since: entries of aliases' histories, each with its `alias`."""
    return page.replace(STANDING, _template("standing.html").render(standing=standing), 1)


def of_monitoring(document: Document, figures: Document) -> str:
    """The page of what `monitor` found.

    Args:
        document: As monitoring.judge gives it.
        figures: SVG: `columns` by version and place of the column, and `series` by name.
    """
    versions = []
    for entry in document["versions"]:
        columns = [
            *entry["features"],
            *([{"name": "prediction", **entry["prediction"]}] if entry["prediction"] else []),
        ]
        drawn = figures["columns"][str(entry["version"])]
        places = [place for place in worst_columns(columns) if str(place) in drawn]
        plotted = [{"name": columns[place]["name"], "svg": drawn[str(place)]} for place in places]
        versions.append({**entry, "columns": columns, "drawn": plotted})
    page: str = _template("monitoring.html").render(document=document, versions=versions, series=figures["series"])
    return page


def worst_columns(columns: Sequence[Document]) -> list[int]:
    """Places of the columns to draw, those farthest from training first."""

    def distance(place: int) -> float:
        skew = columns[place]["skew"] or {}
        return max(skew.get("wasserstein") or 0.0, skew.get("jensen_shannon") or 0.0)

    return sorted(range(len(columns)), key=lambda place: (-distance(place), place))[:MOST_FEATURES_DRAWN]


def most_important(document: Document) -> list[int]:
    """Places of the features to draw, those first whose spread moves the prediction most."""
    pairs = zip(document["linear"]["coefficients"], document["features"], strict=True)
    weights = [abs(value * feature["std"]) for value, feature in pairs]
    return sorted(range(len(weights)), key=lambda place: -weights[place])[:MOST_FEATURES_DRAWN]


def calls(document: Document) -> list[dict[str, str]]:
    """Commands that ask this version for golden predictions, and what they answer."""
    golden = document["golden"][:2]
    instances = [entry["instance"] for entry in golden]
    predictions = [entry["prediction"] for entry in golden]
    names = [feature["name"] for feature in document["features"]]
    model = {"name": document["model"], "version": document["version"]}
    single = instances[0] if len(names) > 1 else instances[0][0]
    many = instances if len(names) > 1 else [instance[0] for instance in instances]
    identity = '-H "Authorization: Bearer $(gcloud auth print-identity-token)"'
    body = shlex.quote(_compact({"instances": [dict(zip(names, instance, strict=True)) for instance in instances]}))
    several, one = ({"predictions": predictions, "model": model}, {"prediction": predictions[0], "model": model})
    posted = {
        "what": "several instances by name, POST",
        "command": f'curl "$BATCH/batch" {identity} -H "Content-Type: application/json" -d {body}',
        "answer": _compact(several),
    }
    if any(feature.get("redact") for feature in document["features"]):  # addresses are logged
        return [posted]
    return [
        {
            "what": "several instances, GET",
            "command": f'curl -g "$BATCH/batch/{_compact(many)}" {identity}',
            "answer": _compact(several),
        },
        posted,
        {
            "what": "one instance, GET",
            "command": f'curl -g "$STREAM/stream/{_compact(single)}" {identity}',
            "answer": _compact(one),
        },
    ]


def _page(document: Document, figures: Mapping[str, str], feature_figures: Sequence[str]) -> str:
    features = document["features"]
    coefficients = document["linear"]["coefficients"]
    weights = [abs(value * feature["std"]) for value, feature in zip(coefficients, features, strict=True)]
    candidates = sorted(document["training"]["candidates_tried"], key=lambda tried: tried["rmse"])
    page: str = _template("report.html").render(
        document=document,
        comparison=document.get("comparison") or {"production": None, "note": ""},
        figures=figures,
        drawn=list(zip([features[place] for place in most_important(document)], feature_figures, strict=False)),
        slices=document.get("slices", []),
        residuals=document.get("residuals") or {},
        effects=[
            {
                "name": feature["name"],
                "coefficient": value,
                "effect": value * feature["std"],
                "share": _share(weight, weights),
            }
            for feature, value, weight in zip(features, coefficients, weights, strict=True)
        ],
        candidates=[
            {**tried, "share": _share(tried["rmse"], [other["rmse"] for other in candidates])} for tried in candidates
        ],
        calls=calls(document),
        standing=STANDING,
    )
    return page


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _share(value: float, of: Sequence[float]) -> float:
    """Percent of the largest, for a bar."""
    largest = max(map(abs, of), default=0.0)
    return round(100 * abs(value) / largest, 2) if largest else 0.0


def _number(value: Any) -> str:
    """Four digits for people, thousands apart; `–` where there is no number."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    text = f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return text.replace("-", "−") if "e" not in text else text


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.3g}\N{NO-BREAK SPACE}%".replace("-", "−")


def _milliseconds(seconds: float | None) -> str:
    return _number(None if seconds is None else 1000 * seconds)


def _second(time: str) -> str:
    """An ISO 8601 time in UTC, to the second, for people."""
    return f"{time.replace('T', ' ')[:19]} UTC" if time.endswith("Z") else time


def _template(name: str) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - other verbs need not wait

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=_number, percent=_percent, second=_second, milliseconds=_milliseconds)
    return environment.get_template(name)
