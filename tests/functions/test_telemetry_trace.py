"""The trace of a request, by the headers of W3C Trace Context and of Google Cloud."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.telemetry.trace import Trace, trace_of

EXAMPLES = settings(deadline=None, derandomize=True)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


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
    trace = trace_of({"traceparent": header, "x-cloud-trace-context": header})

    assert trace is None or re.fullmatch("[0-9a-f]{32}", trace.trace_id)
