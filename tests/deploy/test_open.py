"""./deploy.sh open: a private function at an address of this machine, for its person and for no other page."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deploy.open import NoTokenError, Proxy, Tokens
from tests.support.parts import free_port


class Upstream(ThreadingHTTPServer):
    """A function that takes the tokens of *taken*, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/batch"
        self.taken = {"Bearer one"}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []


class Visit(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.command, self.path, headers, body))
        ok = headers.get("authorization") in self.server.taken
        self.send_response(200 if ok else 401)
        for name, value in (("X-Model-Version", "7"), ("Access-Control-Allow-Origin", "*"), ("Set-Cookie", "a=b")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"answer" if ok else b"who are you?")

    do_POST = do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    with serving(server):
        yield server


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def tokens() -> list[str]:
    """What gcloud gives, one after the other."""
    return ["one", "two"]


@pytest.fixture
def port(upstream, said, tokens) -> Iterator[int]:
    proxy = Proxy(upstream.url, 0, Tokens(lambda: tokens.pop(0) if tokens else ""), said.append)
    with serving(proxy):
        yield proxy.server_address[1]


def ask(port: int, method: str = "GET", path: str = "/", body: bytes | None = None, **headers: str):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    connection.close()
    return found


def raw(port: int, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(text)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
    return answer


# What is refused before it reaches the function


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "evil.example"}, id="rebound"),
        pytest.param({"Host": "127.0.0.1"}, id="no-port"),
        pytest.param({"Host": "127.0.0.1.evil.example:{port}"}, id="begins-like-it"),
        pytest.param({"Origin": "https://evil.example"}, id="origin"),
        pytest.param({"Origin": "null"}, id="sandbox"),
        pytest.param({"Origin": "http://127.0.0.1:1"}, id="another-port"),
        pytest.param({"Origin": "http://localhost:{port}"}, id="another-name"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="cross-site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="same-site"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_another_origin_is_refused_without_a_call(upstream, port, headers, method):
    given = {name.replace("-", "_"): value.format(port=port) for name, value in headers.items()}

    status, found, _ = ask(port, method, "/batch", b"{}" if method == "POST" else None, **given)

    assert (status, upstream.requests) == (403, [])
    assert not any(name.startswith("access-control") for name in found)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 403, id="no-host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nHost: x\r\n\r\n", 403, id="two-hosts"),
        pytest.param(b"OPTIONS / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", 501, id="preflight"),
        pytest.param(b"DELETE / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", 501, id="method"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nTransfer-Encoding: chunked\r\n\r\n", 411, id="chunked"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nTransfer-Encoding : chunked\r\n\r\n",
            400,
            id="no-header",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n",
            411,
            id="two-lengths",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nOrigin: http://127.0.0.1:PORT\r\nOrigin: http://x\r\n\r\n",
            403,
            id="two-origins",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nSec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n\r\n",
            403,
            id="two-sites",
        ),
        pytest.param(b"POST / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: -1\r\n\r\n", 411, id="negative"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: 33554433\r\n\r\n", 413, id="large"),
        pytest.param("GET /é HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n".encode(), 400, id="not-ascii"),
    ],
)
def test_a_request_of_another_form_is_refused_without_a_call(upstream, port, text, status):
    answer = raw(port, text.replace(b"PORT", str(port).encode()))

    assert (int(answer.split()[1]), upstream.requests) == (status, [])


def test_a_function_that_is_not_there_is_a_502(said):
    proxy = Proxy(f"http://127.0.0.1:{free_port()}", 0, Tokens(lambda: "one"), said.append)
    with serving(proxy):
        status, _, text = ask(proxy.server_address[1])

    assert (status, text) == (502, "the function cannot be reached (ConnectionRefusedError)\n")


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"Content-Length: 9\r\n\r\nans", id="length"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n3\r\nans\r\nZZ", id="chunks"),
    ],
)
def test_an_answer_that_breaks_off_is_a_502_and_not_a_short_200(monkeypatch, capfd, port, begun):
    monkeypatch.setattr(Visit, "do_GET", lambda visit: visit.wfile.write(b"HTTP/1.1 200 OK\r\n" + begun))

    status, _, text = ask(port)

    assert (status, text) == (502, "the function cannot be reached (IncompleteRead)\n")
    assert capfd.readouterr() == ("", "")


def test_without_a_token_the_function_is_not_asked(upstream, port, tokens, said):
    tokens.clear()

    status, _, text = ask(port)

    assert (status, text, upstream.requests) == (502, "there is no identity token; the terminal says why\n", [])
    assert said == ["gcloud gave no identity token (see above)"]


# What is passed on


