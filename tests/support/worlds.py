"""A small world to train on: y = slope · a - b + noise; its rows in a file, and a configuration that reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.parts import ROOT


def world(rows: int = 400, *, seed: int = 1, slope: float = 2.0, shift: float = 0.0) -> dict[str, Any]:
    """Columns a, b and y; a is moved by *shift*, noise has a standard deviation of 1."""
    a, b, noise = np.random.default_rng(seed).normal(size=(3, rows))
    return {"a": a + shift, "b": b, "y": slope * (a + shift) - b + noise}


def write_rows(path: Path, columns: Mapping[str, Any]) -> Path:
    """Write *columns* as CSV, every digit kept."""
    lines = (",".join(map(repr, map(float, line))) for line in zip(*columns.values(), strict=True))
    path.write_text("\n".join([",".join(columns), *lines, ""]))
    return path


def configure(path: Path, source: Path) -> Path:
    """Write a configuration that trains a line on the rows of *source*, with the gate that ships."""
    shipped = (ROOT / "model" / "config.toml").read_text()
    path.write_text(
        f"""
        [data]
        source = {json.dumps(str(source))}
        target = "y"
        holdout = 0.3
        features = [{{ name = "a" }}, {{ name = "b" }}]
        [training]
        seed = 7
        folds = 2
        repeats = 1
        candidates = [{{ estimator = "sklearn.linear_model.LinearRegression" }}]
        """
        + shipped[shipped.index("[gate]") :]
    )
    return path
