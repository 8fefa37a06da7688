"""Exporters of ensembles of any members: boosting by weights, bagging, voting, stacking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import ensemble

from model.training.export.builder import Answer, Frame, Graph, labels_among
from model.training.export.registry import answer, register, register_transformer, takes_single

_TWO = 2


def member_label(graph: Graph, member: Answer, classes: Sequence[Any]) -> int:
    """The step of a member's label as its place among the *classes* of the whole."""
    places = labels_among(member.labels, classes)
    if places == list(range(len(classes))):
        return member.values
    return graph.add("pick", member.values, table=np.array(places, float)[:, None])


def _each(graph: Graph, members: Sequence[Any], frames: Sequence[Frame]) -> list[Answer]:
    answers = []
    for number, (member, frame) in enumerate(zip(members, frames, strict=True)):
        with graph.at(f"member {number}"):
            answers.append(answer(graph, member, frame))
    return answers


@register(ensemble.AdaBoostRegressor)
def _boosted_median(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    frame = graph.frame(graph.numbers(frame, estimator), frame.names)
    members = _each(graph, estimator.estimators_, [frame] * len(estimator.estimators_))
    weights = estimator.estimator_weights_[: len(members)]
    values = graph.add("concatenate", *(member.values for member in members))
    return Answer(graph.add("weighted_median", values, weights=weights))


@register(ensemble.AdaBoostClassifier)
def _boosted_votes(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    frame = graph.frame(graph.numbers(frame, estimator), frame.names)
    members = _each(graph, estimator.estimators_, [frame] * len(estimator.estimators_))
    count = len(estimator.classes_)
    votes = graph.add("concatenate", *(member_label(graph, member, estimator.classes_) for member in members))
    weights = estimator.estimator_weights_[: len(members)]
    if count == 1:
        raise graph.refuse(estimator, "it was fitted to one class only")
    total = graph.add("boosted_votes", votes, classes=count, weights=weights)
    if count == _TWO:
        decision = graph.linear(total, np.array([-1.0, 1.0]), 0.0)
        pair = graph.linear(decision, np.array([[-1.0, 1.0]]), 0.0)
        shares = graph.apply("softmax", graph.apply("divide", pair, 2.0))
        return Answer(graph.apply("greater", decision, 0.0), estimator.classes_, shares, decision)
    shares = graph.apply("softmax", graph.apply("divide", total, float(count - 1)))
    return Answer(graph.apply("argmax", total), estimator.classes_, shares, total)


def _bags(estimator: Any, frame: Frame) -> list[Frame]:
    return [frame.pick([int(place) for place in features]) for features in estimator.estimators_features_]


@register(ensemble.BaggingRegressor)
def _bagged_mean(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    members = _each(graph, estimator.estimators_, _bags(estimator, frame))
    return Answer(graph.add("combine", *(member.values for member in members), divisor=float(len(members))))


@register(ensemble.BaggingClassifier)
def _bagged_shares(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    count, shares = len(estimator.classes_), []
    for member in _each(graph, estimator.estimators_, _bags(estimator, frame)):
        places = labels_among(member.labels, range(count))
        if member.probabilities is None:
            shares.append(graph.add("pick", member.values, table=np.eye(count)[places]))
        elif places == list(range(count)):
            shares.append(member.probabilities)
        else:
            shares.append(graph.linear(member.probabilities, np.eye(count)[places], 0.0))
    mean = graph.add("combine", *shares, divisor=float(len(shares)))
    return Answer(graph.apply("argmax", mean), estimator.classes_, mean)


def _weights(estimator: Any) -> list[float] | None:
    weights = estimator._weights_not_none
    return None if weights is None else [float(weight) for weight in weights]


def _named(graph: Graph, estimator: Any, frame: Frame) -> list[Answer]:
    names = [name for name, member in estimator.estimators if not isinstance(member, str)]
    answers = []
    for name, member in zip(names, estimator.estimators_, strict=True):
        with graph.at(f"member {name!r}"):
            answers.append(answer(graph, member, frame))
    if all(member.single for member in answers) and not getattr(estimator, "passthrough", False):
        raise graph.refuse(
            estimator, "all members answer in float32, and it computes on in float32; add one that does not"
        )
    return answers


@register(ensemble.VotingRegressor)
def _voting_mean(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    members = [member.values for member in _named(graph, estimator, frame)]
    return Answer(_average(graph, members, _weights(estimator)))


def _average(graph: Graph, steps: Sequence[int], weights: list[float] | None) -> int:
    divisor = float(len(steps)) if weights is None else float(np.sum(weights))
    return graph.add("combine", *steps, divisor=divisor, weights=None if weights is None else np.array(weights))


@register(ensemble.VotingClassifier)
def _voting(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    members, weights, classes = _named(graph, estimator, frame), _weights(estimator), estimator.classes_
    if estimator.voting == "soft":
        if any(member.probabilities is None for member in members):
            raise graph.refuse(estimator, "a member gives no probabilities")
        mean = _average(graph, [member.probabilities or 0 for member in members], weights)
        return Answer(graph.apply("argmax", mean), classes, mean)
    votes = graph.add("concatenate", *(member_label(graph, member, range(len(classes))) for member in members))
    given = np.ones(len(members)) if weights is None else np.array(weights)
    total = graph.add("vote", votes, classes=len(classes), weights=given)
    return Answer(graph.apply("argmax", total), classes)


@register(ensemble.StackingRegressor)
def _stacked(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    with graph.at("final_estimator"):
        return answer(graph, estimator.final_estimator_, _stack(graph, estimator, frame))


@register(ensemble.StackingClassifier)
def _stacked_classes(graph: Graph, estimator: Any, frame: Frame) -> Answer:
    inner = _stack(graph, estimator, frame)
    with graph.at("final_estimator"):
        final = answer(graph, estimator.final_estimator_, inner)
    places = labels_among(final.labels, range(len(estimator.classes_)))
    return Answer(
        final.values, [estimator.classes_[place] for place in places], final.probabilities, final.decision, final.single
    )


def _stack(graph: Graph, estimator: Any, frame: Frame) -> Frame:
    """The columns that the final estimator is given."""
    columns: list[int] = []
    for member, method in zip(_named(graph, estimator, frame), estimator.stack_method_, strict=True):
        step = {"predict": member.values, "predict_proba": member.probabilities, "decision_function": member.decision}[
            method
        ]
        if step is None:
            raise graph.refuse(estimator, f"a member's {method} is not exported")
        if method == "predict" and member.classes is not None:
            labels = [label for label in member.classes if isinstance(label, int | float | np.number)]
            if len(labels) != len(member.classes):
                raise graph.refuse(estimator, "it stacks labels that are no numbers; use stack_method='predict_proba'")
            step = graph.add("pick", step, table=np.array(labels, float)[:, None])
        if method == "predict_proba" and len(estimator.classes_) == _TWO:
            step = graph.take(step, [1])
        columns.append(step)
    if estimator.passthrough:
        columns.append(graph.numbers(frame))
    return graph.frame(columns[0] if len(columns) == 1 else graph.add("concatenate", *columns))


@register_transformer(ensemble.StackingClassifier, ensemble.StackingRegressor)
def _stacked_columns(graph: Graph, estimator: Any, frame: Frame) -> Frame:
    return _stack(graph, estimator, frame)


@register_transformer(ensemble.VotingClassifier, ensemble.VotingRegressor)
def _member_columns(graph: Graph, estimator: Any, frame: Frame) -> Frame:
    members = _named(graph, estimator, frame)
    if not hasattr(estimator, "classes_"):
        columns: list[int | None] = [member.values for member in members]
    elif estimator.voting == "soft":
        columns = [member.probabilities for member in members]
    else:
        columns = [member_label(graph, member, range(len(estimator.classes_))) for member in members]
    if None in columns:
        raise graph.refuse(estimator, "a member gives no probabilities")
    return graph.frame(graph.add("concatenate", *(column for column in columns if column is not None)))


takes_single(
    ensemble.StackingClassifier, ensemble.StackingRegressor, ensemble.VotingClassifier, ensemble.VotingRegressor
)
