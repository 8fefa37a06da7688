"""A private function at an address of this machine: each request is passed on with the person's identity token.

Usage: open.py URL PORT

A line written to file descriptor 3 asks for a token, and descriptor 4 answers with a line. PORT 0 is any free one. All
that reaches the address calls as that person, so it listens on 127.0.0.1 alone, and refuses the calls of pages of other
origins: by `Origin` and `Sec-Fetch-Site`, and by `Host`, since a name that leads here is another origin to it
(DNS rebinding). Answers lose the headers that would let such a page read them. Only the standard library.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

MOST_BODY_BYTES = 32 << 20
"""As much as the platform takes."""

ANSWER_SECONDS = 3600
"""The longest time that a function may have."""

IDLE_SECONDS = 60
"""Time in which a caller must have sent its request."""

SPARE_SECONDS = 300
"""A token is renewed this long before it ends."""

UNKNOWN_SECONDS = 1800
"""How long a token is used that does not say when it ends."""

_NOT_SENT_ON = {
    *("authorization", "connection", "content-length", "cookie", "expect", "host", "keep-alive", "origin"),
    *("proxy-authorization", "proxy-connection", "referer", "te", "trailer", "transfer-encoding", "upgrade"),
    *("x-serverless-authorization", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"),
    "x-function-address",
}
_NOT_GIVEN_BACK = {
    "connection",
    "content-length",
    "keep-alive",
    "set-cookie",
    "trailer",
    "transfer-encoding",
    "upgrade",
}


class NoTokenError(Exception):
    """There is no token."""


class Tokens:
    """The person's token, renewed in time."""

    def __init__(self, ask: Callable[[], str], clock: Callable[[], float] = time.time) -> None:
        self._ask, self._clock = ask, clock
        self._lock = threading.Lock()
        self._token, self._ends = "", 0.0

    def get(self, *, refused: str = "") -> str:
        """A token; another one than *refused*, if there is another.

        Raises:
            NoTokenError: There is none.
        """
        with self._lock:
            if self._token == refused or self._clock() >= self._ends - SPARE_SECONDS:
                self._token = self._ask().strip()
                self._ends = end_of(self._token) or self._clock() + UNKNOWN_SECONDS + SPARE_SECONDS
            if not self._token:
                self._ends = 0.0
                raise NoTokenError
            return self._token


def end_of(token: str) -> float | None:
    """When *token* ends, in seconds since 1970; None where it does not say so."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None


def objection(headers: Any, port: int) -> str:
    """Why a request must not be passed on; empty if it may."""
    hosts = [host.lower() for host in headers.get_all("host", [])]
    if hosts not in ([f"127.0.0.1:{port}"], [f"localhost:{port}"]):
        return f"Host must be 127.0.0.1:{port}, got {', '.join(hosts)[:80]!r}"
    for origin in headers.get_all("origin", []):
        if origin.lower() != f"http://{hosts[0]}":
            return f"a page of another origin may not call through this address, got Origin {origin[:80]!r}"
    if any(site.lower() not in {"none", "same-origin"} for site in headers.get_all("sec-fetch-site", [])):
        return "a page of another origin may not call through this address"
    return ""


class Proxy(ThreadingHTTPServer):
    """Passes requests on to *url*; *say* gets what the person should know."""

    daemon_threads = True

    def __init__(self, url: str, port: int, tokens: Tokens, say: Callable[[str], None]) -> None:
        super().__init__(("127.0.0.1", port), Passing)
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        self.connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self.host, self.base = parts.netloc, parts.path.rstrip("/")
        self.url, self.tokens, self.say = url, tokens, say


class Passing(BaseHTTPRequestHandler):
    """One request."""

    server: Proxy
    timeout = IDLE_SECONDS

    def pass_on(self) -> None:
        if self.headers.defects:  # the parser leaves out all that follows such a line
            self._refuse(HTTPStatus.BAD_REQUEST, "a line of the head is no header")
            return
        refused = objection(self.headers, self.server.server_address[1])
        if refused:
            self._refuse(HTTPStatus.FORBIDDEN, refused)
            return
        length, *more = self.headers.get_all("content-length", ["0"])
        if "transfer-encoding" in self.headers or more or not re.fullmatch("[0-9]{1,12}", length):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "a body must come with its Content-Length")
        elif int(length) > MOST_BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {MOST_BODY_BYTES} bytes, got {length}")
        else:
            self._pass(self.rfile.read(int(length)))

    do_GET = do_HEAD = do_POST = pass_on  # noqa: N815 - names of the standard library

    def _pass(self, body: bytes) -> None:
        try:
            connection, answer = self._ask(body)
            with closing(connection):
                content = answer.read()  # whole, so that one that breaks off is none
        except NoTokenError:
            self.server.say("gcloud gave no identity token (see above)")
            self._refuse(HTTPStatus.BAD_GATEWAY, "there is no identity token; the terminal says why")
            return
        except (http.client.InvalidURL, UnicodeEncodeError):
            self._refuse(HTTPStatus.BAD_REQUEST, "what is no letter, digit or sign of ASCII must be percent-encoded")
            return
        except (OSError, http.client.HTTPException) as error:
            self._refuse(HTTPStatus.BAD_GATEWAY, f"the function cannot be reached ({type(error).__name__})")
            return
        self._give_back(answer, content)

    def _ask(self, body: bytes) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """The function's answer; asked again with a new token where one is refused."""
        sent = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_SENT_ON}
        sent["X-Function-Address"] = self.server.url  # for the calls that the function's page shows
        token = self.server.tokens.get()
        for attempt in (1, 2):
            connection = self.server.connect(self.server.host, timeout=ANSWER_SECONDS)
            path = self.server.base + (self.path if self.path.startswith("/") else f"/{self.path}")
            connection.request(self.command, path, body or None, {**sent, "Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            if answer.status != HTTPStatus.UNAUTHORIZED or attempt > 1:
                break
            connection.close()
            token = self.server.tokens.get(refused=token)
        if answer.status == HTTPStatus.FORBIDDEN:
            self.server.say("403: this account may not call the function; ./deploy.sh grant user:YOU")
        return connection, answer

    def _give_back(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _NOT_GIVEN_BACK and not name.lower().startswith("access-control-"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        body = f"{message}\n".encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: an address may hold values."""

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the caller has gone
            self.close_connection = True


def show(address: str) -> None:
    """Open *address* in a browser, where somebody sits at a terminal."""
    opener = shutil.which("xdg-open") or shutil.which("open")
    if sys.stdout.isatty() and opener:
        subprocess.Popen(
            [opener, address], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def main(arguments: list[str]) -> None:
    url, port = arguments
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asking, answering = os.fdopen(3, "w"), os.fdopen(4)

    def ask() -> str:
        print(file=asking, flush=True)
        return answering.readline()

    def say(message: str) -> None:
        print(f"open: {message}", file=sys.stderr, flush=True)

    try:
        try:
            proxy = Proxy(url, int(port), Tokens(ask), say)
        except OSError:
            sys.exit(f"deploy.sh: PORT: port {port} is taken; choose another one, or leave PORT unset")
        address = f"http://127.0.0.1:{proxy.server_address[1]}/"
        print(address, flush=True)
        print(f"passes calls on to {url} with your identity token; Ctrl-C ends it", file=sys.stderr, flush=True)
        show(address)
        proxy.serve_forever()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main(sys.argv[1:])
