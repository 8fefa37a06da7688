"""From a fitted estimator to what the functions load: coefficients where it is affine, else a graph and its arrays."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from sklearn.base import BaseEstimator

from functions.columns.schema import Feature
from functions.runtimes import load
from model.errors import ExportError
from model.training.export.affine import affine
from model.training.export.builder import TABLE, Column, Frame, Graph
from model.training.export.edges import Edge, edges
from model.training.export.registry import answer, kept, register, register_transformer

__all__ = ["Exported", "export", "known_classes", "refuse_kept_rows", "register", "register_transformer"]

_FAMILIES = (
    "linear_models",
    "discriminants",
    "tree_models",
    "boosting",
    "ensembles",
    "classifiers",
    "kernel_machines",
    "processes",
    "neighbour_models",
    "networks",
    "composition",
    "numpy_functions",
    "scalers",
    "encoders",
    "imputers",
    "expansions",
    "projections",
    "clusters",
    "kernel_maps",
)
"""Modules that register scikit-learn's classes, each a family."""

_OF_OTHER_PACKAGES = {"lightgbm": "lightgbm_models", "xgboost": "xgboost_models"}
"""Modules that register classes of packages that need not be installed; a fitted estimator has imported its own."""


@dataclass(frozen=True)
class Exported:
    """A model as it travels.

    Args:
        document: The manifest's `runtime`, `linear` or `graph`, and `classes`.
        arrays: The graph's block; empty for a line.
        keeps_rows: Whether rows of the training data travel with it.
        edges: Numbers of the table's columns at which its answers turn, some of many.
    """

    document: dict[str, Any]
    arrays: bytes
    keeps_rows: bool = False
    edges: tuple[Edge, ...] = ()


def export(estimator: BaseEstimator, columns: Sequence[str] | None = None) -> Exported:
    """Write a fitted *estimator* as a line or a graph that answers exactly as it does.

    Args:
        estimator: A fitted scikit-learn regressor or classifier with one target, or a pipeline that ends in one.
        columns: The names of the columns where the estimator takes a DataFrame; None where it takes a float matrix.

    Raises:
        ExportError: It cannot be written exactly; the message names the class, its place, and what would help.
    """
    known_classes()
    name = type(estimator).__name__
    if isinstance(estimator, type):
        raise ExportError(f"{estimator.__name__}: a class; expected an estimator of it that is fitted")
    try:
        return _exported(estimator, columns)
    except ExportError:
        raise
    except Exception as error:  # it is anybody's object
        raise ExportError(f"{name}: it cannot be read, {type(error).__name__}: {error}; is it fitted?") from error


def _exported(estimator: BaseEstimator, columns: Sequence[str] | None) -> Exported:
    name = type(estimator).__name__
    width = len(columns) if columns is not None else _width(estimator)
    graph = Graph(width or 1)
    names = None if columns is None else tuple(columns)
    frame = Frame(tuple(Column(TABLE, place) for place in range(graph.columns)), names)
    result = answer(graph, estimator, frame)
    if not width:
        raise ExportError(f"{name}: it does not say how many columns it takes; is it fitted?")
    if graph.widths[result.values] != 1:
        raise ExportError(f"{name}: several targets; only estimators with one target are served")
    line = None if result.classes is not None else affine(graph, result.values)
    if line is not None:
        return Exported({"runtime": "linear", "linear": line, "classes": None}, b"")
    document, block = graph.document(result)
    load(document, block)
    return Exported(document, block, graph.keeps_rows, edges(graph))


def known_classes() -> None:
    """Register scikit-learn's classes, and those of packages that are imported; a user's own exporters stay."""
    others = [family for package, family in _OF_OTHER_PACKAGES.items() if package in sys.modules]
    with kept():
        for family in (*_FAMILIES, *others):
            import_module(f"model.training.export.{family}")


def refuse_kept_rows(exported: Exported, features: Sequence[Feature]) -> None:
    """Refuse a model that carries rows of the training data where a feature is redacted.

    Raises:
        ExportError: It does.
    """
    redacted = [feature.name for feature in features if feature.redact]
    if exported.keeps_rows and redacted:
        listed = ", ".join(redacted)
        raise ExportError(f"rows of the training data travel with it, and {listed} must not: choose another estimator")


def _width(estimator: Any) -> int | None:
    """How many columns *estimator*, or the first part of it that says so, was fitted to."""
    width = getattr(estimator, "n_features_in_", None)
    if width is None and hasattr(estimator, "X_thresholds_"):
        return 1  # isotonic regression
    if width is None and hasattr(estimator, "num_feature"):
        return int(estimator.num_feature())  # a booster
    if width is None and hasattr(estimator, "steps"):
        return next(filter(None, (_width(step) for _, step in estimator.steps)), None)
    return None if width is None else int(width)
