"""Tables as pandas and MLflow write them, `inputs`, and a bare array."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kinds import FEATURES
from tests.support.parts import MODEL

NAMES = [feature["name"] for feature in FEATURES]
ROWS = [[3, "red", 2, False, "1970-01-01T05:00:00Z"], [None, "blue", 1, False, "1970-01-01"]]
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
COLUMNS = {name: [row[place] for row in ROWS] for place, name in enumerate(NAMES)}
BACKWARDS = {"columns": NAMES[::-1], "index": [7, 9], "data": [row[::-1] for row in ROWS]}


def ask(functions, body, path="/batch"):
    spelled = body if isinstance(body, bytes) else json.dumps(body).encode()
    return functions.ask("POST", path, spelled)


# Refusals

TENSOR = {"name": "age", "shape": [1], "datatype": "FP64", "data": [1.5]}


@pytest.mark.parametrize("path", ["/batch", "/stream", "/batch/invocations", f"/batch/v1/models/{MODEL}:predict"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"inputs": [TENSOR]}, id="inputs"),
        pytest.param({"id": "a", "inputs": [TENSOR]}, id="id"),
        pytest.param({"parameters": {"content_type": "pd"}, "inputs": [TENSOR] * 5}, id="parameters"),
        pytest.param({"inputs": [{**TENSOR, "data": []}], "outputs": [{"name": "predict"}]}, id="outputs"),
    ],
)
def test_tensors_are_told_the_address_that_takes_them(prices, path, body):
    answer = ask(prices, body, path)

    assert answer.status_code == 400
    assert json.loads(answer.body)["errors"] == [
        {
            "detail": "this looks like a request of the Open Inference Protocol, which /v2/models/MODEL/infer takes",
            "pointer": "/inputs",
        }
    ]


def test_an_instance_with_a_feature_of_the_name_shape_is_no_tensor(prices):
    answer = ask(prices, {"inputs": [{"shape": 1, **RECORDS[0]}]})

    assert json.loads(answer.body)["errors"] == [
        {
            "detail": 'row 0: unknown feature "shape"; the features are age, colour, floor, late, when',
            "pointer": "/inputs/0/shape",
        }
    ]


@pytest.mark.parametrize("path", [f"/batch/v1/models/{MODEL}:predict", "/batch"])
def test_a_call_of_bigquery_that_is_not_told_as_one_says_where_it_is(prices, path):
    answer = ask(prices, {"id": 1, "calls": ROWS}, path)

    assert json.loads(answer.body)["errors"] == [
        {
            "detail": "this looks like a call of BigQuery, which /batch takes, with 'calls' or one of its own members"
            " first",
            "pointer": "/calls",
        }
    ]


def split(**changes):
    return {"dataframe_split": {**BACKWARDS, **changes}}


@pytest.mark.parametrize(
    ("body", "detail", "pointer"),
    [
        pytest.param(
            BACKWARDS,
            'a table goes into a member of the body: {"dataframe_split": {"columns": …}}',
            "",
            id="what-pandas-writes-by-split",
        ),
        *(
            pytest.param(
                body,
                'from pandas send {"dataframe_split": …} with to_json(orient="split") in it, or orient="records" alone',
                "",
                id=f"what-pandas-writes-by-{orient}",
            )
            for orient, body in (
                ("columns", {name: {"0": cells[0]} for name, cells in COLUMNS.items()}),
                ("index", {"0": RECORDS[0], "1": RECORDS[1]}),
                ("table", {"schema": {"fields": []}, "data": RECORDS}),
            )
        ),
        pytest.param(
            {"dataframe_split": []},
            "'dataframe_split' must be an object with 'columns' and 'data', got an array of 0",
            "/dataframe_split",
            id="split-of-another-type",
        ),
        pytest.param(
            split(columns=["age", "hue", "floor", "late", "when"]),
            'unknown feature "hue"; the features are age, colour, floor, late, when',
            "/dataframe_split/columns/1",
            id="unknown-column",
        ),
        pytest.param(
            split(columns=["when", "late", "floor", "colour", "when"]),
            'column "when" came twice',
            "/dataframe_split/columns",
            id="column-twice",
        ),
        pytest.param(
            split(columns=["when"], data=[["1970-01-01"]]),
            "missing feature 'colour'",
            "/dataframe_split/columns",
            id="forgotten-column",
        ),
        pytest.param(
            split(data=[ROWS[0][::-1], [1]]),
            "row 1: must be an array of 5 cells, one a column, got an array of 1",
            "/dataframe_split/data/1",
            id="short-row",
        ),
        pytest.param(
            split(data=[["1970-01-01", False, 9, "red", 3]]),
            "row 0: 'floor' must be one of 1, 2, got 9",
            "/dataframe_split/data/0/2",
            id="cell-in-the-order-sent",
        ),
        pytest.param(
            split(data=[]), "'dataframe_split/data' must hold at least 1 instance, got 0", "/dataframe_split/data"
        ),
        pytest.param(split(extra=1), "unknown member \"extra\"; expected 'columns', 'index' and 'data'", None),
        pytest.param(
            {"dataframe_records": [{**RECORDS[0], "floor": 9}]},
            "row 0: 'floor' must be one of 1, 2, got 9",
            "/dataframe_records/0/floor",
            id="records",
        ),
        pytest.param(
            {"inputs": {**COLUMNS, "floor": [2, 9]}},
            "row 1: 'floor' must be one of 1, 2, got 9",
            "/inputs/floor/1",
            id="columns",
        ),
        pytest.param(
            {"inputs": {**COLUMNS, "floor": [2]}},
            'all columns must be of one length: "floor" holds 1 cells, another 2',
            "/inputs/floor",
            id="lengths",
        ),
        pytest.param({"inputs": {**COLUMNS, "floor": 2}}, '"floor" must be an array of cells, got 2', "/inputs/floor"),
        pytest.param(
            [ROWS[0], ["x"]],
            "row 1: must hold 5 values (age, colour, floor, late, when), got 1",
            "/1",
            id="bare-array",
        ),
        pytest.param([], "the body must hold at least 1 instance, got 0", "", id="empty-array"),
        pytest.param(
            {"dataframe_records": RECORDS, "rest": 1},
            "unknown member \"rest\"; expected 'dataframe_records' alone",
            "/rest",
            id="another-member",
        ),
        pytest.param(
            {"inputs": ROWS, "params": {"a": 1}},
            "'params' must be empty: 'top' shortens the probabilities of classes, and this model is a regression",
            "/params",
            id="params",
        ),
    ],
)
def test_a_table_that_cannot_be_read_says_where(prices, body, detail, pointer):
    answer = ask(prices, body)

    (error, *_) = json.loads(answer.body)["errors"]
    assert (answer.status_code, error["detail"]) == (400, detail)
    assert pointer in {None, error["pointer"]}


def test_a_name_that_came_twice_is_refused_with_its_place(prices):
    body = json.dumps({"dataframe_records": RECORDS}).replace('"floor": 2', '"floor": 1, "floor": 2').encode()

    answer = json.loads(ask(prices, body).body)

    assert answer["errors"] == [{"detail": '"floor" came twice', "pointer": "/dataframe_records/0/floor"}]


cells = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
values = st.recursive(
    cells,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from([*NAMES, "columns", "data", "index"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    body=st.dictionaries(
        st.sampled_from(["dataframe_split", "dataframe_records", "inputs", "params"]), values, max_size=2
    )
    | st.fixed_dictionaries({"dataframe_split": st.fixed_dictionaries({"columns": values, "data": values})})
    | st.fixed_dictionaries({"inputs": st.dictionaries(st.sampled_from(NAMES), st.lists(cells, max_size=3))})
    | values
)
def test_any_table_gets_an_answer(prices, body):
    assert ask(prices, body).status_code in {200, 400, 413}


# Answers


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"dataframe_split": {"columns": NAMES, "data": ROWS}}, id="split"),
        pytest.param({"dataframe_split": BACKWARDS}, id="split-backwards"),
        pytest.param({"dataframe_split": {"data": ROWS}}, id="split-without-columns"),
        pytest.param({"dataframe_records": RECORDS}, id="records"),
        pytest.param({"inputs": ROWS}, id="inputs"),
        pytest.param({"inputs": RECORDS, "params": {}}, id="inputs-by-name"),
        pytest.param({"inputs": COLUMNS}, id="columns"),
        pytest.param({"inputs": {name: [[cell] for cell in column] for name, column in COLUMNS.items()}}, id="n-by-1"),
        pytest.param(ROWS, id="bare-array"),
        pytest.param({"parameters": {}, "instances": ROWS}, id="own-format-with-another-first-member"),
    ],
)
@pytest.mark.parametrize("path", ["/batch", "/batch/invocations"])
def test_every_table_is_answered_as_the_same_instances(prices, body, path):
    assert ask(prices, body, path).body == ask(prices, {"instances": ROWS}).body


def test_a_column_that_may_be_absent_is_missing(prices):
    named = {name: COLUMNS[name] for name in NAMES[1:]}
    nulls = [[None, *row[1:]] for row in ROWS]

    assert ask(prices, {"inputs": named}).body == ask(prices, {"instances": nulls}).body


def test_a_warning_points_into_the_table_as_it_was_sent(prices):
    answer = ask(prices, split(data=[["1970-01-01", False, 2, "red", 99]]))

    (warning,) = json.loads(answer.body)["warnings"]
    assert warning["pointer"] == "/dataframe_split/data/0/4"


def test_one_row_of_a_table_is_answered_by_stream(prices):
    answer = ask(prices, {"dataframe_records": RECORDS[:1]}, "/stream")

    assert answer.body == ask(prices, {"instances": ROWS[:1]}, "/stream").body


@pytest.mark.parametrize("path", ["/batch/ping", "/stream/ping"])
def test_sagemaker_s_ping_is_the_readiness(prices, path):
    assert prices.ask("GET", path).status_code == 200


def test_invocations_are_posted(prices):
    assert prices.ask("GET", "/batch/invocations").status_code == 405
