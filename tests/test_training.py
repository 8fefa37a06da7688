"""Which estimators may be tried, which is best, and that its coefficients predict what it predicts."""

from __future__ import annotations

import operator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import KFold

from functions.schema import Feature
from model import data
from model.evaluation import r2
from model.training import Result, TrainingError, expand, fit, search, to_linear

LINEAR = "sklearn.linear_model."
DIABETES = data.read("sklearn:diabetes", [Feature("bmi", -1.0, 1.0)], "disease_progression")

RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=(60, 3))
Y = X @ [1.0, -2.0, 0.5] + 3.0 + RANDOM.normal(scale=0.3, size=60)


def trial(name="LinearRegression", *, scale=False, **parameters):
    return {"estimator": LINEAR + name, "scale": scale, "parameters": parameters}


def refusal(act, *arguments, **options):
    """The message with which *act* refuses."""
    with pytest.raises(TrainingError) as caught:
        act(*arguments, **options)
    return str(caught.value)


def exactly(linear, x):
    """What the manifest's `linear` predicts for *x*, in rational numbers."""
    coefficients = [Fraction(value) for value in linear["coefficients"]]
    intercept = Fraction(linear["intercept"])
    return [intercept + sum(a * Fraction(b) for a, b in zip(coefficients, row, strict=True)) for row in x.tolist()]


# The reference problem


@pytest.mark.parametrize(
    ("chosen", "value", "within"),
    [
        pytest.param(trial(), 0.4726, 0.0005, id="least-squares"),
        pytest.param(trial("LinearRegression", scale=True), 0.4726, 0.0005, id="least-squares-scaled"),
    ],
)
def test_the_line_through_diabetes_has_the_known_r2_on_the_last_twenty_rows(chosen, value, within):
    estimator = fit(chosen, DIABETES.x[:-20], DIABETES.y[:-20], seed=7)

    found = float(r2(DIABETES.y[-20:], estimator.predict(DIABETES.x[-20:])))

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
    estimator = fit(chosen, DIABETES.x[:-20], DIABETES.y[:-20], seed=seed)

    assert float(r2(DIABETES.y[-20:], estimator.predict(DIABETES.x[-20:]))) >= 0.42


# Candidates


NO_REGRESSOR = "{} must be the import path of a scikit-learn regressor, like sklearn.linear_model.Ridge"


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
        pytest.param("sklearn.linear_model.LogisticRegression", id="classifier"),
        pytest.param("sklearn.preprocessing.StandardScaler", id="transformer"),
        pytest.param("sklearn.cluster.KMeans", id="cluster"),
        pytest.param("sklearn.linear_model.ridge_regression", id="function"),
        pytest.param("sklearn.metrics.r2_score", id="metric"),
        pytest.param("sklearn.base.RegressorMixin", id="mixin"),
        pytest.param("sklearn.base.BaseEstimator", id="base-class"),
        pytest.param("sklearn.ensemble.VotingRegressor", id="meta-estimator"),
        pytest.param("sklearn.multioutput.MultiOutputRegressor", id="another-meta-estimator"),
        pytest.param("sklearn.pipeline.Pipeline", id="pipeline"),
    ],
)
def test_a_candidate_that_is_no_scikit_learn_regressor_is_refused(path):
    assert refusal(expand, [(path, False, {})]) == NO_REGRESSOR.format(path)


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
    assert refusal(expand, [(path, False, {})]) == NO_REGRESSOR.format(path) + "; there is no such name"


@pytest.mark.parametrize(
    ("name", "grid", "message"),
    [
        pytest.param(
            "LinearRegression",
            {"alpha": [1.0]},
            "sklearn.linear_model.LinearRegression has no parameter 'alpha'; "
            "it has copy_X, fit_intercept, n_jobs, positive, tol",
            id="of-another-estimator",
        ),
        pytest.param(
            "Ridge",
            {"alpha": [1.0], "Alpha": [1.0]},
            "sklearn.linear_model.Ridge has no parameter 'Alpha'; "
            "it has alpha, copy_X, fit_intercept, max_iter, positive, random_state, solver, tol",
            id="misspelt",
        ),
    ],
)
def test_an_unknown_parameter_is_named_with_the_known_ones(name, grid, message):
    assert refusal(expand, [(LINEAR + name, False, grid)]) == message


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


def test_no_candidates_are_no_trials():
    assert expand([]) == []


# The search


def test_fewer_rows_than_folds_are_refused():
    message = refusal(search, [trial()], X[:4], Y[:4], folds=5, seed=7)

    assert message == "5 folds need at least 5 training rows, got 4"


