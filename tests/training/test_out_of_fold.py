"""Scores of rows by fits that did not see them, and a classifier that answers from a threshold on."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from functions.columns.schema import Feature
from functions.columns.table import Table
from model.errors import CandidateError
from model.training.candidates import Trial, fit
from model.training.folds import folds_of
from model.training.out_of_fold import from_threshold_on, scores_out_of_fold

RANDOM = np.random.default_rng(3)
ROWS = 200
X = RANDOM.normal(size=(ROWS, 2))
LABELS = np.where(X[:, 0] + RANDOM.logistic(size=ROWS) > 1, "late", "on time").astype(object)
FEATURES = (Feature("a"), Feature("b"))
TRIAL = Trial("sklearn.linear_model.LogisticRegression", scale=True, parameters={"C": 0.5}, classifies=True)
WITHOUT = Trial("sklearn.svm.LinearSVC", scale=True, parameters={}, classifies=True)


def scores(trial=TRIAL, **options):
    given = {"features": FEATURES, "folds": 4, "seed": 1, "groups": np.arange(ROWS)}
    return scores_out_of_fold(trial, Table(X), LABELS, 0, **{**given, **options})


def test_each_row_is_scored_by_a_fit_to_the_other_folds():
    expected = np.empty(ROWS)
    for train, test in folds_of(np.arange(ROWS), LABELS, classes=True, folds=4, seed=1):
        scaler = StandardScaler().fit(X[train])
        model = LogisticRegression(C=0.5, random_state=1).fit(scaler.transform(X[train]), LABELS[train])
        expected[test] = model.predict_proba(scaler.transform(X[test]))[:, 0]

    assert scores() == pytest.approx(expected, abs=1e-12)


def test_rows_before_the_first_fold_in_time_have_no_score():
    told = scores(times=np.arange(ROWS, dtype=float))

    assert np.flatnonzero(np.isnan(told)).tolist() == list(range(40))


def test_a_classifier_without_probabilities_has_no_threshold():
    message = r"^training.threshold needs probabilities, and sklearn.svm.LinearSVC scale gives none$"

    with pytest.raises(CandidateError, match=message):
        scores(WITHOUT)
    with pytest.raises(CandidateError, match=message):
        from_threshold_on(
            WITHOUT, fit(WITHOUT, Table(X), LABELS, features=FEATURES, seed=1), X, LABELS, positive="late", value=0.5
        )


@pytest.mark.parametrize("positive", ["late", "on time"])
def test_the_positive_label_is_answered_from_the_threshold_on_and_probabilities_stay(positive):
    fitted = fit(TRIAL, Table(X), LABELS, features=FEATURES, seed=1)
    chances = fitted.predict_proba(X)
    score = chances[:, ["late", "on time"].index(positive)]
    value = float(np.sort(score)[ROWS // 3])  # the score of a row is its threshold

    answering = from_threshold_on(TRIAL, fitted, X, LABELS, positive=positive, value=value)

    assert ((answering.predict(X) == positive) == (score >= value)).all()
    assert (answering.predict(X) == positive).sum() == ROWS - ROWS // 3
    assert (answering.predict_proba(X) == chances).all()
