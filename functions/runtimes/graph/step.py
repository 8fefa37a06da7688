"""One step of a graph while it is checked: its inputs' widths, its attributes and arrays, each read through a check.

A value between steps is a float64 matrix of shape (n_rows, width), or the cells of one column: shape (n_rows,), objects
or numbers, missing ones None or NaN. Labels travel as their place among the classes, a matrix of width 1.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...artifact import ArtifactError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Values = NDArray[np.float64]
else:  # numpy.typing costs a start more than all else that this module imports
    Array = Values = np.ndarray

Run = Callable[[Sequence[Any]], Any]
"""From the inputs' values to the step's value; the table is the only input of a step that has none."""

CELLS = -1
"""The width of a step whose value is the cells of one column."""

MOST_WIDTH = 1 << 20
"""How many columns a matrix between two steps may have."""

_FLOATS = {"f8", "f4"}
_INTEGERS = {"i4", "i2", "u1"}
_MOST = sys.float_info.max


class Operation(NamedTuple):
    """A checked step: its width, and what computes it."""

    width: int
    run: Run


class Step:
    """One step as the document has it.

    Args:
        name: Number and operator, for messages.
        widths: Width of each input; CELLS for cells.
        columns: Number of columns of the table.
        attributes: Plain values by name.
        arrays: Arrays, or lists of arrays, by name.
    """

    def __init__(
        self,
        name: str,
        widths: tuple[int, ...],
        columns: int,
        attributes: Mapping[str, Any] = MappingProxyType({}),
        arrays: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.name, self.widths, self.columns = name, widths, columns
        self.attributes, self.arrays = attributes, arrays
        self.unread = {*attributes, *arrays}

    def refuse(self, message: str) -> ArtifactError:
        return ArtifactError(f"{self.name}: {message}")

    def source(self) -> None:
        """The step reads the table, and has no input."""
        if self.widths:
            raise self.refuse(f"expected no input, got {len(self.widths)}")

    def cells(self) -> None:
        """The one input is the cells of a column."""
        if self.widths != (CELLS,):
            raise self.refuse("expected the cells of one column as its input")

    def matrix(self, width: int | None = None) -> int:
        """Width of the one input, a matrix."""
        if len(self.widths) != 1 or self.widths[0] == CELLS or width not in {None, self.widths[0]}:
            expected = "one matrix" if width is None else f"one matrix of width {width}"
            raise self.refuse(f"expected {expected}, got inputs of width {list(self.widths)[:9]}")
        return self.widths[0]

    def matrices(self, width: int | None = None, *, least: int = 1, most: int | None = None) -> tuple[int, ...]:
        """Widths of *least* to *most* inputs, all matrices, and of *width* if it is given."""
        count = len(self.widths)
        if CELLS in self.widths or count < least or (most is not None and count > most):
            raise self.refuse(
                f"expected {least} to {most or 'any'} matrices, got inputs of width {list(self.widths)[:9]}"
            )
        if width is not None and {*self.widths} != {width}:
            raise self.refuse(f"expected matrices of width {width}, got {list(self.widths)[:9]}")
        return self.widths

    def has(self, name: str) -> bool:
        """Whether the step has something of this name that is not null."""
        self.unread.discard(name)
        return self.attributes.get(name) is not None or name in self.arrays

    def floats(self, name: str, *shape: int | None, finite: bool = True) -> Array:
        """An array of floats; None in *shape* takes any length."""
        array = self._array(name, _FLOATS, shape)
        if finite and not np.isfinite(array).all():
            raise self.refuse(f"{name} holds a value that is not finite")
        return array

    def integers(self, name: str, *shape: int | None, low: int = 0, high: int = 1 << 31) -> NDArray[np.intp]:
        """An array of integers from *low* to *high* - 1."""
        return self.stored(name, *shape, low=low, high=high).astype(np.intp)

    def stored(self, name: str, *shape: int | None, low: int = 0, high: int = 1 << 31) -> Array:
        """The same in the type that it travels in, without a copy."""
        array = self._array(name, _INTEGERS, shape)
        if array.size and not (low <= array.min() and array.max() < high):
            raise self.refuse(f"{name} must lie from {low} to {high - 1}, got {array.min()} to {array.max()}")
        return array

    def flags(self, name: str, *shape: int | None) -> NDArray[np.bool_]:
        """An array of 0 and 1."""
        return self.stored(name, *shape, high=2).astype(bool)

    def floats_list(self, name: str, length: int) -> list[Array]:
        """*length* arrays of floats with two axes each."""
        self.unread.discard(name)
        arrays = self.arrays.get(name)
        if not isinstance(arrays, list) or len(arrays) != length:
            raise self.refuse(f"expected {length} arrays as {name}")
        parts = {str(place): array for place, array in enumerate(arrays)}
        part = Step(f"{self.name}: {name}", (), 0, {}, parts)
        return [part.floats(key, None, None) for key in parts]

    def number(self, name: str, low: float = -math.inf, high: float = math.inf) -> float:
        """A finite number between *low* and *high*, both included."""
        value = self._attribute(name)
        if type(value) not in {int, float} or not low <= value <= high or not abs(value) <= _MOST:
            raise self.refuse(f"{name} must be a number from {low} to {high}, got {str(value)[:40]}")
        return float(value)

    def integer(self, name: str, low: int, high: int) -> int:
        """An integer from *low* to *high*, both included."""
        value = self._attribute(name)
        if type(value) is not int or not low <= value <= high:
            raise self.refuse(f"{name} must be an integer from {low} to {high}, got {str(value)[:40]}")
        return value

    def flag(self, name: str) -> bool:
        value = self._attribute(name)
        if type(value) is not bool:
            raise self.refuse(f"{name} must be true or false")
        return value

    def choice(self, name: str, options: Mapping[str, Any] | set[str]) -> str:
        """One of *options*."""
        value = self._attribute(name)
        if not isinstance(value, str) or value not in options:
            raise self.refuse(f"{name} must be one of {', '.join(sorted(options))}, got {str(value)[:40]!r}")
        return value

    def scalars(self, name: str) -> list[Any]:
        """A list of texts, booleans, numbers and nulls, all different."""
        values = self._attribute(name)
        if not isinstance(values, list) or not all(
            value is None or type(value) in {str, bool, int, float} for value in values
        ):
            raise self.refuse(f"{name} must be a list of texts, booleans, numbers and nulls")
        if len(set(values)) != len(values):
            raise self.refuse(f"{name} holds a value twice")
        return values

    def done(self, width: int, run: Run) -> Operation:
        """The checked step; refuses what no check has read, since it would change the answers."""
        if self.unread:
            raise self.refuse(f"unknown parameter {min(self.unread)[:40]!r}")
        if width != CELLS and not 0 < width <= MOST_WIDTH:
            raise self.refuse(f"a width of {width}; it must lie from 1 to {MOST_WIDTH}")
        return Operation(width, run)

    def _attribute(self, name: str) -> Any:
        self.unread.discard(name)
        if name not in self.attributes:
            raise self.refuse(f"{name} is missing")
        return self.attributes[name]

    def _array(self, name: str, kinds: set[str], shape: tuple[int | None, ...]) -> Array:
        self.unread.discard(name)
        array = self.arrays.get(name)
        if not isinstance(array, np.ndarray):
            raise self.refuse(f"the array {name} is missing")
        if f"{array.dtype.kind}{array.dtype.itemsize}" not in kinds:
            raise self.refuse(f"{name} must be of type {' or '.join(sorted(kinds))}, got {array.dtype}")
        if len(array.shape) != len(shape) or any(
            expected not in {None, length} for expected, length in zip(shape, array.shape, strict=True)
        ):
            axes = ", ".join("any" if axis is None else str(axis) for axis in shape)
            raise self.refuse(f"{name} must have shape ({axes}), got {array.shape}")
        return array