@pytest.mark.parametrize(
    ("chosen", "start"),
    [
        pytest.param(
            trial("Ridge", alpha=-1.0),
            "sklearn.linear_model.Ridge {'alpha': -1.0}: The 'alpha' parameter of ",
            id="range",
        ),
        pytest.param(
            trial("Ridge", alpha="x"), "sklearn.linear_model.Ridge {'alpha': 'x'}: The 'alpha' parameter of ", id="type"
        ),
        pytest.param(
            trial("Ridge", solver="best"),
            "sklearn.linear_model.Ridge {'solver': 'best'}: The 'solver' parameter of ",
            id="choice",
        ),
        pytest.param(
            trial("Ridge", solver="lbfgs"),
            "sklearn.linear_model.Ridge {'solver': 'lbfgs'}: 'lbfgs' solver can be used only when positive=True",
            id="contradiction",
        ),
        pytest.param(
            trial("PoissonRegressor"),
            "sklearn.linear_model.PoissonRegressor {}: Some value(s) of y are out of the valid range",
            id="target",
        ),
    ],
)
def test_a_trial_that_cannot_be_fitted_is_named_with_its_parameters(chosen, start):
    assert refusal(search, [trial(), chosen], X, Y, folds=5, seed=7).startswith(start)


def test_a_trial_that_diverges_is_named():
    message = refusal(search, [trial("SGDRegressor")], X * 1e300, Y, folds=5, seed=7)

    assert message.startswith("sklearn.linear_model.SGDRegressor {}: Floating-point under-/overflow occurred")


def test_the_best_trial_comes_first():
    worse, worst = trial("Ridge", alpha=100.0), trial("Ridge", alpha=1e6)

    results = search([worst, trial(), worse], X, Y, folds=5, seed=7)

    assert [result.trial for result in results] == [trial(), worse, worst]
    assert results[0].rmse < results[1].rmse < results[2].rmse


@pytest.mark.parametrize(
    "order",
    [
        pytest.param([trial(copy_X=True), trial(copy_X=False)], id="one-way"),
        pytest.param([trial(copy_X=False), trial(copy_X=True)], id="the-other-way"),
    ],
)
def test_of_equal_trials_the_first_given_comes_first(order):
    results = search(order, X, Y, folds=5, seed=7)

    assert [result.trial for result in results] == order


def test_a_result_is_mean_and_spread_of_the_folds_errors():
    (result,) = search([trial()], X, Y, folds=5, seed=7)

    errors = [
        root_mean_squared_error(Y[test], LinearRegression().fit(X[train], Y[train]).predict(X[test]))
        for train, test in KFold(5, shuffle=True, random_state=7).split(X)
    ]
    assert result == Result(trial(), pytest.approx(np.mean(errors)), pytest.approx(np.std(errors)))


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(trial(), id="least-squares"),
        pytest.param(trial("SGDRegressor", scale=True), id="sgd"),
        pytest.param(trial("Lasso", selection="random", alpha=0.01), id="lasso"),
    ],
)
def test_the_same_seed_gives_the_same_results(chosen):
    first = search([chosen], X, Y, folds=5, seed=7)

    assert search([chosen], X, Y, folds=5, seed=7) == first


def test_another_seed_makes_other_folds():
    first = search([trial()], X, Y, folds=5, seed=7)

    assert search([trial()], X, Y, folds=5, seed=8) != first


def test_every_trial_meets_the_same_folds():
    alone = search([trial()], X, Y, folds=5, seed=7)

    among = search([trial("SGDRegressor", scale=True), trial(), trial("Ridge")], X, Y, folds=5, seed=7)

    assert [result for result in among if result.trial == trial()] == alone


def test_progress_is_told_after_each_trial():
    told = []

    search([trial(), trial("Ridge"), trial("Ridge", alpha=2.0)], X, Y, folds=5, seed=7, done=lambda: told.append(1))

    assert told == [1, 1, 1]


def test_as_many_rows_as_folds_are_enough():
    results = search([trial()], X[:5], Y[:5], folds=5, seed=7)

    assert [result.trial for result in results] == [trial()]


def test_no_trials_have_no_results():
    assert search([], X, Y, folds=5, seed=7) == []


# The fit


def test_the_same_seed_gives_the_same_estimator():
    first = to_linear(fit(trial("SGDRegressor", scale=True), X, Y, seed=7))

    assert to_linear(fit(trial("SGDRegressor", scale=True), X, Y, seed=7)) == first


def test_another_seed_gives_another_estimator():
    first = to_linear(fit(trial("SGDRegressor", scale=True), X, Y, seed=7))

    assert to_linear(fit(trial("SGDRegressor", scale=True), X, Y, seed=8)) != first


def test_a_seed_among_the_parameters_goes_before_the_search_s():
    first = to_linear(fit(trial("SGDRegressor", scale=True, random_state=3), X, Y, seed=7))

    assert to_linear(fit(trial("SGDRegressor", scale=True, random_state=3), X, Y, seed=8)) == first


def test_parameters_reach_the_estimator():
    assert to_linear(fit(trial(fit_intercept=False), X, Y, seed=7))["intercept"] == 0.0


# The coefficients


