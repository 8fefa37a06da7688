"""Which function exports which class; and the one way from an estimator to its function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.base import BaseEstimator

from model.errors import ExportError
from model.training.export.builder import Answer, Frame, Graph
from model.training.export.narrow import narrow_type

Exporter = Callable[[Graph, Any, Frame], Answer]
Transformer = Callable[[Graph, Any, Frame], Frame]

_EXPORTERS: dict[type, Exporter] = {}
_TRANSFORMERS: dict[type, Transformer] = {}
_REFUSED: dict[type, str] = {}
_TAKE_SINGLE: set[type] = set()


def register(*classes: type) -> Callable[[Exporter], Exporter]:
    """The decorated function exports fitted estimators of exactly these classes; a later one replaces an earlier one.

    It is given the graph, the estimator and the frame of its columns, and adds steps of functions/runtimes/graph.
    """

    def decorate(function: Exporter) -> Exporter:
        _EXPORTERS.update(dict.fromkeys(classes, function))
        return function

    return decorate


def register_transformer(*classes: type) -> Callable[[Transformer], Transformer]:
    """As `register`, for fitted transformers: the function returns the frame of the new columns."""

    def decorate(function: Transformer) -> Transformer:
        _TRANSFORMERS.update(dict.fromkeys(classes, function))
        return function

    return decorate


@contextmanager
def kept() -> Iterator[None]:
    """Exporters that are registered before stay, whatever is registered inside."""
    before = dict(_EXPORTERS), dict(_TRANSFORMERS)
    yield
    _EXPORTERS.update(before[0])
    _TRANSFORMERS.update(before[1])


def takes_single(*classes: type) -> None:
    """The exporters of these classes know of members that answer in float32."""
    _TAKE_SINGLE.update(classes)


def refuse(reason: str, *classes: type) -> None:
    """These classes are refused for *reason*."""
    _REFUSED.update(dict.fromkeys(classes, reason))


def answer(graph: Graph, estimator: BaseEstimator, frame: Frame) -> Answer:
    """Add the steps that answer as *estimator* does.

    Raises:
        ExportError: Its class has no exporter, its settings are beyond it, or it is not fitted.
    """
    exporter = _exporter(graph, estimator, _EXPORTERS)
    graph.inside.append(type(estimator))
    try:
        result: Answer = _called(exporter, graph, estimator, frame)
    finally:
        graph.inside.pop()
    if result.single and graph.inside and graph.inside[-1] not in _TAKE_SINGLE:
        raise graph.refuse(
            estimator, f"it answers in float32, and {graph.inside[-1].__name__} computes on in float32; use it alone"
        )
    return result


def transformed(graph: Graph, transformer: Any, frame: Frame) -> Frame:
    """Add the steps that transform as *transformer* does; "passthrough" and None change nothing."""
    if transformer is None or (isinstance(transformer, str) and transformer == "passthrough"):
        return frame
    out: Frame = _called(_exporter(graph, transformer, _TRANSFORMERS), graph, transformer, frame)
    return out


def _called(exporter: Callable[..., Any], graph: Graph, estimator: Any, frame: Frame) -> Any:
    """The exporter's result; any failure of it is a refusal that names the class and its place."""
    try:
        return exporter(graph, estimator, frame)
    except ExportError:
        raise
    except Exception as error:  # a fitted attribute may be absent, or hold anything
        reason = f"it cannot be read, {type(error).__name__}: {error}; is it fitted, by this scikit-learn?"
        raise graph.refuse(estimator, reason) from error


def _exporter(graph: Graph, estimator: Any, exporters: dict[type, Any]) -> Callable[..., Any]:
    kind = type(estimator)
    if kind not in exporters:
        if kind in _REFUSED:
            raise graph.refuse(estimator, _REFUSED[kind])
        raise graph.refuse(f"{kind.__module__}.{kind.__qualname__}", _advice(kind, exporters))
    if narrow := narrow_type(estimator):
        raise graph.refuse(estimator, f"it was fitted to {narrow} numbers, and computes in {narrow}; fit it to float64")
    return exporters[kind]  # type: ignore[no-any-return]


def _advice(kind: type, exporters: dict[type, Any]) -> str:
    base = next((parent.__name__ for parent in kind.__mro__[1:] if parent in exporters), None)
    door = "register" if exporters is _EXPORTERS else "register_transformer"
    advice = f"no exporter is known for this class; add one with model.training.export.{door}({kind.__name__})"
    return advice if base is None else f"{advice}, or use {base} itself, since a subclass may predict otherwise"
