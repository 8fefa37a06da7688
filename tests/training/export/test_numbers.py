"""Transformers of number columns, each with many settings, in front of a ridge."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn import (
    cluster,
    decomposition,
    ensemble,
    feature_selection,
    impute,
    kernel_approximation,
    pipeline,
    preprocessing,
    random_projection,
)
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.impute._iterative import IterativeImputer
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.tree import DecisionTreeRegressor

from tests.support.exact import assert_exact, shuffled, with_gaps

pytestmark = pytest.mark.slow

SOURCE = np.random.default_rng(0)
X = np.column_stack(
    [SOURCE.normal(size=150), SOURCE.exponential(size=150), SOURCE.integers(0, 5, 150), SOURCE.normal(3, 2, 150)]
).astype(float)
Y = X @ [1.0, -0.5, 0.3, 0.2] + SOURCE.normal(size=150) * 0.2
BEYOND = np.concatenate([X * 3, -X, np.zeros((1, 4)), X.min(axis=0, keepdims=True), X.max(axis=0, keepdims=True)])
ALL = np.concatenate([X, shuffled(X), BEYOND])


def case(transformer, name=None):
    """Its settings are the test's name; functions have an address in theirs, which is left out."""
    return pytest.param(transformer, id=name or re.sub(r"\s+|<function (\w+) at \w+>", r"\1", repr(transformer)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "transformer",
    [
        case(preprocessing.StandardScaler()),
        case(preprocessing.StandardScaler(with_mean=False)),
        case(preprocessing.StandardScaler(with_std=False)),
        case(preprocessing.StandardScaler(with_mean=False, with_std=False)),
        case(preprocessing.MinMaxScaler()),
        case(preprocessing.MinMaxScaler((-1, 2), clip=True)),
        case(preprocessing.MaxAbsScaler()),
        case(preprocessing.MaxAbsScaler(clip=True)),
        case(preprocessing.RobustScaler()),
        case(preprocessing.RobustScaler(with_centering=False, unit_variance=True)),
        case(preprocessing.RobustScaler(with_scaling=False)),
        case(preprocessing.Normalizer()),
        case(preprocessing.Normalizer(norm="l1")),
        case(preprocessing.Normalizer(norm="max")),
        case(preprocessing.Binarizer(threshold=0.5)),
        case(preprocessing.PowerTransformer()),
        case(preprocessing.PowerTransformer(standardize=False)),
        case(preprocessing.QuantileTransformer(n_quantiles=20)),
        case(preprocessing.QuantileTransformer(n_quantiles=20, output_distribution="normal")),
        case(preprocessing.QuantileTransformer(n_quantiles=150, output_distribution="normal")),
        case(preprocessing.PolynomialFeatures(3)),
        case(preprocessing.PolynomialFeatures(2, interaction_only=True)),
        case(preprocessing.PolynomialFeatures((2, 3), include_bias=False)),
        case(preprocessing.SplineTransformer(5)),
        case(preprocessing.SplineTransformer(4, extrapolation="linear")),
        case(
            pipeline.make_pipeline(
                feature_selection.SelectKBest(feature_selection.f_regression, k=1),
                preprocessing.SplineTransformer(4, degree=1, extrapolation="linear"),
            ),
            "linear splines of one column",
        ),
        case(preprocessing.SplineTransformer(4, degree=2, extrapolation="continue", include_bias=False)),
        case(preprocessing.SplineTransformer(4, degree=1, extrapolation="error")),
        case(preprocessing.SplineTransformer(6, extrapolation="periodic")),
        case(preprocessing.SplineTransformer(6, degree=2, extrapolation="periodic", include_bias=False)),
        case(preprocessing.SplineTransformer(5, knots="quantile")),
        case(preprocessing.SplineTransformer(4, sparse_output=True)),
        case(preprocessing.KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf")),
        case(preprocessing.KBinsDiscretizer(4, encode="ordinal", strategy="uniform")),
        case(preprocessing.KBinsDiscretizer([2, 3, 4, 5], encode="onehot-dense", strategy="kmeans", random_state=0)),
        case(decomposition.PCA(2)),
        case(decomposition.PCA(0.9, whiten=True, svd_solver="full")),
        case(decomposition.IncrementalPCA(2)),
        case(decomposition.TruncatedSVD(2, random_state=0)),
        case(decomposition.FactorAnalysis(2)),
        case(decomposition.FastICA(2, random_state=0)),
        case(decomposition.KernelPCA(3)),
        case(decomposition.KernelPCA(3, kernel="rbf", gamma=0.1)),
        case(decomposition.KernelPCA(3, kernel="poly", degree=2)),
        case(random_projection.GaussianRandomProjection(3, random_state=0)),
        case(random_projection.SparseRandomProjection(3, random_state=0, density=0.5)),
        case(kernel_approximation.Nystroem(n_components=20, random_state=0)),
        case(kernel_approximation.Nystroem(kernel="poly", degree=2, n_components=8, random_state=0)),
        case(kernel_approximation.Nystroem(kernel="sigmoid", gamma=0.01, n_components=8, random_state=0)),
        case(kernel_approximation.Nystroem(kernel="laplacian", n_components=8, random_state=0)),
        case(kernel_approximation.Nystroem(kernel="cosine", n_components=3, random_state=0)),
        case(kernel_approximation.Nystroem(kernel="linear", n_components=3, random_state=0)),
        case(kernel_approximation.RBFSampler(n_components=20, random_state=0)),
        case(kernel_approximation.SkewedChi2Sampler(n_components=20, skewedness=9.0, random_state=0)),
        case(cluster.FeatureAgglomeration(2)),
        case(cluster.KMeans(3, n_init=1, random_state=0)),
        case(cluster.MiniBatchKMeans(3, n_init=1, random_state=0)),
        case(feature_selection.SelectKBest(feature_selection.f_regression, k=2)),
        case(feature_selection.SelectPercentile(feature_selection.f_regression, percentile=50)),
        case(feature_selection.SelectFpr(feature_selection.f_regression)),
        case(feature_selection.SelectFdr(feature_selection.f_regression)),
        case(feature_selection.SelectFwe(feature_selection.f_regression)),
        case(feature_selection.GenericUnivariateSelect(feature_selection.f_regression, mode="k_best", param=2)),
        case(feature_selection.VarianceThreshold(0.5)),
        case(feature_selection.SelectFromModel(Lasso(0.1))),
        case(feature_selection.RFE(LinearRegression(), n_features_to_select=2)),
        case(feature_selection.RFECV(LinearRegression())),
        case(feature_selection.SequentialFeatureSelector(LinearRegression(), n_features_to_select=2)),
        case(ensemble.RandomTreesEmbedding(5, random_state=0)),
        case(ensemble.RandomTreesEmbedding(5, max_depth=3, sparse_output=False, random_state=0)),
        case(pipeline.make_union(preprocessing.StandardScaler(), decomposition.PCA(2)), "union"),
        case(
            pipeline.FeatureUnion(
                [("same", "passthrough"), ("none", "drop"), ("scaled", preprocessing.StandardScaler())],
                transformer_weights={"scaled": 2.5},
            ),
            "weighted union",
        ),
        case(
            pipeline.make_pipeline(preprocessing.KBinsDiscretizer(3, encode="ordinal"), preprocessing.OneHotEncoder()),
            "levels out of bins",
        ),
        case(
            pipeline.make_pipeline(preprocessing.SplineTransformer(4), preprocessing.StandardScaler(with_mean=False)),
            "pipeline",
        ),
    ],
)
def test_a_transformer_of_numbers_is_exact(transformer):
    estimator = pipeline.make_pipeline(transformer, Ridge()).fit(X, Y)

    assert_exact(estimator, ALL)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "transformer",
    [
        case(preprocessing.PowerTransformer("box-cox")),
        case(kernel_approximation.Nystroem(kernel="chi2", n_components=8, random_state=0)),
        case(kernel_approximation.Nystroem(kernel="additive_chi2", n_components=8, random_state=0)),
    ],
)
def test_a_transformer_of_positive_numbers_is_exact(transformer):
    positive = np.abs(X) + 0.1
    estimator = pipeline.make_pipeline(transformer, Ridge()).fit(positive, Y)

    assert_exact(estimator, np.concatenate([positive, positive * 3, shuffled(positive)]))


def test_discriminants_are_exact_as_a_transformer():
    labels = np.digitize(Y, [-0.5, 0.5])
    estimator = pipeline.make_pipeline(LinearDiscriminantAnalysis(), LogisticRegression()).fit(X, labels)

    assert_exact(estimator, ALL)


@pytest.mark.parametrize(
    "function",
    [np.exp, np.expm1, np.sin, np.cos, np.tanh, np.square, np.abs, np.cbrt, np.sign, np.floor, np.arctan, np.rint],
    ids=lambda function: function.__name__,
)
def test_a_numpy_function_is_exact(function):
    estimator = pipeline.make_pipeline(preprocessing.FunctionTransformer(function), Ridge()).fit(X, Y)

    assert_exact(estimator, np.concatenate([X, shuffled(X), -X]))


@pytest.mark.parametrize("function", [np.log1p, np.sqrt, np.log, np.log2, np.log10], ids=lambda f: f.__name__)
def test_a_numpy_function_of_positive_numbers_is_exact(function):
    positive = np.abs(X) + 0.1
    estimator = pipeline.make_pipeline(preprocessing.FunctionTransformer(function), Ridge()).fit(positive, Y)

    assert_exact(estimator, np.concatenate([positive, shuffled(positive)]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "imputer",
    [
        case(impute.SimpleImputer()),
        case(impute.SimpleImputer(strategy="median", add_indicator=True)),
        case(impute.SimpleImputer(strategy="most_frequent")),
        case(impute.SimpleImputer(strategy="constant", fill_value=-1.0, add_indicator=True)),
        case(impute.SimpleImputer(keep_empty_features=True, add_indicator=True)),
        case(impute.KNNImputer(n_neighbors=3)),
        case(IterativeImputer(max_iter=3, random_state=0)),
        case(IterativeImputer(DecisionTreeRegressor(max_depth=3), max_iter=2, random_state=0, add_indicator=True)),
        case(
            IterativeImputer(max_iter=2, n_nearest_features=2, min_value=0, imputation_order="random", random_state=0)
        ),
        case(impute.KNNImputer(n_neighbors=4, add_indicator=True)),
        case(pipeline.make_union(impute.SimpleImputer(), impute.MissingIndicator(error_on_new=False)), "indicator"),
        case(pipeline.make_union(impute.SimpleImputer(), impute.MissingIndicator(features="all")), "indicator of all"),
        case(pipeline.make_pipeline(preprocessing.StandardScaler(), impute.SimpleImputer()), "after scaling"),
        case(
            pipeline.make_pipeline(
                impute.SimpleImputer(), preprocessing.StandardScaler(), preprocessing.PolynomialFeatures(2)
            ),
            "before a polynomial",
        ),
        case(pipeline.make_pipeline(preprocessing.PowerTransformer(), impute.SimpleImputer()), "after powers"),
        case(
            pipeline.make_pipeline(preprocessing.QuantileTransformer(n_quantiles=20), impute.SimpleImputer()),
            "after quantiles",
        ),
    ],
)
def test_an_imputer_is_exact_on_missing_cells(imputer):
    gaps = with_gaps(X)
    gaps[1:, 3] = X[1:, 3]
    estimator = pipeline.make_pipeline(imputer, Ridge()).fit(gaps[1:], Y[1:])

    assert_exact(estimator, np.concatenate([gaps, with_gaps(X, seed=9), X]))


@pytest.mark.filterwarnings("ignore:Skipping features")
def test_a_column_that_training_never_saw_filled_is_left_out():
    gaps = with_gaps(X)
    gaps[:, 2] = np.nan
    estimator = pipeline.make_pipeline(impute.SimpleImputer(add_indicator=True), Ridge()).fit(gaps, Y)

    assert_exact(estimator, np.concatenate([gaps, X]))


def test_zeros_that_stand_for_missing_cells_are_imputed():
    zeros = np.where(np.random.default_rng(5).random(X.shape) < 0.2, 0.0, X)
    imputer = impute.SimpleImputer(missing_values=0, add_indicator=True)
    estimator = pipeline.make_pipeline(imputer, Ridge()).fit(zeros, Y)

    assert_exact(estimator, np.concatenate([zeros, X]))
