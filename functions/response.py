"""A reply as it goes out: in gzip where the caller takes it, with the headers for pages of other origins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import starlette.responses

from .replies import Reply

LEAST_GZIP_BYTES = 8192
"""Smaller answers are not compressed, whatever the caller takes."""


class Response(starlette.responses.Response):
    """A reply with the version that made it; its headers are written as they go out, without a look through them."""

    def __init__(self, reply: Reply, version: int | None) -> None:
        self.status_code, self.background = reply.status, None
        media_type, self.body, more = reply.content
        self.raw_headers = [
            (b"content-length", b"%d" % len(self.body)),
            (b"content-type", media_type.encode("latin-1")),
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (*reply.headers, *more)),
        ]
        if version is not None:
            self.raw_headers.append((b"x-model-version", b"%d" % version))
        if reply.status == HTTPStatus.NO_CONTENT:
            del self.raw_headers[:2]


def compressed(reply: Reply, headers: Mapping[str, str]) -> Reply:
    """*reply* in gzip where it is long and the caller, whose *headers* have names in lower case, takes it."""
    if len(reply.content.body) < LEAST_GZIP_BYTES or "gzip" not in headers.get("accept-encoding", ""):
        return reply
    from .coding import deflate, takes_gzip  # noqa: PLC0415 - most processes never send so much

    if not takes_gzip(headers):
        return reply
    content = reply.content._replace(body=deflate(reply.content.body))
    return Reply(reply.status, content, _varied({**dict(reply.headers), "Content-Encoding": "gzip"}, "Accept-Encoding"))


def may_ask(method: str, headers: Mapping[str, str], origins: Sequence[str]) -> bool:
    """Whether the request is a preflight of one of *origins*."""
    if method != "OPTIONS" or not origins:
        return False
    from .cors import is_allowed, is_preflight  # noqa: PLC0415 - most functions are never asked by a page

    return is_preflight(method, headers) and is_allowed(headers, origins)


def shared(reply: Reply, method: str, headers: Mapping[str, str], origins: Sequence[str]) -> Reply:
    """*reply*, which a page of one of *origins* may see."""
    if not origins or "origin" not in headers:
        return reply
    from .cors import cors_headers, is_preflight  # noqa: PLC0415 - most functions are never asked by a page

    added = cors_headers(headers, origins, preflight=is_preflight(method, headers))
    return Reply(reply.status, reply.content, _varied({**added, **dict(reply.headers)}, added.get("Vary", "")))


def _varied(headers: Mapping[str, str], by: str) -> tuple[tuple[str, str], ...]:
    """*headers* of an answer that varies *by* that header of the request, too."""
    names = [name for name in (headers.get("Vary", ""), by) if name]
    return tuple({**headers, **({"Vary": ", ".join(dict.fromkeys(names))} if names else {})}.items())
