"""Requests of MLServer's codecs, answers read by them, and `mlserver infer`."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.sweep  # its environment is 230 MB
CLASSES = {"predict": ["late", "on time"], "predict_proba": [[0.75, 0.25], [0.25, 0.75]]}


@pytest.fixture(scope="module")
def answers(answers_to):
    return answers_to("mlserver")


def test_an_error_is_told_with_its_message(answers):
    assert answers["a frame without a column"] == [400, "missing feature 'late'"]


def test_metadata_are_those_of_the_model(answers):
    assert answers["server"] == {"name": "batch", "version": "1", "extensions": ["binary_tensor_data"]}
    features = ["age", "colour", "floor", "late", "when"]
    assert answers["model"] == ["lateness", ["1"], features, ["predict", "predict_proba"]]


def test_an_array_is_predicted(answers):
    assert answers["numbers"] == {"predict": [[1.75], [-1.5]]}


@pytest.mark.parametrize("call", ["frame", "columns", "base64"])
def test_columns_are_predicted_in_every_codec(answers, call):
    assert answers[call] == CLASSES


def test_infer_writes_a_line_for_each_request(answers):
    message = (
        "expected one tensor of shape [rows, 2], or one of shape [rows] or [rows, 1] for each feature,"
        ' got "input-1" of [1, 3]'
    )

    assert answers["infer"] == [[1.75, -1.5], [1.75], message]
