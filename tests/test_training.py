"""Candidates, the search over them, and the way from a fitted estimator to the coefficients that are served."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from model import training
from model.evaluation import r2
from model.training import TrainingError

LINEAR = "sklearn.linear_model.LinearRegression"
RIDGE = "sklearn.linear_model.Ridge"
SGD = "sklearn.linear_model.SGDRegressor"
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 2))
TARGET = ROWS @ [2.0, -1.0] + 5 + 0.1 * RNG.normal(size=60)


def trial(estimator, *, scale=False, **parameters):
    return {"estimator": estimator, "scale": scale, "parameters": parameters}


@pytest.fixture(scope="module")
def diabetes():
    """The reference problem: bmi against disease progression."""
    bunch = load_diabetes()
    return bunch.data[:, [2]], bunch.target


def test_least_squares_reaches_the_known_score_on_the_last_twenty_rows(diabetes):
    x, y = diabetes
    fitted = training.fit(trial(LINEAR), x[:-20], y[:-20], seed=7)

    assert r2(y[-20:], fitted.predict(x[-20:])) == pytest.approx(0.4726, abs=0.0005)


def test_gradient_descent_reaches_a_good_score_on_the_last_twenty_rows(diabetes):
    x, y = diabetes
    fitted = training.fit(trial(SGD, scale=True), x[:-20], y[:-20], seed=7)

    assert r2(y[-20:], fitted.predict(x[-20:])) >= 0.42


def test_a_grid_gives_one_trial_a_combination():
    trials = training.expand([(LINEAR, False, {}), (RIDGE, True, {"alpha": [1.0, 2.0], "solver": ["svd"]})])

    assert trials == [
        trial(LINEAR),
        trial(RIDGE, scale=True, alpha=1.0, solver="svd"),
        trial(RIDGE, scale=True, alpha=2.0, solver="svd"),
    ]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        pytest.param("os.system", "", id="not-sklearn"),
        pytest.param("Ridge", "", id="no-module"),
        pytest.param("sklearn.linear_model.Nothing", "; there is no such name", id="no-name"),
        pytest.param("sklearn.nothing.Ridge", "; there is no such name", id="no-such-module"),
        pytest.param("sklearn.linear_model.LogisticRegression", "", id="classifier"),
        pytest.param("sklearn.preprocessing.StandardScaler", "", id="transformer"),
        pytest.param("sklearn.multioutput.MultiOutputRegressor", "", id="meta-estimator"),
        pytest.param("sklearn.metrics.r2_score", "", id="function"),
    ],
)
def test_what_is_no_regressor_is_refused(path, reason):
    with pytest.raises(TrainingError) as raised:
        training.expand([(path, False, {})])

    wanted = "must be the import path of a scikit-learn regressor, like sklearn.linear_model.Ridge"
    assert str(raised.value) == f"{path} {wanted}{reason}"


def test_an_unknown_parameter_says_which_there_are():
    with pytest.raises(TrainingError) as raised:
        training.expand([(LINEAR, False, {"alpha": [1.0]})])

    assert str(raised.value) == (
        f"{LINEAR} has no parameter 'alpha'; it has copy_X, fit_intercept, n_jobs, positive, tol"
    )


def test_the_best_trial_comes_first_and_the_search_repeats_itself():
    trials = [trial(RIDGE, alpha=1e6), trial(SGD, scale=True), trial(LINEAR)]
    done = []

    first = training.search(trials, ROWS, TARGET, folds=4, seed=3, done=lambda: done.append(1))
    second = training.search(trials, ROWS, TARGET, folds=4, seed=3)

    assert first == second
    assert [result.rmse for result in first] == sorted(result.rmse for result in first)
    assert (first[-1].trial, len(done)) == (trial(RIDGE, alpha=1e6), 3)


def test_fewer_rows_than_folds_are_refused():
    with pytest.raises(TrainingError, match=r"^5 folds need at least 5 training rows, got 4$"):
        training.search([trial(LINEAR)], ROWS[:4], TARGET[:4], folds=5, seed=0)


def test_a_parameter_that_cannot_be_fitted_is_named():
    with pytest.raises(TrainingError, match=r"^sklearn\.linear_model\.Ridge {'alpha': -1\.0}: "):
        training.search([trial(RIDGE, alpha=-1.0)], ROWS, TARGET, folds=3, seed=0)


def evaluated(linear, x):
    """The exact value of a linear model on *x*, rounded once."""
    coefficients = [Fraction(value) for value in linear["coefficients"]]
    return [
        float(Fraction(linear["intercept"]) + sum(c * Fraction(v) for c, v in zip(coefficients, row, strict=True)))
        for row in x.tolist()
    ]


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("estimator", [LINEAR, RIDGE, SGD])
def test_the_coefficients_predict_what_the_estimator_predicts(estimator, scale):
    fitted = training.fit(trial(estimator, scale=scale), ROWS, TARGET, seed=1)

    assert evaluated(training.to_linear(fitted), ROWS) == pytest.approx(fitted.predict(ROWS), rel=1e-12)


def test_a_feature_far_from_zero_loses_no_more_digits_than_its_values_have():
    x = ROWS + np.array([1e9, 0.0])
    fitted = training.fit(trial(LINEAR, scale=True), x, TARGET, seed=1)

    assert evaluated(training.to_linear(fitted), x) == pytest.approx(fitted.predict(x), abs=1e-6)


def test_what_is_not_affine_is_refused():
    fitted = training.fit(trial("sklearn.tree.DecisionTreeRegressor"), ROWS, TARGET, seed=1)

    with pytest.raises(TrainingError) as raised:
        training.to_linear(fitted)

    wanted = "DecisionTreeRegressor has no coef_ and intercept_: only affine models can be served"
    assert str(raised.value) == wanted
