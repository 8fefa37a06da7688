"""Tensors of the Open Inference Protocol: their data as cells in row-major order, from JSON or from bytes. Pure.

Bytes follow the JSON where the header `Inference-Header-Content-Length` says how long that is (Triton's extension
"binary_tensor_data"); each tensor's parameter `binary_data_size` says how many are its own (see binary_tensors.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

from ...columns.schema import Level
from ...exchange import Request, TooLargeError
from ...problems import PayloadError, Problem, shown

_INTEGERS = {f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
_FLOATS = {"FP16", "FP32", "FP64"}
_TYPES: dict[str, set[type]] = {
    "BOOL": {bool},
    "BYTES": {str},
    **{name: {int} for name in sorted(_INTEGERS)},
    **{name: {int, float} for name in sorted(_FLOATS)},
}
_EXPECTED = {"BOOL": "true or false", "BYTES": "a text", **dict.fromkeys(sorted(_FLOATS), "a number")}
_MOST_AXES = 2
_PACKED = ("base64", "pd_json")
"""MLServer's names of texts that hold something else in base64 or as JSON."""


class Tensor(NamedTuple):
    """A tensor of one or two axes.

    Attributes:
        place: The JSON Pointer to it.
        cells: Its data in row-major order; None for a missing cell. Empty where there is an array; see `listed`.
        nested: The data came as one array a row.
        array: Its data as an array of that shape, where they came as bytes of numbers or booleans.
        nan: NaN may be among the cells.
    """

    name: str
    place: str
    shape: tuple[int, ...]
    cells: list[Any]
    nested: bool
    array: Any = None
    nan: bool = False

    def listed(self) -> list[Any]:
        """The cells, whatever they came as; NaN is left."""
        if self.array is None:
            return self.cells
        cells: list[Any] = self.array.ravel().tolist()
        return cells

    def pointer(self, cell: int) -> str:
        """The JSON Pointer to a cell by its place in `cells`."""
        if not self.nested:
            return f"{self.place}/data/{cell}"
        return f"{self.place}/data/{cell // self.shape[1]}/{cell % self.shape[1]}"


def datatype_of(levels: Sequence[Level]) -> str:
    """The datatype of labels or levels: BYTES for texts, and where they are of several types."""
    kinds = {*map(type, levels)}
    if kinds == {bool}:
        return "BOOL"
    if kinds == {int} and all(-(2**63) <= level < 2**63 for level in levels if isinstance(level, int)):
        return "INT64"
    return "FP64" if kinds and kinds <= {int, float} else "BYTES"


def json_part(request: Request) -> tuple[bytes, bytes]:
    """The JSON of *request*, and the bytes behind it.

    Raises:
        PayloadError: The header gives no length within the body.
    """
    length = request.headers.get("inference-header-content-length")
    if length is None:
        return request.body, b""
    if not (length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= len(request.body)):  # noqa: PLR2004 - digits
        expected = f"a length within the body of {len(request.body)} bytes"
        raise PayloadError(Problem(f"Inference-Header-Content-Length must be {expected}, got {shown(length)}", ""))
    return request.body[: int(length)], request.body[int(length) :]


def tensor_of(
    entry: object, place: str, binary: memoryview, *, most_cells: int, nan: bool = False
) -> tuple[Tensor, memoryview]:
    """The tensor that *entry*, at *place* in the body, describes; and the rest of *binary*, where its data were there.

    Args:
        nan: NaN stands somewhere in the JSON.

    Raises:
        TooLargeError: There are more than *most_cells*.
        PayloadError: A member is missing or malformed, or the data do not fit shape and datatype.
    """
    if not isinstance(entry, dict):
        raise PayloadError(Problem(f"a tensor must be an object, got {shown(entry)}", place))
    name, shape, datatype = (entry.get(member) for member in ("name", "shape", "datatype"))
    if not isinstance(name, str):
        raise PayloadError(Problem(f"'name' must be a text, got {shown(name)}", f"{place}/name"))
    sizes = isinstance(shape, list) and all(type(size) is int and 0 <= size < 1 << 40 for size in shape)
    if not isinstance(shape, list) or not sizes or not 1 <= len(shape) <= _MOST_AXES:
        listed = shown(shape) if not sizes or not isinstance(shape, list) else str(shape[: _MOST_AXES + 1])
        raise PayloadError(Problem(f"'shape' must be [rows] or [rows, columns], got {listed}", f"{place}/shape"))
    if not isinstance(datatype, str) or datatype not in _TYPES:
        known = ", ".join(sorted(_TYPES))
        raise PayloadError(Problem(f"'datatype' must be one of {known}, got {shown(datatype)}", f"{place}/datatype"))
    if math.prod(shape) > most_cells:
        detail = f"'shape' must give at most {most_cells} values, got {shape}; send them in parts"
        raise TooLargeError(Problem(detail, f"{place}/shape"))
    parameters = _parameters(entry.get("parameters"), f"{place}/parameters")
    tensor = Tensor(name, place, tuple(shape), [], nested=False)
    if parameters.get("binary_data_size") is not None:
        size = _size(parameters["binary_data_size"], entry, binary, place)
        tensor, binary = _of_bytes(tensor, datatype, bytes(binary[:size])), binary[size:]
    elif "shared_memory_region" in parameters:
        raise PayloadError(Problem("shared memory is not read here; send the data", f"{place}/parameters"))
    else:
        tensor = _of_json(tensor, datatype, entry.get("data"), nan=nan)
    if datatype == "BYTES" and parameters.get("content_type") in _PACKED:
        from .packed_texts import unpacked  # noqa: PLC0415 - few clients pack texts

        tensor = tensor._replace(cells=unpacked(tensor.cells, parameters["content_type"], tensor.pointer))
    return tensor, binary


