"""Steps before an estimator by the kinds of its columns, beside scikit-learn's own steps put together by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from functions.columns.schema import Feature
from functions.columns.table import Table
from functions.runtimes import load
from model.training.candidates import Trial, fit
from model.training.export import export
from model.training.inputs import as_input, columns_of
from model.training.preprocessing import prepared
from tests.support.trials import numbers

ROWS = 200
RANDOM = np.random.default_rng(5)
AGE = np.where(RANDOM.random(ROWS) < 0.2, np.nan, RANDOM.normal(40, 10, ROWS))
SIZE = RANDOM.normal(size=ROWS)
MEMBER = (RANDOM.random(ROWS) < 0.5).astype(float)
COLOUR = np.array(["red", "green", "blue", "mauve"], object)[RANDOM.choice(4, ROWS, p=[0.5, 0.3, 0.17, 0.03])]
COLOUR[RANDOM.random(ROWS) < 0.1] = None
Y = np.nan_to_num(AGE, nan=30.0) + SIZE + 2.0 * (COLOUR == "red") + MEMBER

AGE_FEATURE = Feature("age", had_missing=True)
COLOUR_FEATURE = Feature("colour", kind="category", had_missing=True, levels=("red", "green", "blue", "mauve"))
FEATURES = [AGE_FEATURE, Feature("size"), COLOUR_FEATURE, Feature("member", kind="boolean")]
TABLE = Table([AGE, SIZE, COLOUR, MEMBER])
FRAME = pd.DataFrame({"age": AGE, "size": SIZE, "colour": COLOUR, "member": MEMBER}).fillna({"colour": np.nan})


# Inputs


def test_numbers_and_booleans_are_a_matrix_without_names():
    features = [Feature("a"), Feature("b", kind="boolean")]

    assert columns_of(features) is None
    assert as_input(Table([SIZE, MEMBER]), features).tolist() == np.column_stack([SIZE, MEMBER]).tolist()


def test_a_category_makes_a_frame_with_nan_for_every_missing_cell():
    frame = as_input(TABLE, FEATURES)

    assert columns_of(FEATURES) == ["age", "size", "colour", "member"]
    assert frame.dtypes.astype(str).tolist() == ["float64", "float64", "object", "float64"]
    missing = [cell for cell, level in zip(frame["colour"], COLOUR, strict=True) if level is None]
    assert len(missing) > 5
    assert all(isinstance(cell, float) and np.isnan(cell) for cell in missing)


def test_a_pipeline_of_one_s_own_is_given_names_even_over_numbers():
    trial = Trial("mine:make", scale=False, parameters={})

    assert trial.columns(numbers(2)) == ["x0", "x1"]
    assert list(trial.input(Table(np.ones((3, 2))), numbers(2)).columns) == ["x0", "x1"]


# Steps


def test_complete_numbers_need_no_step_but_the_scaler():
    assert [name for name, _ in prepared(Ridge(), numbers(3), scale=False).steps] == ["regressor"]
    assert [name for name, _ in prepared(Ridge(), numbers(3), scale=True).steps] == ["scaler", "regressor"]


@pytest.mark.parametrize("scale", [pytest.param(True, id="scaled"), pytest.param(False, id="plain")])
def test_a_linear_model_gets_medians_a_column_of_gaps_and_levels_as_columns(scale):
    scaler = [StandardScaler()] if scale else []
    levels = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10, max_categories=100)
    by_hand = make_pipeline(
        ColumnTransformer(
            [
                ("numbers", make_pipeline(*scaler) if scale else "passthrough", ["size", "member"]),
                ("gaps", make_pipeline(*scaler, SimpleImputer(strategy="median", add_indicator=True)), ["age"]),
                ("levels", levels, ["colour"]),
            ],
            sparse_threshold=0,
        ),
        Ridge(),
    ).fit(FRAME, Y)

    ours = fit(Trial("sklearn.linear_model.Ridge", scale, {}), TABLE, Y, features=FEATURES, seed=7)

    assert ours.predict(FRAME) == pytest.approx(by_hand.predict(FRAME), rel=1e-12)
    assert ours[0].transform(FRAME).shape[1] == 2 + 2 + 5  # three levels, the rare ones, missing ones


def test_rare_and_unknown_levels_are_answered_alike():
    ours = fit(Trial("sklearn.linear_model.Ridge", scale=False, parameters={}), TABLE, Y, features=FEATURES, seed=7)
    row = FRAME.iloc[:1]

    rare, unknown = (ours.predict(row.assign(colour=level)).tolist() for level in ("mauve", "never seen"))

    assert rare == unknown


def test_an_estimator_that_takes_missing_numbers_keeps_them():
    trial = Trial("sklearn.ensemble.RandomForestRegressor", scale=False, parameters={"n_estimators": 5})

    ours = fit(trial, Table(np.column_stack([AGE, SIZE])), Y, features=[AGE_FEATURE, Feature("size")], seed=7)

    matrix = np.column_stack([AGE, SIZE])
    by_hand = RandomForestRegressor(n_estimators=5, random_state=7).fit(matrix, Y)
    assert ours.predict(matrix).tolist() == by_hand.predict(matrix).tolist()


def test_histogram_boosting_splits_sets_of_levels_itself():
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    by_hand = make_pipeline(
        ColumnTransformer([("numbers", "passthrough", ["age", "size", "member"]), ("levels", codes, ["colour"])]),
        HistGradientBoostingRegressor(max_iter=20, categorical_features=[3], random_state=7),
    ).fit(FRAME, Y)

    ours = fit(
        Trial("sklearn.ensemble.HistGradientBoostingRegressor", scale=False, parameters={"max_iter": 20}),
        TABLE,
        Y,
        features=FEATURES,
        seed=7,
    )

    strange = FRAME.assign(colour="never seen")
    assert ours.predict(FRAME).tolist() == by_hand.predict(FRAME).tolist()
    assert (
        ours.predict(strange).tolist()
        == by_hand.predict(FRAME.assign(colour=pd.Series([np.nan] * ROWS, dtype=object))).tolist()
    )


def test_more_levels_than_histogram_boosting_has_bins_are_grouped():
    levels = np.array([f"level {number:03}" for number in range(300)], object)
    cells = levels[np.concatenate([np.arange(300), RANDOM.integers(0, 40, 300)])]
    feature = Feature("level", kind="category", levels=tuple(levels.tolist()))

    ours = fit(
        Trial("sklearn.ensemble.HistGradientBoostingRegressor", scale=False, parameters={"max_iter": 5}),
        Table([cells]),
        np.arange(600.0),
        features=[feature],
        seed=7,
    )

    assert np.isfinite(ours.predict(as_input(Table([cells]), [feature]))).all()


def test_preprocessing_is_fitted_to_the_rows_of_the_fold_alone():
    first, rest = TABLE[:100], TABLE[100:]

    ours = fit(
        Trial("sklearn.linear_model.Ridge", scale=True, parameters={}), first, Y[:100], features=FEATURES, seed=7
    )

    medians = ours[0].named_transformers_["gaps"]["imputer"].statistics_
    scaler = ours[0].named_transformers_["gaps"]["scaler"]
    assert scaler.mean_ == pytest.approx([np.nanmean(first.cells(0))])
    assert scaler.mean_ != pytest.approx([np.nanmean(rest.cells(0))])
    assert medians == pytest.approx([(np.nanmedian(first.cells(0)) - scaler.mean_[0]) / scaler.scale_[0]])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "linear_model.LinearRegression",
        "linear_model.ElasticNet",
        "tree.DecisionTreeRegressor",
        "ensemble.GradientBoostingRegressor",
        "ensemble.HistGradientBoostingRegressor",
        "ensemble.BaggingRegressor",
        "ensemble.AdaBoostRegressor",
        "svm.SVR",
        "neighbors.KNeighborsRegressor",
    ],
)
@pytest.mark.parametrize("scale", [pytest.param(True, id="scaled"), pytest.param(False, id="plain")])
def test_every_kind_of_regressor_over_mixed_columns_is_exported_exactly(name, scale):
    trial = Trial(f"sklearn.{name}", scale, {})
    estimator = fit(trial, TABLE, Y, features=FEATURES, seed=7)

    made = export(estimator, trial.columns(FEATURES))

    found = load(made.document, made.arrays).predict(TABLE).values
    assert isinstance(estimator, Pipeline)
    assert found == pytest.approx(estimator.predict(FRAME), rel=1e-9)
