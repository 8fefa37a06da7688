"""The one check of rows: every cell that is no finite number is named by row, feature and place."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.schema import Feature, PayloadError, Problem, escape, outside, to_matrix

BMI = [Feature("bmi", -1.0, 1.0)]
TWO = [Feature("age", 0.0, 100.0), Feature("a/b~", 0.0, 1.0)]


@pytest.mark.parametrize(
    ("instances", "features", "matrix"),
    [
        pytest.param([1, 2.5], BMI, [[1.0], [2.5]], id="numbers"),
        pytest.param([[1], [2.5]], BMI, [[1.0], [2.5]], id="arrays"),
        pytest.param([{"bmi": 1}], BMI, [[1.0]], id="objects"),
        pytest.param([[1, 2], [3, 4]], TWO, [[1.0, 2.0], [3.0, 4.0]], id="rows"),
        pytest.param([{"a/b~": 2, "age": 1}], TWO, [[1.0, 2.0]], id="by-name"),
        pytest.param([[1, 2], {"a/b~": 4, "age": 3}], TWO, [[1.0, 2.0], [3.0, 4.0]], id="mixed"),
        pytest.param([10**30], BMI, [[1e30]], id="large-int"),
    ],
)
def test_instances_become_rows_in_feature_order(instances, features, matrix):
    assert to_matrix(instances, features).tolist() == matrix


@pytest.mark.parametrize(
    ("instances", "features", "problems"),
    [
        pytest.param([True], BMI, [Problem("row 0: 'bmi' must be a number, got true", "/0")], id="bool"),
        pytest.param(["1"], BMI, [Problem("row 0: 'bmi' must be a number, got \"1\"", "/0")], id="string"),
        pytest.param([[None]], BMI, [Problem("row 0: 'bmi' must be a number, got null", "/0/0")], id="null"),
        pytest.param(
            [0.5, float("nan")], BMI, [Problem("row 1: 'bmi' must be a finite number, got NaN", "/1")], id="nan"
        ),
        pytest.param(
            [10**400],
            BMI,
            [Problem("row 0: 'bmi' must be a finite number, got 1000000000000000000000000000000000000000…", "/0")],
            id="huge-int",
        ),
        pytest.param(
            [{"bmi": float("-inf")}],
            BMI,
            [Problem("row 0: 'bmi' must be a finite number, got a number beyond float64 or an infinity", "/0/bmi")],
            id="inf",
        ),
        pytest.param([[[1]]], BMI, [Problem("row 0: 'bmi' must be a number, got an array of 1", "/0/0")], id="nested"),
        pytest.param([{}], BMI, [Problem("row 0: missing feature 'bmi'", "/0")], id="missing"),
        pytest.param(
            [{"bmi": 1, "\ud800": 2}], BMI, [Problem('row 0: unknown feature "?"', "/0/?")], id="unknown-surrogate"
        ),
        pytest.param([[1, 2], [1]], TWO, [Problem("row 1: must hold 2 numbers (age, a/b~), got 1", "/1")], id="ragged"),
        pytest.param(
            [5], TWO, [Problem("row 0: must be an array of 2 numbers or an object, got 5", "/0")], id="scalar"
        ),
        pytest.param(
            [{"age": None, "a/b~": "x"}],
            TWO,
            [
                Problem("row 0: 'age' must be a number, got null", "/0/age"),
                Problem("row 0: 'a/b~' must be a number, got \"x\"", "/0/a~1b~0"),
            ],
            id="two-cells",
        ),
    ],
)
def test_a_bad_cell_is_named_by_row_feature_and_pointer(instances, features, problems):
    with pytest.raises(PayloadError) as raised:
        to_matrix(instances, features)

    assert list(raised.value.problems) == problems


def test_at_most_twenty_problems_are_listed():
    with pytest.raises(PayloadError) as raised:
        to_matrix([None] * 100, BMI)

    assert [problem.pointer for problem in raised.value.problems] == [f"/{row}" for row in range(20)]


finite = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**18), 10**18)


@given(st.lists(finite, min_size=1))
def test_all_forms_of_the_same_values_are_the_same_matrix(values):
    plain = to_matrix(values, BMI)

    assert np.array_equal(plain, to_matrix([[value] for value in values], BMI))
    assert np.array_equal(plain, to_matrix([{"bmi": value} for value in values], BMI))
    assert np.array_equal(plain, to_matrix([*values, [values[0]]], BMI)[:-1])


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.lists(anything, min_size=1, max_size=5))
def test_anything_becomes_finite_rows_or_problems_that_can_be_sent(instances):
    try:
        matrix = to_matrix(instances, TWO)
    except PayloadError as error:
        assert json.dumps([problem.detail for problem in error.problems])  # noqa: PT017 - one of the two right ends
    else:
        assert matrix.shape == (len(instances), 2)
        assert np.isfinite(matrix).all()


def test_cells_outside_their_range_are_found_in_row_order():
    matrix = np.array([[0.0, 0.5], [101.0, -0.1], [100.0, 1.0]])

    assert outside(matrix, TWO).tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize(
    ("member", "token"),
    [("a/b", "a~1b"), ("a~b", "a~0b"), ("~1", "~01"), ("\udfff", "?"), ("x" * 100, "x" * 40)],
)
def test_a_member_becomes_one_token_of_a_pointer(member, token):
    assert escape(member) == token
