"""Bodies and paths to requests, predictions to bodies: the parts that HTTP tests reach only with difficulty."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions import payload
from functions.payload import PayloadError, Request, TooLargeError
from functions.schema import Feature

BMI = [Feature("bmi", -1.0, 1.0)]
TWO = [Feature("age", 0.0, 100.0), Feature('a"b', 0.0, 1.0)]
MOST = 1 << 20


def body(data, features=BMI, *, one=False):
    return payload.from_body(data, features, one=one, most_bytes=MOST)


def path(text, features=BMI, *, one=True):
    return payload.from_path(text, features, one=one, most_bytes=MOST)


def problems(read, *arguments, **options):
    with pytest.raises(PayloadError) as raised:
        read(*arguments, **options)
    return [(problem.detail, problem.pointer) for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(
            b'{"instances": [{"bmi": 1, "bmi": 1}, 2, {"bmi": 3, "bmi": 4}]}',
            [
                ('row 0: feature "bmi" came twice', "/instances/0/bmi"),
                ('row 2: feature "bmi" came twice', "/instances/2/bmi"),
            ],
            id="rows",
        ),
        pytest.param(
            b'{"parameters": {}, "instances": [1], "parameters": {}}',
            [('member "parameters" came twice', "/parameters")],
            id="member",
        ),
        pytest.param(
            b'{"instances": [{"b\\u006di": 1, "bmi": 1}]}',
            [('row 0: feature "bmi" came twice', "/instances/0/bmi")],
            id="escaped-spelling",
        ),
    ],
)
def test_what_came_twice_is_refused_however_it_is_spelled(data, found):
    assert problems(body, data) == found


def test_a_feature_with_quotes_in_its_name_is_no_doubled_one():
    request = body(b'{"instances": [{"age": 1, "a\\"b": 2}]}', TWO)

    assert request.matrix.tolist() == [[1.0, 2.0]]


def test_parameters_must_be_empty():
    found = problems(body, b'{"instances": [1], "parameters": {"x": 1}}')

    assert found == [("'parameters' must be empty: this model takes none", "/parameters")]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'{"instances": [' + b"9" * 5000 + b"]}", id="5000-digits"),
        pytest.param(b'{"instances": [Infinity]}', id="infinity"),
        pytest.param(b'{"instances": [-1e999]}', id="minus-1e999"),
    ],
)
def test_numbers_beyond_float64_are_named_by_place(data):
    detail = "row 0: 'bmi' must be a finite number, got a number beyond float64 or an infinity"
    assert problems(body, data) == [(detail, "/instances/0")]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[" * 5000, id="deep"),
        pytest.param(b'\xef\xbb\xbf{"instances": [1]}', id="byte-order-mark"),
        pytest.param(b'{"instances": [1]}\xff', id="no-utf-8"),
        pytest.param('{"instances": [1]}'.encode("utf-16"), id="utf-16"),
        pytest.param(b'{"instances": [NaN' + b" " * MOST * 2 + b"]}", id="too-long-to-read-twice"),
    ],
)
def test_what_is_no_json_is_said(data):
    ((detail, pointer),) = problems(body, data)

    assert (detail[:10], pointer) == ("not JSON: ", "")


def test_an_instance_alone_is_pointed_at_without_an_index():
    found = problems(body, b'{"instance": {"age": "x", "a\\"b": 1}}', TWO, one=True)

    assert found == [("row 0: 'age' must be a number, got \"x\"", "/instance/age")]


def test_more_instances_than_predictions_fit_are_too_large():
    with pytest.raises(TooLargeError) as raised:
        payload.from_body(b'{"instances": [1, 2, 3]}', BMI, one=False, most_bytes=50)

    assert str(raised.value) == "'instances' must hold at most 2 instances, got 3; send them in parts"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5),
        ("+0.5", 0.5),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("007", 7.0),
        ("-00.50e+02", -50.0),
        ("1E3", 1000.0),
        (" 1 ", 1.0),
        ("[+1]", 1.0),
        ('{"bmi": 2}', 2.0),
    ],
)
def test_a_number_in_a_path_has_many_spellings(text, value):
    assert path(text).matrix.tolist() == [[value]]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_a_path_of_any_finite_numbers_keeps_their_bits(values):
    assert path(str(values), one=False).matrix[:, 0].tolist() == values


@pytest.mark.parametrize("text", ["", "+", "--1", "1e", "0x1", "1_000", "٣", "[1,]", "[1 2]", "0.5.5", "1,2", "+-1"])
def test_what_is_no_number_in_a_path_is_refused(text):
    ((detail, _),) = problems(path, text)

    assert detail.startswith("not JSON: ")


@given(st.binary(max_size=80) | st.text(alphabet='{}[]",:0123456789.eE+-NaInfty bmis\\u', max_size=60).map(str.encode))
def test_any_bytes_are_a_request_or_problems_that_can_be_sent(data):
    for read in (lambda: body(data), lambda: body(data, one=True), lambda: path(data.decode("utf-8", "replace"))):
        try:
            assert isinstance(read(), Request)
        except PayloadError as error:
            assert orjson.dumps(error.problems)  # noqa: PT017 - a refusal is one of the two right ends


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_predictions_survive_being_rendered_and_read(values):
    text = payload.render(np.array(values), single=False, model="m", version=1, warnings=[], flagged=0)

    assert orjson.loads(text) == {"predictions": values, "model": {"name": "m", "version": 1}}


def test_flags_beyond_the_listed_are_counted():
    request = Request([5.0] * 30, np.full((30, 1), 5.0), "/instances", single=False)

    warnings, flagged = payload.warnings_of(request, BMI)

    detail = "row 29: 'bmi' = 5.0 is outside the training range [-1.0, 1.0]"
    assert (len(warnings), flagged) == (20, 30)
    assert warnings[19].detail == detail.replace("29", "19")


def test_predictions_that_are_no_number_are_refused_by_place():
    request = Request([[1.0], [2.0]], np.array([[1.0], [2.0]]), "/instances", single=False)

    found = problems(payload.check_predictions, np.array([1.0, np.inf]), request)

    assert found == [("row 1: the prediction for this instance is beyond float64", "/instances/1")]
