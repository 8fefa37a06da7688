"""Metrics with intervals, and a gate in which every check alone can say no."""

from __future__ import annotations

import numpy as np
import pytest

from model import evaluation

ACTUAL = np.array([1.0, 2.0, 3.0, 4.0])
PREDICTED = np.array([1.0, 2.0, 3.0, 2.0])


def test_metrics_are_those_of_the_definitions():
    found = evaluation.metrics(ACTUAL, PREDICTED, confidence=0.9, seed=1)

    assert {name: score["value"] for name, score in found.items()} == {
        "r2": pytest.approx(1 - 4 / 5),
        "rmse": pytest.approx(1.0),
        "mae": pytest.approx(0.5),
    }


def test_intervals_hold_the_value_and_repeat_themselves():
    rng = np.random.default_rng(2)
    actual = rng.normal(size=200)
    predicted = actual + 0.5 * rng.normal(size=200)

    first = evaluation.metrics(actual, predicted, confidence=0.95, seed=1)

    assert first == evaluation.metrics(actual, predicted, confidence=0.95, seed=1)
    assert all(score["low"] < score["value"] < score["high"] for score in first.values())


@pytest.mark.parametrize(
    ("actual", "predicted"),
    [
        pytest.param(np.ones(5), np.arange(5.0), id="constant-target"),
        pytest.param(np.ones(1), np.ones(1), id="one-row"),
    ],
)
def test_what_cannot_be_computed_is_none(actual, predicted):
    found = evaluation.metrics(actual, predicted, confidence=0.95, seed=1)

    assert found["r2"] == {"value": None, "low": None, "high": None}


GOOD = {
    "rows": 200,
    "holdout_rows": 50,
    "baseline_rmse": 2.0,
    "furthest_relative": 1e-9,
    "tolerance": 1e-9,
    "min_rows": 200,
    "min_holdout_rows": 50,
    "min_r2": 0.5,
}


def failed(r2=0.5, rmse=1.0, **changes):
    scores = {"r2": {"value": r2}, "rmse": {"value": rmse}}
    return [check.check for check in evaluation.gate(scores, **{**GOOD, **changes}) if not check.passed]


def test_bounds_are_inclusive():
    assert failed() == []


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"rows": 199}, "rows"),
        ({"holdout_rows": 49}, "held-out rows"),
        ({"r2": 0.4999}, "r2"),
        ({"r2": None}, "r2"),
        ({"rmse": 2.0}, "rmse below that of the mean"),
        ({"rmse": None}, "rmse below that of the mean"),
        ({"baseline_rmse": float("nan")}, "rmse below that of the mean"),
        ({"furthest_relative": 1.1e-9}, "artefact equals estimator"),
        ({"furthest_relative": float("inf")}, "artefact equals estimator"),
        ({"furthest_relative": float("nan")}, "artefact equals estimator"),
    ],
)
def test_each_check_alone_says_no(changes, check):
    assert failed(**changes) == [check]


def test_checks_are_kept_as_tables():
    (first, *_) = evaluation.gate({"r2": {"value": 0.5}, "rmse": {"value": 1.0}}, **GOOD)

    assert evaluation.as_tables([first]) == [{"check": "rows", "passed": True, "value": 200, "threshold": 200}]
