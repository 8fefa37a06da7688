"""Tensors of numbers are answered, flagged and refused alike as bytes, as JSON, and as rows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.columns.schema import Feature
from functions.protocols.parts.number_tensors import question_of_numbers
from functions.protocols.parts.tensors import Tensor
from tests.support.kinds import Functions, sealed
from tests.support.parts import MODEL, document

CODES = {"FP64": "<f8", "FP32": "<f4", "INT16": "<i2"}
cells = st.floats(-3, 3) | st.integers(-2, 2).map(float) | st.just(float("nan"))


@pytest.fixture(scope="module")
def line():
    return Functions(sealed((document(), b"")))


def infer(functions, tensors, *, as_bytes, function="batch"):
    """The whole answer to *tensors*: name, array and datatype of each."""
    entries, tail = [], b""
    for name, array, datatype in tensors:
        entry = {"name": name, "shape": [*array.shape], "datatype": datatype}
        if as_bytes:
            tail += array.tobytes()
            entry["parameters"] = {"binary_data_size": array.nbytes}
        else:
            entry["data"] = array.ravel().tolist()
        entries.append(entry)
    head = json.dumps({"inputs": entries}).encode()
    length = {"inference_header_content_length": str(len(head))} if as_bytes else {}
    answer = functions.ask("POST", f"/{function}/v2/models/{MODEL}/infer", head + tail, **length)
    return answer.status_code, json.loads(answer.body)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    rows=st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=4),
    datatype=st.sampled_from(sorted(CODES)),
    form=st.sampled_from(["matrix", "columns", "narrow", "uneven"]),
    function=st.sampled_from(["batch", "stream"]),
)
def test_bytes_and_json_have_one_answer(plane, rows, datatype, form, function):
    array = np.nan_to_num(rows, nan=0.0) if datatype == "INT16" else np.array(rows)
    array = array.astype(CODES[datatype])
    columns = [("b", array[:, 1:], datatype), ("a", array[:, :1], datatype)]
    tensors = {
        "matrix": [("x", array, datatype)],
        "columns": columns,
        "narrow": [(name, column.ravel(), datatype) for name, column, _ in columns],
        "uneven": [columns[0], ("a", array[:-1, :1], datatype)],
    }[form]

    in_bytes = infer(plane, tensors, as_bytes=True, function=function)
    in_json = infer(plane, tensors, as_bytes=False, function=function)

    assert in_bytes == in_json


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param([0.5, None], id="missing"),
        pytest.param([None, 0.5], id="missing-first"),
        pytest.param([True, False], id="booleans"),
        pytest.param(["a", "b"], id="texts"),
        pytest.param([0.5, 10**400], id="beyond-float64"),
        pytest.param([0.5, float("nan")], id="nan"),
        pytest.param([], id="none"),
    ],
)
def test_cells_of_json_that_are_not_all_numbers_are_not_read_at_once(cells):
    tensor = Tensor("x", "/inputs/0", (len(cells), 1), cells, nested=False)

    assert question_of_numbers([tensor], (Feature("a", -1.0, 1.0),), one=False, most=9) is None


@pytest.mark.parametrize("as_bytes", [True, False])
def test_a_tensor_that_is_too_wide_for_the_one_feature_is_refused(line, as_bytes):
    status, answer = infer(line, [("x", np.zeros((2, 3)), "FP64")], as_bytes=as_bytes)

    assert (status, answer["error"]) == (
        400,
        'expected a tensor of shape [rows] or [rows, 1] for each feature, got "x" of [2, 3]',
    )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    rows=st.lists(st.lists(st.floats(-3, 3) | st.integers(-(2**62), 2**62), min_size=2, max_size=2), min_size=1),
    nested=st.booleans(),
)
def test_a_tensor_of_json_has_the_answer_and_the_warnings_of_its_rows(plane, rows, nested):
    data = rows if nested else [cell for row in rows for cell in row]
    tensor = {"name": "x", "shape": [len(rows), 2], "datatype": "FP64", "data": data}

    ours = json.loads(plane.ask("POST", "/batch", json.dumps({"instances": rows}).encode()).body)
    path = f"/batch/v2/models/{MODEL}/infer"
    theirs = json.loads(plane.ask("POST", path, json.dumps({"inputs": [tensor]}).encode()).body)

    assert theirs["outputs"][0]["data"] == ours["predictions"]
    details = [warning["detail"] for warning in ours.get("warnings", [])]
    assert theirs.get("parameters", {}).get("warnings", "") == "; ".join(details)


def test_rows_are_read_at_once_where_nothing_is_to_be_said():
    features = tuple(Feature(name, -1.0, 1.0) for name in "ab")
    tensor = Tensor("x", "/inputs/0", (2, 2), [], nested=False, array=np.array([[1, 2], [3, 4]]))

    question = question_of_numbers([tensor], features, one=False, most=2)

    assert question is not None
    assert (question.table.matrix().tolist(), question.instances[1]) == ([[1.0, 2.0], [3.0, 4.0]], [3.0, 4.0])
    assert question_of_numbers([tensor], features, one=False, most=1) is None
