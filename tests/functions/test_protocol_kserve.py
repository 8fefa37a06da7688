"""Vertex AI and KServe V1: their paths, their requests, their error member."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kinds import Functions, price, sealed
from tests.support.parts import MODEL

PREDICT = f"/batch/v1/models/{MODEL}:predict"
MODEL_1 = {"name": MODEL, "version": 1}
ROWS = [[3, "red", 2, False, "1970-01-01T05:00:00Z"], [None, "blue", 1, False, "1970-01-01"]]


@pytest.fixture(scope="module")
def prices():
    return Functions(sealed(price()), predict_route="/predict", health_route="/alive")


def asked(functions, method, path, body=None, **headers):
    """Status and JSON of an answer."""
    spelled = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    response = functions.ask(method, path, spelled, **headers)
    return response.status_code, json.loads(response.body)


# Refusals


@pytest.mark.parametrize("door", ["v1", "v2"])
def test_a_path_that_is_too_long_is_refused_with_the_error_member_of_its_protocol(prices, door):
    status, problem = asked(prices, "GET", f"/batch/{door}/{'x' * 64_000}")

    detail = "the path must hold at most 64000 bytes, got more; POST the instances as JSON instead"
    assert (status, problem["detail"], problem["error"]) == (414, detail, detail)


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        pytest.param(
            "GET", "v1/models/other", 404, f'no model "other" is served here; there is {MODEL}', id="another-model"
        ),
        pytest.param(
            "POST", "v1/models/a:predict", 404, f'no model "a" is served here; there is {MODEL}', id="predict-another"
        ),
        pytest.param(
            "GET",
            "v1/nothing",
            404,
            "nothing is at /v1/nothing; there are GET /v1/models, GET /v1/models/{model},"
            " POST /v1/models/{model}:predict",
            id="nothing",
        ),
        pytest.param(
            "GET",
            f"v1/models/{MODEL}:predict",
            405,
            "the method must be one of POST here, got GET",
            id="get-of-a-prediction",
        ),
        pytest.param("POST", "v1/models", 405, "the method must be one of GET, HEAD here, got POST", id="post"),
    ],
)
def test_a_path_that_leads_nowhere_says_what_there_is_in_the_member_error(prices, method, path, status, detail):
    found, problem = asked(prices, method, f"/batch/{path}")

    assert (found, problem["error"], problem["detail"]) == (status, detail, detail)


@pytest.mark.parametrize(
    ("body", "detail", "pointer"),
    [
        pytest.param({"instances": [[3]]}, None, "/instances/0", id="instances"),
        pytest.param({"inputs": [[3]]}, None, "/inputs/0", id="inputs"),
        pytest.param({"inputs": 5}, "'inputs' must be an array, got 5", "/inputs", id="inputs-of-another-type"),
        pytest.param(b"{", "not JSON: unexpected end of data: line 1 column 2 (char 1)", "", id="no-json"),
        pytest.param(b'{"inputs": [1], "inputs": [2]}', None, "/inputs/0", id="cells-before-repeats"),
    ],
)
def test_a_bad_body_is_refused_in_kserve_s_shape(prices, body, detail, pointer):
    status, problem = asked(prices, "POST", PREDICT, body)

    assert (status, problem["errors"][0]["pointer"]) == (400, pointer)
    assert problem["error"] == problem["detail"]
    assert detail in {None, problem["errors"][0]["detail"]}


def test_a_name_that_came_twice_is_refused(prices):
    body = json.dumps({"inputs": ROWS}).encode()
    status, problem = asked(prices, "POST", PREDICT, body[:-1] + b", " + body[1:])

    assert (status, problem["error"]) == (400, '"inputs" came twice')


def test_another_media_type_is_refused(prices):
    status, problem = asked(prices, "POST", PREDICT, b"1", content_type="text/html")

    assert (status, problem["error"]) == (415, problem["detail"])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    body=st.binary(max_size=60)
    | st.dictionaries(
        st.sampled_from(["instances", "inputs", "parameters", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=5)
                | st.dictionaries(st.sampled_from(["age", "colour", "floor", "late", "when", "z"]), inner)
            ),
            max_leaves=12,
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_body_gets_an_answer_in_kserve_s_shape(prices, body):
    status, answer = asked(prices, "POST", PREDICT, body)

    assert status in {200, 400, 413}
    assert status == 200 or answer["error"] == answer["detail"]


# Answers


def test_models_are_listed_and_ready(prices):
    assert asked(prices, "GET", "/batch/v1/models") == (200, {"models": [MODEL]})
    assert asked(prices, "GET", f"/v1/models/{MODEL}".replace("/v1", "/batch/v1")) == (
        200,
        {"name": MODEL, "ready": True},
    )


@pytest.mark.parametrize("path", [PREDICT, "/batch/predict"], ids=["kserve", "AIP_PREDICT_ROUTE"])
@pytest.mark.parametrize("member", ["instances", "inputs"])
def test_instances_are_answered_as_by_the_functions_own_protocol(prices, path, member):
    assert (
        prices.ask("POST", path, json.dumps({member: ROWS}).encode()).body
        == prices.ask("POST", "/batch", json.dumps({"instances": ROWS}).encode()).body
    )


def test_a_classifier_answers_its_probabilities_too(lateness):
    status, answer = asked(lateness, "POST", PREDICT, {"instances": ROWS})

    assert (status, answer["predictions"]) == (200, ["late", "on time"])
    assert answer["probabilities"] == [[0.75, 0.25], [0.25, 0.75]]


def test_the_health_route_of_vertex_is_the_readiness(prices):
    assert asked(prices, "GET", "/batch/alive") == (200, {"status": "ready"})
