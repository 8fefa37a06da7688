"""The trace that a request belongs to, by its headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_TRACEPARENT = r"(?!ff|00-.{52}-)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
_CLOUD_TRACE = r"(?!0{32})([0-9a-fA-F]{32})(?:/([0-9]{1,20}))?(?:;o=([0-9]+))?"
"""Both are compiled by the first header that comes: a cold start need not."""


class Trace(NamedTuple):
    """Ids as 32 and 16 lower-case hexadecimal digits; *span_id* is empty when the caller named none."""

    trace_id: str
    span_id: str
    sampled: bool


def trace_of(headers: Mapping[str, str]) -> Trace | None:
    """Read `traceparent` (W3C Trace Context), else `X-Cloud-Trace-Context`, whose span is decimal."""
    match = re.fullmatch(_TRACEPARENT, headers.get("traceparent", ""))
    if match:
        return Trace(match[1], match[2], bool(int(match[3], 16) & 1))
    match = re.fullmatch(_CLOUD_TRACE, headers.get("x-cloud-trace-context", ""))
    if match:
        span = int(match[2] or 0)
        return Trace(match[1].lower(), f"{span:016x}" if 0 < span < 1 << 64 else "", match[3] == "1")
    return None
