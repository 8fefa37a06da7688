"""Windows of captured rows as values, and manifests to compare them with, for tests of the monitor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from model.data import drift
from model.data.statistics import describe_numbers
from model.monitoring.windows import Window
from tests.support.rows import described

NAMES = tuple(f"x{number}" for number in range(10))


def draw(rng: np.random.Generator, rows: int) -> Any:
    """Ten features of ten kinds: normal, far from 0, skewed, heavy-tailed, bounded, two-valued, counted."""
    return np.column_stack(
        [
            rng.normal(size=rows),
            rng.normal(1e6, 10, rows),
            rng.lognormal(0, 1, rows),
            rng.lognormal(0, 2, rows),
            rng.exponential(size=rows),
            rng.uniform(size=rows),
            rng.integers(0, 2, rows),
            rng.poisson(3, rows),
            rng.standard_t(2, rows),
            rng.uniform(size=rows) < 0.03,
        ]
    ).astype(float)


def manifest(x: Any, names: Any = NAMES, prediction: Any = None, **changes: Any) -> dict[str, Any]:
    """Manifest of a version trained on *x*."""
    predicted = x.sum(axis=1) if prediction is None else prediction
    return {
        "created": "2025-11-01T12:00:00Z",
        "features": described(x, names),
        "prediction": describe_numbers(predicted),
        "data": {"rows": len(x) + 50, "holdout_rows": 50},
        "metrics": {"rmse": {"value": 10.0, "low": 9.0, "high": 11.0}, "mae": {"value": 8.0, "low": 7.0, "high": 9.0}},
        **changes,
    }


def window(
    document: dict[str, Any], x: Any, predicted: Any = None, *, missing: Any = None, redacted: Any = ()
) -> Window:
    """A window of rows *x*, as it is joined from captured slots."""
    columns = drift.columns(document)
    values = np.column_stack([x, x.sum(axis=1) if predicted is None else predicted]) if len(x) else np.empty((0, 1))
    values = values if len(x) else np.empty((0, len(columns)))
    counts = []
    for place, entry in enumerate(columns):
        edges, cells = drift.edges(entry), values[:, place]
        cells = cells[~np.isnan(cells)]
        at = np.searchsorted(edges, cells, "left") + np.searchsorted(edges, cells, "right")
        counts.append(np.bincount(at, minlength=2 * len(edges) + 1))
    low = np.array([entry.get("minimum", -math.inf) for entry in columns])
    high = np.array(
        [len(entry["levels"]) - 1 if "levels" in entry else entry.get("maximum", -math.inf) for entry in columns]
    )
    with np.errstate(invalid="ignore"):
        outside = ((values < low) | (values > high)).sum(axis=0)
    there = ~np.isnan(values)
    return Window(
        rows=len(x),
        weight=float(len(x)),
        counts=counts,
        sample=values[:20_000],
        weights=np.ones(len(values[:20_000])),
        present_rows=there.sum(axis=0),
        present=there.sum(axis=0).astype(float),
        missing=np.zeros(len(columns)) if missing is None else np.array(missing, dtype=float),
        squares=there.sum(axis=0).astype(float),
        redacted=np.array([place in redacted for place in range(len(columns))]),
        outside=outside.astype(float),
        slots={},
    )
