"""Exporters of numpy's functions of one number, in a FunctionTransformer or before a target."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import preprocessing

from functions.runtimes.graph.arithmetic import ELEMENTWISE
from model.training.export.builder import Frame, Graph
from model.training.export.registry import register_transformer


@register_transformer(preprocessing.FunctionTransformer)
def _function(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    if transformer.func is None:
        return graph.frame(graph.numbers(frame, transformer)) if transformer.validate else frame
    if getattr(getattr(transformer.func, "func", None), "__module__", "") == "sklearn.utils.validation":
        return frame  # histogram boosting's own check of its numbers
    x = graph.numbers(frame, transformer if transformer.validate else None)
    return graph.frame(numpy_function(graph, transformer, transformer.func, x, transformer.kw_args))


def numpy_function(graph: Graph, transformer: Any, function: Any, step: int, settings: Any = None) -> int:
    """A numpy function of one number by its name; *settings* are its other arguments."""
    if function is None:
        return step
    if function in {np.clip, np.round, np.around, np.nan_to_num}:
        return _with_settings(graph, transformer, function, step, dict(settings or {}))
    if settings:
        raise graph.refuse(transformer, "kw_args; only those of numpy.clip, numpy.round and numpy.nan_to_num are known")
    name = getattr(function, "__name__", type(function).__name__)
    if name not in ELEMENTWISE or getattr(np, name, None) is not function:
        shown = f"{getattr(function, '__module__', None) or 'numpy'}.{name}"
        numpy_functions = ", ".join(sorted(name for name in ELEMENTWISE if hasattr(np, name)))
        raise graph.refuse(transformer, f"the function {shown}; expected one of numpy's {numpy_functions}")
    return graph.apply(name, step)


def _with_settings(graph: Graph, transformer: Any, function: Any, step: int, settings: dict[str, Any]) -> int:
    """numpy.clip, numpy.round and numpy.nan_to_num with plain numbers for their arguments."""
    given = {name: value for name, value in settings.items() if value is not None}
    if function is np.clip:
        low, high = (given.pop(name, given.pop(other, None)) for name, other in (("a_min", "min"), ("a_max", "max")))
        bounds = [(name, value) for name, value in (("maximum", low), ("minimum", high)) if value is not None]
        numbers = [value for _, value in bounds]
    elif function is np.nan_to_num:
        numbers = [given.pop("nan", 0.0)]
    else:
        numbers = [given.pop("decimals", 0)]
    if given or not all(isinstance(number, int | float | np.number) and np.isfinite(number) for number in numbers):
        raise graph.refuse(transformer, f"numpy.{function.__name__} with {settings}; expected plain numbers by name")
    if function is np.clip:
        for name, value in bounds:
            step = graph.apply(name, step, float(value))
        return step
    if function is np.nan_to_num:
        filled = graph.add("impute", step, values=np.full(graph.widths[step], float(numbers[0])))
        return graph.apply("nan_to_num", filled)
    decimals = int(numbers[0])
    there, back = ("multiply", "divide") if decimals > 0 else ("divide", "multiply")
    scaled = graph.apply(there, step, 10.0 ** abs(decimals)) if decimals else step
    rounded = graph.apply("rint", scaled)
    return graph.apply(back, rounded, 10.0 ** abs(decimals)) if decimals else rounded
