"""A few complete numbers within their ranges go a short way; all that leaves the function is as by the long one."""

from __future__ import annotations

import gc
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from functions.handling import answering
from functions.predictor import Predictor
from tests.support.kinds import Functions, price, sealed
from tests.support.parts import document

LONG_WAY = "application/json;q=0.9"
"""An Accept that asks for JSON in words that the short way does not take."""

NARROW = {"name": "bmi", "minimum": -1.0, "maximum": 1.0}
SECRET = {"name": "s5", "minimum": -1e300, "maximum": 1e300, "redact": True}
OPEN = {"name": "age", "minimum": 0, "maximum": 120}
THREE = {
    "features": [NARROW, SECRET, OPEN],
    "linear": {"coefficients": [0.1, 1e10, -3.7], "intercept": 0.3},
    "golden": [{"instance": [0.5, 0.0, 1.0], "prediction": 0.3 + 0.1 * 0.5 - 3.7 * 1.0}],
}
MODELS = {
    "one": Functions(sealed((document(), b""))),
    "three": Functions(sealed((document(**THREE), b""))),
    "unrecorded": Functions(sealed((document(), b"")), capture=False),
    "two-a-request": Functions(sealed((document(), b"")), max_body_bytes=50),
}
NUMBERS = st.floats(-1, 1) | st.floats() | st.integers() | st.sampled_from([0, 0.5, 1, -0.0, 1e308, 10**19, 10**400])
CELLS = st.one_of([NUMBERS] * 6 + [st.sampled_from([None, True, "0.5", [], {}, '"'])])
NAMES = st.sampled_from(["bmi", "s5", "age", "AGE", 'b"mi'])
ROWS = CELLS | st.lists(CELLS, max_size=4) | st.dictionaries(NAMES, CELLS, max_size=4)
DOCUMENTS = (
    st.fixed_dictionaries({"instances": st.lists(ROWS, max_size=4) | ROWS})
    | st.fixed_dictionaries({"instance": ROWS})
    | st.fixed_dictionaries({"instances": st.lists(NUMBERS, min_size=60, max_size=70)})
    | st.fixed_dictionaries({}, optional={"instances": st.just([0.5]), "instance": CELLS, "keys": st.just(["a"])})
    | ROWS
)


def found(functions, capfd, method, path, body, accept):
    """Status, headers, body, and lines of a request; times are left out."""
    answer = functions.ask(method, path, body, accept=accept, x_request_id="one")
    lines = [json.loads(line) for line in capfd.readouterr().out.split("\n")[:-1]]
    for line in lines:
        line.pop("time")
        line.pop("cold", None)
        line.get("httpRequest", {}).pop("latency", None)
        line["latency_seconds"] = [*line.get("latency_seconds", {})]
    return answer.status_code, answer.raw_headers, answer.body, lines


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(model="one", function="batch", body='{"instances":[0.5],"instances":[0.25]}', by_path=False)
@example(model="one", function="batch", body='{"instances":[{"bmi":0.5,"bmi":0.25}]}', by_path=False)
@example(model="one", function="stream", body='{"instance":0.5,"instance":0.25}', by_path=False)
@example(model="one", function="batch", body='{"instances":[{"b\\u006di":0.5}]}', by_path=False)
@example(model="one", function="batch", body='\ufeff{"instances":[0.5]}', by_path=False)
@example(model="one", function="batch", body='{"instances":[1e999]}', by_path=False)
@example(model="one", function="batch", body='[{"bmi":0.5,"bmi":0.25}]', by_path=True)
@example(model="one", function="batch", body="\x85", by_path=True)
@example(model="three", function="batch", body='{"instances":[[0.5,1e300,1]]}', by_path=False)
@example(model="two-a-request", function="batch", body='{"instances":[0.5,0.5,1]}', by_path=False)
@given(
    model=st.sampled_from([*MODELS]),
    function=st.sampled_from(["batch", "stream"]),
    body=DOCUMENTS.map(json.dumps) | st.text(),
    by_path=st.booleans(),
)
def test_the_short_way_gives_what_the_long_one_gives(model, function, body, by_path, capfd):
    method, path = ("GET", f"/{function}/{body}") if by_path else ("POST", f"/{function}")
    sent = b"" if by_path else body.encode()

    short, long = (found(MODELS[model], capfd, method, path, sent, accept) for accept in ("*/*", LONG_WAY))

    assert short == long


@pytest.fixture
def short(monkeypatch):
    """Whether the function answers without the long way."""

    def short(method, path, body=b"", **headers):
        gone = []
        predict = answering.predict
        monkeypatch.setattr(answering, "predict", lambda *given, **more: gone.append(1) or predict(*given, **more))
        return MODELS["one"].ask(method, path, body, **headers).status_code == 200 and not gone

    return short


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"instances":[0.5,1,[0.25]]}', id="values"),
        pytest.param('{"instances":[{"bmi":0.5},{"bmi":1}]}', id="by-name"),
        pytest.param(json.dumps({"instances": [0.5] * 64}), id="most"),
    ],
)
def test_a_few_numbers_within_their_range_go_the_short_way(short, body):
    assert short("POST", "/batch", body.encode())


def test_a_value_in_the_path_goes_the_short_way(short):
    assert short("GET", "/batch/[0.5,1]")
    assert short("GET", "/stream/0.5")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param('{"instances":[1.5]}', {}, id="flagged"),
        pytest.param(json.dumps({"instances": [0.5] * 65}), {}, id="many"),
        pytest.param('{"instances":[0.5],"keys":["a"]}', {}, id="keys"),
        pytest.param('{"instances":[0.5]}', {"accept": "text/csv"}, id="csv"),
        pytest.param('{"inputs":[0.5]}', {}, id="another-format"),
    ],
)
def test_all_else_goes_the_long_way(short, body, headers):
    assert not short("POST", "/batch", body.encode(), **headers)


def predictors():
    gc.collect()
    return sum(type(each) is Predictor for each in gc.get_objects())


def test_no_graph_stays_in_memory_that_is_served_no_more():
    before = predictors()
    functions = Functions(sealed(price()))
    assert functions.ask("POST", "/batch", b'{"instances":[[3,"red",2,true,"1970-01-01"]]}').status_code == 200
    assert predictors() == before + 1

    del functions

    assert predictors() == before
