"""BigQuery's remote functions: replies in order, one bad row is null, and refusals that are not tried again."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.columns.schema import Feature
from functions.exchange import Request
from functions.protocols import bigquery
from tests.support.kinds import FEATURES, Functions, many_classes, price, sealed
from tests.support.parts import document

ROWS = [[3, "red", 2, False, "1970-01-01T05:00:00Z"], [None, "blue", 1, False, "1970-01-01"]]
BAD = [3, "red", 9, False, "1970-01-01"]


@pytest.fixture(scope="module")
def lines():
    return Functions(sealed((document(), b"")))


def request(calls, **more):
    return {"requestId": "124ab1c", "caller": "//bigquery/job", "sessionUser": "a@b.c", "calls": calls, **more}


def asked(functions, body, path="/batch"):
    spelled = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = functions.ask("POST", path, spelled, content_type="application/json")
    return response.status_code, json.loads(response.body)


def own(functions, rows):
    """The predictions of the functions' own protocol."""
    return asked(functions, {"instances": rows})[1]["predictions"]


@pytest.fixture
def log(capfd):
    """The lines of a kind since the last look."""

    def log(kind="request"):
        lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        return [line for line in lines if line["kind"] == kind]

    return log


# Refusals


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(request(5), "'calls' must be an array, got 5", id="no-array"),
        pytest.param(request([]), "'calls' must hold at least 1 call, got 0", id="no-calls"),
        pytest.param(
            request([[1, 2]]),
            "row 0: must be an array of 5 arguments (age, colour, floor, late, when), got an array of 2",
            id="arguments",
        ),
        pytest.param(
            request([*ROWS, BAD], userDefinedContext={"mode": "strict"}),
            "row 2: 'floor' must be one of 1, 2, got 9",
            id="strict",
        ),
        pytest.param(
            request(ROWS, userDefinedContext={"mode": "loose"}),
            "'mode' must be lenient or strict, got \"loose\"",
            id="mode",
        ),
        pytest.param(
            request(ROWS, userDefinedContext={"output": "probability:late"}),
            "'output' must be prediction, got \"probability:late\"",
            id="probability-of-a-regression",
        ),
        pytest.param(
            request(ROWS, userDefinedContext={"a": "b"}),
            "unknown member \"a\"; expected 'mode' and 'output'",
            id="word",
        ),
        pytest.param(
            request(ROWS, parameters={"top": 3}),
            "\"parameters\" has no place beside 'calls'; a function's option user_defined_context may hold 'mode' and"
            " 'output'",
            id="top",
        ),
        pytest.param(
            request(ROWS, keys=["a", "b"]),
            "\"keys\" has no place beside 'calls'; replies come in the order of the calls",
            id="keys",
        ),
        pytest.param(
            json.dumps(request(ROWS)).replace('"calls"', '"calls": [], "calls"').encode(),
            '"calls" came twice',
            id="calls-twice",
        ),
        pytest.param(b'{"calls": [', "not JSON: unexpected end of data: line 1 column 12 (char 11)", id="no-json"),
    ],
)
def test_a_bad_call_is_a_400_with_the_member_error_message(prices, body, message):
    status, problem = asked(prices, body)

    assert (status, problem["errorMessage"]) == (400, message)


def test_a_long_message_is_cut_below_a_kilobyte(prices):
    rows = [[1, "x" * 40, "é" * 40, 3, 4]] * 30
    status, problem = asked(prices, request(rows, userDefinedContext={"mode": "é" * 3000, "é" * 2000: ""}))

    assert status == 400
    assert len(problem["errorMessage"].encode()) < 1024


def test_a_probability_that_the_model_does_not_give_is_refused():
    functions = Functions(sealed(many_classes(None)))

    status, problem = asked(functions, request(ROWS, userDefinedContext={"output": "probability:c05"}))

    assert (status, problem["errors"]) == (
        400,
        [
            {
                "detail": "a probability is asked for, and this model gives none",
                "pointer": "/userDefinedContext/output",
            }
        ],
    )


