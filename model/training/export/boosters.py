"""Steps that LightGBM's and XGBoost's boosted trees share: levels as codes, and a check of the sums."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from functions.runtimes.graph.load import load
from model.training.export.builder import Answer, Column, Frame, Graph, plain
from model.training.export.tree_nodes import Array, Nodes

_ROWS = 300


def codes(graph: Graph, frame: Frame, levels: Mapping[int, Sequence[Any]], *, unknown: bool) -> Frame:
    """*frame* with its columns of *levels* as places among these; a missing cell is NaN, an *unknown* level too."""
    columns = list(frame.columns)
    for place, known in levels.items():
        table = np.append(np.arange(len(known), dtype=float), np.nan)[:, None]
        settings = {"missing": len(known), "unknown": len(known) if unknown else None}
        keys = [plain(level) for level in known]
        columns[place] = Column(graph.add("lookup", graph.cells(frame, place), keys=keys, table=table, **settings))
    return Frame(tuple(columns), frame.names)


def confirmed(
    graph: Graph,
    estimator: Any,
    x: int,
    nodes: Sequence[Nodes],
    build: Callable[[Graph, int], int],
    sums: Callable[[Array], Array],
) -> int:
    """Add the steps of *build* after *x*, if they add up to the package's own *sums*, bit for bit.

    Rows on the thresholds of *nodes* and on their neighbours, with missing cells and categories, are asked.

    Raises:
        ExportError: A sum differs: the package adds up in an order that is not known here.
    """
    width = graph.widths[x]
    probes = _probes(width, nodes)
    alone = Graph(width)
    total = build(alone, alone.add("matrix", columns=np.arange(width)))
    for column in range(alone.widths[total]):
        document, block = alone.document(Answer(alone.take(total, [column])))
        ours = load(document, block).predict(probes).values
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = np.asarray(sums(probes), float).reshape(len(probes), -1)[:, column]
        if not np.array_equal(np.asarray(ours, float), theirs, equal_nan=True):
            raise graph.refuse(
                estimator, "this version of its package adds up its trees otherwise than the versions that were tried"
            )
    return build(graph, x)


def _probes(width: int, nodes: Sequence[Nodes]) -> Array:
    """Rows of numbers on thresholds and beside them, zeros, gaps and small whole numbers."""
    source = np.random.default_rng(0)
    pools: list[list[Array]] = [
        [np.array([np.nan, 0.0, -0.0, -0.5, 1e-36, 300.0]), np.arange(12.0)] for _ in range(width)
    ]
    for part in nodes:
        splits = np.flatnonzero(part.left >= 0)
        for column in np.unique(part.feature[splits]):
            pools[column].append(part.threshold[splits][part.feature[splits] == column])
    rows = np.empty((_ROWS, width))
    for column, pool in enumerate(pools):
        numbers = np.concatenate(pool)
        near = source.choice(numbers[~np.isinf(numbers)], _ROWS)
        moved = [near, np.nextafter(near, np.inf), np.nextafter(near, -np.inf), near + source.normal(size=_ROWS)]
        rows[:, column] = np.choose(source.integers(0, 4, _ROWS), moved)
    return rows
