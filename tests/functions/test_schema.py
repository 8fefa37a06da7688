"""Instances: three forms of one row, and a name and a place for every wrong cell."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.columns.schema import (
    MOST_PROBLEMS,
    Feature,
    PayloadError,
    Problem,
    escape,
    outside,
    pointer,
    shown,
    to_matrix,
)

EXAMPLES = settings(deadline=None, derandomize=True)

BMI = (Feature("bmi", -1.0, 1.0),)
TWO = (Feature("age", 0.0, 100.0), Feature("bmi", -1.0, 1.0))
HOSTILE = (Feature("a/b", -1.0, 1.0), Feature("m~n", 0.0, 10.0))

finite = st.floats(allow_nan=False, allow_infinity=False)


def same(found, expected):
    """Equal in shape, type and every bit."""
    return (found.shape, found.dtype, found.tobytes()) == (expected.shape, expected.dtype, expected.tobytes())


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        pytest.param(True, "a number, got true", id="true"),
        pytest.param(False, "a number, got false", id="false"),
        pytest.param(None, "a number, got null", id="null"),
        pytest.param("", 'a number, got ""', id="empty-string"),
        pytest.param("0.5", 'a number, got "0.5"', id="number-as-string"),
        pytest.param("é", 'a number, got "é"', id="accent"),
        pytest.param('say "x"', r'a number, got "say \"x\""', id="quotes"),
        pytest.param("\ud800", 'a number, got "?"', id="lone-surrogate"),
        pytest.param("x" * 1000, f'a number, got "{"x" * 40}…"', id="long-string"),
        pytest.param([], "a number, got an array of 0", id="empty-array"),
        pytest.param([0.5, 0.2], "a number, got an array of 2", id="array"),
        pytest.param({"bmi": 1}, "a number, got an object", id="object"),
        pytest.param(math.nan, "a finite number, got NaN", id="nan"),
        pytest.param(math.inf, "a finite number, got a number beyond float64 or an infinity", id="inf"),
        pytest.param(-math.inf, "a finite number, got a number beyond float64 or an infinity", id="minus-inf"),
        pytest.param(10**400, f"a finite number, got 1{'0' * 39}…", id="huge-int"),
        pytest.param(-(10**400), f"a finite number, got -1{'0' * 38}…", id="huge-negative-int"),
    ],
)
@pytest.mark.parametrize(
    ("wrap", "place"),
    [
        pytest.param(lambda cell: [0.5, cell], "/1/1", id="in-an-array"),
        pytest.param(lambda cell: {"bmi": cell, "age": 0.5}, "/1/bmi", id="in-an-object"),
    ],
)
def test_a_bad_cell_is_named_by_row_and_feature(wrap, place, cell, kind):
    with pytest.raises(PayloadError) as caught:
        to_matrix([[1, 2], wrap(cell), [3, 4]], TWO)

    assert caught.value.problems == (Problem(f"row 1: 'bmi' must be {kind}", place),)


def test_an_integer_too_long_to_print_is_named_too():
    with pytest.raises(PayloadError) as caught:
        to_matrix([10**5000], BMI)

    assert [problem.pointer for problem in caught.value.problems] == ["/0"]


@pytest.mark.parametrize(
    ("instance", "problems"),
    [
        pytest.param(True, [("row 0: 'bmi' must be a number, got true", "/0")], id="bool"),
        pytest.param("1", [("row 0: 'bmi' must be a number, got \"1\"", "/0")], id="string"),
        pytest.param(None, [("row 0: 'bmi' must be a number, got null", "/0")], id="null"),
        pytest.param(math.nan, [("row 0: 'bmi' must be a finite number, got NaN", "/0")], id="nan"),
        pytest.param([[1]], [("row 0: 'bmi' must be a number, got an array of 1", "/0/0")], id="nested"),
        pytest.param([], [("row 0: must hold 1 number (bmi), got 0", "/0")], id="empty"),
        pytest.param([1, 2], [("row 0: must hold 1 number (bmi), got 2", "/0")], id="too-wide"),
        pytest.param({}, [("row 0: missing feature 'bmi'", "/0")], id="missing"),
        pytest.param(
            {"bmi": 1, "age": 2}, [('row 0: unknown feature "age"; the feature is bmi', "/0/age")], id="unknown"
        ),
        pytest.param(
            {"BMI": 1},
            [('row 0: unknown feature "BMI"; the feature is bmi', "/0/BMI"), ("row 0: missing feature 'bmi'", "/0")],
            id="misspelt",
        ),
    ],
)
def test_a_bad_instance_of_one_feature_is_named(instance, problems):
    with pytest.raises(PayloadError) as caught:
        to_matrix([instance], BMI)

    assert caught.value.problems == tuple(Problem(*problem) for problem in problems)


@pytest.mark.parametrize(
    ("instance", "problems"),
    [
        pytest.param(
            0.5, [("row 0: must be an array of 2 numbers or an object, got 0.5", "/0")], id="number-for-two-features"
        ),
        pytest.param(
            None, [("row 0: must be an array of 2 numbers or an object, got null", "/0")], id="null-for-two-features"
        ),
        pytest.param([1], [("row 0: must hold 2 numbers (age, bmi), got 1", "/0")], id="too-narrow"),
        pytest.param([1, 2, 3], [("row 0: must hold 2 numbers (age, bmi), got 3", "/0")], id="too-wide"),
        pytest.param({"age": 1}, [("row 0: missing feature 'bmi'", "/0")], id="one-missing"),
        pytest.param(
            {}, [("row 0: missing feature 'age'", "/0"), ("row 0: missing feature 'bmi'", "/0")], id="all-missing"
        ),
        pytest.param(
            {"age": None, "bmi": "x", "sex": 1},
            [
                ('row 0: unknown feature "sex"; the features are age, bmi', "/0/sex"),
                ("row 0: 'age' must be a number, got null", "/0/age"),
                ("row 0: 'bmi' must be a number, got \"x\"", "/0/bmi"),
            ],
            id="several-wrongs",
        ),
        pytest.param(
            [None, True],
            [("row 0: 'age' must be a number, got null", "/0/0"), ("row 0: 'bmi' must be a number, got true", "/0/1")],
            id="two-bad-cells",
        ),
    ],
)
def test_a_bad_instance_of_two_features_is_named(instance, problems):
    with pytest.raises(PayloadError) as caught:
        to_matrix([instance], TWO)

    assert caught.value.problems == tuple(Problem(*problem) for problem in problems)


def test_rows_of_unequal_width_are_named_each():
    with pytest.raises(PayloadError) as caught:
        to_matrix([[1, 2], [3], [4, 5], [6, 7, 8]], TWO)

    assert caught.value.problems == (
        Problem("row 1: must hold 2 numbers (age, bmi), got 1", "/1"),
        Problem("row 3: must hold 2 numbers (age, bmi), got 3", "/3"),
    )


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        pytest.param("\ud800", Problem('row 0: unknown feature "?"; the feature is bmi', "/0/?"), id="lone-surrogate"),
        pytest.param(
            "x/~y", Problem('row 0: unknown feature "x/~y"; the feature is bmi', "/0/x~1~0y"), id="slash-and-tilde"
        ),
        pytest.param("", Problem('row 0: unknown feature ""; the feature is bmi', "/0/"), id="empty"),
        pytest.param('"', Problem(r'row 0: unknown feature "\""; the feature is bmi', '/0/"'), id="quote"),
        pytest.param("\n", Problem(r'row 0: unknown feature "\n"; the feature is bmi', "/0/\n"), id="line-feed"),
        pytest.param(
            "z" * 500, Problem(f'row 0: unknown feature "{"z" * 40}…"; the feature is bmi', f"/0/{'z' * 40}"), id="long"
        ),
    ],
)
def test_a_hostile_name_is_quoted_short_and_encodable(name, problem):
    with pytest.raises(PayloadError) as caught:
        to_matrix([{"bmi": 1, name: 2}], BMI)

    assert caught.value.problems == (problem,)


def test_a_bad_cell_of_a_feature_with_slash_or_tilde_has_an_escaped_pointer():
    with pytest.raises(PayloadError) as caught:
        to_matrix([{"a/b": None, "m~n": None}], HOSTILE)

    assert caught.value.problems == (
        Problem("row 0: 'a/b' must be a number, got null", "/0/a~1b"),
        Problem("row 0: 'm~n' must be a number, got null", "/0/m~0n"),
    )


@pytest.mark.parametrize(
    "instances",
    [
        pytest.param([None] * 1000, id="a-problem-a-row"),
        pytest.param([{}] * 1000, id="missing"),
        pytest.param([{str(n): n for n in range(1000)}], id="all-in-one-row"),
    ],
)
def test_at_most_twenty_problems_are_listed(instances):
    with pytest.raises(PayloadError) as caught:
        to_matrix(instances, BMI)

    assert len(caught.value.problems) == MOST_PROBLEMS == 20


def test_problems_are_listed_from_the_first_row_on():
    with pytest.raises(PayloadError) as caught:
        to_matrix([0.5, *[None] * 30], BMI)

    assert [problem.pointer for problem in caught.value.problems] == [f"/{row}" for row in range(1, 21)]


def test_the_text_of_the_error_holds_every_problem():
    with pytest.raises(PayloadError) as caught:
        to_matrix([None, "x"], BMI)

    assert str(caught.value) == "row 0: 'bmi' must be a number, got null; row 1: 'bmi' must be a number, got \"x\""


@pytest.mark.parametrize(
    ("instances", "matrix"),
    [
        pytest.param([[1, 2.5], [3, 4]], [[1.0, 2.5], [3.0, 4.0]], id="arrays-in-feature-order"),
        pytest.param([{"bmi": 2.5, "age": 1}, {"age": 3, "bmi": 4}], [[1.0, 2.5], [3.0, 4.0]], id="objects-by-name"),
        pytest.param([[1, 2.5], {"bmi": 4, "age": 3}], [[1.0, 2.5], [3.0, 4.0]], id="mixed"),
        pytest.param([[2**53 + 1, 2**64]], [[2.0**53, 2.0**64]], id="integers-rounded-to-float64"),
        pytest.param([[5e-324, 1.7976931348623157e308]], [[5e-324, 1.7976931348623157e308]], id="ends-of-float64"),
        pytest.param([[0, -0.0]], [[0.0, -0.0]], id="signed-zero"),
    ],
)
def test_instances_of_two_features_become_rows_in_feature_order(instances, matrix):
    assert same(to_matrix(instances, TWO), np.array(matrix))


@pytest.mark.parametrize(
    "instances",
    [
        pytest.param([0.5, -1, 0], id="numbers"),
        pytest.param([[0.5], [-1], [0]], id="arrays"),
        pytest.param([{"bmi": 0.5}, {"bmi": -1}, {"bmi": 0}], id="objects"),
        pytest.param([0.5, [-1], {"bmi": 0}], id="mixed"),
    ],
)
def test_instances_of_one_feature_become_one_column(instances):
    assert same(to_matrix(instances, BMI), np.array([[0.5], [-1.0], [0.0]]))


@pytest.mark.parametrize("features", [pytest.param(BMI, id="one-feature"), pytest.param(TWO, id="two-features")])
def test_no_instances_are_no_rows(features):
    assert to_matrix([], features).shape == (0, len(features))


@EXAMPLES
@given(values=st.lists(finite | st.integers(-(2**70), 2**70), min_size=1))
def test_numbers_arrays_and_objects_of_the_same_values_are_one_matrix(values):
    numbers = to_matrix(values, BMI)

    assert same(numbers, np.array([[float(value)] for value in values]))
    assert same(to_matrix([[value] for value in values], BMI), numbers)
    assert same(to_matrix([{"bmi": value} for value in values], BMI), numbers)


@EXAMPLES
@given(rows=st.lists(st.tuples(finite, finite, st.sampled_from(["array", "object", "reversed"])), min_size=1))
def test_the_form_of_each_row_makes_no_difference(rows):
    forms = {
        "array": lambda age, bmi: [age, bmi],
        "object": lambda age, bmi: {"age": age, "bmi": bmi},
        "reversed": lambda age, bmi: {"bmi": bmi, "age": age},
    }

    matrix = to_matrix([forms[form](age, bmi) for age, bmi, form in rows], TWO)

    assert same(matrix, np.array([[age, bmi] for age, bmi, _ in rows]))


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["age", "bmi", "\ud800"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.slow
@EXAMPLES
@given(instances=st.lists(json_like, max_size=5))
def test_any_instances_are_a_finite_matrix_or_problems_with_encodable_text(instances):
    problems = ()
    try:
        matrix = to_matrix(instances, TWO)
    except PayloadError as error:
        problems = error.problems
        matrix = np.zeros((len(instances), 2))

    assert matrix.shape == (len(instances), 2)
    assert np.isfinite(matrix).all()
    assert [text for problem in problems for text in (problem.detail, problem.pointer) if "\ud800" in text] == []


@pytest.mark.parametrize(
    ("matrix", "cells"),
    [
        pytest.param([[0.0, -1.0], [100.0, 1.0]], [], id="bounds-are-inside"),
        pytest.param([[-0.1, 0.0], [50.0, 0.0]], [[0, 0]], id="below"),
        pytest.param([[50.0, 0.0], [50.0, 1.1]], [[1, 1]], id="above"),
        pytest.param([[101.0, -2.0], [50.0, 0.0], [-1.0, 0.0]], [[0, 0], [0, 1], [2, 0]], id="several-in-row-order"),
        pytest.param([[math.nextafter(100.0, 101.0), 0.0]], [[0, 0]], id="by-one-bit"),
    ],
)
def test_cells_outside_their_range_are_listed(matrix, cells):
    assert outside(np.array(matrix), TWO).tolist() == cells


TENTH, SEVEN_TENTHS = float(np.float32(0.1)), float(np.float32(0.7))
GRADE = Feature("grade", TENTH, SEVEN_TENTHS, width="float32")


@pytest.mark.parametrize(
    ("value", "cells"),
    [
        pytest.param(0.1, [], id="minimum-as-a-caller-writes-it"),
        pytest.param(0.7, [], id="maximum-as-a-caller-writes-it"),
        pytest.param(TENTH, [], id="minimum-as-it-was-in-training"),
        pytest.param(np.nextafter(np.float32(0.1), np.float32(0)), [[0, 0]], id="next-float32-below"),
        pytest.param(np.nextafter(np.float32(0.7), np.float32(1)), [[0, 0]], id="next-float32-above"),
        pytest.param(1e300, [[0, 0]], id="beyond-float32"),
        pytest.param(-1e300, [[0, 0]], id="below-float32"),
    ],
)
def test_a_value_is_compared_in_the_width_it_was_trained_in(value, cells):
    matrix = np.array([[value]], dtype=np.float64)

    assert outside(matrix, [GRADE]).tolist() == cells
    assert matrix.tolist() == [[value]]


def test_each_column_is_compared_in_its_own_width():
    features = [GRADE, Feature("grade64", 0.1, 0.7), Feature("half", float(np.float16(0.1)), 1.0, width="float16")]

    cells = outside(
        np.array([[0.1, 0.1, 0.1], [TENTH, TENTH, 0.1], [0.7, SEVEN_TENTHS, 0.7], [0.7, 0.0999, 2]]), features
    )

    assert cells.tolist() == [[3, 1], [3, 2]]


@EXAMPLES
@given(value=st.floats(width=32, allow_nan=False, allow_infinity=False), digits=st.integers(9, 17))
def test_no_spelling_of_a_float32_is_outside_a_range_that_ends_at_it(value, digits):
    feature = Feature("x", value, value, width="float32")

    assert outside(np.array([[float(f"{value:.{digits}g}")]]), [feature]).tolist() == []


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        pytest.param(0.5, "/3", id="number"),
        pytest.param([1, 2], "/3/1", id="array"),
        pytest.param({"m~n": 1}, "/3/m~0n", id="object"),
    ],
)
def test_a_pointer_follows_the_form_of_the_instance(instance, expected):
    assert pointer(3, instance, "m~n", 1) == expected


@pytest.mark.parametrize(
    ("member", "token"),
    [
        pytest.param("bmi", "bmi", id="plain"),
        pytest.param("a/b", "a~1b", id="slash"),
        pytest.param("m~n", "m~0n", id="tilde"),
        pytest.param("~1", "~01", id="tilde-first"),
        pytest.param("", "", id="empty"),
        pytest.param("\udc00", "?", id="lone-surrogate"),
        pytest.param("x" * 41, "x" * 40, id="cut"),
    ],
)
def test_a_member_is_escaped_as_a_reference_token(member, token):
    assert escape(member) == token


@EXAMPLES
@given(member=st.text(max_size=40))
def test_an_escaped_member_reads_back_by_rfc_6901(member):
    assert escape(member).replace("~1", "/").replace("~0", "~") == member


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(1, "1", id="int"),
        pytest.param(-0.5, "-0.5", id="float"),
        pytest.param(True, "true", id="bool"),
        pytest.param(None, "null", id="null"),
        pytest.param("é", '"é"', id="text"),
        pytest.param([1, 2, 3], "an array of 3", id="array"),
        pytest.param({"a": 1}, "an object", id="object"),
        pytest.param(math.nan, "NaN", id="nan"),
        pytest.param("\x00" * 40, '"' + r"\u0000" * 6 + r"\u0…", id="control-characters"),
    ],
)
def test_a_value_is_shown_as_short_json(value, text):
    assert shown(value) == text
