"""Comparison with the estimator at export time, for models that keep training rows and may not be exact on them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.columns.schema import PayloadError
from functions.runtimes.graph.load import load
from model.training.export.builder import Answer, Graph

TOLERANCE = 1e-9
"""How far a value may lie from the estimator's, relative to it."""

_LARGEST = 1e-12
"""How far a value may lie from the estimator's, relative to the largest of all."""

_OF_COLUMN = 1e-11
"""How far a transformed number may lie from the transformer's, relative to the largest of its column."""

_MOST_ROWS = 200


def verified(
    graph: Graph, estimator: Any, rows: Any, build: Callable[[Graph, int], Answer], x: int, reason: str
) -> Answer:
    """Add the steps of *build* after *x*, if they answer as *estimator* does on *rows* and on these shuffled.

    Raises:
        ExportError: It does not, for *reason*.
    """
    probes = _probes(np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, float))
    alone = Graph(probes.shape[1])
    step = alone.add("matrix", columns=np.arange(probes.shape[1]))
    document, block = alone.document(build(alone, step))
    runtime = load(document, block)
    try:
        ours = runtime.predict(probes)
    except PayloadError:  # a shuffled row lies too far from all rows
        probes = probes[: len(probes) // 2]
        ours = runtime.predict(probes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = np.ravel(estimator.predict(probes))
        shares = estimator.predict_proba(probes) if ours.probabilities is not None else None
    same = equal(ours.values, theirs) and (shares is None or equal(ours.probabilities, shares))
    if not same:
        raise graph.refuse(estimator, reason)
    return build(graph, x)


def same_columns(
    graph: Graph, transformer: Any, rows: Any, build: Callable[[Graph, int], int], x: int, reason: str
) -> int:
    """Add the step of *build* after *x*, if its columns are those of *transformer* on *rows* and on these shuffled.

    Raises:
        ExportError: One differs by more than 1e-11 of its largest number, for *reason*.
    """
    probes = _probes(np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, float))
    theirs = np.asarray(transformer.transform(probes), float)
    for place in range(theirs.shape[1]):
        alone = Graph(probes.shape[1])
        step = build(alone, alone.add("matrix", columns=np.arange(probes.shape[1])))
        ours = load(*alone.document(Answer(alone.take(step, [place])))).predict(probes).values
        if not np.abs(ours - theirs[:, place]).max() <= _OF_COLUMN * np.abs(theirs[:, place]).max():
            raise graph.refuse(transformer, reason)
    return build(graph, x)


def _probes(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    source = np.random.default_rng(0)
    part = rows if len(rows) <= _MOST_ROWS else rows[source.choice(len(rows), _MOST_ROWS, replace=False)]
    shuffled = np.column_stack([source.permutation(column) for column in part.T])
    return np.concatenate([part, shuffled])


def equal(ours: Any, theirs: Any) -> bool:
    """Labels that are the same; numbers within TOLERANCE of the value or 1e-12 of the largest, NaN where NaN is."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if ours.dtype.kind not in "fiu" or theirs.dtype.kind not in "fiu":
        return bool(ours.tolist() == theirs.tolist())
    ours, theirs = ours.astype(float), theirs.astype(float)
    if ours.shape != theirs.shape or (np.isnan(ours) != np.isnan(theirs)).any():
        return False
    finite = np.abs(theirs[np.isfinite(theirs)])
    largest = finite.max() if finite.size else 0.0
    with np.errstate(invalid="ignore"):
        near = np.abs(ours - theirs) <= np.maximum(TOLERANCE * np.abs(theirs), _LARGEST * largest)
    return bool((near | (ours == theirs) | np.isnan(theirs)).all())
