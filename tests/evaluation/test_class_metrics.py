"""Metrics of classes are those of scikit-learn, weights and ties included, and are None where rows cannot tell."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from model.evaluation.answers import Classified
from model.evaluation.calibration import squared_error
from model.evaluation.class_losses import losses, share_losses, share_of
from model.evaluation.class_metrics import class_scores, confusion
from model.evaluation.metrics import Score
from model.evaluation.ranking import precision_recall_points, ranking, roc_points


def drawn(rows, classes, seed=0):
    """Labels, and answers with many equal probabilities."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, 5, (rows, classes)).astype(float)
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    return rng.integers(0, classes, rows), Classified(probabilities.argmax(axis=1), probabilities)


def values(actual, answers, classes, positive=None, **given):
    found = class_scores(actual, answers, classes, positive, confidence=0.95, seed=7, **given)
    return {name: score.value for name, score in found.items()}


@pytest.mark.parametrize("weighted", [pytest.param(False, id="plain"), pytest.param(True, id="weighted")])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_metrics_are_those_of_scikit_learn(classes, weighted):
    actual, answers = drawn(80, classes)
    labels, probabilities = list(range(classes)), answers.probabilities
    weights = np.random.default_rng(1).uniform(0.1, 9, 80) if weighted else None
    usual = {"sample_weight": weights}
    scores = probabilities[:, 1] if classes == 2 else probabilities

    found = values(actual, answers, labels, 1 if classes == 2 else None, weights=weights)

    del found["calibration_error"]
    wanted = {
        "log_loss": reference.log_loss(actual, probabilities, **usual),
        "brier": reference.brier_score_loss(actual, probabilities, labels=labels, **usual),
        "roc_auc": reference.roc_auc_score(actual, scores, multi_class="ovr", **usual),
        "average_precision": reference.average_precision_score(actual, scores, **usual),
        "accuracy": reference.accuracy_score(actual, answers.places, **usual),
        "balanced_accuracy": reference.balanced_accuracy_score(actual, answers.places, **usual),
    }
    for name, score in {
        "f1": reference.f1_score,
        "recall": reference.recall_score,
        "precision": reference.precision_score,
    }.items():
        each = score(actual, answers.places, average=None, labels=labels, **usual)
        wanted |= {f"{name}:{label}": value for label, value in zip(labels, each, strict=True)}
    assert found == pytest.approx(wanted, rel=1e-12)


def test_ranking_counts_rows_as_often_as_they_are_drawn():
    actual, answers = drawn(60, 2)
    counts = np.random.default_rng(3).integers(0, 4, (20, 60)).astype(float)

    auc, precision = ranking(actual == 1, answers.probabilities[:, 1])(counts)

    scores = answers.probabilities[:, 1]
    assert auc == pytest.approx([reference.roc_auc_score(actual, scores, sample_weight=each) for each in counts])
    assert precision == pytest.approx(
        [reference.average_precision_score(actual, scores, sample_weight=each) for each in counts]
    )


def test_labels_keep_their_names_and_without_probabilities_none_is_asked_for():
    found = values(np.array([0, 1, 1, 1]), Classified(np.array([0, 1, 1, 0])), [False, True], 1)

    assert found == pytest.approx(
        {
            "accuracy": 0.75, "balanced_accuracy": 5 / 6,
            "f1:false": 2 / 3, "recall:false": 1.0, "precision:false": 0.5,
            "f1:true": 0.8, "recall:true": 2 / 3, "precision:true": 1.0,
        }
    )  # fmt: skip


def test_no_rows_have_no_metrics():
    empty = Classified(np.empty(0, np.intp), np.empty((0, 2)))

    assert set(values(np.empty(0), empty, ["no", "yes"], 1).values()) == {None}


def test_one_row_has_no_interval():
    found = class_scores(
        np.array([1]), Classified(np.array([1]), np.array([[0.2, 0.8]])), [0, 1], 1, confidence=0.95, seed=7
    )

    assert found["log_loss"] == Score(pytest.approx(-np.log(0.8)), None, None)
    assert found["roc_auc"] == Score()


def test_a_class_without_rows_is_left_out_of_means_and_its_recall_is_unknown():
    _, answers = drawn(40, 3)
    actual = np.arange(40) % 2

    found = values(actual, answers, ["a", "b", "c"])

    each = [reference.roc_auc_score(actual == place, answers.probabilities[:, place]) for place in (0, 1)]
    assert found["roc_auc"] == pytest.approx(np.mean(each))
    assert (found["recall:c"], found["average_precision"] is None) == (None, False)


