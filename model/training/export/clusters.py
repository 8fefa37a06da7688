"""Exporters of clusterings as transformers: distances to centres, and means of columns that belong together."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import cluster, manifold, neighbors

from model.training.export.builder import Frame, Graph
from model.training.export.registry import refuse, register_transformer

_FAR = 1e4
"""How many times a row's squared distance to its centre the centre's own square may be. scikit-learn takes distances
from the difference of such squares, so beyond this its own answers are rounding noise in the tenth digit."""


@register_transformer(cluster.KMeans, cluster.MiniBatchKMeans, cluster.BisectingKMeans)
def _centres(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    labels = transformer.labels_
    return _distances(
        graph, transformer, frame, transformer.cluster_centers_, np.bincount(labels), transformer.inertia_ / len(labels)
    )


@register_transformer(cluster.Birch)
def _subclusters(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    parts = [part for leaf in transformer._get_leaves() for part in leaf.subclusters_]
    sizes = np.array([part.n_samples_ for part in parts])
    squares = sum(part.n_samples_ * part.radius**2 for part in parts)
    return _distances(graph, transformer, frame, transformer.subcluster_centers_, sizes, squares / sizes.sum())


def _distances(graph: Graph, transformer: Any, frame: Frame, centres: Any, sizes: Any, square: float) -> Frame:
    """Distances to *centres* of clusters of *sizes* rows, whose mean *square* of the distance to their own is given."""
    if sizes.min() <= 1 or not (np.asarray(centres, float) ** 2).sum(axis=1).max() <= _FAR * square:
        reason = "rows lie on their centre, or so near that scikit-learn's distance is rounding noise"
        raise graph.refuse(transformer, f"{reason}; scale the columns before, or ask for fewer clusters")
    squares = graph.add("kernel", graph.numbers(frame, transformer), rows=centres, function="squared_distance")
    return graph.frame(graph.apply("sqrt", squares))


_POOLED = {np.max: "maximum", np.amax: "maximum", np.min: "minimum", np.amin: "minimum"}


@register_transformer(cluster.FeatureAgglomeration)
def _agglomerated(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    x, labels, count = graph.numbers(frame, transformer), transformer.labels_, int(transformer.labels_.max()) + 1
    if transformer.pooling_func is np.mean:
        groups = np.eye(count)[labels]
        return graph.frame(graph.linear(x, groups / groups.sum(axis=0), 0.0))
    if transformer.pooling_func not in _POOLED:
        raise graph.refuse(transformer, "pooling_func is no numpy.mean, numpy.max or numpy.min")
    pooled = []
    for label in range(count):
        first, *others = (graph.take(x, [place]) for place in np.flatnonzero(labels == label).tolist())
        for other in others:
            first = graph.add("pairwise", first, other, function=_POOLED[transformer.pooling_func])
        pooled.append(first)
    return graph.frame(pooled[0] if count == 1 else graph.add("concatenate", *pooled))


refuse(
    "its columns are the training rows, or a way among these",
    manifold.Isomap,
    manifold.LocallyLinearEmbedding,
    neighbors.KNeighborsTransformer,
    neighbors.RadiusNeighborsTransformer,
)
