"""Which estimators may be tried, and how they are fitted."""

from __future__ import annotations

import pytest

from functions.columns.schema import Feature
from model.data import reading
from model.errors import CandidateError
from model.evaluation.metrics import r2
from model.training.candidates import expand
from tests.support.trials import LINEAR, X, Y, fitted, line, refusal, trial

DIABETES = reading.read("sklearn:diabetes", [Feature("bmi", -1.0, 1.0)], "disease_progression")
BMI = DIABETES.x.matrix()


# The reference problem


@pytest.mark.parametrize(
    ("chosen", "value", "within"),
    [
        pytest.param(trial(), 0.4726, 0.0005, id="least-squares"),
        pytest.param(trial("LinearRegression", scale=True), 0.4726, 0.0005, id="least-squares-scaled"),
    ],
)
def test_the_line_through_diabetes_has_the_known_r2_on_the_last_twenty_rows(chosen, value, within):
    estimator = fitted(chosen, BMI[:-20], DIABETES.y[:-20], seed=7)

    found = float(r2(DIABETES.y[-20:], estimator.predict(BMI[-20:])))

    assert found == pytest.approx(value, abs=within)


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(trial("SGDRegressor", scale=True), id="sgd"),
        pytest.param(trial("SGDRegressor", scale=True, alpha=0.01), id="sgd-regularised"),
        pytest.param(trial("Ridge", scale=True, alpha=1.0), id="ridge"),
    ],
)
@pytest.mark.parametrize("seed", [pytest.param(seed, id=f"seed-{seed}") for seed in (0, 7, 42)])
def test_a_good_line_through_diabetes_reaches_042_on_the_last_twenty_rows(chosen, seed):
    estimator = fitted(chosen, BMI[:-20], DIABETES.y[:-20], seed=seed)

    assert float(r2(DIABETES.y[-20:], estimator.predict(BMI[-20:]))) >= 0.42


# Candidates


NO_REGRESSOR = (
    "training.candidates[1].estimator: {} must be the import path of a scikit-learn regressor or classifier, "
    "like sklearn.linear_model.Ridge"
)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("os.path", id="not-scikit-learn"),
        pytest.param("os.system", id="a-command"),
        pytest.param("numpy.ndarray", id="numpy"),
        pytest.param("sklearnx.Ridge", id="nearly-scikit-learn"),
        pytest.param("Ridge", id="no-module"),
        pytest.param("", id="empty"),
        pytest.param("sklearn", id="the-package"),
        pytest.param("sklearn.linear_model", id="a-module"),
        pytest.param("sklearn.preprocessing.StandardScaler", id="transformer"),
        pytest.param("sklearn.cluster.KMeans", id="cluster"),
        pytest.param("sklearn.linear_model.ridge_regression", id="function"),
        pytest.param("sklearn.metrics.r2_score", id="metric"),
        pytest.param("sklearn.base.RegressorMixin", id="mixin"),
        pytest.param("sklearn.base.BaseEstimator", id="base-class"),
        pytest.param("sklearn.pipeline.Pipeline", id="pipeline"),
    ],
)
def test_a_candidate_that_is_no_scikit_learn_regressor_is_refused(path):
    assert refusal(expand, [(LINEAR + "Ridge", False, {}), (path, False, {})]) == NO_REGRESSOR.format(path)


@pytest.mark.parametrize("name", ["VotingRegressor", "StackingRegressor"])
def test_an_estimator_that_is_made_of_others_needs_a_function_that_makes_it(name):
    assert refusal(expand, [(f"sklearn.ensemble.{name}", False, {})]) == (
        f"training.candidates[0].estimator: sklearn.ensemble.{name} is made of other estimators; "
        'give pipeline = "package.module:function", a function that returns it'
    )


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("sklearn.linear_model.Rigde", id="misspelt-class"),
        pytest.param("sklearn.linear_models.Ridge", id="misspelt-module"),
        pytest.param("sklearn..Ridge", id="two-points"),
        pytest.param("sklearn.linear_model.", id="point-last"),
    ],
)
def test_a_candidate_that_does_not_exist_is_refused(path):
    assert (
        refusal(expand, [(LINEAR + "Ridge", False, {}), (path, False, {})])
        == NO_REGRESSOR.format(path) + "; there is no such name"
    )


@pytest.mark.parametrize(
    ("name", "grid", "message"),
    [
        pytest.param(
            "LinearRegression",
            {"alpha": [1.0]},
            "training.candidates[0].grid.alpha: sklearn.linear_model.LinearRegression has no such parameter; "
            "it has copy_X, fit_intercept, n_jobs, positive, tol",
            id="of-another-estimator",
        ),
        pytest.param(
            "Ridge",
            {"alpha": [1.0], "Alpha": [1.0]},
            "training.candidates[0].grid.Alpha: sklearn.linear_model.Ridge has no such parameter; "
            "it has alpha, copy_X, fit_intercept, max_iter, positive, random_state, solver, tol",
            id="misspelt",
        ),
    ],
)
def test_an_unknown_parameter_is_named_with_the_known_ones(name, grid, message):
    assert refusal(expand, [(LINEAR + name, False, grid)]) == message


