"""Exporters of quadratic discriminants, naive Bayes, nearest centroids and dummies."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import discriminant_analysis, dummy, isotonic, naive_bayes, neighbors

from model.training.export.builder import Answer, Frame, Graph
from model.training.export.registry import register


def _posterior(graph: Graph, estimator: Any, joint: int) -> Answer:
    """The class with the largest joint log likelihood."""
    shares = graph.apply("posterior", joint)
    decision = joint
    if len(estimator.classes_) == 2:  # noqa: PLR2004
        decision = graph.add("linear", joint, weights=np.array([[-1.0], [1.0]]), bias=np.zeros(1))
    return Answer(graph.apply("argmax", joint), estimator.classes_, shares, decision)


def _undecided(answer: Answer) -> Answer:
    """*answer* of a class without decision_function."""
    return Answer(answer.values, answer.classes, answer.probabilities)


@register(discriminant_analysis.QuadraticDiscriminantAnalysis)
def _quadratic(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    rotations = [r * s**-0.5 for r, s in zip(estimator.rotations_, estimator.scalings_, strict=True)]
    add = [-0.5 * np.log(s).sum() + np.log(p) for s, p in zip(estimator.scalings_, estimator.priors_, strict=True)]
    joint = graph.add(
        "gaussians",
        graph.numbers(frame, estimator),
        means=np.array(estimator.means_),
        rotations=rotations,
        add=np.array(add),
        factor=0.5,
    )
    return _posterior(graph, estimator, joint)


@register(naive_bayes.GaussianNB)
def _gaussian(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    graph.refuse_single(estimator, estimator.var_)
    joint = graph.add(
        "independent_gaussians",
        graph.numbers(frame, estimator),
        means=estimator.theta_,
        variances=estimator.var_,
        add=np.log(estimator.class_prior_) - 0.5 * np.log(2 * np.pi * estimator.var_).sum(axis=1),
    )
    return _undecided(_posterior(graph, estimator, joint))


@register(naive_bayes.MultinomialNB)
def _multinomial(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    weights = estimator.feature_log_prob_.T
    return _counted(graph, estimator, graph.numbers(frame, estimator), weights, estimator.class_log_prior_)


@register(naive_bayes.ComplementNB)
def _complement(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    bias = estimator.class_log_prior_ if len(estimator.classes_) == 1 else 0.0
    return _counted(graph, estimator, graph.numbers(frame, estimator), estimator.feature_log_prob_.T, bias)


@register(naive_bayes.BernoulliNB)
def _bernoulli(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    x = graph.numbers(frame, estimator)
    if estimator.binarize is not None:
        x = graph.apply("greater", x, float(estimator.binarize))
    absent = np.log(1 - np.exp(estimator.feature_log_prob_))
    bias = estimator.class_log_prior_ + absent.sum(axis=1)
    return _counted(graph, estimator, x, (estimator.feature_log_prob_ - absent).T, bias)


def _counted(graph: Graph, estimator: Any, x: int, weights: Any, bias: Any) -> Answer:
    return _undecided(_posterior(graph, estimator, graph.linear(x, weights, bias)))


@register(naive_bayes.CategoricalNB)
def _categorical(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    tables = [np.asarray(table).T for table in estimator.feature_log_prob_]
    joint = graph.add(
        "category_tables",
        graph.numbers(frame, estimator),
        sizes=np.array([len(table) for table in tables]),
        table=np.concatenate(tables),
        add=estimator.class_log_prior_,
    )
    return _undecided(_posterior(graph, estimator, joint))


@register(neighbors.NearestCentroid)
def _centroids(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    if estimator.metric not in {"euclidean", "manhattan"}:
        raise graph.refuse(estimator, f"metric={estimator.metric!r}; expected 'euclidean' or 'manhattan'")
    x = graph.numbers(frame, estimator)
    spread = np.where(estimator.within_class_std_dev_ == 0, 1, estimator.within_class_std_dev_)
    centroids = np.asarray(estimator.centroids_, float)
    even = np.isclose(estimator.class_prior_, 1 / len(estimator.classes_)).all()
    nearest = graph.add("nearest", x, rows=centroids, metric=estimator.metric) if even else None
    scaled = graph.apply("divide", x, spread)
    if estimator.metric == "euclidean":
        distances = graph.add("kernel", scaled, rows=centroids / spread, function="squared_distance")
    else:
        distances = graph.add("kernel", scaled, rows=centroids / spread, function="manhattan_distance")
        distances = graph.apply("square", distances)
    joint = graph.apply("add", graph.apply("negative", distances), 2 * np.log(estimator.class_prior_))
    answer = _posterior(graph, estimator, joint)
    values = answer.values if nearest is None else nearest
    if estimator.metric == "euclidean":
        return Answer(values, answer.classes, answer.probabilities, answer.decision)
    return Answer(values, answer.classes)


@register(dummy.DummyRegressor)
def _constant(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    return Answer(graph.add("constant", values=np.ravel(estimator.constant_).astype(float)))


@register(dummy.DummyClassifier)
def _constant_class(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    if estimator.strategy in {"uniform", "stratified"}:
        raise graph.refuse(estimator, f"strategy={estimator.strategy!r} answers at random; use 'prior' or 'constant'")
    if estimator.n_outputs_ > 1:
        raise graph.refuse(estimator, "several targets; only estimators with one target are served")
    row = np.zeros((1, 1))
    label = int(np.flatnonzero(estimator.classes_ == estimator.predict(row)[0])[0])
    shares = graph.add("constant", values=estimator.predict_proba(row)[0].astype(float))
    return Answer(graph.add("constant", values=np.array([float(label)])), estimator.classes_, shares)


@register(isotonic.IsotonicRegression)
def _isotonic(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    graph.refuse_single(estimator, estimator.X_thresholds_)
    outside = {"clip": "hold", "nan": "nan", "raise": "refuse"}[estimator.out_of_bounds]
    return Answer(isotonic_curve(graph, graph.checked(graph.numbers(frame), missing=False), estimator, outside))


def isotonic_curve(graph: Graph, x: int, estimator: Any, outside: str) -> int:
    """The step curve of a fitted isotonic regression at *x* of width 1."""
    points, values = (np.asarray(part, float) for part in (estimator.X_thresholds_, estimator.y_thresholds_))
    return graph.add("interpolate", x, x=points[:, None], y=values[:, None], outside=outside)
