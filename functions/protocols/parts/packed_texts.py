"""Texts of a tensor that hold a cell in base64, or as JSON, as MLServer's codecs pack them. Pure."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from ...problems import PayloadError, Problem, shown

_PLAIN = (str, int, float, bool, type(None))


def unpacked(texts: Sequence[str | None], content_type: str, pointer: Callable[[int], str]) -> list[Any]:
    """The cells that *texts* hold by *content_type*: base64 of UTF-8, or pd_json. *pointer* gives their places.

    Raises:
        PayloadError: A text is not of it.
    """
    unpack = _from_base64 if content_type == "base64" else _from_json
    cells: list[Any] = []
    for place, text in enumerate(texts):
        try:
            cells.append(None if text is None else unpack(text))
        except ValueError:
            expected = "base64 of a text" if content_type == "base64" else "a plain value as JSON"
            detail = f"a value must be {expected}, as 'content_type' says, got {shown(text)}"
            raise PayloadError(Problem(detail, pointer(place))) from None
    return cells


def _from_base64(text: str) -> str:
    return binascii.a2b_base64(text.encode(), strict_mode=True).decode()


def _from_json(text: str) -> Any:
    value = orjson.loads(text)
    if not isinstance(value, _PLAIN):
        raise ValueError(text)  # noqa: TRY004 - the type of what it holds
    return value
