"""A graph while it is made: steps that are checked as they are added, and the columns that flow between them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags

from functions.artifact import ArtifactError
from functions.runtimes.graph.block import pack
from functions.runtimes.graph.operators import OPERATORS
from functions.runtimes.graph.step import CELLS, Step
from model.errors import ExportError

TABLE = -1
"""The step of a column that is still the table's own."""

_KEEPS_FINITE = {"with_constant", "concatenate", "take", "one_hot", "polynomial", "linear", "product", "impute", "bins"}

_KEEPS_ROWS = {"impute_neighbours", "neighbours", "periodic", "rational_quadratic", "within_radius"}

_KERNELS_OF_ROWS = {
    *("additive_chi2", "chi2", "cosine", "dot", "laplacian", "matern12", "matern32", "matern52"),
    *("polynomial", "rbf", "sigmoid"),
}


@dataclass(frozen=True)
class Column:
    """One column of a frame: column *place* of the matrix of *step*; or the cells of *step*; or the table's own."""

    step: int
    place: int = 0


@dataclass(frozen=True)
class Frame:
    """The input of a transformer or an estimator: columns, and their names where it may ask for them by name."""

    columns: tuple[Column, ...]
    names: tuple[str, ...] | None = None

    def pick(self, places: Sequence[int]) -> Frame:
        names = None if self.names is None else tuple(self.names[place] for place in places)
        return Frame(tuple(self.columns[place] for place in places), names)


@dataclass(frozen=True)
class Answer:
    """The answers of an estimator: steps of the graph.

    Args:
        values: Width 1: the target, or the label's place among *classes*.
        classes: Labels of a classifier.
        probabilities: Width n_classes.
        decision: The decision function: width 1 for two classes, else n_classes.
        single: The estimator answers in float32, so that others compute with its answers in float32.
    """

    values: int
    classes: Any = None
    probabilities: int | None = None
    decision: int | None = None
    single: bool = False

    @property
    def labels(self) -> list[Any]:
        """The classes as plain values; empty for a regression."""
        return [] if self.classes is None else [plain(label) for label in self.classes]


