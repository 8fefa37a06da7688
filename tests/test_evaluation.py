"""Metrics are what the textbook says, intervals hold the value, and every check of the gate can say no alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from model.evaluation import Check, as_tables, gate, mae, metrics, r2, rmse

ACTUAL = np.array([1.0, 2.0, 3.0, 4.0])
PREDICTED = np.array([1.0, 3.0, 3.0, 2.0])
"""Errors 0, 1, 0, 2: squares 5, absolutes 3; squares around the mean 2.5 of the actual values 5."""

NOISY = np.random.default_rng(3).normal(size=200)
GUESSED = NOISY + np.random.default_rng(4).normal(scale=0.5, size=200)

NONE = {"value": None, "low": None, "high": None}


@pytest.mark.parametrize(
    ("actual", "predicted", "value"),
    [
        pytest.param([1, 2, 3, 4], [1, 3, 3, 2], 0.0, id="as-good-as-the-mean"),
        pytest.param([1, 2, 3], [1, 2, 3], 1.0, id="perfect"),
        pytest.param([1, 2, 3], [2, 2, 2], 0.0, id="the-mean"),
        pytest.param([1, 2, 3], [3, 2, 1], -3.0, id="upside-down"),
        pytest.param([0, 10], [1, 9], 0.96, id="near"),
        pytest.param([5, 5, 5], [5, 5, 6], -math.inf, id="constant-target"),
        pytest.param([5, 5], [5, 5], -math.inf, id="constant-target-predicted"),
        pytest.param([5], [5], -math.inf, id="one-row"),
    ],
)
def test_r2_is_one_minus_the_share_of_unexplained_squares(actual, predicted, value):
    assert float(r2(np.array(actual, float), np.array(predicted, float))) == pytest.approx(value, abs=1e-15)


@pytest.mark.parametrize(
    ("metric", "value"), [pytest.param(rmse, math.sqrt(1.25), id="rmse"), pytest.param(mae, 0.75, id="mae")]
)
def test_errors_are_in_the_target_s_unit(metric, value):
    assert float(metric(ACTUAL, PREDICTED)) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        pytest.param(r2, [0.0, 1.0], id="r2"),
        pytest.param(rmse, [math.sqrt(1.25), 0.0], id="rmse"),
        pytest.param(mae, [0.75, 0.0], id="mae"),
    ],
)
def test_a_metric_of_several_samples_is_one_value_each(metric, values):
    actual, predicted = np.stack([ACTUAL, ACTUAL]), np.stack([PREDICTED, ACTUAL])

    assert metric(actual, predicted).tolist() == pytest.approx(values)
    assert metric(actual.T, predicted.T, axis=0).tolist() == pytest.approx(values)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(2, 60))
def test_metrics_agree_with_scikit_learn(seed, rows):
    actual, predicted = np.random.default_rng(seed).normal(size=(2, rows))

    found = (float(r2(actual, predicted)), float(rmse(actual, predicted)), float(mae(actual, predicted)))

    expected = (
        reference.r2_score(actual, predicted),
        reference.root_mean_squared_error(actual, predicted),
        reference.mean_absolute_error(actual, predicted),
    )
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_each_metric_has_its_value():
    found = metrics(ACTUAL, PREDICTED, confidence=0.95, seed=7)

    assert {name: score["value"] for name, score in found.items()} == {
        "r2": pytest.approx(0.0, abs=1e-15),
        "rmse": pytest.approx(math.sqrt(1.25)),
        "mae": 0.75,
    }


@pytest.mark.parametrize("metric", [pytest.param(name, id=name) for name in ("r2", "rmse", "mae")])
@pytest.mark.parametrize("seed", [pytest.param(seed, id=f"seed-{seed}") for seed in (0, 7)])
def test_an_interval_holds_the_value(metric, seed):
    score = metrics(NOISY, GUESSED, confidence=0.95, seed=seed)[metric]

    assert score["low"] < score["value"] < score["high"]


def test_a_higher_confidence_makes_a_wider_interval():
    usual = metrics(NOISY, GUESSED, confidence=0.9, seed=7)["r2"]
    sure = metrics(NOISY, GUESSED, confidence=0.99, seed=7)["r2"]

    assert sure["low"] < usual["low"] < usual["high"] < sure["high"]


def test_an_interval_is_the_spread_over_rows_drawn_in_pairs():
    """Errors are 0 or 1, so the mean over n rows is a binomial share with a known spread."""
    errors = np.arange(400) % 2

    score = metrics(np.arange(400.0), np.arange(400.0) + errors, confidence=0.95, seed=7)["mae"]

    assert (score["low"], score["high"]) == (pytest.approx(0.451, abs=0.006), pytest.approx(0.549, abs=0.006))


def test_metrics_of_perfect_predictions_have_no_spread():
    found = metrics(NOISY, NOISY, confidence=0.95, seed=7)

    assert found == {
        "r2": {"value": 1.0, "low": 1.0, "high": 1.0},
        "rmse": {"value": 0.0, "low": 0.0, "high": 0.0},
        "mae": {"value": 0.0, "low": 0.0, "high": 0.0},
    }


def test_the_same_seed_gives_the_same_interval():
    first = metrics(NOISY, GUESSED, confidence=0.95, seed=7)

    assert metrics(NOISY.copy(), GUESSED.copy(), confidence=0.95, seed=7) == first


def test_another_seed_gives_another_interval():
    first = metrics(NOISY, GUESSED, confidence=0.95, seed=7)["r2"]
    second = metrics(NOISY, GUESSED, confidence=0.95, seed=8)["r2"]

    assert (first["value"], first["low"]) != (second["value"], second["low"])
    assert first["value"] == second["value"]


def test_a_constant_target_has_no_r2_and_no_warning():
    found = metrics(np.full(4, 5.0), np.array([5.0, 5.0, 5.0, 7.0]), confidence=0.95, seed=7)

    assert found["r2"] == NONE
    assert found["rmse"]["value"] == 1.0
    assert found["mae"]["value"] == 0.5


@pytest.mark.parametrize(
    "predicted",
    [
        pytest.param([0.0, 1.0, 2.0, 3.0, 4.0], id="all-wrong"),
        pytest.param([1.0, 1.0, 1.0, 1.0, 1.0], id="all-right"),
    ],
)
def test_of_a_constant_target_only_the_r2_is_unknown(predicted):
    found = metrics(np.ones(5), np.array(predicted), confidence=0.95, seed=1)

    unknown = [name for name, score in found.items() if None in score.values()]
    assert (unknown, found["r2"]) == (["r2"], NONE)


def test_one_row_has_no_interval_and_no_warning():
    found = metrics(np.array([1.0]), np.array([3.0]), confidence=0.95, seed=7)

    assert found == {
        "r2": NONE,
        "rmse": {"value": 2.0, "low": None, "high": None},
        "mae": {"value": 2.0, "low": None, "high": None},
    }


def test_a_prediction_that_is_not_finite_gives_no_value():
    found = metrics(ACTUAL, np.array([1.0, 2.0, 3.0, math.inf]), confidence=0.95, seed=7)

    assert [score["value"] for score in found.values()] == [None, None, None]


# The gate


def yes(check, value, threshold):
    return Check(check, passed=True, value=value, threshold=threshold)


def no(check, value, threshold):
    return Check(check, passed=False, value=value, threshold=threshold)


def decide(**changes):
    """The gate's checks by name, of a version that just reaches every bound, changed by *changes*."""
    usual = {
        "scores": {"r2": {"value": 0.1}, "rmse": {"value": 54.9}, "mae": {"value": 40.0}},
        "rows": 200,
        "holdout_rows": 50,
        "baseline_rmse": 55.0,
        "furthest_relative": 1e-9,
        "tolerance": 1e-9,
        "min_rows": 200,
        "min_holdout_rows": 50,
        "min_r2": 0.1,
    }
    arguments = {**usual, **changes}
    return gate(arguments.pop("scores"), **arguments)