def test_a_call_reaches_the_function_with_the_token_and_without_what_is_the_browser_s(upstream, port):
    status, headers, text = ask(
        port, "POST", "/v1?x=%20", b'{"instances": [1]}', Authorization="Bearer mine", Cookie="a", Content_Type="a/b",
        Origin=f"http://127.0.0.1:{port}", Sec_Fetch_Site="same-origin", X_Request_Id="7", X_Function_Address="x",
    )  # fmt: skip

    assert (status, text, headers["x-model-version"]) == (200, "answer", "7")
    assert not {"access-control-allow-origin", "set-cookie"} & set(headers)
    ((method, path, sent, body),) = upstream.requests
    assert (method, path, body) == ("POST", "/batch/v1?x=%20", b'{"instances": [1]}')
    assert (sent["authorization"], sent["content-type"], sent["x-request-id"]) == ("Bearer one", "a/b", "7")
    assert sent["x-function-address"] == upstream.url
    assert sent["host"] == upstream.url.removeprefix("http://").removesuffix("/batch")
    assert not {"cookie", "origin", "referer"} & set(sent)


def test_head_has_the_headers_alone(port):
    status, headers, text = ask(port, "HEAD")

    assert (status, headers["x-model-version"], text) == (200, "7", "")


def test_a_token_that_is_refused_is_renewed_once(upstream, port, tokens):
    upstream.taken = {"Bearer two"}

    first, second = ask(port)[0], ask(port)[0]

    assert (first, second, tokens) == (200, 200, [])
    assert [sent["authorization"] for *_, sent, _ in upstream.requests] == ["Bearer one", "Bearer two", "Bearer two"]


def test_a_token_that_is_refused_again_gives_the_function_s_own_answer(upstream, port, tokens):
    upstream.taken = set()

    assert ask(port)[::2] == (401, "who are you?")
    assert len(upstream.requests) == 2


def jwt(ends: int) -> str:
    return f"h.{base64.urlsafe_b64encode(json.dumps({'exp': ends}).encode()).decode().rstrip('=')}.s"


def test_a_token_is_renewed_before_it_ends():
    given, now = [jwt(4000), jwt(8000)], [1000.0]
    tokens = Tokens(lambda: given.pop(0), lambda: now[0])

    found = []
    for now[0] in (1000.0, 3699.0, 3700.0):
        found.append(tokens.get())

    assert found == [jwt(4000), jwt(4000), jwt(8000)]


def test_a_token_that_does_not_say_when_it_ends_is_renewed_within_the_half_hour():
    given, now = ["a", "b"], [0.0]
    tokens = Tokens(lambda: given.pop(0), lambda: now[0])

    found = []
    for now[0] in (0.0, 1799.0, 1801.0):
        found.append(tokens.get())

    assert found == ["a", "a", "b"]


def test_a_lost_token_is_asked_for_again():
    given = ["", "a"]
    tokens = Tokens(lambda: given.pop(0))

    with pytest.raises(NoTokenError):
        tokens.get()

    assert tokens.get() == "a"


# The verb


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        pytest.param(["both"], {}, "open takes batch, stream or nothing, got: 'both'", id="function"),
        pytest.param(["batch", "8080"], {}, "open takes batch, stream or nothing, got: 'batch 8080'", id="more"),
        pytest.param([], {"PORT": "http"}, "PORT must be a port from 1 to 65535, got 'http'", id="port"),
    ],
)
def test_wrong_usage_ends_with_2(cloud, arguments, environ, message):
    project = cloud(up=False, model=False)

    ended = project.deploy("open", *arguments, **environ)

    assert (ended.returncode, ended.stderr) == (2, f"deploy.sh: {message} (./deploy.sh help)\n")


def test_without_a_token_it_does_not_begin(cloud):
    ended = cloud(tokenless=True).deploy("open")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "no identity token for owner@example.com (see above)" in ended.stderr


def test_a_port_that_is_taken_is_named(cloud, upstream):
    ended = cloud().deploy("open", PORT=str(upstream.server_address[1]))

    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"PORT: port {upstream.server_address[1]} is taken; choose another one" in ended.stderr


@pytest.mark.parametrize(("ending", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_private_function_answers_at_the_address_until_it_is_ended(cloud, ending, status):
    project = cloud()
    process = project.start("open", "batch")
    address = process.stdout.readline()

    port = int(address.removeprefix("http://127.0.0.1:").removesuffix("/\n"))
    answer = ask(port, "GET", "/batch/[0.5]", Accept="application/json")
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    os.killpg(process.pid, ending)
    ended = project.end(process)

    assert (answer[0], json.loads(answer[2])["predictions"]) == (200, [2.0])
    assert ended.returncode == status
    assert "secret-token" not in shown + ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
