"""numpy's file format: an array of numbers, of shape [rows, features] or [rows] for one → the predictions. Pure.

NaN is a missing cell. An array of objects is never read: it could run code.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..columns.schema import Feature, Level
from ..exchange import Answer, Content, Question, Request, TooLargeError
from ..problems import PayloadError, Problem
from . import instances
from .parts.bounds import most_rows
from .parts.gaps import rows_with_gaps
from .parts.keys import without_place
from .parts.number_tensors import question_of_matrix
from .parts.questions import question_of

NPY = "application/x-npy"

_MAGIC, _VERSION_END, _MOST_HEADER_BYTES = b"\x93NUMPY", 8, 4096
_SIZE_BYTES = {b"\x01\0": 2, b"\x02\0": 4, b"\x03\0": 4}
_DTYPE = r"""['"]descr['"]: ?['"]([<>=|]?(?:f[248]|[iu][1248]|b1))['"]"""
_ORDER = r"""['"]fortran_order['"]: ?(True|False)"""
_SHAPE = r"""['"]shape['"]: ?\(([0-9]{1,15},(?: ?[0-9]{1,15},?)?)\)"""


def read(
    request: Request, features: Sequence[Feature], *, one: bool, most_bytes: int, classes: Sequence[Level] = ()
) -> Question:
    """Read the array of *request*.

    Raises:
        TooLargeError: The predictions alone could take more than *most_bytes*.
        PayloadError: No such file, an array of something else than numbers or of another shape, a model with texts, or
            numbers that do not fit *features*.
    """
    most = most_rows(classes, most_bytes)
    others = [feature.name for feature in features if feature.kind not in {"number", "boolean"}]
    if others:
        raise PayloadError(Problem(f"'{others[0]}' of this model is no number, so NPY cannot hold it; send JSON", ""))
    array = _array(request.body)
    width = len(features)
    if request.key and array.shape[1:] == (width + 1,):
        raise PayloadError(Problem(without_place(request.key, "NPY"), ""))
    if array.shape[1:] != (width,) and not (array.ndim == 1 and width == 1):
        expected = f"[rows, {width}]" + (" or [rows]" if width == 1 else "")
        raise PayloadError(Problem(f"the array must be of shape {expected}, got {list(array.shape)[:8]}", ""))
    if len(array) > most:
        raise TooLargeError(Problem(f"the array must hold at most {most} rows, got {len(array)}", ""))
    if array.dtype.kind != "b":
        matrix = array.reshape(-1, width).astype(np.float64)
        if question := question_of_matrix(matrix, features, root="", one=one, most=most):
            return question
    rows = array.reshape(-1, width).tolist()
    if array.dtype.kind == "f" and np.isnan(array).any():
        rows = rows_with_gaps(rows, features)
    return question_of(rows, features, root="", single=False, one=one, most=most)


def render(answer: Answer) -> Content:
    """Write the predictions as an array of shape [rows]; labels in their own type, texts where they are of several."""
    out = io.BytesIO()
    values: Any = answer.predictions
    if isinstance(values, list) or values.dtype != np.float64:
        values = np.array(answer.listed())
    np.lib.format.write_array(out, values, allow_pickle=False)
    return Content(NPY, out.getvalue())


def problem(document: Mapping[str, Any]) -> Content:
    """Write a problem document; this format adds no member of its own."""
    return instances.problem(document)


def _array(body: bytes) -> np.ndarray[Any, Any]:
    """The array that *body* holds, once its header and its length agree; only the forms that numbers have are read."""
    size_bytes = _SIZE_BYTES.get(body[6:8], 0) if body.startswith(_MAGIC) else 0
    begin = _VERSION_END + size_bytes
    start = begin + int.from_bytes(body[_VERSION_END:begin], "little")
    header = body[begin : min(start, begin + _MOST_HEADER_BYTES)].decode("latin-1")
    parts = [re.search(pattern, header) for pattern in (_DTYPE, _ORDER, _SHAPE)]
    if not size_bytes or start > len(body) or None in parts:
        expected = "an array of numbers with one axis or two, in numpy's format"
        raise PayloadError(Problem(f"the body must be {expected}", ""))
    descr, order, sizes = (part[1] for part in parts if part)
    shape, dtype = tuple(int(size) for size in sizes.split(",") if size.strip()), np.dtype(descr)
    asked = math.prod(shape) * dtype.itemsize
    if len(body) - start != asked:
        raise PayloadError(Problem(f"the array's header asks for {asked} bytes, got {len(body) - start}", ""))
    return np.frombuffer(body, dtype, offset=start).reshape(shape, order="F" if order == "True" else "C")
