"""The Open Inference Protocol: metadata, health, tensors of every form, and refusals with its error member."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kinds import FEATURES, Functions, many_classes, sealed
from tests.support.parts import MODEL

NAMES = [feature["name"] for feature in FEATURES]
ROWS = [[3, "red", 2, False, "1970-01-01T05:00:00Z"], [None, "blue", 1, False, "1970-01-01"]]
TYPES = dict(zip(NAMES, ["FP64", "BYTES", "INT64", "BOOL", "BYTES"], strict=True))
INFER = f"/batch/v2/models/{MODEL}/infer"


def asked(functions, method, path, body=None, **headers):
    """Status and JSON of an answer."""
    spelled = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    response = functions.ask(method, path, spelled, **headers)
    return response.status_code, json.loads(response.body)


def tensor(name, shape, datatype, data, **more):
    return {"name": name, "shape": shape, "datatype": datatype, "data": data, **more}


def by_name(rows=ROWS, axes=1, *, nested=False):
    """One tensor a feature."""
    columns = dict(zip(NAMES, zip(*rows, strict=True), strict=True))
    shape = [len(rows)] if axes == 1 else [len(rows), 1]
    return [
        tensor(name, shape, TYPES[name], [[cell] for cell in cells] if nested else list(cells))
        for name, cells in columns.items()
    ]


# Refusals


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        pytest.param("v2/models/x", 404, f'no model "x" is served here; there is {MODEL}', id="model"),
        pytest.param(
            f"v2/models/{MODEL}/versions/2", 404, f'no version "2" of {MODEL} is served here; there is 1', id="version"
        ),
        pytest.param(
            f"v2/models/{MODEL}/versions/2/ready",
            404,
            f'no version "2" of {MODEL} is served here; there is 1',
            id="version-ready",
        ),
        pytest.param(f"v2/models/{MODEL}/infer", 405, "the method must be one of POST here, got GET", id="get"),
    ],
)
def test_a_path_that_leads_nowhere_says_why_in_the_member_error(prices, path, status, detail):
    found, problem = asked(prices, "GET", f"/batch/{path}")

    assert (found, problem["error"]) == (status, detail)


def inputs(*tensors, **more):
    return {"inputs": list(tensors), **more}


@pytest.mark.parametrize(
    ("body", "detail", "pointer"),
    [
        pytest.param([], 'the body must be like {"inputs": [tensor]}, got an array of 0', "/inputs", id="array"),
        pytest.param({"inputs": []}, 'the body must be like {"inputs": [tensor]}, got an array of 0', "/inputs"),
        pytest.param({}, "the body must be like {\"inputs\": [tensor]}, got no 'inputs'", "/inputs", id="empty"),
        pytest.param(
            inputs(tensor("x", [1, 2], "FP64", [1, 2]), 5),
            "a tensor must be an object, got 5",
            "/inputs/1",
            id="tensor",
        ),
        pytest.param(
            inputs({"name": "x", "shape": [1, 2], "data": [1, 2]}),
            None,
            "/inputs/0/datatype",
            id="no-datatype",
        ),
        pytest.param(
            inputs(tensor("x", [1, 2, 2], "FP64", [])),
            "'shape' must be [rows] or [rows, columns], got [1, 2, 2]",
            "/inputs/0/shape",
            id="three-axes",
        ),
        pytest.param(
            inputs(tensor("x", [-1], "FP64", [])),
            "'shape' must be [rows] or [rows, columns], got an array of 1",
            "/inputs/0/shape",
            id="negative",
        ),
        pytest.param(inputs(tensor("x", [1, 2], "FP128", [])), None, "/inputs/0/datatype", id="datatype"),
        pytest.param(
            inputs(tensor("x", [2, 2], "FP64", [1, 2, 3])),
            "'data' must hold 4 values, as 'shape' says, got 3",
            "/inputs/0/data",
            id="count",
        ),
        pytest.param(
            inputs(tensor("x", [2, 2], "FP64", [[1, 2], [3]])),
            "row 1: must be an array of 2, as 'shape' says, got an array of 1",
            "/inputs/0/data/1",
            id="ragged",
        ),
        pytest.param(
            inputs(tensor("x", [1, 2], "INT8", [1, 128])),
            "a value of INT8 must be a whole number from -128 to 127, got 128",
            "/inputs/0/data/1",
            id="beyond-the-datatype",
        ),
        pytest.param(
            inputs(tensor("x", [1, 2], "FP32", [[1, "a"]])),
            'a value of FP32 must be a number, got "a"',
            "/inputs/0/data/0/1",
            id="another-type",
        ),
        pytest.param(
            inputs(tensor("a", [2], "FP64", [1, 2])), "missing feature 'b'", "/inputs", id="forgotten-feature"
        ),
        pytest.param(
            inputs(tensor("a", [1], "FP64", [1]), tensor("c", [1], "FP64", [1])),
            'unknown feature "c"; the features are a, b',
            "/inputs/1",
            id="unknown-feature",
        ),
        pytest.param(
            inputs(tensor("a", [1], "FP64", [1]), tensor("a", [1], "FP64", [1])),
            'input "a" came twice',
            "/inputs/1",
            id="input-twice",
        ),
        pytest.param(
            inputs(tensor("a", [2, 3], "FP64", [1] * 6)),
            'expected one tensor of shape [rows, 2], or one of shape [rows] or [rows, 1] for each feature, got "a" of [2, 3]',
            "/inputs/0/shape",
            id="another-width",
        ),
        pytest.param(
            inputs(tensor("x", [1, 2], "FP64", [1, 2]), outputs=["predict"]),
            'an output must be an object with a name, got "predict"',
            "/outputs/0",
            id="output-as-text",
        ),
        pytest.param(
            inputs(tensor("x", [2, 2], "FP64", [1, 2, 3, None])),
            "row 1: 'b' must be a number, got null",
            "/inputs/0/data/3",
            id="cell",
        ),
        pytest.param(
            inputs(tensor("a", [2], "FP64", [1, 2]), tensor("b", [2, 1], "FP64", [[1], [None]])),
            "row 1: 'b' must be a number, got null",
            "/inputs/1/data/1/0",
            id="cell-of-a-column",
        ),
        pytest.param(
            inputs(tensor("x", [2, 2], "FP64", [[1, 2], [3, float("nan")]])),
            "row 1: 'b' must be a finite number, got NaN",
            "/inputs/0/data/1/1",
            id="nan",
        ),
        pytest.param(
            inputs(tensor("a", [2], "FP64", [1, 2]), tensor("b", [2], "FP32", [float("nan"), 1])),
            "row 0: 'b' must be a finite number, got NaN",
            "/inputs/1/data/0",
            id="nan-of-a-column",
        ),
        pytest.param(
            inputs(tensor("x", [0, 2], "FP64", [])),
            "'inputs/0' must hold at least 1 instance, got 0",
            "/inputs/0",
            id="no-rows",
        ),
        pytest.param(
            inputs(tensor("x", [1, 2], "FP64", [1, 2]), parameters={"top": 1}),
            "'top' has no place in 'parameters' here; this model is a regression",
            "/parameters/top",
            id="top",
        ),
        pytest.param(inputs(tensor("x", [1, 2], "FP64", [1, 2]), id=5), "'id' must be a text, got 5", "/id", id="id"),
        pytest.param(inputs(tensor("x", [1, 2], "FP64", [1, 2]), id="\ud800"), None, "/id", id="half-a-pair-as-id"),
        pytest.param(
            inputs(tensor("x", [1, 2], "FP64", [1, 2]), outputs=[{"name": "predict_proba"}]),
            'an output\'s name must be predict, got "predict_proba"',
            "/outputs/0",
            id="output",
        ),
        pytest.param(
            inputs(tensor("x", [1 << 39, 2], "FP64", [])),
            None,
            "/inputs/0/shape",
            id="more-than-can-be-answered",
        ),
    ],
)
def test_tensors_that_cannot_be_read_are_refused_with_their_place(plane, body, detail, pointer):
    status, problem = asked(plane, "POST", INFER, body)

    assert (status in {400, 413}, problem["errors"][0]["pointer"]) == (True, pointer)
    assert detail in {None, problem["errors"][0]["detail"]}
    assert problem["error"] == problem["detail"]


def test_top_of_a_classifier_is_refused(lateness):
    _, problem = asked(lateness, "POST", INFER, inputs(*by_name(), parameters={"top": 1}))

    assert problem["error"] == "'top' has no place in 'parameters' here; predict_proba holds every class"


V1 = "a request of KServe V1 and Vertex AI, which /batch and /v1/models/MODEL:predict take"
TENSORFLOW = "TensorFlow's inputs, which /batch and /v1/models/MODEL:predict take"
NO_INPUTS = "the body must be like {\"inputs\": [tensor]}, got no 'inputs'"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        pytest.param({"instances": [[1, 2]]}, f"{NO_INPUTS}; this looks like {V1}", id="instances"),
        pytest.param({"instance": [1, 2]}, f"{NO_INPUTS}; this looks like {V1}", id="instance"),
        pytest.param(
            inputs([1, 2]), f"a tensor must be an object, got an array of 2; this looks like {TENSORFLOW}", id="inputs"
        ),
        pytest.param(
            inputs({"a": 1, "b": 2}), f"'name' must be a text, got null; this looks like {TENSORFLOW}", id="records"
        ),
        pytest.param(
            {"inputs": {"a": [1], "b": [2]}},
            f'the body must be like {{"inputs": [tensor]}}, got an object; this looks like {TENSORFLOW}',
            id="columns",
        ),
        pytest.param(
            {"dataframe_split": {"data": [[1, 2]]}},
            f"{NO_INPUTS}; this looks like a table as MLflow sends it, which /batch and /v1/models/MODEL:predict take",
            id="split",
        ),
        pytest.param(
            {"requestId": "a", "calls": [[1, 2]]},
            f"{NO_INPUTS}; this looks like a call of BigQuery, which /batch takes",
            id="bigquery",
        ),
        pytest.param(
            [[1, 2]],
            'the body must be like {"inputs": [tensor]}, got an array of 1; this looks like an array of instances,'
            " which /batch and /v1/models/MODEL:predict take",
            id="array",
        ),
    ],
)
def test_a_body_of_another_format_is_told_the_address_that_takes_it(plane, body, detail):
    status, problem = asked(plane, "POST", INFER, body)

    assert (status, problem["error"]) == (400, detail)


def test_the_address_is_that_of_the_function_that_was_asked(plane):
    _, problem = asked(plane, "POST", INFER.replace("batch", "stream"), {"instance": [1, 2]})

    assert problem["error"] == f"{NO_INPUTS}; this looks like {V1.replace('batch', 'stream')}"


def test_a_member_that_came_twice_is_refused(plane):
    body = json.dumps(inputs(tensor("x", [1, 2], "FP64", [1, 2]))).replace('"name"', '"name": "y", "name"').encode()

    assert asked(plane, "POST", INFER, body)[1]["error"] == '"name" came twice'


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
data = st.lists(plain | st.lists(plain, max_size=3), max_size=6)
tensors = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from([*NAMES, "x"]) | plain,
        "shape": st.lists(st.integers(-1, 6), max_size=3) | plain,
        "datatype": st.sampled_from(["FP16", "FP32", "INT8", "BOOL", "BYTES", "UINT64", "x"]) | plain,
        "data": data | plain,
        "parameters": st.dictionaries(
            st.sampled_from(["binary_data_size", "content_type", "binary_data", "shared_memory_region"]),
            st.sampled_from([4, True, "base64", "pd_json"]) | plain,
            max_size=2,
        )
        | plain,
    },
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    body=st.binary(max_size=40)
    | st.fixed_dictionaries(
        {"inputs": st.lists(tensors, max_size=5) | plain},
        optional={"id": plain, "outputs": st.lists(plain | tensors, max_size=2) | plain, "parameters": plain},
    ).map(lambda value: json.dumps(value).encode()),
    length=st.none() | st.text(alphabet="0123456789 -x²", max_size=4),
)
def test_any_body_gets_an_answer_in_the_protocol_s_shape(prices, body, length):
    headers = {} if length is None else {"inference_header_content_length": length}

    status, answer = asked(prices, "POST", INFER, body, **headers)

    assert status in {200, 400, 413}
    assert status == 200 or answer["error"] == answer["detail"]


@pytest.mark.parametrize(
    "members",
    [{"id": None, "parameters": None, "outputs": None}, {"model_name": MODEL, "model_version": "1"}, {"outputs": []}],
)
def test_members_that_say_nothing_new_are_taken(plane, members):
    request = inputs(tensor("x", [1, 2], "FP64", [1, 1]))

    assert asked(plane, "POST", INFER, {**request, **members}) == asked(plane, "POST", INFER, request)


def test_one_tensor_of_another_width_is_told_the_width(plane):
    _, problem = asked(plane, "POST", INFER, inputs(tensor("x", [1, 3], "FP64", [1, 2, 3])))

    assert problem["error"] == (
        "expected one tensor of shape [rows, 2], or one of shape [rows] or [rows, 1] for each feature,"
        ' got "x" of [1, 3]'
    )


# Descriptions


def test_the_server_and_its_health(prices):
    assert asked(prices, "GET", "/batch/v2") == asked(prices, "GET", "/batch/v2/")
    assert asked(prices, "GET", "/batch/v2")[1] == {
        "name": "batch",
        "version": "1",
        "extensions": ["binary_tensor_data"],
    }
    assert asked(prices, "GET", "/batch/v2/health/live") == (200, {"live": True})
    assert asked(prices, "GET", "/batch/v2/health/ready") == (200, {"live": True, "ready": True})


@pytest.mark.parametrize("path", [f"v2/models/{MODEL}", f"v2/models/{MODEL}/versions/1"])
def test_the_metadata_name_inputs_and_outputs(lateness, path):
    status, answer = asked(lateness, "GET", f"/batch/{path}")

    assert (status, answer) == (
        200,
        {
            "name": MODEL,
            "versions": ["1"],
            "platform": "graph",
            "inputs": [{"name": name, "datatype": TYPES[name], "shape": [-1, 1]} for name in NAMES],
            "outputs": [
                {"name": "predict", "datatype": "BYTES", "shape": [-1, 1]},
                {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 2]},
            ],
        },
    )
    assert asked(lateness, "GET", f"/batch/{path}/ready") == (200, {"name": MODEL, "ready": True})


# Answers


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("path", [INFER, f"/batch/v2/models/{MODEL}/versions/1/infer"])
def test_one_tensor_a_feature_is_answered(prices, path, axes):
    status, answer = asked(prices, "POST", path, inputs(*by_name(axes=axes, nested=axes == 2)[::-1], id="a7"))

    own = asked(prices, "POST", "/batch", {"instances": ROWS})[1]
    output = {"name": "predict", "shape": [2, 1], "datatype": "FP64", "data": own["predictions"]}
    assert (status, answer) == (
        200,
        {"model_name": MODEL, "model_version": "1", "id": "a7", "outputs": [output]},
    )


NUMBERS = [[0.1, 1 / 3], [1e-300, -7.0]]


def binary(*arrays):
    """A body of Triton's extension: JSON, and the bytes behind it; and the length of the JSON."""
    entries, tail = [], b""
    for name, shape, datatype, raw in arrays:
        entries.append(
            {"name": name, "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": len(raw)}}
        )
        tail += raw
    head = json.dumps({"inputs": entries}).encode()
    return head + tail, str(len(head))


