"""One JSON object a line on file descriptor 1, in Cloud Logging's words, whatever callers put into it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import threading
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.telemetry.log import Trace, event, request, trace_of

EXAMPLES = settings(deadline=None, derandomize=True)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
CLOUD = "logging.googleapis.com"


@pytest.fixture
def lines(capfd):
    """All lines that were written so far, read as JSON, each with its time checked and taken out."""

    def lines():
        written = capfd.readouterr().out
        assert written == "" or written.endswith("\n")
        found = [json.loads(line) for line in written.split("\n")[:-1]]
        for line in found:
            assert datetime.fromisoformat(line.pop("time")).utcoffset() == timedelta(0)
        return found

    return lines


@contextlib.contextmanager
def closed():
    """File descriptor 1 is closed."""
    kept = os.dup(1)
    os.close(1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextlib.contextmanager
def unread():
    """File descriptor 1 is a pipe that nobody reads any more."""
    kept = os.dup(1)
    reader, writer = os.pipe()
    os.dup2(writer, 1)
    os.close(writer)
    os.close(reader)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextlib.contextmanager
def messages():
    """File descriptor 1 is a socket that keeps writes apart; gives a function that reads what one write wrote."""
    kept = os.dup(1)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(0)
    os.dup2(theirs.fileno(), 1)
    theirs.close()
    try:
        yield lambda: ours.recv(1 << 20)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        ours.close()


def log(**changes):
    """Log a GET that was answered, changed by *changes*."""
    usual = {
        "method": "GET",
        "path": "/batch/[0.5]",
        "status": 200,
        "seconds": 0.0012,
        "headers": {},
        "remote_ip": "203.0.113.9",
        "project": "",
        "execution_id": False,
        "fields": {},
    }
    request(**{**usual, **changes})


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("", id="empty"),
        pytest.param("garbage", id="garbage"),
        pytest.param(f"00-{'0' * 32}-{SPAN}-01", id="trace-of-zeros"),
        pytest.param(f"00-{TRACE}-{'0' * 16}-01", id="span-of-zeros"),
        pytest.param(f"ff-{TRACE}-{SPAN}-01", id="version-ff"),
        pytest.param(f"0g-{TRACE}-{SPAN}-01", id="version-no-hex"),
        pytest.param(f"0-{TRACE}-{SPAN}-01", id="short-version"),
        pytest.param(f"00-{TRACE[1:]}-{SPAN}-01", id="short-trace"),
        pytest.param(f"00-{TRACE}0-{SPAN}-01", id="long-trace"),
        pytest.param(f"00-{TRACE[1:]}g-{SPAN}-01", id="trace-no-hex"),
        pytest.param(f"00-{TRACE}-{SPAN[1:]}-01", id="short-span"),
        pytest.param(f"00-{TRACE}-{SPAN}-1", id="short-flags"),
        pytest.param(f"00-{TRACE}-{SPAN}-0g", id="flags-no-hex"),
        pytest.param(f"00-{TRACE}-{SPAN}", id="no-flags"),
        pytest.param(f"00-{TRACE.upper()}-{SPAN}-01", id="upper-case"),
        pytest.param(f"00_{TRACE}_{SPAN}_01", id="underscores"),
        pytest.param(f" 00-{TRACE}-{SPAN}-01", id="blank-first"),
        pytest.param(f"00-{TRACE}-{SPAN}-01\n", id="line-feed-last"),
        pytest.param(f"01-{TRACE}-{SPAN}-01x", id="later-version-that-goes-on-without-a-dash"),
        pytest.param(f"00-{TRACE}-{SPAN}-01-x", id="version-00-that-goes-on"),
    ],
)
def test_a_malformed_traceparent_is_no_trace(header):
    assert trace_of({"traceparent": header}) is None


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        pytest.param(f"00-{TRACE}-{SPAN}-01", Trace(TRACE, SPAN, sampled=True), id="sampled"),
        pytest.param(f"00-{TRACE}-{SPAN}-00", Trace(TRACE, SPAN, sampled=False), id="not-sampled"),
        pytest.param(f"00-{TRACE}-{SPAN}-03", Trace(TRACE, SPAN, sampled=True), id="sampled-among-other-flags"),
        pytest.param(f"00-{TRACE}-{SPAN}-fe", Trace(TRACE, SPAN, sampled=False), id="all-flags-but-sampled"),
        pytest.param(f"cc-{TRACE}-{SPAN}-01", Trace(TRACE, SPAN, sampled=True), id="later-version"),
        pytest.param(
            f"cc-{TRACE}-{SPAN}-01-what-may-come", Trace(TRACE, SPAN, sampled=True), id="later-version-goes-on"
        ),
    ],
)
def test_a_traceparent_is_read(header, trace):
    assert trace_of({"traceparent": header}) == trace


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        pytest.param(f"{TRACE}/1;o=1", Trace(TRACE, "0000000000000001", sampled=True), id="small-span"),
        pytest.param(f"{TRACE}/67667974448284343;o=0", Trace(TRACE, SPAN, sampled=False), id="decimal-span"),
        pytest.param(f"{TRACE}/18446744073709551615", Trace(TRACE, "f" * 16, sampled=False), id="largest-span"),
        pytest.param(f"{TRACE}/18446744073709551616;o=1", Trace(TRACE, "", sampled=True), id="span-beyond-64-bits"),
        pytest.param(f"{TRACE}/0;o=1", Trace(TRACE, "", sampled=True), id="span-zero"),
        pytest.param(f"{TRACE};o=1", Trace(TRACE, "", sampled=True), id="no-span"),
        pytest.param(TRACE, Trace(TRACE, "", sampled=False), id="trace-alone"),
        pytest.param(f"{TRACE.upper()}/255", Trace(TRACE, "00000000000000ff", sampled=False), id="upper-case"),
        pytest.param("", None, id="empty"),
        pytest.param("garbage/1;o=1", None, id="garbage"),
        pytest.param(f"{TRACE[1:]}/1;o=1", None, id="short-trace"),
        pytest.param(f"{TRACE}/{SPAN};o=1", None, id="hexadecimal-span"),
        pytest.param(f"{TRACE}/-1;o=1", None, id="negative-span"),
        pytest.param(f"{TRACE}/1;o=x", None, id="option-no-number"),
        pytest.param(f"{TRACE}/{'9' * 21}", None, id="endless-span"),
    ],
)
def test_x_cloud_trace_context_has_a_decimal_span(header, trace):
    assert trace_of({"x-cloud-trace-context": header}) == trace


def test_traceparent_goes_before_x_cloud_trace_context():
    headers = {"traceparent": f"00-{TRACE}-{SPAN}-00", "x-cloud-trace-context": f"{'1' * 32}/1;o=1"}

    assert trace_of(headers) == Trace(TRACE, SPAN, sampled=False)


def test_x_cloud_trace_context_stands_in_for_a_malformed_traceparent():
    headers = {"traceparent": "garbage", "x-cloud-trace-context": f"{TRACE}/1;o=1"}

    assert trace_of(headers) == Trace(TRACE, "0000000000000001", sampled=True)


def test_no_header_is_no_trace():
    assert trace_of({}) is None


@EXAMPLES
@given(trace=st.text("0123456789abcdef", min_size=32, max_size=32), span=st.integers(1, 2**64 - 1))
def test_both_headers_of_one_span_are_one_trace(trace, span):
    w3c = trace_of({"traceparent": f"00-{trace[:-1]}1-{span:016x}-01"})

    assert w3c == trace_of({"x-cloud-trace-context": f"{trace[:-1]}1/{span};o=1"})


@EXAMPLES
@given(header=st.text(max_size=80))
def test_any_header_is_a_trace_or_none(header):
    found = trace_of({"traceparent": header, "x-cloud-trace-context": header})

    assert found is None or re.fullmatch("[0-9a-f]{32}", found.trace_id)


def test_an_event_is_one_line(lines):
    event("ERROR", "line version 3 does not verify", version=3, reason="digest")

    assert lines() == [
        {"severity": "ERROR", "message": "line version 3 does not verify", "version": 3, "reason": "digest"}
    ]


def test_line_feeds_in_a_message_do_not_make_more_lines(lines):
    event("INFO", "one\ntwo\r\nthree\u2028four")

    assert lines() == [{"severity": "INFO", "message": "one\ntwo\r\nthree\u2028four"}]


def test_lines_come_in_the_order_they_were_written(lines):
    event("INFO", "first")
    event("INFO", "second")

    assert lines() == [{"severity": "INFO", "message": "first"}, {"severity": "INFO", "message": "second"}]


def test_the_time_is_utc_in_rfc_3339(capfd):
    event("INFO", "now")

    time = json.loads(capfd.readouterr().out)["time"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", time)


def test_the_line_of_a_request_tells_the_whole(lines):
    log(
        method="POST",
        path="/batch",
        headers={
            "user-agent": "curl/8",
            "traceparent": f"00-{TRACE}-{SPAN}-01",
            "function-execution-id": "abc123",
            "authorization": "Bearer secret",
        },
        project="my-project",
        execution_id=True,
        fields={"function": "batch", "version": 7, "instances": 3, "out_of_range": 0},
    )

    assert lines() == [
        {
            "severity": "INFO",
            "message": "POST /batch 200",
            "httpRequest": {
                "requestMethod": "POST",
                "requestUrl": "/batch",
                "status": 200,
                "latency": "0.001200s",
                "userAgent": "curl/8",
                "remoteIp": "203.0.113.9",
            },
            "function": "batch",
            "version": 7,
            "instances": 3,
            "out_of_range": 0,
            f"{CLOUD}/trace": f"projects/my-project/traces/{TRACE}",
            f"{CLOUD}/trace_sampled": True,
            f"{CLOUD}/spanId": SPAN,
            f"{CLOUD}/labels": {"execution_id": "abc123"},
        }
    ]


def test_the_line_of_a_request_that_tells_nothing_is_short(lines):
    log()

    assert lines() == [
        {
            "severity": "INFO",
            "message": "GET /batch/[0.5] 200",
            "httpRequest": {
                "requestMethod": "GET",
                "requestUrl": "/batch/[0.5]",
                "status": 200,
                "latency": "0.001200s",
                "userAgent": "",
                "remoteIp": "203.0.113.9",
            },
        }
    ]


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        pytest.param(200, "INFO", id="200"),
        pytest.param(399, "INFO", id="399"),
        pytest.param(400, "WARNING", id="400"),
        pytest.param(499, "WARNING", id="499"),
        pytest.param(500, "ERROR", id="500"),
        pytest.param(503, "ERROR", id="503"),
    ],
)
def test_the_severity_follows_the_status(lines, status, severity):
    log(status=status)

    assert [line["severity"] for line in lines()] == [severity]


@pytest.mark.parametrize(
    ("seconds", "latency"),
    [
        pytest.param(0.0, "0.000000s", id="none"),
        pytest.param(0.0000004, "0.000000s", id="below-a-microsecond"),
        pytest.param(12.5, "12.500000s", id="seconds"),
        pytest.param(3600.0, "3600.000000s", id="an-hour"),
    ],
)
def test_the_latency_is_seconds_as_decimals(lines, seconds, latency):
    log(seconds=seconds)

    assert [line["httpRequest"]["latency"] for line in lines()] == [latency]


@pytest.mark.parametrize(
    ("headers", "project", "fields"),
    [
        pytest.param({"traceparent": f"00-{TRACE}-{SPAN}-01"}, "", {}, id="no-project"),
        pytest.param({"traceparent": "garbage"}, "p", {}, id="malformed"),
        pytest.param({}, "p", {}, id="no-header"),
        pytest.param(
            {"x-cloud-trace-context": f"{TRACE};o=1"},
            "p",
            {f"{CLOUD}/trace": f"projects/p/traces/{TRACE}", f"{CLOUD}/trace_sampled": True},
            id="no-span",
        ),
        pytest.param(
            {"x-cloud-trace-context": f"{TRACE}/255"},
            "p",
            {
                f"{CLOUD}/trace": f"projects/p/traces/{TRACE}",
                f"{CLOUD}/trace_sampled": False,
                f"{CLOUD}/spanId": "00000000000000ff",
            },
            id="decimal-span",
        ),
    ],
)
def test_the_trace_is_named_where_project_and_trace_are_known(lines, headers, project, fields):
    log(headers=headers, project=project)

    (line,) = lines()
    assert {name: value for name, value in line.items() if name.startswith(CLOUD)} == fields


@pytest.mark.parametrize(
    ("headers", "label"),
    [
        pytest.param({"function-execution-id": "abc123"}, "abc123", id="given"),
        pytest.param({}, "", id="none"),
        pytest.param({"function-execution-id": "x" * 1000}, "x" * 64, id="long"),
    ],
)
def test_the_execution_id_is_a_label_where_it_is_asked_for(lines, headers, label):
    log(headers=headers, execution_id=True)

    assert [line[f"{CLOUD}/labels"] for line in lines()] == [{"execution_id": label}]


def test_the_execution_id_is_no_label_where_it_is_not_asked_for(lines):
    log(headers={"function-execution-id": "abc123"}, execution_id=False)

    assert [line for line in lines() if f"{CLOUD}/labels" in line] == []


def test_long_values_are_cut(lines):
    log(method="M" * 1000, path="/" + "p" * 100_000, headers={"user-agent": "u" * 1000}, remote_ip="9" * 1000)

    assert lines() == [
        {
            "severity": "INFO",
            "message": f"{'M' * 16} /{'p' * 255} 200",
            "httpRequest": {
                "requestMethod": "M" * 16,
                "requestUrl": "/" + "p" * 255,
                "status": 200,
                "latency": "0.001200s",
                "userAgent": "u" * 256,
                "remoteIp": "9" * 64,
            },
        }
    ]


def test_a_lone_surrogate_becomes_a_question_mark_and_the_rest_survives(lines):
    log(
        path="/é\udcff", headers={"user-agent": "\ud800x"}, remote_ip="\udc80", fields={"stack_trace": "\ud800", "n": 1}
    )

    assert lines() == [
        {
            "severity": "INFO",
            "message": "GET /é? 200",
            "httpRequest": {
                "requestMethod": "GET",
                "requestUrl": "/é?",
                "status": 200,
                "latency": "0.001200s",
                "userAgent": "?x",
                "remoteIp": "?",
            },
            "stack_trace": "?",
            "n": 1,
        }
    ]


@pytest.mark.parametrize(
    ("field", "logged"),
    [
        pytest.param(["\ud800"], ["?"], id="in-a-list"),
        pytest.param({"\ud800": 1}, {"?": 1}, id="as-a-name"),
    ],
)
def test_a_lone_surrogate_inside_a_field_survives(lines, field, logged):
    event("INFO", "m", field=field)

    assert lines() == [{"severity": "INFO", "message": "m", "field": logged}]


def test_a_line_longer_than_a_pipe_s_buffer_is_written_whole(lines):
    event("INFO", "x" * 1_000_000)

    assert lines() == [{"severity": "INFO", "message": "x" * 1_000_000}]


@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(), method=st.text(max_size=20), agent=st.text())
def test_whatever_a_caller_sends_it_is_one_line(capfd, text, method, agent):
    log(method=method, path=text, headers={"user-agent": agent}, execution_id=True)

    written = capfd.readouterr().out
    assert (written.count("\n"), json.loads(written)["httpRequest"]["status"]) == (1, 200)


SHARED = {"request_id": "id-1", "model": "line"}
ROWS = [{"row": row, "features": {"bmi": row / 4}, "prediction": row / 3} for row in range(20)]


def test_rows_follow_the_line_of_their_request_at_the_same_time(capfd):
    log(fields={"kind": "request"}, shared=SHARED, rows=ROWS[1:3])

    request, *rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    time = request["time"]
    assert request["kind"] == "request"
    assert rows == [
        {
            "kind": "row",
            "severity": "DEBUG",
            "time": time,
            **SHARED,
            "row": 1,
            "features": {"bmi": 0.25},
            "prediction": 1 / 3,
        },
        {
            "kind": "row",
            "severity": "DEBUG",
            "time": time,
            **SHARED,
            "row": 2,
            "features": {"bmi": 0.5},
            "prediction": 2 / 3,
        },
    ]


def test_a_request_and_its_rows_are_one_write():
    with messages() as written:
        log(shared=SHARED, rows=ROWS * 5)
        text = written()
        with pytest.raises(BlockingIOError):
            written()

    assert (text.count(b"\n"), text[-1:]) == (101, b"\n")


def test_lines_of_threads_that_write_to_a_full_pipe_are_not_mixed(capfd):
    kept = os.dup(1)
    reader, writer = os.pipe()
    os.dup2(writer, 1)
    os.close(writer)
    threads = [threading.Thread(target=log, kwargs={"shared": SHARED, "rows": ROWS * 100}) for _ in range(8)]
    try:
        for thread in threads:
            thread.start()
        with os.fdopen(reader, "rb") as pipe:
            lines = [pipe.readline() for _ in range(8 * 2001)]
        for thread in threads:
            thread.join()
    finally:
        os.dup2(kept, 1)
        os.close(kept)

    assert [json.loads(line).get("row") for line in lines] == [None, *[row["row"] for row in ROWS * 100]] * 8


def test_a_lone_surrogate_in_the_path_leaves_the_rows_alone(lines):
    log(path="/\ud800", shared=SHARED, rows=ROWS[:1])

    request, row = lines()
    assert request["message"] == "GET /? 200"
    assert row == {"kind": "row", "severity": "DEBUG", **SHARED, **ROWS[0]}


@pytest.mark.parametrize(
    "stdout", [pytest.param(closed, id="closed"), pytest.param(unread, id="a-pipe-that-nobody-reads")]
)
def test_a_stdout_that_takes_nothing_does_not_stop_answering(lines, stdout):
    with stdout():
        log(shared=SHARED, rows=ROWS)
        event("INFO", "unheard")
    event("INFO", "heard")

    assert lines() == [{"severity": "INFO", "message": "heard"}]
