"""Models of the usual families over one table of numbers, texts and missing cells, for the part `graph`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn import compose, ensemble, impute, linear_model, neighbors, neural_network, pipeline, preprocessing, svm

NUMBERS = [f"n{place}" for place in range(8)]
LEVELS = ["colour", "shop"]


def frame(rows: int, seed: int) -> pd.DataFrame:
    """Eight numbers, a tenth of the first one missing, and two categories of 4 and 30 levels."""
    source = np.random.default_rng(seed)
    columns: dict[str, Any] = {name: source.normal(size=rows) for name in NUMBERS}
    columns["n0"] = np.where(source.random(rows) < 0.1, np.nan, columns["n0"])
    columns["colour"] = source.choice(["red", "green", "blue", "grey"], rows).astype(object)
    columns["shop"] = source.choice([f"shop {place}" for place in range(30)], rows).astype(object)
    return pd.DataFrame(columns)


def target(rows: pd.DataFrame) -> np.ndarray:
    size = rows["colour"].str.len()
    return (rows["n1"] * 2 + np.sin(rows["n2"] * 3) + rows["n3"] * rows["n4"] + size).to_numpy(float)


@dataclass(frozen=True)
class Case:
    """An unfitted estimator.

    Args:
        whole: It takes the whole table; else the matrix of the numbers that are never missing.
        rows: How many rows it is fitted on.
    """

    name: str
    estimator: Any
    whole: bool = False
    rows: int = 5_000

    def taken(self, table: pd.DataFrame) -> Any:
        return table if self.whole else table[NUMBERS[1:]].to_numpy()

    def fitted(self) -> Any:
        training = frame(self.rows, 0)
        return self.estimator.fit(self.taken(training), target(training))


def cases() -> Iterator[Case]:
    yield Case("forest, 100 trees", ensemble.RandomForestRegressor(100, min_samples_leaf=3, random_state=0))
    yield Case("extra trees, 100", ensemble.ExtraTreesRegressor(100, min_samples_leaf=3, random_state=0))
    yield Case("boosting, 200 of depth 3", ensemble.GradientBoostingRegressor(n_estimators=200, random_state=0))
    histogram = ensemble.HistGradientBoostingRegressor(max_iter=100, categorical_features=[0, 1])
    yield Case("histogram boosting, levels and gaps", _encoded(histogram, codes=True), whole=True)
    yield Case("perceptron, 100", neural_network.MLPRegressor(max_iter=20, random_state=0))
    yield Case("support vectors", svm.SVR(), rows=1_000)
    yield Case("neighbours", neighbors.KNeighborsRegressor())
    yield Case("one-hot and ridge", _encoded(linear_model.Ridge()), whole=True)
    forest = ensemble.RandomForestRegressor(50, max_depth=10, random_state=0)
    yield Case("one-hot and forest", _encoded(forest), whole=True)


def _encoded(last: Any, *, codes: bool = False) -> Any:
    """A pipeline over the whole table."""
    levels = (
        preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
        if codes
        else preprocessing.OneHotEncoder(handle_unknown="ignore")
    )
    numbers = "passthrough" if codes else pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())
    return pipeline.make_pipeline(compose.ColumnTransformer([("c", levels, LEVELS), ("n", numbers, NUMBERS)]), last)
