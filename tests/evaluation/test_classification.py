"""A classifier is compared by its own loss, judged where it is worse than it expects, and refused for each reason alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.config import GateConfig
from model.evaluation import classification
from model.evaluation.answers import Classified
from model.evaluation.checks import Check
from model.evaluation.comparison import compare
from model.evaluation.gate import absolute, relative
from model.evaluation.metrics import Score
from model.evaluation.resampling import mean_above_zero
from model.evaluation.slices import Slice, slices
from tests.support import pairs

BOUNDS = GateConfig()


def answers(positive):
    positive = np.asarray(positive, float)
    return Classified((positive >= 0.5).astype(np.intp), np.column_stack([1 - positive, positive]))


def world(rows=400, steepness=1.0, seed=1):
    """Labels, and the probabilities that made them."""
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-steepness * rng.normal(size=rows)))
    return (rng.random(rows) < p).astype(np.intp), p


# Against production


def compared(actual, challenger, champion):
    return compare(classification.pair(actual, challenger, champion, 2), confidence=0.95, seed=7)


def test_the_record_of_a_comparison_names_its_loss():
    actual = np.array([0, 1, 1, 0])

    found = compared(actual, answers([0.2, 0.8, 0.8, 0.2]), answers([0.5, 0.5, 0.5, 0.5])).document()

    saved = 1 - np.log(0.8) / np.log(0.5)
    assert found == {
        "rows": 4,
        "replicates": 10_000,
        "confidence": 0.95,
        "loss": "log_loss",
        "log_loss": {"challenger": pytest.approx(-np.log(0.8)), "production": pytest.approx(np.log(2))},
        "improvement": dict.fromkeys(("value", "low", "high"), pytest.approx(saved)),
        "confidence_reached": pytest.approx(1, abs=1e-3),
        "moved": 0.0,
    }


def test_a_classifier_without_probabilities_makes_wrong_labels_the_loss_of_both():
    actual, p = world()

    found = compared(actual, answers(p), answers(p).without_probabilities()).document()

    assert found["loss"] == "error_rate"
    assert found["error_rate"]["challenger"] == found["error_rate"]["production"]
    assert found["judged"] == "by wrong labels, since production has no probabilities"
    assert (found["confidence_reached"], found["moved"]) == (0.0, 0.0)


def test_equal_answers_are_a_tie_and_nan_or_no_rows_compare_nothing():
    actual, p = world()
    broken = np.where(np.arange(400) == 3, np.nan, p)

    assert compared(actual, answers(p + 1e-12), answers(p)).confidence_reached == 0.0
    assert compared(actual, answers(broken), answers(p)).confidence_reached is None
    assert compared(actual[:0], answers(p[:0]), answers(p[:0])).rows == 0


def test_without_a_row_that_both_answered_nothing_is_said_of_the_way_they_are_judged():
    actual, p = world()

    found = compared(actual[:0], answers(p[:0]), answers(p[:0]).without_probabilities()).document()

    assert (found["rows"], found["loss"], "judged" in found) == (0, "log_loss", False)


def test_another_threshold_alone_is_a_tie_and_the_line_says_how_it_is_promoted():
    actual, p = world()
    later = replace(answers(p), places=(p >= 0.7).astype(np.intp))

    lines = relative(
        BOUNDS,
        comparison=compared(actual, later, answers(p)),
        slices=[],
        inputs=["x", "y"],
        production_inputs=["x", "y"],
    )

    (line,) = (line for line in lines if line.check == "log loss saved against production")
    assert (line.passed, line.value) == (False, 0.0)
    assert line.note == (
        "probabilities are production's, labels follow another threshold: `promote --force --reason TEXT` promotes it"
    )


def test_a_moved_mean_is_in_standard_deviations_of_belonging_to_the_class():
    actual = np.arange(100) < 10

    found = classification.pair(actual.astype(int), answers(np.full(100, 0.16)), answers(np.full(100, 0.1)), 2)

    assert found.moved == pytest.approx(0.06 / 0.3)


@pytest.mark.parametrize("rows", [100, 400])
@pytest.mark.parametrize("family", [pytest.param(family, id=family) for family in pairs.CLASSES])
def test_of_300_pairs_of_equally_good_classifiers_few_are_promoted(family, rows):
    gains = pairs.CLASSES[family](np.random.default_rng(1), 300, rows)

    *_, reached = mean_above_zero(gains, confidence=0.95, seed=7, replicates=1_000)

    assert (reached >= 0.95).mean() <= 0.05


# Slices


def parts(actual, ours, group, **given):
    errors = classification.Errors(actual, ours, positive=1, **given)
    return {part.values: part for part in slices({"group": np.asarray(group)}, errors, count=4)}


def test_a_slice_that_is_only_harder_is_not_worse():
    (easy, p), (hard, q) = world(500, 6.0, 1), world(500, 0.1, 2)

    found = parts(np.append(easy, hard), answers(np.append(p, q)), ["easy"] * 500 + ["hard"] * 500)

    assert found["hard"].error > 3 * found["easy"].error
    assert {name: part.ratio for name, part in found.items()} == pytest.approx({"easy": 1, "hard": 1}, abs=0.15)
    assert min(part.chance for part in found.values()) > 0.05


def test_a_slice_on_which_the_probabilities_are_wrong_is_worse_beyond_chance():
    actual, p = world(1000, 4.0)
    group = np.where(np.arange(1000) % 10, "rest", "bad")
    flipped = np.where(group == "bad", 1 - p, p)

    found = parts(actual, answers(flipped), group)["bad"]

    assert (found.rows, found.ratio > 2, found.chance < 1e-6) == (100, True, True)


def test_a_model_that_is_too_sure_everywhere_is_worse_on_no_slice():
    actual, p = world(1000, 1.5)
    z = 4 * np.log(p / (1 - p))

    found = parts(actual, answers(1 / (1 + np.exp(-z))), np.arange(1000) % 5)

    assert max(part.ratio for part in found.values()) < 1.5
    assert min(part.chance for part in found.values()) > 0.01


def test_one_surprise_in_ten_rows_is_no_reason():
    """Its log loss is 88 times the expected one; it comes in one of a hundred slices of ten rows."""
    p = np.full(1000, 0.001)
    actual = (np.arange(1000) == 3).astype(np.intp)

    found = parts(actual, answers(p), ["few"] * 10 + ["rest"] * 990)["few"]

    assert found.ratio > 50
    assert found.chance > 0.01


def test_wrong_labels_are_compared_with_those_of_the_whole():
    actual = np.zeros(200, np.intp)
    labels = np.where((np.arange(200) < 20) | (np.arange(200) % 20 == 0), 1, 0)
    errors = classification.Errors(actual, Classified(labels))

    first, _ = slices({"group": np.array(["a"] * 20 + ["b"] * 180)}, errors, count=2)

    assert first.document() == {
        "column": "group", "values": "a", "rows": 20, "error_rate": 1.0,
        "ratio": pytest.approx(200 / 29), "chance": pytest.approx(0, abs=1e-9),
    }  # fmt: skip


def test_labels_that_are_wrong_hardly_more_often_than_the_commonest_class_make_no_slice_worse():
    """A third of the first slice is positive and nothing says so; one negative row is called positive besides."""
    actual = np.where((np.arange(400) < 40) | (np.arange(400) % 30 == 0), 1, 0)
    errors = classification.Errors(actual, Classified((np.arange(400) == 41).astype(np.intp)))

    first, _ = slices({"group": np.array(["a"] * 120 + ["b"] * 280)}, errors, count=2)

    assert (first.values, first.ratio > 2, first.chance > 0.9) == ("a", True, True)


def test_a_slice_is_compared_with_production_where_it_may_be_judged():
    actual, p = world(400, 3.0)
    comparable = np.arange(400) < 200

    found = parts(actual, answers(np.full(400, 0.5)), ["all"] * 400, champion=answers(p), comparable=comparable)["all"]

    assert (found.compared_rows, found.loss > 1.25, found.loss_chance < 1e-4) == (200, True, True)


# The gate


def measured(**changes):
    usual = {
        "log_loss": Score(0.5), "roc_auc": Score(0.6, 0.5, 0.7), "calibration_error": Score(0.1), "accuracy": Score(0.8),
        "recall:late": Score(0.8), "recall:early": Score(0.9),
    }  # fmt: skip
    return {**usual, **changes}


def own(bounds=(), scores=None, baseline=0.6, positive=1):
    limits = GateConfig.model_validate(dict(bounds))
    scores = measured() if scores is None else scores
    return classification.checks(limits, scores, baseline=baseline, classes=["early", "late"], positive=positive)


def refused(checks):
    return [(check.check, check.value, check.threshold, check.note) for check in checks if not check.passed]


LEAK = (
    "nearly always a feature was made from the target, or is known only after it: look at the most important ones; "
    "if none was, `max_auc = 0.999` in [gate] of the configuration allows it"
)
WITHOUT = "this classifier has no probabilities"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        pytest.param({"baseline": 0.5}, ("log_loss below that of the class shares", 0.5, 0.5, ""), id="shares"),
        pytest.param({"scores": measured(roc_auc=Score(0.59, 0.5, 0.7))}, ("roc_auc", 0.59, 0.6, ""), id="auc"),
        pytest.param(
            {"scores": measured(roc_auc=Score(0.998, 0.9951, 1.0))},
            ("roc_auc not too good to be true, low end", 0.9951, 0.995, LEAK),
            id="leak",
        ),
        pytest.param({"bounds": {"max_log_loss": 0.4}}, ("log_loss", 0.5, 0.4, ""), id="log-loss"),
        pytest.param(
            {"bounds": {"max_calibration_error": 0.09}}, ("calibration_error", 0.1, 0.09, ""), id="calibration"
        ),
        pytest.param({"bounds": {"min_recall": 0.81}}, ("recall:late", 0.8, 0.81, ""), id="recall-of-the-positive"),
        pytest.param(
            {"bounds": {"min_recall": {"early": 0.91}}}, ("recall:early", 0.9, 0.91, ""), id="recall-of-a-label"
        ),
        pytest.param(
            {"bounds": {"min_recall": {"lat": 0.1}}},
            ("recall:lat", None, 0.1, "no class has this label; the classes are early, late"),
            id="no-such-label",
        ),
        pytest.param(
            {"bounds": {"min_recall": 0.1}, "positive": None},
            ("recall", None, 0.1, "one number is for two classes: `min_recall = { LABEL = 0.8 }` names them"),
            id="one-number-for-several",
        ),
        pytest.param(
            {"scores": {"accuracy": Score(0.8)}, "baseline": 0.2},
            ("error rate below that of the commonest class", 0.2, 0.2, ""),
            id="commonest-class",
        ),
        pytest.param(
            {"scores": {"accuracy": Score(0.8)}, "bounds": {"max_log_loss": 1.0}},
            ("log_loss", None, 1.0, WITHOUT),
            id="no-probabilities",
        ),
    ],
)
def test_each_check_of_a_classifier_says_no_alone(given, wanted):
    assert refused(own(**given)) == [wanted]


def test_metrics_that_could_not_be_computed_fail():
    unknown = measured(log_loss=Score(), roc_auc=Score())

    assert [name for name, *_ in refused(own(scores=unknown))] == [
        "roc_auc",
        "roc_auc not too good to be true, low end",
        "log_loss below that of the class shares",
    ]


SLICE = Slice(
    "age", "0 … 1", rows=50, error=1.0, bias=0.0, ratio=3.0, measure="log_loss", chance=0.001,
    compared_rows=50, loss=2.0, loss_chance=0.001,
)  # fmt: skip


def judged(part, **given):
    common = {"data_errors": 0, "rows": 500, "holdout_rows": 100, "furthest": 0.0, "model_bytes": 1, "wrong_answers": 0}
    actual, p = world()
    usual = {"inputs": ["x", "y"], "production_inputs": ["x", "y"], "classes": [0, 1], "production_classes": [0, 1]}
    found = compared(actual, answers(p), answers(np.full(400, 0.5)))
    return absolute(BOUNDS, own=[], slices=[part], **common) + relative(
        BOUNDS, comparison=found, slices=[part], **{**usual, **given}
    )


def test_a_slice_beyond_chance_is_refused_and_one_within_chance_is_not():
    assert refused(judged(SLICE)) == [
        ("worst slice's log loss by the expected", 3.0, 2.0, ""),
        ("worst slice's log loss by production's", 2.0, 1.25, ""),
    ]
    assert refused(judged(replace(SLICE, chance=0.02, loss_chance=0.02))) == []
    assert refused(judged(replace(SLICE, ratio=None, chance=None))) != []


def test_a_classifier_has_no_check_of_its_target_s_scale():
    assert [check.check for check in judged(replace(SLICE, ratio=1.0, loss=1.0))][7:] == [
        "inputs that differ from production's",
        "classes that differ from production's",
        "held-out rows new to production",
        "log loss saved against production",
        "confidence of being better",
        "mean prediction moved, in std of its class",
        "worst slice's log loss by production's",
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "count", "note"),
    [
        pytest.param(["a", "b"], ["a", "c"], 2, "added: b; removed: c", id="other-labels"),
        pytest.param(["a", "b", "c"], ["a", "b"], 1, "added: c", id="one-more"),
        pytest.param(
            [False, True], [0, 1], 4, "they are true and false, production's are whole numbers", id="another-type"
        ),
        pytest.param([0, 1], [], 2, "production predicts numbers, this version classes", id="was-a-regression"),
        pytest.param([], [0, 1], 2, "this version predicts numbers", id="is-a-regression"),
    ],
)
def test_other_classes_are_named_and_nothing_else_is_compared(ours, theirs, count, note):
    checks = judged(replace(SLICE, chance=1.0), classes=ours, production_classes=theirs)

    assert checks[-1] == Check(
        "classes that differ from production's", passed=False, value=count, threshold=0, note=note
    )
