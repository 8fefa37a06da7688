"""Folds of a cross-validation: every row once, groups together, classes by their shares, times forward."""

from __future__ import annotations

import numpy as np
import pytest

from model.errors import CandidateError
from model.training.folds import folds_of

ROWS = 200
LABELS = np.array(["late"] * 11 + ["early"] * 189)


def test_fewer_groups_than_folds_are_refused():
    with pytest.raises(CandidateError, match="5 folds need at least 5 different training rows, got 3"):
        folds_of(np.array([1, 1, 2, 3]), np.arange(4.0), classes=False, folds=5, seed=7)


@pytest.mark.parametrize("classes", [False, True])
def test_every_row_is_scored_once_a_repeat_and_never_by_a_fit_that_saw_it(classes):
    folds = folds_of(np.arange(ROWS), LABELS, classes=classes, folds=5, seed=7, repeats=2)

    assert (sum(scored.astype(int) for _, scored in folds) == 2).all()
    assert all((fitted ^ scored).all() for fitted, scored in folds)


def test_each_fold_keeps_the_shares_of_the_classes():
    source = np.random.default_rng(3)
    labels = source.permutation(LABELS)

    late = [
        (labels[scored] == "late").sum()
        for _, scored in folds_of(np.arange(ROWS), labels, classes=True, folds=5, seed=7)
    ]

    assert sorted(late) == [2, 2, 2, 2, 3]


def test_folds_of_another_repeat_or_seed_are_others_and_those_of_the_same_are_the_same():
    first, again, other = (
        [
            scored.tolist()
            for _, scored in folds_of(np.arange(ROWS), LABELS, classes=True, folds=5, seed=seed, repeats=2)
        ]
        for seed in (7, 7, 8)
    )

    assert first == again
    assert first[:5] != first[5:]
    assert first != other


def test_a_group_stands_in_one_fold_whatever_its_classes():
    groups = np.arange(ROWS) // 7

    for fitted, scored in folds_of(groups, LABELS, classes=True, folds=5, seed=7):
        assert not set(groups[fitted]) & set(groups[scored])