HUGE = "é" * 300


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(json.dumps(request(HUGE)).encode()[:-1], id="no-json"),
        pytest.param(request(HUGE), id="calls"),
        pytest.param(request([HUGE] * 30), id="a-call"),
        pytest.param(request([[HUGE] * 4] * 5), id="number-of-arguments"),
        pytest.param(request(ROWS, userDefinedContext=HUGE), id="context"),
        pytest.param(request(ROWS, userDefinedContext={HUGE: HUGE}), id="member"),
        pytest.param(request(ROWS, userDefinedContext={"mode": HUGE}), id="mode"),
        pytest.param(request(ROWS, userDefinedContext={"mode": []}), id="mode-of-another-type"),
        pytest.param(request(ROWS, userDefinedContext={"output": HUGE}), id="output"),
        pytest.param(request(ROWS, userDefinedContext={"output": {"a": 1}}), id="output-of-another-type"),
        pytest.param(request([[1, HUGE, HUGE, HUGE, HUGE]] * 5, userDefinedContext={"mode": "strict"}), id="strict"),
        pytest.param(request([[None] * 5] * 40, userDefinedContext={"mode": "strict"}), id="nulls"),
    ],
)
def test_every_refusal_is_a_400_with_a_message_below_a_kilobyte(prices, body):
    status, problem = asked(prices, body)

    assert status == 400
    assert 0 < len(problem["errorMessage"].encode()) < 1024


plain = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["NaN", "1e400"])
)
cells = st.one_of(plain, *(st.sampled_from([row[place] for row in [*ROWS, BAD]]) for place in range(len(FEATURES))))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    calls=st.lists(st.lists(cells, min_size=5, max_size=5), max_size=5) | st.lists(plain | st.lists(cells)) | plain,
    context=st.none() | plain | st.dictionaries(st.sampled_from(["mode", "output", "x"]), plain, max_size=2),
)
def test_any_call_gets_an_answer(prices, calls, context):
    status, answer = asked(prices, request(calls, userDefinedContext=context))

    assert status in {200, 400, 413}
    assert len(answer["replies"]) == len(calls) if status == 200 else answer["errorMessage"]


# Answers


def test_replies_are_the_predictions_in_order(prices):
    assert asked(prices, request(ROWS)) == (200, {"replies": own(prices, ROWS)})


def test_any_of_bigquery_s_members_may_come_first(prices):
    assert asked(prices, {"calls": ROWS, "requestId": "1"}) == (200, {"replies": own(prices, ROWS)})


@pytest.mark.parametrize("text", ["0.1", "-1e-3", "1", "0.12345678901234567890123456789"])
def test_a_number_as_text_has_the_bits_of_the_same_number(lines, text):
    assert asked(lines, request([[text]]))[1]["replies"] == own(lines, [float(text)])


@pytest.mark.parametrize(
    ("text", "level"), [("9007199254740993", 9007199254740993), ("9007199254740992", 9007199254740992), ("1", 1)]
)
def test_a_level_as_text_is_the_level_to_its_last_digit(text, level):
    """INT64 beyond 2^53 comes as text; as a float64 two levels would be one."""
    feature = Feature("floor", kind="category", levels=(9007199254740993, 9007199254740992, 1))

    question = bigquery.read(
        Request("", {}, json.dumps(request([[text], ["2"]])).encode()), [feature], one=False, most_bytes=1 << 20
    )

    assert (question.instances, len(question.refused)) == ([[level]], 1)


@pytest.mark.parametrize(
    "text", ["2024-02-29", "2024-02-29T12:00:00", "2024-02-29T12:00:00.123456Z", "2024-02-29T12:00:00+00:00"]
)
def test_a_date_a_datetime_and_a_timestamp_are_times(prices, text):
    assert asked(prices, request([[3, "red", 2, False, text]]))[1]["replies"] == own(
        prices, [[3, "red", 2, False, text]]
    )


