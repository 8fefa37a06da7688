"""A predictor has reproduced its golden predictions, and a row's prediction depends on that row alone."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.artifact import ArtifactError, Manifest
from functions.runtimes.linear import TOLERANCE, Predictor, load, relative_distance
from functions.schema import Feature

EXAMPLES = settings(deadline=None, derandomize=True)

finite = st.floats(allow_nan=False, allow_infinity=False)
moderate = st.floats(-1e6, 1e6)


def line(*coefficients, intercept=1.0, golden=()):
    """A manifest of prediction = intercept + Σ coefficients · instance, features named a, b, c, …."""
    features = tuple(Feature(chr(ord("a") + place), -1.0, 1.0) for place in range(len(coefficients)))
    return Manifest({}, "line", 3, features, tuple(coefficients), intercept, tuple(golden))


def refusal(manifest):
    """The message with which *manifest* is refused."""
    with pytest.raises(ArtifactError) as caught:
        load(manifest)
    return str(caught.value)


@pytest.mark.parametrize(
    ("golden", "message"),
    [
        pytest.param(
            [([0.5, 0.5], 1.6)], "line version 3: golden 0: expected a prediction of 1.6, found 1.5", id="another-value"
        ),
        pytest.param(
            [([1, 0], 3.0), ([0, 1], -1.0)],
            "line version 3: golden 1: expected a prediction of -1.0, found 0.0",
            id="the-second",
        ),
        pytest.param(
            [([0, 0], 1.1), ([1, 0], 9.0), ([0, 1], 0.1)],
            "line version 3: golden 1: expected a prediction of 9.0, found 3.0",
            id="the-furthest-is-named",
        ),
        pytest.param(
            [([0, 0], 0.0)], "line version 3: golden 0: expected a prediction of 0.0, found 1.0", id="zero-expected"
        ),
        pytest.param(
            [([1e308, 0], 1.0)], "line version 3: golden 0: expected a prediction of 1.0, found inf", id="overflow"
        ),
        pytest.param(
            [([1e308, 1.7e308], 1.0)],
            "line version 3: golden 0: expected a prediction of 1.0, found inf",
            id="overflow-beside-others",
        ),
        pytest.param(
            [([0, 0], 1.0), ([1, 0], 3.0 * (1 + 10 * TOLERANCE))],
            "line version 3: golden 1: expected a prediction of 3.00000003, found 3.0",
            id="by-ten-tolerances",
        ),
    ],
)
def test_a_golden_prediction_that_is_not_reproduced_is_named(golden, message):
    assert refusal(line(2.0, -1.0, golden=golden)) == message


@pytest.mark.parametrize(
    ("golden", "message"),
    [
        pytest.param(
            [([0, 0], 1.0), ([0], 1.0)],
            "line version 3: golden instances do not fit the features: row 1: must hold 2 numbers (a, b), got 1",
            id="too-narrow",
        ),
        pytest.param(
            [({"a": 0, "c": 0}, 1.0)],
            "line version 3: golden instances do not fit the features: "
            "row 0: unknown feature \"c\"; row 0: missing feature 'b'",
            id="another-name",
        ),
        pytest.param(
            [([0, "x"], 1.0)],
            "line version 3: golden instances do not fit the features: row 0: 'b' must be a number, got \"x\"",
            id="text",
        ),
    ],
)
def test_golden_instances_that_do_not_fit_the_features_are_refused(golden, message):
    assert refusal(line(2.0, -1.0, golden=golden)) == message


@pytest.mark.parametrize(
    ("intercept", "expected", "message"),
    [
        pytest.param(
            1.0, 5e-324, "line version 3: golden 0: expected a prediction of 5e-324, found 1.0", id="tiny-expected"
        ),
        pytest.param(
            1e308, -1e308, "line version 3: golden 0: expected a prediction of -1e+308, found 1e+308", id="far-apart"
        ),
    ],
)
def test_a_golden_prediction_beyond_measure_is_refused_without_a_warning(intercept, expected, message):
    assert refusal(line(0.0, intercept=intercept, golden=[([0], expected)])) == message


@pytest.mark.parametrize(
    "golden",
    [
        pytest.param([([0.5, 0.5], 1.5), ([0, 0], 1.0)], id="arrays"),
        pytest.param([({"b": 1, "a": 2}, 4.0)], id="object"),
        pytest.param([([0.5, 0.5], 1.5 * (1 + TOLERANCE / 10))], id="another-machine-s-rounding"),
        pytest.param([([1000, 0], 2001.0), ([0, 1], 1e-7)], id="measured-by-the-largest"),
    ],
)
def test_a_model_that_reproduces_its_golden_predictions_is_loaded(golden):
    manifest = line(2.0, -1.0, golden=golden)

    assert load(manifest) == Predictor(manifest)


def test_a_prediction_is_the_intercept_and_the_weighted_features():
    predictor = Predictor(line(2.0, -1.0, 0.5, intercept=10.0))

    predictions = predictor.predict(np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 1.0]]))

    assert predictions.tolist() == [12.0, 10.0, 8.5]


def test_no_rows_have_no_predictions():
    assert Predictor(line(2.0)).predict(np.empty((0, 1))).shape == (0,)


def test_predicting_leaves_the_matrix_as_it_is():
    matrix = np.array([[1.0, 2.0]])

    Predictor(line(2.0, -1.0)).predict(matrix)

    assert matrix.tolist() == [[1.0, 2.0]]


def test_a_sum_beyond_float64_is_an_infinity_or_nan_of_its_row_alone_without_a_warning():
    predictor = Predictor(line(10.0, 10.0))

    predictions = predictor.predict(np.array([[1e308, 0.0], [1.0, 1.0], [-1e308, 0.0], [1e308, -1e308]]))

    np.testing.assert_array_equal(predictions, [math.inf, 21.0, -math.inf, math.nan])


@pytest.mark.slow
@EXAMPLES
@given(data=st.data(), width=st.integers(1, 20), rows=st.integers(1, 40))
def test_a_row_s_prediction_has_the_same_bits_alone_and_in_any_batch(data, width, rows):
    row = st.lists(moderate, min_size=width, max_size=width)
    predictor = Predictor(line(*data.draw(row), intercept=data.draw(moderate)))
    matrix = np.array(data.draw(st.lists(row, min_size=rows, max_size=rows)))

    batch = predictor.predict(matrix)

    alone = np.concatenate([predictor.predict(matrix[place : place + 1]) for place in range(rows)])
    assert batch.tobytes() == alone.tobytes()
    assert predictor.predict(np.asfortranarray(matrix)).tobytes() == alone.tobytes()
    assert predictor.predict(matrix[::-1]).tobytes() == alone[::-1].tobytes()


def test_a_row_s_prediction_has_the_same_bits_in_a_batch_of_a_hundred_thousand():
    source = np.random.default_rng(7)
    predictor = Predictor(line(*source.normal(size=13), intercept=0.1))
    matrix = source.normal(size=(100_003, 13))

    batch = predictor.predict(matrix)

    some = [0, 1, 7, 4096, 65_535, 99_999, 100_002]
    assert batch[some].tobytes() == np.concatenate([predictor.predict(matrix[[row]]) for row in some]).tobytes()


@EXAMPLES
@given(pairs=st.lists(st.tuples(moderate, moderate), min_size=1, max_size=20), intercept=moderate)
def test_a_prediction_is_the_exact_sum_but_for_rounding(pairs, intercept):
    coefficients, values = zip(*pairs, strict=True)

    (prediction,) = Predictor(line(*coefficients, intercept=intercept)).predict(np.array([values]))

    terms = [Fraction(intercept), *(Fraction(a) * Fraction(b) for a, b in pairs)]
    assert abs(Fraction(float(prediction)) - sum(terms)) <= Fraction(sum(map(abs, terms))) * Fraction(
        1, 10**14
    ) + Fraction(1, 10**300)


@pytest.mark.parametrize(
    ("found", "expected", "distance"),
    [
        pytest.param([1.0, 2.0], [1.0, 2.0], [0.0, 0.0], id="equal"),
        pytest.param([1.5, 4.0], [1.0, 4.0], [0.125, 0.0], id="relative-to-the-largest"),
        pytest.param([-1.0], [-2.0], [0.5], id="negative"),
        pytest.param([0.0, 0.25], [0.0, 0.0], [0.0, 0.25], id="absolute-where-all-are-zero"),
        pytest.param([math.inf, 1.0], [1.0, 1.0], [math.inf, 0.0], id="inf"),
        pytest.param([-math.inf, 1.0], [1.0, 1.0], [math.inf, 0.0], id="minus-inf"),
        pytest.param([math.nan, 1.0], [1.0, 1.0], [math.inf, 0.0], id="nan"),
    ],
)
def test_the_distance_is_relative_to_the_largest_expected(found, expected, distance):
    assert relative_distance(np.array(found), np.array(expected)).tolist() == distance