@pytest.mark.parametrize(
    ("grid", "start"),
    [
        pytest.param({"alpha": [1.0, -1.0]}, "The 'alpha' parameter of Ridge must be a float in the range", id="range"),
        pytest.param({"alpha": ["x"]}, "The 'alpha' parameter of Ridge must be a float in the range", id="type"),
        pytest.param({"solver": ["best"]}, "The 'solver' parameter of Ridge must be a str among", id="choice"),
    ],
)
def test_a_value_that_the_estimator_refuses_is_named_with_its_place(grid, start):
    message = refusal(expand, [(LINEAR + "LinearRegression", False, {}), (LINEAR + "Ridge", True, grid)], 3)

    assert message.startswith(f"training.candidates[1].grid: {start}")
    assert len(message.splitlines()) == 1


def test_a_candidate_without_a_grid_is_one_trial():
    assert expand([(LINEAR + "LinearRegression", False, {})]) == [trial()]


def test_a_grid_is_one_trial_for_every_combination():
    trials = expand([(LINEAR + "Ridge", True, {"alpha": [0.1, 1.0, 10.0], "fit_intercept": [True, False]})])

    assert trials == [
        trial("Ridge", scale=True, alpha=alpha, fit_intercept=fit_intercept)
        for alpha in (0.1, 1.0, 10.0)
        for fit_intercept in (True, False)
    ]


def test_trials_come_in_the_order_of_the_candidates():
    trials = expand(
        [
            (LINEAR + "Ridge", True, {"alpha": [10.0, 0.1]}),
            (LINEAR + "LinearRegression", False, {}),
            (LINEAR + "Lasso", False, {"selection": ["random", "cyclic"]}),
        ]
    )

    assert trials == [
        trial("Ridge", scale=True, alpha=10.0),
        trial("Ridge", scale=True, alpha=0.1),
        trial(),
        trial("Lasso", selection="random"),
        trial("Lasso", selection="cyclic"),
    ]


def test_a_grid_keeps_the_order_of_its_keys_and_values():
    trials = expand([(LINEAR + "Ridge", False, {"fit_intercept": [True, False], "alpha": [10.0, 0.1]})])

    assert [tuple(trial.parameters.items()) for trial in trials] == [
        (("fit_intercept", True), ("alpha", 10.0)),
        (("fit_intercept", True), ("alpha", 0.1)),
        (("fit_intercept", False), ("alpha", 10.0)),
        (("fit_intercept", False), ("alpha", 0.1)),
    ]


def test_no_candidates_are_no_trials():
    assert expand([]) == []


# The fit


def test_the_same_seed_gives_the_same_estimator():
    first = line(fitted(trial("SGDRegressor", scale=True), X, Y, seed=7))

    assert line(fitted(trial("SGDRegressor", scale=True), X, Y, seed=7)) == first


def test_another_seed_gives_another_estimator():
    first = line(fitted(trial("SGDRegressor", scale=True), X, Y, seed=7))

    assert line(fitted(trial("SGDRegressor", scale=True), X, Y, seed=8)) != first


def test_a_seed_among_the_parameters_goes_before_the_search_s():
    first = line(fitted(trial("SGDRegressor", scale=True, random_state=3), X, Y, seed=7))

    assert line(fitted(trial("SGDRegressor", scale=True, random_state=3), X, Y, seed=8)) == first


def test_parameters_reach_the_estimator():
    assert line(fitted(trial(fit_intercept=False), X, Y, seed=7))["intercept"] == 0.0


def test_candidates_of_two_tasks_are_refused_by_name():
    both = [("sklearn.linear_model.Ridge", False, {}), ("sklearn.linear_model.LogisticRegression", False, {})]

    with pytest.raises(
        CandidateError, match=r"training.candidates\[1\]: .* learns a classification, and .* a regression"
    ):
        expand(both)
    with pytest.raises(
        CandidateError, match=r"training.candidates\[0\]: .* learns a regression, and training.task a clas"
    ):
        expand(both, task="classification")


def test_a_classifier_is_a_candidate_with_its_parameters_checked():
    path = "sklearn.linear_model.LogisticRegression"

    assert [trial.classifies for trial in expand([(path, True, {"C": [0.1, 1.0]})])] == [True, True]
    with pytest.raises(CandidateError, match=r"training.candidates\[0\].grid: The 'C' parameter"):
        expand([(path, True, {"C": ["much"]})])
