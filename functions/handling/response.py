"""A reply as it goes out: in gzip where the caller takes it, with the headers for pages of other origins."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import starlette.responses
from starlette.types import Receive, Scope, Send

from ..exchange import JSON
from .replies import Reply

_NO_CONTENT = HTTPStatus.NO_CONTENT.value

_JSON = (b"content-type", JSON.encode("latin-1"))

LEAST_GZIP_BYTES = 8192
"""Smaller answers are not compressed, whatever the caller takes."""

IN_GZIP = (("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
"""The headers of an answer that is compressed."""

_LONG_BYTES = 128 * 1024
"""From so many on, compressing takes milliseconds, and a thread less than that."""


class Response(starlette.responses.Response):
    """A reply with the version that made it; its headers are written as they go out, without a look through them."""

    def __init__(self, reply: Reply, version: int | None) -> None:
        self.status_code, (media_type, self.body, more), added = reply
        kind = _JSON if media_type == JSON else (b"content-type", media_type.encode("latin-1"))
        headers = [(b"content-length", b"%d" % len(self.body)), kind] if self.status_code != _NO_CONTENT else []
        if added or more:
            headers += _combined((*added, *more))
        if version is not None:
            headers.append((b"x-model-version", b"%d" % version))
        self.raw_headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        """Send the response."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


async def compressed(reply: Reply, headers: Mapping[str, str]) -> Reply:
    """*reply* in gzip where the caller, whose *headers* have names in lower case, takes it.

    A long body is compressed in a thread, while others are answered: zlib holds no lock of the interpreter.
    """
    if "gzip" not in headers.get("accept-encoding", "") or IN_GZIP[0] in reply.headers:
        return reply
    from . import coding  # noqa: PLC0415 - most processes never send so much

    if not coding.takes_gzip(headers):
        return reply
    body = reply.content.body
    packed = coding.deflate(body) if len(body) < _LONG_BYTES else await asyncio.to_thread(coding.deflate, body)
    return Reply(reply.status, reply.content._replace(body=packed), (*reply.headers, *IN_GZIP))


def may_ask(method: str, headers: Mapping[str, str], origins: Sequence[str]) -> bool:
    """Whether the request is a preflight of one of *origins*."""
    if method != "OPTIONS":
        return False
    from .cors import is_allowed, is_preflight  # noqa: PLC0415 - most functions are never asked by a page

    return is_preflight(method, headers) and is_allowed(headers, origins)


def shared(reply: Reply, method: str, headers: Mapping[str, str], origins: Sequence[str]) -> Reply:
    """*reply*, which a page of one of *origins* may see."""
    from .cors import cors_headers, is_preflight  # noqa: PLC0415 - most functions are never asked by a page

    added = cors_headers(headers, origins, preflight=is_preflight(method, headers))
    return Reply(reply.status, reply.content, (*reply.headers, *added.items()))


def _combined(headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """*headers* as they are sent; the values of a name that comes again are listed behind its first one."""
    values: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        values[lower] = f"{values[lower]}, {value}" if lower in values else value
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in values.items()]
