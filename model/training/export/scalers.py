"""Exporters of transformers that take numbers one by one: scalers, powers, quantiles, and their inverses."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import preprocessing

from model.training.export.builder import Frame, Graph
from model.training.export.registry import register_transformer

_THRESHOLD = 1e-7
"""scikit-learn's BOUNDS_THRESHOLD: how near to an end a quantile counts as the end."""


@register_transformer(preprocessing.StandardScaler)
def _standard(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    x = graph.numbers(frame, transformer)
    if transformer.with_mean:
        x = graph.apply("subtract", x, transformer.mean_)
    return graph.frame(graph.apply("divide", x, transformer.scale_) if transformer.with_std else x)


@register_transformer(preprocessing.MinMaxScaler)
def _between(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    x = graph.apply("multiply", graph.numbers(frame, transformer), transformer.scale_)
    x = graph.apply("add", x, transformer.min_)
    return graph.frame(_clipped(graph, x, *transformer.feature_range) if transformer.clip else x)


def _clipped(graph: Graph, x: int, low: float, high: float) -> int:
    return graph.apply("minimum", graph.apply("maximum", x, float(low)), float(high))


@register_transformer(preprocessing.MaxAbsScaler)
def _largest(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    x = graph.apply("divide", graph.numbers(frame, transformer), transformer.scale_)
    return graph.frame(_clipped(graph, x, -1.0, 1.0) if transformer.clip else x)


@register_transformer(preprocessing.RobustScaler)
def _robust(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    x = graph.numbers(frame, transformer)
    if transformer.with_centering:
        x = graph.apply("subtract", x, transformer.center_)
    return graph.frame(graph.apply("divide", x, transformer.scale_) if transformer.with_scaling else x)


@register_transformer(preprocessing.Normalizer)
def _normalised(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    return graph.frame(graph.apply(transformer.norm, graph.numbers(frame, transformer)))


@register_transformer(preprocessing.Binarizer)
def _binarised(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    return graph.frame(graph.apply("greater", graph.numbers(frame, transformer), float(transformer.threshold)))


@register_transformer(preprocessing.PowerTransformer)
def _power(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    method = {"yeo-johnson": "yeo_johnson", "box-cox": "box_cox"}[transformer.method]
    x = graph.add("power_transform", graph.numbers(frame, transformer), method=method, powers=transformer.lambdas_)
    if transformer.standardize:
        return _standard(graph, transformer._scaler, graph.frame(x))
    return graph.frame(x)


@register_transformer(preprocessing.QuantileTransformer)
def _quantiles(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    normal = transformer.output_distribution == "normal"
    x = graph.add(
        "quantiles",
        graph.numbers(frame, transformer),
        quantiles=transformer.quantiles_,
        references=transformer.references_,
        ends=_THRESHOLD if normal else 0.0,
    )
    if normal:
        low = float(_normal_quantile(_THRESHOLD - np.spacing(1)))
        high = float(_normal_quantile(1 - (_THRESHOLD - np.spacing(1))))
        x = _clipped(graph, graph.apply("normal_quantile", x), low, high)
    return graph.frame(x)


def _normal_quantile(share: float) -> Any:
    from scipy.stats import norm  # noqa: PLC0415  as scikit-learn has it

    return norm.ppf(share)


def inverse_scaled(graph: Graph, transformer: Any, values: int) -> int:
    """The inverse of a transformer of the target, at *values* of width 1."""
    match type(transformer).__name__:
        case "StandardScaler":
            values = graph.apply("multiply", values, transformer.scale_) if transformer.with_std else values
            return graph.apply("add", values, transformer.mean_) if transformer.with_mean else values
        case "MinMaxScaler":
            return graph.apply("divide", graph.apply("subtract", values, transformer.min_), transformer.scale_)
        case "MaxAbsScaler":
            return graph.apply("multiply", values, transformer.scale_)
        case "RobustScaler":
            values = graph.apply("multiply", values, transformer.scale_) if transformer.with_scaling else values
            return graph.apply("add", values, transformer.center_) if transformer.with_centering else values
        case "PowerTransformer":
            if transformer.standardize:
                values = inverse_scaled(graph, transformer._scaler, values)
            method = {"yeo-johnson": "yeo_johnson_inverse", "box-cox": "box_cox_inverse"}[transformer.method]
            return graph.add("power_transform", values, method=method, powers=transformer.lambdas_)
        case "QuantileTransformer":
            return _inverse_quantiles(graph, transformer, values)
    raise graph.refuse(transformer, "its inverse is not known; use a scaler, a power or quantile transform, or numpy's")


def _inverse_quantiles(graph: Graph, transformer: Any, values: int) -> int:
    quantiles, references = transformer.quantiles_, transformer.references_
    normal = transformer.output_distribution == "normal"
    share = graph.apply("normal_share", values) if normal else values
    held = graph.add("interpolate", share, x=references[:, None], y=quantiles, outside="hold")
    if not normal:
        return held
    first = graph.apply("greater", graph.apply("negative", graph.apply("subtract", share, _THRESHOLD)), 0.0)
    last = graph.apply("greater", graph.apply("add", share, _THRESHOLD), 1.0)
    low = graph.add("constant", values=quantiles[0])
    high = graph.add("constant", values=quantiles[-1])
    return graph.add("choose", first, low, graph.add("choose", last, high, held))
