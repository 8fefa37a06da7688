"""Exporters of transformers that read levels or missing cells: encoders, imputers, indicators, bins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import impute, preprocessing

from model.training.export.builder import Column, Frame, Graph, plain
from model.training.export.registry import register_transformer

Array = NDArray[Any]


def _looked_up(
    graph: Graph, transformer: Any, frame: Frame, table_of: Callable[[int, Array], tuple[Array, Array | None]]
) -> Frame:
    """Columns of levels: *table_of* gives the rows of a column's levels, and that of an unknown one if there is."""
    columns: list[Column] = []
    for place, categories in enumerate(transformer.categories_):
        keys = [plain(level) for level in categories]
        table, unknown = table_of(place, np.asarray(categories))
        if None in keys and keys.count(None) > 1:
            raise graph.refuse(transformer, "a column with both None and NaN; use one of them for missing cells")
        missing = keys.index(None) if None in keys else None
        rows = table if unknown is None else np.concatenate([table, unknown[None]])
        if not rows.shape[1]:
            continue
        other = None if unknown is None else len(table)
        settings = {"unknown": other, "missing": other if missing is None else missing}
        step = graph.add("lookup", graph.cells(frame, place), keys=keys, table=rows.astype(float), **settings)
        columns += graph.frame(step).columns
    return Frame(tuple(columns))


@register_transformer(preprocessing.OneHotEncoder)
def _one_hot(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    grouped = getattr(transformer, "_infrequent_enabled", False)

    def table_of(place: int, categories: Array) -> tuple[Array, Array | None]:
        mapping = transformer._default_to_infrequent_mappings[place] if grouped else None
        order = np.arange(len(categories)) if mapping is None else np.asarray(mapping)
        hot = np.eye(int(order.max()) + 1 if len(order) else 0)
        table, unknown = hot[order], np.zeros(hot.shape[1])
        if mapping is not None and transformer.handle_unknown in {"infrequent_if_exist", "warn"}:
            unknown[-1] = 1
        dropped = transformer._drop_idx_after_grouping
        if dropped is not None and dropped[place] is not None:
            table, unknown = np.delete(table, dropped[place], axis=1), np.delete(unknown, dropped[place])
        return table, None if transformer.handle_unknown == "error" else unknown

    return _looked_up(graph, transformer, frame, table_of)


@register_transformer(preprocessing.OrdinalEncoder)
def _ordinal(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    grouped = getattr(transformer, "_infrequent_enabled", False)

    def table_of(place: int, categories: Array) -> tuple[Array, Array | None]:
        mapping = transformer._default_to_infrequent_mappings[place] if grouped else None
        order = np.arange(len(categories)) if mapping is None else np.asarray(mapping)
        codes = order.astype(float)
        if place in transformer._missing_indices:
            codes[order == transformer._missing_indices[place]] = transformer.encoded_missing_value
        codes = codes.astype(transformer.dtype)
        if transformer.handle_unknown != "use_encoded_value":
            return codes[:, None], None
        return codes[:, None], np.array([transformer.unknown_value]).astype(transformer.dtype)

    return _looked_up(graph, transformer, frame, table_of)


@register_transformer(preprocessing.TargetEncoder)
def _target(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    classes = len(transformer.classes_) if transformer.target_type_ == "multiclass" else 1
    means = np.atleast_1d(transformer.target_mean_)

    def table_of(place: int, categories: Array) -> tuple[Array, Array | None]:
        return np.column_stack(transformer.encodings_[place * classes : (place + 1) * classes]), means

    return _looked_up(graph, transformer, frame, table_of)


# --- missing cells ---


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
        values = np.array([statistics[place] for place in kept], float)
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
    if not places:
        return Frame(())
    if not _is_nan(transformer.missing_values):
        return graph.frame(graph.take(graph.apply("isnan", _gaps(graph, transformer, frame)), places))
    return Frame(tuple(Column(graph.once("absent", graph.cells(frame, place)), 0) for place in places))


@register_transformer(impute.KNNImputer)
def _from_neighbours(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    if transformer.metric != "nan_euclidean" or callable(transformer.weights):
        raise graph.refuse(transformer, "metric or weights is a function; use 'nan_euclidean' and a named weight")
    known = transformer._valid_mask
    rows = np.where(transformer._mask_fit_X, np.nan, transformer._fit_X).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(known, np.nansum(rows, axis=0) / np.maximum((~np.isnan(rows)).sum(axis=0), 1), 0.0)
    x = graph.add(
        "impute_neighbours",
        _gaps(graph, transformer, frame),
        rows=rows,
        means=means,
        count=int(transformer.n_neighbors),
        by_distance=transformer.weights == "distance",
    )
    if not transformer.keep_empty_features:
        x = graph.take(x, np.flatnonzero(known).tolist())
    elif not known.all():
        raise graph.refuse(transformer, "keep_empty_features with a column that training never saw filled")
    return _indicated(graph, transformer, frame, graph.frame(x).columns)


# --- bins ---


@register_transformer(preprocessing.KBinsDiscretizer)
def _bins(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    inner = [np.asarray(edges, float)[1:-1] for edges in transformer.bin_edges_]
    edges = np.full((len(inner), max(1, *map(len, inner))), np.inf)
    for row, part in zip(edges, inner, strict=True):
        row[: len(part)] = part
    places = graph.add("bins", graph.numbers(frame, transformer), edges=edges)
    if transformer.encode == "ordinal":
        return graph.frame(places)
    return graph.frame(graph.add("one_hot", places, sizes=np.asarray(transformer.n_bins_)))
