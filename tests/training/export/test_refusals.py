"""Whatever cannot be written exactly is refused by the name of its class, its place, and what would help."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import (
    cluster,
    compose,
    discriminant_analysis,
    dummy,
    ensemble,
    gaussian_process,
    impute,
    kernel_ridge,
    linear_model,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from sklearn.gaussian_process import kernels

from model.errors import ExportError, RefusedError
from model.training.export import export, register, register_transformer
from model.training.export.builder import Answer
from model.training.export.registry import answer, kept
from tests.support.exact import assert_exact

SOURCE = np.random.default_rng(0)
X = SOURCE.normal(size=(60, 3))
Y = X @ [1.0, 2.0, 3.0]
LABELS = np.digitize(Y, [-1.0, 1.0])
LINE = linear_model.Ridge()


class OwnRidge(linear_model.Ridge):
    """A subclass, which may predict otherwise."""


class Doubled(preprocessing.StandardScaler):
    """A transformer of a user's own."""

    def transform(self, X, copy=None):  # noqa: N803
        return super().transform(X, copy) * 2


def by_hand(x):
    return x * 2


def message(estimator, columns=None):
    with pytest.raises(ExportError) as caught:
        export(estimator, columns)
    return str(caught.value)


def case(name, estimator, *parts):
    return pytest.param(estimator, parts, id=name)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("estimator", "parts"),
    [
        case("own class", OwnRidge(), "OwnRidge", "register(OwnRidge)", "Ridge itself"),
        case(
            "own transformer",
            pipeline.make_pipeline(Doubled(), LINE),
            "step 'doubled'",
            "register_transformer(Doubled)",
        ),
        case(
            "function",
            pipeline.make_pipeline(preprocessing.FunctionTransformer(by_hand), LINE),
            "step 'functiontransformer'",
            "by_hand",
            "log1p",
        ),
        case(
            "function with arguments",
            pipeline.make_pipeline(preprocessing.FunctionTransformer(np.cbrt, kw_args={"dtype": float}), LINE),
            "FunctionTransformer: kw_args",
        ),
        case(
            "bounds for each column",
            pipeline.make_pipeline(preprocessing.FunctionTransformer(np.clip, kw_args={"min": np.zeros(3)}), LINE),
            "numpy.clip with",
            "expected plain numbers",
        ),
        case(
            "weights that are noise",
            pipeline.make_pipeline(impute.KNNImputer(weights="distance"), LINE),
            "KNNImputer: weights='distance'",
        ),
        case("callable kernel", svm.SVR(kernel=lambda a, b: a @ b.T), "SVR: kernel=a function"),
        case("metric", neighbors.KNeighborsRegressor(metric="canberra"), "KNeighborsRegressor: metric='canberra'"),
        case(
            "callable metric",
            neighbors.KNeighborsRegressor(metric=lambda a, b: abs(a - b).sum(), algorithm="brute"),
            "KNeighborsRegressor: metric=a function",
        ),
        case("callable weights", neighbors.KNeighborsRegressor(weights=lambda d: d + 1), "weights is a function"),
        case(
            "unknown kernel",
            gaussian_process.GaussianProcessRegressor(kernels.Matern(nu=0.7), optimizer=None),
            "Matern",
        ),
        case(
            "ill-conditioned",
            gaussian_process.GaussianProcessRegressor(kernels.RBF(30.0), optimizer=None, alpha=1e-14),
            "GaussianProcessRegressor",
            "ill-conditioned",
            "alpha",
        ),
        case("boosted start", ensemble.GradientBoostingRegressor(init=LINE, n_estimators=3), "init=Ridge", "float32"),
        case(
            "clusters", pipeline.make_pipeline(cluster.Birch(n_clusters=2), LINE), "Birch", "rows lie on their centre"
        ),
        case(
            "spline",
            pipeline.make_pipeline(preprocessing.SplineTransformer(degree=0), LINE),
            "step 'splinetransformer'",
            "degree=0",
        ),
        case(
            "inside an ensemble",
            ensemble.VotingRegressor([("a", LINE), ("b", svm.SVR(kernel=lambda a, b: a @ b.T))]),
            "member 'b'",
            "SVR",
        ),
        case("kernel parameters", kernel_ridge.KernelRidge(kernel="rbf", kernel_params={"gamma": 1}), "kernel_params"),
        case(
            "target transformed by a function",
            compose.TransformedTargetRegressor(LINE, func=by_hand, inverse_func=by_hand, check_inverse=False),
            "transformer",
            "by_hand",
        ),
    ],
)
def test_a_regressor_that_cannot_be_exact_is_refused_by_name(estimator, parts):
    estimator.fit(X, Y)

    text = message(estimator)

    assert all(part in text for part in parts), text


