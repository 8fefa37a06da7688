"""Every transformer of the installed scikit-learn, in front of a line and of a classifier, is exact, or refused by name."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.feature_selection import f_regression
from sklearn.frozen import FrozenEstimator
from sklearn.impute import MissingIndicator
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

from model.errors import ExportError
from model.training.export import export
from tests.support.exact import assert_exact, shuffled, with_gaps

pytestmark = pytest.mark.slow

ROWS = 120

REFUSED = {
    "Birch": "rounding noise",
    "Isomap": "training rows",
    "KNeighborsTransformer": "training rows",
    "LatentDirichletAllocation": "in rounds",
    "LocallyLinearEmbedding": "training rows",
    "MiniBatchNMF": "in rounds",
    "MiniBatchSparsePCA": "cannot transform a row alone",
    "NMF": "in rounds",
    "RadiusNeighborsTransformer": "training rows",
    "SparsePCA": "cannot transform a row alone",
}
"""The transformers that are refused with all of their settings here, and why."""

REFUSED_SETTINGS = {
    "pooling_func": {np.median: "pooling_func"},
    "transform_algorithm": dict.fromkeys(("omp", "lasso_cd", "lasso_lars", "lars"), "is a search for each row"),
    "weights": {"distance": "weighs by rounding noise"},
}
"""Settings that are refused, and why."""

NO_COLUMNS = {
    "DictVectorizer": "takes dictionaries",
    "FeatureHasher": "takes dictionaries",
    "HashingVectorizer": "takes texts",
    "IsotonicRegression": "gives no matrix",
    "KernelCenterer": "takes a kernel",
    "LabelBinarizer": "takes a target",
    "LabelEncoder": "takes a target",
    "MultiLabelBinarizer": "takes a target",
    "PatchExtractor": "takes images",
    "TSNE": "cannot transform",
}
"""Transformers that cannot stand in front of a line over numbers."""

OF_CLASSES = {"LinearDiscriminantAnalysis", "NeighborhoodComponentsAnalysis", "StackingClassifier", "VotingClassifier"}
OF_POSITIVE = {"AdditiveChi2Sampler", "LatentDirichletAllocation", "MiniBatchNMF", "NMF", "SkewedChi2Sampler"}
OF_TWO_BLOCKS = {"CCA", "PLSCanonical", "PLSRegression", "PLSSVD"}
"""In a pipeline, scikit-learn gives the second block's scores too while it fits: these are fitted before."""

