"""From a manifest's document and its arrays to a model that predicts; the one door to every runtime.

A runtime's `predict(table)` takes a Table, a float64 matrix of shape (n_rows, n_columns), or a list of columns (float64
with NaN, or object arrays with None), and returns Predictions.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

from ..entries import ArtifactError

_MODULES = {"linear": ".linear", "graph": ".graph.load"}
"""The module of each runtime; it is imported when a model needs it, so a line does not pay for trees."""


class Predictions(Protocol):
    """A runtime's answer."""

    @property
    def values(self) -> Any:
        """Array of shape (n_rows,): the target in its own unit, or labels in their own type."""

    @property
    def probabilities(self) -> Any:
        """Array of shape (n_rows, n_classes), or None."""


class Runtime(Protocol):
    """A model that was checked."""

    def predict(self, table: Any) -> Predictions:
        """Predict every row of *table*.

        Raises:
            PayloadError: The model cannot answer a row: a number is missing, a level is unknown.
        """


def load(document: Mapping[str, Any], arrays: bytes) -> Runtime:
    """Check *document* and *arrays* and build the runtime that the document names.

    Args:
        document: `runtime`, and `linear` or `graph`; `classes` for a classifier. Other members are ignored.
        arrays: The block of a graph; empty if it has none or the document holds it.

    Raises:
        ArtifactError: The document or the block is not what a runtime here can use.
    """
    name = document.get("runtime")
    if not isinstance(name, str) or name not in _MODULES:
        raise ArtifactError(f"runtime: expected one of {', '.join(sorted(_MODULES))}, got {str(name)[:40]!r}")
    runtime: Runtime = import_module(_MODULES[name], __name__).load(document, arrays)
    return runtime
