"""Log lines: one JSON object each, whatever stands in them, and traces in the form Cloud Logging reads."""

from __future__ import annotations

import json

import pytest

from functions import telemetry
from functions.telemetry import Trace

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("headers", "trace"),
    [
        pytest.param({"traceparent": f"00-{TRACE}-{SPAN}-01"}, Trace(TRACE, SPAN, sampled=True), id="w3c"),
        pytest.param({"traceparent": f"00-{TRACE}-{SPAN}-00"}, Trace(TRACE, SPAN, sampled=False), id="not-sampled"),
        pytest.param({"traceparent": f"cc-{TRACE}-{SPAN}-03-more"}, Trace(TRACE, SPAN, sampled=True), id="later"),
        pytest.param({"traceparent": f"ff-{TRACE}-{SPAN}-01"}, None, id="version-ff"),
        pytest.param({"traceparent": f"00-{'0' * 32}-{SPAN}-01"}, None, id="zero-trace"),
        pytest.param({"traceparent": f"00-{TRACE}-{'0' * 16}-01"}, None, id="zero-span"),
        pytest.param({"traceparent": f"00-{TRACE.upper()}-{SPAN}-01"}, None, id="upper-case"),
        pytest.param(
            {"x-cloud-trace-context": f"{TRACE}/255;o=1"}, Trace(TRACE, "00000000000000ff", sampled=True), id="cloud"
        ),
        pytest.param({"x-cloud-trace-context": TRACE}, Trace(TRACE, "", sampled=False), id="cloud-trace-only"),
        pytest.param(
            {"x-cloud-trace-context": f"{TRACE}/{2**64};o=0"},
            Trace(TRACE, "", sampled=False),
            id="cloud-span-too-large",
        ),
        pytest.param({"x-cloud-trace-context": "x/1;o=1"}, None, id="cloud-malformed"),
        pytest.param(
            {"traceparent": "junk", "x-cloud-trace-context": f"{TRACE}/1;o=0"},
            Trace(TRACE, "0000000000000001", sampled=False),
            id="the-other-when-one-is-junk",
        ),
        pytest.param({}, None, id="none"),
    ],
)
def test_a_trace_is_read_from_either_header(headers, trace):
    assert telemetry.trace_of(headers) == trace


def request(**changes):
    arguments = {
        "method": "GET",
        "path": "/0.5",
        "status": 200,
        "seconds": 0.0012,
        "headers": {"user-agent": "tester"},
        "remote_ip": "203.0.113.9",
        "project": "",
        "execution_id": False,
        "fields": {"instances": 1},
    }
    telemetry.request(**{**arguments, **changes})


def written(capfd):
    (line,) = capfd.readouterr().out.splitlines()
    return json.loads(line)


def test_a_request_is_one_line(capfd):
    request()

    line = written(capfd)
    assert line.pop("time").endswith("Z")
    assert line == {
        "severity": "INFO",
        "message": "GET /0.5 200",
        "httpRequest": {
            "requestMethod": "GET",
            "requestUrl": "/0.5",
            "status": 200,
            "latency": "0.001200s",
            "userAgent": "tester",
            "remoteIp": "203.0.113.9",
        },
        "instances": 1,
    }


@pytest.mark.parametrize(("status", "severity"), [(200, "INFO"), (404, "WARNING"), (503, "ERROR")])
def test_the_status_decides_the_severity(capfd, status, severity):
    request(status=status)

    assert written(capfd)["severity"] == severity


def test_long_and_unencodable_values_still_make_a_line(capfd):
    request(path="/\ud800" + "x" * 1000, headers={"user-agent": "\udfff" * 500}, method="M" * 100)

    line = written(capfd)
    assert line["httpRequest"]["requestUrl"] == "/?" + "x" * 254
    assert (len(line["httpRequest"]["userAgent"]), len(line["httpRequest"]["requestMethod"])) == (256, 16)


def test_an_event_is_one_line(capfd):
    telemetry.event("ERROR", "line\nbreak", version=3)

    line = written(capfd)
    assert (line["severity"], line["message"], line["version"]) == ("ERROR", "line\nbreak", 3)
