"""The functions as callers see them: real processes over HTTP that serve 1 + 2 · bmi, trained on [-1, 1]."""

from __future__ import annotations

import json
import socket
from http import HTTPStatus

import numpy as np
import pytest

from tests.support.parts import MODEL, Server

MODEL_1 = {"name": MODEL, "version": 1}


def outside(row, value, pointer):
    return {"detail": f"row {row}: 'bmi' = {value} is outside the training range [-1.0, 1.0]", "pointer": pointer}


@pytest.mark.parametrize("prefix", [pytest.param("", id="own-host"), pytest.param("/batch", id="run-app")])
@pytest.mark.parametrize(
    ("path", "predictions"),
    [
        pytest.param("/[0.5,0.2,0.6]", [2.0, 1.4, 2.2], id="raw"),
        pytest.param("/%5B0.5,0.2,0.6%5D", [2.0, 1.4, 2.2], id="encoded"),
        pytest.param("/%5b0.5%2C%200.2%2c+0.6%5d", [2.0, 1.4, 2.2], id="encoded-blanks-plus"),
        pytest.param("/[5e-1,-2E-1,+0.6]", [2.0, 0.6, 2.2], id="exponents-signs"),
        pytest.param("/[.5,1.,-0]", [2.0, 3.0, 1.0], id="bare-points"),
        pytest.param("/[[0.5],0.2]", [2.0, 1.4], id="arrays"),
        pytest.param('/[%7B"bmi":0.5%7D]', [2.0], id="object"),
    ],
)
def test_batch_answers_a_get_with_an_array_in_the_path(batch, prefix, path, predictions):
    answer = batch.get(prefix + path)

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {"predictions": predictions, "model": MODEL_1}
    assert answer.headers["x-model-version"] == "1"


@pytest.mark.parametrize("prefix", [pytest.param("", id="own-host"), pytest.param("/stream", id="run-app")])
@pytest.mark.parametrize(
    ("path", "prediction"),
    [
        pytest.param("/0.5", 2.0, id="number"),
        pytest.param("/-5e-1", 0.0, id="sign-exponent"),
        pytest.param("/%200.5%20", 2.0, id="blanks"),
        pytest.param("/[0.5]", 2.0, id="array"),
        pytest.param("/1", 3.0, id="whole"),
    ],
)
def test_stream_answers_a_get_with_an_instance_in_the_path(stream, prefix, path, prediction):
    answer = stream.get(prefix + path)

    assert (answer.status, answer.json()) == (200, {"prediction": prediction, "model": MODEL_1})