@pytest.mark.parametrize(
    "given_tensor",
    [
        pytest.param(tensor("predict", [2, 2], "FP64", NUMBERS), id="nested"),
        pytest.param(tensor("a", [2, 2], "FP64", [*NUMBERS[0], *NUMBERS[1]]), id="flat"),
    ],
)
def test_one_tensor_of_all_features_has_the_bits_of_the_functions_own_protocol(plane, given_tensor):
    answer = asked(plane, "POST", INFER, inputs(given_tensor))[1]

    assert answer["outputs"][0]["data"] == asked(plane, "POST", "/batch", {"instances": NUMBERS})[1]["predictions"]


def test_nan_in_bytes_is_named_where_no_missing_cell_is_taken(plane):
    body, length = binary(("x", [2, 2], "FP64", np.array([[1, 2], [3, np.nan]]).tobytes()))

    problem = asked(plane, "POST", INFER, body, inference_header_content_length=length)[1]

    expected = {"detail": "row 1: 'b' must be a finite number, got NaN", "pointer": "/inputs/0/data/3"}
    assert problem["errors"] == [expected]


def test_bytes_behind_the_json_are_read(plane):
    body, length = binary(("x", [2, 2], "FP64", np.array(NUMBERS).tobytes()))

    headers = {"inference_header_content_length": length, "content_type": "application/octet-stream"}
    answer = asked(plane, "POST", INFER, body, **headers)[1]

    assert answer["outputs"][0]["data"] == asked(plane, "POST", "/batch", {"instances": NUMBERS})[1]["predictions"]


