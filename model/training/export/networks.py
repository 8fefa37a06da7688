"""Exporters of multilayer perceptrons."""

from __future__ import annotations

from typing import Any

from sklearn import neural_network

from model.training.export.builder import Answer, Frame, Graph
from model.training.export.registry import register

_ACTIVATIONS = {"exp": "exp", "logistic": "expit", "softmax": "softmax", "tanh": "tanh"}


@register(neural_network.MLPClassifier, neural_network.MLPRegressor)
def _network(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    x = graph.numbers(frame, estimator)
    last = len(estimator.coefs_) - 1
    for number, (weights, bias) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True)):
        x = graph.add("product", x, weights=weights, bias=bias)
        activation = estimator.activation if number < last else estimator.out_activation_
        if activation == "relu":
            x = graph.apply("maximum", x, 0.0)
        elif activation != "identity":
            x = graph.apply(_ACTIVATIONS[activation], x)
    if not hasattr(estimator, "classes_"):
        return Answer(x)
    if estimator.out_activation_ == "logistic":
        if graph.widths[x] > 1:
            raise graph.refuse(estimator, "several labels a row; only estimators with one target are served")
        return Answer(graph.apply("greater", x, 0.5), estimator.classes_, graph.pair(x))
    return Answer(graph.apply("argmax", x), estimator.classes_, x)
