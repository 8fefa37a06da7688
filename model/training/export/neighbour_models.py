"""Exporters of models over the nearest training rows, and of labels that spread over a graph of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import neighbors, semi_supervised

from model.training.export.builder import Answer, Frame, Graph, labels_among
from model.training.export.probes import verified
from model.training.export.registry import register


def _metric(graph: Graph, estimator: Any) -> dict[str, Any]:
    metric = estimator.effective_metric_
    if callable(estimator.weights):
        raise graph.refuse(estimator, "weights is a function; use 'uniform' or 'distance'")
    if metric in {"euclidean", "l2"}:
        return {"metric": "euclidean"}
    if metric in {"manhattan", "cityblock", "l1"}:
        return {"metric": "manhattan"}
    if metric in {"chebyshev", "infinity"}:
        return {"metric": "chebyshev"}
    if metric in {"cosine", "haversine"}:
        return {"metric": metric}
    settings = estimator.effective_metric_params_
    if metric in {"minkowski", "p"} and settings.get("w") is None:
        return {"metric": "minkowski", "power": float(settings["p"])}
    shown = repr(metric) if isinstance(metric, str) else "a function"
    raise graph.refuse(
        estimator, f"metric={shown}; expected euclidean, manhattan, chebyshev, minkowski, cosine or haversine"
    )


_TIES = "training rows lie equally far from a row, and scikit-learn's choice among them is not defined"


def _near(graph: Graph, estimator: Any, values: Any, outlier: Any = None) -> Callable[[Graph, int], int]:
    rows = estimator._fit_X
    rows = np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, float)
    settings = {**_metric(graph, estimator), "by_distance": estimator.weights == "distance", "values": values}
    if hasattr(estimator, "n_neighbors") and "Radius" not in type(estimator).__name__:
        settings["count"] = int(estimator.n_neighbors)
        return lambda graph, x: graph.add("neighbours", x, rows=rows, **settings)
    settings["radius"] = float(estimator.radius)
    return lambda graph, x: graph.add("within_radius", x, rows=rows, outlier=outlier, **settings)


@register(neighbors.KNeighborsRegressor, neighbors.RadiusNeighborsRegressor)
def _near_mean(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    values = np.asarray(estimator._y, float).reshape(len(estimator._y), -1)
    if values.shape[1] > 1:
        raise graph.refuse(estimator, "several targets; only estimators with one target are served")
    outlier = np.array([np.nan]) if "Radius" in type(estimator).__name__ else None
    near = _near(graph, estimator, values, outlier)
    x = graph.numbers(frame, estimator)
    return verified(graph, estimator, estimator._fit_X, lambda graph, x: Answer(near(graph, x)), x, _TIES)


@register(neighbors.KNeighborsClassifier, neighbors.RadiusNeighborsClassifier)
def _near_shares(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    if estimator.outputs_2d_:
        raise graph.refuse(estimator, "several targets; only estimators with one target are served")
    count = len(estimator.classes_)
    outlier = _outlier(graph, estimator) if "Radius" in type(estimator).__name__ else None
    near = _near(graph, estimator, np.eye(count)[np.ravel(estimator._y)], outlier)

    def build(graph: Graph, x: int) -> Answer:
        shares = near(graph, x)
        return Answer(graph.apply("argmax", shares), estimator.classes_, shares)

    return verified(graph, estimator, estimator._fit_X, build, graph.numbers(frame, estimator), _TIES)


def _outlier(graph: Graph, estimator: Any) -> Any:
    """The shares of a row without neighbours."""
    label = np.ravel(np.asarray(estimator.outlier_label_, object))[0]
    if label is None:
        return None
    if label not in estimator.classes_:
        raise graph.refuse(estimator, f"outlier_label={label!r} is none of the classes")
    return np.eye(len(estimator.classes_))[labels_among([label], estimator.classes_)[0]]


@register(semi_supervised.LabelPropagation, semi_supervised.LabelSpreading)
def _propagated(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    x = graph.numbers(frame, estimator)
    classes = estimator.classes_
    if estimator.kernel == "knn":
        settings = {"count": int(estimator.n_neighbors), "by_distance": False, "metric": "euclidean"}

        def build(graph: Graph, x: int) -> Answer:
            table = estimator.label_distributions_
            shares = graph.apply("share", graph.add("neighbours", x, rows=estimator.X_, values=table, **settings))
            return Answer(graph.apply("argmax", shares), classes, shares)

        return verified(graph, estimator, estimator.X_, build, x, _TIES)
    if estimator.kernel != "rbf":
        raise graph.refuse(estimator, "kernel is a function; use 'rbf' or 'knn'")
    kernel = graph.add("kernel", x, rows=estimator.X_, function="rbf", gamma=float(estimator.gamma))
    shares = graph.apply("share", graph.linear(kernel, estimator.label_distributions_, 0.0))
    return Answer(graph.apply("argmax", shares), classes, shares)
