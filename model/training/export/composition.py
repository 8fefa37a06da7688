"""Exporters of what puts estimators together: pipelines, unions, column transformers, functions, searches, targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import compose, frozen, get_config, linear_model, model_selection, pipeline, preprocessing
from sklearn.model_selection._search_successive_halving import HalvingGridSearchCV, HalvingRandomSearchCV

from model.training.export.builder import Answer, Frame, Graph
from model.training.export.narrow import computes, handed_on
from model.training.export.numpy_functions import numpy_function
from model.training.export.registry import answer, register, register_transformer, takes_single, transformed
from model.training.export.scalers import inverse_scaled


def _skipped(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step in {"passthrough", "drop"})


@register(pipeline.Pipeline)
def _pipeline(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    frame = _through(graph, estimator.steps[:-1], frame)
    name, last = estimator.steps[-1]
    if _skipped(last):
        raise graph.refuse(estimator, "its last step predicts nothing")
    with graph.at(f"step {name!r}"):
        return answer(graph, last, frame)


@register_transformer(pipeline.Pipeline)
def _transforming_pipeline(graph: Graph, estimator: Any, frame: Frame) -> Frame:
    return _through(graph, estimator.steps, frame)


def _through(graph: Graph, steps: Any, frame: Frame) -> Frame:
    narrow = None
    for name, step in steps:
        if not _skipped(step):
            with graph.at(f"step {name!r}"):
                if narrow and computes(step):
                    raise graph.refuse(
                        step, f"an imputer hands it {narrow} numbers, in which it computes; fit them to float64"
                    )
                frame = _named(step, frame, transformed(graph, step, frame))
            narrow = handed_on(step)
    return frame


def _named(transformer: Any, before: Frame, after: Frame) -> Frame:
    """*after* with the names that scikit-learn gives the columns, where the transformer hands a DataFrame on."""
    chosen = getattr(transformer, "_sklearn_output_config", {}).get("transform") or get_config()["transform_output"]
    if after.names is not None or chosen == "default":
        return after
    try:
        names = tuple(map(str, transformer.get_feature_names_out(before.names)))
    except (AttributeError, ValueError):
        return after
    return Frame(after.columns, names) if len(names) == len(after.columns) else after


@register_transformer(pipeline.FeatureUnion)
def _union(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    weights = transformer.transformer_weights or {}
    parts = []
    for name, step in transformer.transformer_list:
        if isinstance(step, str) and step == "drop":
            continue
        with graph.at(f"union {name!r}"):
            part = transformed(graph, step, frame)
            if weights.get(name) is not None:
                part = graph.frame(graph.apply("multiply", graph.numbers(part), float(weights[name])))
        parts.append(part)
    return Frame(tuple(column for part in parts for column in part.columns))


@register_transformer(compose.ColumnTransformer)
def _by_column(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    weights = transformer.transformer_weights or {}
    parts = []
    for name, step, selected in transformer.transformers_:
        with graph.at(f"columns {name!r}"):
            places = _places(graph, transformer, frame, selected)
            if not places or (isinstance(step, str) and step == "drop"):
                continue
            part = transformed(graph, step, frame.pick(places))
            if weights.get(name) is not None:
                part = graph.frame(graph.apply("multiply", graph.numbers(part), float(weights[name])))
        parts.append(part)
    return Frame(tuple(column for part in parts for column in part.columns))


def _places(graph: Graph, transformer: Any, frame: Frame, selected: Any) -> list[int]:
    """Places of the columns that a part of a column transformer was fitted to."""
    if isinstance(selected, str):
        selected = [selected]
    if isinstance(selected, slice):
        bounds = (selected.start, selected.stop)
        if any(isinstance(bound, str) for bound in bounds):
            start = _place_of(graph, transformer, frame, selected.start) if selected.start is not None else None
            stop = _place_of(graph, transformer, frame, selected.stop) + 1 if selected.stop is not None else None
            selected = slice(start, stop, selected.step)
        return list(range(len(frame.columns))[selected])
    values = np.atleast_1d(np.asarray(selected))
    if values.dtype == bool:
        return np.flatnonzero(values).tolist()
    return [_place_of(graph, transformer, frame, value) for value in values.tolist()]


def _place_of(graph: Graph, transformer: Any, frame: Frame, value: Any) -> int:
    if isinstance(value, str):
        if frame.names is None or value not in frame.names:
            raise graph.refuse(transformer, f"column {value!r} is chosen by name; give export the columns' names")
        return frame.names.index(value)
    return int(range(len(frame.columns))[value])


@register(compose.TransformedTargetRegressor)
def _transformed_target(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    with graph.at("regressor"):
        values = answer(graph, estimator.regressor_, frame).values
    with graph.at("transformer"):
        return Answer(_inverse(graph, estimator.transformer_, values))


def _inverse(graph: Graph, transformer: Any, values: int) -> int:
    if isinstance(transformer, preprocessing.FunctionTransformer):
        return numpy_function(graph, transformer, transformer.inverse_func, values, transformer.inv_kw_args)
    if isinstance(transformer, pipeline.Pipeline):
        for _, step in reversed(transformer.steps):
            values = values if _skipped(step) else _inverse(graph, step, values)
        return values
    return inverse_scaled(graph, transformer, values)


@register(linear_model.RANSACRegressor)
def _consensus(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    return answer(graph, estimator.estimator_, frame)


@register(frozen.FrozenEstimator)
def _frozen(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    return answer(graph, estimator.estimator, frame)


@register_transformer(frozen.FrozenEstimator)
def _frozen_transformer(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    return transformed(graph, transformer.estimator, frame)


def _searched(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    if not hasattr(estimator, "best_estimator_"):
        raise graph.refuse(estimator, "it has no best_estimator_; fit it with refit=True")
    with graph.at("best_estimator_"):
        return answer(graph, estimator.best_estimator_, frame)


register(model_selection.GridSearchCV, model_selection.RandomizedSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV)(
    _searched
)

takes_single(
    frozen.FrozenEstimator,
    linear_model.RANSACRegressor,
    model_selection.GridSearchCV,
    model_selection.RandomizedSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    pipeline.Pipeline,
)
