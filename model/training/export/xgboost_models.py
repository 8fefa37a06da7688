"""Exporters of XGBoost's boosted trees, from the model's own JSON. It computes in float32 throughout."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import xgboost

from model.training.export.boosters import codes, confirmed
from model.training.export.builder import Answer, Frame, Graph
from model.training.export.registry import refuse, register
from model.training.export.tree_nodes import Array, Nodes, forest_parameters

_IDENTITY = {
    *("reg:squarederror", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror", "reg:quantileerror"),
    *("binary:logitraw",),
}
_LOGARITHM = {"count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"}
_LOGIT = {"reg:logistic", "binary:logistic"}
_LEAST_EXPONENT = float(np.float32(88.7))


@dataclass(frozen=True)
class _Model:
    """A fitted estimator with its JSON."""

    estimator: Any
    document: dict[str, Any]

    @property
    def learner(self) -> dict[str, Any]:
        learner: dict[str, Any] = self.document["learner"]
        return learner

    @property
    def trees(self) -> dict[str, Any]:
        """The member that holds the trees, which dart keeps one level deeper."""
        booster = self.learner["gradient_booster"]
        trees: dict[str, Any] = booster.get("gbtree", booster)["model"]
        return trees

    @property
    def objective(self) -> str:
        return str(self.learner["objective"]["name"])

    @property
    def start(self) -> Array:
        """The sums before the first tree, float32, a class each."""
        parameters = self.learner["learner_model_param"]
        base = np.ravel(json.loads(parameters["base_score"])).astype(np.float32)
        if self.objective in _LOGARITHM:
            base = _logarithm(base)
        elif self.objective in _LOGIT:
            base = -_logarithm(np.float32(1) / base - np.float32(1))
        start: Array = np.broadcast_to(base, (max(1, int(parameters["num_class"])),)).copy()
        return start


def _logarithm(numbers: Array) -> Array:
    """The C library's logf: the logarithm rounded to float32."""
    logarithm: Array = np.log(numbers.astype(float)).astype(np.float32)
    return logarithm


