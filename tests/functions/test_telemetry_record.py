"""What is recorded of a request, and what never is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from functions.schema import Feature
from functions.telemetry.record import Record, request_id_of, sample

AGE, BMI, SECRET = Feature("age", 0, 9), Feature("bmi", -1, 1), Feature("secret", 0, 1, redact=True)


def record(*features, headers=None, most_rows=20, clock=None, function="batch"):
    """A request that version 7 of a model with *features* answers; without any no model is loaded."""
    headers = {"x-request-id": "id-1"} if headers is None else headers
    made = Record(function, "line", headers, most_rows=most_rows, clock=clock or itertools.count().__next__)
    if features:
        made.serve(7, features)
    return made


def answered(made, instances, outside):
    matrix = np.array(instances, dtype=float)
    made.answer(matrix, 100 + matrix.sum(axis=1), outside)
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
def test_where_no_choice_is_to_be_made_none_is(instances, most, places):
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


def test_where_no_rows_are_wanted_they_are_only_counted():
    finished = answered(record(AGE, most_rows=0), [[1], [10]], {"age": 1})

    counts = {name: finished.request[name] for name in ("instances", "captured", "out_of_range")}
    assert (counts, finished.rows) == ({"instances": 2, "captured": 0, "out_of_range": 1}, [])


def test_a_request_that_was_refused_has_no_rows():
    made = record(AGE)
    made.begin("parse")

    finished = made.finish(400)

    counts = {name: finished.request[name] for name in ("status", "instances", "captured", "out_of_range")}
    assert counts == {"status": 400, "instances": 0, "captured": 0, "out_of_range": 0}
    assert "out_of_range_by_feature" not in finished.request
    assert finished.rows == []


def test_of_many_rows_a_sample_is_recorded_each_with_its_own_place_values_and_prediction():
    finished = answered(record(AGE, most_rows=5), [[n] for n in range(1000)], {})

    assert [row["row"] for row in finished.rows] == sample(1000, 5, "id-1")
    assert [row["features"]["age"] for row in finished.rows] == [row["row"] for row in finished.rows]
    assert [row["prediction"] for row in finished.rows] == [100 + row["row"] for row in finished.rows]
    assert (finished.request["instances"], finished.request["captured"]) == (1000, 5)


@pytest.mark.parametrize(
    ("parts", "latency"),
    [
        pytest.param([], {"total": 1}, id="none"),
        pytest.param(["parse"], {"total": 3, "queue": 1, "parse": 1}, id="refused-while-reading"),
        pytest.param(
            ["parse", "predict", "render", None],
            {"total": 6, "queue": 1, "parse": 1, "predict": 1, "render": 1},
            id="all",
        ),
    ],
)
def test_parts_that_were_reached_have_their_seconds(parts, latency):
    made = record(AGE)  # its clock goes on by 1 each time it is read
    for part in parts:
        made.begin(part)

    assert made.finish(200).request["latency_seconds"] == latency


# What is kept out


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
    try:
        float(f"0.{123}x")
    except ValueError as error:
        trace = record(*features).stack_trace(error)

    assert ("0.123x" in trace) is quoted
    assert "ValueError" in trace
    assert "test_capture.py" in trace