@pytest.mark.parametrize(
    "instances",
    [
        pytest.param([0.5, -1, 0], id="numbers"),
        pytest.param([[0.5], [-1], [0]], id="arrays"),
        pytest.param([{"bmi": 0.5}, {"bmi": -1}, {"bmi": 0}], id="objects"),
        pytest.param([0.5, [-1], {"bmi": 0}], id="mixed"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/batch", "/batch/"])
def test_batch_answers_a_post_of_instances(batch, path, instances):
    answer = batch.post({"instances": instances}, path)

    assert (answer.status, answer.json()) == (200, {"predictions": [2.0, -1.0, 1.0], "model": MODEL_1})


@pytest.mark.parametrize(
    ("body", "result"),
    [
        pytest.param({"instance": 0.5}, {"prediction": 2.0}, id="instance"),
        pytest.param({"instance": {"bmi": 0.5}}, {"prediction": 2.0}, id="object"),
        pytest.param({"instances": [0.5]}, {"predictions": [2.0]}, id="instances"),
        pytest.param({"instances": [[0.5]], "parameters": {}}, {"predictions": [2.0]}, id="empty-parameters"),
    ],
)
def test_stream_answers_a_post_of_one_instance(stream, body, result):
    answer = stream.post(body)

    assert (answer.status, answer.json()) == (200, {**result, "model": MODEL_1})


@pytest.mark.parametrize(
    ("instances", "warnings"),
    [
        pytest.param([0, 2], [outside(1, "2.0", "/instances/1")], id="number"),
        pytest.param([[-1.5], 1], [outside(0, "-1.5", "/instances/0/0")], id="array"),
        pytest.param([{"bmi": 1.5}], [outside(0, "1.5", "/instances/0/bmi")], id="object"),
    ],
)
def test_a_value_outside_the_training_range_is_answered_and_flagged(batch, instances, warnings):
    answer = batch.post({"instances": instances})

    assert answer.status == 200
    assert answer.json()["warnings"] == warnings


def test_a_value_that_stood_in_float32_training_rows_is_not_flagged(serve, production):
    tenth, seven_tenths = float(np.float32(0.1)), float(np.float32(0.7))
    production(features=[{"name": "grade", "minimum": tenth, "maximum": seven_tenths, "width": "float32"}])
    server: Server = serve("batch")

    answer = server.get("/[0.1,0.4,0.7]").json()
    warned = server.get("/[0.71]").json()

    assert answer == {"predictions": [1.2, 1.8, 2.4], "model": MODEL_1}
    assert [warning["detail"] for warning in warned["warnings"]] == [
        "row 0: 'grade' = 0.71 is outside the training range [0.1, 0.7]"
    ]
    assert server.get("/").json()["features"] == [
        {"name": "grade", "minimum": tenth, "maximum": seven_tenths, "width": "float32"}
    ]


def test_a_flag_of_a_single_instance_points_at_the_instance(stream):
    assert stream.get("/2").json()["warnings"] == [outside(0, "2.0", "/instance")]


def test_twenty_of_many_flags_are_listed_and_all_are_counted(batch):
    answer = batch.post({"instances": [2] * 50})

    body = answer.json()
    assert (len(body["warnings"]), body["warnings_total"], len(body["predictions"])) == (20, 50, 50)


def test_a_large_batch_is_answered_in_order(batch):
    instances = [n / 100_000 for n in range(100_000)]

    answer = batch.post({"instances": instances})

    assert answer.json()["predictions"] == [1 + 2 * x for x in instances]


@pytest.mark.parametrize("path", ["/", "/batch", "/batch/"])
def test_metadata_describes_the_model_and_its_inputs(batch, path):
    answer = batch.get(path)

    created = answer.json()["created"]
    assert answer.json() == {
        "function": "batch",
        "status": "alive",
        "model": MODEL_1,
        "features": [{"name": "bmi", "minimum": -1.0, "maximum": 1.0}],
        "target": {"name": "disease_progression"},
        "created": created,
        "metrics": {"r2": {"value": 0.5, "low": 0.4, "high": 0.6}},
    }


@pytest.mark.parametrize(
    ("path", "status"),
    [("/healthz", "ok"), ("/readyz", "ready"), ("/stream/healthz", "ok"), ("/stream/readyz", "ready")],
)
def test_health_and_readiness_are_answered(stream, path, status):
    answer = stream.get(path)

    assert (answer.status, answer.json()) == (200, {"status": status})


def test_head_is_get_without_a_body(batch):
    answer = batch.ask("HEAD", "/[0.5]")

    assert (answer.status, answer.body, answer.headers["x-model-version"]) == (200, b"", "1")


# --- errors ---

BATCH_EXAMPLE = '{"instances": [0.5, 0.2]}'
STREAM_EXAMPLE = '{"instance": 0.5}'


def refused(answer, status, title):
    """The problem+json body of *answer*, its fixed parts checked."""
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    body = answer.json()
    assert (body.pop("type"), body.pop("title"), body.pop("status")) == ("about:blank", title, status)
    return body


@pytest.mark.parametrize(
    ("body", "detail", "pointer"),
    [
        pytest.param(b"", f"the body must be JSON like {BATCH_EXAMPLE}, got an empty one", "", id="empty"),
        pytest.param(b" \n", f"the body must be JSON like {BATCH_EXAMPLE}, got an empty one", "", id="blank"),
        pytest.param(b"{", "not JSON: unexpected end of data: line 1 column 2 (char 1)", "", id="not-json"),
        pytest.param(b"5", f"the body must be an object like {BATCH_EXAMPLE}, got 5", "", id="number"),
        pytest.param(b"{}", f"missing member 'instances'; expected {BATCH_EXAMPLE}", "", id="no-member"),
        pytest.param(b'{"instances": 5}', "'instances' must be an array, got 5", "/instances", id="no-array"),
        pytest.param(
            b'{"instances": []}', "'instances' must hold at least 1 instance, got 0", "/instances", id="no-instance"
        ),
        pytest.param(b'{"instances": ["x"]}', "row 0: 'bmi' must be a number, got \"x\"", "/instances/0", id="string"),
        pytest.param(b'{"instances": [1, true]}', "row 1: 'bmi' must be a number, got true", "/instances/1", id="true"),
        pytest.param(b'{"instances": [null]}', "row 0: 'bmi' must be a number, got null", "/instances/0", id="null"),
        pytest.param(
            b'{"instances": [NaN]}', "row 0: 'bmi' must be a finite number, got NaN", "/instances/0", id="nan"
        ),
        pytest.param(
            b'{"instances": [0, 1e400]}',
            "row 1: 'bmi' must be a finite number, got a number beyond float64 or an infinity",
            "/instances/1",
            id="1e400",
        ),
        pytest.param(
            b'{"instances": [1' + b"0" * 400 + b"]}",
            "row 0: 'bmi' must be a finite number, got a number beyond float64 or an infinity",
            "/instances/0",
            id="ten-to-the-400",
        ),
        pytest.param(
            b'{"instances": [[1], [1, 2]]}', "row 1: must hold 1 number (bmi), got 2", "/instances/1", id="ragged"
        ),
        pytest.param(
            b'{"instances": [{"bmi": 1, "age": 2}]}',
            'row 0: unknown feature "age"; the feature is bmi',
            "/instances/0/age",
            id="unknown",
        ),
        pytest.param(b'{"instances": [{}]}', "row 0: missing feature 'bmi'", "/instances/0", id="missing"),
        pytest.param(
            b'{"instances": [1, {"bmi": 1, "bmi": 2}]}',
            'row 1: feature "bmi" came twice',
            "/instances/1/bmi",
            id="doubled",
        ),
        pytest.param(
            b'{"instances": [1], "instances": [2]}', 'member "instances" came twice', "/instances", id="doubled-member"
        ),
        pytest.param(
            b'{"instances": [1e308]}',
            "row 0: the prediction for this instance is beyond float64",
            "/instances/0",
            id="overflow",
        ),
    ],
)
def test_a_bad_body_is_refused_with_its_place_and_the_expected_form(batch, body, detail, pointer):
    answer = batch.post(body)

    problem = refused(answer, 400, "Bad Request")
    assert problem == {"detail": detail, "errors": [{"detail": detail, "pointer": pointer}]}
    assert answer.headers["x-model-version"] == "1"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        pytest.param({"instances": [1, 2]}, "'instances' must hold exactly 1 instance, got 2", id="two"),
        pytest.param({"instances": []}, "'instances' must hold exactly 1 instance, got 0", id="none"),
        pytest.param({"instances": [1], "instance": 1}, "'instances' and 'instance' exclude each other", id="both"),
        pytest.param({"instance": "1"}, "row 0: 'bmi' must be a number, got \"1\"", id="string"),
    ],
)
def test_stream_takes_exactly_one_instance(stream, body, detail):
    assert refused(stream.post(body), 400, "Bad Request")["detail"] == detail


def test_batch_does_not_take_a_single_instance(batch):
    problem = refused(batch.post({"instance": 1}), 400, "Bad Request")

    assert [error["detail"] for error in problem["errors"]] == [
        f'unknown member "instance"; expected {BATCH_EXAMPLE}',
        f"missing member 'instances'; expected {BATCH_EXAMPLE}",
    ]


def test_up_to_twenty_problems_are_listed_with_pointers(batch):
    problem = refused(batch.post({"instances": [None] * 30}), 400, "Bad Request")

    assert problem["detail"] == "row 0: 'bmi' must be a number, got null (and at least 19 more, see errors)"
    assert [error["pointer"] for error in problem["errors"]] == [f"/instances/{row}" for row in range(20)]


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        pytest.param("/[0.5,", "not JSON: unexpected end of data: line 1 column 6 (char 5)", id="cut"),
        pytest.param("/0.5", "the path must hold an array of instances, got 0.5", id="number"),
        pytest.param(
            "/batch/[0,05]",
            'not JSON: the number "05" has a leading zero; decimals have a point (0.05), and a comma separates values',
            id="decimal-comma",
        ),
        pytest.param("/[]", "'instances' must hold at least 1 instance, got 0", id="none"),
        pytest.param("/[NaN]", "row 0: 'bmi' must be a finite number, got NaN", id="nan"),
        pytest.param("/null", "the path must hold an array of instances, got null", id="null"),
        pytest.param("/[true]", "row 0: 'bmi' must be a number, got true", id="true"),
        pytest.param("/[0.5]x", "not JSON: unexpected content after document: line 1 column 6 (char 5)", id="trailing"),
    ],
)
def test_a_bad_value_in_the_path_is_refused(batch, path, detail):
    assert refused(batch.get(path), 400, "Bad Request")["detail"] == detail


