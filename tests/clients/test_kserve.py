"""KServe's InferenceRESTClient, unchanged, over its protocols v1 and v2."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.sweep  # its environment is 300 MB
LABELS, PROBABILITIES = ["late", "on time"], [0.75, 0.25, 0.25, 0.75]


@pytest.fixture(scope="module")
def answers(answers_to):
    return answers_to("kserve")


@pytest.mark.parametrize(
    ("call", "status", "message"),
    [
        pytest.param("v1 another model ready", 404, 'no model "other" is served here; there is lines'),
        pytest.param("v1 a bad cell", 400, "row 0: 'b' must be a number, got \"x\""),
        pytest.param("v2 another model", 404, 'no model "other" is served here; there is lines'),
        pytest.param("v2 another output", 400, 'an output\'s name must be predict, got "y"'),
    ],
)
def test_an_error_is_told_with_its_message(answers, call, status, message):
    assert answers[call] == [status, message]


@pytest.mark.parametrize("call", ["v1 live", "v1 model ready", "v2 live", "v2 ready", "v2 model ready"])
def test_the_server_and_its_model_are_live_and_ready(answers, call):
    assert answers[call] is True


def test_another_model_is_not_ready(answers):
    assert answers["v2 another model ready"] is False


@pytest.mark.parametrize("call", ["v1", "v1 below the function's name", "v1 inputs"])
def test_instances_are_predicted(answers, call):
    assert answers[call] == {"predictions": [1.75, -1.5], "model": {"name": "lines", "version": 1}}


def test_a_classifier_answers_labels_and_probabilities_over_v1(answers):
    assert answers["v1 classes"] == {
        "predictions": LABELS,
        "probabilities": [[0.75, 0.25], [0.25, 0.75]],
        "classes": LABELS,
        "model": {"name": "lateness", "version": 1},
    }


@pytest.mark.parametrize("call", ["v2 bytes", "v2 json", "v2 below the function's name", "v2 bytes back"])
def test_tensors_are_predicted_in_every_form(answers, call):
    assert answers[call] == {"predict": [1.75, -1.5]}


def test_a_nested_tensor_is_read_and_the_id_comes_back(answers):
    assert answers["v2 nested"] == ["visit-7", "lines", None, [1.75, -1.5]]


def test_a_classifier_with_a_tensor_a_feature_gives_labels_and_probabilities(answers):
    assert answers["v2 classes"] == {"predict": LABELS, "predict_proba": PROBABILITIES}
    assert answers["v2 labels alone"] == {"predict": LABELS}
