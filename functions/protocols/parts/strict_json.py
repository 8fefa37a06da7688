"""JSON as callers send it: refused with a reason and a place, names that came twice included. Pure."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import orjson

from ...columns.schema import PayloadError, Problem

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MOST_DIAGNOSED_BYTES = 1 << 20
"""A body up to this size that orjson refuses is read again by the standard library, to find the reason."""


_LEAST_SEARCHED_BYTES = 1024


class Repeated(dict[str, Any]):
    """A JSON object in which the members *names* came more than once; it holds the last value of each."""

    names: list[str]


def decode(body: bytes) -> object:
    """Decode strict JSON; NaN, infinities and numbers beyond float64 come through as such, for the schema to place.

    A byte order mark before it is skipped: some clients write one without being asked (RFC 8259 allows to ignore it).

    Raises:
        PayloadError: *body* is not JSON.
        MemoryError: Memory is wanting to tell.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if error.msg.startswith("Not enough memory"):
            raise MemoryError from None
        refusal = PayloadError(Problem(f"not JSON: {error}", ""))
    if len(body) > _MOST_DIAGNOSED_BYTES:
        raise refusal
    try:
        return json.loads(body.decode("utf-8"), parse_int=_number)
    except (ValueError, RecursionError):
        raise refusal from None


def may_hold_booleans(body: bytes) -> bool:
    """Whether an array of *body*, which `decode` took, may hold true or false: there is a t or an f behind a bracket.

    To look for two letters takes a sixtieth of the time of a look at the type of each cell. A small body may hold them
    for all that is known here.
    """
    if len(body) < _LEAST_SEARCHED_BYTES:
        return True
    start = body.find(b"[")
    return body.find(b"t", start) >= 0 or body.find(b"f", start) >= 0


def decode_marking_repeats(body: bytes) -> Any:
    """Decode JSON that `decode` took, with each object that repeats a name as a Repeated.

    Raises:
        PayloadError: A value nests too deeply to be read again; only one that `decode` dropped as a repeat can.
    """
    try:
        return json.loads(body, object_pairs_hook=_members, parse_int=_number)
    except RecursionError:
        raise PayloadError(Problem("a member came twice", "")) from None


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) < 19 else float(digits)  # noqa: PLR2004 - always fits 64 bits


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    repeated = Repeated(members)
    repeated.names = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
    return repeated
