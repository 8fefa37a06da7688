"""The manifest's coefficients give the predictions of the fitted pipeline."""

from __future__ import annotations

import operator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, RANSACRegressor, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVR

from functions.runtimes import load
from model.errors import ExportError
from model.training.candidates import Trial
from model.training.export import export
from tests.support.parts import ROOT
from tests.support.trials import X, Y, fitted, line, trial


def exactly(linear, x):
    """The predictions of the manifest's `linear` for *x*, in rational numbers."""
    coefficients = [Fraction(value) for value in linear["coefficients"]]
    intercept = Fraction(linear["intercept"])
    return [intercept + sum(a * Fraction(b) for a, b in zip(coefficients, row, strict=True)) for row in x.tolist()]


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
    estimator = fitted(chosen, X, Y)

    linear = line(estimator)

    assert [float(value) for value in exactly(linear, X)] == pytest.approx(estimator.predict(X).tolist(), rel=1e-12)
    assert {type(value) for value in (*linear["coefficients"], linear["intercept"])} == {float}


@pytest.mark.parametrize("chosen", [param for param in AFFINE if param.values[0].scale])
def test_scaling_costs_no_digits_where_a_feature_has_a_large_mean_and_a_small_spread(chosen):
    """Scaler, then estimator, in rational numbers: the result is rounded once, and nothing before that."""
    far = X + np.array([1e9, 0.0, -1e9])
    estimator = fitted(chosen, far, Y)

    linear = line(estimator)

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
    estimator = fitted(trial("Ridge", scale=scale), x, y)

    linear = line(estimator)

    assert [float(value) for value in exactly(linear, x)] == pytest.approx(estimator.predict(x).tolist(), abs=1e-6)


def test_a_constant_feature_has_no_say():
    x = np.column_stack([X[:, 0], np.full(60, 5.0)])

    linear = line(fitted(trial("Ridge", scale=True), x, Y))

    assert linear["coefficients"][1] == 0.0


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("sklearn.tree.DecisionTreeRegressor", id="tree"),
        pytest.param("sklearn.neighbors.KNeighborsRegressor", id="neighbours"),
        pytest.param("sklearn.svm.SVR", id="kernel"),
        pytest.param("sklearn.neural_network.MLPRegressor", id="network"),
        pytest.param("sklearn.ensemble.BaggingRegressor", id="bagging"),
    ],
)
@pytest.mark.parametrize("scale", [pytest.param(True, id="scaled"), pytest.param(False, id="plain")])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_estimator_that_is_not_affine_is_a_graph(path, scale):
    estimator = fitted(Trial(path, scale, {}), X, Y)

    made = export(estimator)

    assert made.document["runtime"] == "graph"
    assert load(made.document, made.arrays).predict(X).values == pytest.approx(estimator.predict(X), rel=1e-9)


@pytest.mark.parametrize(
    "pipeline",
    [
        pytest.param(PLSRegression(2), id="pls"),
        pytest.param(RANSACRegressor(random_state=7), id="ransac"),
        pytest.param(DummyRegressor(), id="dummy"),
        pytest.param(TransformedTargetRegressor(Ridge(), transformer=StandardScaler()), id="scaled-target"),
        pytest.param(KernelRidge(kernel="linear", alpha=1.0), id="linear-kernel"),
        pytest.param(SVR(kernel="linear"), id="linear-support-vectors"),
        pytest.param(
            MLPRegressor(hidden_layer_sizes=(5,), activation="identity", max_iter=50, random_state=7),
            id="identity-network",
        ),
        pytest.param(VotingRegressor([("a", Ridge()), ("b", LinearRegression())]), id="vote"),
    ],
)
@pytest.mark.parametrize("scaler", [pytest.param([], id="plain"), pytest.param([MinMaxScaler()], id="scaled-to-0-1")])
@pytest.mark.parametrize("mean", [pytest.param(0.0, id="centred"), pytest.param(100.0, id="far-from-zero")])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_pipeline_that_predicts_affinely_is_served_whatever_its_class(pipeline, scaler, mean):
    x = X + mean
    pipeline = make_pipeline(*scaler, clone(pipeline)).fit(x, Y)

    made = export(pipeline)

    expected = np.ravel(pipeline.predict(x))
    within = 1e-9 * np.abs(expected).max()
    found = load(made.document, made.arrays).predict(x).values
    assert found.tolist() == pytest.approx(expected.tolist(), rel=0, abs=within)


@pytest.mark.parametrize(
    "bend",
    [
        pytest.param(lambda y: np.clip(y, -20, 20), id="clipped-far-out"),
        pytest.param(lambda y: y + 1e-6 * y**2, id="hardly-bent"),
    ],
)
def test_a_prediction_that_a_function_bends_is_refused(bend):
    pipeline = make_pipeline(
        TransformedTargetRegressor(Ridge(), func=lambda y: y, inverse_func=bend, check_inverse=False)
    )
    pipeline.fit(X, Y)

    with pytest.raises(
        ExportError, match="step 'transformedtargetregressor': transformer: FunctionTransformer: the function tests"
    ):
        export(pipeline)


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        pytest.param("sklearn.linear_model.PoissonRegressor", {}, id="log-link"),
        pytest.param("sklearn.linear_model.GammaRegressor", {}, id="another-log-link"),
        pytest.param("sklearn.cross_decomposition.PLSRegression", {"n_components": 1}, id="centred"),
    ],
)
def test_coefficients_that_mean_something_else_are_right(path, parameters):
    positive = np.exp(Y / 4)
    estimator = fitted(Trial(path, scale=False, parameters=parameters), X + 5, positive)

    made = export(estimator)

    found = load(made.document, made.arrays).predict(X + 5).values
    assert found == pytest.approx(np.ravel(estimator.predict(X + 5)), rel=1e-9)


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

    linear = line(fitted(trial(scale=scale), x, y))

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
    linear = line(fitted(trial(scale=True), *rows))

    assert [linear["intercept"], *linear["coefficients"]] == pytest.approx(certified, rel=10.0**-digits, abs=0)


@pytest.mark.parametrize(
    ("name", "certified"),
    [pytest.param("noint1", 2.07438016528926, id="eleven-rows"), pytest.param("noint2", 0.727272727272727, id="three")],
)
def test_certified_coefficients_of_lines_through_zero_are_met_to_nine_digits(name, certified):
    x, y = nist(name, 1)

    linear = line(fitted(trial(fit_intercept=False), x, y))

    assert linear == {"coefficients": [pytest.approx(certified, rel=1e-9)], "intercept": 0.0}
