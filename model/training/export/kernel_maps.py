"""Exporters of transformers that stand for a kernel: by rows that training kept, at random, or by sketches."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import decomposition, kernel_approximation

from model.training.export.builder import Frame, Graph
from model.training.export.kernel_machines import kernel_step, not_negative
from model.training.export.probes import same_columns
from model.training.export.registry import register_transformer

_NOISE = "some of its columns are rounding noise: the kernel has fewer dimensions; use a smaller n_components"


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

    def build(graph: Graph, x: int) -> int:
        kernel = kernel_step(graph, transformer, x, transformer.components_, transformer.kernel, settings)
        return graph.linear(kernel, transformer.normalization_.T, 0.0)

    x = graph.numbers(frame, transformer)
    return graph.frame(same_columns(graph, transformer, transformer.components_, build, x, _NOISE))


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
    centring = transformer._centerer
    positive = np.flatnonzero(transformer.eigenvalues_)
    vectors = np.zeros_like(transformer.eigenvectors_)
    vectors[:, positive] = transformer.eigenvectors_[:, positive] / np.sqrt(transformer.eigenvalues_[positive])

    def build(graph: Graph, x: int) -> int:
        kernel = kernel_step(graph, transformer, x, transformer.X_fit_, transformer.kernel, settings)
        means = graph.apply("mean", kernel)
        centred = graph.apply("subtract", kernel, centring.K_fit_rows_)
        centred = graph.add("pairwise", centred, means, function="subtract")
        centred = graph.apply("add", centred, centring.K_fit_all_)
        return graph.linear(centred, vectors, 0.0)

    x = graph.numbers(frame, transformer)
    return graph.frame(same_columns(graph, transformer, transformer.X_fit_, build, x, _NOISE))


@register_transformer(kernel_approximation.AdditiveChi2Sampler)
def _additive(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    interval, steps = transformer.sample_interval, transformer.sample_steps
    if interval is None:
        interval = {1: 0.8, 2: 0.5, 3: 0.4}[steps]
    x = not_negative(graph, graph.numbers(frame, transformer))
    root = graph.apply("sqrt", graph.apply("multiply", x, float(interval)))
    turn = graph.apply("multiply", graph.apply("log", x), float(interval))
    parts = [root]
    for step in range(1, steps):
        size = graph.apply("multiply", root, float(np.sqrt(2 / np.cosh(np.pi * step * interval))))
        angle = graph.apply("multiply", turn, float(step))
        for function in ("cos", "sin"):
            wave = graph.add("pairwise", size, graph.apply(function, angle), function="multiply")
            parts.append(graph.add("choose", x, wave, x))  # log 0 is not there
    return graph.frame(parts[0] if len(parts) == 1 else graph.add("concatenate", *parts))


@register_transformer(kernel_approximation.PolynomialCountSketch)
def _sketched(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    """Sketches are convolved: their Fourier transforms are products with matrices, and multiplied number by number."""
    count = transformer.n_components
    angles = 2 * np.pi / count * (np.outer(np.arange(count), np.arange(count // 2 + 1)) % count)
    x = graph.numbers(frame, transformer)
    columns = graph.widths[x]
    real, imaginary = -1, -1
    for places, signs in zip(transformer.indexHash_, transformer.bitHash_, strict=True):
        sketch = np.zeros((len(places), count))
        sketch[np.arange(len(places)), places] = signs
        sketch[:columns] *= np.sqrt(transformer.gamma)
        constant = np.sqrt(transformer.coef0) * sketch[columns:].sum(axis=0)
        waves = [
            graph.linear(x, sketch[:columns] @ turned, constant @ turned)
            for turned in (np.cos(angles), -np.sin(angles))
        ]
        real, imaginary = waves if real < 0 else _complex_product(graph, (real, imaginary), waves)
    back = np.where((np.arange(count // 2 + 1) == 0) | (np.arange(count // 2 + 1) * 2 == count), 1.0, 2.0) / count
    weights = np.concatenate([np.cos(angles) * back, -np.sin(angles) * back], axis=1).T
    return graph.frame(graph.linear(graph.add("concatenate", real, imaginary), weights, 0.0))


def _complex_product(graph: Graph, one: Any, other: Any) -> tuple[int, int]:
    def product(a: int, b: int) -> int:
        return graph.add("pairwise", a, b, function="multiply")

    real = graph.add("pairwise", product(one[0], other[0]), product(one[1], other[1]), function="subtract")
    imaginary = graph.add("pairwise", product(one[0], other[1]), product(one[1], other[0]), function="add")
    return real, imaginary
