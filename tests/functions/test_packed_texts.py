"""Texts that MLServer's codecs pack once more, in base64 or as JSON."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kinds import FEATURES
from tests.support.parts import MODEL

ROW = [3, "red", 2, False, "1970-01-01T05:00:00Z"]
TYPES = ["FP64", "BYTES", "BYTES", "BOOL", "BYTES"]


def infer(functions, content_type, *, colour, floor="2"):
    """Status and JSON of the answer to ROW, its colour and floor as they are packed."""
    cells = [ROW[0], colour, floor, *ROW[3:]]
    inputs = [
        {"name": feature["name"], "shape": [1, 1], "datatype": datatype, "data": [cell]}
        for feature, datatype, cell in zip(FEATURES, TYPES, cells, strict=True)
    ]
    inputs[1]["parameters"] = inputs[2]["parameters"] = {"content_type": content_type}
    body = json.dumps({"inputs": inputs}).encode()
    answer = functions.ask("POST", f"/batch/v2/models/{MODEL}/infer", body)
    return answer.status_code, json.loads(answer.body)


@pytest.mark.parametrize(
    ("content_type", "cells", "detail"),
    [
        pytest.param(
            "base64",
            {"colour": "cmV"},
            "a value must be base64 of a text, as 'content_type' says, got \"cmV\"",
            id="base64",
        ),
        pytest.param(
            "base64",
            {"colour": base64.b64encode(b"\xff").decode()},
            "a value must be base64 of a text, as 'content_type' says, got \"/w==\"",
            id="no-text-in-base64",
        ),
        pytest.param(
            "pd_json",
            {"colour": "red"},
            "a value must be a plain value as JSON, as 'content_type' says, got \"red\"",
            id="json",
        ),
        pytest.param(
            "pd_json",
            {"colour": '["red"]'},
            'a value must be a plain value as JSON, as \'content_type\' says, got "[\\"red\\"]"',
            id="array",
        ),
    ],
)
def test_a_text_that_does_not_hold_it_is_refused_with_its_place(prices, content_type, cells, detail):
    status, problem = infer(prices, content_type, **cells)

    assert (status, problem["errors"]) == (400, [{"detail": detail, "pointer": "/inputs/1/data/0"}])


@pytest.mark.parametrize(
    ("content_type", "cells"),
    [
        pytest.param("str", {"colour": "red"}, id="plain"),
        pytest.param("base64", {"colour": "cmVk", "floor": "Mg=="}, id="base64"),
        pytest.param("pd_json", {"colour": '"red"'}, id="json"),
        pytest.param("pd_json", {"colour": '"red"', "floor": '"2"'}, id="a-text-of-a-number"),
    ],
)
def test_cells_are_those_that_were_packed(prices, content_type, cells):
    status, answer = infer(prices, content_type, **cells)

    own = json.loads(prices.ask("POST", "/batch", json.dumps({"instances": [ROW]}).encode()).body)
    assert (status, answer["outputs"][0]["data"]) == (200, own["predictions"])


def test_null_is_a_missing_cell_packed_and_plain(prices):
    packed, plain = infer(prices, "pd_json", colour="null"), infer(prices, "pd_json", colour=None)

    assert packed == plain
    assert packed[0] == 200


@settings(max_examples=100, deadline=None, derandomize=True)
@given(content_type=st.sampled_from(["base64", "pd_json", "x", None, [], {}]), text=st.text(max_size=8) | st.none())
def test_any_text_gets_an_answer(prices, content_type, text):
    assert infer(prices, content_type, colour=text)[0] in {200, 400}