@pytest.mark.parametrize("label", [0, 1])
def test_rows_of_one_class_of_two_rank_nothing(label):
    _, answers = drawn(40, 2)

    found = values(np.full(40, label), answers, ["a", "b"], 1)

    assert (found["roc_auc"], found["average_precision"]) == (None, None)


def test_probabilities_that_are_nan_leave_the_labels_metrics():
    actual, answers = drawn(40, 2)
    answers.probabilities[3] = np.nan

    found = values(actual, answers, [0, 1], 1)

    unknown = {name for name, value in found.items() if value is None}
    assert unknown == {"log_loss", "brier", "roc_auc", "average_precision", "calibration_error"}


def test_a_rare_class_has_an_interval_though_some_resamples_miss_it():
    actual = (np.arange(60) < 3).astype(int)
    scores = np.linspace(0.9, 0.1, 60)
    answers = Classified((scores > 0.5).astype(int), np.column_stack([1 - scores, scores]))

    found = class_scores(actual, answers, [0, 1], 1, confidence=0.95, seed=7)

    assert found["roc_auc"] == Score(1.0, 1.0, 1.0)


def test_of_many_classes_the_commonest_and_those_asked_for_have_their_own():
    actual, answers = drawn(300, 30)

    found = values(actual, answers, list(range(30)), named=[int(np.argmin(np.bincount(actual)))])

    assert sum(name.startswith("recall:") for name in found) == 21


@pytest.mark.parametrize(
    ("flatter", "squared"),
    [pytest.param(1.0, 0.0, id="calibrated"), pytest.param(0.4, 0.124**2, id="too-sure")],
)
def test_the_squared_calibration_error_is_unbiased_on_100_rows(flatter, squared):
    """Without the correction its mean is 0.019 for calibrated probabilities."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(300):
        z = 1.2 * rng.normal(size=100)
        hit = rng.random(100) < 1 / (1 + np.exp(-flatter * z))
        found.append(squared_error(1 / (1 + np.exp(-z)), hit)(np.ones((1, 100)))[0])

    assert np.mean(found) == pytest.approx(squared, abs=0.002)


# Losses and shares


def test_the_log_loss_is_clipped_as_scikit_learn_clips_it():
    answers = Classified(np.array([0, 0]), np.array([[1.0, 0.0], [1.0, 0.0]]))

    found = losses(np.array([0, 1]), answers)

    assert found == pytest.approx(
        [reference.log_loss([place], [[1.0, 0.0]], labels=[0, 1]) for place in (0, 1)], rel=1e-12
    )


def test_a_constant_loses_by_the_shares_of_training_or_by_the_commonest_class():
    actual, shares = np.array([0, 1, 2]), np.array([0.5, 0.3, 0.2])

    assert share_losses(actual, shares) == pytest.approx(-np.log(shares))
    assert share_losses(actual, shares, "error_rate").tolist() == [0.0, 1.0, 1.0]


def test_shares_of_no_rows_are_unknown():
    assert np.isnan(share_of(np.empty(0), 2)).all()
    assert share_of(np.array([1, 1, 0, 1]), 3).tolist() == [0.25, 0.75, 0.0]


# Curves


def test_confusion_has_a_row_for_each_actual_class():
    assert confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 3) == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_curves_pass_equal_scores_together():
    hit, scores = np.array([True, False, True, False]), np.array([0.9, 0.5, 0.5, 0.1])

    assert roc_points(hit, scores).tolist() == [[0, 0], [0, 0.5], [0.5, 1], [1, 1]]
    assert precision_recall_points(hit, scores).tolist() == [[0.5, 1], [1, 2 / 3], [1, 0.5]]


def test_curves_of_many_rows_have_a_bounded_number_of_points_and_their_ends():
    rng = np.random.default_rng(1)
    points = roc_points(rng.random(20_000) < 0.3, rng.random(20_000))

    assert len(points) <= 200
    assert (points[0].tolist(), points[-1].tolist()) == ([0, 0], [1, 1])


@pytest.mark.parametrize("hit", [pytest.param([False] * 3, id="none"), pytest.param([True] * 3, id="all")])
def test_one_class_alone_has_no_roc(hit):
    assert roc_points(np.array(hit), np.arange(3.0)).shape == (0, 2)
