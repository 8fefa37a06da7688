"""One GET over HTTP: the answer whole and within a deadline, or an error. Nothing is tried twice here.

Errors:
    BrokenError     the answer is no HTTP, or only a part of it came
    OSError         nothing came, or not in time
"""

from __future__ import annotations

import http.client
import io
import os
import socket
import ssl
import time
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from .values import CONNECT_SECONDS, READ_SECONDS

_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_REDIRECTS = 3
_MOST_REASON_BYTES = 1 << 16
_PORTS = {"http": 80, "https": 443}


class BrokenError(Exception):
    """The message says what is wrong with the answer."""


class Answer(NamedTuple):
    """An answer over HTTP.

    Attributes:
        headers: By their names in any case.
        whole: The body's end is known: by its length or its chunks, and not by the end of the connection alone.
    """

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    whole: bool


def get(url: str, headers: Mapping[str, str], *, until: float, most_bytes: int | None = None) -> Answer:
    """Get *url*. A redirection is followed, with no more than a change of path where *headers* holds credentials.

    Args:
        until: The time, by time.monotonic(), at which every wait ends.
        most_bytes: No more of a body is read.

    Raises:
        BrokenError, OSError: See above.
    """
    for _ in range(_MOST_REDIRECTS + 1):
        answer = _get(url, headers, until=until, most_bytes=most_bytes)
        place = answer.headers.get("location")
        if answer.status not in _REDIRECTS or not place:
            return answer
        target = urljoin(url, place)
        if _origin(target) != _origin(url) and "Authorization" in headers:
            raise BrokenError(f"it answered {answer.status}, to another server")
        url = target
    raise BrokenError(f"it redirected more than {_MOST_REDIRECTS} times")


def _get(url: str, headers: Mapping[str, str], *, until: float, most_bytes: int | None) -> Answer:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise BrokenError("its address is no http:// or https://")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        host = _encoded(parts.hostname)
        with _connected(host, parts.port or _PORTS[parts.scheme], until) as plain:
            tls = parts.scheme == "https"
            with _context().wrap_socket(plain, server_hostname=host) if tls else plain as connection:
                exchange = http.client.HTTPConnection(parts.netloc.rpartition("@")[2])
                exchange.sock = _Bounded(connection, until)
                exchange.request("GET", target, headers=dict(headers))
                with exchange.getresponse() as response:
                    return _read(response, most_bytes)
    except OSError:  # some of TLS are a ValueError too
        raise
    except http.client.IncompleteRead as error:
        raise BrokenError(f"the answer ended after {len(error.partial)} bytes") from error
    except (http.client.HTTPException, ValueError) as error:
        raise BrokenError(f"the answer is no HTTP ({type(error).__name__})") from error


def _read(response: http.client.HTTPResponse, most_bytes: int | None) -> Answer:
    if response.status >= http.client.MULTIPLE_CHOICES:
        return Answer(response.status, response.headers, response.read(_MOST_REASON_BYTES), whole=True)
    length, chunked = response.length, bool(response.chunked)
    body = response.read() if most_bytes is None else response.read(most_bytes)
    expected = length if most_bytes is None or length is None else min(length, most_bytes)
    if expected is not None and len(body) < expected:
        raise BrokenError(f"the answer ended after {len(body)} of {expected} bytes")
    return Answer(response.status, response.headers, body, whole=length is not None or chunked)


def _encoded(host: str) -> str | bytes:
    """*host* as bytes, if it is ASCII: for a text Python imports the tables of international names, 3 ms of a start."""
    return host.encode() if host.isascii() else host


def _connected(host: str | bytes, port: int, until: float) -> socket.socket:
    """A connection to the first address of *host* that takes one."""
    failure: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(min(CONNECT_SECONDS, _left(until)))
            connection.connect(address)
            connection.settimeout(min(READ_SECONDS, _left(until)))
        except OSError as error:
            connection.close()
            failure = failure or error
        else:
            return connection
    raise failure or OSError("the host has no address")


def _left(until: float) -> float:
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


class _Reads(io.RawIOBase):
    """The reading side of a connection; each read ends with the deadline."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection, self._until = connection, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(min(READ_SECONDS, _left(self._until)))
        return self._connection.recv_into(buffer)


class _Bounded:
    """A connection as http.client uses it; the block that opened it closes it."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self.sendall = connection.sendall
        self._reads = _Reads(connection, until)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._reads, 1 << 16)

    def close(self) -> None:
        """http.client closes it before it reads the body."""


@cache
def _context() -> ssl.SSLContext:
    """The one context of this process.

    To read all of a system's certificates takes a tenth of an empty function's start, so they are looked up by their
    names where the system has them in files of their own, and come from the package certifi where it has none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    paths = ssl.get_default_verify_paths()
    if paths.openssl_cafile_env in os.environ:
        context.load_verify_locations(paths.cafile)
    elif paths.capath and next(Path(paths.capath).glob("*.0"), None):
        context.load_verify_locations(capath=paths.capath)
    else:
        certifi = find_spec("certifi")
        if certifi is None or certifi.origin is None:
            raise OSError("there are no certificates to know Cloud Storage by")
        context.load_verify_locations(Path(certifi.origin).with_name("cacert.pem"))
    return context


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
