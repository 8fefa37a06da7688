"""Which outputs a request of the Open Inference Protocol may ask for, and how."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.problems import PayloadError
from functions.protocols.parts.outputs import wanted_outputs
from tests.support.kinds import Functions, sealed
from tests.support.parts import MODEL, document

CLASSES = ("late", "on time")
TENSOR = {"name": "bmi", "shape": [1], "datatype": "FP64", "data": [0.5]}


@pytest.fixture(scope="module")
def line():
    return Functions(sealed((document(), b"")))


@pytest.mark.parametrize(
    ("members", "detail", "pointer"),
    [
        pytest.param(
            {"outputs": [{"name": "predict", "parameters": {"classification": 2}}]},
            "'classification' is not answered here",
            "/outputs/0/parameters/classification",
            id="classification",
        ),
        pytest.param(
            {"outputs": [{"name": "predict", "parameters": {"shared_memory_region": "r", "binary_data": False}}]},
            "'shared_memory_region' is not answered here",
            "/outputs/0/parameters/shared_memory_region",
            id="shared-memory",
        ),
        pytest.param(
            {"outputs": [{"name": "predict", "parameters": {"binary_data": 1}}]},
            "'binary_data' must be true or false, got 1",
            "/outputs/0/parameters/binary_data",
            id="binary-data",
        ),
        pytest.param(
            {"outputs": [{"name": "predict", "parameters": {}}, {"name": "predict", "parameters": []}]},
            "'parameters' must be an object, got an array of 0",
            "/outputs/1/parameters",
            id="parameters",
        ),
        pytest.param(
            {"parameters": {"binary_data_output": "yes"}},
            "'binary_data_output' must be true or false, got \"yes\"",
            "/parameters/binary_data_output",
            id="binary-data-output",
        ),
        pytest.param(
            {"inputs": [{**TENSOR, "data": None, "parameters": {"shared_memory_region": "r"}}]},
            "shared memory is not read here; send the data",
            "/inputs/0/parameters",
            id="shared-memory-of-an-input",
        ),
    ],
)
def test_a_form_that_is_not_answered_is_refused_with_its_place(line, members, detail, pointer):
    body = json.dumps({"inputs": [TENSOR], **members}).encode()

    answer = line.ask("POST", f"/batch/v2/models/{MODEL}/infer", body)

    assert answer.status_code == 400
    assert json.loads(answer.body)["errors"] == [{"detail": detail, "pointer": pointer}]


@pytest.mark.parametrize(
    ("outputs", "parameters", "wanted"),
    [
        pytest.param(None, {}, {"predict": False, "predict_proba": False}, id="all"),
        pytest.param([], {"binary_data_output": True}, {"predict": True, "predict_proba": True}, id="all-as-bytes"),
        pytest.param(
            [{"name": "predict", "parameters": {"binary_data": False}}, {"name": "predict_proba"}],
            {"binary_data_output": True},
            {"predict": False, "predict_proba": True},
            id="mixed",
        ),
        pytest.param([{"name": "predict", "parameters": None}], {}, {"predict": False}, id="no-parameters"),
    ],
)
def test_outputs_and_their_form(outputs, parameters, wanted):
    assert wanted_outputs(outputs, parameters, CLASSES) == wanted


plain = st.none() | st.booleans() | st.integers(0, 2) | st.text(max_size=2)
names = st.sampled_from(["predict", "predict_proba", "x"]) | plain
parameters = st.dictionaries(st.sampled_from(["binary_data", "binary_data_output", "classification", "x"]), plain)
outputs = plain | st.lists(
    plain | st.fixed_dictionaries({}, optional={"name": names, "parameters": parameters | plain})
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(outputs=outputs, of_all=parameters)
def test_any_outputs_are_found_or_refused(outputs, of_all):
    wanted, pointers = {"predict": False}, []
    try:
        wanted = wanted_outputs(outputs, of_all, CLASSES)
    except PayloadError as error:
        pointers = [problem.pointer for problem in error.problems]

    assert all(pointer.startswith(("/outputs", "/parameters")) for pointer in pointers)
    assert {*map(type, wanted.values())} == {bool}
    assert wanted.keys() <= {"predict", "predict_proba"}
