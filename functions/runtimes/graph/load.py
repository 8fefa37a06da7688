"""From a document and a block of arrays to a graph that predicts.

The document's `graph` holds: `columns`, how many the table has; `operators`, the names that the steps use; `steps`,
each {"operator", "inputs": [earlier steps], "attributes", "arrays": {name: place in the block, or a list of places}};
`values` and `probabilities`, the steps that answer; `arrays`, {"bytes", "sha256"} of the block, and "base64" where the
block travels inside the document.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...artifact import ArtifactError
from ...columns.table import Table
from ...problems import PayloadError, moved
from .block import unpack
from .operators import OPERATORS
from .step import Array, Operation, Step, Values

MOST_STEPS = 100_000
MOST_ROW_WIDTH = 1 << 23
"""How many numbers a row may take over all steps: 64 MiB."""

_PART_NUMBERS = 1 << 21
"""How many numbers the widest step of a part may take: 16 MiB."""


class Predictions(NamedTuple):
    """A graph's answer; see runtimes.Predictions."""

    values: Any
    probabilities: Values | None


class Graph(NamedTuple):
    """Checked steps, in an order in which each needs only earlier ones.

    Args:
        operations: One a step.
        inputs: The steps that each step reads.
        released: The steps whose value no later step reads, after each step.
        columns: Number of columns of the table.
        values: The step that answers, of width 1.
        probabilities: The step of the classes' probabilities, if there is one.
        classes: Labels by their place, or None for a regression.
        part_rows: How many rows are computed at a time.
    """

    operations: tuple[Operation, ...]
    inputs: tuple[tuple[int, ...], ...]
    released: tuple[tuple[int, ...], ...]
    columns: int
    values: int
    probabilities: int | None
    classes: Array | None
    part_rows: int

    def predict(self, table: Any) -> Predictions:
        """Predict every row; see runtimes.Runtime.

        Raises:
            PayloadError: A row cannot be answered; its pointer starts at the rows.
            ValueError: The table has another number of columns.
        """
        rows = table if isinstance(table, Table) else Table(table)
        if rows.width != self.columns:
            raise ValueError(f"expected {self.columns} columns, got {rows.width}")
        with np.errstate(all="ignore"):
            if rows.rows <= self.part_rows:
                return self._labelled([self._compute(rows)])
            starts = range(0, rows.rows, self.part_rows)
            return self._labelled([self._part(rows, start) for start in starts])

    def _part(self, rows: Table, start: int) -> tuple[Values, Values | None]:
        """The part of *rows* that begins at row *start*."""
        try:
            return self._compute(rows[start : start + self.part_rows])
        except PayloadError as error:
            raise moved(error, start) from None

    def _compute(self, rows: Table) -> tuple[Values, Values | None]:
        """Values (n, 1) and probabilities (n, classes) of one part of the rows."""
        results: list[Any] = [None] * len(self.operations)
        for number, operation in enumerate(self.operations):
            inputs = [results[place] for place in self.inputs[number]] or (rows,)
            results[number] = operation.run(inputs)
            for place in self.released[number]:
                results[place] = None
        return results[self.values], None if self.probabilities is None else results[self.probabilities]

    def _labelled(self, parts: Sequence[tuple[Values, Values | None]]) -> Predictions:
        values = np.concatenate([part for part, _ in parts])[:, 0] if len(parts) != 1 else parts[0][0][:, 0]
        shares = [part for _, part in parts if part is not None]
        probabilities = (np.concatenate(shares) if len(shares) != 1 else shares[0]) if shares else None
        if self.classes is not None:
            values = self.classes.take(values.astype(np.intp), mode="clip")
        return Predictions(values, probabilities)


def load(document: Mapping[str, Any], arrays: bytes) -> Graph:
    """Check the graph of *document* against its arrays, in time and memory that its size bounds.

    Raises:
        ArtifactError: A digest, an operator, a shape, a type, a bound or an order is not as it must be.
    """
    graph = _member(document, "graph", Mapping)
    block = _verified(_member(graph, "arrays", Mapping), arrays)
    views = unpack(block) if block else []
    names = _member(graph, "operators", list)
    if unknown := [name for name in names if not isinstance(name, str) or name not in OPERATORS]:
        raise ArtifactError(f"graph: these functions know no operator {str(unknown[0])[:40]!r}; deploy newer ones")
    columns = _integer(graph, "columns", 1, 1 << 20)
    steps = _member(graph, "steps", list)
    if not 0 < len(steps) <= MOST_STEPS:
        raise ArtifactError(f"graph.steps: expected 1 to {MOST_STEPS} steps, got {len(steps)}")
    operations: list[Operation] = []
    inputs: list[tuple[int, ...]] = []
    for number, entry in enumerate(steps):
        operation, places = _checked(number, entry, operations, views, columns)
        operations.append(operation)
        inputs.append(places)
    return _assembled(document, graph, operations, inputs, columns)


