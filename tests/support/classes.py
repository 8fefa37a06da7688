"""Classifiers for tests of the monitor: windows of ten columns of mixed kinds, and a small world that is trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from functions.columns.schema import Feature
from functions.columns.table import Table
from model.data.statistics import describe, describe_numbers
from tests.support.parts import ROOT
from tests.support.windows import window

MIXED = (
    *(Feature(name) for name in ("normal", "lognormal", "heavy", "counted", "gaps")),
    *(Feature(name, kind="boolean") for name in ("half", "rare")),
    *(
        Feature(name, kind="category", levels=tuple(range(size)))
        for name, size in (("three", 3), ("dozen", 12), ("many", 60))
    ),
)
"""Five numbers, one with missing cells, two booleans and three categories, one of them of sixty levels."""


def draw(rng: np.random.Generator, rows: int, late: float = 0.1) -> Any:
    """Columns of MIXED, levels as their places, then the predicted class (1 in *late* of the rows) and its score."""
    gaps = np.where(rng.uniform(size=rows) < 0.2, np.nan, rng.exponential(size=rows))
    shares = 1 / np.arange(1, 61) ** 1.5
    predicted = rng.uniform(size=rows) < late
    return np.column_stack(
        [
            rng.normal(size=rows),
            rng.lognormal(size=rows),
            rng.standard_t(2, rows),
            rng.poisson(3, rows),
            gaps,
            rng.uniform(size=rows) < 0.5,
            rng.uniform(size=rows) < 0.03,
            rng.choice(3, rows, p=[0.6, 0.3, 0.1]),
            rng.integers(0, 12, rows),
            rng.choice(60, rows, p=shares / shares.sum()),
            predicted,
            np.where(predicted, rng.beta(6, 3, rows), rng.beta(1.5, 9, rows)),
        ]
    ).astype(float)


def mixed_manifest(values: Any, **changes: Any) -> dict[str, Any]:
    """The manifest of a version trained on *values*, as `draw` gives them."""
    columns = list(values[:, :10].T)
    for place, feature in enumerate(MIXED):
        if feature.kind == "category":
            cells = np.empty(len(values), object)
            cells[:] = values[:, place].astype(int).tolist()
            columns[place] = cells
    return class_manifest(describe(Table(columns), MIXED), values[:, 10], values[:, 11], **changes)


def class_manifest(features: Any, predicted: Any, score: Any = None, **changes: Any) -> dict[str, Any]:
    """The manifest of a classifier of "on time" and "late" that predicted these places in training."""
    shares = np.bincount(predicted.astype(int), minlength=2) / len(predicted)
    classes = ["on time", "late"]
    return {
        "created": "2025-11-01T12:00:00Z",
        "task": "classification",
        "classes": classes,
        "positive": "late",
        "probabilities": score is not None,
        "features": features,
        "prediction": {"kind": "category", "classes": classes, "levels": classes, "shares": shares.tolist()},
        "scores": [{"class": "late", **describe_numbers(score)}] if score is not None else [],
        "data": {"rows": len(predicted) + 50, "holdout_rows": 50},
        "metrics": {"log_loss": {"value": 0.4, "low": 0.37, "high": 0.43}},
        **changes,
    }


def mixed_window(document: Mapping[str, Any], values: Any) -> Any:
    """The window of *values*, as `draw` gives them; a level counts as its place in the manifest."""
    placed = values.copy()
    for place, entry in enumerate(document["features"]):
        if "levels" in entry:
            places = {level: code for code, level in enumerate(entry["levels"])}
            placed[:, place] = [places.get(int(cell), len(places)) for cell in values[:, place]]
    gone = [*np.isnan(values[:, :10]).sum(axis=0), 0, 0]
    return window(dict(document), placed[:, :10], placed[:, 10:], missing=gone)


def orders(
    rows: int = 1_500,
    *,
    seed: int = 1,
    shift: float = 0.0,
    noise: float = 1.0,
    labels: Sequence[Any] = ("late", "on time"),
) -> dict[str, Any]:
    """Orders of a weight, a distance and a city, and whether each was late: the first of *labels*, in about a fifth."""
    rng = np.random.default_rng(seed)
    weight, distance = rng.normal(size=(2, rows))
    city = rng.choice(["Basel", "Bern", "Chur"], rows, p=[0.5, 0.3, 0.2])
    logit = 1.5 * weight + distance + (city == "Chur") - 2.0 + shift
    late = rng.uniform(size=rows) < 1 / (1 + np.exp(-logit / noise))
    outcome = np.empty(rows, object)
    outcome[:] = [labels[0] if each else labels[1] for each in late]
    return {"weight": weight, "distance": distance, "city": city, "outcome": outcome}


def write_orders(path: Path, columns: Mapping[str, Any]) -> Path:
    """Write *columns* as CSV, every digit kept."""
    lines = (",".join(map(str, line)) for line in zip(*(column.tolist() for column in columns.values()), strict=True))
    path.write_text("\n".join([",".join(columns), *lines, ""]))
    return path


def configure_orders(path: Path, source: Path, more: str = "") -> Path:
    """Write a configuration that trains a logistic regression on the rows of *source*, with the gate that ships."""
    shipped = (ROOT / "model" / "config.toml").read_text()
    path.write_text(
        f"""
        [data]
        source = {json.dumps(str(source))}
        target = "outcome"
        holdout = 0.3
        [training]
        task = "classification"
        seed = 7
        folds = 2
        repeats = 1
        candidates = [{{ estimator = "sklearn.linear_model.LogisticRegression" }}]
        {more}
        """
        + shipped[shipped.index("[gate]") :]
    )
    return path