def text(value):
    return struct.pack("<I", len(value.encode())) + value.encode()


def test_every_kind_may_come_as_bytes(prices):
    body, length = binary(
        ("age", [2], "FP32", np.array([3, np.nan], "<f4").tobytes()),
        ("colour", [2, 1], "BYTES", text("red") + text("blue")),
        ("floor", [2], "UINT8", bytes([2, 1])),
        ("late", [2], "BOOL", bytes([0, 0])),
        ("when", [2], "BYTES", text(ROWS[0][4]) + text(ROWS[1][4])),
    )

    answer = asked(prices, "POST", INFER, body, inference_header_content_length=length)[1]

    assert answer["outputs"][0]["data"] == asked(prices, "POST", "/batch", {"instances": ROWS})[1]["predictions"]


@pytest.mark.parametrize(
    ("array", "detail"),
    [
        pytest.param(("x", [1, 2], "FP64", b"123"), "'binary_data_size' must be 16 for 2 values of FP64, got 3"),
        pytest.param(
            ("x", [1, 2], "BYTES", text("a") + b"\x09\0\0\0b"),
            "the bytes must be 2 texts, each behind its length of 4 bytes",
        ),
        pytest.param(("x", [1, 1], "BYTES", b"\x01\0\0\0\xff"), "a text must be UTF-8"),
    ],
)
def test_bytes_that_do_not_fit_are_refused(plane, array, detail):
    body, length = binary(array)

    status, problem = asked(plane, "POST", INFER, body, inference_header_content_length=length)

    assert (status, problem["error"]) == (400, detail)