SETTINGS = {
    "AdditiveChi2Sampler": [
        {},
        {"sample_steps": 1},
        {"sample_steps": 3},
        {"sample_interval": 0.3, "sample_steps": 2},
        {"sample_steps": 4, "sample_interval": 0.5},
    ],
    "BernoulliRBM": [{"n_components": 3, "n_iter": 3}],
    "Binarizer": [{}, {"threshold": 0.3}],
    "Birch": [{"n_clusters": None}, {"n_clusters": 3}, {"n_clusters": 2, "threshold": 0.9, "branching_factor": 5}],
    "BisectingKMeans": [{"n_clusters": 3}, {"n_clusters": 5, "bisecting_strategy": "largest_cluster"}],
    "CCA": [{"n_components": 1}, {"n_components": 1, "scale": False}],
    "ColumnTransformer": [
        {"transformers": [("a", StandardScaler(), [0, 2]), ("b", PCA(1), slice(1, 4))], "remainder": "passthrough"},
        {"transformers": [("a", "passthrough", [1]), ("b", "drop", [0])], "transformer_weights": {"a": 3.0}},
        {"transformers": [("a", StandardScaler(), [-1, 0])], "remainder": MinMaxScaler()},
    ],
    "DictionaryLearning": [
        {"n_components": 3, "max_iter": 5, "transform_algorithm": algorithm, **more}
        for algorithm, more in (
            ("threshold", {"transform_alpha": 0.1}),
            ("threshold", {"fit_algorithm": "cd", "positive_code": True}),
            *((algorithm, {}) for algorithm in ("omp", "lasso_cd", "lasso_lars", "lars")),
        )
    ],
    "FactorAnalysis": [
        {"n_components": 2},
        {"n_components": 2, "rotation": "varimax"},
        {"n_components": 3, "svd_method": "lapack"},
    ],
    "FastICA": [
        {"n_components": 2},
        {"whiten": "arbitrary-variance"},
        {"whiten": False},
        {"fun": "cube", "algorithm": "deflation"},
    ],
    "FeatureAgglomeration": [
        {"n_clusters": 2},
        {"n_clusters": 3, "linkage": "average"},
        {"pooling_func": np.max},
        {"pooling_func": np.median},
        {"n_clusters": 3, "pooling_func": np.min},
    ],
    "FeatureUnion": [
        {"transformer_list": [("a", StandardScaler()), ("b", PCA(2))]},
        {
            "transformer_list": [("a", StandardScaler()), ("b", "passthrough"), ("c", "drop")],
            "transformer_weights": {"a": 2.0},
        },
    ],
    "FunctionTransformer": [
        {},
        {"func": np.cbrt},
        {"func": np.clip, "kw_args": {"a_min": -1, "a_max": 1}},
        {"func": np.nan_to_num, "kw_args": {"nan": 3.0}},
        {"func": np.round, "kw_args": {"decimals": 1}},
        {"func": np.exp, "inverse_func": np.log, "validate": True},
        {"func": np.sinh, "check_inverse": False},
        {"func": np.abs},
        {"func": np.round},
        {"func": np.clip, "kw_args": {"min": 0.5, "max": None}},
        {"func": np.round, "kw_args": {"decimals": -1}},
    ],
    "GaussianRandomProjection": [{"n_components": 3}, {"n_components": 6}],
    "GenericUnivariateSelect": [
        {"score_func": f_regression, "mode": "k_best", "param": 2},
        {"score_func": f_regression, "mode": "fpr", "param": 0.1},
    ],
    "IncrementalPCA": [{"n_components": 2}, {"n_components": 2, "whiten": True}, {"batch_size": 20}],
    "IsotonicRegression": [{"out_of_bounds": "clip"}, {}],
    "Isomap": [{}],
    "KBinsDiscretizer": [
        {
            "encode": encode,
            "strategy": strategy,
            "n_bins": bins,
            **({"quantile_method": "averaged_inverted_cdf"} if strategy == "quantile" else {}),
        }
        for encode in ("onehot", "onehot-dense", "ordinal")
        for strategy, bins in (("quantile", 4), ("uniform", 5), ("kmeans", 3))
    ]
    + [
        {"n_bins": [2, 3, 4, 5], "encode": "onehot-dense", "strategy": "uniform"},
    ],
    "KMeans": [{"n_clusters": 3, "n_init": 2}, {"n_clusters": 4, "algorithm": "elkan", "n_init": 1}],
    "KNNImputer": [{}, {"n_neighbors": 2, "weights": "distance"}, {"add_indicator": True}],
    "KernelPCA": [
        {"n_components": 3, "kernel": kernel, **more}
        for kernel, more in (
            ("linear", {}),
            ("rbf", {"gamma": 0.4}),
            ("poly", {"degree": 2}),
            ("sigmoid", {"gamma": 0.1}),
            ("cosine", {}),
        )
    ],
    "LatentDirichletAllocation": [{"n_components": 3, "max_iter": 3}],
    "LinearDiscriminantAnalysis": [{}, {"n_components": 1}, {"solver": "eigen", "shrinkage": 0.2}],
    "LocallyLinearEmbedding": [{}],
    "MaxAbsScaler": [{}, {"clip": True}],
    "MinMaxScaler": [{}, {"clip": True}, {"feature_range": (-2, 3)}],
    "MiniBatchDictionaryLearning": [
        {"n_components": 3, "max_iter": 2, "transform_algorithm": "threshold"},
        {"n_components": 3, "max_iter": 2},
    ],
    "MiniBatchKMeans": [{"n_clusters": 3, "n_init": 2}],
    "MiniBatchNMF": [{"n_components": 2, "max_iter": 5}],
    "MiniBatchSparsePCA": [{"n_components": 2, "max_iter": 5}],
    "MissingIndicator": [{}, {"features": "all"}],
    "NMF": [
        {"n_components": 2, "max_iter": 50},
        {"n_components": 2, "solver": "mu", "max_iter": 50},
        {"n_components": 2, "init": "random", "max_iter": 50},
    ],
    "NeighborhoodComponentsAnalysis": [{"max_iter": 5}, {"n_components": 2, "max_iter": 5}],
    "Normalizer": [{"norm": norm} for norm in ("l1", "l2", "max")],
    "Nystroem": [
        {"n_components": 10, "kernel": kernel, **more}
        for kernel, more in (
            ("rbf", {}),
            ("rbf", {"gamma": 0.3}),
            ("linear", {"n_components": 4}),
            ("cosine", {"n_components": 4}),
            ("poly", {"degree": 2}),
            ("polynomial", {"degree": 3, "coef0": 2, "gamma": 0.1}),
            ("sigmoid", {"gamma": 0.1}),
            ("laplacian", {"gamma": 0.2}),
            ("chi2", {}),
            ("chi2", {"gamma": 0.1}),
            ("additive_chi2", {}),
        )
    ],
    "PCA": [
        {},
        {"n_components": 2, "whiten": True},
        {"n_components": 0.8},
        {"svd_solver": "randomized", "n_components": 2},
        {"svd_solver": "covariance_eigh"},
    ],
    "PLSCanonical": [{"n_components": 1}, {"n_components": 1, "scale": False}],
    "PLSRegression": [{}, {"n_components": 3}, {"n_components": 2, "scale": False}],
    "PLSSVD": [{"n_components": 1}],
    "PolynomialCountSketch": [
        {"n_components": 10},
        {"n_components": 12, "degree": 3, "coef0": 1.0},
        {"n_components": 9, "degree": 1, "gamma": 0.5},
    ],
    "PolynomialFeatures": [
        {},
        {"degree": 3},
        {"degree": (2, 3)},
        {"interaction_only": True},
        {"include_bias": False},
        {"order": "F"},
    ],
    "PowerTransformer": [
        {},
        {"standardize": False},
        {"method": "box-cox"},
        {"method": "box-cox", "standardize": False},
    ],
    "QuantileTransformer": [
        {"n_quantiles": 40},
        {"n_quantiles": 120, "output_distribution": "normal"},
        {"n_quantiles": 2},
    ],
    "RBFSampler": [{"n_components": 20}, {"n_components": 20, "gamma": "scale"}, {"gamma": 0.1, "n_components": 5}],
    "RFE": [
        {"estimator": Ridge()},
        {"estimator": Ridge(), "n_features_to_select": 1, "step": 2},
        {"estimator": ExtraTreesRegressor(5, random_state=0), "n_features_to_select": 2},
    ],
    "RFECV": [{"estimator": Ridge(), "cv": 3}, {"estimator": Ridge(), "cv": 3, "min_features_to_select": 3}],
    "RandomTreesEmbedding": [{"n_estimators": 4}, {"n_estimators": 3, "max_depth": 2, "sparse_output": False}],
    "RobustScaler": [
        {},
        {"with_centering": False},
        {"with_scaling": False},
        {"quantile_range": (5, 95), "unit_variance": True},
    ],
    "SelectFdr": [{"score_func": f_regression}],
    "SelectFpr": [{"score_func": f_regression}],
    "SelectFwe": [{"score_func": f_regression}],
    "SelectFromModel": [
        {"estimator": Lasso(0.1)},
        {"estimator": ExtraTreesRegressor(5, random_state=0), "threshold": "median"},
        {"estimator": Ridge(), "max_features": 2},
        {"estimator": Ridge().fit(np.eye(4), [1.0, 2, 3, 4]), "prefit": True},
    ],
    "SelectKBest": [{"score_func": f_regression, "k": 2}, {"score_func": f_regression, "k": "all"}],
    "SelectPercentile": [{"score_func": f_regression, "percentile": 50}],
    "SequentialFeatureSelector": [
        {"estimator": Ridge(), "n_features_to_select": 2, "cv": 3},
        {"estimator": Ridge(), "n_features_to_select": 2, "direction": "backward", "cv": 3},
    ],
    "SimpleImputer": [
        {},
        {"strategy": "median", "add_indicator": True},
        {"strategy": "most_frequent"},
        {"strategy": "constant", "fill_value": -1.0},
        {"strategy": "constant"},
        {"strategy": np.mean},
    ],
    "SkewedChi2Sampler": [{"n_components": 10}, {"n_components": 10, "skewedness": 5.0}],
    "SparseCoder": [
        {"dictionary": np.eye(4)[:3], "transform_algorithm": "threshold", "transform_alpha": 0.2},
        {"dictionary": np.eye(4)[:3]},
    ],
    "SparsePCA": [
        {"n_components": 2, "max_iter": 20},
        {"n_components": 2, "alpha": 0.5, "ridge_alpha": 0.1, "method": "cd", "max_iter": 20},
    ],
    "SparseRandomProjection": [{"n_components": 3}, {"n_components": 4, "density": 0.9, "dense_output": True}],
    "SplineTransformer": [
        {"extrapolation": outside} for outside in ("constant", "linear", "continue", "periodic", "error")
    ]
    + [
        {"degree": 2, "n_knots": 7, "include_bias": False},
        {"degree": 1},
        {"knots": "quantile"},
        {"sparse_output": True},
        {"order": "F"},
        {"degree": 0, "extrapolation": "continue"},
    ],
    "StackingClassifier": [
        {"estimators": [("line", LogisticRegression()), ("tree", DecisionTreeClassifier(max_depth=3))], "cv": 3}
    ],
    "StackingRegressor": [{"estimators": [("ridge", Ridge()), ("near", KNeighborsRegressor())], "cv": 3}],
    "StandardScaler": [{}, {"with_mean": False}, {"with_std": False}],
    "TargetEncoder": [{}],
    "TfidfTransformer": [{}, {"norm": "l1", "sublinear_tf": True}, {"norm": None, "use_idf": False}],
    "TruncatedSVD": [{"n_components": 2}, {"n_components": 2, "algorithm": "arpack"}],
    "VarianceThreshold": [{}, {"threshold": 0.9}],
    "VotingClassifier": [
        {"estimators": [("line", LogisticRegression()), ("tree", DecisionTreeClassifier(max_depth=3))]}
    ],
    "VotingRegressor": [{"estimators": [("ridge", Ridge()), ("line", LinearRegression())]}],
}

