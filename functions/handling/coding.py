"""Codings of bodies: gzip and deflate are read within a bound on what they become, gzip is written. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from ..problems import PayloadError, Problem

_GZIP = 16 + zlib.MAX_WBITS
_WINDOWS = {"gzip": _GZIP, "deflate": zlib.MAX_WBITS}
_FAST = 1
_BLOCK_BYTES = 4096
"""Bytes that zlib is given at once: it copies all that follow the end of a member, and a member may have 20."""


class TooLongError(Exception):
    """The body becomes longer than it may."""


def inflate(body: bytes, most_bytes: int, coding: str = "gzip") -> bytes:
    """The bytes that *body* became by *coding*, gzip or deflate; several members are one after the other.

    Raises:
        TooLongError: They are more than *most_bytes*; no more were made.
        PayloadError: *body* is not of that coding, or is cut off.
    """
    parts, size = [], 0
    member = None
    for start in range(0, len(body), _BLOCK_BYTES):
        block = body[start : start + _BLOCK_BYTES]
        while block:
            member = member or zlib.decompressobj(_WINDOWS[coding])
            try:
                part = member.decompress(block, most_bytes - size + 1)
            except zlib.error:
                detail = f"the body must be {coding}, as Content-Encoding says; it is not"
                raise PayloadError(Problem(detail, "")) from None
            size += len(part)
            if size > most_bytes:
                raise TooLongError
            parts.append(part)
            block = member.unused_data
            if member.eof:
                member = None
    if member or not body:
        raise PayloadError(Problem(f"the body must be {coding}; it is cut off", ""))
    return b"".join(parts)


def takes_gzip(headers: Mapping[str, str]) -> bool:
    """Whether the caller takes an answer in gzip; names in *headers* are in lower case."""
    for part in headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = part.partition(";")
        if name.strip() in {"gzip", "x-gzip"}:
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def deflate(body: bytes) -> bytes:
    """*body* in gzip, at the fastest level."""
    packer = zlib.compressobj(_FAST, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()
