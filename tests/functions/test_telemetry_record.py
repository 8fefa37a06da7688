"""The record of a request: ids, samples, members; in real processes, the lines that it becomes."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from functions.columns.schema import Feature
from functions.columns.table import Table
from functions.telemetry.record import Record, request_id_of, sample
from tests.support.parts import MODEL, Server

AGE, BMI, SECRET = Feature("age", 0, 9), Feature("bmi", -1, 1), Feature("secret", 0, 1, redact=True)


def record(*features, headers=None, most_rows=20, clock=None, function="batch"):
    """A request that version 7 of a model with *features* answers; without any no model is loaded."""
    headers = {"x-request-id": "id-1"} if headers is None else headers
    made = Record(function, "line", headers, most_rows=most_rows, clock=clock or itertools.count(step=10**9).__next__)
    if features:
        made.serve(7, features)
    return made


def answered(made, instances, outside):
    matrix = np.array(instances, dtype=float)
    made.answer(Table(matrix), 100 + matrix.sum(axis=1), outside)
    return made.finish(200)


# Names of requests


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"x-request-id": "A-z_0.9:x", "function-execution-id": "e"}, "A-z_0.9:x", id="caller"),
        pytest.param({"x-request-id": "x" * 128}, "x" * 128, id="longest"),
        pytest.param({"function-execution-id": "e1"}, "e1", id="platform"),
        pytest.param({"x-request-id": "", "function-execution-id": "e1"}, "e1", id="empty"),
        pytest.param({"x-request-id": "x" * 129, "function-execution-id": "e1"}, "e1", id="too-long"),
        pytest.param({"x-request-id": "a b", "function-execution-id": "e1"}, "e1", id="blank"),
        pytest.param({"x-request-id": "a\n", "function-execution-id": "e1"}, "e1", id="line-feed"),
        pytest.param({"x-request-id": 'a","kind":"row', "function-execution-id": "e1"}, "e1", id="json"),
        pytest.param({"x-request-id": "é", "function-execution-id": "e1"}, "e1", id="not-ascii"),
    ],
)
def test_a_request_is_named_by_its_caller_or_else_by_the_platform(headers, expected):
    assert request_id_of(headers) == expected


@pytest.mark.parametrize("bad", [pytest.param({}, id="none"), pytest.param({"x-request-id": "?"}, id="malformed")])
def test_a_request_that_nobody_named_gets_a_number_of_its_own(bad):
    first, second = request_id_of(bad), request_id_of(bad)

    assert first != second
    assert (len(first), set(first) <= set("0123456789abcdef")) == (32, True)


# Which rows


@pytest.mark.parametrize(
    ("instances", "most", "places"),
    [
        pytest.param(3, 20, [0, 1, 2], id="few"),
        pytest.param(20, 20, list(range(20)), id="just-as-many"),
        pytest.param(0, 20, [], id="none-there"),
    ],
)
def test_few_instances_are_all_taken(instances, most, places):
    assert sample(instances, most, "a") == places


def test_a_sample_is_drawn_without_replacement_in_order_and_again_for_the_same_request():
    drawn = sample(1_000_000, 20, "id-1")

    assert drawn == sorted(set(drawn)) == sample(1_000_000, 20, "id-1")
    assert (len(drawn), drawn[0] >= 0, drawn[-1] < 1_000_000) == (20, True, True)
    assert drawn != sample(1_000_000, 20, "id-2")


def test_every_place_is_drawn_as_often_as_another():
    drawn = np.bincount([place for n in range(4000) for place in sample(10, 3, f"id-{n}")])

    assert np.abs(drawn - 1200).max() < 5 * np.sqrt(4000 * 0.3 * 0.7)


# The lines


def test_a_request_that_was_answered_is_recorded_with_its_rows():
    made = record(AGE, BMI)
    made.protocol = "json"

    finished = answered(made, [[1, 0.5], [2, 5]], {"bmi": 1})

    assert finished.request.pop("latency_seconds")
    assert finished.request.pop("cold") in {True, False}
    assert finished.request == {
        "kind": "request",
        "function": "batch",
        "model": "line",
        "version": 7,
        "protocol": "json",
        "status": 200,
        "instances": 2,
        "captured": 2,
        "out_of_range": 1,
        "out_of_range_by_feature": {"bmi": 1},
        "request_id": "id-1",
    }
    assert finished.shared == {"request_id": "id-1", "function": "batch", "model": "line", "version": 7}
    assert finished.rows == [
        {"row": 0, "features": {"age": 1.0, "bmi": 0.5}, "prediction": 101.5},
        {"row": 1, "features": {"age": 2.0, "bmi": 5.0}, "prediction": 107.0},
    ]


def test_rows_are_only_counted_where_none_are_captured():
    finished = answered(record(AGE, most_rows=0), [[1], [10]], {"age": 1})

    counts = {name: finished.request[name] for name in ("instances", "captured", "out_of_range")}
    assert (counts, [*finished.rows]) == ({"instances": 2, "captured": 0, "out_of_range": 1}, [])


def test_a_request_that_was_refused_has_no_rows():
    made = record(AGE)
    made.begin("parse")

    finished = made.finish(400)

    counts = {name: finished.request[name] for name in ("status", "instances", "captured", "out_of_range")}
    assert counts == {"status": 400, "instances": 0, "captured": 0, "out_of_range": 0}
    assert "out_of_range_by_feature" not in finished.request
    assert [*finished.rows] == []


def test_a_sample_of_many_rows_keeps_each_row_number_with_its_values_and_prediction():
    finished = answered(record(AGE, most_rows=5), [[n] for n in range(1000)], {})

    assert [row["row"] for row in finished.rows] == sample(1000, 5, "id-1")
    assert [row["features"]["age"] for row in finished.rows] == [row["row"] for row in finished.rows]
    assert [row["prediction"] for row in finished.rows] == [100 + row["row"] for row in finished.rows]
    assert (finished.request["instances"], finished.request["captured"]) == (1000, 5)


@pytest.mark.parametrize(
    ("parts", "latency"),
    [
        pytest.param([], {"total": 1}, id="none"),
        pytest.param(["parse"], {"total": 2, "queue": 1, "parse": 1}, id="refused-while-reading"),
        pytest.param(
            ["parse", "predict", "render", ""],
            {"total": 5, "queue": 1, "parse": 1, "predict": 1, "render": 1},
            id="all",
        ),
    ],
)
def test_the_parts_that_were_reached_have_their_seconds(parts, latency):
    made = record(AGE)  # its clock goes on by a second each time it is read
    for part in parts:
        made.begin(part)

    assert made.finish(200).request["latency_seconds"] == latency


# Redacted values


def test_a_redacted_feature_is_in_no_line():
    finished = answered(record(AGE, SECRET, BMI), [[1, 0.123, 0.5], [2, 7.89, 9]], {"secret": 1, "bmi": 1})

    assert finished.rows == [
        {"row": 0, "features": {"age": 1.0, "bmi": 0.5}, "prediction": 101.623},
        {"row": 1, "features": {"age": 2.0, "bmi": 9.0}, "prediction": 118.89},
    ]
    assert (finished.request["out_of_range"], finished.request["out_of_range_by_feature"]) == (2, {"bmi": 1})


@pytest.mark.parametrize(
    ("path", "rest", "logged"),
    [
        pytest.param("/stream/0.5", "0.5", "/stream/…", id="run-app"),
        pytest.param("/0.5", "0.5", "/…", id="own-host"),
        pytest.param("/[[1,0.5]]", "[[1,0.5]]", "/…", id="array"),
        pytest.param("/stream/secret=0.5", "secret=0.5", "/stream/…", id="nothing-that-there-is"),
        pytest.param("/stream/a/0.5", "a/0.5", "/stream/…", id="deeper"),
        pytest.param("/stream/\ud800", "\ud800", "/stream/…", id="surrogate"),
        pytest.param("/stream/", "", "/stream/", id="nothing-behind"),
        pytest.param("/stream", "", "/stream", id="function"),
        pytest.param("/", "", "/", id="root"),
        pytest.param("/stream/healthz", "healthz", "/stream/healthz", id="health"),
    ],
)
@pytest.mark.parametrize(
    "features", [pytest.param([AGE, SECRET], id="redacted"), pytest.param([], id="no-model-that-could-tell")]
)
def test_a_path_is_cut_where_it_may_hold_a_redacted_value(features, path, rest, logged):
    assert record(*features).path(path, rest) == logged


def test_a_path_is_whole_where_nothing_is_redacted():
    assert record(AGE).path("/stream/0.5", "0.5") == "/stream/0.5"


@pytest.mark.parametrize(
    ("features", "quoted"),
    [
        pytest.param([AGE], True, id="nothing-redacted"),
        pytest.param([AGE, SECRET], False, id="redacted"),
        pytest.param([], False, id="no-model-that-could-tell"),
    ],
)
def test_a_stack_trace_says_where_but_quotes_no_value_that_may_be_redacted(features, quoted):
    made = record(*features)
    try:
        float(f"0.{123}x")
    except ValueError as error:
        made.fail(error)

    trace = made.finish(500).request["stack_trace"]
    assert ("0.123x" in trace) is quoted
    assert "ValueError" in trace
    assert "test_telemetry_record.py" in trace


# Lines of real processes

TWO = {
    "linear": {"coefficients": [2.0, 1.0], "intercept": 1.0},
    "features": [
        {"name": "bmi", "minimum": -1.0, "maximum": 1.0},
        {"name": "income", "minimum": 0.0, "maximum": 1.0, "redact": True},
    ],
    "golden": [{"instance": [0.5, 0.25], "prediction": 2.25}],
}
"""A model whose second feature is redacted: 1 + 2 · bmi + income."""


def recorded(server, request_id):
    """The lines of one request."""
    return [line for line in server.lines() if line.get("request_id") == request_id]


def test_each_request_is_one_structured_line_and_one_for_each_instance(serve, production):
    production()
    server: Server = serve("batch", GOOGLE_CLOUD_PROJECT="a-project")

    server.get("/healthz")
    server.get(
        "/[0.5,3]?key=secret",
        user_agent="tester",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        x_forwarded_for="203.0.113.9, 10.0.0.1",
        x_request_id="mine",
    )
    server.get("/[0.5]", x_request_id="next")

    request, *rows = recorded(server, "mine")
    time = request.pop("time")
    assert time.endswith("Z")
    assert request["httpRequest"].pop("latency").endswith("s")
    assert list(request.pop("latency_seconds")) == ["total", "queue", "parse", "predict", "render"]
    assert request == {
        "severity": "INFO",
        "message": "GET /[0.5,3] 200",
        "httpRequest": {
            "requestMethod": "GET",
            "requestUrl": "/[0.5,3]",
            "status": 200,
            "userAgent": "tester",
            "remoteIp": "203.0.113.9",
        },
        "logging.googleapis.com/trace": "projects/a-project/traces/0af7651916cd43dd8448eb211c80319c",
        "logging.googleapis.com/spanId": "b7ad6b7169203331",
        "logging.googleapis.com/trace_sampled": True,
        "kind": "request",
        "function": "batch",
        "model": MODEL,
        "version": 1,
        "protocol": "path",
        "status": 200,
        "instances": 2,
        "captured": 2,
        "out_of_range": 1,
        "out_of_range_by_feature": {"bmi": 1},
        "request_id": "mine",
        "cold": True,
    }
    row = {"kind": "row", "severity": "DEBUG", "time": time, "request_id": "mine", "function": "batch", "model": MODEL}
    assert rows == [
        {**row, "version": 1, "row": 0, "features": {"bmi": 0.5}, "prediction": 2.0},
        {**row, "version": 1, "row": 1, "features": {"bmi": 3.0}, "prediction": 7.0},
    ]
    assert recorded(server, "next")[0]["cold"] is False
    assert "secret" not in server.log()


def test_lines_keep_their_form_and_gain_the_execution_id_when_deployed(serve, production):
    production()
    server: Server = serve("stream", LOG_EXECUTION_ID="true")

    server.post({"instance": 0.5}, function_execution_id="abc123", x_request_id="not one")

    request, row = recorded(server, "abc123")
    assert (request["message"], request["logging.googleapis.com/labels"]) == ("POST / 200", {"execution_id": "abc123"})
    assert row.pop("time") == request["time"]
    assert row == {
        "kind": "row",
        "severity": "DEBUG",
        "request_id": "abc123",
        "function": "stream",
        "model": MODEL,
        "version": 1,
        "row": 0,
        "features": {"bmi": 0.5},
        "prediction": 2.0,
    }


def test_a_large_batch_is_sampled_and_a_repeated_request_gives_the_same_sample(batch):
    body = json.dumps({"instances": [n / 100_000 for n in range(100_000)]}).encode()

    for request_id in ("large", "large", "other"):
        batch.post(body, x_request_id=request_id)

    first, *rows = recorded(batch, "large")
    once, again = rows[:20], rows[21:]
    assert (first["instances"], first["captured"], len(again)) == (100_000, 20, 20)
    places = [row["row"] for row in once]
    assert [(row["row"], row["features"], row["prediction"]) for row in again] == [
        (place, {"bmi": place / 100_000}, 1 + 2 * (place / 100_000)) for place in places
    ]
    assert places != [row["row"] for row in recorded(batch, "other")[1:]]


@pytest.mark.parametrize(
    ("method", "path", "body", "protocol"),
    [
        pytest.param("GET", "/", None, None, id="metadata"),
        pytest.param("GET", "/nothing", None, None, id="nothing-there"),
        pytest.param("DELETE", "/", None, None, id="method"),
        pytest.param("GET", "/[null]", None, "path", id="bad-path"),
        pytest.param("POST", "/", b'{"instances": [0, "x"]}', "json", id="bad-body"),
        pytest.param("POST", "/", b'{"instances": [0], "\\ud800": 1}', "json", id="lone-surrogate"),
    ],
)
def test_a_request_without_predictions_is_recorded_without_rows(batch, request, method, path, body, protocol):
    request_id = request.node.callspec.id

    status = batch.ask(method, path, body, x_request_id=request_id).status

    (line,) = recorded(batch, request_id)
    kept = {name: line[name] for name in ("status", "protocol", "instances", "captured", "out_of_range")}
    assert kept == {"status": status, "protocol": protocol, "instances": 0, "captured": 0, "out_of_range": 0}


def test_no_instance_is_recorded_where_capture_is_off(serve, production):
    production()
    server: Server = serve("batch", CAPTURE="off")

    server.post({"instances": [0.125, 3]}, x_request_id="mine")

    (line,) = recorded(server, "mine")
    assert (line["instances"], line["captured"], line["out_of_range"]) == (2, 0, 1)
    assert "0.125" not in server.log()


def test_a_redacted_feature_is_in_no_line_of_the_log(serve, production):
    production(**TWO)
    server: Server = serve("batch")

    answers = [
        server.get("/batch/[[0.5,7.125]]", x_request_id="path"),
        server.post({"instances": [{"bmi": 0.5, "income": 7.125}, [3, 7.125]]}, "/batch", x_request_id="body"),
        server.post({"instances": [[0.5, 7.125, 1]]}, "/batch"),
        server.get("/batch/income=7.125"),
    ]

    assert [answer.status for answer in answers] == [200, 200, 400, 404]
    assert "income" not in server.log()
    assert "7.125" not in server.log()
    path, _ = recorded(server, "path")
    assert (path["message"], path["httpRequest"]["requestUrl"]) == ("GET /batch/… 200", "/batch/…")
    body, first, second = recorded(server, "body")
    assert (body["out_of_range"], body["out_of_range_by_feature"]) == (3, {"bmi": 1})
    assert (first["features"], second["features"]) == ({"bmi": 0.5}, {"bmi": 3.0})
    assert server.get("/").json()["features"] == TWO["features"]


def test_an_answered_request_is_in_the_log_of_a_function_that_is_stopped_at_once(serve, production):
    production()
    server: Server = serve("stream")

    server.get("/0.5", x_request_id="last")
    server.process.terminate()
    server.process.wait(20)

    assert [line["kind"] for line in recorded(server, "last")] == ["request", "row"]


def test_no_value_is_recorded_while_no_model_can_say_what_is_redacted(bucket, serve):
    server: Server = serve("stream")

    assert server.get("/stream/0.125").status == 503

    assert [line["message"] for line in server.lines() if line.get("kind") == "request"] == ["GET /stream/… 503"]
    assert "0.125" not in server.log()
