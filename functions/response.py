"""A reply as it goes out: in gzip where the caller takes it, with the headers for pages of other origins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import starlette.responses
from starlette.types import Receive, Scope, Send

from .replies import Reply

LEAST_GZIP_BYTES = 8192
"""Smaller answers are not compressed, whatever the caller takes."""


class Response(starlette.responses.Response):
    """A reply with the version that made it; its headers are written as they go out, without a look through them."""

    def __init__(self, reply: Reply, version: int | None) -> None:
        self.status_code = reply.status
        media_type, self.body, more = reply.content
        length, kind = b"%d" % len(self.body), media_type.encode("latin-1")
        self.raw_headers = [(b"content-length", length), (b"content-type", kind)]
        if reply.status == HTTPStatus.NO_CONTENT:
            self.raw_headers = []
        for name, value in (*reply.headers, *more):
            self.raw_headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
        if version is not None:
            self.raw_headers.append((b"x-model-version", b"%d" % version))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        """Send the response."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


def compressed(reply: Reply, headers: Mapping[str, str]) -> Reply:
    """*reply* in gzip where the caller, whose *headers* have names in lower case, takes it."""
    if "gzip" not in headers.get("accept-encoding", ""):
        return reply
    from .coding import deflate, takes_gzip  # noqa: PLC0415 - most processes never send so much

    if not takes_gzip(headers):
        return reply
    content = reply.content._replace(body=deflate(reply.content.body))
    return Reply(reply.status, content, _varied({**dict(reply.headers), "Content-Encoding": "gzip"}, "Accept-Encoding"))


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
    return Reply(reply.status, reply.content, _varied({**added, **dict(reply.headers)}, added.get("Vary", "")))


def _varied(headers: Mapping[str, str], by: str) -> tuple[tuple[str, str], ...]:
    """*headers* of an answer that varies *by* that header of the request, too."""
    names = [name for name in (headers.get("Vary", ""), by) if name]
    return tuple({**headers, **({"Vary": ", ".join(dict.fromkeys(names))} if names else {})}.items())
