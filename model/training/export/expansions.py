"""Exporters of transformers that make other columns out of numbers: polynomials, splines, projections, selections."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import (
    cluster,
    decomposition,
    discriminant_analysis,
    feature_selection,
    kernel_approximation,
    preprocessing,
    random_projection,
)

from model.training.export.builder import Frame, Graph
from model.training.export.kernel_machines import kernel_step
from model.training.export.registry import register_transformer


@register_transformer(preprocessing.PolynomialFeatures)
def _polynomial(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    return graph.frame(graph.add("polynomial", graph.numbers(frame, transformer), powers=transformer.powers_))


_OUTSIDE = {"constant": "hold", "continue": "continue", "linear": "linear", "periodic": "period", "error": "refuse"}


@register_transformer(preprocessing.SplineTransformer)
def _splines(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    if getattr(transformer, "handle_missing", "error") == "zeros":
        raise graph.refuse(transformer, "handle_missing='zeros'; impute the missing cells before")
    lengths = {len(spline.t) for spline in transformer.bsplines_}
    if len(lengths) != 1:
        raise graph.refuse(transformer, "columns with different numbers of knots")
    if transformer.degree == 0 and transformer.extrapolation == "constant":
        raise graph.refuse(transformer, "degree=0 with extrapolation='constant', which scikit-learn fails on; use bins")
    if transformer.degree <= 1 and transformer.extrapolation == "linear" and len(transformer.bsplines_) > 1:
        advice = "use degree=2 or 3, or one transformer a column"
        raise graph.refuse(transformer, f"a degree below 2 with extrapolation='linear' over several columns; {advice}")
    count = transformer.bsplines_[0].c.shape[1]
    step = graph.add(
        "spline",
        graph.numbers(frame, transformer),
        knots=np.array([spline.t for spline in transformer.bsplines_]),
        degree=int(transformer.degree),
        outside=_OUTSIDE[transformer.extrapolation],
    )
    if transformer.include_bias:
        return graph.frame(step)
    return graph.frame(graph.take(step, [j for j in range(graph.widths[step]) if (j + 1) % count]))


# --- projections ---


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


@register_transformer(cluster.KMeans, cluster.MiniBatchKMeans, cluster.BisectingKMeans)
def _centres(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    x = graph.numbers(frame, transformer)
    squares = graph.add("kernel", x, rows=transformer.cluster_centers_, function="squared_distance")
    return graph.frame(graph.apply("sqrt", squares))


@register_transformer(cluster.FeatureAgglomeration)
def _agglomerated(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    if transformer.pooling_func is not np.mean:
        raise graph.refuse(transformer, "pooling_func other than numpy.mean")
    groups = np.eye(int(transformer.labels_.max()) + 1)[transformer.labels_]
    return graph.frame(graph.linear(graph.numbers(frame, transformer), groups / groups.sum(axis=0), 0.0))


# --- kernels ---


@register_transformer(kernel_approximation.Nystroem)
def _nystroem(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    if callable(transformer.kernel) or transformer.kernel_params:
        raise graph.refuse(transformer, "kernel is a function; use one of scikit-learn's by its name")
    settings: dict[str, float] = {}
    if transformer.kernel != "chi2":
        settings["gamma"] = 1 / transformer.components_.shape[1]
    settings["coef0"] = 1.0
    for name in ("gamma", "coef0", "degree"):
        if getattr(transformer, name) is not None:
            settings[name] = getattr(transformer, name)
    x = graph.numbers(frame, transformer)
    kernel = kernel_step(graph, transformer, x, transformer.components_, transformer.kernel, settings)
    return graph.frame(graph.linear(kernel, transformer.normalization_.T, 0.0))


@register_transformer(kernel_approximation.RBFSampler)
def _fourier(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    angles = graph.linear(graph.numbers(frame, transformer), transformer.random_weights_, transformer.random_offset_)
    return graph.frame(graph.apply("multiply", graph.apply("cos", angles), (2.0 / transformer.n_components) ** 0.5))


@register_transformer(kernel_approximation.SkewedChi2Sampler)
def _skewed(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    x = graph.apply("log", graph.apply("add", graph.numbers(frame, transformer), float(transformer.skewedness)))
    angles = graph.linear(x, transformer.random_weights_, transformer.random_offset_)
    scale = np.sqrt(2.0) / np.sqrt(transformer.n_components)
    return graph.frame(graph.apply("multiply", graph.apply("cos", angles), scale))


@register_transformer(decomposition.KernelPCA)
def _kernel_components(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    if callable(transformer.kernel) or transformer.kernel == "precomputed" or transformer.kernel_params:
        raise graph.refuse(transformer, "kernel is a function or precomputed; use one of scikit-learn's by its name")
    settings = {"gamma": transformer.gamma_, "coef0": transformer.coef0, "degree": transformer.degree}
    x = graph.numbers(frame, transformer)
    kernel = kernel_step(graph, transformer, x, transformer.X_fit_, transformer.kernel, settings)
    centring = transformer._centerer
    means = graph.apply("mean", kernel)
    centred = graph.apply("subtract", kernel, centring.K_fit_rows_)
    centred = graph.add("pairwise", centred, means, function="subtract")
    centred = graph.apply("add", centred, centring.K_fit_all_)
    positive = np.flatnonzero(transformer.eigenvalues_)
    vectors = np.zeros_like(transformer.eigenvectors_)
    vectors[:, positive] = transformer.eigenvectors_[:, positive] / np.sqrt(transformer.eigenvalues_[positive])
    return graph.frame(graph.linear(centred, vectors, 0.0))


# --- selections ---


@register_transformer(
    feature_selection.GenericUnivariateSelect,
    feature_selection.RFE,
    feature_selection.RFECV,
    feature_selection.SelectFdr,
    feature_selection.SelectFpr,
    feature_selection.SelectFromModel,
    feature_selection.SelectFwe,
    feature_selection.SelectKBest,
    feature_selection.SelectPercentile,
    feature_selection.SequentialFeatureSelector,
    feature_selection.VarianceThreshold,
)
def _selected(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    return frame.pick(np.flatnonzero(transformer.get_support()).tolist())
