"""Tensors as bytes behind the JSON, both ways, in every datatype."""

from __future__ import annotations

import gzip
import json
import struct
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kinds import FEATURES, Functions, many_classes, price, punctual, sealed
from tests.support.parts import MODEL, document

INFER = f"/batch/v2/models/{MODEL}/infer"
ROWS = [[3.0, "red", 2, False, "1970-01-01T05:00:00Z"], [None, "blue", 1, False, "1970-01-01"]]
CODES = {
    "BOOL": "?",
    **{f"{sign}INT{bits}": f"<{sign.lower() or 'i'}{bits // 8}" for sign in ("", "U") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
}
"""numpy's names of the datatypes, apart from BYTES."""


@pytest.fixture(scope="module")
def line():
    """y = 1 + 2 x."""
    return Functions(sealed((document(), b"")))


def columns():
    """One tensor a feature, as JSON holds it."""
    types = ["FP64", "BYTES", "INT64", "BOOL", "BYTES"]
    cells = zip(*ROWS, strict=True)
    return [
        {"name": feature["name"], "shape": [2], "datatype": datatype, "data": [*column]}
        for feature, datatype, column in zip(FEATURES, types, cells, strict=True)
    ]


def infer(functions, body, **headers):
    """Status, JSON and bytes of the answer."""
    spelled = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = functions.ask("POST", INFER, spelled, **headers)
    length = int(response.headers.get("inference-header-content-length", len(response.body)))
    return response.status_code, json.loads(bytes(response.body[:length])), response.body[length:]


def with_tail(array, datatype, **members):
    """A request of one tensor whose data are bytes, and the length of its JSON."""
    raw = array.tobytes()
    entry = {"name": "bmi", "shape": [*array.shape], "datatype": datatype, "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [entry], **members}).encode()
    return head + raw, str(len(head))


# Inputs


@pytest.mark.parametrize(
    "texts", [pytest.param(0, id="none"), pytest.param(1, id="too-few"), pytest.param(3, id="more")]
)
def test_there_are_as_many_texts_as_the_shape_says(lateness, texts):
    entries, tail = columns(), struct.pack("<I", 3) + b"red"
    size = {"binary_data_size": len(tail) * texts}
    entries[1] = {"name": "colour", "shape": [2], "datatype": "BYTES", "parameters": size}
    head = json.dumps({"inputs": entries}).encode()

    status, answer, _ = infer(lateness, head + tail * texts, inference_header_content_length=str(len(head)))

    assert (status, answer["error"]) == (400, "the bytes must be 2 texts, each behind its length of 4 bytes")


@pytest.mark.process
def test_many_tensors_take_no_longer_each_than_a_few(line):
    """A pass over the whole body for each of them took minutes."""
    entry = {"name": "bmi", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 8}}
    head = json.dumps({"inputs": [entry] * 20_000}).encode()
    began = time.monotonic()

    status, answer, _ = infer(line, head + bytes(16 << 20), inference_header_content_length=str(len(head)))

    assert (status, answer["error"]) == (400, f"{(16 << 20) - 160_000} bytes follow the last tensor's data")
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("datatype", sorted(CODES))
def test_every_datatype_means_the_same_in_bytes_and_in_json(line, datatype):
    array = np.array([0, 1], CODES[datatype])
    body, length = with_tail(array, datatype)

    in_bytes = infer(line, body, inference_header_content_length=length)
    entry = {"name": "bmi", "shape": [2, 1], "datatype": datatype, "data": array.tolist()}
    in_json = infer(line, {"inputs": [entry]})

    assert in_bytes == in_json
    expected = (200, [1.0, 3.0]) if datatype != "BOOL" else (400, None)
    assert (in_json[0], in_json[1].get("outputs", [{"data": None}])[0]["data"]) == expected


@pytest.mark.parametrize("datatype", sorted(CODES.keys() - {"BOOL", "FP16", "FP32", "FP64"}))
def test_a_whole_number_beyond_its_datatype_is_refused(line, datatype):
    most = int(np.iinfo(CODES[datatype]).max)
    entry = {"name": "bmi", "shape": [1], "datatype": datatype, "data": [most + 1]}

    status, problem, _ = infer(line, {"inputs": [entry]})

    assert (status, problem["errors"][0]["pointer"]) == (400, "/inputs/0/data/0")
    assert "a value of " + datatype in problem["error"]


@pytest.mark.parametrize("number", ["NaN", "-NaN"])
def test_nan_in_json_is_a_missing_cell_as_it_is_in_bytes(number):
    entries = json.dumps(columns()).replace("null", number)
    prices = Functions(sealed(price()))

    status, answer, _ = infer(prices, f'{{"inputs": {entries}}}'.encode())

    if number == "NaN":
        assert (status, answer) == infer(prices, {"inputs": columns()})[:2]
    else:
        assert (status, answer["detail"][:8]) == (400, "not JSON")


sizes = st.integers(0, 40) | st.none() | st.booleans()
heads = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from([feature["name"] for feature in FEATURES]),
            "shape": st.sampled_from([[1], [2], [2, 1], [1, 5], [0]]),
            "datatype": st.sampled_from([*CODES, "BYTES"]),
            "parameters": st.fixed_dictionaries({"binary_data_size": sizes}),
        }
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda entry: entry["name"],
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(entries=heads, tail=st.binary(max_size=80), more=st.integers(-3, 3))
def test_any_bytes_behind_tensors_get_an_answer(lateness, entries, tail, more):
    head = json.dumps({"inputs": entries, "parameters": {"binary_data_output": True}}).encode()

    status, answer, _ = infer(lateness, head + tail, inference_header_content_length=str(max(0, len(head) + more)))

    assert status == 200 or (status in {400, 413} and answer["error"] == answer["detail"])


