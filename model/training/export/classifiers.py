"""Exporters of classifiers around classifiers: one-versus-rest, one-versus-one, codes, calibration, thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import calibration, model_selection, multiclass, multioutput, semi_supervised
from sklearn.base import is_regressor

from model.training.export.builder import Answer, Frame, Graph, labels_among, plain
from model.training.export.discriminants import isotonic_curve
from model.training.export.registry import answer, refuse, register, takes_single

_TWO = 2


def _score(graph: Graph, member: Answer, fitted: Any) -> int:
    """The decision of a binary member, or its probability of the second class, or a regressor's value."""
    if is_regressor(fitted):
        return member.values
    if hasattr(fitted, "decision_function"):
        if member.decision is None:
            raise graph.refuse(fitted, "its decision_function is not exported")
        return member.decision
    if member.probabilities is None:
        raise graph.refuse(fitted, "it gives neither decisions nor probabilities")
    return graph.take(member.probabilities, [1])


def _bound(fitted: Any) -> float:
    return 0.0 if hasattr(fitted, "decision_function") and not is_regressor(fitted) else 0.5


def _members(graph: Graph, estimator: Any, frames: list[Frame]) -> list[Answer]:
    answers = []
    for number, (member, frame) in enumerate(zip(estimator.estimators_, frames, strict=True)):
        with graph.at(f"member {number}"):
            answers.append(answer(graph, member, frame))
    return answers


