"""Drift of what a classifier predicts: the shares of its classes, and its score."""

from __future__ import annotations

import numpy as np
import pytest

from model.monitoring.captured import LogCounts
from tests.support.classes import class_manifest, draw, mixed_manifest, mixed_window
from tests.support.rows import described
from tests.support.verdicts import NONE, brief, judged
from tests.support.windows import window

PREDICTION, SCORE = "version 1, prediction", "version 1, score of late"


def bare(rng, trained=5_000, late=0.1):
    """A classifier without probabilities over one number, and the shares that its training rows happened to have."""
    x = np.random.default_rng(0).normal(size=(trained, 1))
    return class_manifest(described(x, ["x"]), rng.uniform(size=trained) < late)


def predicted(document, rng, rows, late):
    """A window in which so many of the rows are predicted late, and nothing else moved."""
    x = np.random.default_rng(1).normal(size=(rows, 1))
    return window(document, x, rng.uniform(size=rows) < late)


@pytest.mark.slow
def test_a_class_predicted_in_fifteen_of_a_hundred_in_place_of_ten_is_found_at_a_thousand_rows():
    """In at least 85 of 100 windows, by the share of the class alone."""
    rng = np.random.default_rng(2)
    found = 0
    for number in range(300):
        if number % 10 == 0:
            document = bare(rng)
        verdict = judged(predicted(document, rng, 1_000, 0.15), document=document)
        found += ("warn", "prediction-skew", PREDICTION) in brief(verdict)

    assert found >= 0.85 * 300


@pytest.mark.slow
@pytest.mark.parametrize(
    ("windows", "most"),
    [pytest.param(30, 0, id="30-windows"), pytest.param(80, 2, id="80-windows", marks=pytest.mark.sweep)],
)
def test_undrifted_windows_of_ten_columns_of_mixed_kinds_hardly_ever_bring_a_finding(windows, most):
    """Against training and the window before, of prediction and score too: at most 1 in 100 windows.

    Were it 10 in 100, 30 windows would be without a finding in 4 runs of 100.
    """
    rng = np.random.default_rng(3)
    document = mixed_manifest(draw(rng, 5_000))
    before, statuses = mixed_window(document, draw(rng, 1_000)), []
    for _ in range(windows):
        now = mixed_window(document, draw(rng, 1_000))
        statuses.append(judged(now, before, document)["status"])
        before = now

    assert statuses.count("alert") == 0
    assert statuses.count("warn") <= most


@pytest.mark.slow
@pytest.mark.parametrize("late", [0.002, 0.02, 0.3])
@pytest.mark.parametrize("rows", [200, 20_000])
def test_shares_of_rare_classes_do_not_move_by_chance(late, rows):
    rng = np.random.default_rng(4)
    found = 0
    for number in range(150):
        if number % 10 == 0:
            document = bare(rng, 1_000, late)
        found += bool(judged(predicted(document, rng, rows, late), document=document)["findings"])

    assert found <= 2


def test_the_change_of_a_share_is_told_in_standard_deviations_and_in_percent():
    document = class_manifest(
        described(np.random.default_rng(0).normal(size=(5_000, 1)), ["x"]), np.arange(5_000) % 10 == 0
    )
    now = window(document, np.random.default_rng(1).normal(size=(1_000, 1)), np.arange(1_000) % 5 == 0)

    verdict = judged(now, document=document)

    (finding,) = verdict["findings"]
    assert (finding["code"], finding["severity"], finding["what"]) == ("prediction-skew", "alert", PREDICTION)
    assert finding["found"] == '0.33 standard deviations from training; "late" in 20 % of the rows, was in 10 %'
    prediction = verdict["versions"][0]["prediction"]
    assert prediction["skew"]["share_change"] == pytest.approx(0.1 / 0.3)
    assert [(level["level"], level["training"], level["serving"]) for level in prediction["levels"]] == [
        ("on time", 0.9, 0.8),
        ("late", 0.1, 0.2),
    ]


def test_a_change_within_the_threshold_is_no_finding_however_sure():
    rng = np.random.default_rng(5)
    document = bare(rng, 100_000)

    assert judged(predicted(document, rng, 100_000, 0.12), document=document)["findings"] == []


def test_classes_that_moved_since_the_window_before_warn():
    rng = np.random.default_rng(6)
    document = bare(rng, late=0.1)
    before, now = (predicted(document, rng, 5_000, late) for late in (0.09, 0.135))

    assert ("warn", "prediction-drift", PREDICTION) in brief(judged(now, before, document))


def test_a_score_that_moved_is_found_though_no_class_did():
    rng = np.random.default_rng(7)
    document = mixed_manifest(draw(rng, 5_000))
    values = draw(rng, 1_000)
    values[:, 11] = values[:, 11] * 0.7 + 0.1
    values[:, 10] = np.arange(1_000) % 10 == 0

    verdict = judged(mixed_window(document, values), document=document)

    assert {(code, what) for _, code, what in brief(verdict)} == {("score-skew", SCORE)}
    score = verdict["versions"][0]["score"]
    assert (score["name"], score["class"]) == ("score of late", "late")
    assert score["serving"]["mean"] == pytest.approx(values[:, 11].mean())


def test_a_version_whose_scores_in_training_are_not_known_says_so():
    rng = np.random.default_rng(8)
    document = mixed_manifest(draw(rng, 5_000), scores=[])

    verdict = judged(mixed_window(document, draw(rng, 1_000)), document=document)

    assert f"{SCORE}: its training distribution is not known for this version" in verdict["notes"]
    assert verdict["status"] == "ok"


def test_few_rows_of_a_classifier_are_not_judged():
    rng = np.random.default_rng(9)
    document = bare(rng)

    verdict = judged(predicted(document, rng, 150, 0.9), document=document, log=LogCounts(rows=150))

    (version,) = verdict["versions"]
    assert (verdict["status"], version["prediction"], "score" in version) == ("not enough data", None, False)


def test_a_regression_has_no_score():
    (version,) = judged(NONE)["versions"]

    assert "score" not in version