def scores(**values):
    return {name: {"value": value} for name, value in {"r2": 0.1, "rmse": 54.9, **values}.items()}


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        pytest.param({"rows": 199}, no("rows", 199, 200), id="rows"),
        pytest.param({"holdout_rows": 49}, no("held-out rows", 49, 50), id="held-out-rows"),
        pytest.param({"scores": scores(r2=0.0999)}, no("r2", 0.0999, 0.1), id="r2"),
        pytest.param({"scores": scores(r2=None)}, no("r2", None, 0.1), id="r2-not-computed"),
        pytest.param(
            {"scores": scores(rmse=55.0)},
            no("rmse below that of the mean", 55.0, 55.0),
            id="no-better-than-the-mean",
        ),
        pytest.param(
            {"scores": scores(rmse=None)},
            no("rmse below that of the mean", None, 55.0),
            id="rmse-not-computed",
        ),
        pytest.param(
            {"furthest_relative": 1.1e-9},
            no("artefact equals estimator", 1.1e-9, 1e-9),
            id="another-artefact",
        ),
        pytest.param(
            {"furthest_relative": math.inf},
            no("artefact equals estimator", None, 1e-9),
            id="artefact-overflows",
        ),
        pytest.param({"furthest_relative": math.nan}, no("artefact equals estimator", None, 1e-9), id="artefact-nan"),
        pytest.param({"baseline_rmse": 0.0}, no("rmse below that of the mean", 54.9, 0.0), id="the-mean-is-perfect"),
    ],
)
def test_each_check_alone_says_no(changes, refused):
    assert [check for check in decide(**changes) if not check.passed] == [refused]


def test_bounds_are_inclusive_but_the_mean_must_be_beaten():
    assert decide() == [
        yes("rows", 200, 200),
        yes("held-out rows", 50, 50),
        yes("r2", 0.1, 0.1),
        yes("rmse below that of the mean", 54.9, 55.0),
        yes("artefact equals estimator", 1e-9, 1e-9),
    ]


def test_the_scores_of_a_constant_target_do_not_pass():
    checks = decide(scores=metrics(np.full(60, 5.0), np.full(60, 5.0), confidence=0.95, seed=7))

    assert [check.check for check in checks if not check.passed] == ["r2"]


def test_the_manifest_s_gate_is_a_table_a_check():
    checks = [yes("rows", 442, 200), no("r2", None, 0.1)]

    assert as_tables(checks) == [
        {"check": "rows", "passed": True, "value": 442, "threshold": 200},
        {"check": "r2", "passed": False, "value": None, "threshold": 0.1},
    ]
