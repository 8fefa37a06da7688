"""The functions over columns of every kind: calls, answers, refusals, and the lines that they leave."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.kinds import FEATURES, Functions, price, punctual, sealed
from tests.support.parts import MODEL, document

MODEL_1 = {"name": MODEL, "version": 1}
MANY = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
GOOD = [3, "red", 2, False, "1970-01-01T05:00:00Z"]


@pytest.fixture
def rows(capfd):
    """The captured lines since the last look."""

    def rows(kind: str = "row") -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        return [line for line in lines if line.get("kind") == kind]

    return rows


def asked(functions, method, path, body=None):
    """Status and JSON of an answer."""
    response = functions.ask(method, path, b"" if body is None else json.dumps(body).encode())
    return response.status_code, json.loads(response.body)


def refusal(functions, method, path, body=None):
    """Details, and pointers, of a 400."""
    status, problem = asked(functions, method, path, body)
    assert status == 400
    return [(error["detail"], error["pointer"]) for error in problem["errors"]]


# Refusals


@pytest.mark.parametrize(
    ("path", "detail", "pointer"),
    [
        pytest.param(
            "/stream/[red,3]",
            "not JSON: unexpected character, expected a JSON value: line 1 column 2 (char 1); a text has double quotes, in an address %22",
            "",
            id="no-quotes",
        ),
        pytest.param(
            '/stream/[3,"red",2,false,1970-01-01]',
            "not JSON: unexpected character, expected ',' or ']': line 1 column 22 (char 21); "
            "a text has double quotes, in an address %22",
            "",
            id="a-date-without-quotes",
        ),
        pytest.param(
            '/stream/[3,"red",9,false,"1970-01-01"]',
            "row 0: 'floor' must be one of 1, 2, got 9",
            "/instance/2",
            id="unknown-level",
        ),
        pytest.param(
            '/stream/[3,"red",null,false,"1970-01-01"]',
            "row 0: 'floor' must be one of 1, 2, got null",
            "/instance/2",
            id="null",
        ),
        pytest.param(
            '/batch/[[3,"red",2,false,"1970-01-01"],[3,"red",2,"no","1970-01-01"]]',
            "row 1: 'late' must be true or false, got \"no\"",
            "/instances/1/3",
            id="boolean",
        ),
        pytest.param(
            '/stream/[05,"red",2,false,"1970-01-01"]',
            'not JSON: the number "05" has a leading zero; decimals have a point (0.05), and a comma separates values',
            "",
            id="a-leading-zero-beside-texts",
        ),
        pytest.param(
            '/stream/{"age":1,"colour":"a","colour":"b","floor":1,"late":0,"when":"1970-01-01"}',
            'row 0: feature "colour" came twice',
            "/instance/colour",
            id="twice",
        ),
    ],
)
def test_a_path_that_cannot_be_answered_says_why(prices, path, detail, pointer):
    assert refusal(prices, "GET", path) == [(detail, pointer)]


@pytest.mark.parametrize(
    ("function", "value"),
    [
        pytest.param("stream", '[0.5,"red",1,true,"2026-11-26"]', id="stream"),
        pytest.param("batch", '[[0.5,"red",1,true,"2026-11-26"]]', id="batch"),
    ],
)
def test_a_bare_text_in_a_path_is_told_to_have_quotes(prices, function, value):
    status, problem = asked(prices, "GET", f"/{function}/red")

    assert status == 404
    assert problem["detail"] == (
        f"nothing is at /red; there are GET /, GET /{value}, POST /, GET /docs, GET /openapi.json, GET /healthz and GET /readyz, "
        f"each also below /{function}; a text has double quotes, in an address %22"
    )


@pytest.mark.parametrize(
    ("instances", "errors"),
    [
        pytest.param(
            [{"colour": "red", "floor": 1, "late": 0}],
            [("row 0: missing feature 'when'", "/instances/0")],
            id="absent-where-none-was-missing",
        ),
        pytest.param(
            [GOOD, ["x", 4, "two", None, "noon"]],
            [
                ("row 1: 'age' must be a number, got \"x\"", "/instances/1/0"),
                ("row 1: 'colour' must be a text, got 4", "/instances/1/1"),
                ("row 1: 'floor' must be a number, got \"two\"", "/instances/1/2"),
                ("row 1: 'late' must be true or false, got null", "/instances/1/3"),
                ("row 1: 'when' must be a date or a time like 2026-11-26T01:30:00Z, got \"noon\"", "/instances/1/4"),
            ],
            id="each-kind",
        ),
    ],
)
def test_every_problem_of_a_body_has_its_place(prices, instances, errors):
    assert refusal(prices, "POST", "/batch", {"instances": instances}) == errors


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(
            b'{"instances": [["a,b", 1, "a", "a"]], "instances": [[1, "x\\"y", 1, 0, "1970-01-01"]]}',
            ('member "instances" came twice', "/instances"),
            id="member",
        ),
        pytest.param(
            b'{"instances": [{"age": 1, "colour": "\\"", "colour": "b", "floor": 1, "late": 0, "when": "1970-01-01"}]}',
            ('row 0: feature "colour" came twice', "/instances/0/colour"),
            id="beside-escaped-quotes",
        ),
        pytest.param(
            b'{"instances": [{"age": 1, "colour": "a", "floor": "1", "floor": 1, "late": 0, "when": "1970-01-01"}]}',
            ('row 0: feature "floor" came twice', "/instances/0/floor"),
            id="a-text-dropped",
        ),
    ],
)
def test_a_name_that_came_twice_beside_texts_is_refused(prices, body, error):
    response = prices.ask("POST", "/batch", body)

    problem = json.loads(response.body)
    assert (response.status_code, [(each["detail"], each["pointer"]) for each in problem["errors"]]) == (400, [error])


def test_quotes_inside_of_texts_are_no_repeated_names(prices):
    instances = [[1, 'a"b\\"', 1, 0, "1970-01-01"], {**dict(zip(NAMES, GOOD, strict=True)), "colour": '""'}]

    status, answer = asked(prices, "POST", "/batch", {"instances": instances})

    assert (status, answer["predictions"]) == (200, [16.0, 33.0])


NAMES = [feature["name"] for feature in FEATURES]


def test_commas_inside_of_texts_are_no_cells():
    small = Functions(sealed(price()), max_body_bytes=20_000)
    instance = [1, "," * 9000, 1, 0, "1970-01-01"]

    status, answer = asked(small, "POST", "/batch", {"instances": [instance]})

    assert (status, answer["predictions"]) == (200, [16.0])


def test_a_row_that_the_runtime_cannot_answer_is_a_400_with_its_place():
    made, block = price()
    made["features"] = [
        {**feature, "unknown": True} if feature["name"] == "floor" else feature for feature in FEATURES
    ]  # as a manifest that promises too much
    functions = Functions(sealed((made, block)))

    assert refusal(functions, "POST", "/batch", {"instances": [GOOD, [1, "red", 9, 0, "1970-01-01"]]}) == [
        ("row 1: the model cannot answer a level that training did not see", "/instances/1")
    ]
    assert refusal(functions, "GET", '/stream/[1,"red",9,0,"1970-01-01"]') == [
        ("row 0: the model cannot answer a level that training did not see", "/instance")
    ]


# Answers


@pytest.mark.parametrize(
    ("path", "prediction"),
    [
        pytest.param('/stream/[3,"red",2,true,"1970-01-01T05:00:00Z"]', 129.0, id="all"),
        pytest.param('/stream/[null,null,1,false,"1970-01-01"]', 17.0, id="null"),
        pytest.param('/stream/[+.5,"blue",1,0,"1970-01-01"]', 12.5, id="bare-points-beside-texts"),
        pytest.param('/stream/["+.5","blue",1,0,"1970-01-01"]', None, id="no-number-inside-of-a-text"),
        pytest.param('/stream/{"colour":"red","floor":"2","late":0,"when":"1970-01-01"}', 21.0, id="absent"),
        pytest.param('/stream/[1,"a/b, [c]",1,0,"1970-01-01"]', 16.0, id="an-unknown-text-with-marks"),
    ],
)
def test_an_instance_in_a_path_is_answered(prices, path, prediction):
    _, answer = asked(prices, "GET", path)

    assert answer.get("prediction") == prediction


def test_a_batch_in_a_path_is_answered(prices):
    status, answer = asked(prices, "GET", '/batch/[[3,"red",2,false,"1970-01-01"],[null,"blue",1,0,"1970-01-01"]]')

    assert (status, answer) == (200, {"predictions": [24.0, 12.0], "model": MODEL_1})


def test_what_training_did_not_see_is_answered_and_flagged(prices):
    instances = [
        [51, "green", 1, True, "1970-01-03"],
        {"age": 1, "floor": 1, "late": 0, "when": "1970-01-01", "colour": None},
    ]

    status, answer = asked(prices, "POST", "/batch", {"instances": instances})

    assert (status, answer) == (
        200,
        {
            "predictions": [166.0, 18.0],
            "model": MODEL_1,
            "warnings": [
                {
                    "detail": "row 0: 'age' = 51.0 is outside the training range [0.0, 50.0]",
                    "pointer": "/instances/0/0",
                },
                {
                    "detail": "row 0: 'colour' = \"green\" is a level that training never saw",
                    "pointer": "/instances/0/1",
                },
                {
                    "detail": "row 0: 'late' = true is outside the training range [false, false]",
                    "pointer": "/instances/0/3",
                },
                {
                    "detail": "row 0: 'when' = 1970-01-03 is outside the training range [1970-01-01, 1970-01-02]",
                    "pointer": "/instances/0/4",
                },
                {
                    "detail": "row 1: 'colour' is missing, and was never missing in training",
                    "pointer": "/instances/1/colour",
                },
            ],
        },
    )


def test_many_flags_are_cut_in_row_order_and_counted(prices):
    status, answer = asked(prices, "POST", "/batch", {"instances": [[60, "x", 1, 0, "1970-01-01"]] * 30})

    assert (status, answer["warnings_total"]) == (200, 60)
    places = [warning["pointer"] for warning in answer["warnings"]]
    assert places == [f"/instances/{row}/{column}" for row in range(10) for column in (0, 1)]


def test_a_classifier_answers_labels_probabilities_and_classes(lateness):
    instances = [[1, colour, 1, 0, "1970-01-01"] for colour in ("red", "blue", "green")]

    status, answer = asked(lateness, "POST", "/batch", {"instances": instances})

    answer.pop("warnings")
    assert (status, answer) == (
        200,
        {
            "predictions": ["late", "on time", "late"],
            "probabilities": [[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]],
            "classes": ["late", "on time"],
            "model": MODEL_1,
        },
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("GET", '/stream/[1,"red",1,0,"1970-01-01"]', None, id="path"),
        pytest.param("POST", "/stream", {"instance": [1, "red", 1, 0, "1970-01-01"]}, id="body"),
    ],
)
def test_a_classifier_answers_one_instance_with_one_label(lateness, method, path, body):
    assert asked(lateness, method, path, body) == (
        200,
        {"prediction": "late", "probabilities": [0.75, 0.25], "classes": ["late", "on time"], "model": MODEL_1},
    )


def test_a_classifier_s_answer_counts_by_its_probabilities():
    functions = Functions(sealed(punctual()), max_body_bytes=1000)
    instances = [[1, "red", 1, 0, "1970-01-01"]] * 20

    status, problem = asked(functions, "POST", "/batch", {"instances": instances})

    assert (status, problem["errors"][0]["detail"]) == (
        413,
        "'instances' must hold at most 16 instances, got 20; send them in parts",
    )


@pytest.mark.parametrize("labels", [pytest.param([0, 1], id="numbers"), pytest.param([False, True], id="booleans")])
def test_labels_are_answered_in_their_own_type(labels):
    made, block = punctual(classes=labels)
    made["golden"] = [{"instance": [1, "blue", 1, False, "1970-01-01"], "prediction": labels[1]}]

    status, answer = asked(Functions(sealed((made, block))), "GET", '/stream/[1,"blue",1,0,"1970-01-01"]')

    assert (status, answer["prediction"], type(answer["prediction"])) == (200, labels[1], type(labels[1]))


def test_the_model_s_page_describes_each_kind(prices):
    _, answer = asked(prices, "GET", "/batch")

    assert answer["features"] == [
        {"name": "age", "minimum": 0.0, "maximum": 50.0, "missing": True},
        {"name": "colour", "kind": "category", "levels": ["red", "blue"], "unknown": True, "missing": True},
        {"name": "floor", "kind": "category", "levels": [1, 2]},
        {"name": "late", "kind": "boolean", "minimum": False, "maximum": False},
        {"name": "when", "kind": "time", "minimum": "1970-01-01", "maximum": "1970-01-02", "parts": ["hour"]},
    ]


def test_the_model_s_page_names_the_classes(lateness):
    _, answer = asked(lateness, "GET", "/stream")

    assert answer["classes"] == ["late", "on time"]


# Recorded lines


def test_captured_cells_are_those_of_a_request(prices, rows):
    instances = [[51, "green", 1, 1, "1970-01-01T05:00+05:00"], [None, None, 2, False, "1970-01-01T00:00:00.5"]]

    asked(prices, "POST", "/batch", {"instances": instances})

    assert [(line["features"], line["prediction"]) for line in rows()] == [
        ({"age": 51.0, "colour": "green", "floor": 1, "late": True, "when": "1970-01-01"}, 166.0),
        ({"age": None, "colour": None, "floor": 2, "late": False, "when": "1970-01-01T00:00:00.500000Z"}, 27.0),
    ]


def test_unknown_levels_and_missing_cells_are_counted_by_feature(prices, rows):
    instances = [
        [51, "green", 1, 1, "1970-01-01"],
        [None, None, 2, False, "1970-01-01"],
        [None, "x", 2, 0, "1970-01-01"],
    ]

    asked(prices, "POST", "/batch", {"instances": instances})

    (line,) = rows("request")
    assert (line["out_of_range"], line["out_of_range_by_feature"]) == (2, {"age": 1, "late": 1})
    assert (line["unknown_levels"], line["missing"]) == ({"colour": 2}, {"age": 2, "colour": 1})


def test_a_request_without_them_says_nothing_of_them(prices, rows):
    asked(prices, "POST", "/batch", {"instances": [GOOD]})

    (line,) = rows("request")
    assert {"unknown_levels", "missing", "out_of_range_by_feature"} & line.keys() == set()


def test_a_long_text_is_cut_and_a_lone_surrogate_is_spelled_out(prices, rows):
    body = b'{"instances": [[1, "%s", 1, 0, "1970-01-01"], [1, "\\ud800", 1, 0, "1970-01-01"]]}' % (b"x" * 5000)

    response = prices.ask("POST", "/batch", body)

    assert response.status_code == 200
    assert [line["features"]["colour"] for line in rows()] == ["x" * 256 + "…", "\\ud800"]


def test_a_label_is_captured_as_the_prediction(lateness, rows):
    asked(lateness, "POST", "/stream", {"instance": GOOD})

    assert [line["prediction"] for line in rows()] == ["late"]


def test_a_model_whose_columns_are_all_redacted_answers_and_records_its_predictions_alone(rows):
    functions = Functions(sealed(price(features=[{**feature, "redact": True} for feature in FEATURES])))

    answer = functions.ask("POST", "/batch", json.dumps({"instances": [GOOD, GOOD]}).encode())

    assert json.loads(answer.body)["predictions"] == [29, 29]
    assert [(line["features"], line["prediction"]) for line in rows()] == [({}, 29), ({}, 29)]


def test_nothing_of_a_redacted_category_is_shown_or_recorded(rows):
    made, block = price()
    made["features"] = [{**feature, "redact": feature["name"] in {"colour", "floor"}} for feature in FEATURES]
    functions = Functions(sealed((made, block)))

    answers = [
        functions.ask("POST", "/batch", json.dumps({"instances": [[1, "secret", 1, 0, "1970-01-01"]]}).encode()),
        functions.ask("POST", "/batch", json.dumps({"instances": [[1, None, 7, 0, "1970-01-01"]]}).encode()),
        functions.ask("GET", '/stream/[1,"secret",1,0,"1970-01-01"]'),
        functions.ask("GET", "/batch"),
        functions.ask("GET", "/batch/secret"),
    ]

    lines = rows() + rows("request")
    assert [answer.status_code for answer in answers] == [200, 400, 200, 200, 404]
    assert "secret" not in json.dumps(lines)
    assert not any(b'"red"' in answer.body for answer in answers[1:])
    assert {name for line in lines for name in (*line.get("features", ()), *line.get("unknown_levels", ()))} == {
        "age",
        "late",
        "when",
    }


# Anything

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([10**400, 1e308, "red", 1, 2, "1970-01-01", "9999-12-31T23:59:59-23:59", "0001-01-01", "\ud800"])
)
cells = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=3), scalars, max_size=2)
lists = st.lists(cells, min_size=4, max_size=6) | st.tuples(
    cells,
    st.text(max_size=9) | cells,
    st.sampled_from([1, 2, "1"]) | cells,
    st.booleans() | cells,
    st.just("1970-01-01") | cells,
).map(list)
objects = st.dictionaries(st.sampled_from([*NAMES, "x"]), cells, max_size=6)
bodies = st.one_of(
    st.lists(lists | objects | cells, max_size=4).map(lambda rows: json.dumps({"instances": rows}).encode()),
    (lists | objects | cells).map(lambda row: json.dumps({"instance": row}).encode()),
    st.lists(
        st.sampled_from([f'"{name}":{cell}' for name in NAMES for cell in ('"red"', "1", "null", '"\\""')]), max_size=7
    ).map(lambda members: b'{"instances":[{%s}]}' % ",".join(members).encode()),
    st.binary(max_size=60),
)


def check(response) -> None:
    """An answer below 500 that a JSON parser reads."""
    assert response.status_code in {200, 400, 404, 413, 414}
    assert json.loads(response.body)


@pytest.mark.slow
@pytest.mark.parametrize("model", [price, punctual])
@pytest.mark.parametrize("function", ["batch", "stream"])
def test_any_body_and_any_path_get_an_answer(model, function):
    functions = Functions(sealed(model()))

    @MANY
    @given(body=bodies)
    @example(body=b'{"instances": [[1, "%s", 1, 0, "1970-01-01"]]}' % (b'\\"' * 200_000))
    @example(body=b'{"instances": [[1, "%s' % (b'\\"' * 200_000))
    @example(body=b'{"instances": [[NaN, "red", Infinity, 0, "1970-01-01"]]}')
    @example(body=b'{"instances": [[1, %s, 1, 0, "1970-01-01"]]}' % (b"[" * 500 + b"]" * 500))
    @example(body=b'{"instances": [[1, "red", 1, 0, "%s"]]}' % (b"1" * 200_000))
    def ask_body(body):
        check(functions.ask("POST", f"/{function}", body))

    @MANY
    @given(value=st.text(max_size=40) | (lists | objects | cells).map(json.dumps))
    @example(value='["' * 9000)
    @example(value='["\\' + '"\\' * 9000)
    def ask_path(value):
        check(functions.ask("GET", f"/{function}/{value}"))

    ask_body()
    ask_path()


def test_the_numeric_model_of_format_1_is_served_as_before():
    manifest = sealed((document(), b""))

    status, answer = asked(Functions(manifest), "GET", "/stream/0.5")

    assert (manifest.document["format"], status, answer) == (1, 200, {"prediction": 2.0, "model": MODEL_1})