@dataclass
class Graph:
    """Steps and arrays so far, and where in the pipeline the next ones belong.

    Args:
        keeps_rows: Whether rows of the training data are among the arrays.
        inside: The classes of the estimators whose parts are being added, the outermost first.
    """

    columns: int
    keeps_rows: bool = False
    inside: list[type] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    arrays: list[NDArray[Any]] = field(default_factory=list)
    _place: list[str] = field(default_factory=list)
    _steps: dict[Any, int] = field(default_factory=dict)
    _finite: set[int] = field(default_factory=set)

    # --- places and refusals ---

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Refusals inside name *place*."""
        self._place.append(place)
        try:
            yield
        finally:
            self._place.pop()

    def refuse(self, estimator: object, reason: str) -> ExportError:
        """The error that names the class of *estimator*, its place in the pipeline, and *reason*."""
        name = estimator if isinstance(estimator, str) else type(estimator).__name__
        return ExportError(": ".join([*self._place, f"{name}: {reason}"]))

    def refuse_single(self, estimator: object, fitted: Any) -> None:
        """Refuse *estimator* where its *fitted* numbers are float32, since it computes with them in float32."""
        if fitted.dtype == np.float32:
            raise self.refuse(estimator, "it was fitted to float32 numbers, and computes in float32; fit it to float64")

    # --- steps ---

    def add(self, operator: str, *inputs: int, **parameters: Any) -> int:
        """Add a step and check it; arrays among *parameters* go to the block. Returns its number."""
        attributes: dict[str, Any] = {}
        arrays: dict[str, Any] = {}
        for name, value in parameters.items():
            if value is None:
                continue
            if isinstance(value, np.ndarray):
                arrays[name] = _stored(value)
            elif isinstance(value, list) and value and isinstance(value[0], np.ndarray):
                arrays[name] = [_stored(array) for array in value]
            else:
                attributes[name] = value.item() if isinstance(value, np.generic) else value
        number = len(self.steps)
        widths = tuple(self.widths[step] for step in inputs)
        step = Step(f"step {number}, {operator}", widths, self.columns, attributes, arrays)
        try:
            operation = OPERATORS[operator](step)
        except ArtifactError as error:
            raise ExportError(": ".join([*self._place, f"cannot be written as a graph: {error}"])) from error
        entry: dict[str, Any] = {"operator": operator, "inputs": list(inputs)}
        if attributes:
            entry["attributes"] = attributes
        if arrays:
            entry["arrays"] = {
                name: [*map(self._put, value)] if isinstance(value, list) else self._put(value)
                for name, value in arrays.items()
            }
        self.keeps_rows |= operator in _KEEPS_ROWS or attributes.get("function") in _KERNELS_OF_ROWS
        self.steps.append(entry)
        self.widths.append(operation.width)
        if operator in _KEEPS_FINITE and all(step in self._finite for step in inputs):
            self._finite.add(number)
        return number

    def _put(self, array: NDArray[Any]) -> int:
        self.arrays.append(array)
        return len(self.arrays) - 1

    def once(self, operator: str, *inputs: int, **parameters: Any) -> int:
        """As `add`; the same step again is the one that exists. For plain parameters."""
        key = (operator, inputs, tuple(sorted((name, repr(value)) for name, value in parameters.items())))
        if key not in self._steps:
            self._steps[key] = self.add(operator, *inputs, **parameters)
        return self._steps[key]

    # --- columns ---

    def numbers(self, frame: Frame, estimator: BaseEstimator | None = None) -> int:
        """The step of *frame* as a matrix; of rows that *estimator*'s own check lets pass, if it is given."""
        step = self._matrix(frame.columns)
        if estimator is not None:
            step = self.checked(step, missing=bool(get_tags(estimator).input_tags.allow_nan))
        return step

    def checked(self, step: int, *, missing: bool, single: bool = False) -> int:
        """*step*, of rows without infinities, and without NaN unless *missing*."""
        if step in self._finite and not single:
            return step
        checked = self.once("finite", step, missing=missing, single=single)
        if not missing:
            self._finite.add(checked)
        return checked

    def _matrix(self, columns: tuple[Column, ...]) -> int:
        runs: list[tuple[int, list[int]]] = []
        for column in columns:
            if runs and runs[-1][0] == column.step and self._is_matrix(column.step):
                runs[-1][1].append(column.place)
            else:
                runs.append((column.step, [column.place]))
        parts = [self._part(step, places) for step, places in runs]
        return parts[0] if len(parts) == 1 else self.once("concatenate", *parts)

    def _part(self, step: int, places: list[int]) -> int:
        if step == TABLE:
            return self._kept("matrix", columns=places)
        if not self._is_matrix(step):
            return self.once("number", step)
        if places == list(range(self.widths[step])):
            return step
        return self._kept("take", step, columns=places)

    def _kept(self, operator: str, *inputs: int, columns: list[int]) -> int:
        key = (operator, inputs, tuple(columns))
        if key not in self._steps:
            self._steps[key] = self.add(operator, *inputs, columns=np.array(columns, np.int32))
        return self._steps[key]

    def _is_matrix(self, step: int) -> bool:
        return step == TABLE or self.widths[step] != CELLS

    def cells(self, frame: Frame, place: int) -> int:
        """The step of one column of *frame* as cells."""
        column = frame.columns[place]
        if column.step == TABLE:
            return self.once("cells", column=column.place)
        if self._is_matrix(column.step):
            return self.once("as_cells", column.step, column=column.place)
        return column.step

    def is_cells(self, column: Column) -> bool:
        """Whether *column* is known to hold cells, not numbers."""
        return column.step != TABLE and not self._is_matrix(column.step)

    def frame(self, step: int, names: Sequence[str] | None = None) -> Frame:
        """The matrix of *step* as columns."""
        return Frame(
            tuple(Column(step, place) for place in range(self.widths[step])), None if names is None else (*names,)
        )

    def take(self, step: int, places: Sequence[int]) -> int:
        """Columns *places* of the matrix of *step*."""
        places = [int(place) for place in places]
        return step if places == list(range(self.widths[step])) else self._kept("take", step, columns=places)

    # --- short forms ---

    def apply(self, function: str, step: int, *values: Any) -> int:
        """A function of one number, of a row, or of two numbers with constants on its right, by its name."""
        if values:
            return self.add("with_constant", step, function=function, values=np.array(values[0], float).reshape(-1))
        if function in {"argmax", "argmin", "mean", "sum"}:
            return self.add("reduced", step, function=function)
        rowwise = {
            "softmax",
            "posterior",
            "share",
            "share_or_even",
            "share_or_zero",
            "l1",
            "l2",
            "max",
            "softmax_single",
        }
        return self.add("rowwise" if function in rowwise else "elementwise", step, function=function)

    def pair(self, step: int) -> int:
        """(n, 1) probability of the second class → (n, 2)."""
        first = self.apply("add", self.apply("negative", step), 1.0)
        return self.add("concatenate", first, step)

    def linear(self, step: int, weights: Any, bias: Any) -> int:
        """Step @ weights + bias; *weights* is (k,) or (k, m)."""
        weights = np.asarray(weights.toarray() if hasattr(weights, "toarray") else weights, float)
        weights = weights.reshape(len(weights), -1)
        bias = np.broadcast_to(np.asarray(bias, float).reshape(-1), (weights.shape[1],))
        operator = "linear" if weights.shape[1] == 1 or weights.size <= _FEW_WEIGHTS else "product"
        return self.add(operator, step, weights=weights, bias=np.array(bias))

    # --- the result ---

    def document(self, answer: Answer) -> tuple[dict[str, Any], bytes]:
        """The manifest's members and the block."""
        block = pack(self.arrays)
        graph = {
            "columns": self.columns,
            "operators": sorted({step["operator"] for step in self.steps}),
            "steps": self.steps,
            "values": answer.values,
            "probabilities": answer.probabilities,
            "arrays": {"bytes": len(block), "sha256": hashlib.sha256(block).hexdigest()},
        }
        classes = None if answer.classes is None else [plain(label) for label in answer.classes]
        return {"runtime": "graph", "graph": graph, "classes": classes}, block


_FEW_WEIGHTS = 2048


def plain(value: Any) -> Any:
    """A label or level as JSON has it; missing ones None."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return None
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and np.isnan(value):
        return None
    if type(value) not in {str, bool, int, float}:
        raise ExportError(f"a label or level of type {type(value).__name__}; expected texts, booleans or numbers")
    return value


def _stored(array: NDArray[Any]) -> NDArray[Any]:
    """*array* in one of the types that a block holds."""
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind in "iu":
        return array if array.dtype in (np.int16, np.uint8) else array.astype(np.int32)
    return array if array.dtype == np.float32 else array.astype(np.float64)


def labels_among(labels: Sequence[Any], classes: Sequence[Any]) -> list[int]:
    """Place of each of *labels* among *classes*."""
    places = {plain(label): place for place, label in enumerate(classes)}
    return [places[plain(label)] for label in labels]