TRANSFORMERS = all_estimators(type_filter="transformer")
CASES = [
    pytest.param(name, kind, settings, id=f"{name}-{number}")
    for name, kind in TRANSFORMERS
    for number, settings in enumerate(SETTINGS.get(name, [{}]))
]


def rows_for(name, settings):
    source = np.random.default_rng(0)
    x = source.normal(size=(ROWS, 4)) @ (np.eye(4) + 0.3)
    if name in OF_POSITIVE or settings.get("method") == "box-cox" or "chi2" in str(settings.get("kernel")):
        return np.abs(x) + 0.01
    if name == "TfidfTransformer":
        return np.floor(np.abs(x) * 2)
    if name in {"OneHotEncoder", "OrdinalEncoder", "TargetEncoder"}:
        return np.round(x)
    return with_gaps(x) if name in {"KNNImputer", "MissingIndicator", "SimpleImputer"} else x


def numbers_for(x):
    source = np.random.default_rng(1)
    return np.nan_to_num(x) @ np.array([1.0, 2.0, -1.0, 0.5])[: x.shape[1]] + source.normal(size=ROWS) * 0.3


def fitted(name, kind, settings, x, y, last):
    settings = dict(settings)
    if "random_state" in inspect.signature(kind).parameters:
        settings.setdefault("random_state", 0)
    first = kind(**settings)
    if name in OF_TWO_BLOCKS:
        first = FrozenEstimator(first.fit(x, y))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make_pipeline(first, last).fit(x, y)


