"""The plots of the monitor's page, from what was observed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from model.data import drift
from model.reports.class_plots import reliability_diagram
from model.reports.figure import attempt
from model.reports.monitoring_page import Figures, worst_columns
from model.reports.monitoring_plots import over_time, serving_histogram
from model.workflows.monitor import Observed


def figures(observed: Observed, *, say: Callable[[str], None]) -> Figures:
    """SVG of the distributions by version and column, and over time; *say* takes a line for each left out."""
    drawn: dict[int, dict[int, str]] = {}
    reliable: dict[int, str] = {}
    for number, entry in enumerate(observed.document["versions"]):
        version = entry["version"]
        columns = drift.columns(observed.manifests[version])
        shown = [*entry["features"], *(entry[name] for name in ("prediction", "score") if entry.get(name))]
        named = {}
        for place in worst_columns(shown):
            if "levels" in columns[place]:  # the page itself draws the bars
                continue
            values = observed.windows[version][0].sample[:, place]
            before = observed.windows[version][1].sample[:, place]
            svg = attempt(
                say,
                f"{shown[place].get('name', 'the prediction')}, version {version}",
                serving_histogram,
                f"{number}-{place}",
                drift.fiftieths(columns[place]),
                values[~np.isnan(values)],
                before[~np.isnan(before)],
                within=(columns[place]["minimum"], columns[place]["maximum"]) if "minimum" in columns[place] else None,
            )
            if svg:
                named[place] = svg
        drawn[version] = named
        bins = (entry["live"] or {}).get("reliability")
        if bins:
            what = f"reliability, version {version}"
            reliable[version] = attempt(say, what, reliability_diagram, bins, f"reliability-{number}")
    return Figures(
        columns=drawn,
        reliability=reliable,
        series=over_time(
            observed.document["series"],
            hours=observed.document["window"]["hours"],
            warn=observed.document["limits"]["warn"],
            say=say,
        ),
    )