@register(multiclass.OneVsRestClassifier)
def _one_versus_rest(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    if estimator.multilabel_:
        raise graph.refuse(estimator, "several labels a row; only estimators with one target are served")
    fitted = estimator.estimators_
    members = _members(graph, estimator, [frame] * len(fitted))
    scores = [_score(graph, member, one) for member, one in zip(members, fitted, strict=True)]
    shares = None
    decides = all(hasattr(one, "decision_function") for one in fitted)
    if hasattr(estimator, "predict_proba") and all(member.probabilities is not None for member in members):
        second = [graph.take(member.probabilities or 0, [1]) for member in members]
        joined = graph.pair(second[0]) if len(second) == 1 else graph.add("concatenate", *second)
        shares = graph.apply("share_or_zero", joined)
    if len(scores) == 1:
        values = graph.apply("greater", scores[0], _bound(fitted[0]))
        return Answer(values, estimator.classes_, shares, scores[0] if decides else None)
    total = graph.add("concatenate", *scores)
    return Answer(graph.apply("argmax", total), estimator.classes_, shares, total if decides else None)


@register(multiclass._ConstantPredictor)
def _constant(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    value = float(np.ravel(estimator.y_)[0])
    values = graph.add("constant", values=np.array([value]))
    shares = graph.add("constant", values=np.array([1 - value, value]))
    return Answer(values, [0, 1], shares, values)


@register(multiclass.OneVsOneClassifier)
def _one_versus_one(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    fitted, picks = estimator.estimators_, estimator.pairwise_indices_
    if picks is not None:
        raise graph.refuse(estimator, "members over precomputed kernels")
    members = _members(graph, estimator, [frame] * len(fitted))
    scores = [_score(graph, member, one) for member, one in zip(members, fitted, strict=True)]
    winners = [
        member.values if member.classes is None else _numeric(graph, member, one)
        for member, one in zip(members, fitted, strict=True)
    ]
    count = len(estimator.classes_)
    confidence = graph.add("concatenate", *scores)
    total = graph.add("one_versus_one", confidence, graph.add("concatenate", *winners), classes=count)
    if count == _TWO:
        second = graph.take(total, [1])
        return Answer(graph.apply("greater", second, _bound(fitted[0])), estimator.classes_, None, second)
    return Answer(graph.apply("argmax", total), estimator.classes_, None, total)


def _numeric(graph: Graph, member: Answer, fitted: Any) -> int:
    """A member's label, 0 or 1, as a number."""
    labels = [float(label) for label in member.labels]
    if labels == [float(place) for place in range(len(labels))]:
        return member.values
    return graph.add("pick", member.values, table=np.array(labels)[:, None])


@register(multiclass.OutputCodeClassifier)
def _codes(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    members = _members(graph, estimator, [frame] * len(estimator.estimators_))
    scores = [_score(graph, member, one) for member, one in zip(members, estimator.estimators_, strict=True)]
    joined = graph.add("concatenate", *scores)
    book = np.asarray(estimator.code_book_, float)
    return Answer(graph.add("nearest", joined, rows=book, metric="euclidean"), estimator.classes_)


@register(calibration.CalibratedClassifierCV)
def _calibrated(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    count, shares = len(estimator.classes_), []
    for number, member in enumerate(estimator.calibrated_classifiers_):
        with graph.at(f"fold {number}"):
            shares.append(_calibrated_fold(graph, member, count, frame))
    mean = graph.add("combine", *shares, divisor=float(len(shares)))
    return Answer(graph.apply("argmax", mean), estimator.classes_, mean)


def _calibrated_fold(graph: Graph, member: Any, count: int, frame: Frame) -> int:
    inner, fitted = answer(graph, member.estimator, frame), member.estimator
    if hasattr(fitted, "decision_function"):
        scores = inner.decision
    else:
        scores = inner.probabilities
        if scores is not None and count == _TWO and graph.widths[scores] == _TWO:
            scores = graph.take(scores, [1])
    if scores is None:
        raise graph.refuse(fitted, "it gives neither decisions nor probabilities")
    if inner.single and member.method != "sigmoid":
        raise graph.refuse(fitted, f"it answers in float32, and method={member.method!r} computes on in float32")
    if member.method == "temperature":
        return _unit_capped(graph, _tempered(graph, member, scores, count))
    columns: dict[int, int] = {}
    places = labels_among(fitted.classes_, member.classes)
    for number, calibrator in enumerate(member.calibrators):
        place = places[number] + (1 if count == _TWO else 0)
        columns[place] = _calibrated_score(graph, calibrator, member.method, graph.take(scores, [number]))
    if count == _TWO:
        return _unit_capped(graph, graph.pair(columns[1]))
    absent = [place for place in range(count) if place not in columns]
    for place in absent:
        columns[place] = graph.add("constant", values=np.zeros(1))
    joined = graph.add("concatenate", *(columns[place] for place in range(count)))
    return _unit_capped(graph, graph.apply("share_or_even", joined))


def _calibrated_score(graph: Graph, calibrator: Any, method: str, score: int) -> int:
    if method == "isotonic":
        return isotonic_curve(graph, score, calibrator, "hold")
    scaled = graph.apply("add", graph.apply("multiply", score, float(calibrator.a_)), float(calibrator.b_))
    return graph.apply("expit", graph.apply("negative", scaled))


def _tempered(graph: Graph, member: Any, scores: int, count: int) -> int:
    beta = float(member.calibrators[0].beta_)
    decides = hasattr(member.estimator, "decision_function")
    if decides and count > _TWO:
        # scikit-learn takes a batch of decisions for probabilities where all lie from 0 to 1 and add up to 1.
        logits = scores
    elif decides:
        logits = graph.linear(scores, np.array([[-1.0, 1.0]]), 0.0)
    else:
        shares = graph.pair(scores) if count == _TWO else scores
        logits = graph.apply("log", graph.apply("add", shares, 1e-12))
    return graph.apply("softmax", graph.apply("multiply", logits, beta))


def _unit_capped(graph: Graph, shares: int) -> int:
    """Shares that exceed 1 by rounding are 1."""
    return graph.apply("minimum", shares, 1.0)


takes_single(calibration.CalibratedClassifierCV)


@register(model_selection.FixedThresholdClassifier, model_selection.TunedThresholdClassifierCV)
def _threshold(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    fitted = getattr(estimator, "estimator_", estimator.estimator)
    inner = answer(graph, fitted, frame)
    tuned = hasattr(estimator, "best_threshold_")
    label = estimator._curve_scorer._get_pos_label() if tuned else estimator.pos_label
    positive = 1 if label is None else labels_among([plain(label)], estimator.classes_)[0]
    methods = estimator._get_response_method()
    methods = [methods] if isinstance(methods, str) else list(methods)
    method = next(name for name in methods if hasattr(fitted, name))
    bound = estimator.best_threshold_ if tuned else estimator.threshold
    if isinstance(bound, str):
        bound = 0.5 if method == "predict_proba" else 0.0
    if method == "predict_proba":
        if inner.probabilities is None:
            raise graph.refuse(fitted, "its probabilities are not exported")
        score = graph.take(inner.probabilities, [positive])
    elif inner.decision is None:
        raise graph.refuse(fitted, "its decision_function is not exported")
    else:
        score = inner.decision if positive == 1 else graph.apply("negative", inner.decision)
    chosen = graph.apply("greater_equal", score, float(bound))
    values = graph.add("pick", chosen, table=np.array([[1.0 - positive], [float(positive)]]))
    return Answer(values, estimator.classes_, inner.probabilities, inner.decision)


@register(semi_supervised.SelfTrainingClassifier)
def _self_trained(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    return answer(graph, estimator.estimator_, frame)


refuse(
    "several targets; only estimators with one target are served",
    multioutput.ClassifierChain,
    multioutput.MultiOutputClassifier,
    multioutput.MultiOutputRegressor,
    multioutput.RegressorChain,
)