def reason_against(name, settings):
    """Why *name* with *settings* is refused; None where it is to be exact."""
    settings = {**({"transform_algorithm": "omp"} if name in SPARSE_CODERS else {}), **settings}
    reasons = [
        REFUSED_SETTINGS[key][value]
        for key, value in settings.items()
        if key in REFUSED_SETTINGS and value in REFUSED_SETTINGS[key]
    ]
    return REFUSED.get(name) or (reasons[0] if reasons else None)


SPARSE_CODERS = {"DictionaryLearning", "MiniBatchDictionaryLearning", "SparseCoder"}


def holes(x):
    """Rows that lack one cell each, and one that is turned round."""
    rows = np.tile(x[:1], (x.shape[1] + 1, 1))
    rows[range(x.shape[1]), range(x.shape[1])] = np.nan
    rows[-1] *= -1
    return rows


def check(name, kind, settings, last, y):
    x = rows_for(name, settings)
    y = y(x)
    if name in NO_COLUMNS:
        with pytest.raises((AttributeError, TypeError, ValueError)):
            fitted(name, kind, settings, x[:90], y[:90], last)
        return
    estimator = fitted(name, kind, settings, x[:90], y[:90], last)
    if reason := reason_against(name, settings):
        with pytest.raises(ExportError, match=f"step '{name.lower()}': {name}: .*{reason}"):
            export(estimator)
        return
    gaps = [] if export(estimator).document["runtime"] == "linear" else [holes(x)]
    assert_exact(estimator, np.concatenate([x, shuffled(x), x * 3, *gaps]))


