"""Whether an estimator was fitted to numbers narrower than float64, in which it then computes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

_EXACT = {
    "GaussianProcessRegressor",
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "LabelPropagation",
    "LabelSpreading",
    "OneHotEncoder",
    "OrdinalEncoder",
    "RadiusNeighborsClassifier",
    "RadiusNeighborsRegressor",
    "SimpleImputer",
    "TargetEncoder",
}
"""Classes of scikit-learn that keep narrow numbers, and answer as in float64."""


_NESTING = {"ColumnTransformer", "FeatureUnion", "Pipeline"}


def handed_on(transformer: Any) -> str | None:
    """The narrow type in which an imputer hands its columns on, if it does."""
    kept = getattr(transformer, "_fit_dtype", None) if type(transformer).__name__ == "SimpleImputer" else None
    return kept.name if isinstance(kept, np.dtype) and kept.kind == "f" and kept != np.float64 else None


def computes(transformer: Any) -> bool:
    """Whether the numbers of a transformer's output are others than those of its input, or may be."""
    kind = type(transformer)
    return not (kind.__module__.startswith("sklearn.feature_selection") or kind.__name__ in _EXACT | _NESTING)


def narrow_type(estimator: Any) -> str | None:
    """The type of the first fitted number of *estimator* that is no float64; None if scikit-learn computes in float64.

    Only classes of scikit-learn are looked at, since it is known how they name and use what they keep.
    """
    kind = type(estimator)
    if not kind.__module__.startswith("sklearn.") or kind.__name__ in _EXACT:
        return None
    types = (dtype for name, value in vars(estimator).items() if _fitted(name) for dtype in _types(value))
    return next((dtype.name for dtype in types if dtype.kind == "f" and dtype != np.float64), None)


def _fitted(name: str) -> bool:
    return name.endswith("_") or name.startswith("_")


def _types(value: Any) -> Iterator[np.dtype[Any]]:
    """The types of an array, of a sparse matrix, of arrays in a list, or the one that *value* is."""
    if isinstance(value, np.dtype):
        yield value
    elif isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype == object):
        for part in value:
            if isinstance(part, np.ndarray) and part.dtype != object:
                yield part.dtype
    elif isinstance(getattr(value, "dtype", None), np.dtype):
        yield value.dtype
