"""Metrics are what the textbook says, intervals hold the value, and better is said only of what is better."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from model.evaluation.metrics import MOST_ROWS_DRAWN, compare, mean_above_zero, metrics, r2, residuals, rmse, slices
from tests.support import pairs

ACTUAL = np.array([1.0, 2.0, 3.0, 4.0])
PREDICTED = np.array([1.0, 3.0, 3.0, 2.0])
"""Errors 0, 1, 0, 2: squares 5, absolutes 3; squares around the mean 2.5 of the actual values 5."""

NOISY = np.random.default_rng(3).normal(size=200)
GUESSED = NOISY + np.random.default_rng(4).normal(scale=0.5, size=200)

METRICS = ("r2", "rmse", "mae", "median_absolute_error", "bias")

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


def test_the_error_is_in_the_target_s_unit():
    assert rmse(ACTUAL, PREDICTED) == pytest.approx(math.sqrt(1.25), rel=1e-15)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(2, 60))
def test_metrics_agree_with_scikit_learn(seed, rows):
    actual, predicted = np.random.default_rng(seed).normal(size=(2, rows))

    found = {name: score["value"] for name, score in metrics(actual, predicted, confidence=0.9, seed=0).items()}

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
    found = metrics(ACTUAL, PREDICTED, confidence=0.95, seed=7)

    assert {name: score["value"] for name, score in found.items()} == {
        "r2": pytest.approx(0.0, abs=1e-15),
        "rmse": pytest.approx(math.sqrt(1.25)),
        "mae": 0.75,
        "median_absolute_error": 0.5,
        "bias": -0.25,
    }


@pytest.mark.parametrize("metric", [pytest.param(name, id=name) for name in METRICS])
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
        "median_absolute_error": {"value": 0.0, "low": 0.0, "high": 0.0},
        "bias": {"value": 0.0, "low": 0.0, "high": 0.0},
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
        "median_absolute_error": {"value": 2.0, "low": None, "high": None},
        "bias": {"value": 2.0, "low": None, "high": None},
    }


def test_no_rows_have_no_metrics():
    found = metrics(np.empty(0), np.empty(0), confidence=0.95, seed=7)

    assert found == dict.fromkeys(METRICS, NONE)


def test_a_prediction_that_is_not_finite_gives_no_value_but_where_the_middle_is():
    found = metrics(ACTUAL, np.array([1.0, 2.0, 3.0, math.inf]), confidence=0.95, seed=7)

    assert {name: score["value"] for name, score in found.items()} == {
        "r2": None,
        "rmse": None,
        "mae": None,
        "median_absolute_error": 0.0,
        "bias": None,
    }


def test_the_interval_of_many_rows_is_as_narrow_as_their_number_says():
    """The standard error of the mean of n errors of spread 1 is 1 / sqrt(n), though fewer rows are drawn."""
    errors = np.random.default_rng(5).normal(size=9 * MOST_ROWS_DRAWN)

    bias = metrics(np.zeros(len(errors)), errors, confidence=0.95, seed=7)["bias"]

    assert bias["high"] - bias["low"] == pytest.approx(2 * 1.96 / math.sqrt(len(errors)), rel=0.1)
    assert bias["low"] < errors.mean() < bias["high"]


# Slices


def test_a_feature_is_cut_into_parts_of_equally_many_rows_the_worst_first():
    x = np.arange(8.0)
    actual, predicted = np.zeros(8), np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 3.0])

    found = slices({"age": x}, actual, predicted, count=4)

    whole = math.sqrt(3)
    assert found[0] == {
        "column": "age",
        "values": "6 … 7",
        "rows": 2,
        "rmse": 3.0,
        "bias": 3.0,
        "ratio": pytest.approx(3 / whole),
    }
    assert sorted((part["values"], part["rows"]) for part in found) == [
        ("0 … 1", 2),
        ("2 … 3", 2),
        ("4 … 5", 2),
        ("6 … 7", 2),
    ]


@pytest.mark.parametrize(
    ("column", "parts"),
    [
        pytest.param([0.0, 1.0, 0.0, 1.0], [("0", 2), ("1", 2)], id="few-values"),
        pytest.param([5.0, 5.0, 5.0, 5.0], [("5", 4)], id="constant"),
        pytest.param(["w", "m", "w", "d"], [("d", 1), ("m", 1), ("w", 2)], id="texts"),
        pytest.param([0.0, 0.0, 0.0, 0.5], [("0", 3), ("0.5", 1)], id="one-outside"),
    ],
)
def test_few_values_are_a_slice_each(column, parts):
    found = slices({"x": np.array(column)}, np.zeros(4), np.ones(4), count=3)

    assert sorted((part["values"], part["rows"]) for part in found) == parts


def test_a_feature_that_stands_for_kinds_is_cut_by_its_values():
    column = np.array([1.0, 2.0, 3.0, 3.0])

    found = slices({"kind": column, "x": column}, np.zeros(4), np.ones(4), count=2, by_value=["kind"])

    assert sorted((part["column"], part["values"], part["rows"]) for part in found) == [
        ("kind", "1", 1),
        ("kind", "2", 1),
        ("kind", "3", 2),
        ("x", "1 … 2", 2),
        ("x", "3", 2),
    ]


def test_ties_never_leave_a_slice_empty():
    column = np.array([0.0] * 90 + list(range(1, 11)))

    found = slices({"x": column}, np.zeros(100), np.ones(100), count=4)

    assert sum(part["rows"] for part in found) == 100
    assert min(part["rows"] for part in found) > 0


def test_the_rarest_of_many_texts_are_one_slice():
    column = np.array([f"{number:02}" for number in range(25)] * 2 + ["24"])

    found = slices({"town": column}, np.zeros(51), np.ones(51), count=4)

    assert len(found) == 21
    assert ("5 rarer values", 10) in [(part["values"], part["rows"]) for part in found]


def test_a_slice_is_compared_with_production_on_the_rows_that_may_be_compared():
    champion = np.array([2.0, math.nan, math.nan, math.nan])

    found = slices({"x": np.array([0.0, 0.0, 1.0, 1.0])}, np.zeros(4), np.ones(4), count=2, champion=champion)

    assert sorted((part["values"], part["compared_rows"], part["loss"]) for part in found) == [
        ("0", 1, 0.5),
        ("1", 0, None),
    ]


def test_slices_of_a_perfect_model_are_all_alike():
    found = slices(
        {"x": np.arange(8.0)}, np.arange(8.0), np.arange(8.0) + [1e-15] * 8, count=2, champion=np.arange(8.0)
    )

    assert [(part["ratio"] <= 1, part["loss"] <= 1) for part in found] == [(True, True)] * 2


# Residuals


def test_residuals_of_good_predictions_depend_on_nothing():
    rng = np.random.default_rng(8)
    predicted = rng.normal(size=20_000)

    found = residuals(predicted + rng.normal(size=20_000), predicted)

    assert found["mean"] == pytest.approx(0, abs=0.03)
    assert found["std"] == pytest.approx(1, abs=0.03)
    small = [found[name] for name in ("skewness", "excess_kurtosis", "spread_with_prediction", "curvature")]
    assert small == pytest.approx([0, 0, 0, 0], abs=0.1)
    assert found["calibration_slope"] == pytest.approx(1, abs=0.03)
    assert len(found["quantiles"]) == 11


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

    assert residuals(actual(x, noise), x)[figure] > 0.3


@pytest.mark.parametrize(
    "predicted",
    [
        pytest.param([1.0, 2.0], id="two-rows"),
        pytest.param([1.0, 2.0, math.inf], id="not-finite"),
    ],
)
def test_residuals_that_say_nothing_are_left_out(predicted):
    assert residuals(np.zeros(len(predicted)), np.array(predicted)) == {}


@pytest.mark.parametrize("scale", [1e-160, 1e160, 1e300])
def test_scales_at_the_edge_of_double_precision_are_no_accident(scale):
    found = residuals(NOISY * scale, GUESSED * scale)

    assert found["skewness"] is None or math.isfinite(found["skewness"])
    assert found["spread_with_prediction"] == pytest.approx(
        residuals(NOISY, GUESSED)["spread_with_prediction"], abs=1e-12
    )
    assert compared(GUESSED * scale, GUESSED * scale, NOISY * scale)["confidence_reached"] in {0.0, None}
    assert slices({"x": NOISY}, NOISY * scale, GUESSED * scale, count=2)[0]["rows"] == 100


def test_residuals_of_a_constant_prediction_have_no_slope():
    found = residuals(np.zeros(4), np.zeros(4))

    assert [found[name] for name in ("skewness", "spread_with_prediction", "curvature", "calibration_slope")] == [
        None,
        None,
        None,
        None,
    ]


# Against production


def compared(challenger, champion, actual=None, confidence=0.95):
    actual = np.zeros(len(challenger)) if actual is None else actual
    return compare(actual, np.asarray(challenger, float), np.asarray(champion, float), confidence=confidence, seed=7)


def test_an_equal_challenger_saves_nothing_with_no_confidence():
    found = compared(GUESSED, GUESSED, NOISY)

    assert found["improvement"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert (found["confidence_reached"], found["moved"]) == (0.0, 0.0)


def test_a_challenger_that_differs_by_rounding_is_equal():
    """Nearer to the truth on every single row, by nothing that means anything."""
    nearer = GUESSED + np.sign(NOISY - GUESSED) * 1e-11

    found = compared(nearer, GUESSED, NOISY)

    assert (found["improvement"]["value"], found["confidence_reached"]) == (0.0, 0.0)


def test_two_perfect_models_are_a_tie_without_a_division_by_zero():
    found = compared(NOISY, NOISY, NOISY)

    assert found["improvement"] == {"value": None, "low": None, "high": None}
    assert found["confidence_reached"] == 0.0


def test_a_challenger_better_by_the_same_on_every_row_is_better():
    found = compared(np.zeros(60), np.ones(60))

    assert found["improvement"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found["confidence_reached"] > 0.999


def test_a_worse_challenger_reaches_no_confidence():
    found = compared(GUESSED, NOISY, NOISY)

    assert found["confidence_reached"] == 0.0
    assert found["rmse"] == {"challenger": pytest.approx(rmse(NOISY, GUESSED)), "production": 0.0}


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_compare_nothing(rows):
    found = compared(np.zeros(rows), np.ones(rows))

    assert (found["rows"], found["improvement"]["value"], found["confidence_reached"]) == (rows, None, None)


@pytest.mark.parametrize("bad", [math.inf, math.nan, 1e200])
def test_predictions_beyond_double_precision_compare_nothing(bad):
    found = compared([0.0, 0.0, bad], [1.0, 1.0, 1.0])

    assert (found["improvement"]["value"], found["confidence_reached"]) == (None, None)


def test_a_moved_mean_is_in_standard_deviations_of_the_target():
    actual = np.array([-1.0, 1.0, -1.0, 1.0])

    assert compared(actual + 0.5, actual, actual)["moved"] == 0.5


@pytest.mark.parametrize("rows", [50, 82, 200])
@pytest.mark.parametrize("lucky", [1, 2, 3, 4])
def test_a_few_lucky_rows_are_no_evidence(lucky, rows):
    """Equal but for a whisper everywhere, and far better on a few rows."""
    gains = np.random.default_rng(11).normal(scale=0.05, size=(200, rows))
    gains[:, :lucky] += 1 + np.random.default_rng(12).exponential(size=(200, lucky))

    *_, reached = mean_above_zero(gains, confidence=0.95, seed=7)

    assert (reached >= 0.95).mean() <= 0.06


@pytest.mark.parametrize("rows", [50, 82])
@pytest.mark.parametrize("family", [pytest.param(family, id=family) for family in pairs.EQUAL])
def test_of_1000_pairs_without_a_difference_at_most_1_in_20_and_1_percent_more_is_promoted(family, rows):
    gains = pairs.EQUAL[family](np.random.default_rng(1), 1_000, rows)

    *_, reached = mean_above_zero(gains, confidence=0.95, seed=7)

    assert (reached >= 0.95).sum() <= 60


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.99])
def test_it_is_calibrated_at_other_confidences_too(confidence):
    gains = pairs.skewed(np.random.default_rng(1), 1_000, 82)

    *_, reached = mean_above_zero(gains, confidence=confidence, seed=7)

    assert (reached >= confidence).mean() <= 1 - confidence + 0.01


@pytest.mark.parametrize(
    ("share", "rows", "least"),
    [
        pytest.param(0.2, 100, 0.5, id="a-fifth-of-100"),
        pytest.param(0.2, 200, 0.85, id="a-fifth-of-200"),
        pytest.param(0.1, 400, 0.85, id="a-tenth-of-400"),
    ],
)
def test_what_is_better_is_found(share, rows, least):
    gains = pairs.better_by(share, np.random.default_rng(1), 1_000, rows)

    *_, reached = mean_above_zero(gains, confidence=0.95, seed=7)

    assert (reached >= 0.95).mean() >= least


def test_the_interval_lies_above_zero_exactly_when_the_confidence_is_reached():
    gains = pairs.better_by(0.1, np.random.default_rng(3), 500, 80)

    _, low, _, reached = mean_above_zero(gains, confidence=0.95, seed=7)

    assert np.array_equal(low > 0, reached >= 0.95)
    assert 0.1 < (low > 0).mean() < 0.9


def test_the_interval_holds_the_truth_as_often_as_it_says():
    gains = pairs.skewed(np.random.default_rng(4), 1_000, 82)

    _, low, high, _ = mean_above_zero(gains, confidence=0.9, seed=7)

    assert ((low <= 0) & (high >= 0)).mean() >= 0.89


def test_more_rows_than_are_drawn_at_once_decide_by_all_of_them():
    gains = pairs.better_by(0.01, np.random.default_rng(5), 1, 4 * MOST_ROWS_DRAWN)

    mean, low, high, reached = mean_above_zero(gains, confidence=0.95, seed=7)

    error = gains.std() / math.sqrt(gains.size)
    assert (low[0], high[0]) == pytest.approx((mean[0] - 1.96 * error, mean[0] + 1.96 * error), abs=0.1 * error)
    assert reached[0] > 0.95


def test_a_confidence_beyond_the_replicates_is_never_reached():
    _, low, high, reached = mean_above_zero(np.full((1, 9), 0.1) + np.arange(9), confidence=0.99, seed=7, replicates=50)

    assert (low[0], high[0]) == (-math.inf, math.inf)
    assert reached[0] < 0.99