def test_a_classifier_answers_labels_and_probabilities(lateness):
    outputs = asked(lateness, "POST", INFER, inputs(*by_name()))[1]["outputs"]

    assert outputs == [
        {"name": "predict", "shape": [2, 1], "datatype": "BYTES", "data": ["late", "on time"]},
        {"name": "predict_proba", "shape": [2, 2], "datatype": "FP64", "data": [0.75, 0.25, 0.25, 0.75]},
    ]


def test_only_the_outputs_that_are_asked_for_are_answered(lateness):
    answer = asked(lateness, "POST", INFER, inputs(*by_name(), outputs=[{"name": "predict_proba"}]))[1]

    assert [output["name"] for output in answer["outputs"]] == ["predict_proba"]


def test_a_classifier_without_probabilities_answers_labels_alone():
    functions = Functions(sealed(many_classes(None)))

    (output,) = asked(functions, "POST", INFER, inputs(*by_name()))[1]["outputs"]

    assert output["name"] == "predict"


def test_a_flagged_value_is_told_in_the_parameters(plane):
    answer = asked(plane, "POST", INFER, inputs(tensor("x", [1, 2], "FP64", [5, 0])))[1]

    assert answer["parameters"] == {
        "warnings": "row 0: 'a' = 5.0 is outside the training range [-1.0, 1.0]",
        "warnings_total": 1,
    }


def test_stream_answers_one_row(plane):
    status, answer = asked(plane, "POST", INFER.replace("batch", "stream"), inputs(tensor("x", [1, 2], "FP64", [1, 1])))

    assert (status, answer["outputs"][0]["data"]) == (200, [2.0])