@pytest.mark.parametrize(("name", "kind", "settings"), [case for case in CASES if case.values[0] not in OF_CLASSES])
@pytest.mark.filterwarnings("ignore")
def test_every_transformer_in_front_of_a_line_is_exact_or_refused_by_name(name, kind, settings):
    check(name, kind, settings, Ridge(), numbers_for)


@pytest.mark.parametrize(("name", "kind", "settings"), CASES)
@pytest.mark.filterwarnings("ignore")
def test_every_transformer_in_front_of_a_classifier_is_exact_or_refused_by_name(name, kind, settings):
    check(name, kind, settings, LogisticRegression(max_iter=200), lambda x: np.digitize(numbers_for(x), [-1, 1]))


@pytest.mark.parametrize(
    ("first", "x", "reason"),
    [
        pytest.param(
            Nystroem(kernel="linear", n_components=10, random_state=0), 0, "smaller n_components", id="kernel"
        ),
        pytest.param(KMeans(60, n_init=1, random_state=0), 0, "rows lie on their centre", id="centres-are-rows"),
        pytest.param(KMeans(3, n_init=1, random_state=0), 1e4, "rounding noise", id="centres-far-away"),
    ],
)
def test_a_transformer_whose_columns_are_rounding_noise_is_refused(first, x, reason):
    rows = rows_for("", {}) + x

    with pytest.raises(ExportError, match=reason):
        export(make_pipeline(first, Ridge()).fit(rows, numbers_for(rows)))


def test_an_indicator_that_refuses_gaps_where_training_had_none_is_refused():
    rows = rows_for("MissingIndicator", {})
    rows[:, 0] = 1.0

    with pytest.raises(ExportError, match="MissingIndicator: error_on_new=True"):
        export(make_pipeline(MissingIndicator(), Ridge()).fit(rows, numbers_for(rows)))


def test_nothing_is_listed_that_does_not_exist():
    names = {name for name, _ in TRANSFORMERS}

    assert SETTINGS.keys() | REFUSED.keys() | NO_COLUMNS.keys() | OF_CLASSES | OF_POSITIVE | OF_TWO_BLOCKS <= names
