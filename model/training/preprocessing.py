"""The steps before an estimator, by the kinds of its columns; they are fitted within each fold, as it is.

Numbers are scaled where the candidate asks for it. Where training has missing cells and the estimator takes none, they
become the median, and a column beside says where. Booleans and parts of times are numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.base import BaseEstimator, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.utils import get_tags

from functions.columns.schema import Feature
from model.training.inputs import Column, columns

RARE_ROWS = 10
"""Levels of fewer training rows are one column together, in which unknown levels fall, too: a coefficient of fewer than
ten rows is mostly noise (Harrell, Regression Modeling Strategies, 2015, section 4.4, as `rows_per_feature`)."""

MOST_COLUMNS = 100
"""How many columns one category becomes, so that rows fit into memory: 0.8 kB a row a category."""


def prepared(estimator: BaseEstimator, features: Sequence[Feature], *, scale: bool) -> Pipeline:
    """*estimator*, unfitted, behind the steps that its columns need.

    Complete numbers need none but the scaler. Without categories the pipeline takes a matrix, otherwise a DataFrame.
    """
    seen = columns(features)
    categories = [column for column in seen if column.is_category]
    takes_missing = bool(get_tags(estimator).input_tags.allow_nan)
    gaps = [column for column in seen if column.had_missing and not column.is_category and not takes_missing]
    scaler = [("scaler", StandardScaler())] if scale else []
    last = ("classifier" if is_classifier(estimator) else "regressor", estimator)
    if not categories and not gaps:
        return Pipeline([*scaler, last])
    numbers = [column for column in seen if not column.is_category and column not in gaps]
    # The median of scaled numbers is the scaled median; the column beside stays 0 and 1, as those of levels do.
    filled = Pipeline([*scaler, ("imputer", SimpleImputer(strategy="median", add_indicator=True))])
    parts = [
        ("numbers", StandardScaler() if scale else "passthrough", numbers),
        ("gaps", filled, gaps),
        ("categories", _encoder(estimator), categories),
    ]
    if _is_native(estimator) and estimator.get_params()["categorical_features"] == "from_dtype":
        places = range(len(numbers), len(numbers) + len(categories))
        estimator.set_params(categorical_features=list(places) or None)
    chosen = [(name, step, _places(part, seen, named=bool(categories))) for name, step, part in parts if part]
    return Pipeline([("columns", ColumnTransformer(chosen)), last])


def _encoder(estimator: BaseEstimator) -> Any:
    """Levels as columns of 0 and 1; as places where the estimator splits sets of levels itself.

    A missing cell is a level of its own where training has some; histogram boosting sends it, and unknown levels, where
    it sends missing numbers.
    """
    if _is_native(estimator):
        most = estimator.get_params()["max_bins"]
        return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=float("nan"), max_categories=most)
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=RARE_ROWS,
        max_categories=MOST_COLUMNS,
        sparse_output=False,
    )


def _is_native(estimator: BaseEstimator) -> bool:
    return isinstance(estimator, HistGradientBoostingRegressor | HistGradientBoostingClassifier)


def _places(part: Sequence[Column], seen: Sequence[Column], *, named: bool) -> list[Any]:
    return [column.name if named else seen.index(column) for column in part]
