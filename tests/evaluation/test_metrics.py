"""Metrics are those of the textbook, their intervals hold the value, and residuals show each fault of a model."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from model.evaluation.metrics import Score, r2, residuals, rmse, scores
from model.evaluation.resampling import MOST_ROWS_DRAWN

ACTUAL = np.array([1.0, 2.0, 3.0, 4.0])
PREDICTED = np.array([1.0, 3.0, 3.0, 2.0])
"""Errors 0, 1, 0, 2: squares 5, absolutes 3; squares around the mean 2.5 of the actual values 5."""

NOISY = np.random.default_rng(3).normal(size=200)
GUESSED = NOISY + np.random.default_rng(4).normal(scale=0.5, size=200)

METRICS = ("r2", "rmse", "mae", "median_absolute_error", "bias")

NONE = Score()


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


def test_the_error_is_in_the_target_s_unit():
    assert rmse(ACTUAL, PREDICTED) == pytest.approx(math.sqrt(1.25), rel=1e-15)


def test_a_row_counts_by_its_weight():
    """By hand: weights 3, 1, 1, 5 of 10; squares 1 + 20, absolutes 1 + 10, errors 1 - 10; the mean of actual is 2.8.

    The squares around it are 3 * 3.24 + 0.64 + 0.04 + 5 * 1.44 = 17.6. Half of the weight has an error of 2.
    """
    weights = np.array([3.0, 1.0, 1.0, 5.0])

    found = {
        name: score.value for name, score in scores(ACTUAL, PREDICTED, confidence=0.9, seed=0, weights=weights).items()
    }

    wanted = {"r2": 1 - 21 / 17.6, "rmse": math.sqrt(2.1), "mae": 1.1, "median_absolute_error": 1.5, "bias": -0.9}
    assert found == pytest.approx(wanted, rel=1e-14)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(2, 60))
def test_weights_are_those_of_scikit_learn_and_their_unit_does_not_matter(seed, rows):
    source = np.random.default_rng(seed)
    (actual, predicted), weights = source.normal(size=(2, rows)), source.uniform(0.1, 50, size=rows)

    found = {
        name: score.value for name, score in scores(actual, predicted, confidence=0.9, seed=0, weights=weights).items()
    }
    larger = {
        name: score.value
        for name, score in scores(actual, predicted, confidence=0.9, seed=0, weights=8 * weights).items()
    }

    assert found == pytest.approx(larger)
    assert [found["r2"], found["rmse"], found["mae"]] == pytest.approx(
        [
            reference.r2_score(actual, predicted, sample_weight=weights),
            reference.root_mean_squared_error(actual, predicted, sample_weight=weights),
            reference.mean_absolute_error(actual, predicted, sample_weight=weights),
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "rows", [pytest.param(400, id="all-drawn"), pytest.param(4 * MOST_ROWS_DRAWN, id="a-part-drawn")]
)
def test_the_interval_of_weighted_rows_is_that_of_their_effective_number(rows):
    """A tenth of the rows weighs fifty times as much: Kish's number of rows is (5.9 n)² / 250.9 n, about 0.14 n."""
    source = np.random.default_rng(1)
    errors, weights = source.normal(size=rows), np.where(np.arange(rows) % 10, 1.0, 50.0)
    effective = weights.sum() ** 2 / (weights**2).sum()

    bias = scores(np.zeros(rows), errors, confidence=0.95, seed=0, weights=weights)["bias"]

    assert bias.high - bias.low == pytest.approx(2 * 1.96 / math.sqrt(effective), rel=0.2)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(2, 60))
def test_metrics_agree_with_scikit_learn(seed, rows):
    actual, predicted = np.random.default_rng(seed).normal(size=(2, rows))

    found = {name: score.value for name, score in scores(actual, predicted, confidence=0.9, seed=0).items()}

    assert found == pytest.approx(
        {
            "r2": reference.r2_score(actual, predicted),
            "rmse": reference.root_mean_squared_error(actual, predicted),
            "mae": reference.mean_absolute_error(actual, predicted),
            "median_absolute_error": reference.median_absolute_error(actual, predicted),
            "bias": float(np.mean(predicted - actual)),
        },
        rel=1e-9,
        abs=1e-12,
    )


