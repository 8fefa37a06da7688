"""The models that all servers of the part `peers` serve: a pipeline over a table with texts and empty cells, and a line."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from sklearn.base import RegressorMixin
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.bench.environments import FOLDER

PENGUINS = "palmerpenguins==0.1.6"
TEXTS = ("species", "island", "sex")
TARGET = "body_mass_g"

Row = Mapping[str, Any] | Sequence[Any]
"""Cells by column, None where one is missing; or the cells alone, where all are numbers."""


@dataclass(frozen=True)
class Model:
    """A fitted estimator, its rows, and which of them it learned from.

    Args:
        kinds: Rows that every server is asked for, by kind.
        bare: The same estimator, fitted to the matrix of the rows, for servers that hand on no names.
    """

    name: str
    estimator: RegressorMixin
    rows: pd.DataFrame
    target: pd.Series
    learned: pd.Series
    kinds: Mapping[str, pd.DataFrame]
    bare: RegressorMixin | None = field(default=None)

    def sent(self, rows: pd.DataFrame) -> list[Row]:
        """The rows as JSON holds them; numbers alone where no server needs their names."""
        return json.loads(rows.to_json(orient="values" if self.bare else "records", double_precision=15))


def penguins() -> Model:
    """The table as its package holds it, less the rows without a weight; texts one-hot, missing cells left to the trees."""
    path = FOLDER / "penguins.csv"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        download = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "-d", str(FOLDER), PENGUINS]
        subprocess.run(download, check=True)
        with zipfile.ZipFile(next(FOLDER.glob("palmerpenguins-*.whl"))) as wheel:
            path.write_bytes(wheel.read("palmerpenguins/data/penguins.csv"))
    table = pd.read_csv(path).dropna(subset=[TARGET]).reset_index(drop=True).astype({"year": float})
    texts = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    pipeline = make_pipeline(
        make_column_transformer((texts, list(TEXTS)), remainder="passthrough"),
        HistGradientBoostingRegressor(random_state=0),
    )
    rows, target = table.drop(columns=TARGET), table[TARGET]
    whole = rows.dropna()
    some = whole.iloc[::10]
    kinds = {
        "whole rows": whole,
        "empty text": rows[rows["sex"].isna()],
        "empty number": some.assign(bill_length_mm=float("nan")),
        "unknown level": some.assign(island="Atlantis"),
    }
    learned = _learned(rows)
    return Model("penguins", pipeline.fit(rows[learned], target[learned]), rows, target, learned, kinds)


def line() -> Model:
    """The feature and the target of the model that ships."""
    data = load_diabetes(as_frame=True, scaled=False)
    rows, target = data.data[["bmi"]], data.target
    learned = _learned(rows)
    named = LinearRegression().fit(rows[learned], target[learned])
    bare = LinearRegression().fit(rows[learned].to_numpy(), target[learned])
    return Model("line", named, rows, target, learned, {"whole rows": rows}, bare)


def _learned(rows: pd.DataFrame) -> pd.Series:
    """Four fifths of the rows."""
    return pd.Series(rows.index % 5 > 0, rows.index)
