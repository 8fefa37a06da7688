"""A request that holds the training table's row is told which of its columns are no features."""

from __future__ import annotations

import json

import pytest

from tests.support.kinds import Functions, price, sealed
from tests.support.parts import MODEL, document

TARGET = '"rent" is the target, which the model predicts; leave it out'
SPLIT = '"tenant" is no feature: it split the rows for training; leave it out'
UNKNOWN = 'unknown feature "rents"; the feature is bmi'


@pytest.fixture(scope="module")
def line():
    changes = {"target": {"name": "rent"}, "data": {"split": {"group": "tenant"}}}
    return Functions(sealed((document(**changes), b"")))


def refusals(functions, body, path="/batch", **headers):
    """Detail and pointer of each problem."""
    spelled = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = functions.ask("POST", path, spelled, **headers)
    assert answer.status_code == 400
    return [(each["detail"], each["pointer"]) for each in json.loads(answer.body)["errors"]]


def tensor(name):
    return {"name": name, "shape": [1], "datatype": "FP64", "data": [1]}


@pytest.mark.parametrize(
    ("path", "body", "content_type", "problems"),
    [
        pytest.param(
            "/batch",
            {"instances": [{"bmi": 1}, {"bmi": 1, "rent": 2}]},
            "application/json",
            [(f"row 1: {TARGET}", "/instances/1/rent")],
            id="instances",
        ),
        pytest.param(
            "/stream",
            {"instance": {"tenant": 3, "bmi": 1, "rents": 2, "rent": 2}},
            "application/json",
            [
                (f"row 0: {SPLIT}", "/instance/tenant"),
                (f"row 0: {UNKNOWN}", "/instance/rents"),
                (f"row 0: {TARGET}", "/instance/rent"),
            ],
            id="instance",
        ),
        pytest.param(
            "/batch",
            b"tenant,bmi,rent\n3,1,2\n",
            "text/csv",
            [(f"line 1, column 1: {SPLIT}", ""), (f"line 1, column 3: {TARGET}", "")],
            id="csv",
        ),
        pytest.param(
            "/batch",
            b'{"bmi": 1, "rent": 2}',
            "application/x-ndjson",
            [(f"line 1: {TARGET}", "/0/rent")],
            id="json-lines",
        ),
        pytest.param(
            "/batch",
            {"dataframe_split": {"columns": ["bmi", "rent"], "data": [[1, 2]]}},
            "application/json",
            [(TARGET, "/dataframe_split/columns/1")],
            id="split",
        ),
        pytest.param(
            f"/batch/v2/models/{MODEL}/infer",
            {"inputs": [tensor("rent"), tensor("bmi")]},
            "application/json",
            [(TARGET, "/inputs/0")],
            id="tensors",
        ),
    ],
)
def test_a_column_of_the_training_table_is_told_as_what_it_is(line, path, body, content_type, problems):
    assert refusals(line, body, path, content_type=content_type) == problems


def test_a_large_body_is_told_the_same(line):
    body = {"instances": [{"bmi": 1}] * 1000 + [{"bmi": 1, "rent": 2}]}

    assert refusals(line, body) == [(f"row 1000: {TARGET}", "/instances/1000/rent")]


def test_the_path_is_told_the_same(line):
    answer = line.ask("GET", '/stream/{"bmi":1,"rent":2}')

    assert json.loads(answer.body)["detail"] == f"row 0: {TARGET}"


def test_the_column_that_split_the_rows_by_time_is_told():
    functions = Functions(sealed(price(data={"split": {"time": "sold", "from": 5.0}})))

    assert refusals(functions, b"sold\n1\n", content_type="text/csv")[0] == (
        'line 1, column 1: "sold" is no feature: it split the rows for training; leave it out',
        "",
    )


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"target": None}, id="no-target"),
        pytest.param({"target": {"name": 5}, "data": None}, id="another-type"),
        pytest.param({"target": {"name": "x" * 41}, "data": {"split": "rows"}}, id="long"),
    ],
)
def test_a_version_that_names_no_other_column_tells_the_features(changes):
    functions = Functions(sealed((document(**changes), b"")))

    assert refusals(functions, {"instances": [{"bmi": 1, "rents": 2}]}) == [(f"row 0: {UNKNOWN}", "/instances/0/rents")]