@pytest.mark.parametrize("path", ["/nothing", "/batch/nothing", "/stream/0.5", "/favicon", "/v3/models"])
def test_an_unknown_path_lists_the_resources(batch, path):
    detail = refused(batch.get(path), 404, "Not Found")["detail"]

    below = path.removeprefix("/batch")
    there = "GET /, GET /[0.5,0.2,0.6], POST /, GET /docs, GET /openapi.json, GET /healthz and GET /readyz, each also below /batch"
    assert detail == f"nothing is at {below}; there are {there}"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        pytest.param("PUT", "/", "GET, HEAD, POST", id="put"),
        pytest.param("DELETE", "/batch", "GET, HEAD, POST", id="delete"),
        pytest.param("OPTIONS", "/", "GET, HEAD, POST", id="options"),
        pytest.param("POST", "/[0.5]", "GET, HEAD", id="post-to-a-value"),
        pytest.param("POST", "/healthz", "GET, HEAD", id="post-to-health"),
    ],
)
def test_a_wrong_method_lists_the_allowed_ones(batch, method, path, allow):
    answer = batch.ask(method, path)

    detail = refused(answer, 405, "Method Not Allowed")["detail"]
    assert (detail, answer.headers["allow"]) == (f"the method must be one of {allow} here, got {method}", allow)