@pytest.mark.parametrize(
    ("estimator", "parts"),
    [
        case("random", dummy.DummyClassifier(strategy="uniform"), "DummyClassifier: strategy='uniform'", "random"),
        case("stratified", dummy.DummyClassifier(strategy="stratified"), "DummyClassifier: strategy='stratified'"),
        case(
            "diagonal of a kernel",
            gaussian_process.GaussianProcessClassifier(kernels.DotProduct(), optimizer=None),
            "DotProduct",
        ),
    ],
)
def test_a_classifier_that_cannot_be_exact_is_refused_by_name(estimator, parts):
    estimator.fit(X, LABELS)

    text = message(estimator)

    assert all(part in text for part in parts), text


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(linear_model.Ridge(), id="line"),
        pytest.param(linear_model.LinearRegression(), id="least squares"),
        pytest.param(tree.DecisionTreeRegressor(), id="tree"),
        pytest.param(ensemble.RandomForestRegressor(3), id="forest"),
        pytest.param(neighbors.KNeighborsRegressor(), id="neighbours"),
        pytest.param(multioutput.MultiOutputRegressor(LINE), id="one each"),
        pytest.param(gaussian_process.GaussianProcessRegressor(alpha=0.1), id="process"),
        pytest.param(pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.Lasso()), id="pipeline"),
    ],
)
def test_several_targets_are_refused_by_name(estimator):
    text = message(estimator.fit(X, np.column_stack([Y, -Y])))

    assert "several targets" in text


def test_several_labels_a_row_are_refused_by_name():
    several = multiclass.OneVsRestClassifier(linear_model.LogisticRegression()).fit(X, np.column_stack([Y > 0, Y > 1]))

    assert message(several).startswith("OneVsRestClassifier: several labels a row")


def test_what_is_not_fitted_is_refused():
    assert "is it fitted" in message(linear_model.Ridge(), ["a", "b"])
    assert "is it fitted" in message(linear_model.Ridge())


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(naive_bayes.GaussianNB(), id="naive Bayes"),
        pytest.param(pipeline.make_pipeline(impute.KNNImputer(), LINE), id="imputer"),
        pytest.param(pipeline.make_pipeline(preprocessing.PowerTransformer(), LINE), id="powers"),
        pytest.param(linear_model.LogisticRegression(), id="line"),
        pytest.param(neural_network.MLPClassifier((3,), max_iter=5), id="network"),
        pytest.param(discriminant_analysis.LinearDiscriminantAnalysis(), id="discriminant"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_computes_in_float32_after_a_fit_to_float32_is_refused(estimator):
    estimator.fit(X.astype(np.float32), LABELS)

    assert "it was fitted to float32 numbers, and computes in float32; fit it to float64" in message(estimator)


def test_a_forest_and_an_imputer_that_were_fitted_to_float32_are_exact():
    narrow = X.astype(np.float32)
    narrow[::7, 1] = np.nan
    forest = ensemble.RandomForestRegressor(3, random_state=0)
    estimator = pipeline.make_pipeline(impute.SimpleImputer(), forest).fit(narrow, Y)

    assert_exact(estimator, np.where(np.isnan(narrow), np.nan, X))


def test_what_computes_on_narrow_numbers_of_an_imputer_is_refused_though_it_keeps_wide_ones():
    rows = pd.DataFrame({"a": X[:, 0].astype(np.float32), "b": X[:, 1]})
    filled = pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.QuantileTransformer(n_quantiles=10))
    columns = compose.ColumnTransformer([("narrow", filled, ["a"])], remainder="passthrough")
    estimator = pipeline.make_pipeline(columns, linear_model.Ridge()).fit(rows, Y)

    with pytest.raises(ExportError, match="an imputer hands it float32 numbers, in which it computes"):
        export(estimator, ["a", "b"])


