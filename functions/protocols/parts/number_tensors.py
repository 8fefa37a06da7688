"""Arrays of numbers become the model's matrix at once, without a row for each instance. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ...columns.arrays import doubles
from ...columns.feature import Feature, traits
from ...columns.table import Table
from ...exchange import Question
from .tensors import Tensor


class _Rows(Sequence[Any]):
    """Rows of a matrix as lists, made when they are looked at."""

    def __init__(self, matrix: NDArray[np.float64]) -> None:
        self._matrix = matrix

    def __len__(self) -> int:
        return len(self._matrix)

    @overload
    def __getitem__(self, row: int) -> list[float]: ...
    @overload
    def __getitem__(self, row: slice) -> list[list[float]]: ...
    def __getitem__(self, row: int | slice) -> Any:
        return self._matrix[row].tolist()


def question_of_numbers(
    tensors: Sequence[Tensor], features: Sequence[Feature], *, one: bool, most: int
) -> Question | None:
    """The question of *tensors* where nothing is to be said against them, and they hold nothing but numbers; else None.

    Args:
        one, most: As for question_of.
    """
    if not traits(features).complete:
        return None
    tensors = [*map(_with_array, tensors)]
    if any(tensor.array is None or tensor.array.dtype == bool for tensor in tensors):
        return None
    width, first = len(features), tensors[0]
    if len(tensors) == 1 and (first.shape[1:] == (width,) or (width == 1 and not first.shape[1:])):
        matrix = first.array.reshape(-1, width).astype(np.float64)
        columns = None
    else:
        columns = {tensor.name: tensor for tensor in tensors}
        rows = {tensor.shape[0] for tensor in tensors if tensor.shape[1:] in {(), (1,)}}
        if columns.keys() != {feature.name for feature in features} or len(tensors) != width or len(rows) != 1:
            return None
        if any(tensor.shape[1:] not in {(), (1,)} for tensor in tensors):
            return None
        matrix = np.empty((rows.pop(), width))
        for place, feature in enumerate(features):
            matrix[:, place] = columns[feature.name].array.ravel()

    def pointer(relative: str) -> str:
        row, _, column = relative[1:].partition("/")
        if columns is None:
            return first.pointer(int(row) * width + int(column or 0))
        return columns[features[int(column)].name].pointer(int(row)) if column else "/inputs"

    root = first.place if columns is None else "/inputs"
    return question_of_matrix(matrix, features, root=root, one=one, most=most, place=pointer)


def question_of_matrix(
    matrix: NDArray[np.float64],
    features: Sequence[Feature],
    *,
    root: str,
    one: bool,
    most: int,
    place: Callable[[str], str] | None = None,
) -> Question | None:
    """The question of *matrix*, of shape (n_rows, n_features), where nothing is to be said against it; else None.

    Args:
        root, one, most, place: As for question_of.
    """
    rows = len(matrix)
    if not traits(features).complete or not 1 <= rows <= most or (one and rows != 1) or not np.isfinite(matrix).all():
        return None
    return Question(_Rows(matrix), Table(matrix), root, single=False, place=place)


def _with_array(tensor: Tensor) -> Tensor:
    """*tensor* with its array also where its numbers came as JSON; itself where a cell of it is none."""
    if tensor.array is not None or not tensor.cells or type(tensor.cells[0]) is bool:
        return tensor
    try:
        return tensor._replace(array=doubles(tensor.cells).reshape(tensor.shape))
    except ValueError:
        return tensor
