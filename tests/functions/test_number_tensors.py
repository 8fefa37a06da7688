"""Numbers that come as bytes are answered, flagged and refused as the same ones in JSON are."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.columns.schema import Feature
from functions.protocols.parts.number_tensors import question_of_numbers
from functions.protocols.parts.tensors import Tensor
from tests.support.parts import MODEL

CODES = {"FP64": "<f8", "FP32": "<f4", "INT16": "<i2"}
cells = st.floats(-3, 3) | st.integers(-2, 2).map(float) | st.just(float("nan"))


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


def test_rows_are_read_at_once_where_nothing_is_to_be_said():
    features = tuple(Feature(name, -1.0, 1.0) for name in "ab")
    tensor = Tensor("x", "/inputs/0", (2, 2), [], nested=False, array=np.array([[1, 2], [3, 4]]))

    question = question_of_numbers([tensor], features, one=False, most=2)

    assert question is not None
    assert (question.table.matrix().tolist(), question.instances[1]) == ([[1.0, 2.0], [3.0, 4.0]], [3.0, 4.0])
    assert question_of_numbers([tensor], features, one=False, most=1) is None