# Outputs


def test_outputs_come_as_bytes_where_the_request_says_so(lateness):
    request = {"id": "a", "inputs": columns(), "parameters": {"binary_data_output": True}}

    status, answer, tail = infer(lateness, request)

    assert (status, answer) == (
        200,
        {
            "model_name": MODEL,
            "model_version": "1",
            "id": "a",
            "outputs": [
                {"name": "predict", "shape": [2, 1], "datatype": "BYTES", "parameters": {"binary_data_size": 19}},
                {"name": "predict_proba", "shape": [2, 2], "datatype": "FP64", "parameters": {"binary_data_size": 32}},
            ],
        },
    )
    assert tail[:19] == struct.pack("<I4sI7s", 4, b"late", 7, b"on time")
    assert np.frombuffer(tail[19:]).tolist() == [0.75, 0.25, 0.25, 0.75]


def test_an_output_s_own_word_goes_before_the_request_s(lateness):
    outputs = [{"name": "predict"}, {"name": "predict_proba", "parameters": {"binary_data": True}}]

    _, answer, tail = infer(lateness, {"inputs": columns(), "outputs": outputs})

    assert answer["outputs"][0]["data"] == ["late", "on time"]
    assert answer["outputs"][1]["parameters"] == {"binary_data_size": 32}
    assert np.frombuffer(tail).tolist() == [0.75, 0.25, 0.25, 0.75]


@pytest.mark.parametrize(
    ("classes", "datatype", "tail"),
    [
        pytest.param([0, 1], "INT64", struct.pack("<qq", 0, 1), id="numbers"),
        pytest.param([False, True], "BOOL", b"\0\1", id="booleans"),
        pytest.param([0.5, 1], "FP64", struct.pack("<dd", 0.5, 1), id="fractions"),
        pytest.param(["é", 1], "BYTES", struct.pack("<I2sI1s", 2, "é".encode(), 1, b"1"), id="several-types"),
    ],
)
def test_labels_of_every_type_come_as_bytes(classes, datatype, tail):
    golden = [{"instance": [1, "red", 1, False, "1970-01-01"], "prediction": classes[0], "probabilities": [0.75, 0.25]}]
    functions = Functions(sealed(punctual(classes=classes, golden=golden)))
    outputs = [{"name": "predict", "parameters": {"binary_data": True}}]

    _, answer, found = infer(functions, {"inputs": columns(), "outputs": outputs})

    assert (answer["outputs"][0]["datatype"], found) == (datatype, tail)


def test_an_answer_in_bytes_has_a_type_of_its_own_and_may_be_in_gzip(line):
    body, length = with_tail(np.linspace(-1, 1, 5000)[:, None], "FP64", parameters={"binary_data_output": True})

    headers = {"inference_header_content_length": length, "accept_encoding": "gzip"}
    answer = line.ask("POST", INFER, body, **headers)

    assert (answer.headers["content-type"], answer.headers["content-encoding"]) == ("application/octet-stream", "gzip")
    whole, end = gzip.decompress(answer.body), int(answer.headers["inference-header-content-length"])
    assert json.loads(whole[:end])["outputs"][0]["parameters"] == {"binary_data_size": 40_000}
    assert np.array_equal(np.frombuffer(whole[end:]), 1 + 2 * np.linspace(-1, 1, 5000))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(cells=st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=20))
def test_bytes_hold_the_bits_of_the_answer_in_json(line, cells):
    body, length = with_tail(np.array(cells), "FP64", parameters={"binary_data_output": True})

    _, _, tail = infer(line, body, inference_header_content_length=length)

    own = json.loads(line.ask("POST", "/batch", json.dumps({"instances": cells}).encode()).body)
    assert np.frombuffer(tail).tolist() == own["predictions"]


def test_labels_without_probabilities_come_as_bytes():
    request = {"inputs": columns(), "parameters": {"binary_data_output": True}}

    _, answer, tail = infer(Functions(sealed(many_classes(None))), request)

    assert (len(answer["outputs"]), tail) == (1, struct.pack("<I3sI3s", 3, b"c05", 3, b"c06"))
