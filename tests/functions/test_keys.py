"""Keys beside the instances come back beside the predictions."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from tests.support.kinds import Functions, punctual, sealed
from tests.support.parts import MODEL, document

ROWS = [[3, "red", 2, False, "1970-01-01T05:00:00Z"], [None, "blue", 1, False, "1970-01-01"]]


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
            {"instances": ROWS, "keys": [2**64 - 1, 10**20 - 1]},
            "row 1: a key that is a number must be below 2^64, got 1e+20; send it as a text",
            "/keys/1",
            id="rounded",
        ),
        pytest.param(
            {"instances": ROWS, "keys": [10**400, "a"]},
            "row 0: a key that is a number must be below 2^64, got a number beyond float64 or an infinity;"
            " send it as a text",
            "/keys/0",
            id="beyond-float64",
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


NAMES = ["age", "colour", "floor", "late", "when"]


@pytest.fixture(scope="module")
def keyed():
    """A model whose configuration names the key column `id`."""
    model, arrays = punctual()
    return Functions(sealed(({**model, "data": {"key": "id", "missing": ["NA"]}}, arrays)))


def by_name(*keys):
    return [dict(zip(NAMES, row, strict=True)) | key for row, key in zip(ROWS, keys, strict=True)]


def tensor(name, shape, datatype, data):
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def saved(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


LEAVE_OUT = "leave it out, answers come in the order of the rows"
V2 = f'the key column "id" has no place in the Open Inference Protocol: {LEAVE_OUT}'


@pytest.mark.parametrize(
    ("path", "body", "detail", "pointer", "headers"),
    [
        pytest.param(
            f"/batch/v2/models/{MODEL}/infer",
            {"inputs": [tensor("bmi", [1], "FP64", [1.5]), tensor("id", [1], "BYTES", ["a"])]},
            V2,
            "/inputs/1",
            {},
            id="tensor-a-column",
        ),
        pytest.param(
            f"/batch/v2/models/{MODEL}/infer",
            {"inputs": [tensor("x", [2, 2], "FP64", [7, 1.5, 8, 2.5])]},
            V2,
            "/inputs/0/shape",
            {},
            id="tensor",
        ),
        pytest.param(
            "/batch",
            saved(np.ones((3, 2))),
            f'the key column "id" has no place in NPY: {LEAVE_OUT}',
            "",
            {"content_type": "application/x-npy"},
            id="npy",
        ),
        pytest.param(
            "/batch",
            {"calls": [["a", 1.5], ["b", 2.5]]},
            f'the key column "id" has no place in BigQuery\'s calls: {LEAVE_OUT}',
            "/calls",
            {},
            id="bigquery",
        ),
    ],
)
def test_a_key_column_is_refused_where_answers_have_no_place_for_it(path, body, detail, pointer, headers):
    line = Functions(sealed((document(data={"key": "id"}), b"")))

    answer = ask(line, body, path, **headers)

    assert answer.status_code == 400
    assert json.loads(answer.body)["errors"] == [{"detail": detail, "pointer": pointer}]


SPLIT = {"columns": ["id", *NAMES], "data": [["a", *ROWS[0]], [7, *ROWS[1]]]}
CSV = "age,id,colour,floor,late,when\n3,a,red,2,false,1970-01-01T05:00:00Z\n,7,blue,1,false,1970-01-01\n"


@pytest.mark.parametrize(
    ("body", "keys", "headers"),
    [
        pytest.param({"instances": by_name({"id": "a"}, {"id": 7})}, ["a", 7], {}, id="instances"),
        pytest.param({"instances": by_name({"id": "a"}, {})}, ["a", None], {}, id="not-in-every-row"),
        pytest.param({"instances": by_name({"id": None}, {"id": True})}, [None, True], {}, id="null"),
        pytest.param({"instances": ROWS, "keys": ["a", 7]}, ["a", 7], {}, id="keys"),
        pytest.param(by_name({"id": "a"}, {"id": 7}), ["a", 7], {}, id="bare-array"),
        pytest.param({"dataframe_records": by_name({"id": "a"}, {"id": 7})}, ["a", 7], {}, id="records"),
        pytest.param({"dataframe_split": SPLIT}, ["a", 7], {}, id="split"),
        pytest.param(
            {"inputs": {name: list(cells) for name, cells in zip(NAMES, zip(*ROWS, strict=True), strict=True)} | {"id": [["a"], [7]]}},
            ["a", 7],
            {},
            id="columns",
        ),
        pytest.param(
            "\n".join(map(json.dumps, by_name({"id": "a"}, {"id": 7}))).encode(),
            ["a", 7],
            {"content_type": "application/x-ndjson"},
            id="json-lines",
        ),
        pytest.param(CSV.encode(), ["a", "7"], {"content_type": "text/csv"}, id="csv"),
        pytest.param(CSV.replace(",7,", ",NA,").encode(), ["a", None], {"content_type": "text/csv"}, id="csv-missing"),
    ],
)  # fmt: skip
def test_the_key_column_comes_back_beside_the_predictions(keyed, body, keys, headers):
    plain = json.loads(ask(keyed, {"instances": ROWS}).body)

    answer = json.loads(ask(keyed, body, **headers).body)

    assert answer.pop("keys") == keys
    assert answer == plain | ({"warnings": answer["warnings"]} if "warnings" in plain else {})


def test_a_request_without_the_key_column_is_answered_without_keys(keyed):
    assert "keys" not in json.loads(ask(keyed, {"instances": by_name({}, {})}).body)


def test_the_key_of_one_instance_comes_back_beside_the_prediction(keyed):
    answer = json.loads(ask(keyed, {"instance": by_name({"id": 7}, {})[0]}, "/stream").body)

    assert (answer["prediction"], answer["key"]) == ("late", 7)


@pytest.mark.parametrize(
    ("body", "detail", "pointer", "headers"),
    [
        pytest.param(
            {"instances": by_name({"id": "a"}, {"id": []})},
            "row 1: a key must be a text, a number, true or false, got an array of 0",
            "/instances/1/id",
            {},
            id="array",
        ),
        pytest.param(
            {"instances": by_name({"id": "a"}, {"id": 7}), "keys": ["a", 7]},
            "'keys' and members \"id\" exclude each other; leave one out",
            "/keys",
            {},
            id="both",
        ),
        pytest.param(
            {"dataframe_split": SPLIT | {"data": [["a", *ROWS[0]], [{}, *ROWS[1]]]}},
            "row 1: a key must be a text, a number, true or false, got an object",
            "/dataframe_split/data/1/0",
            {},
            id="split",
        ),
        pytest.param(
            b'{"instances": [{"age": 3, "colour": "red", "floor": 2, "late": false, "when": "1970-01-01", "id": 1, "id": 2}]}',
            'row 0: feature "id" came twice',
            "/instances/0/id",
            {},
            id="twice",
        ),
        pytest.param(
            CSV.replace("age,id", "id,id").encode(),
            'line 1: column "id" came twice',
            "",
            {"content_type": "text/csv"},
            id="column-twice",
        ),
    ],
)
def test_a_key_column_that_cannot_come_back_is_refused(keyed, body, detail, pointer, headers):
    answer = ask(keyed, body, **headers)

    assert answer.status_code == 400
    assert json.loads(answer.body)["errors"][0] == {"detail": detail, "pointer": pointer}


def test_a_key_column_is_no_feature_where_the_model_names_none(prices):
    assert ask(prices, {"instances": by_name({"id": "a"}, {"id": 7})}).status_code == 400


def test_captured_rows_carry_the_key(keyed, capfd):
    ask(keyed, {"instances": by_name({"id": "a" * 300}, {"id": 7})}, x_request_id="visit")

    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines() if '"kind":"row"' in line]
    assert [row["key"] for row in rows] == ["a" * 256 + "…", 7]


def test_keys_of_a_model_without_a_key_column_are_not_captured(prices, capfd):
    ask(prices, {"instances": ROWS, "keys": ["a", "b"]})

    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines() if '"kind":"row"' in line]
    assert len(rows) == 2
    assert all("key" not in row for row in rows)
