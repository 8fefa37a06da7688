"""Exporters of Gaussian processes."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import gaussian_process

from model.training.export.builder import Answer, Frame, Graph
from model.training.export.probes import verified
from model.training.export.registry import register

_TWO = 2


def _covariance(graph: Graph, estimator: Any, kernel: Any, x: int, rows: Any) -> int:
    """The covariance of *x* and *rows* by a kernel of sklearn.gaussian_process.kernels."""
    name = type(kernel).__name__
    if name in {"Sum", "Product"}:
        parts = [_covariance(graph, estimator, part, x, rows) for part in (kernel.k1, kernel.k2)]
        return graph.add("pairwise", *parts, function="add" if name == "Sum" else "multiply")
    if name == "Exponentiation":
        return graph.apply("power", _covariance(graph, estimator, kernel.kernel, x, rows), float(kernel.exponent))
    if name in {"ConstantKernel", "WhiteKernel"}:
        value = float(kernel.constant_value) if name == "ConstantKernel" else 0.0
        return graph.add("constant", values=np.full(len(rows), value))
    if name == "DotProduct":
        return graph.apply("add", graph.add("kernel", x, rows=rows, function="dot"), float(kernel.sigma_0) ** 2)
    return _stationary(graph, estimator, kernel, x, rows)


def _stationary(graph: Graph, estimator: Any, kernel: Any, x: int, rows: Any) -> int:
    """The covariance by a kernel of the distance alone."""
    name = type(kernel).__name__
    if name == "RationalQuadratic":
        settings = {"mixture": float(kernel.alpha), "length": float(kernel.length_scale)}
        return graph.add("rational_quadratic", x, rows=rows, **settings)
    if name == "ExpSineSquared":
        settings = {"period": float(kernel.periodicity), "length": float(kernel.length_scale)}
        return graph.add("periodic", x, rows=rows, **settings)
    functions = {0.5: "matern12", 1.5: "matern32", 2.5: "matern52", np.inf: "rbf"}
    if name == "RBF" or (name == "Matern" and kernel.nu in functions):
        length = np.atleast_1d(np.asarray(kernel.length_scale, float))
        function = "rbf" if name == "RBF" else functions[kernel.nu]
        settings = {"gamma": 0.5} if function == "rbf" else {}
        scaled = graph.apply("divide", x, length)
        return graph.add("kernel", scaled, rows=rows / length, function=function, **settings)
    advice = "expected sums, products and powers of RBF, Matern (nu 0.5, 1.5, 2.5), RationalQuadratic, DotProduct"
    raise graph.refuse(estimator, f"kernel {name}; {advice}")


@register(gaussian_process.GaussianProcessRegressor)
def _process(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    x = graph.numbers(frame, estimator)
    if np.ndim(estimator.alpha_) > 1 and np.shape(estimator.alpha_)[1] > 1:
        raise graph.refuse(estimator, "several targets; only estimators with one target are served")

    def build(graph: Graph, x: int) -> Answer:
        kernel = _covariance(graph, estimator, estimator.kernel_, x, estimator.X_train_)
        raw = graph.linear(kernel, np.ravel(estimator.alpha_), 0.0)
        scaled = graph.apply("multiply", raw, estimator._y_train_std)
        return Answer(graph.apply("add", scaled, estimator._y_train_mean))

    advice = "it answers otherwise than the graph on its own training rows: the kernel is too ill-conditioned for 1e-9"
    return verified(graph, estimator, estimator.X_train_, build, x, f"{advice}; a larger alpha helps")


@register(gaussian_process.GaussianProcessClassifier)
def _process_classes(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    x = graph.numbers(frame, estimator)
    if estimator.n_classes_ == _TWO:
        mean, share = _laplace(graph, estimator.base_estimator_, x)
        return Answer(graph.apply("greater", mean, 0.0), estimator.classes_, graph.pair(share))
    parts = [_laplace(graph, member, x) for member in estimator.base_estimator_.estimators_]
    if estimator.multi_class == "one_vs_rest":
        joined = graph.add("concatenate", *(share for _, share in parts))
        shares = graph.apply("share_or_zero", joined)
        return Answer(graph.apply("argmax", joined), estimator.classes_, shares)
    confidence = graph.add("concatenate", *(share for _, share in parts))
    winners = graph.apply("greater", graph.add("concatenate", *(mean for mean, _ in parts)), 0.0)
    total = graph.add("one_versus_one", confidence, winners, classes=estimator.n_classes_)
    return Answer(graph.apply("argmax", total), estimator.classes_)


def _laplace(graph: Graph, member: Any, x: int) -> tuple[int, int]:
    """Mean and probability of a binary Gaussian process."""
    rows = member.X_train_
    kernel = _covariance(graph, member, member.kernel_, x, rows)
    mean = graph.linear(kernel, member.y_train_ - member.pi_, 0.0)
    diagonals = np.asarray(member.kernel_.diag(rows))
    if not np.allclose(diagonals, diagonals[0], rtol=1e-12, atol=0):
        raise graph.refuse(member, "a kernel whose value for a row with itself depends on the row, like DotProduct")
    settings = {"root": member.W_sr_, "factor": member.L_, "diagonal": float(diagonals[0])}
    return mean, graph.add("laplace_probability", kernel, mean, **settings)
