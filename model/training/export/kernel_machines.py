"""Exporters of support vector machines and kernel ridges."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from sklearn import kernel_ridge, svm

from model.training.export.builder import Answer, Frame, Graph
from model.training.export.registry import register

_TWO = 2


def kernel_step(graph: Graph, estimator: Any, x: int, rows: Any, name: Any, settings: dict[str, float]) -> int:
    """The kernel of scikit-learn's *name* between *x* and *rows*; *settings* are gamma, coef0 and degree."""
    rows = np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, float)
    gamma, offset, degree = settings.get("gamma", 1.0), settings.get("coef0", 0.0), settings.get("degree", 3)
    if name in {"additive_chi2", "chi2"}:
        x = not_negative(graph, x)
    match name:
        case "linear":
            return graph.add("kernel", x, rows=rows, function="dot")
        case "rbf" | "laplacian" | "chi2":
            return graph.add("kernel", x, rows=rows, function=name, gamma=float(gamma))
        case "poly" | "polynomial":
            settings = {"gamma": float(gamma), "offset": float(offset), "degree": float(degree)}
            return graph.add("kernel", x, rows=rows, function="polynomial", **settings)
        case "sigmoid":
            return graph.add("kernel", x, rows=rows, function="sigmoid", gamma=float(gamma), offset=float(offset))
        case "cosine" | "additive_chi2":
            return graph.add("kernel", x, rows=rows, function=name)
    shown = repr(name) if isinstance(name, str) else "a function"
    raise graph.refuse(
        estimator, f"kernel={shown}; expected one of linear, poly, rbf, sigmoid, laplacian, cosine, chi2"
    )


def not_negative(graph: Graph, x: int) -> int:
    """*x*, of rows without a negative number."""
    there = graph.apply("greater_equal", x, 0.0)
    return graph.checked(graph.add("choose", there, x, graph.apply("sqrt", x)), missing=False)


def _support(graph: Graph, estimator: Any, frame: Frame) -> int:
    settings = {"gamma": float(estimator._gamma), "coef0": estimator.coef0, "degree": estimator.degree}
    x = graph.numbers(frame, estimator)
    return kernel_step(graph, estimator, x, _dense(estimator.support_vectors_), estimator.kernel, settings)


def _dense(fitted: Any) -> Any:
    """A fitted matrix, which is sparse where the estimator was fitted to a sparse one."""
    return np.asarray(fitted.toarray() if hasattr(fitted, "toarray") else fitted)


@register(svm.SVR, svm.NuSVR)
def _support_regression(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    kernel = _support(graph, estimator, frame)
    return Answer(graph.linear(kernel, _dense(estimator._dual_coef_)[0], estimator._intercept_[0]))


@register(svm.SVC, svm.NuSVC)
def _support_classes(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    count = len(estimator.classes_)
    bounds = np.concatenate([[0], np.cumsum(estimator._n_support)])
    dual, weights = _dense(estimator._dual_coef_), []
    for i, j in combinations(range(count), 2):
        row = np.zeros(bounds[-1])
        row[bounds[i] : bounds[i + 1]] = dual[j - 1, bounds[i] : bounds[i + 1]]
        row[bounds[j] : bounds[j + 1]] = dual[i, bounds[j] : bounds[j + 1]]
        weights.append(row)
    pairs = graph.linear(_support(graph, estimator, frame), np.array(weights).T, estimator._intercept_)
    shares = None
    if estimator._probA.size:
        settings = {"classes": count, "slopes": estimator._probA, "offsets": estimator._probB}
        shares = graph.add("pair_probabilities", pairs, **settings)
    voted = graph.apply("argmax", graph.add("pair_votes", pairs, classes=count))
    if count == _TWO:
        return Answer(voted, estimator.classes_, shares, graph.apply("negative", pairs))
    # scikit-learn turns libsvm's decisions round: the confidence is for the second, the winner its sign.
    negative = graph.apply("negative", pairs)
    winners = graph.apply("greater", negative, 0.0)
    total = graph.add("one_versus_one", negative, winners, classes=count)
    decision = total if estimator.decision_function_shape == "ovr" else None
    values = graph.apply("argmax", total) if estimator.break_ties else voted
    return Answer(values, estimator.classes_, shares, decision)


@register(kernel_ridge.KernelRidge)
def _kernel_ridge(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    gamma = 1 / estimator.n_features_in_ if estimator.gamma is None and estimator.kernel != "chi2" else estimator.gamma
    settings = {"gamma": 1.0 if gamma is None else gamma, "coef0": estimator.coef0, "degree": estimator.degree}
    if estimator.kernel_params:
        raise graph.refuse(estimator, "kernel_params")
    x = graph.numbers(frame, estimator)
    kernel = kernel_step(graph, estimator, x, estimator.X_fit_, estimator.kernel, settings)
    return Answer(graph.linear(kernel, estimator.dual_coef_, 0.0))