@pytest.mark.parametrize("cell", ["NaN", "Infinity", "-Infinity", "x", None, True, "1e400", "١", "", " 1", "+1", "0x1"])
def test_a_bad_row_has_the_reply_null_and_the_others_theirs(lines, cell):
    assert asked(lines, request([[0.5], [cell], [1]])) == (200, {"replies": [2.0, None, 3.0]})


def test_a_prediction_beyond_float64_has_the_reply_null(lines):
    assert asked(lines, request([[1e308], [0]])) == (200, {"replies": [None, 1.0]})


def test_rows_may_all_be_null(prices):
    assert asked(prices, request([BAD] * 70)) == (200, {"replies": [None] * 70})


def test_bad_rows_among_many_are_found(lines):
    calls = [[math.pi * (row % 3) if row % 7 else "x"] for row in range(1000)]

    replies = asked(lines, request(calls))[1]["replies"]

    assert [row for row, reply in enumerate(replies) if reply is None] == list(range(0, 1000, 7))
    assert [reply for reply in replies if reply is not None] == own(lines, [call[0] for call in calls if call != ["x"]])


def test_the_log_says_why_a_reply_is_null_and_numbers_rows_as_they_were_sent(prices, log):
    asked(prices, request([BAD, *ROWS]))
    lines = log("row")

    assert [line["row"] for line in lines] == [1, 2]


def test_the_request_s_line_holds_the_reasons_and_bigquery_s_id(prices, log):
    asked(prices, request([ROWS[0], BAD]))

    (line,) = log()
    assert (line["refused"], line["refused_because"]) == (1, ["row 1: 'floor' must be one of 1, 2, got 9"])
    assert (line["request_id"], line["protocol"], line["instances"]) == ("124ab1c", "bigquery", 1)


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        pytest.param(
            "//bigquery.googleapis.com/projects/p/jobs/p:US.bquxjob_5b4c112c_17961fafeaf",
            "124ab1c.bquxjob_5b4c112c_17961fafeaf",
            id="job",
        ),
        pytest.param("//bigquery.googleapis.com/projects/p/jobs/p:my-job", "124ab1c.my-job", id="no-location"),
        pytest.param("//bigquery.googleapis.com/projects/p/jobs/my-job", "124ab1c.my-job", id="alone"),
        pytest.param("//bigquery.googleapis.com/projects/p/jobs/p:US.a b", "124ab1c", id="no-id"),
        pytest.param("//bigquery.googleapis.com/projects/p/jobs/" + "x" * 200, "124ab1c", id="long"),
        pytest.param("//bigquery/job", "124ab1c", id="no-job"),
        pytest.param(None, "124ab1c", id="none"),
        pytest.param(["/jobs/x"], "124ab1c", id="no-text"),
    ],
)
def test_an_id_is_one_among_the_requests_of_all_queries(prices, log, caller, expected):
    """BigQuery's ids are unique within a query: rows of two queries must not be taken for the same."""
    asked(prices, request([ROWS[0]], caller=caller))

    assert [line["request_id"] for line in log()] == [expected]


def test_the_reasons_are_left_out_where_a_feature_is_redacted(log):
    functions = Functions(sealed(price(features=[{**FEATURES[0], "redact": True}, *FEATURES[1:]])))

    asked(functions, request([BAD]))

    (line,) = log()
    assert (line["refused"], line["refused_because"]) == (1, [])


def test_a_classifier_replies_labels_or_the_probability_of_one(lateness):
    assert asked(lateness, request(ROWS))[1] == {"replies": ["late", "on time"]}
    assert asked(lateness, request([*ROWS, BAD], userDefinedContext={"output": "probability:late"}))[1] == {
        "replies": [0.75, 0.25, None]
    }
