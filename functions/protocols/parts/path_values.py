"""The value that the path of a GET holds: JSON, in which a number may be spelled a little more freely. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from ...columns.schema import QUOTES, Feature, PayloadError, Problem, has_texts, shown
from .bounds import STRING
from .strict_json import decode

_NUMBER = r"(?<![\w.+-])[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.+-])"
_PATH_NUMBER = re.compile(_NUMBER, re.ASCII)
_PATH_TOKEN = f"{STRING}|{_NUMBER}"  # compiled by the first text that comes
_BARE_COMMA = re.compile(r"\s*[+-]?[\d.]*,\d+\s*", re.ASCII)
_POINT_AND_COMMA = "decimals have a point (0.05), and a comma separates values"
_POINT_AND_BRACKETS = "decimals have a point (0.5), and an array has brackets ([0.5,1])"


def path_value(text: str, features: Sequence[Feature]) -> tuple[bytes, object]:
    """The JSON that *text* means, and its value.

    Beyond JSON, a number may have a leading `+`, or no digit on one side of the point. Nothing is guessed: `0,05` is no
    decimal, nor 0 and 5.

    Raises:
        PayloadError: It is not JSON.
    """
    spelled = text.encode("utf-8", "replace")
    try:
        return spelled, orjson.loads(spelled)
    except orjson.JSONDecodeError:  # it may be spelled more freely
        pass
    if _BARE_COMMA.fullmatch(text):
        raise PayloadError(Problem(f"not JSON: {shown(text)} has a comma outside an array; {_POINT_AND_BRACKETS}", ""))
    if '"' in text:
        text = re.sub(_PATH_TOKEN, _json_number, text, flags=re.ASCII | re.DOTALL)
    else:
        text = _PATH_NUMBER.sub(_json_number, text)
    spelled = text.encode("utf-8", "replace")
    try:
        return spelled, decode(spelled)
    except PayloadError as error:
        if not has_texts(features):
            raise
        (problem,) = error.problems
        raise PayloadError(Problem(f"{problem.detail}; {QUOTES}", problem.pointer)) from None


def _json_number(token: re.Match[str]) -> str:
    if token[0].startswith('"'):
        return token[0]
    sign = "-" if token[0].startswith("-") else ""
    mantissa, mark, exponent = token[0].lstrip("+-").lower().partition("e")
    whole, point, fraction = mantissa.partition(".")
    if len(whole) > 1 and whole.startswith("0"):
        raise PayloadError(
            Problem(f"not JSON: the number {shown(token[0])} has a leading zero; {_POINT_AND_COMMA}", "")
        )
    return sign + (whole or "0") + (point + fraction if fraction else "") + mark + exponent