def test_each_metric_has_its_value():
    found = scores(ACTUAL, PREDICTED, confidence=0.95, seed=7)

    assert {name: score.value for name, score in found.items()} == {
        "r2": pytest.approx(0.0, abs=1e-15),
        "rmse": pytest.approx(math.sqrt(1.25)),
        "mae": 0.75,
        "median_absolute_error": 0.5,
        "bias": -0.25,
    }


@pytest.mark.parametrize("metric", [pytest.param(name, id=name) for name in METRICS])
@pytest.mark.parametrize("seed", [pytest.param(seed, id=f"seed-{seed}") for seed in (0, 7)])
def test_an_interval_holds_the_value(metric, seed):
    score = scores(NOISY, GUESSED, confidence=0.95, seed=seed)[metric]

    assert score.low < score.value < score.high


def test_a_higher_confidence_makes_a_wider_interval():
    usual = scores(NOISY, GUESSED, confidence=0.9, seed=7)["r2"]
    sure = scores(NOISY, GUESSED, confidence=0.99, seed=7)["r2"]

    assert sure.low < usual.low < usual.high < sure.high


def test_an_interval_is_the_spread_over_rows_drawn_in_pairs():
    """Errors are 0 or 1, so the mean over n rows is a binomial share with a known spread."""
    errors = np.arange(400) % 2

    score = scores(np.arange(400.0), np.arange(400.0) + errors, confidence=0.95, seed=7)["mae"]

    assert (score.low, score.high) == (pytest.approx(0.451, abs=0.006), pytest.approx(0.549, abs=0.006))


def test_metrics_of_perfect_predictions_have_no_spread():
    found = scores(NOISY, NOISY, confidence=0.95, seed=7)

    assert found == {
        "r2": Score(1.0, 1.0, 1.0),
        "rmse": Score(0.0, 0.0, 0.0),
        "mae": Score(0.0, 0.0, 0.0),
        "median_absolute_error": Score(0.0, 0.0, 0.0),
        "bias": Score(0.0, 0.0, 0.0),
    }


def test_the_same_seed_gives_the_same_interval():
    first = scores(NOISY, GUESSED, confidence=0.95, seed=7)

    assert scores(NOISY.copy(), GUESSED.copy(), confidence=0.95, seed=7) == first


def test_another_seed_gives_another_interval():
    first = scores(NOISY, GUESSED, confidence=0.95, seed=7)["r2"]
    second = scores(NOISY, GUESSED, confidence=0.95, seed=8)["r2"]

    assert (first.value, first.low) != (second.value, second.low)
    assert first.value == second.value


def test_a_constant_target_has_no_r2_and_no_warning():
    found = scores(np.full(4, 5.0), np.array([5.0, 5.0, 5.0, 7.0]), confidence=0.95, seed=7)

    assert found["r2"] == NONE
    assert found["rmse"].value == 1.0
    assert found["mae"].value == 0.5


@pytest.mark.parametrize(
    "predicted",
    [
        pytest.param([0.0, 1.0, 2.0, 3.0, 4.0], id="all-wrong"),
        pytest.param([1.0, 1.0, 1.0, 1.0, 1.0], id="all-right"),
    ],
)
def test_of_a_constant_target_only_the_r2_is_unknown(predicted):
    found = scores(np.ones(5), np.array(predicted), confidence=0.95, seed=1)

    unknown = [name for name, score in found.items() if None in vars(score).values()]
    assert (unknown, found["r2"]) == (["r2"], NONE)


def test_one_row_has_no_interval_and_no_warning():
    found = scores(np.array([1.0]), np.array([3.0]), confidence=0.95, seed=7)

    assert found == {
        "r2": NONE,
        "rmse": Score(2.0, None, None),
        "mae": Score(2.0, None, None),
        "median_absolute_error": Score(2.0, None, None),
        "bias": Score(2.0, None, None),
    }


