"""Exporters of transformers between numbers and levels: encoders and bins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import preprocessing

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
        order = np.arange(len(categories))
        missing = transformer._missing_indices.get(place, -1)
        if mapping is not None:  # the missing cell is not grouped with rare levels
            order[order != missing] = np.take(mapping, order[order != missing])
        codes = order.astype(float)
        codes[order == missing] = transformer.encoded_missing_value
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
