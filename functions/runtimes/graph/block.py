"""Arrays as one block of bytes: a header that names type and shape of each, then their raw little-endian values.

    magic, 8 bytes | length of the header, 8 bytes | header: JSON [[type, [axis, …]], …] | padding | array | array | …

Every array starts at a multiple of 8 bytes from the block's start. Nothing is copied when a block is read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...artifact import ArtifactError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_MAGIC = b"ARRAYS\x01\n"
_TYPES = {"f8": "<f8", "f4": "<f4", "i4": "<i4", "i2": "<i2", "u1": "|u1"}
_STEP = 8
_MOST_AXES = 3
_MOST_LENGTH = 1 << 48
_MOST_HEADER_BYTES = 2 << 20
"""Some 100,000 arrays: reading their names keeps a process busy for a second."""


def pack(arrays: Sequence[Array]) -> bytes:
    """Lay *arrays* end to end; their types must be among those that `unpack` knows."""
    entries = [[f"{array.dtype.kind}{array.dtype.itemsize}", list(array.shape)] for array in arrays]
    header = json.dumps(entries, separators=(",", ":")).encode()
    parts = [_MAGIC + len(header).to_bytes(8, "little") + header]
    for array, (name, _) in zip(arrays, entries, strict=True):
        parts += [bytes(-len(parts[-1]) % _STEP), np.ascontiguousarray(array, _TYPES[str(name)]).tobytes()]
    return b"".join(parts)


def unpack(block: bytes) -> list[Array]:
    """Views of the arrays in *block*, which cannot be written to.

    Raises:
        ArtifactError: The header is not one, names a type or shape that is not allowed, or the bytes do not add up.
    """
    start = len(_MAGIC) + 8
    if block[: len(_MAGIC)] != _MAGIC or len(block) < start:
        raise ArtifactError("arrays: the block does not start like one")
    length = int.from_bytes(block[len(_MAGIC) : start], "little")
    if length > len(block) - start:
        raise ArtifactError(f"arrays: a header of {length} bytes in a block of {len(block)}")
    if length > _MOST_HEADER_BYTES:
        raise ArtifactError(f"arrays: a header of {length} bytes, more than {_MOST_HEADER_BYTES}")
    try:
        entries = json.loads(block[start : start + length])
    except (ValueError, RecursionError):
        raise ArtifactError("arrays: the header is not JSON") from None
    if not isinstance(entries, list):
        raise ArtifactError("arrays: the header is not a list")
    arrays, position = [], start + length
    for number, entry in enumerate(entries):
        kind, shape = _entry(number, entry)
        position += -position % _STEP
        end = position + math.prod(shape) * kind.itemsize
        if end > len(block):
            raise ArtifactError(f"arrays: array {number} ends at byte {end} of {len(block)}")
        arrays.append(np.frombuffer(block, kind, math.prod(shape), min(position, len(block) - 1)).reshape(shape))
        position = end
    if position != len(block):
        raise ArtifactError(f"arrays: they end at byte {position} of {len(block)}")
    return arrays


def _entry(number: int, entry: Any) -> tuple[np.dtype[Any], list[int]]:
    """Type and shape of one array."""
    match entry:
        case [str(name), [*shape]] if name in _TYPES and len(shape) <= _MOST_AXES:
            if all(type(axis) is int and 0 <= axis < _MOST_LENGTH for axis in shape):
                return np.dtype(_TYPES[name]), shape
    raise ArtifactError(f"arrays: array {number}: expected a type ({', '.join(_TYPES)}) and at most {_MOST_AXES} axes")
