"""Predictions: golden ones are reproduced, and a row's prediction does not depend on the rows beside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import MODEL, document

from functions import artifact, predictor
from functions.artifact import ArtifactError


def load(**changes):
    body = {**document(**changes), "model": MODEL, "version": 1, "created": "now"}
    return predictor.load(artifact.parse_manifest(artifact.seal(body), MODEL, 1))


def line(coefficients, intercept):
    features = [{"name": f"x{j}", "minimum": 0, "maximum": 1} for j in range(len(coefficients))]
    golden = [{"instance": [0.0] * len(coefficients), "prediction": intercept}]
    return load(linear={"coefficients": coefficients, "intercept": intercept}, features=features, golden=golden)


def test_golden_predictions_within_a_billionth_are_reproduced():
    load(golden=[{"instance": [1.0], "prediction": 3.0 * (1 + 0.9e-9)}])


@pytest.mark.parametrize(
    ("golden", "message"),
    [
        pytest.param(
            {"instance": [1.0], "prediction": 3.00000001},
            "golden 0: expected a prediction of 3.00000001, found 3.0",
            id="another-number",
        ),
        pytest.param(
            {"instance": [1.0, 2.0], "prediction": 3.0},
            "golden instances do not fit the features: row 0: must hold 1 numbers (bmi), got 2",
            id="another-width",
        ),
    ],
)
def test_a_model_that_misses_its_golden_predictions_is_refused(golden, message):
    with pytest.raises(ArtifactError) as raised:
        load(golden=[golden])

    assert str(raised.value) == f"linear-regression version 1: {message}"


moderate = st.floats(-1e6, 1e6)


@given(
    st.integers(1, 5).flatmap(
        lambda width: st.tuples(
            st.lists(moderate, min_size=width, max_size=width),
            moderate,
            st.lists(st.lists(moderate, min_size=width, max_size=width), min_size=1, max_size=40),
        )
    )
)
def test_a_row_has_the_same_bits_alone_and_in_any_batch(case):
    coefficients, intercept, rows = case
    model = line(coefficients, intercept)

    together = model.predict(np.array(rows))

    assert together.tolist() == [model.predict(np.array([row]))[0] for row in rows]


def test_a_sum_beyond_float64_is_no_number_and_no_warning():
    model = line([1e300, -1e300], 0.0)

    assert not np.isfinite(model.predict(np.array([[1e300, 0.0], [1e300, 1e300]]))).any()


@pytest.mark.parametrize(
    ("found", "expected", "distance"),
    [
        pytest.param([1.0, 2.2], [1.0, 2.0], [0.0, 0.1], id="relative-to-the-largest"),
        pytest.param([0.0, 0.0], [0.0, 0.0], [0.0, 0.0], id="zeros"),
        pytest.param([np.nan, np.inf], [1.0, 1.0], [np.inf, np.inf], id="not-finite"),
    ],
)
def test_distance_is_relative_to_the_largest_expected(found, expected, distance):
    assert predictor.relative_distance(np.array(found), np.array(expected)).tolist() == pytest.approx(distance)
