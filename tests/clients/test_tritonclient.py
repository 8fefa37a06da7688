"""tritonclient's HTTP client, unchanged and with its defaults, which are bytes both ways."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def answers(answers_to):
    return answers_to("tritonclient")


@pytest.mark.parametrize(
    ("call", "status", "message"),
    [
        pytest.param("another model", "404", 'no model "lines" is served here; there is lateness'),
        pytest.param("another version", "404", 'no version "2" of lines is served here; there is 1'),
        pytest.param("another output", "400", 'an output\'s name must be predict, got "y"'),
        pytest.param(
            "another width",
            "400",
            "expected one tensor of shape [rows, 2], or one of shape [rows] or [rows, 1] for each feature,"
            ' got "x" of [1, 3]',
        ),
        pytest.param("classification", "400", "'classification' is not answered here"),
        pytest.param("a missing cell", "400", "row 0: 'b' must be a finite number, got NaN"),
    ],
)
def test_an_error_is_told_with_its_message(answers, call, status, message):
    assert answers[call] == [status, message]


def test_the_server_and_its_model_are_live_and_ready_and_no_other_is(answers):
    assert [answers[call] for call in ("live", "ready", "model ready", "version ready")] == 4 * [True]
    assert [answers[call] for call in ("another model ready", "another version ready")] == 2 * [False]


def test_metadata_are_those_of_the_model(answers):
    assert answers["server"] == {"name": "batch", "version": "1", "extensions": ["binary_tensor_data"]}
    assert [answers["model"][member] for member in ("name", "versions")] == ["lateness", ["1"]]
    assert [each["datatype"] for each in answers["model"]["inputs"]] == ["FP64", "BYTES", "INT64", "BOOL", "BYTES"]
    assert [each["name"] for each in answers["model"]["outputs"]] == ["predict", "predict_proba"]


@pytest.mark.parametrize(
    "call",
    [
        *("bytes", "json", "single", "half", "version", "below the function's name", "gzip", "deflate"),
        *("deflated answer", "extras", "asynchronous"),
    ],
)
def test_numbers_are_predicted_in_every_form(answers, call):
    assert answers[call] == {"predict": ["float64", [[1.75], [-1.5]]]}


def test_a_long_answer_of_another_process_in_gzip_is_read(answers):
    assert answers["long in gzip"] == 100_000 * (1.75 - 1.5)


def test_the_id_comes_back(answers):
    assert answers["id"] == "visit-7"


def test_a_classifier_with_a_tensor_a_feature_gives_labels_and_probabilities(answers):
    labels = ["object", [["late"], ["on time"]]]

    assert answers["classes"] == {"predict": labels, "predict_proba": ["float64", [[0.75, 0.25], [0.25, 0.75]]]}
    assert answers["classes as json"] == {"predict": labels}
    assert answers["probabilities alone"] == {
        "model_name": "lateness",
        "model_version": "1",
        "outputs": [
            {"name": "predict_proba", "shape": [2, 2], "datatype": "FP64", "parameters": {"binary_data_size": 32}}
        ],
    }
