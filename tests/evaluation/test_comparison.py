"""Better is said only of a challenger that is better, on rows that neither model was trained on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from model.evaluation import regression
from model.evaluation.comparison import compare, inputs
from model.evaluation.metrics import Score, rmse
from tests.support.parts import document

NOISY = np.random.default_rng(3).normal(size=200)
GUESSED = NOISY + np.random.default_rng(4).normal(scale=0.5, size=200)


def compared(challenger, champion, actual=None, confidence=0.95):
    actual = np.zeros(len(challenger)) if actual is None else actual
    both = regression.pair(actual, np.asarray(challenger, float), np.asarray(champion, float))
    return compare(both, confidence=confidence, seed=7)


def test_an_equal_challenger_saves_nothing_with_no_confidence():
    found = compared(GUESSED, GUESSED, NOISY)

    assert found.improvement == Score(0.0, 0.0, 0.0)
    assert (found.confidence_reached, found.moved) == (0.0, 0.0)


def test_a_challenger_that_differs_by_rounding_is_equal():
    """Nearer to the truth on every single row, by nothing that means anything."""
    nearer = GUESSED + np.sign(NOISY - GUESSED) * 1e-11

    found = compared(nearer, GUESSED, NOISY)

    assert (found.improvement.value, found.confidence_reached) == (0.0, 0.0)


def test_two_perfect_models_are_a_tie_without_a_division_by_zero():
    found = compared(NOISY, NOISY, NOISY)

    assert found.improvement == Score()
    assert found.confidence_reached == 0.0


def test_a_challenger_better_by_the_same_on_every_row_is_better():
    found = compared(np.zeros(60), np.ones(60))

    assert found.improvement == Score(1.0, 1.0, 1.0)
    assert found.confidence_reached > 0.999


def test_a_worse_challenger_reaches_no_confidence():
    found = compared(GUESSED, NOISY, NOISY)

    assert found.confidence_reached == 0.0
    assert (found.challenger, found.production) == (pytest.approx(rmse(NOISY, GUESSED)), 0.0)


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_compare_nothing(rows):
    found = compared(np.zeros(rows), np.ones(rows))

    assert (found.rows, found.improvement.value, found.confidence_reached) == (rows, None, None)


@pytest.mark.parametrize("bad", [math.inf, math.nan, 1e200])
def test_predictions_beyond_double_precision_compare_nothing(bad):
    found = compared([0.0, 0.0, bad], [1.0, 1.0, 1.0])

    assert (found.improvement.value, found.confidence_reached) == (None, None)


def test_a_moved_mean_is_in_standard_deviations_of_the_target():
    actual = np.array([-1.0, 1.0, -1.0, 1.0])

    assert compared(actual + 0.5, actual, actual).moved == 0.5


@pytest.mark.parametrize("scale", [1e-160, 1e160, 1e300])
def test_a_tie_at_the_edge_of_double_precision_is_a_tie_or_unknown(scale):
    assert compared(GUESSED * scale, GUESSED * scale, NOISY * scale).confidence_reached in {0.0, None}


def test_the_manifest_s_comparison_is_a_table():
    assert compared([0.0, 0.0], [1.0, 1.0]).document() == {
        "rows": 2,
        "replicates": 10_000,
        "confidence": 0.95,
        "rmse": {"challenger": 0.0, "production": 1.0},
        "improvement": {"value": 1.0, "low": 1.0, "high": 1.0},
        "confidence_reached": pytest.approx(1.0, abs=1e-3),
        "moved": None,
    }


def test_inputs_are_the_features_in_order_and_the_target():
    assert inputs(document()) == ["bmi", "disease_progression"]