AFFINE = [
    pytest.param(trial(), id="least-squares"),
    pytest.param(trial(scale=True), id="least-squares-scaled"),
    pytest.param(trial(fit_intercept=False), id="least-squares-through-zero"),
    pytest.param(trial(fit_intercept=False, scale=True), id="least-squares-through-zero-scaled"),
    pytest.param(trial("Ridge", alpha=1.0), id="ridge"),
    pytest.param(trial("Ridge", alpha=1.0, scale=True), id="ridge-scaled"),
    pytest.param(trial("Lasso", alpha=0.1, scale=True), id="lasso-scaled"),
    pytest.param(trial("SGDRegressor"), id="sgd"),
    pytest.param(trial("SGDRegressor", scale=True), id="sgd-scaled"),
    pytest.param(trial("BayesianRidge", scale=True), id="bayesian-ridge-scaled"),
    pytest.param(trial("HuberRegressor", scale=True), id="huber-scaled"),
]


@pytest.mark.parametrize("chosen", AFFINE)
def test_coefficients_predict_what_the_estimator_predicts_on_every_row(chosen):
    estimator = fit(chosen, X, Y, seed=7)

    linear = to_linear(estimator)

    assert [float(value) for value in exactly(linear, X)] == pytest.approx(estimator.predict(X).tolist(), rel=1e-12)
    assert {type(value) for value in (*linear["coefficients"], linear["intercept"])} == {float}


@pytest.mark.parametrize("chosen", [param for param in AFFINE if param.values[0]["scale"]])
def test_scaling_costs_no_digits_where_a_feature_has_a_large_mean_and_a_small_spread(chosen):
    """Scaler, then estimator, in rational numbers: what they give is rounded once, and nothing before that."""
    far = X + np.array([1e9, 0.0, -1e9])
    estimator = fit(chosen, far, Y, seed=7)

    linear = to_linear(estimator)

    scaler, regressor = estimator[0], estimator[-1]
    means, scales, weights = (
        [Fraction(value) for value in np.ravel(values).tolist()]
        for values in (scaler.mean_, scaler.scale_, regressor.coef_)
    )

    def piped(*row):
        scaled = [(Fraction(value) - mean) / scale for value, mean, scale in zip(row, means, scales, strict=True)]
        return Fraction(float(np.ravel(regressor.intercept_)[0])) + sum(map(operator.mul, weights, scaled))

    at_zero = piped(0, 0, 0)
    slopes = [piped(1, 0, 0) - at_zero, piped(0, 1, 0) - at_zero, piped(0, 0, 1) - at_zero]
    assert linear == {"coefficients": [float(slope) for slope in slopes], "intercept": float(at_zero)}
    assert [float(value) for value in exactly(linear, far)] == pytest.approx(estimator.predict(far).tolist(), abs=1e-6)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(seed=st.integers(0, 1000), mean=st.floats(-1e4, 1e4), spread=st.floats(0.01, 100.0), scale=st.booleans())
def test_whatever_the_features_scale_coefficients_predict_what_the_estimator_predicts(seed, mean, spread, scale):
    source = np.random.default_rng(seed)
    x = source.normal(mean, spread, size=(30, 2))
    y = source.normal(size=30)
    estimator = fit(trial("Ridge", scale=scale), x, y, seed=7)

    linear = to_linear(estimator)

    assert [float(value) for value in exactly(linear, x)] == pytest.approx(estimator.predict(x).tolist(), abs=1e-6)


def test_a_constant_feature_has_no_say():
    x = np.column_stack([X[:, 0], np.full(60, 5.0)])

    linear = to_linear(fit(trial("Ridge", scale=True), x, Y, seed=7))

    assert linear["coefficients"][1] == 0.0


@pytest.mark.parametrize(
    ("path", "name"),
    [
        pytest.param("sklearn.tree.DecisionTreeRegressor", "DecisionTreeRegressor", id="tree"),
        pytest.param("sklearn.neighbors.KNeighborsRegressor", "KNeighborsRegressor", id="neighbours"),
        pytest.param("sklearn.svm.SVR", "SVR", id="kernel"),
        pytest.param("sklearn.dummy.DummyRegressor", "DummyRegressor", id="dummy"),
        pytest.param("sklearn.ensemble.BaggingRegressor", "BaggingRegressor", id="bagging"),
    ],
)
@pytest.mark.parametrize("scale", [pytest.param(True, id="scaled"), pytest.param(False, id="plain")])
def test_an_estimator_that_is_not_affine_is_refused(path, name, scale):
    estimator = fit({"estimator": path, "scale": scale, "parameters": {}}, X, Y, seed=7)

    message = f"{name} has no coef_ and intercept_: only affine models can be served"
    assert refusal(to_linear, estimator) == message


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        pytest.param("sklearn.linear_model.PoissonRegressor", {}, id="log-link"),
        pytest.param("sklearn.linear_model.GammaRegressor", {}, id="another-log-link"),
        pytest.param("sklearn.cross_decomposition.PLSRegression", {"n_components": 1}, id="centred"),
    ],
)
def test_coefficients_that_mean_something_else_are_refused_or_right(path, parameters):
    positive = np.exp(Y / 4)
    estimator = fit({"estimator": path, "scale": False, "parameters": parameters}, X + 5, positive, seed=7)

    try:
        found = [float(value) for value in exactly(to_linear(estimator), X + 5)]
    except TrainingError:
        found = estimator.predict(X + 5).tolist()

    assert found == pytest.approx(np.ravel(estimator.predict(X + 5)).tolist(), rel=1e-9)