def test_no_rows_have_no_metrics():
    found = scores(np.empty(0), np.empty(0), confidence=0.95, seed=7)

    assert found == dict.fromkeys(METRICS, NONE)


def test_a_prediction_that_is_not_finite_gives_no_value_but_where_the_middle_is():
    found = scores(ACTUAL, np.array([1.0, 2.0, 3.0, math.inf]), confidence=0.95, seed=7)

    assert {name: score.value for name, score in found.items()} == {
        "r2": None,
        "rmse": None,
        "mae": None,
        "median_absolute_error": 0.0,
        "bias": None,
    }


@pytest.mark.slow
def test_the_interval_of_many_rows_is_as_narrow_as_their_number_says():
    """The standard error of the mean of n errors of spread 1 is 1 / sqrt(n), though fewer rows are drawn."""
    errors = np.random.default_rng(5).normal(size=9 * MOST_ROWS_DRAWN)

    bias = scores(np.zeros(len(errors)), errors, confidence=0.95, seed=7)["bias"]

    assert bias.high - bias.low == pytest.approx(2 * 1.96 / math.sqrt(len(errors)), rel=0.1)
    assert bias.low < errors.mean() < bias.high


# Residuals


def test_residuals_of_good_predictions_depend_on_nothing():
    rng = np.random.default_rng(8)
    predicted = rng.normal(size=20_000)

    found = residuals(predicted + rng.normal(size=20_000), predicted)

    assert found.mean == pytest.approx(0, abs=0.03)
    assert found.std == pytest.approx(1, abs=0.03)
    small = [getattr(found, name) for name in ("skewness", "excess_kurtosis", "spread_with_prediction", "curvature")]
    assert small == pytest.approx([0, 0, 0, 0], abs=0.1)
    assert found.calibration_slope == pytest.approx(1, abs=0.03)
    assert len(found.quantiles) == 11


@pytest.mark.parametrize(
    ("figure", "actual"),
    [
        pytest.param("spread_with_prediction", lambda x, noise: x + noise * np.exp(x), id="spread-grows"),
        pytest.param("curvature", lambda x, noise: x + x**2 + noise / 4, id="bends"),
        pytest.param("calibration_slope", lambda x, noise: 2 * x + noise, id="too-flat"),
        pytest.param("skewness", lambda x, noise: x + np.exp(noise), id="skewed"),
        pytest.param("excess_kurtosis", lambda x, noise: x + noise**3, id="heavy-tails"),
    ],
)
def test_each_diagnostic_sees_its_fault(figure, actual):
    x, noise = np.random.default_rng(9).normal(size=(2, 2_000))

    assert getattr(residuals(actual(x, noise), x), figure) > 0.3


@pytest.mark.parametrize(
    "predicted",
    [
        pytest.param([1.0, 2.0], id="two-rows"),
        pytest.param([1.0, 2.0, math.inf], id="not-finite"),
    ],
)
def test_residuals_that_say_nothing_are_left_out(predicted):
    assert residuals(np.zeros(len(predicted)), np.array(predicted)) is None


@pytest.mark.parametrize("scale", [1e-160, 1e160, 1e300])
def test_residuals_at_the_edge_of_double_precision_have_their_shape(scale):
    shape = residuals(NOISY * scale, GUESSED * scale)

    assert shape.skewness is None or math.isfinite(shape.skewness)
    assert shape.spread_with_prediction == pytest.approx(residuals(NOISY, GUESSED).spread_with_prediction, abs=1e-12)


def test_residuals_of_a_constant_prediction_have_no_slope():
    found = residuals(np.zeros(4), np.zeros(4))

    assert [
        getattr(found, name) for name in ("skewness", "spread_with_prediction", "curvature", "calibration_slope")
    ] == [
        None,
        None,
        None,
        None,
    ]
