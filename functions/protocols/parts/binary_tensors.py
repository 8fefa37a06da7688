"""Data of tensors as they stand in memory, little-endian, a text behind its length. Pure.

It is Triton's extension "binary_tensor_data", both ways.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ...exchange import Content
from ...problems import PayloadError, Problem

MEDIA_TYPE = "application/octet-stream"

_FLOATS = {"FP16": "<f2", "FP32": "<f4", "FP64": "<f8"}
_SIZE_BYTES = 4


def array_of(data: bytes, datatype: str, shape: Sequence[int], place: str) -> NDArray[Any]:
    """The array of *shape* that *data* hold. *place* is the JSON Pointer to what gives their size.

    Raises:
        PayloadError: They hold another number of cells.
    """
    code, count = _code(datatype), math.prod(shape)
    expected = count * np.dtype(code).itemsize
    if len(data) != expected:
        detail = f"'binary_data_size' must be {expected} for {count} values of {datatype}, got {len(data)}"
        raise PayloadError(Problem(detail, place))
    return np.frombuffer(data, code).reshape(shape)


def texts_of(data: bytes, count: int, place: str) -> list[Any]:
    """The *count* texts that *data* hold; see array_of.

    Raises:
        PayloadError: They hold another number of texts, or one that is not UTF-8.
    """
    texts: list[Any] = []
    start = 0
    while start < len(data) and len(texts) < count:
        end = start + _SIZE_BYTES + int.from_bytes(data[start : start + _SIZE_BYTES], "little")
        texts.append(data[start + _SIZE_BYTES : end])
        start = end
    if start != len(data) or len(texts) != count:
        detail = f"the bytes must be {count} texts, each behind its length of {_SIZE_BYTES} bytes"
        raise PayloadError(Problem(detail, place))
    try:
        return [text.decode() for text in texts]
    except UnicodeDecodeError:
        raise PayloadError(Problem("a text must be UTF-8", place)) from None


def with_bytes(document: dict[str, Any], names: Collection[str]) -> Content:
    """*document*, an answer, with the data of those of its outputs that *names* hold as bytes behind the JSON."""
    parts = []
    for output in document["outputs"]:
        if output["name"] in names:
            parts.append(_bytes_of(output.pop("data"), output["datatype"]))
            output["parameters"] = {"binary_data_size": len(parts[-1])}
    head = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    length = ("Inference-Header-Content-Length", str(len(head)))
    return Content(MEDIA_TYPE, b"".join([head, *parts]), (length,))


def _bytes_of(data: Any, datatype: str) -> bytes:
    if datatype != "BYTES":
        return np.asarray(data).astype(_code(datatype)).tobytes()
    texts = [text.encode() for text in data]
    return b"".join(part for text in texts for part in (len(text).to_bytes(_SIZE_BYTES, "little"), text))


def _code(datatype: str) -> str:
    """Give the name by which numpy knows *datatype*."""
    if datatype in _FLOATS:
        return _FLOATS[datatype]
    if datatype == "BOOL":
        return "?"
    bits = int(datatype.removeprefix("U").removeprefix("INT"))
    return f"<{'u' if datatype.startswith('U') else 'i'}{bits // 8}"
