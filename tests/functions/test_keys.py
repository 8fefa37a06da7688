"""Keys beside the instances come back beside the predictions."""

from __future__ import annotations

import json

import pytest

from tests.support.kinds import Functions, price, punctual, sealed

ROWS = [[3, "red", 2, False, "1970-01-01T05:00:00Z"], [None, "blue", 1, False, "1970-01-01"]]


@pytest.fixture(scope="module")
def prices():
    return Functions(sealed(price()))


def ask(functions, body, path="/batch", **headers):
    return functions.ask("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode(), **headers)


@pytest.mark.parametrize(
    ("body", "detail", "pointer"),
    [
        pytest.param(
            {"instances": ROWS, "keys": ["a"]},
            "'keys' must be an array of 2, one an instance, got an array of 1",
            "/keys",
            id="too-few",
        ),
        pytest.param(
            {"instances": ROWS, "keys": "ab"}, "'keys' must be an array of 2, one an instance, got \"ab\"", "/keys"
        ),
        pytest.param(
            {"instances": ROWS, "keys": ["a", []]},
            "row 1: a key must be a text, a number, true or false, got an array of 0",
            "/keys/1",
            id="array",
        ),
        pytest.param(
            {"instances": ROWS, "keys": [float("nan"), 1]},
            "row 0: a key must be a text, a number, true or false, got NaN",
            "/keys/0",
            id="nan",
        ),
        pytest.param(
            {"instances": ROWS, "keys": ["\ud800", 1]},
            'row 0: a key must be a text, a number, true or false, got "?"',
            "/keys/0",
            id="half-a-pair",
        ),
        pytest.param(
            b'{"instances": [[3, "red", 2, false, "1970-01-01"]], "keys": ["a"], "keys": ["b"]}',
            'member "keys" came twice',
            "/keys",
            id="twice",
        ),
    ],
)
def test_keys_that_cannot_come_back_are_refused(prices, body, detail, pointer):
    answer = ask(prices, body)

    assert answer.status_code == 400
    assert json.loads(answer.body)["errors"] == [{"detail": detail, "pointer": pointer}]


def test_keys_beside_one_instance_are_refused(prices):
    answer = ask(prices, {"instance": ROWS[0], "keys": ["a"]}, "/stream")

    assert json.loads(answer.body)["errors"] == [
        {"detail": "'keys' stand beside 'instances' alone", "pointer": "/keys"}
    ]


@pytest.mark.parametrize("keys", [["a", "b"], [7, 0.1], ['"', "é"], [True, "x"], None])
def test_keys_come_back_in_order(prices, keys):
    plain = json.loads(ask(prices, {"instances": ROWS}).body)

    answer = json.loads(ask(prices, {"keys": keys, "instances": ROWS}).body)

    assert answer == ({**plain, "keys": keys} if keys else plain)


def test_keys_come_back_in_every_format():
    functions = Functions(sealed(punctual()))
    body = {"instances": ROWS, "keys": ["a", 7]}

    csv = ask(functions, body, accept="text/csv").body.decode()
    lines = ask(functions, body, accept="application/x-ndjson").body.splitlines()

    assert [line.split(",")[0] for line in csv.splitlines()] == ["key", "a", "7"]
    assert [json.loads(line)["key"] for line in lines] == ["a", 7]