def _size(size: object, entry: dict[str, Any], binary: memoryview, place: str) -> int:
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(binary) or "data" in entry:
        expected = f"at most the {len(binary)} bytes that are left, and no 'data' beside it"
        raise PayloadError(Problem(f"'binary_data_size' must be {expected}, got {shown(size)}", f"{place}/parameters"))
    return size


def _of_bytes(tensor: Tensor, datatype: str, data: bytes) -> Tensor:
    from .binary_tensors import array_of, texts_of  # noqa: PLC0415 - most processes are never sent any

    place = f"{tensor.place}/parameters"
    if datatype == "BYTES":
        return tensor._replace(cells=texts_of(data, math.prod(tensor.shape), place))
    return tensor._replace(array=array_of(data, datatype, tensor.shape, place), nan=datatype in _FLOATS)


def _of_json(tensor: Tensor, datatype: str, data: object, *, nan: bool) -> Tensor:
    cells, nested = _flat(data, tensor.shape, tensor.place)
    if len(cells) != math.prod(tensor.shape):
        detail = f"'data' must hold {math.prod(tensor.shape)} values, as 'shape' says, got {len(cells)}"
        raise PayloadError(Problem(detail, f"{tensor.place}/data"))
    tensor = tensor._replace(cells=cells, nested=nested, nan=nan and datatype in _FLOATS)
    _check_types(tensor, datatype)
    return tensor


def _parameters(parameters: object, place: str) -> dict[str, Any]:
    if not isinstance(parameters, dict | None):
        raise PayloadError(Problem(f"'parameters' must be an object, got {shown(parameters)}", place))
    return parameters or {}


def _flat(data: object, shape: Sequence[int], place: str) -> tuple[list[Any], bool]:
    """The cells of *data*, and whether it was nested."""
    if not isinstance(data, list):
        raise PayloadError(Problem(f"'data' must be an array, got {shown(data)}", f"{place}/data"))
    if list not in {*map(type, data)}:
        return data, False
    for row, cells in enumerate(data):
        if len(shape) != _MOST_AXES or type(cells) is not list or len(cells) != shape[1]:
            expected = f"an array of {shape[1]}" if len(shape) == _MOST_AXES else "one value"
            detail = f"row {row}: must be {expected}, as 'shape' says, got {shown(cells)}"
            raise PayloadError(Problem(detail, f"{place}/data/{row}"))
    return list(chain.from_iterable(data)), True


def _check_types(tensor: Tensor, datatype: str) -> None:
    allowed, integer = _TYPES[datatype], datatype in _INTEGERS
    low, high = _bounds(datatype) if integer else (0, 0)
    if not {*map(type, tensor.cells)} <= {*allowed, type(None)}:
        wrong: Any = (place for place, cell in enumerate(tensor.cells) if type(cell) not in {*allowed, type(None)})
    elif integer:
        wrong = (place for place, cell in enumerate(tensor.cells) if cell is not None and not low <= cell <= high)
    else:
        return
    place = next(wrong, None)
    if place is not None:
        expected = f"a whole number from {low} to {high}" if integer else _EXPECTED[datatype]
        detail = f"a value of {datatype} must be {expected}, got {shown(tensor.cells[place])}"
        raise PayloadError(Problem(detail, tensor.pointer(place)))


def _bounds(datatype: str) -> tuple[int, int]:
    bits = int(datatype.removeprefix("U").removeprefix("INT"))
    return (0, 2**bits - 1) if datatype.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