@register(xgboost.XGBRegressor, xgboost.XGBRFRegressor)
def _regression(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    model = _read(graph, estimator)
    return Answer(_linked(graph, model, _raw(graph, model, frame)), single=True)


@register(xgboost.XGBClassifier, xgboost.XGBRFClassifier)
def _classification(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    model = _read(graph, estimator)
    share = _linked(graph, model, _raw(graph, model, frame))
    if graph.widths[share] > 1:
        return Answer(graph.apply("argmax", share), estimator.classes_, share, single=True)
    other = graph.apply("float32", graph.apply("add", graph.apply("negative", share), 1.0))
    shares = graph.add("concatenate", other, share)
    return Answer(graph.apply("greater", share, 0.5), estimator.classes_, shares, single=True)


refuse("it ranks, and does not predict a target; use XGBRegressor or XGBClassifier", xgboost.XGBRanker)
refuse("it takes a DMatrix; load it into an XGBRegressor or XGBClassifier by load_model", xgboost.Booster)


def _read(graph: Graph, estimator: Any) -> _Model:
    if callable(estimator.objective):
        raise graph.refuse(estimator, "objective is a function; name one of XGBoost's own")
    model = _Model(estimator, json.loads(estimator.get_booster().save_raw("json")))
    if model.learner["gradient_booster"]["name"] == "gblinear":
        raise graph.refuse(estimator, "booster='gblinear'; use booster='gbtree', or a linear model of scikit-learn")
    if int(model.learner["learner_model_param"].get("num_target", 1)) > 1:
        raise graph.refuse(estimator, "several targets; only estimators with one target are served")
    if any(int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in model.trees["trees"]):
        raise graph.refuse(estimator, "multi_strategy='multi_output_tree'; use 'one_output_per_tree'")
    return model


def _linked(graph: Graph, model: _Model, raw: int) -> int:
    """The target or the probabilities from the sums, rounded to float32 where XGBoost rounds."""
    name = model.objective
    if name == "multi:softprob":
        return graph.apply("softmax_single", raw)
    if name in _LOGARITHM:
        return graph.apply("exp_single", raw)
    if name in _LOGIT:
        exponent = graph.apply("exp_single", graph.apply("minimum", graph.apply("negative", raw), _LEAST_EXPONENT))
        return graph.apply(
            "float32", graph.apply("reciprocal", graph.apply("float32", graph.apply("add", exponent, 1.0)))
        )
    if name == "binary:hinge":
        return graph.apply("greater", raw, 0.0)
    if name == "multi:softmax":
        raise graph.refuse(
            model.estimator, "objective='multi:softmax'; 'multi:softprob' gives the same labels, and probabilities"
        )
    if name not in _IDENTITY:
        raise graph.refuse(model.estimator, f"objective={name!r} is not known here")
    return raw


def _raw(graph: Graph, model: _Model, frame: Frame) -> int:
    """Sums of leaves in float32: width 1, or a class each."""
    estimator, booster = model.estimator, model.estimator.get_booster()
    x = graph.numbers(codes(graph, frame, _levels(model), unknown=False))
    first, last = estimator._get_iteration_range(None)
    bounds = model.trees["iteration_indptr"]
    chosen = slice(bounds[first], bounds[last] if last else None)
    trees, target = model.trees["trees"][chosen], model.trees["tree_info"][chosen]
    size = 2 + max((category for tree in trees for category in tree["categories"]), default=-1) + 1
    sets: list[Array] = []
    told = [_nodes(tree, size, sets) for tree in trees]
    weights = model.learner["gradient_booster"].get("weight_drop", [None] * bounds[-1])[chosen]
    start = model.start
    nodes = [_scaled(tree, weight, start[column]) for tree, weight, column in zip(told, weights, target, strict=True)]
    parameters = forest_parameters(nodes, single=True, missing=True)
    if sets:
        parameters["categories_right"] = np.array(sets)
    else:
        del parameters["category"]
    parameters["target"] = np.array(target)

    def build(graph: Graph, x: int) -> int:
        if not np.isnan(estimator.missing):
            x = graph.add("blank", graph.apply("float32", x), value=float(np.float32(estimator.missing)))
        return graph.add("trees", x, start=start, **parameters)

    def sums(rows: Array) -> Array:
        answers: Array = booster.inplace_predict(
            rows,
            iteration_range=(first, last),
            predict_type="margin",
            missing=estimator.missing,
            validate_features=False,
        )
        return answers

    return confirmed(graph, estimator, x, told, build, sums)


def _levels(model: _Model) -> dict[int, list[Any]]:
    """The levels of each column that was of pandas' type category, by its place."""
    levels = {}
    for place, encoded in enumerate(model.trees.get("cats", {}).get("enc", [])):
        if encoded.get("offsets"):
            text = bytes(value % 256 for value in encoded["values"])
            bounds = encoded["offsets"]
            levels[place] = [text[a:b].decode() for a, b in pairwise(bounds)]
        elif "type" in encoded:
            levels[place] = list(encoded["values"])
    return levels


def _scaled(nodes: Nodes, weight: float | None, start: Any) -> Nodes:
    """The tree with dart's weight on its leaves: dart adds a leaf to the start, and takes it off again."""
    value = nodes.value
    if weight is not None:
        value = ((start + value) - start) * np.float32(weight)
    return Nodes(
        nodes.left,
        nodes.right,
        nodes.feature,
        np.where(
            np.isinf(nodes.threshold), np.inf, np.nextafter(nodes.threshold, np.float32(-np.inf))
        ),  # x < threshold
        nodes.missing_right,
        value,
        nodes.category,
    )


def _nodes(tree: dict[str, Any], size: int, sets: list[Array]) -> Nodes:
    """The tree as its JSON has it; the sets of categories that go right are appended to *sets*."""
    left = np.array(tree["left_children"])
    numbers = np.array(tree["split_conditions"], float).astype(np.float32)
    missing_right = np.array(tree["default_left"]) == 0
    category = np.full(len(left), -1)
    for node, first, count in zip(
        tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True
    ):
        right = np.zeros(size, bool)
        right[tree["categories"][first : first + count]] = True
        right[-1] = missing_right[node]
        category[node] = len(sets)
        sets.append(right)
    return Nodes(
        left,
        np.array(tree["right_children"]),
        np.array(tree["split_indices"]),
        np.where(category < 0, numbers, np.float32(np.inf)),
        missing_right,
        numbers[:, None],
        category,
    )
