"""The monitor's verdict as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from model.reports.page import Document, template

MOST_COLUMNS_DRAWN = 24


@dataclass(frozen=True)
class Figures:
    """SVG of a page: histograms by version and index of the column, and lines over time by name."""

    columns: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    series: Mapping[str, str] = field(default_factory=dict)


def render(document: Document, figures: Figures) -> str:
    """The page of *document*, the JSON of `monitor`."""
    versions = []
    for entry in document["versions"]:
        prediction = [{"name": "prediction", **entry["prediction"]}] if entry["prediction"] else []
        columns = [*entry["features"], *prediction]
        plots = figures.columns.get(entry["version"], {})
        drawn = [
            {"name": columns[index]["name"], "svg": plots.get(index, ""), "levels": columns[index].get("levels", [])}
            for index in worst_columns(columns)
            if index in plots or columns[index].get("levels")
        ]
        versions.append({**entry, "columns": columns, "drawn": drawn})
    page: str = template("monitoring.html").render(document=document, versions=versions, series=figures.series)
    return page


def worst_columns(columns: Sequence[Document]) -> list[int]:
    """Indices of the columns to draw, those farthest from training first."""

    def distance(index: int) -> float:
        skew = columns[index]["skew"] or {}
        return max(skew.get("wasserstein") or 0.0, skew.get("jensen_shannon") or 0.0)

    return sorted(range(len(columns)), key=lambda index: (-distance(index), index))[:MOST_COLUMNS_DRAWN]
