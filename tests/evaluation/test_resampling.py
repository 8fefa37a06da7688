"""The interval that decides: how often it is wrong where nothing is better, and how often it sees a gain."""

from __future__ import annotations

import math

import numpy as np
import pytest

from model.evaluation.metrics import METRIC_REPLICATES, scores
from model.evaluation.resampling import MOST_ROWS_DRAWN, REPLICATES, batches, mean_above_zero
from tests.support import pairs

REPLICATES_OR_MORE = [2_000, pytest.param(REPLICATES, marks=pytest.mark.sweep)]
"""With 2,000 a level is off by 0.5 percentage points, and as many pairs are judged in a fifth of the time."""


@pytest.mark.parametrize("rows", [50, 82, 200])
@pytest.mark.parametrize("lucky", [1, 2, 3, 4])
def test_a_few_lucky_rows_are_no_evidence(lucky, rows):
    """Equal but for a whisper everywhere, and far better on a few rows."""
    gains = np.random.default_rng(11).normal(scale=0.05, size=(200, rows))
    gains[:, :lucky] += 1 + np.random.default_rng(12).exponential(size=(200, lucky))

    *_, reached = mean_above_zero(gains, confidence=0.95, seed=7)

    assert (reached >= 0.95).mean() <= 0.06


@pytest.mark.slow
@pytest.mark.parametrize("rows", [50, 82])
@pytest.mark.parametrize("replicates", REPLICATES_OR_MORE)
@pytest.mark.parametrize("family", [pytest.param(family, id=family) for family in pairs.EQUAL])
def test_of_1000_pairs_without_a_difference_at_most_1_in_20_and_1_percent_more_is_promoted(family, rows, replicates):
    gains = pairs.EQUAL[family](np.random.default_rng(1), 1_000, rows)

    *_, reached = mean_above_zero(gains, confidence=0.95, seed=7, replicates=replicates)

    assert (reached >= 0.95).sum() <= 60


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "rows", "most"),
    [
        pytest.param("2 % lose tenfold", 50, 90, id="tenfold-50"),
        pytest.param("2 % lose tenfold", 400, 60, id="tenfold-400"),
        pytest.param("2 % lose chi-squared", 50, 80, id="chi-squared-50"),
        pytest.param("2 % lose chi-squared", 400, 70, id="chi-squared-400"),
        pytest.param("3 % lose 10", 50, 80, id="ten-50"),
        pytest.param("3 % lose 10", 400, 40, id="ten-400"),
        pytest.param("3 % lose 10, bare", 50, 230, id="ten-bare-50: no sample of 50 rows shows it"),
        pytest.param("3 % lose 10, bare", 400, 20, id="ten-bare-400"),
    ],
)
def test_of_1000_pairs_with_rare_and_large_losses_few_are_promoted(family, rows, most):
    gains = pairs.RARE[family](np.random.default_rng(1), 1_000, rows)

    *_, reached = mean_above_zero(gains, confidence=0.95, seed=7, replicates=2_000)

    assert (reached >= 0.95).sum() <= most


def test_a_sample_with_and_one_without_losses_are_judged_as_if_alone():
    gains = np.vstack([pairs.better_by(0.3, np.random.default_rng(1), 1, 80), np.full((1, 80), 0.5)])

    together = mean_above_zero(gains, confidence=0.95, seed=7, replicates=500)

    for number in (0, 1):
        alone = mean_above_zero(gains[[number]], confidence=0.95, seed=7, replicates=500)
        assert [part[number] for part in together] == pytest.approx([part[0] for part in alone])
    assert (together.low[1], together.high[1], together.reached[1]) == (0.5, 0.5, pytest.approx(1.0, abs=1e-2))


@pytest.mark.slow
@pytest.mark.parametrize("replicates", REPLICATES_OR_MORE)
@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.99])
def test_it_is_calibrated_at_other_confidences_too(confidence, replicates):
    gains = pairs.skewed(np.random.default_rng(1), 1_000, 82)

    *_, reached = mean_above_zero(gains, confidence=confidence, seed=7, replicates=replicates)

    assert (reached >= confidence).mean() <= 1 - confidence + 0.01


@pytest.mark.slow
@pytest.mark.parametrize("replicates", REPLICATES_OR_MORE)
@pytest.mark.parametrize(
    ("share", "rows", "least"),
    [
        pytest.param(0.2, 100, 0.5, id="a-fifth-of-100"),
        pytest.param(0.2, 200, 0.85, id="a-fifth-of-200"),
        pytest.param(0.1, 400, 0.85, id="a-tenth-of-400"),
    ],
)
def test_what_is_better_is_found(share, rows, least, replicates):
    gains = pairs.better_by(share, np.random.default_rng(1), 1_000, rows)

    *_, reached = mean_above_zero(gains, confidence=0.95, seed=7, replicates=replicates)

    assert (reached >= 0.95).mean() >= least


@pytest.mark.slow
def test_the_interval_lies_above_zero_exactly_when_the_confidence_is_reached():
    gains = pairs.better_by(0.1, np.random.default_rng(3), 500, 80)

    _, low, _, reached = mean_above_zero(gains, confidence=0.95, seed=7, replicates=2_000)

    assert np.array_equal(low > 0, reached >= 0.95)
    assert 0.1 < (low > 0).mean() < 0.9


@pytest.mark.slow
@pytest.mark.parametrize("replicates", REPLICATES_OR_MORE)
def test_the_interval_holds_the_truth_as_often_as_it_says(replicates):
    gains = pairs.skewed(np.random.default_rng(4), 1_000, 82)

    _, low, high, _ = mean_above_zero(gains, confidence=0.9, seed=7, replicates=replicates)

    assert ((low <= 0) & (high >= 0)).mean() >= 0.89


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("rows", [2, 900, 3 * MOST_ROWS_DRAWN])
def test_progress_is_told_after_each_batch(rows):
    told = []
    actual, predicted = np.random.default_rng(1).normal(size=(2, rows))

    scores(actual, predicted, confidence=0.95, seed=7, done=lambda: told.append(1))

    assert len(told) == batches(rows, METRIC_REPLICATES)
