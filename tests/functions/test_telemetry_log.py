"""One JSON object a line on file descriptor 1, in Cloud Logging's format, for any text that callers send."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import socket
import threading
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.telemetry.log import event, request

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


def test_the_line_of_a_request_has_all_its_members(lines):
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


def test_the_line_of_a_request_without_headers_is_short(lines):
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


def test_a_full_pipe_that_does_not_block_is_waited_for():
    """A process that shares the pipe decides whether it blocks."""
    kept = os.dup(1)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    filled = os.write(writer, b"\n" * (1 << 20))
    os.dup2(writer, 1)
    os.close(writer)

    def write():
        try:
            log(shared=SHARED, rows=ROWS * 100)
        finally:
            os.dup2(kept, 1)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reader, "rb") as pipe:
        lines = pipe.read()[filled:].splitlines()
    thread.join()
    os.close(kept)

    assert [json.loads(line).get("row") for line in lines] == [None, *[row["row"] for row in ROWS * 100]]


def test_a_line_that_a_full_disk_cut_short_takes_no_other_line_with_it(tmp_path):
    kept, limits = os.dup(1), resource.getrlimit(resource.RLIMIT_FSIZE)
    with (tmp_path / "log").open("wb", buffering=0) as file:
        os.dup2(file.fileno(), 1)
    try:
        event("INFO", "before")
        resource.setrlimit(resource.RLIMIT_FSIZE, (os.fstat(1).st_size + 20, limits[1]))
        event("INFO", "cut short")
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        event("INFO", "after")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        os.dup2(kept, 1)
        os.close(kept)

    before, torn, after = (tmp_path / "log").read_bytes().splitlines()
    assert (json.loads(before)["message"], len(torn), json.loads(after)["message"]) == ("before", 20, "after")


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