TYPES = (
    "Content-Type must be one of application/json, text/plain, text/csv, application/x-ndjson, application/jsonl, "
    "application/x-npy"
)


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        pytest.param({"content_type": "text/html"}, f"{TYPES} in UTF-8, got text/html", id="html"),
        pytest.param(
            {"content_type": "application/json; charset=latin-1"},
            f"{TYPES} in UTF-8, got application/json; charset=latin-1",
            id="charset",
        ),
        pytest.param(
            {"content_type": "application/x-www-form-urlencoded"},
            f"{TYPES} in UTF-8, got application/x-www-form-urlencoded; "
            "a form holds no JSON: send the same body with the header Content-Type: application/json",
            id="form",
        ),
        pytest.param(
            {"content_encoding": "br"}, "Content-Encoding must be gzip, deflate or identity, got br", id="brotli"
        ),
    ],
)
def test_another_media_type_is_refused(batch, headers, detail):
    answer = batch.post(b'{"instances": [1]}', **headers)

    assert refused(answer, 415, "Unsupported Media Type")["detail"] == detail


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_is_taken_in_any_spelling_of_its_media_type(batch, content_type):
    assert batch.post(b'{"instances": [1]}', content_type=content_type).status == 200


def test_forty_mebibytes_are_refused_before_they_are_read(batch):
    answer = batch.post(b" " * (40 << 20))

    detail = refused(answer, 413, "Request Entity Too Large")["detail"]
    assert detail == "the body must hold at most 4194304 bytes, got more; send it in parts"


@pytest.mark.parametrize("count", [16_100, 60_000, 300_000])
def test_a_path_that_is_too_long_is_refused_with_a_pointer_to_post(batch, count):
    answer = batch.get(f"/batch/[{','.join(['0.5'] * count)}]")

    detail = refused(answer, 414, HTTPStatus.REQUEST_URI_TOO_LONG.phrase)["detail"]
    assert detail == "the path must hold at most 64000 bytes, got more; POST the instances as JSON instead"


def test_a_path_of_almost_that_length_is_answered(batch):
    assert batch.get(f"/batch/[{','.join(['0.5'] * 15_990)}]").json()["predictions"] == [2.0] * 15_990


def test_a_long_query_string_changes_nothing(batch):
    assert batch.get(f"/batch/[0.5]?{'x' * 200_000}").json()["predictions"] == [2.0]


def chunked(server, chunks):
    """POST *chunks* without a length; gives the status line."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        for chunk in chunks:
            connection.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        return connection.makefile("rb").readline()


def test_a_body_without_a_length_is_counted(batch):
    assert chunked(batch, [b" " * (1 << 20)] * 5) == b"HTTP/1.1 413 Request Entity Too Large\r\n"
    assert chunked(batch, [b'{"instances":', b"[1]}"]) == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"instances":[' + b"[0]," * 400_000 + b"0]}", id="arrays"),
        pytest.param(b"{" + b",".join(b'"%d":1' % n for n in range(300_000)) + b"}", id="members"),
    ],
)
def test_a_body_of_too_many_values_is_refused_before_it_is_parsed(batch, body):
    problem = refused(batch.post(body), 413, "Request Entity Too Large")

    most = (4 << 20) // 25
    assert problem["detail"] == f"the body must hold at most {most} instances, got more; send them in parts"


def test_more_instances_than_one_answer_holds_are_refused(batch):
    most = (4 << 20) // 25
    answer = batch.post(b'{"instances":[' + b"1," * most + b"1]}")

    problem = refused(answer, 413, "Request Entity Too Large")
    detail = f"'instances' must hold at most {most} instances, got {most + 1}; send them in parts"
    assert problem == {"detail": detail, "errors": [{"detail": detail, "pointer": "/instances"}]}


def test_a_caller_that_hangs_up_costs_one_line_and_nothing_else(serve, production):
    production()
    server: Server = serve("batch")
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        )

    assert server.get("/[0.5]").status == 200
    assert "Traceback" not in server.log()


def test_a_refused_request_is_a_warning_in_the_log(serve, production):
    production()
    server: Server = serve("batch")

    server.post({"instances": []})

    assert [line["httpRequest"]["status"] for line in server.lines("WARNING")] == [400]
    assert json.dumps(server.lines("ERROR")) == "[]"
