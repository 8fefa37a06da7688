"""Exporters of transformers that see missing cells: imputers and indicators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import impute
from sklearn.impute._iterative import IterativeImputer

from model.training.export.builder import Column, Frame, Graph, plain
from model.training.export.registry import answer, register_transformer

Array = NDArray[Any]


def _is_nan(value: Any) -> bool:
    return value is None or type(value).__name__ == "NAType" or (isinstance(value, float) and np.isnan(value))


@register_transformer(impute.SimpleImputer)
def _simple(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    statistics = np.asarray(transformer.statistics_, object)
    empty = np.array([_is_nan(value) for value in statistics])
    kept = range(len(statistics)) if transformer.keep_empty_features else np.flatnonzero(~empty).tolist()
    if any(isinstance(value, str | bool) for value in statistics):
        columns = _filled_cells(graph, transformer, frame, statistics, kept)
    else:
        x = graph.take(_gaps(graph, transformer, frame), kept)
        values = np.array([statistics[place] for place in kept]).astype(transformer._fill_dtype).astype(float)
        columns = list(graph.frame(graph.add("impute", x, values=values)).columns)
    return _indicated(graph, transformer, frame, columns)


def _filled_cells(graph: Graph, transformer: Any, frame: Frame, statistics: Array, kept: Sequence[int]) -> list[Column]:
    if not _is_nan(transformer.missing_values):
        raise graph.refuse(transformer, f"missing_values={transformer.missing_values!r} in a column of texts; use NaN")
    return [Column(graph.add("fill", graph.cells(frame, place), value=[plain(statistics[place])])) for place in kept]


def _gaps(graph: Graph, transformer: Any, frame: Frame) -> int:
    """The matrix with NaN where *transformer* sees a missing cell."""
    if _is_nan(transformer.missing_values):
        return graph.checked(graph.numbers(frame), missing=True)
    return graph.add(
        "blank", graph.checked(graph.numbers(frame), missing=False), value=float(transformer.missing_values)
    )


def _indicated(graph: Graph, transformer: Any, frame: Frame, columns: Sequence[Column]) -> Frame:
    if not transformer.add_indicator:
        return Frame(tuple(columns))
    return Frame((*columns, *_missing(graph, transformer.indicator_, frame).columns))


@register_transformer(impute.MissingIndicator)
def _missing(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    places = [int(place) for place in transformer.features_]
    if transformer.error_on_new and transformer.features == "missing-only" and len(places) < len(frame.columns):
        raise graph.refuse(transformer, "error_on_new=True over columns that missed no cell; use error_on_new=False")
    if not places:
        return Frame(())
    if not _is_nan(transformer.missing_values):
        return graph.frame(graph.take(graph.apply("isnan", _gaps(graph, transformer, frame)), places))
    return Frame(tuple(Column(graph.once("absent", graph.cells(frame, place)), 0) for place in places))


@register_transformer(impute.KNNImputer)
def _from_neighbours(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    if transformer.metric != "nan_euclidean" or callable(transformer.weights):
        raise graph.refuse(transformer, "metric or weights is a function; use 'nan_euclidean' and 'uniform'")
    if transformer.weights == "distance":
        reason = "weights='distance' weighs by rounding noise where a row is like a training row; use 'uniform'"
        raise graph.refuse(transformer, reason)
    graph.refuse_single(transformer, transformer._fit_X)
    kept = transformer._valid_mask
    rows = np.where(transformer._mask_fit_X, np.nan, transformer._fit_X).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(kept, np.nansum(rows, axis=0) / np.maximum((~np.isnan(rows)).sum(axis=0), 1), 0.0)
    x = graph.add(
        "impute_neighbours",
        _gaps(graph, transformer, frame),
        rows=rows,
        means=means,
        count=int(transformer.n_neighbors),
        by_distance=False,
    )
    if not transformer.keep_empty_features:
        x = graph.take(x, np.flatnonzero(kept).tolist())
    elif not kept.all():
        raise graph.refuse(transformer, "keep_empty_features with a column that training never saw filled")
    return _indicated(graph, transformer, frame, graph.frame(x).columns)


@register_transformer(IterativeImputer)
def _in_rounds(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    if transformer.sample_posterior:
        raise graph.refuse(transformer, "sample_posterior=True answers at random")
    if transformer._is_empty_feature.any():
        raise graph.refuse(transformer, "a column that training never saw filled; leave it out")
    gaps = _gaps(graph, transformer, frame)
    missing = graph.apply("isnan", gaps)
    filled = graph.add("impute", gaps, values=np.asarray(transformer.initial_imputer_.statistics_, float))
    width = graph.widths[gaps]
    columns = [graph.take(filled, [place]) for place in range(width)]
    for number, turn in enumerate(transformer.imputation_sequence_):
        target, others = (
            int(turn.feat_idx),
            Frame(tuple(Column(columns[int(place)]) for place in turn.neighbor_feat_idx)),
        )
        with graph.at(f"round {number // width}, column {target}"):
            guess = answer(graph, turn.estimator, others).values
        low, high = float(transformer._min_value[target]), float(transformer._max_value[target])
        guess = graph.apply("minimum", graph.apply("maximum", guess, low), high)
        columns[target] = graph.add("choose", graph.take(missing, [target]), guess, columns[target])
    return _indicated(graph, transformer, frame, [Column(column) for column in columns])