class Unreadable:
    """Anybody's object, which answers no question."""

    def __getattr__(self, name):
        raise ValueError(f"no {name}")


@pytest.mark.parametrize("columns", [None, ["a"], 3], ids=repr)
@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(None, id="none"),
        pytest.param(linear_model.Ridge, id="class"),
        pytest.param(Unreadable(), id="unreadable"),
        pytest.param(pipeline.Pipeline([]), id="empty pipeline"),
        pytest.param(pipeline.make_pipeline(3, LINE), id="number in a pipeline"),
    ],
)
def test_anything_at_all_is_refused_and_never_a_failure(estimator, columns):
    assert message(estimator, columns)


@pytest.mark.parametrize(
    "value",
    [None, 3, np.zeros(0), np.zeros((2, 2, 2)), np.array(["a"]), object()],
    ids=["none", "number", "no-numbers", "three-axes", "texts", "object"],
)
def test_an_odd_fitted_attribute_is_refused_with_class_and_place(value):
    estimator = pipeline.make_pipeline(preprocessing.StandardScaler(), preprocessing.PowerTransformer(), LINE)
    estimator.fit(X, Y)
    estimator[1].lambdas_ = value

    assert message(estimator).startswith("step 'powertransformer': ")


def test_columns_that_are_chosen_by_name_need_their_names():
    rows = pd.DataFrame(X, columns=["a", "b", "c"])
    chosen = compose.ColumnTransformer([("s", preprocessing.StandardScaler(), ["a"])])
    estimator = pipeline.make_pipeline(chosen, LINE).fit(rows, Y)

    assert "column 'a' is chosen by name" in message(estimator)


def test_neighbours_that_tie_are_refused():
    grid = SOURCE.integers(0, 6, (300, 2)).astype(float)
    near = neighbors.KNeighborsRegressor(5, algorithm="kd_tree").fit(grid, SOURCE.normal(size=300))

    assert "equally far" in message(near)


def test_an_imputer_of_texts_by_another_mark_is_refused():
    rows = pd.DataFrame({"shop": np.array(["north", "?", "south"] * 20, object)})
    filled = pipeline.make_pipeline(
        impute.SimpleImputer(missing_values="?", strategy="most_frequent"), preprocessing.OneHotEncoder(), LINE
    ).fit(rows, Y)

    assert "missing_values='?'" in message(filled, ["shop"])


def test_a_refusal_is_one_of_the_tree_and_ends_with_exit_code_3():
    assert issubclass(ExportError, RefusedError)
    assert ExportError.exit_code == 3


def test_a_class_of_a_users_own_is_exported_by_what_they_register():
    @register(OwnRidge)
    def own(graph, estimator, frame):
        return Answer(graph.linear(graph.numbers(frame, estimator), estimator.coef_, estimator.intercept_))

    @register_transformer(Doubled)
    def doubled(graph, transformer, frame):
        x = graph.apply("subtract", graph.numbers(frame, transformer), transformer.mean_)
        return graph.frame(graph.apply("multiply", graph.apply("divide", x, transformer.scale_), 2.0))

    try:
        assert_exact(pipeline.make_pipeline(Doubled(), OwnRidge()).fit(X, Y), X)
    finally:
        for table, kind in (
            (answer.__globals__["_EXPORTERS"], OwnRidge),
            (answer.__globals__["_TRANSFORMERS"], Doubled),
        ):
            table.pop(kind)


def test_a_users_own_exporter_stays_when_the_built_in_ones_are_registered_after_it():
    kind = linear_model.Ridge
    table = answer.__globals__["_EXPORTERS"]
    before = table[kind]

    def own(graph, estimator, frame):
        raise AssertionError("never called")

    try:
        register(kind)(own)
        with kept():
            register(kind)(before)
        assert table[kind] is own
    finally:
        table[kind] = before


def test_a_row_without_neighbours_is_refused_by_the_model_as_by_the_estimator():
    near = neighbors.RadiusNeighborsClassifier(0.8).fit(X, LABELS)

    assert_exact(near, np.concatenate([X, X * 3]))
