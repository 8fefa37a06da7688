"""Any bytes, path or headers get a whole answer below 500 that shows nothing of the inside."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.parts import Server

MANY = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""All examples ask one server; speed is measured elsewhere."""

both = pytest.mark.parametrize("function", ["batch", "stream"])

INSIDE = (b"Traceback", b"Error(", b"Exception", b".py", b"site-packages", b"numpy", b"orjson", b"/functions/")


@pytest.fixture(autouse=True)
def _no_traceback_in_the_log(served: dict[str, Server]) -> Iterator[None]:
    yield
    for server in served.values():
        assert "Traceback" not in server.log()
        assert server.lines("ERROR") == []


def exchange(server: Server, request: bytes) -> bytes:
    """Send raw bytes, close our side, and read all that comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    return answer


def check(server: Server, request: bytes) -> None:
    """The status is at most 499, and the body holds nothing but words for callers, and their own."""
    answer = exchange(server, request)
    said = unquote_to_bytes(request)
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    assert 200 <= status < 500, answer
    assert not any(word in body and word not in said for word in INSIDE), body
    if b"application/problem+json" in head and b"HEAD" not in head:
        problem = json.loads(body)
        assert problem["status"] == status
        assert problem["detail"]


def framed(method: bytes, target: bytes, headers: bytes, body: bytes) -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    return method + b" " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + length + b"\r\n" + body


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([10**400, -(10**30), 1e308, -0.0, "bmi", "\ud800"])
)
names_in_bodies = st.sampled_from(["bmi", "instances", "instance", "parameters", "a/b~", '"'])
nested = scalars | st.lists(scalars, max_size=4) | st.dictionaries(names_in_bodies, scalars, max_size=4)
json_like = nested | st.lists(nested, max_size=4) | st.dictionaries(names_in_bodies, nested, max_size=4)

bodies = st.one_of(
    st.binary(max_size=200),
    json_like.map(lambda value: json.dumps(value).encode()),
    json_like.map(lambda value: json.dumps({"instances": value}).encode()),
    st.lists(json_like, max_size=5).map(lambda value: json.dumps({"instances": value}).encode()),
    json_like.map(lambda value: json.dumps({"instance": value}).encode()),
    st.text(alphabet='{}[]",:0123456789.eE+-truefalsn \\u', max_size=60).map(str.encode),
)


@both
@MANY
@given(body=bodies)
@example(body=b'{"instances": ' + b"[" * 100_000)
@example(body=b'{"instances": [' + b"9" * 100_000 + b"]}")
@example(body=b'{"instances": [{"' + b"x" * 100_000 + b'": 1}]}')
@example(body=b'{"instances": [{"\\ud800": 1}]}')
@example(body='{"instances": [1]}'.encode("utf-16"))
@example(body=b'\xef\xbb\xbf{"instances": [1]}')
def test_any_body_gets_an_answer(served, function, body):
    check(served[function], framed(b"POST", b"/", b"Content-Type: application/json\r\n", body))


targets = st.one_of(
    st.text(max_size=60).map(lambda text: "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))),
    st.binary(max_size=30).map(lambda raw: "".join(f"%{byte:02X}" for byte in raw)),
    st.text(alphabet='[]0123456789.eE+-,%/?#{}":nulaNtrfs ', max_size=60).map(lambda text: text.replace(" ", "%20")),
    json_like.map(lambda value: json.dumps(value).replace(" ", "%20")),
).map(str.encode)


@both
@MANY
@given(prefix=st.sampled_from([b"/", b"/batch/", b"/stream/", b"//", b"/batch/batch/"]), target=targets)
@example(prefix=b"/", target=b"%")
@example(prefix=b"/", target=b"%00")
@example(prefix=b"/", target=b"%ED%A0%80")
@example(prefix=b"/", target=b"[" * 60_000)
@example(prefix=b"/", target=b"1" * 60_000)
@example(prefix=b"/", target=b"[" + b"1e999," * 10_000)
def test_any_path_gets_an_answer(served, function, prefix, target):
    check(served[function], framed(b"GET", prefix + target, b"", b""))


values = st.binary(max_size=60).map(lambda raw: bytes(byte for byte in raw if byte not in b"\r\n\0"))
names = st.sampled_from(
    b"Content-Type Content-Encoding Traceparent X-Cloud-Trace-Context User-Agent X-Forwarded-For".split()
    + b"Function-Execution-Id Accept Expect Range Cookie X-Model-Version".split()
)


@both
@MANY
@given(headers=st.lists(st.tuples(names, values), max_size=4), body=st.sampled_from([b'{"instances": [1]}', b"x"]))
@example(headers=[(b"Content-Type", b"\xb2\xb3")], body=b"x")
@example(headers=[(b"Content-Type", b"application/json; charset=\xff")], body=b"x")
@example(headers=[(b"X-Cloud-Trace-Context", b"1" * 32 + b"/99999999999999999999;o=1")], body=b"x")
def test_any_headers_get_an_answer(served, function, headers, body):
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    if not any(name == b"Content-Type" for name, _ in headers):
        lines += b"Content-Type: application/json\r\n"

    check(served[function], framed(b"POST", b"/", lines, body))


@both
@MANY
@given(method=st.sampled_from([b"GET", b"PUT", b"PATCH", b"TRACE", b"OPTIONS", b"HEAD", b"PROPFIND"]), body=bodies)
def test_any_method_gets_an_answer(served, function, method, body):
    check(served[function], framed(method, b"/", b"", body))


@both
@MANY
@given(raw=st.binary(min_size=1, max_size=300))
@example(raw=b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n")
@example(raw=b"GET /[0.5] HTTP/1.1\r\nHost: \xff\r\n\r\n")
@example(raw=b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n{}")
@example(raw=b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
@example(raw=b"GET http://x:y/[0.5] HTTP/1.1\r\n\r\n")
def test_bytes_that_are_no_http_do_no_harm(served, function, raw):
    exchange(served[function], raw)

    assert served[function].get("/healthz").status == 200
