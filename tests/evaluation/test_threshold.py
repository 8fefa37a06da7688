"""The threshold costs least, and lies where the last bit of a score decides nothing."""

from __future__ import annotations

import numpy as np
import pytest

from model.evaluation.threshold import choose


def chosen(actual, scores, false_negative=1.0, false_positive=1.0):
    actual = np.array(actual, bool)
    return choose(actual, np.array(scores, float), false_negative=false_negative, false_positive=false_positive)


@pytest.mark.parametrize(
    ("actual", "scores", "costs", "threshold"),
    [
        pytest.param([0, 1], [0.2, 0.6], (1, 1), 0.4, id="between"),
        pytest.param([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.8], (5, 1), 0.2, id="missing-one-is-dear"),
        pytest.param([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.8], (1, 5), 0.7, id="an-alarm-is-dear"),
        pytest.param([0, 1, 0, 1], [0.1, 0.3, 0.7, 0.8], (1, 1), 0.2, id="of-equal-costs-the-widest-gap"),
        pytest.param([1, 1], [0.4, 0.6], (1, 1), 0.2, id="all-positive"),
        pytest.param([0, 0], [0.4, 0.6], (1, 1), 0.8, id="none-positive"),
        pytest.param([0, 1, 1], [0.5, 0.5, 0.5], (1, 1), 0.25, id="equal-scores-go-together"),
        pytest.param([0, 0], [0.4, 1.0], (1, 1), 0.7, id="never-above-1"),
        pytest.param([1, 0], [0.5, 0.5], (1, 1), 0.25, id="tie"),
    ],
)
def test_the_threshold_of_least_cost(actual, scores, costs, threshold):
    assert chosen(actual, scores, *costs) == pytest.approx(threshold)


def test_no_other_threshold_costs_less():
    rng = np.random.default_rng(2)
    scores = rng.random(200).round(2)
    actual = rng.random(200) < scores

    def cost(threshold):
        return 5 * (actual & (scores < threshold)).sum() + (~actual & (scores >= threshold)).sum()

    assert cost(chosen(actual, scores, 5, 1)) == min(cost(each) for each in np.linspace(0, 1.001, 2003))


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        pytest.param([], "a threshold is chosen on rows, got none", id="none"),
        pytest.param([0.5, np.nan], "scores must be probabilities from 0 to 1, got nan", id="nan"),
        pytest.param([0.5, 1.5], "scores must be probabilities from 0 to 1, got 1.5", id="above"),
    ],
)
def test_scores_that_cannot_tell_are_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        chosen([True] * len(scores), scores)
