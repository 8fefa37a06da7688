"""Values to warn of, and predictions that cannot be answered, each with its place in the request. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .exchange import Question
from .schema import MOST_PROBLEMS, Feature, PayloadError, Problem, outside, pointer


def range_warnings(question: Question, features: Sequence[Feature]) -> tuple[list[Problem], dict[str, int]]:
    """Flag the values outside the training range.

    Returns:
        The first MOST_PROBLEMS warnings in row order, and the number of flagged values by feature.
    """
    cells = outside(question.matrix, features)
    warnings = []
    for row, column in cells[:MOST_PROBLEMS].tolist():
        feature = features[column]
        value = float(question.matrix[row, column])
        bounds = f"[{_digits(feature.minimum, feature.width)}, {_digits(feature.maximum, feature.width)}]"
        detail = f"row {row}: '{feature.name}' = {value!r} is outside the training range {bounds}"
        relative = pointer(row, question.instances[row], feature.name, column)
        warnings.append(Problem(detail, question.pointer(relative)))
    counts = np.bincount(cells[:, 1], minlength=len(features)).tolist() if len(cells) else []
    return warnings, {feature.name: count for feature, count in zip(features, counts, strict=False) if count}


def check_predictions(predictions: NDArray[np.float64], question: Question) -> None:
    """Refuse predictions that are not finite numbers.

    Raises:
        PayloadError: The pointers name the instances that are too large for this model.
    """
    not_finite = np.flatnonzero(~np.isfinite(predictions))
    if not_finite.size:
        raise PayloadError(
            *(
                Problem(f"row {row}: the prediction for this instance is beyond float64", question.pointer(f"/{row}"))
                for row in not_finite[:MOST_PROBLEMS].tolist()
            )
        )


def _digits(bound: float, width: str) -> str:
    """The fewest digits that name *bound* in its width."""
    return repr(bound) if width == "float64" else str(np.array(bound, dtype=width))
