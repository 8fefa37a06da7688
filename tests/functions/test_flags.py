"""Values outside the training range are flagged, predictions beyond float64 refused, each with its place."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from functions.columns.schema import Feature, PayloadError, Problem
from functions.exchange import Request
from functions.flags import Flags, check_predictions, flags
from functions.protocols import instances

BMI = (Feature("bmi", -1.0, 1.0),)
HOSTILE = (Feature("a/b", 0.0, 1.0), Feature('q"', 0.0, 1.0))


def asked(body, features, *, one):
    """The question that *body* asks."""
    return instances.read(Request("", {}, body), features, one=one, most_bytes=1 << 20)


def refused(predictions, question):
    """The problems for which *predictions* are refused."""
    with pytest.raises(PayloadError) as caught:
        check_predictions(predictions, None, question)
    return caught.value.problems


def test_nothing_outside_the_training_range_gives_no_warnings():
    question = asked(b'{"instances": [-1, 0, 1]}', BMI, one=False)

    assert flags(question, BMI) == Flags([], 0, {}, {}, {})


@pytest.mark.parametrize(
    ("body", "one", "warning"),
    [
        pytest.param(b'{"instances": [0, 2]}', False, ("row 1", "2.0", "/instances/1"), id="number"),
        pytest.param(b'{"instances": [[-1.5]]}', False, ("row 0", "-1.5", "/instances/0/0"), id="array"),
        pytest.param(b'{"instances": [0, {"bmi": 9}]}', False, ("row 1", "9.0", "/instances/1/bmi"), id="object"),
        pytest.param(b'{"instance": 2}', True, ("row 0", "2.0", "/instance"), id="single-number"),
        pytest.param(b'{"instance": [2]}', True, ("row 0", "2.0", "/instance/0"), id="single-array"),
        pytest.param(b'{"instance": {"bmi": 2}}', True, ("row 0", "2.0", "/instance/bmi"), id="single-object"),
    ],
)
def test_a_value_outside_the_training_range_is_flagged_with_its_place(body, one, warning):
    question = asked(body, BMI, one=one)

    flagged = flags(question, BMI)

    row, value, place = warning
    detail = f"{row}: 'bmi' = {value} is outside the training range [-1.0, 1.0]"
    assert flagged == Flags([Problem(detail, place)], 1, {"bmi": 1}, {}, {})


def test_a_flag_names_the_feature_and_escapes_it():
    question = asked(b'{"instances": [{"a/b": 2, "q\\"": 3}]}', HOSTILE, one=False)

    assert flags(question, HOSTILE) == Flags(
        [
            Problem("row 0: 'a/b' = 2.0 is outside the training range [0.0, 1.0]", "/instances/0/a~1b"),
            Problem("row 0: 'q\"' = 3.0 is outside the training range [0.0, 1.0]", '/instances/0/q"'),
        ],
        2,
        {"a/b": 1, 'q"': 1},
        {},
        {},
    )


def test_the_first_twenty_of_many_flags_are_listed_and_all_are_counted():
    question = asked(json.dumps({"instances": [0] + [2] * 50}).encode(), BMI, one=False)

    found = flags(question, BMI)

    assert [warning.pointer for warning in found.warnings] == [f"/instances/{row}" for row in range(1, 21)]
    assert (found.flagged, found.outside) == (50, {"bmi": 50})


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(math.inf, id="inf"),
        pytest.param(-math.inf, id="minus-inf"),
        pytest.param(math.nan, id="nan"),
    ],
)
def test_a_prediction_that_is_no_finite_number_is_refused(bad):
    question = asked(b'{"instances": [1, 1e308, 2]}', BMI, one=False)

    problems = refused(np.array([1.0, bad, 2.0]), question)

    assert problems == (Problem("row 1: the prediction for this instance is beyond float64", "/instances/1"),)


def test_a_single_prediction_that_is_no_finite_number_points_at_the_instance():
    question = asked(b'{"instance": 1e308}', BMI, one=True)

    problems = refused(np.array([math.inf]), question)

    assert problems == (Problem("row 0: the prediction for this instance is beyond float64", "/instance"),)


def test_the_first_twenty_of_many_predictions_beyond_float64_are_listed():
    question = asked(json.dumps({"instances": [0.5] * 50}).encode(), BMI, one=False)

    problems = refused(np.full(50, math.inf), question)

    assert [problem.pointer for problem in problems] == [f"/instances/{row}" for row in range(20)]


def test_finite_predictions_pass():
    question = asked(b'{"instances": [1, 2]}', BMI, one=False)

    assert check_predictions(np.array([1.7976931348623157e308, -0.0]), None, question) is None
