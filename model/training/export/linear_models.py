"""Exporters of linear models, generalised linear models and partial least squares."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import cross_decomposition, discriminant_analysis, linear_model, svm

from model.training.export.builder import Answer, Frame, Graph
from model.training.export.registry import refuse, register


@register(
    linear_model.ARDRegression,
    linear_model.BayesianRidge,
    linear_model.ElasticNet,
    linear_model.ElasticNetCV,
    linear_model.HuberRegressor,
    linear_model.Lars,
    linear_model.LarsCV,
    linear_model.Lasso,
    linear_model.LassoCV,
    linear_model.LassoLars,
    linear_model.LassoLarsCV,
    linear_model.LassoLarsIC,
    linear_model.LinearRegression,
    linear_model.OrthogonalMatchingPursuit,
    linear_model.OrthogonalMatchingPursuitCV,
    linear_model.PassiveAggressiveRegressor,
    linear_model.QuantileRegressor,
    linear_model.Ridge,
    linear_model.RidgeCV,
    linear_model.SGDRegressor,
    linear_model.TheilSenRegressor,
    svm.LinearSVR,
)
def _line(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    return Answer(decisions(graph, estimator, graph.numbers(frame, estimator)))


def decisions(graph: Graph, estimator: Any, x: int) -> int:
    """X @ coef_.T + intercept_."""
    coefficients = estimator.coef_.toarray() if hasattr(estimator.coef_, "toarray") else np.asarray(estimator.coef_)
    return graph.linear(x, np.atleast_2d(coefficients).T, estimator.intercept_)


@register(linear_model.GammaRegressor, linear_model.PoissonRegressor, linear_model.TweedieRegressor)
def _generalised(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    raw = decisions(graph, estimator, graph.numbers(frame, estimator))
    return Answer(linked(graph, estimator, estimator._base_loss.link, raw))


def linked(graph: Graph, estimator: Any, link: Any, raw: int) -> int:
    """The inverse of scikit-learn's *link*."""
    match type(link).__name__:
        case "IdentityLink":
            return raw
        case "LogLink":
            return graph.apply("exp", raw)
        case "LogitLink":
            return graph.apply("expit", raw)
    raise graph.refuse(estimator, f"a link of type {type(link).__name__}")


@register(cross_decomposition.CCA, cross_decomposition.PLSCanonical, cross_decomposition.PLSRegression)
def _partial_least_squares(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    centred = graph.apply("subtract", graph.numbers(frame, estimator), estimator._x_mean)
    return Answer(graph.linear(centred, estimator.coef_.T, estimator.intercept_))


@register(
    discriminant_analysis.LinearDiscriminantAnalysis,
    linear_model.LogisticRegression,
    linear_model.LogisticRegressionCV,
)
def _logistic(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    decision = decisions(graph, estimator, graph.numbers(frame, estimator))
    if len(estimator.classes_) == 2:  # noqa: PLR2004
        return classified(graph, estimator, decision, graph.pair(graph.apply("expit", decision)))
    return classified(graph, estimator, decision, graph.apply("softmax", decision))


@register(
    linear_model.PassiveAggressiveClassifier,
    linear_model.Perceptron,
    linear_model.RidgeClassifier,
    linear_model.RidgeClassifierCV,
    svm.LinearSVC,
)
def _decided(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    return classified(graph, estimator, decisions(graph, estimator, graph.numbers(frame, estimator)))


@register(linear_model.SGDClassifier)
def _descent(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    decision = decisions(graph, estimator, graph.numbers(frame, estimator))
    two = len(estimator.classes_) == 2  # noqa: PLR2004
    if estimator.loss == "log_loss":
        share = graph.apply("expit", decision)
        return classified(graph, estimator, decision, graph.pair(share) if two else graph.apply("share_or_even", share))
    if estimator.loss == "modified_huber":
        clipped = graph.apply("minimum", graph.apply("maximum", decision, -1.0), 1.0)
        share = graph.apply("divide", graph.apply("add", clipped, 1.0), 2.0)
        return classified(graph, estimator, decision, graph.pair(share) if two else graph.apply("share_or_even", share))
    return classified(graph, estimator, decision)


def classified(graph: Graph, estimator: Any, decision: int, probabilities: int | None = None) -> Answer:
    """The class with the largest decision; for two classes the second where the decision is positive."""
    two = graph.widths[decision] == 1
    values = graph.apply("greater", decision, 0.0) if two else graph.apply("argmax", decision)
    return Answer(values, estimator.classes_, probabilities, decision)


refuse(
    "several targets; only estimators with one target are served",
    linear_model.MultiTaskElasticNet,
    linear_model.MultiTaskElasticNetCV,
    linear_model.MultiTaskLasso,
    linear_model.MultiTaskLassoCV,
)
