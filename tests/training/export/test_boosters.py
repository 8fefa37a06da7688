"""LightGBM's and XGBoost's trees, where the packages are installed: as exact as scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import calibration, compose, ensemble, impute, linear_model, model_selection, pipeline, preprocessing

from functions.columns.schema import PayloadError
from model.errors import ExportError
from model.training.export import export
from tests.support.exact import assert_exact, exported, shuffled, with_gaps
from tests.support.exact import table as cells_of

WHY = "is not among the pinned packages; pip install it to run these tests"
lightgbm = pytest.importorskip("lightgbm", reason=f"lightgbm {WHY}")
xgboost = pytest.importorskip("xgboost", reason=f"xgboost {WHY}")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

ROWS = 400
NEAR_ZERO = float(np.float32(1e-35))
CODES = 3
"""The column of whole numbers, which some models take as categories."""


def numbers():
    source = np.random.default_rng(0)
    x = source.normal(size=(ROWS, 5))
    x[:, CODES] = source.integers(0, 8, ROWS)
    x[:, 4] = np.where(source.random(ROWS) < 0.4, 0, x[:, 4])
    x[source.random(ROWS) < 0.1, 0] = np.nan
    return x


X = numbers()
Y = np.nan_to_num(X[:, 0]) * 2 + np.sin(X[:, 1] * 3) + (X[:, CODES] % 3) * 2 + X[:, 4]
POSITIVE = np.exp(Y / 4)
SHARE = 1 / (1 + POSITIVE)
TWO = (Y > 1).astype(int)
THREE = np.digitize(Y, [0, 2])
NAMES = np.array(["late", "early", "never"], object)[THREE]


def asked():
    """Training rows, these shuffled, with gaps, and with what is near 0, infinite, or no category."""
    source = np.random.default_rng(1)
    odd = X.copy()
    odd[:, CODES] = source.choice([-1, -0.5, 2.5, 7.9, 40, 300, 1e10, 3e9, np.nan], ROWS)
    tiny = [0, -0.0, 1e-35, -1e-35, NEAR_ZERO, -NEAR_ZERO, 1e-36, -1e-36, 1e-45]
    odd[:, 4] = source.choice([*tiny, np.inf, -np.inf, 1e300], ROWS)
    return np.concatenate([X, shuffled(X), with_gaps(X), odd, shuffled(odd)])


def light(kind=lightgbm.LGBMRegressor, **settings):
    small = {"n_estimators": 12, "num_leaves": 12, "min_child_samples": 5, "verbose": -1, "n_jobs": 1}
    return kind(**{**small, **settings})


def extreme(kind=xgboost.XGBRegressor, **settings):
    return kind(**{"n_estimators": 12, "max_depth": 4, "n_jobs": 1, **settings})


def light_classes(**settings):
    return light(lightgbm.LGBMClassifier, **settings)


def extreme_classes(**settings):
    return extreme(xgboost.XGBClassifier, **settings)


def case(name, estimator, y=Y):
    return pytest.param(estimator, y, id=name)


OBJECTIVES = [
    *[(name, Y) for name in ("regression", "regression_l1", "huber", "fair", "quantile", "mape")],
    *[(name, POSITIVE) for name in ("poisson", "gamma", "tweedie")],
    *[(name, SHARE) for name in ("cross_entropy", "cross_entropy_lambda")],
]
BAGGED = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}
CATEGORIES = {"categorical_feature": [CODES], "cat_smooth": 1, "min_data_per_group": 1, "max_cat_to_onehot": 1}


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        *[case(name, light(objective=name), y) for name, y in OBJECTIVES],
        case("square root", light(reg_sqrt=True)),
        case("dart", light(boosting_type="dart")),
        case("forest", light(**BAGGED)),
        case("one side", light(data_sample_strategy="goss")),
        case("extra trees", light(extra_trees=True)),
        case("zero is missing", light(zero_as_missing=True)),
        case("no missing", light(use_missing=False)),
        case("categories", light(**CATEGORIES)),
        case("categories, zero is missing", light(**CATEGORIES, zero_as_missing=True)),
        case("constant", light(), np.ones(ROWS)),
        case("two classes", light_classes(), TWO),
        case("two classes, dart", light_classes(boosting_type="dart"), TWO),
        case("slope", light_classes(sigmoid=2.0), TWO),
        case("three classes", light_classes(**CATEGORIES), NAMES),
        case("one against all", light_classes(objective="ovr"), NAMES),
        case("balanced", light_classes(class_weight="balanced"), NAMES),
        case("forest of classes", light_classes(**BAGGED), NAMES),
    ],
)
def test_lightgbm_is_exact(estimator, y):
    assert_exact(estimator.fit(X, y), asked())


NATIVE = {"enable_categorical": True, "feature_types": ["q", "q", "q", "c", "q"]}


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        *[case(name, extreme(objective=name)) for name in ("reg:squarederror", "reg:absoluteerror")],
        *[case(name, extreme(objective=name), POSITIVE) for name in ("count:poisson", "reg:gamma", "reg:tweedie")],
        case("logarithms", extreme(objective="reg:squaredlogerror"), POSITIVE),
        case("pseudo huber", extreme(objective="reg:pseudohubererror")),
        case("quantile", extreme(objective="reg:quantileerror", quantile_alpha=0.3)),
        case("logistic", extreme(objective="reg:logistic"), SHARE),
        case("survival", extreme(objective="survival:cox"), POSITIVE),
        case("dart", extreme(booster="dart", rate_drop=0.5)),
        case("forest", extreme(xgboost.XGBRFRegressor)),
        case("parallel trees", extreme(num_parallel_tree=3, subsample=0.5)),
        case("zero is missing", extreme(missing=0.0)),
        case("start", extreme(base_score=0.3)),
        case("exact", extreme(tree_method="exact")),
        case("by loss", extreme(grow_policy="lossguide", max_leaves=20, max_depth=0)),
        case("categories in sets", extreme(**NATIVE, max_cat_to_onehot=1)),
        case("categories one by one", extreme(**NATIVE, max_cat_to_onehot=20)),
        case("constant", extreme(), np.ones(ROWS)),
        case("two classes", extreme_classes(), TWO),
        case("two classes, start", extreme_classes(base_score=0.2), TWO),
        case("hinge", extreme_classes(objective="binary:hinge"), TWO),
        case("three classes", extreme_classes(**NATIVE), THREE),
        case("three classes, dart", extreme_classes(booster="dart", rate_drop=0.5), THREE),
        case("forest of classes", extreme(xgboost.XGBRFClassifier), THREE),
    ],
)
def test_xgboost_is_exact(estimator, y):
    assert_exact(estimator.fit(X, y), asked())


@pytest.mark.parametrize(
    ("estimator", "fitting"),
    [
        pytest.param(
            light(n_estimators=300, learning_rate=0.5), {"callbacks": [lightgbm.early_stopping(3)]}, id="lightgbm"
        ),
        pytest.param(
            light_classes(n_estimators=300), {"callbacks": [lightgbm.early_stopping(3)]}, id="lightgbm classes"
        ),
        pytest.param(extreme(n_estimators=300, early_stopping_rounds=3), {"verbose": False}, id="xgboost"),
        pytest.param(
            extreme_classes(n_estimators=300, early_stopping_rounds=3), {"verbose": False}, id="xgboost classes"
        ),
    ],
)
def test_a_model_that_stopped_early_answers_by_its_best_iteration(estimator, fitting):
    y = THREE if hasattr(estimator, "predict_proba") else Y

    estimator.fit(X[:300], y[:300], eval_set=[(X[300:], y[300:])], **fitting)

    best = getattr(estimator, "best_iteration_", None) or estimator.best_iteration
    assert best < 290
    assert_exact(estimator, asked())


def test_a_booster_of_lightgbm_is_exact():
    settings = {"objective": "poisson", "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(X, POSITIVE), 10)

    assert_exact(booster, asked())


# --- tables ---


def table():
    source = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "price": X[:, 1],
            "colour": pd.Categorical(source.choice(["red", "green", "blue", None], ROWS)),
            "rooms": pd.Categorical(source.choice([3, 5, 9], ROWS)),
            "age": X[:, 0],
        }
    )


def worth(rows):
    return (rows["colour"].cat.codes % 3 * 2.0 + rows["rooms"].cat.codes + np.sin(rows["price"] * 3)).to_numpy(float)


def unseen(rows):
    """Rows with levels that training never saw."""
    rows = rows.head(40).copy()
    rows["colour"] = pd.Categorical(["violet", "red"] * 20, ["violet", "red", "blue"])
    return rows


NATIVE_LEVELS = {"cat_smooth": 1, "min_data_per_group": 1}


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(light(**NATIVE_LEVELS), id="lightgbm"),
        pytest.param(extreme(enable_categorical=True, max_cat_to_onehot=1), id="xgboost"),
    ],
)
def test_columns_of_type_category_are_exact(estimator):
    rows = table()
    estimator.fit(rows, worth(rows))

    assert_exact(estimator, rows)


def test_lightgbm_takes_a_level_that_training_did_not_see_for_a_missing_cell():
    rows = table()
    estimator = light(**NATIVE_LEVELS).fit(rows, worth(rows))

    assert_exact(estimator, unseen(rows))


def test_a_level_that_training_did_not_see_is_refused_as_xgboost_refuses_it():
    rows = table()
    estimator = extreme(enable_categorical=True).fit(rows, worth(rows))
    runtime = exported(estimator, rows)

    with pytest.raises(xgboost.core.XGBoostError, match="not in the training set"):
        estimator.predict(unseen(rows))
    with pytest.raises(PayloadError, match="row 0: the model cannot answer a level that training did not see"):
        runtime.predict(cells_of(unseen(rows)))


@pytest.mark.parametrize("kind", [light, extreme])
@pytest.mark.parametrize("output", ["default", "pandas"])
def test_a_pipeline_over_texts_and_numbers_is_exact(kind, output):
    rows = table().astype({"colour": object, "rooms": int})
    columns = compose.ColumnTransformer(
        [
            ("numbers", impute.SimpleImputer(add_indicator=True), ["age", "price"]),
            ("levels", preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["colour"]),
        ],
        remainder="passthrough",
    ).set_output(transform=output)
    estimator = pipeline.make_pipeline(columns, kind()).fit(rows, worth(table()))

    assert_exact(estimator, pd.concat([rows, shuffled(rows)], ignore_index=True))


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        case("vote", ensemble.VotingRegressor([("light", light()), ("extreme", extreme())])),
        case("stack", ensemble.StackingRegressor([("light", light()), ("extreme", extreme())], linear_model.Ridge())),
        case("bags", ensemble.BaggingRegressor(light(), 3, max_features=0.6, random_state=0)),
        case("target", compose.TransformedTargetRegressor(light(), transformer=preprocessing.StandardScaler())),
        case("search", model_selection.GridSearchCV(extreme(), {"max_depth": [2, 3]}, cv=2)),
        case("calibrated", calibration.CalibratedClassifierCV(light_classes(), method="isotonic", cv=2), NAMES),
        case("calibrated by a sigmoid", calibration.CalibratedClassifierCV(extreme_classes(), cv=2), TWO),
        case("vote of classes", ensemble.VotingClassifier([("a", light_classes()), ("b", extreme_classes())]), THREE),
    ],
)
def test_boosted_trees_inside_other_estimators_are_exact(estimator, y):
    assert_exact(estimator.fit(X, y), np.concatenate([X, shuffled(X)]))


# --- refusals ---


def halved(y_true, y_pred):
    return (y_pred - y_true) / 2, np.full(len(y_true), 0.5)


@pytest.mark.parametrize(
    ("estimator", "y", "message"),
    [
        pytest.param(light(linear_tree=True), Y, "LGBMRegressor: linear_tree=True", id="linear trees"),
        pytest.param(
            compose.TransformedTargetRegressor(extreme(), transformer=preprocessing.StandardScaler()),
            Y,
            "regressor: XGBRegressor: it answers in float32, and TransformedTargetRegressor computes on in float32",
            id="float32 target",
        ),
        pytest.param(
            ensemble.VotingRegressor([("a", extreme()), ("b", extreme(max_depth=2))]),
            Y,
            "VotingRegressor: all members answer in float32",
            id="float32 members",
        ),
        pytest.param(
            calibration.CalibratedClassifierCV(extreme_classes(), method="isotonic", cv=2),
            TWO,
            "XGBClassifier: it answers in float32, and method='isotonic'",
            id="float32 calibration",
        ),
        pytest.param(light(objective=halved), Y, "LGBMRegressor: objective is a function", id="own objective"),
        pytest.param(light(pred_early_stop=True), Y, "LGBMRegressor: pred_early_stop", id="trees left out"),
        pytest.param(extreme(objective=halved), Y, "XGBRegressor: objective is a function", id="own loss"),
        pytest.param(extreme(booster="gblinear"), Y, "XGBRegressor: booster='gblinear'", id="linear"),
        pytest.param(extreme(), np.column_stack([Y, Y]), "XGBRegressor: several targets", id="targets"),
        pytest.param(
            extreme_classes(multi_strategy="multi_output_tree"),
            THREE,
            "multi_strategy='multi_output_tree'",
            id="leaves",
        ),
        pytest.param(
            extreme_classes(objective="multi:softmax"), THREE, "'multi:softprob' gives the same", id="softmax"
        ),
    ],
)
def test_what_is_not_exact_is_refused_by_name(estimator, y, message):
    estimator.fit(np.nan_to_num(X), y)

    with pytest.raises(ExportError, match=message):
        export(estimator)


def test_ordered_categories_beside_others_are_refused_since_the_model_does_not_name_them():
    rows = table()
    rows["rooms"] = rows["rooms"].cat.as_ordered()
    estimator = light(**NATIVE_LEVELS).fit(rows, worth(rows))

    with pytest.raises(ExportError, match="which columns were of type category"):
        export(estimator, list(rows.columns))


def test_sums_that_differ_from_the_packages_own_are_refused(monkeypatch):
    estimator = light().fit(X, Y)
    monkeypatch.setattr(estimator.booster_, "predict", lambda rows, **_: np.zeros(len(rows)))

    with pytest.raises(ExportError, match="LGBMRegressor: this version of its package adds up its trees otherwise"):
        export(estimator)
