"""The monitor's verdict as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from model.formatting import brief
from model.reports.page import Document, template

MOST_COLUMNS_DRAWN = 24
MOST_RECALLS = 10

_ENDS = ("value", "low", "high")


@dataclass(frozen=True)
class Figures:
    """SVG of a page.

    Args:
        columns: Histograms by version and index of the column: features, prediction, score.
        reliability: Diagrams by version.
        series: Lines over time by name.
    """

    columns: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    reliability: Mapping[int, str] = field(default_factory=dict)
    series: Mapping[str, str] = field(default_factory=dict)


def render(document: Document, figures: Figures) -> str:
    """The page of *document*, the JSON of `monitor`."""
    versions = []
    for entry in document["versions"]:
        prediction = [{"name": "prediction", **entry["prediction"]}] if entry["prediction"] else []
        score = [entry["score"]] if entry.get("score") else []
        columns = [*entry["features"], *prediction, *score]
        plots = figures.columns.get(entry["version"], {})
        drawn = [
            {"name": columns[index]["name"], "svg": plots.get(index, ""), "levels": columns[index].get("levels", [])}
            for index in worst_columns(columns)
            if index in plots or columns[index].get("levels")
        ]
        versions.append(
            {
                **entry,
                "columns": columns,
                "drawn": drawn,
                "metrics": live_metrics(entry),
                "reliability": figures.reliability.get(entry["version"], ""),
                "share_change": any((column["skew"] or {}).get("share_change") is not None for column in columns),
            }
        )
    page: str = template("monitoring.html").render(document=document, versions=versions, series=figures.series)
    return page


def live_metrics(entry: Document) -> list[dict[str, Any]]:
    """Each metric of a version on labels beside that on held-out rows; of single classes the recall, where few."""
    if not entry["live"]:
        return []
    live = entry["live"]["metrics"]
    recalls = [name for name in live if name.startswith("recall:")]
    names = [name for name in live if ":" not in name] + (recalls if len(recalls) <= MOST_RECALLS else [])
    return [
        {"name": _words(name), "live": live[name], "held": entry["held_out"].get(name) or dict.fromkeys(_ENDS)}
        for name in names
    ]


def _words(name: str) -> str:
    """The name of a metric in words; a label in it stays as it is."""
    metric, there, label = name.partition(":")
    return metric.replace("_", " ") + (f" of {brief(label)}" if there else "")


def worst_columns(columns: Sequence[Document]) -> list[int]:
    """Indices of the columns to draw, those farthest from training first."""

    def distance(index: int) -> float:
        skew = columns[index]["skew"] or {}
        return max(skew.get(name) or 0.0 for name in ("wasserstein", "jensen_shannon", "share_change"))

    return sorted(range(len(columns)), key=lambda index: (-distance(index), index))[:MOST_COLUMNS_DRAWN]
