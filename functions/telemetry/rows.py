"""Rows of a table as JSON for a log line: bounded, and always encodable. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..columns.feature import Feature, Level, traits
from ..columns.rows import Rows
from ..columns.times import iso

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..columns.table import Table

MOST_CHARACTERS = 256
"""Longest text of a cell that is logged; a longer one is cut."""

MOST_CLASSES = 10
"""Classes whose probabilities are logged; of more classes, the most probable ones of the row."""


def rows_as_json(table: Table | Rows, features: Sequence[Feature]) -> list[Any]:
    """The cells of each row: numbers, true and false, texts, ISO 8601 texts; null, or a NaN, for a missing one."""
    if isinstance(table, Rows):
        return table.cells
    if traits(features).complete:
        rows: list[Any] = table.matrix().tolist()
        return rows
    columns = [_cells(table.cells(place), feature.kind) for place, feature in enumerate(features)]
    return list(zip(*columns, strict=True))


def as_json(values: NDArray[Any]) -> list[Any]:
    """Numbers or labels."""
    cells: list[Any] = values.tolist()
    return [_clipped(cell) for cell in cells] if values.dtype.kind not in "fiub" else cells


def keys_as_json(keys: Sequence[Any]) -> list[Any]:
    """Keys, texts of them no longer than those of cells."""
    return [_clipped(key) for key in keys]


def probabilities_as_json(probabilities: NDArray[Any], classes: Sequence[Level]) -> list[dict[str, Any]]:
    """The members `classes` and `probabilities` of each row; of more than MOST_CLASSES, the first in descending order.

    Args:
        probabilities: Array of shape (n_rows, n_classes).
    """
    if len(classes) <= MOST_CLASSES:
        labels = [_clipped(label) for label in classes]
        return [{"classes": labels, "probabilities": chances} for chances in probabilities.tolist()]
    from ..protocols.parts.leading import leading  # noqa: PLC0415 - few models have so many classes

    by_row, chances_by_row = leading(probabilities, classes, MOST_CLASSES)
    return [
        {"classes": [_clipped(label) for label in labels], "probabilities": chances}
        for labels, chances in zip(by_row, chances_by_row.tolist(), strict=True)
    ]


def _cells(cells: NDArray[Any], kind: str) -> list[Any]:
    match kind:
        case "category":
            return as_json(cells)
        case "time":
            return [None if cell != cell else iso(cell) for cell in cells.tolist()]  # noqa: PLR0124 - NaN
        case "boolean":
            return [None if cell != cell else bool(cell) for cell in cells.tolist()]  # noqa: PLR0124 - NaN
        case _:
            return cells.tolist()  # type: ignore[no-any-return]


def _clipped(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    text = cell if len(cell) <= MOST_CHARACTERS else cell[:MOST_CHARACTERS] + "…"
    return text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate cannot be written, and is no "?"
