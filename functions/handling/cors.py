"""Which pages of other origins may call: the headers of answers and of preflights. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_METHODS = "GET, HEAD, POST"
_HEADERS = (
    "Accept, Authorization, Content-Encoding, Content-Type, Inference-Header-Content-Length, Traceparent, X-Request-Id"
)
_EXPOSED = "Inference-Header-Content-Length, Retry-After, X-Model-Version, X-Prediction-Warnings"
_MAX_AGE_SECONDS = 3600


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks on behalf of a page whether it may call; names in *headers* are in lower case."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def is_allowed(headers: Mapping[str, str], origins: Sequence[str]) -> bool:
    """Whether the page that calls is of one of *origins*."""
    return "*" in origins or headers.get("origin") in origins


def cors_headers(headers: Mapping[str, str], origins: Sequence[str], *, preflight: bool) -> dict[str, str]:
    """The headers that let a page of one of *origins* see the answer.

    An answer that differs by origin says so, also to a caller without one: a cache may keep it for a page.
    """
    every = "*" in origins
    sent = {} if every else {"Vary": "Origin"}
    if not is_allowed(headers, origins):
        return sent
    sent["Access-Control-Allow-Origin"] = "*" if every else headers["origin"]
    if preflight:
        sent["Access-Control-Allow-Methods"] = _METHODS
        sent["Access-Control-Allow-Headers"] = _HEADERS
        sent["Access-Control-Max-Age"] = str(_MAX_AGE_SECONDS)
    else:
        sent["Access-Control-Expose-Headers"] = _EXPOSED
    return sent
