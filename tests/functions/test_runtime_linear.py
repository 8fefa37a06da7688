"""A line predicts a row from that row alone, with the same bits in any batch."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.artifact import ArtifactError
from functions.columns.schema import PayloadError, Problem
from functions.runtimes.linear import load

EXAMPLES = settings(deadline=None, derandomize=True)

finite = st.floats(allow_nan=False, allow_infinity=False)
moderate = st.floats(-1e6, 1e6)


def line(*coefficients, intercept=1.0):
    """The runtime of prediction = intercept + Σ coefficients · columns."""
    return load({"linear": {"coefficients": list(coefficients), "intercept": intercept}}, b"")


@pytest.mark.parametrize(
    ("linear", "message"),
    [
        pytest.param(None, "linear: expected an intercept and coefficients, and no arrays", id="missing"),
        pytest.param([2.0, 1.0], "linear: expected an intercept and coefficients, and no arrays", id="array"),
        *(
            pytest.param(
                {"coefficients": coefficients, "intercept": 1.0},
                f"linear.coefficients: expected finite numbers, found {found}",
                id=f"coefficients-{name}",
            )
            for name, coefficients, found in (
                ("missing", None, "null"),
                ("number", 2.0, "2.0"),
                ("none", [], "an array of 0"),
                ("text", [2.0, "3"], "an array of 2"),
                ("bool", [2.0, True], "an array of 2"),
                ("nan", [2.0, math.nan], "an array of 2"),
                ("inf", [2.0, math.inf], "an array of 2"),
                ("beyond-float64", [2.0, 10**400], "an array of 2"),
            )
        ),
        *(
            pytest.param(
                {"coefficients": [1, 2], "intercept": intercept},
                f"linear.intercept: expected a finite number, found {found}",
                id=f"intercept-{name}",
            )
            for name, intercept, found in (
                ("missing", None, "null"),
                ("text", "1", '"1"'),
                ("bool", False, "false"),
                ("array", [1.0], "an array of 1"),
                ("inf", math.inf, "a number beyond float64 or an infinity"),
            )
        ),
    ],
)
def test_what_is_no_line_is_refused(linear, message):
    with pytest.raises(ArtifactError) as caught:
        load({"linear": linear}, b"")

    assert str(caught.value) == message


def test_a_line_with_arrays_is_refused():
    with pytest.raises(ArtifactError, match="and no arrays"):
        load({"linear": {"coefficients": [1.0], "intercept": 0.0}}, b"bytes")


@EXAMPLES
@given(coefficients=st.lists(finite, min_size=1, max_size=3), intercept=finite)
def test_coefficients_are_read_bit_by_bit(coefficients, intercept):
    found = line(*coefficients, intercept=intercept)

    assert [number.hex() for number in (*found.coefficients, found.intercept)] == [
        number.hex() for number in (*coefficients, intercept)
    ]


def test_a_missing_cell_is_refused_with_its_row():
    with pytest.raises(PayloadError) as caught:
        line(2.0, 1.0).predict(np.array([[1.0, 2.0], [0.0, math.nan]]))

    assert caught.value.problems == (Problem("row 1: the model cannot answer a missing or infinite number", "/1"),)


def test_another_number_of_columns_is_an_error():
    with pytest.raises(ValueError, match="expected 2 columns, got 1"):
        line(2.0, 1.0).predict(np.array([[1.0]]))


def test_a_prediction_is_the_intercept_and_the_weighted_features():
    predictor = line(2.0, -1.0, 0.5, intercept=10.0)

    predictions = predictor.predict(np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 1.0]])).values

    assert predictions.tolist() == [12.0, 10.0, 8.5]


def test_no_rows_have_no_predictions():
    assert line(2.0).predict(np.empty((0, 1))).values.shape == (0,)


def test_predicting_leaves_the_matrix_as_it_is():
    matrix = np.array([[1.0, 2.0]])

    line(2.0, -1.0).predict(matrix)

    assert matrix.tolist() == [[1.0, 2.0]]


def test_a_sum_beyond_float64_is_an_infinity_or_nan_of_its_row_alone_without_a_warning():
    predictor = line(10.0, 10.0)

    predictions = predictor.predict(np.array([[1e308, 0.0], [1.0, 1.0], [-1e308, 0.0], [1e308, -1e308]])).values

    np.testing.assert_array_equal(predictions, [math.inf, 21.0, -math.inf, math.nan])


@pytest.mark.slow
@EXAMPLES
@given(data=st.data(), width=st.integers(1, 20), rows=st.integers(1, 40))
def test_a_row_s_prediction_has_the_same_bits_alone_and_in_any_batch(data, width, rows):
    row = st.lists(moderate, min_size=width, max_size=width)
    predictor = line(*data.draw(row), intercept=data.draw(moderate))
    matrix = np.array(data.draw(st.lists(row, min_size=rows, max_size=rows)))

    batch = predictor.predict(matrix).values

    alone = np.concatenate([predictor.predict(matrix[place : place + 1]).values for place in range(rows)])
    assert batch.tobytes() == alone.tobytes()
    assert predictor.predict(np.asfortranarray(matrix)).values.tobytes() == alone.tobytes()
    assert predictor.predict(matrix[::-1]).values.tobytes() == alone[::-1].tobytes()


def test_a_row_s_prediction_has_the_same_bits_in_a_batch_of_a_hundred_thousand():
    source = np.random.default_rng(7)
    predictor = line(*source.normal(size=13), intercept=0.1)
    matrix = source.normal(size=(100_003, 13))

    batch = predictor.predict(matrix).values

    some = [0, 1, 7, 4096, 65_535, 99_999, 100_002]
    assert batch[some].tobytes() == np.concatenate([predictor.predict(matrix[[row]]).values for row in some]).tobytes()


@EXAMPLES
@given(pairs=st.lists(st.tuples(moderate, moderate), min_size=1, max_size=20), intercept=moderate)
def test_a_prediction_is_the_exact_sum_but_for_rounding(pairs, intercept):
    coefficients, values = zip(*pairs, strict=True)

    (prediction,) = line(*coefficients, intercept=intercept).predict(np.array([values])).values

    terms = [Fraction(intercept), *(Fraction(a) * Fraction(b) for a, b in pairs)]
    assert abs(Fraction(float(prediction)) - sum(terms)) <= Fraction(sum(map(abs, terms))) * Fraction(
        1, 10**14
    ) + Fraction(1, 10**300)