def _assembled(
    document: Mapping[str, Any],
    graph: Mapping[str, Any],
    operations: Sequence[Operation],
    inputs: Sequence[tuple[int, ...]],
    columns: int,
) -> Graph:
    total = sum(max(1, operation.width) for operation in operations)
    if total > MOST_ROW_WIDTH:
        raise ArtifactError(f"graph: a row takes {total} numbers, more than {MOST_ROW_WIDTH}")
    values = _integer(graph, "values", 0, len(operations) - 1)
    if operations[values].width != 1:
        raise ArtifactError(f"graph.values: step {values} has width {operations[values].width}, not 1")
    classes = _classes(document.get("classes"))
    probabilities = None
    if graph.get("probabilities") is not None:
        probabilities = _integer(graph, "probabilities", 0, len(operations) - 1)
        if classes is None or operations[probabilities].width != len(classes):
            raise ArtifactError(f"graph.probabilities: step {probabilities} does not give one column a class")
    answers = {values, probabilities}
    last = {place: number for number, places in enumerate(inputs) for place in places}
    released: list[list[int]] = [[] for _ in operations]
    for place, number in last.items():
        if place not in answers:
            released[number].append(place)
    return Graph(
        operations=tuple(operations),
        inputs=tuple(inputs),
        released=tuple(map(tuple, released)),
        columns=columns,
        values=values,
        probabilities=probabilities,
        classes=classes,
        part_rows=max(1, _PART_NUMBERS // max(256, *(operation.width for operation in operations))),
    )


def _checked(
    number: int, entry: Any, earlier: Sequence[Operation], views: Sequence[Array], columns: int
) -> tuple[Operation, tuple[int, ...]]:
    """The operation of one step, and the steps that it reads."""
    where = f"step {number}"
    if not isinstance(entry, Mapping):
        raise ArtifactError(f"{where}: expected an object")
    operator = entry.get("operator")
    if not isinstance(operator, str) or operator not in OPERATORS:
        raise ArtifactError(f"{where}: these functions know no operator {str(operator)[:40]!r}")
    places, attributes, arrays = (entry.get("inputs", []), entry.get("attributes", {}), entry.get("arrays", {}))
    if not isinstance(places, list) or not all(type(place) is int and 0 <= place < number for place in places):
        raise ArtifactError(f"{where}, {operator}: inputs must be earlier steps")
    if not isinstance(attributes, Mapping) or not isinstance(arrays, Mapping) or attributes.keys() & arrays.keys():
        raise ArtifactError(f"{where}, {operator}: attributes and arrays must be objects without a common name")
    named = {name: _views(f"{where}, {operator}", place, views) for name, place in arrays.items()}
    widths = tuple(earlier[place].width for place in places)
    step = Step(f"{where}, {operator}", widths, columns, attributes, named)
    return OPERATORS[operator](step), tuple(places)


def _views(where: str, place: Any, views: Sequence[Array]) -> Any:
    """The array at *place* in the block, or a list of them."""
    if isinstance(place, list):
        return [_views(where, item, views) for item in place if not isinstance(item, list)]
    if type(place) is not int or not 0 <= place < len(views):
        raise ArtifactError(f"{where}: expected the place of one of {len(views)} arrays, got {str(place)[:40]}")
    return views[place]


def _verified(entry: Mapping[str, Any], arrays: bytes) -> bytes:
    """The block, from outside or from the document, after its size and digest."""
    text = entry.get("base64")
    if text is not None and not arrays:
        try:
            arrays = base64.b64decode(text, validate=True)
        except (TypeError, ValueError):
            raise ArtifactError("graph.arrays: base64 that is none") from None
    size, digest = entry.get("bytes"), entry.get("sha256")
    if size != len(arrays):
        raise ArtifactError(f"graph.arrays: expected {str(size)[:40]} bytes, found {len(arrays)}")
    if digest != hashlib.sha256(arrays).hexdigest():
        raise ArtifactError("graph.arrays: the bytes have another digest than the document says")
    return arrays


def _classes(labels: Any) -> Array | None:
    """Labels in their own type: all integers, all numbers, all booleans, or objects."""
    if labels is None:
        return None
    if (
        not isinstance(labels, list)
        or not labels
        or any(type(label) not in {str, bool, int, float} for label in labels)
    ):
        raise ArtifactError("classes: expected a list of texts, booleans or numbers")
    if {*map(type, labels)} in ({bool}, {int}, {float}):
        return np.array(labels)
    out = np.empty(len(labels), object)
    out[:] = labels
    return out


def _member(parent: Mapping[str, Any], name: str, kind: type[Any]) -> Any:
    value = parent.get(name)
    if not isinstance(value, kind):
        raise ArtifactError(f"graph: {name} is missing, or of another type")
    return value


def _integer(parent: Mapping[str, Any], name: str, low: int, high: int) -> int:
    value = parent.get(name)
    if type(value) is not int or not low <= value <= high:
        raise ArtifactError(f"graph.{name}: expected an integer from {low} to {high}, got {str(value)[:40]}")
    return value
