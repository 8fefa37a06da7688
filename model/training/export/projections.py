"""Exporters of transformers that are a product with a matrix, and little more: components, rotations, projections."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import (
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    neighbors,
    neural_network,
    random_projection,
)

from model.training.export.builder import Frame, Graph
from model.training.export.registry import refuse, register_transformer

_MATRIX = 2


@register_transformer(decomposition.PCA, decomposition.IncrementalPCA)
def _principal(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    components = transformer.components_
    x = graph.linear(graph.numbers(frame, transformer), components.T, -(transformer.mean_ @ components.T))
    if transformer.whiten:
        scale = np.sqrt(transformer.explained_variance_)
        x = graph.apply("divide", x, np.maximum(scale, np.finfo(scale.dtype).eps))
    return graph.frame(x)


@register_transformer(decomposition.TruncatedSVD)
def _truncated(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    return graph.frame(graph.linear(graph.numbers(frame, transformer), transformer.components_.T, 0.0))


@register_transformer(random_projection.GaussianRandomProjection, random_projection.SparseRandomProjection)
def _projected(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    components = transformer.components_
    dense = components.toarray() if hasattr(components, "toarray") else components
    return graph.frame(graph.linear(graph.numbers(frame, transformer), np.asarray(dense).T, 0.0))


@register_transformer(decomposition.FactorAnalysis)
def _factors(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    weighted = transformer.components_ / transformer.noise_variance_
    covariance = np.linalg.inv(np.eye(len(transformer.components_)) + weighted @ transformer.components_.T)
    centred = graph.apply("subtract", graph.numbers(frame, transformer), transformer.mean_)
    return graph.frame(graph.linear(graph.linear(centred, weighted.T, 0.0), covariance, 0.0))


@register_transformer(decomposition.FastICA)
def _independent(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    x = graph.numbers(frame, transformer)
    if transformer.whiten:
        x = graph.apply("subtract", x, transformer.mean_)
    return graph.frame(graph.linear(x, transformer.components_.T, 0.0))


@register_transformer(discriminant_analysis.LinearDiscriminantAnalysis)
def _discriminants(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    x = graph.numbers(frame, transformer)
    if transformer.solver == "svd":
        x = graph.apply("subtract", x, transformer.xbar_)
    step = graph.linear(x, transformer.scalings_, 0.0)
    return graph.frame(graph.take(step, list(range(transformer._max_components))))


@register_transformer(decomposition.SparsePCA, decomposition.MiniBatchSparsePCA)
def _sparse_principal(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    """The ridge regression on the components, solved once for all rows."""
    if np.ndim(transformer.transform(np.zeros((1, transformer.n_features_in_)))) != _MATRIX:
        raise graph.refuse(transformer, "this scikit-learn cannot transform a row alone; use PCA")
    components = transformer.components_
    gram = components @ components.T + transformer.ridge_alpha * np.eye(len(components))
    centred = graph.apply("subtract", graph.numbers(frame, transformer), transformer.mean_)
    return graph.frame(graph.linear(centred, np.linalg.solve(gram, components).T, 0.0))


@register_transformer(neighbors.NeighborhoodComponentsAnalysis)
def _neighbourhood(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    return graph.frame(graph.linear(graph.numbers(frame, transformer), transformer.components_.T, 0.0))


@register_transformer(
    cross_decomposition.CCA,
    cross_decomposition.PLSCanonical,
    cross_decomposition.PLSRegression,
    cross_decomposition.PLSSVD,
)
def _cross_scores(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    x = graph.apply("subtract", graph.numbers(frame, transformer), transformer._x_mean)
    x = graph.apply("divide", x, transformer._x_std)
    rotations = transformer.x_rotations_ if hasattr(transformer, "x_rotations_") else transformer.x_weights_
    return graph.frame(graph.linear(x, rotations, 0.0))


@register_transformer(neural_network.BernoulliRBM)
def _hidden_units(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    x = graph.numbers(frame, transformer)
    return graph.frame(graph.apply("expit", graph.linear(x, transformer.components_.T, transformer.intercept_hidden_)))


@register_transformer(
    decomposition.DictionaryLearning, decomposition.MiniBatchDictionaryLearning, decomposition.SparseCoder
)
def _coded(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    if transformer.transform_algorithm != "threshold":
        algorithm = transformer.transform_algorithm
        raise graph.refuse(transformer, f"transform_algorithm={algorithm!r} is a search for each row; use 'threshold'")
    coder = isinstance(transformer, decomposition.SparseCoder)
    dictionary = np.asarray(transformer.dictionary if coder else transformer.components_, float)
    penalty = transformer.transform_alpha
    if penalty is None:
        penalty = 1.0 if coder else transformer.alpha
    x = graph.linear(graph.numbers(frame, transformer), dictionary.T, 0.0)
    above = graph.apply("maximum", graph.apply("subtract", x, float(penalty)), 0.0)
    below = graph.apply("minimum", graph.apply("add", x, float(penalty)), 0.0)
    code = above if transformer.positive_code else graph.add("pairwise", above, below, function="add")
    if not transformer.split_sign:
        return graph.frame(code)
    negative = graph.apply("negative", graph.apply("minimum", code, 0.0))
    return graph.frame(graph.add("concatenate", graph.apply("maximum", code, 0.0), negative))


refuse(
    "it searches an answer in rounds whose number depends on the other rows",
    decomposition.MiniBatchNMF,
    decomposition.NMF,
)
refuse("it searches an answer for each row in rounds", decomposition.LatentDirichletAllocation)
