"""Bins of a reliability diagram: known shares, equal scores together, rows that stand for more than one instance."""

from __future__ import annotations

import numpy as np
import pytest

from model.evaluation.answers import Classified
from model.evaluation.calibration import Bin, reliability


def two(scores):
    """Answers of two classes, the second of which has *scores*."""
    chances = np.column_stack([1 - np.asarray(scores), scores])
    return Classified(np.argmax(chances, axis=1), chances)


def test_bins_hold_their_mean_score_and_the_share_that_came_true():
    scores = np.repeat([0.2, 0.8], 20)
    actual = np.array([1] * 5 + [0] * 15 + [1] * 15 + [0] * 5)

    assert reliability(actual, two(scores), 1) == [
        Bin(0.2, 0.2, 20, pytest.approx(0.2), 0.25),
        Bin(0.8, 0.8, 20, pytest.approx(0.8), 0.75),
    ]


def test_at_most_ten_bins_hold_about_equally_many_rows():
    scores = np.random.default_rng(1).uniform(size=1_000)

    assert [part.rows for part in reliability(np.zeros(1_000), two(scores), 1)] == [100] * 10


def test_rows_count_by_the_instances_that_they_stand_for():
    actual, scores = np.array([1, 0]), np.array([0.5, 0.1])

    (part,) = reliability(actual, two(scores), 1, np.array([3.0, 1.0]))

    assert part == Bin(0.1, 0.5, 2, pytest.approx(0.4), 0.75)


def test_several_classes_are_told_by_the_likeliest():
    chances = np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])

    (part,) = reliability(np.array([0, 1]), Classified(np.array([0, 2]), chances), None)

    assert (part.low, part.high, part.predicted, part.observed) == pytest.approx((0.6, 0.7, 0.65, 0.5))


@pytest.mark.parametrize(
    ("actual", "answers"),
    [
        pytest.param([0], Classified(np.array([0])), id="no-probabilities"),
        pytest.param([0], two([np.nan]), id="not-answered"),
        pytest.param([], two([]), id="no-rows"),
    ],
)
def test_there_are_no_bins_where_nothing_is_known(actual, answers):
    assert reliability(np.array(actual), answers, 1) == []
