"""Exporters of transformers that make other columns out of numbers: polynomials, splines, selections."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import feature_selection, preprocessing
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.utils import get_tags

from model.training.export.builder import Frame, Graph
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


@register_transformer(TfidfTransformer)
def _weighted_terms(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    x = graph.numbers(frame, transformer)
    if transformer.sublinear_tf:
        x = graph.add("choose", x, graph.apply("add", graph.apply("log", x), 1.0), x)
    if hasattr(transformer, "idf_"):
        x = graph.apply("multiply", x, transformer.idf_)
    return graph.frame(x if transformer.norm is None else graph.apply(transformer.norm, x))


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
    places = np.flatnonzero(transformer.get_support()).tolist()
    if get_tags(transformer).input_tags.allow_nan:
        return frame.pick(places)
    x = graph.numbers(frame, transformer)  # a column that it leaves out must be there all the same
    return graph.frame(graph.take(x, places), frame.pick(places).names)
