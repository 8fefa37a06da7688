"""Which estimators may be tried, which is best, and that its coefficients predict what it predicts."""

from __future__ import annotations

import operator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from functions.schema import Feature
from model.data import rows as data
from model.errors import CandidateError
from model.evaluation.metrics import r2
from model.training.search import Result, choose, expand, fit, search, to_linear
from tests.support.parts import ROOT

LINEAR = "sklearn.linear_model."
DIABETES = data.read("sklearn:diabetes", [Feature("bmi", -1.0, 1.0)], "disease_progression")

RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=(60, 3))
Y = X @ [1.0, -2.0, 0.5] + 3.0 + RANDOM.normal(scale=0.3, size=60)


def trial(name="LinearRegression", *, scale=False, **parameters):
    return {"estimator": LINEAR + name, "scale": scale, "parameters": parameters}


def refusal(act, *arguments, **options):
    """The message with which *act* refuses."""
    with pytest.raises(CandidateError) as caught:
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


NO_REGRESSOR = (
    "training.candidates[1].estimator: {} must be the import path of a scikit-learn regressor, "
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
    assert refusal(expand, [(LINEAR + "Ridge", False, {}), (path, False, {})]) == NO_REGRESSOR.format(path)


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

    assert [tuple(trial["parameters"].items()) for trial in trials] == [
        (("fit_intercept", True), ("alpha", 10.0)),
        (("fit_intercept", True), ("alpha", 0.1)),
        (("fit_intercept", False), ("alpha", 10.0)),
        (("fit_intercept", False), ("alpha", 0.1)),
    ]


def test_no_candidates_are_no_trials():
    assert expand([]) == []


# The search


def test_fewer_rows_than_folds_are_refused():
    message = refusal(search, [trial()], X[:4], Y[:4], folds=5, seed=7)

    assert message == "5 folds need at least 5 different training rows, got 4"


def test_fewer_different_rows_than_folds_are_refused():
    message = refusal(search, [trial()], X, Y, folds=5, seed=7, groups=np.arange(60) % 4)

    assert message == "5 folds need at least 5 different training rows, got 4"


@pytest.mark.parametrize(
    ("chosen", "start"),
    [
        pytest.param(
            trial("Ridge", alpha=-1.0), "sklearn.linear_model.Ridge alpha=-1.0: The 'alpha' parameter of ", id="range"
        ),
        pytest.param(
            trial("Ridge", solver="lbfgs", scale=True),
            "sklearn.linear_model.Ridge scale solver=lbfgs: 'lbfgs' solver can be used only when positive=True",
            id="contradiction",
        ),
        pytest.param(
            trial("PoissonRegressor"),
            "sklearn.linear_model.PoissonRegressor: Some value(s) of y are out of the valid range",
            id="target",
        ),
        pytest.param(
            {"estimator": "sklearn.neighbors.KNeighborsRegressor", "scale": False, "parameters": {"n_neighbors": 500}},
            "sklearn.neighbors.KNeighborsRegressor n_neighbors=500: Expected n_neighbors <= n_samples_fit",
            id="only-when-it-predicts",
        ),
    ],
)
def test_a_trial_that_cannot_be_fitted_is_named_with_its_parameters(chosen, start):
    message = refusal(search, [trial(), chosen], X, Y, folds=5, seed=7)

    assert message.startswith(start)
    assert len(message.splitlines()) == 1


def test_a_trial_that_diverges_is_named():
    message = refusal(search, [trial("SGDRegressor")], X * 1e300, Y, folds=5, seed=7)

    assert message.startswith("sklearn.linear_model.SGDRegressor: Floating-point under-/overflow occurred")


TREE = {"estimator": "sklearn.tree.DecisionTreeRegressor", "scale": False, "parameters": {}}
NO_COEFFICIENTS = "DecisionTreeRegressor has no coef_ and intercept_: only affine models can be served"


def test_when_no_candidate_can_be_served_the_first_fold_says_so():
    told = []

    message = refusal(search, [TREE, TREE], X, Y, folds=5, seed=7, done=lambda: told.append(1))

    line = f"sklearn.tree.DecisionTreeRegressor: {NO_COEFFICIENTS}"
    assert message.splitlines() == ["none of training.candidates can be served:", line, line]
    assert told == [1, 1]


def test_a_candidate_that_cannot_be_served_is_scored_and_says_why():
    plain, tree = search([trial(), TREE], X, Y, folds=5, seed=7)

    assert (plain.unserved, tree.unserved) == ("", NO_COEFFICIENTS)
    assert tree.rmse > plain.rmse


def test_results_come_in_the_order_of_the_trials():
    order = [trial("Ridge", alpha=1e6), trial(), trial("Ridge", alpha=100.0)]

    assert [result.trial for result in search(order, X, Y, folds=5, seed=7)] == order


def test_a_result_is_mean_spread_and_standard_error_over_the_folds_of_all_repeats():
    (result,) = search([trial()], X, Y, folds=5, repeats=3, seed=7)
    (first,) = search([trial()], X, Y, folds=5, repeats=1, seed=7)

    assert result.rmse != first.rmse
    assert result.rmse_se == pytest.approx(result.rmse_std / np.sqrt(5))
    assert first.rmse_se == pytest.approx(first.rmse_std / np.sqrt(5))


@pytest.mark.parametrize(
    ("chosen", "by_hand"),
    [
        pytest.param(trial(), LinearRegression(), id="plain"),
        pytest.param(
            trial("Ridge", scale=True, alpha=20.0), make_pipeline(StandardScaler(), Ridge(alpha=20.0)), id="scaled"
        ),
    ],
)
def test_each_row_is_scored_once_a_repeat_by_a_pipeline_that_has_not_seen_it(chosen, by_hand):
    """With as many folds as rows the folds are known: leave one out, whatever the seed. The scaler is left out too."""
    errors = [
        root_mean_squared_error(Y[[row]], by_hand.fit(np.delete(X, row, 0), np.delete(Y, row)).predict(X[[row]]))
        for row in range(60)
    ]

    (result,) = search([chosen], X, Y, folds=60, repeats=2, seed=7)

    assert result == Result(
        chosen,
        rmse=pytest.approx(np.mean(errors)),
        rmse_std=pytest.approx(np.std([*errors, *errors], ddof=1)),
        rmse_se=pytest.approx(np.std([*errors, *errors], ddof=1) / np.sqrt(60)),
    )


def test_duplicates_of_a_row_stand_in_one_fold():
    """A nearest neighbour meets its own copy if it can, and is then never wrong."""
    nearest = {"estimator": "sklearn.neighbors.KNeighborsRegressor", "scale": True, "parameters": {"n_neighbors": 1}}
    noise = np.random.default_rng(3).normal(size=60)
    twice, target, group = np.vstack([X, X]), np.tile(noise, 2), np.tile(np.arange(60), 2)

    apart = search([trial(), nearest], twice, target, folds=5, seed=7)[1].rmse
    together = search([trial(), nearest], twice, target, folds=5, seed=7, groups=group)[1].rmse

    assert apart < 0.6 * together
    assert together > noise.std()


def test_the_order_of_the_rows_does_not_matter():
    order = np.random.default_rng(5).permutation(60)
    names = np.arange(60)

    (one,) = search([trial()], X, Y, folds=5, repeats=2, seed=7, groups=names)
    (other,) = search([trial()], X[order], Y[order], folds=5, repeats=2, seed=7, groups=names[order])

    assert other.rmse == pytest.approx(one.rmse, rel=1e-12)


def test_what_fits_warn_of_is_told_once():
    (result,) = search([trial("SGDRegressor", scale=True, max_iter=1)], X, Y, folds=5, repeats=2, seed=7)

    (text,) = result.warned
    assert text.startswith("ConvergenceWarning: Maximum number of iteration reached before convergence.")


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


def test_progress_is_told_after_each_fit():
    told = []

    search([trial(), trial("Ridge")], X, Y, folds=5, repeats=3, seed=7, done=lambda: told.append(1))

    assert len(told) == 2 * 5 * 3


def test_as_many_rows_as_folds_are_enough():
    results = search([trial()], X[:5], Y[:5], folds=5, seed=7)

    assert [result.trial for result in results] == [trial()]


def test_no_trials_have_no_results():
    assert search([], X, Y, folds=5, seed=7) == []


# The choice


def scored(name, rmse, se=1.0, unserved=""):
    return Result(trial(name), rmse, 2 * se, se, unserved)


@pytest.mark.parametrize(
    ("results", "chosen"),
    [
        pytest.param([("a", 10.0), ("b", 9.5)], "a", id="simpler-within-one-standard-error"),
        pytest.param([("a", 10.5), ("b", 9.5)], "a", id="simpler-at-one-standard-error"),
        pytest.param([("a", 10.51), ("b", 9.5)], "b", id="simpler-and-worse"),
        pytest.param([("a", 9.5), ("b", 10.0)], "a", id="simpler-and-better"),
        pytest.param([("a", 12.0), ("b", 10.2), ("c", 10.0)], "b", id="first-that-is-good-enough"),
        pytest.param([("a", 10.0, 9.0), ("b", 5.0, 0.1)], "b", id="the-error-is-that-of-the-best"),
        pytest.param([("a", 10.0), ("b", 1.0, 0.1, "no")], "a", id="the-best-cannot-be-served"),
        pytest.param([("a", 10.0, 1.0, "no"), ("b", 10.0)], "b", id="the-simplest-cannot-be-served"),
        pytest.param([("a", 10.0, 0.0), ("b", 10.0, 0.0)], "a", id="equal"),
        pytest.param([("a", 10.0)], "a", id="one"),
    ],
)
def test_the_simplest_within_one_standard_error_of_the_best_is_chosen(results, chosen):
    ranked = choose([scored(*result) for result in results])

    assert [result.trial for result in ranked if result.chosen] == [trial(chosen)]
    assert [result.rmse for result in ranked] == sorted(result[1] for result in results)


def test_what_was_tried_goes_into_the_manifest_as_a_table():
    result = Result(TREE, 2.0, 0.4, 0.2, NO_COEFFICIENTS, ("UserWarning: x",))

    assert result.table() == {
        **TREE,
        "rmse": 2.0,
        "rmse_std": 0.4,
        "rmse_se": 0.2,
        "unserved": NO_COEFFICIENTS,
        "warned": ["UserWarning: x"],
        "chosen": False,
    }


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
    except CandidateError:
        found = estimator.predict(X + 5).tolist()

    assert found == pytest.approx(np.ravel(estimator.predict(X + 5)).tolist(), rel=1e-9)


# Known answers: NIST's Statistical Reference Datasets for linear regression, https://www.itl.nist.gov/div898/strd
#
# Exact rational arithmetic on the files in nist/ gives these certified values back to 15 digits.

NORRIS = [-0.262323073774029, 1.00211681802045]
PONTIUS = [0.673565789473684e-3, 0.732059160401003e-6, -0.316081871345029e-14]
LONGLEY = [
    *(-3482258.63459582, 15.0618722713733, -0.358191792925910e-1, -2.02022980381683, -1.03322686717359),
    *(-0.511041056535807e-1, 1829.15146461355),
]


def nist(name, degree):
    """The rows of a set: the columns behind y, or the powers of the one there is; and y."""
    table = np.loadtxt(ROOT / "tests" / "training" / "nist" / f"{name}.csv", delimiter=",", skiprows=1, ndmin=2)
    return np.hstack([table[:, 1:] ** power for power in range(1, degree + 1)]), table[:, 0]


def wampler(*coefficients):
    """The generated sets 1 and 2: a polynomial at 0, 1, …, 20, without noise."""
    x = np.arange(21.0)
    powers = np.column_stack([x**power for power in range(1, len(coefficients))])
    return powers, coefficients[0] + powers @ coefficients[1:]


@pytest.mark.parametrize("scale", [pytest.param(True, id="scaled"), pytest.param(False, id="plain")])
@pytest.mark.parametrize(
    ("name", "certified"), [pytest.param("norris", NORRIS, id="norris"), pytest.param("longley", LONGLEY, id="longley")]
)
def test_certified_coefficients_are_met_to_nine_digits(name, certified, scale):
    x, y = nist(name, 1)

    linear = to_linear(fit(trial(scale=scale), x, y, seed=7))

    assert [linear["intercept"], *linear["coefficients"]] == pytest.approx(certified, rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("rows", "certified", "digits"),
    [
        pytest.param(nist("pontius", 2), PONTIUS, 9, id="pontius"),
        pytest.param(wampler(1, 1, 1, 1, 1, 1), [1.0] * 6, 9, id="wampler-1"),
        pytest.param(wampler(1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5), [10.0**-n for n in range(6)], 9, id="wampler-2"),
        pytest.param(nist("wampler4", 5), [1.0] * 6, 8, id="wampler-4"),
    ],
)
def test_certified_coefficients_of_powers_are_met_where_the_powers_are_scaled(rows, certified, digits):
    """Unscaled, least squares takes the smallest powers for noise and drops them; the residuals of the
    fourth Wampler set are 200 000 times its coefficients, which costs one digit more."""
    linear = to_linear(fit(trial(scale=True), *rows, seed=7))

    assert [linear["intercept"], *linear["coefficients"]] == pytest.approx(certified, rel=10.0**-digits, abs=0)


@pytest.mark.parametrize(
    ("name", "certified"),
    [pytest.param("noint1", 2.07438016528926, id="eleven-rows"), pytest.param("noint2", 0.727272727272727, id="three")],
)
def test_certified_coefficients_of_lines_through_zero_are_met_to_nine_digits(name, certified):
    linear = to_linear(fit(trial(fit_intercept=False), *nist(name, 1), seed=7))

    assert linear == {"coefficients": [pytest.approx(certified, rel=1e-9)], "intercept": 0.0}
