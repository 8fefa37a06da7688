"""A Cloud Storage and a metadata server that answer as a test says: refusals, and answers that break off, stall or drip."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

METADATA_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"


class Server(ThreadingHTTPServer):
    """Answers every request by *answer*; it notes the paths and the headers that it is asked with."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Callable[[Handler], None], certificate: Path | None = None) -> None:
        self.answer = answer
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.over = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.url = f"{'https' if certificate else 'http'}://{self.address}"

    def handle_error(self, *_: Any) -> None:
        """A client that hung up is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.server.answer(self)

    def say(self, status: int, body: bytes = b"", **headers: object) -> None:
        """A whole answer; a header given as None is left out."""
        self.begin(status, **{"content_length": len(body), **headers})
        self.wfile.write(body)

    def begin(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(answer: Callable[[Handler], None], certificate: Path | None = None) -> Iterator[Server]:
    server = Server(answer, certificate)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def says(status: int, body: bytes = b"", **headers: object) -> Callable[[Handler], None]:
    """The same answer to everybody."""
    return lambda handler: handler.say(status, body, **headers)


def holds(body: bytes, *, generation: int = 7, **headers: object) -> Callable[[Handler], None]:
    """An object, as Cloud Storage answers it."""
    return says(200, body, **{"x_goog_generation": generation, "x_goog_hash": f"md5={md5(body)}", **headers})


def in_turn(*answers: Callable[[Handler], None]) -> Callable[[Handler], None]:
    """One answer after the other, the last one for ever."""
    left = list(answers)

    def answer(handler: Handler) -> None:
        turn = left.pop(0) if len(left) > 1 else left[0]
        turn(handler)

    return answer


def breaks_off(body: bytes, at: int, **headers: object) -> Callable[[Handler], None]:
    """An answer that promises *body* and ends after *at* of its bytes."""

    def answer(handler: Handler) -> None:
        handler.begin(200, **{"content_length": len(body), "x_goog_generation": 7, **headers})
        handler.wfile.write(body[:at])

    return answer


def stalls(handler: Handler) -> None:
    """Nothing comes."""
    handler.server.over.wait(30)


def stalls_inside(handler: Handler) -> None:
    """Head and a first byte come, and no more."""
    handler.begin(200, content_length=10)
    handler.wfile.write(b"x")
    handler.server.over.wait(30)


def drips(handler: Handler) -> None:
    """A body that never stops to come, a byte at a time."""
    handler.begin(200, content_length=1_000_000)
    while not handler.server.over.wait(0.02):
        handler.wfile.write(b"x")


def drips_head(handler: Handler) -> None:
    """A header that never ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
    while not handler.server.over.wait(0.02):
        handler.wfile.write(b"x")


def nonsense(handler: Handler) -> None:
    handler.wfile.write(b"220 mail.example ESMTP\r\n")


def gives_token(text: str = "secret-1", seconds: object = 3600, flavor: str = "Google") -> Callable[[Handler], None]:
    """A metadata server."""
    document = {"access_token": text, "expires_in": seconds, "token_type": "Bearer"}
    return says(200, json.dumps(document).encode(), Metadata_Flavor=flavor)


def md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
