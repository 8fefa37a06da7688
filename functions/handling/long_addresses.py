"""Lets an address of any length reach `answering`, which refuses a too long one with a pointer to POST.

httptools parses no address beyond 65,535 bytes, and uvicorn answers a longer one by itself: a plain 400, logged as
"Invalid HTTP request". Here uvicorn keeps the first CLIPPED_BYTES of it, more than `replies` allows.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CLIPPED_BYTES = 65_000


def clip() -> None:
    """Make uvicorn clip addresses, in this process and its forks."""
    HttpToolsProtocol.on_url = _on_url  # type: ignore[method-assign, assignment]


def _on_url(protocol: Any, piece: bytes) -> None:
    protocol.url += piece[: CLIPPED_BYTES - len(protocol.url)] if len(protocol.url) < CLIPPED_BYTES else b""
