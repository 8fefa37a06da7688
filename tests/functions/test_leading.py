"""`parameters.top`: the most probable classes in an answer, and in the captured line where there are many classes."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from model.training.export import export
from tests.support.kinds import Functions, many_classes, price, punctual, sealed
from tests.support.parts import MODEL, document

MODEL_1 = {"name": MODEL, "version": 1}
RED = [1, "red", 1, 0, "1970-01-01"]
NAMES = ["age", "colour", "floor", "late", "when"]
BLUE = [1, "blue", 1, 0, "1970-01-01"]


@pytest.fixture(scope="module")
def twelve():
    return Functions(sealed(many_classes()))


def asked(functions, path, body):
    """Status and JSON of the answer to a POST."""
    spelled = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = functions.ask("POST", path, spelled)
    return response.status_code, json.loads(response.body)


def refusal(functions, body, path="/batch"):
    """Details, and pointers, of a 400."""
    status, problem = asked(functions, path, body)
    assert status == 400
    return [(error["detail"], error["pointer"]) for error in problem["errors"]]


# Refusals


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        pytest.param({"top": 0}, ("'top' must be a whole number from 1, got 0", "/parameters/top"), id="zero"),
        pytest.param({"top": -3}, ("'top' must be a whole number from 1, got -3", "/parameters/top"), id="negative"),
        pytest.param({"top": 2.0}, ("'top' must be a whole number from 1, got 2.0", "/parameters/top"), id="point"),
        pytest.param({"top": True}, ("'top' must be a whole number from 1, got true", "/parameters/top"), id="boolean"),
        pytest.param({"top": "3"}, ("'top' must be a whole number from 1, got \"3\"", "/parameters/top"), id="text"),
        pytest.param({"top": None}, ("'top' must be a whole number from 1, got null", "/parameters/top"), id="null"),
        pytest.param(
            {"top": [3]}, ("'top' must be a whole number from 1, got an array of 1", "/parameters/top"), id="list"
        ),
        pytest.param({"Top": 3}, ('unknown parameter "Top"; expected {"top": 3}', "/parameters/Top"), id="misspelt"),
        pytest.param(
            {"a/b": 3, "top": 1}, ('unknown parameter "a/b"; expected {"top": 3}', "/parameters/a~1b"), id="another"
        ),
        pytest.param(3, ("'parameters' must be an object like {\"top\": 3}, got 3", "/parameters"), id="number"),
        pytest.param(
            [3], ("'parameters' must be an object like {\"top\": 3}, got an array of 1", "/parameters"), id="array"
        ),
    ],
)
@pytest.mark.parametrize("path", ["/batch", "/stream"])
def test_parameters_that_mean_nothing_are_refused_with_their_place(twelve, path, parameters, error):
    assert refusal(twelve, {"instances": [RED], "parameters": parameters}, path) == [error]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(
            b'{"parameters": {"top": 3, "top": 2}, "instances": [[1, "red", 1, 0, "1970-01-01"]]}',
            ('parameter "top" came twice', "/parameters/top"),
            id="top",
        ),
        pytest.param(
            b'{"parameters": {"top": 3}, "instances": [[1, "red", 1, 0, "1970-01-01"]], "parameters": {"top": 2}}',
            ('member "parameters" came twice', "/parameters"),
            id="parameters",
        ),
    ],
)
def test_parameters_that_came_twice_are_refused(twelve, body, error):
    assert refusal(twelve, body) == [error]


def test_a_regression_takes_no_parameters():
    functions = Functions(sealed(price()))

    assert refusal(functions, {"instances": [RED], "parameters": {"top": 3}}) == [
        (
            "'parameters' must be empty: 'top' shortens the probabilities of classes, and this model is a regression",
            "/parameters",
        )
    ]


def test_a_classifier_without_probabilities_has_none_to_shorten():
    functions = Functions(sealed(many_classes(probabilities=None)))

    assert refusal(functions, {"instances": [RED], "parameters": {"top": 3}}) == [
        ("'top' shortens probabilities, and this model gives none", "/parameters/top")
    ]


# Answers


def test_a_batch_has_the_most_probable_classes_of_each_row_in_descending_order(twelve):
    body = {"instances": [RED, BLUE], "parameters": {"top": 3}}

    assert asked(twelve, "/batch", body) == (
        200,
        {
            "predictions": ["c05", "c06"],
            "probabilities": [[0.5, 0.15, 0.15], [0.5, 0.15, 0.15]],
            "classes": [["c05", "c02", "c09"], ["c06", "c02", "c09"]],
            "model": MODEL_1,
        },
    )


@pytest.mark.parametrize("instances", [{"instance": RED}, {"instances": [RED]}], ids=["instance", "instances"])
def test_stream_shortens_as_batch_does(twelve, instances):
    status, answer = asked(twelve, "/stream", {**instances, "parameters": {"top": 2}})

    listed = "instances" in instances
    assert (status, answer["probabilities"]) == (200, [[0.5, 0.15]] if listed else [0.5, 0.15])
    assert answer["classes"] == ([["c05", "c02"]] if listed else ["c05", "c02"])


def test_a_top_beyond_the_classes_is_all_of_them_in_descending_order():
    functions = Functions(sealed(punctual()))

    status, answer = asked(functions, "/batch", {"instances": [BLUE], "parameters": {"top": 1000}})

    assert (status, answer["probabilities"], answer["classes"]) == (200, [[0.75, 0.25]], [["on time", "late"]])


@pytest.mark.parametrize("parameters", [{}, None], ids=["empty", "null"])
def test_without_top_the_probabilities_of_all_classes_stand_in_the_model_s_order(twelve, parameters):
    _, plain = asked(twelve, "/batch", {"instances": [RED]})

    status, answer = asked(twelve, "/batch", {"instances": [RED], "parameters": parameters})

    assert (status, answer) == (200, plain)
    assert (len(plain["probabilities"][0]), plain["classes"][0]) == (12, "c00")


def test_a_shorter_answer_may_have_more_rows():
    functions = Functions(sealed(many_classes()), max_body_bytes=4000)
    instances = [RED] * 20

    refused, problem = asked(functions, "/batch", {"instances": instances})
    taken, answer = asked(functions, "/batch", {"instances": instances, "parameters": {"top": 1}})

    assert (refused, problem["detail"]) == (
        413,
        "'instances' must hold at most 12 instances, got 20; send them in parts",
    )
    assert (taken, len(answer["predictions"])) == (200, 20)


@pytest.mark.parametrize("path", ["/batch", f"/batch/v1/models/{MODEL}:predict"], ids=["own", "kserve"])
@pytest.mark.parametrize("first", ["instances", "parameters"])
def test_a_shorter_answer_may_have_many_more_cells(path, first):
    functions = Functions(sealed(many_classes()), max_body_bytes=100_000)
    members = {"instances": [RED] * 800, "parameters": {"top": 1}}
    body = {first: members.pop(first), **members}

    refused, _ = asked(functions, path, {**body, "parameters": {}})
    taken, answer = asked(functions, path, body)

    assert (refused, taken, len(answer["predictions"])) == (413, 200, 800)


def test_a_shorter_answer_is_bounded_too():
    functions = Functions(sealed(many_classes()), max_body_bytes=2000)
    instances = [RED] * 40

    status, problem = asked(functions, "/batch", {"instances": instances, "parameters": {"top": 1}})

    assert (status, problem["detail"]) == (
        413,
        "'instances' must hold at most 20 instances, got 40; send them in parts",
    )


# Alone and in a batch


def served(estimator, x, y):
    """The functions over *estimator*, fitted to the rows."""
    frame = pd.DataFrame(x, columns=list("abcd"))
    estimator.fit(frame, y)
    exported = export(estimator, list("abcd"))
    features = [{"name": name, "minimum": -9.0, "maximum": 9.0} for name in "abcd"]
    prediction = estimator.predict(frame[:1])[0]
    body = {
        **document(features=features, golden=[{"instance": x[0].tolist(), "prediction": prediction}], linear=None),
        **exported.document,
        "task": "classification",
    }
    return Functions(sealed((body, exported.arrays)))


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(RandomForestClassifier(20, max_depth=5, random_state=1), id="forest"),
        pytest.param(make_pipeline(StandardScaler(), LogisticRegression()), id="logistic"),
    ],
)
@pytest.mark.parametrize("parameters", [{}, {"top": 2}], ids=["all", "top"])
def test_stream_and_batch_give_the_same_bits(estimator, parameters):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(300, 4))
    functions = served(estimator, x, np.array(["a", "b", "c"])[np.digitize(x[:, 0] + x[:, 1], [-0.5, 0.7])])

    _, whole = asked(functions, "/batch", {"instances": x.tolist(), "parameters": parameters})
    alone = [asked(functions, "/stream", {"instance": row, "parameters": parameters})[1] for row in x[:40].tolist()]

    classes = whole["classes"][:40] if parameters else [whole["classes"]] * 40
    assert [answer["prediction"] for answer in alone] == whole["predictions"][:40]
    assert [answer["probabilities"] for answer in alone] == whole["probabilities"][:40]
    assert [answer["classes"] for answer in alone] == classes


# Recorded lines


def captured(capfd):
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    return [line for line in lines if line.get("kind") == "row"]


@pytest.mark.parametrize("parameters", [{}, {"top": 1}], ids=["all", "top"])
def test_a_line_has_the_probability_of_each_class(capfd, parameters):
    functions = Functions(sealed(punctual()))

    asked(functions, "/batch", {"instances": [RED, BLUE], "parameters": parameters})

    assert [(line["prediction"], line["classes"], line["probabilities"]) for line in captured(capfd)] == [
        ("late", ["late", "on time"], [0.75, 0.25]),
        ("on time", ["late", "on time"], [0.25, 0.75]),
    ]


def test_a_line_has_the_ten_most_probable_of_many_classes(twelve, capfd):
    asked(twelve, "/stream", {"instance": RED})

    (line,) = captured(capfd)
    assert (line["prediction"], line["classes"]) == (
        "c05",
        ["c05", "c02", "c09", "c00", "c01", "c03", "c04", "c06", "c07", "c08"],
    )
    assert line["probabilities"] == [0.5, 0.15, 0.15, 0.12, *[0.01] * 6]


@pytest.mark.parametrize(
    "made", [pytest.param(price(), id="regression"), pytest.param(many_classes(None), id="no-probabilities")]
)
def test_a_line_of_another_model_has_no_such_members(made, capfd):
    asked(Functions(sealed(made)), "/batch", {"instances": [RED]})

    (line,) = captured(capfd)
    assert {"classes", "probabilities"} & line.keys() == set()


def test_a_sample_of_a_batch_keeps_each_row_s_own_probabilities(capfd):
    functions = Functions(sealed(punctual()), capture_rows=5)

    asked(functions, "/batch", {"instances": [RED, BLUE] * 50})

    lines = captured(capfd)
    assert len(lines) == 5
    assert [line["probabilities"][0] for line in lines] == [0.25 if line["row"] % 2 else 0.75 for line in lines]


# Other formats


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"dataframe_records": [dict(zip(NAMES, RED, strict=True))], "params": {"top": 2}}, id="params"),
        pytest.param({"inputs": [RED], "parameters": {"top": 2}}, id="inputs"),
        pytest.param({"dataframe_split": {"columns": NAMES, "data": [RED]}, "parameters": {"top": 2}}, id="split"),
    ],
)
def test_a_table_takes_top_as_instances_do(twelve, body):
    assert asked(twelve, "/batch", body) == asked(twelve, "/batch", {"instances": [RED], "parameters": {"top": 2}})


def test_a_table_takes_top_once(twelve):
    body = {"inputs": [RED], "parameters": {"top": 2}, "params": {"top": 2}}

    assert refusal(twelve, body) == [("'params' and 'parameters' exclude each other", "/params")]


def test_csv_has_the_most_probable_classes_in_columns(twelve):
    body = json.dumps({"instances": [RED], "parameters": {"top": 2}}).encode()

    answer = twelve.ask("POST", "/batch", body, accept="text/csv").body.decode()

    assert answer == "prediction,class:1,probability:1,class:2,probability:2\nc05,c05,0.5,c02,0.15\n"
