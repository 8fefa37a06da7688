"""A target of classes is looked at before it is learnt: how many labels there are, and whether each has rows enough."""

from __future__ import annotations

import numpy as np
import pytest

from model.data.class_counts import class_findings, number_findings

HELD = np.arange(200) % 5 == 0


def told(y, classes, held=HELD, least=5):
    findings = class_findings(np.asarray(y, float), held[: len(y)], classes, "late", least=least)
    return [(finding.severity, finding.code, finding.count, finding.found) for finding in findings]


def test_classes_with_rows_on_both_sides_are_fine():
    assert told(np.arange(200) // 5 % 2, ("no", "yes")) == []


def test_classes_with_fewer_training_rows_than_folds_are_named_fewest_first():
    y = np.zeros(200)
    y[[0, 1, 2, 3, 4]], y[[5, 6, 7]] = 1, 2

    assert told(y, ("no", "perhaps", "yes")) == [
        (
            "error",
            "few-of-class",
            2,
            'each class must have 5 training rows (training.folds), found 2 of "yes", 4 of "perhaps"',
        )
    ]


def test_a_rare_class_and_one_that_nothing_judges_are_warnings():
    y = np.zeros(200)
    y[[1, 2, 3, 4, 6, 7]] = 1

    assert told(y, (False, True)) == [
        ("warning", "rare-class", 1, "each class should have 10 training rows or more, found 6 of true"),
        ("warning", "rare-class", 1, "each class should have rows among those held out, found none of true"),
    ]


def test_a_model_that_is_fitted_already_lacks_no_training_rows():
    y = np.zeros(200)
    y[[1, 2]] = 1

    assert told(y, (False, True), least=0) == [
        ("warning", "rare-class", 1, "each class should have rows among those held out, found none of true")
    ]


@pytest.mark.parametrize(
    ("y", "classes", "finding"),
    [
        pytest.param(
            np.zeros(9),
            ("yes",),
            ("error", "constant-target", 9, 'must vary, found "yes" in every row'),
            id="one-class",
        ),
        pytest.param(
            np.arange(3),
            (0.5, 1.0, 2.25),
            ("error", "not-classes", 3, "must hold labels, found 3 different numbers, 0.5 among them"),
            id="fractions",
        ),
        pytest.param(
            np.arange(150) % 2,
            (5.0, 2.0**53),
            (
                "error",
                "blurred-classes",
                150,
                "must hold labels below 2^53 in size, where numbers of a file are read as they are, found 9007199254740992",
            ),
            id="numbers-that-may-be-two",
        ),
        pytest.param(
            np.arange(150) % 7,
            tuple(map(str, range(1001))),
            ("error", "too-many-classes", 1001, "may have 1000 classes at most, found 1001"),
            id="too-many",
        ),
    ],
)
def test_a_target_that_holds_no_classes_is_an_error_and_nothing_more_is_said(y, classes, finding):
    assert told(y, classes) == [finding]


@pytest.mark.parametrize(
    ("classes", "code", "found"),
    [
        pytest.param(("Late", "late"), "similar-levels", '"Late"', id="two-spellings"),
        pytest.param(("late", "n/a"), "missing-as-text", '"n/a"', id="word-for-a-missing-cell"),
    ],
)
def test_labels_that_are_no_classes_of_their_own_are_warnings(classes, code, found):
    (finding,) = told(np.arange(200) // 5 % 2, classes)

    assert finding[:2] == ("warning", code)
    assert found in finding[3]


def test_rows_without_a_label_count_for_no_class():
    y = np.where(np.arange(200) % 2, np.nan, 0.0)
    y[100:130] = 1

    assert told(y, ("no", "yes")) == []


@pytest.mark.parametrize(
    ("y", "findings"),
    [
        pytest.param([1, 2, 3, np.nan], ["should be an amount, found 3 whole numbers: 1, 2, 3"], id="grades"),
        pytest.param(np.arange(11), [], id="counts"),
        pytest.param([0.5, 1.0, 1.5], [], id="halves"),
        pytest.param([1, 1], [], id="constant"),
    ],
)
def test_a_target_of_few_whole_numbers_may_be_names(y, findings):
    assert [finding.found for finding in number_findings(np.asarray(y, float), "grade")] == findings
