"""The body of a request: read within a bound, out of gzip or deflate where it says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from starlette.requests import ClientDisconnect

from ..columns.schema import PayloadError
from .replies import bad_payload, too_large_body, wrong_coding

_MOST_DIGITS = 18
"""Digits of a Content-Length that are read; they fit 64 bits."""


async def read_body(
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]], headers: Mapping[str, str], most_bytes: int
) -> bytes:
    """The body of a POST as it was sent, refused before it is read whole where its coding or size is wrong.

    Args:
        receive: Gives the next message of ASGI.
        most_bytes: The longest body.

    Raises:
        RefusalError: It is too long, or in a coding that is not read.
        ClientDisconnect: The caller hung up.
    """
    if "content-encoding" in headers and (coding := _coding(headers)) not in {"identity", "gzip", "deflate"}:
        raise wrong_coding(coding)
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:_MOST_DIGITS]) > most_bytes:
        raise too_large_body(most_bytes)
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > most_bytes:
            raise too_large_body(most_bytes)
        if not message.get("more_body"):
            return b"".join((*pieces, piece)) if pieces else piece
        pieces.append(piece)


def decoded(body: bytes, headers: Mapping[str, str], most_bytes: int) -> bytes:
    """*body* out of the coding that *headers* name, if they name one.

    Raises:
        RefusalError: It becomes longer than *most_bytes*, or is not of that coding.
    """
    coding = _coding(headers)
    if coding == "identity":
        return body
    from .coding import TooLongError, inflate  # noqa: PLC0415 - most processes are never asked for it

    try:
        return inflate(body, most_bytes, coding)
    except TooLongError:
        raise too_large_body(most_bytes) from None
    except PayloadError as error:
        raise bad_payload(error) from None


def _coding(headers: Mapping[str, str]) -> str:
    return headers.get("content-encoding", "identity").strip().lower()
