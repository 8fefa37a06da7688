"""Pipelines over a table of numbers, texts, booleans and missing cells, chosen by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import compose, ensemble, impute, linear_model, pipeline, preprocessing, tree

from tests.support.exact import assert_exact, shuffled

pytestmark = pytest.mark.slow

ROWS = 240
NUMBERS = ["age", "price"]
LEVELS = ["colour", "shop"]


def frame(*, gaps=True):
    source = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "age": source.normal(40, 10, ROWS),
            "colour": source.choice(["red", "green", "blue", "grey"], ROWS, p=[0.5, 0.3, 0.18, 0.02]).astype(object),
            "price": source.exponential(10, ROWS),
            "shop": source.choice(["north", "south", "east"], ROWS).astype(object),
            "member": source.choice([True, False], ROWS),
            "rooms": source.integers(1, 6, ROWS),
        }
    )
    if gaps:
        rows.loc[source.random(ROWS) < 0.1, "age"] = np.nan
        rows.loc[source.random(ROWS) < 0.1, "shop"] = np.nan
    return rows


def target(rows):
    source = np.random.default_rng(1)
    effect = rows["colour"].map({"red": 1.0, "green": -1.0, "blue": 0.5, "grey": 3.0})
    return (rows["price"] * 0.1 + effect + rows["member"] + source.normal(size=ROWS) * 0.1).to_numpy(float)


def asked(rows):
    """Training rows, these shuffled, and rows with missing cells and with levels that training never saw."""
    unseen, empty = rows.head(12).copy(), rows.head(12).copy()
    unseen["colour"] = "violet"
    unseen.loc[:5, "shop"] = "west"
    for name in ("colour", "shop"):
        empty[name] = np.array([np.nan] * len(empty), object)
    empty["age"] = np.nan
    empty["price"] = np.nan
    return pd.concat([rows, shuffled(rows), unseen, empty], ignore_index=True)


def columns(*parts, **settings):
    return compose.ColumnTransformer(list(parts), **settings)


def one_hot(**settings):
    return preprocessing.OneHotEncoder(**settings)


def case(name, estimator):
    return pytest.param(estimator, id=name)


FILLED = pipeline.make_pipeline(
    impute.SimpleImputer(strategy="median", add_indicator=True), preprocessing.StandardScaler()
)
MOST_FREQUENT = impute.SimpleImputer(strategy="most_frequent")
CONSTANT = impute.SimpleImputer(strategy="constant", fill_value="none")


def ignoring(**settings):
    return one_hot(handle_unknown="ignore", **settings)


def ordinal(**settings):
    return preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", **settings)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "transformer",
    [
        case("one-hot", columns(("n", FILLED, NUMBERS), ("c", ignoring(), LEVELS))),
        case("dense", columns(("n", FILLED, NUMBERS), ("c", ignoring(sparse_output=False), LEVELS))),
        case("unknown refused", columns(("n", FILLED, NUMBERS), ("c", one_hot(), LEVELS))),
        case("first dropped", columns(("n", FILLED, NUMBERS), ("c", ignoring(drop="first"), LEVELS))),
        case(
            "dropped if binary", columns(("n", FILLED, NUMBERS), ("c", ignoring(drop="if_binary"), ["member", "shop"]))
        ),
        case("level dropped", columns(("n", FILLED, NUMBERS), ("c", ignoring(drop=["red"]), ["colour"]))),
        case(
            "infrequent",
            columns(
                ("n", FILLED, NUMBERS), ("c", one_hot(min_frequency=10, handle_unknown="infrequent_if_exist"), LEVELS)
            ),
        ),
        case(
            "infrequent warned",
            columns(("n", FILLED, NUMBERS), ("c", one_hot(min_frequency=0.1, handle_unknown="warn"), LEVELS)),
        ),
        case("infrequent ignored", columns(("n", FILLED, NUMBERS), ("c", ignoring(min_frequency=10), LEVELS))),
        case(
            "most categories",
            columns(
                ("n", FILLED, NUMBERS),
                ("c", one_hot(max_categories=2, handle_unknown="infrequent_if_exist", drop="first"), LEVELS),
            ),
        ),
        case(
            "ordinal",
            columns(("n", FILLED, NUMBERS), ("c", ordinal(unknown_value=-1, encoded_missing_value=-2), LEVELS)),
        ),
        case(
            "ordinal infrequent",
            columns(
                ("n", FILLED, NUMBERS),
                ("c", ordinal(unknown_value=-1, encoded_missing_value=-2, min_frequency=10), LEVELS),
            ),
        ),
        case(
            "levels given",
            columns(("c", ordinal(unknown_value=-1, categories=[["red", "blue", "green", "grey"]]), ["colour"])),
        ),
        case(
            "ordinal infrequent, missing filled",
            columns(
                ("n", FILLED, NUMBERS),
                (
                    "c",
                    pipeline.make_pipeline(ordinal(unknown_value=-1, min_frequency=70), impute.SimpleImputer()),
                    LEVELS,
                ),
            ),
        ),
        case("target", columns(("n", FILLED, NUMBERS), ("c", preprocessing.TargetEncoder(random_state=0), LEVELS))),
        case("target smooth", columns(("c", preprocessing.TargetEncoder(smooth=3.0, random_state=0), LEVELS))),
        case(
            "most frequent",
            columns(("n", FILLED, NUMBERS), ("c", pipeline.make_pipeline(MOST_FREQUENT, ignoring()), LEVELS)),
        ),
        case(
            "constant text",
            columns(("n", FILLED, NUMBERS), ("c", pipeline.make_pipeline(CONSTANT, ignoring(drop="first")), LEVELS)),
        ),
        case(
            "texts with indicator",
            columns(
                (
                    "c",
                    pipeline.make_pipeline(
                        columns(("i", impute.MissingIndicator(features="all"), [1]), remainder="drop"),
                    ),
                    LEVELS,
                ),
                ("n", FILLED, NUMBERS),
            ),
        ),
        case("remainder", columns(("n", FILLED, NUMBERS), ("c", ignoring(), LEVELS), remainder="passthrough")),
        case(
            "remainder scaled",
            columns(("c", ignoring(), LEVELS), ("n", FILLED, NUMBERS), remainder=preprocessing.StandardScaler()),
        ),
        case("boolean as level", columns(("n", FILLED, NUMBERS), ("b", ignoring(), ["member", "rooms"]))),
        case(
            "weights",
            columns(("n", FILLED, NUMBERS), ("c", ignoring(), LEVELS), transformer_weights={"n": 2.0, "c": 0.5}),
        ),
        case(
            "selector",
            columns(
                ("n", FILLED, compose.make_column_selector(dtype_include=np.number)),
                ("c", ignoring(), compose.make_column_selector(dtype_include=object)),
            ),
        ),
        case("places", columns(("n", FILLED, [0, -1]), ("c", ignoring(), [1, 3]), ("d", "drop", [4]))),
        case("slice", columns(("n", FILLED, slice("price", "price")), ("c", ignoring(), slice(1, 2)))),
        case("mask", columns(("n", FILLED, [True, False, True, False, False, False]), ("c", ignoring(), ["colour"]))),
        case(
            "function",
            columns(("n", preprocessing.FunctionTransformer(np.log1p), ["rooms"]), ("c", ignoring(), LEVELS)),
        ),
        case(
            "nested",
            columns(
                ("all", columns(("n", FILLED, ["price"]), ("c", ignoring(), ["colour"])), ["colour", "price"]),
                ("b", "passthrough", ["member"]),
            ),
        ),
        case(
            "handed on by name",
            pipeline.make_pipeline(
                columns(("n", FILLED, NUMBERS), ("c", ignoring(sparse_output=False), LEVELS)).set_output(
                    transform="pandas"
                ),
                columns(
                    ("s", preprocessing.StandardScaler(), ["n__age"]),
                    ("k", "passthrough", ["c__colour_red", "n__price"]),
                ),
            ),
        ),
        case(
            "union",
            columns(
                ("n", pipeline.make_union(FILLED, impute.KNNImputer()), NUMBERS),
                ("c", pipeline.make_union(ignoring(), ordinal(unknown_value=-1, encoded_missing_value=-1)), LEVELS),
            ),
        ),
        case(
            "bins",
            columns(
                ("n", pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.KBinsDiscretizer(3)), NUMBERS),
                ("c", ignoring(), LEVELS),
            ),
        ),
    ],
)
def test_a_table_through_its_transformers_is_exact(transformer):
    rows = frame()
    estimator = pipeline.make_pipeline(transformer, linear_model.Ridge()).fit(rows, target(rows))

    assert_exact(estimator, asked(rows))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "encoder",
    [
        case("one-hot", one_hot()),
        case("ordinal", preprocessing.OrdinalEncoder(encoded_missing_value=-1)),
        case("target", preprocessing.TargetEncoder(random_state=0)),
        case(
            "imputed",
            pipeline.make_pipeline(impute.SimpleImputer(missing_values=None, strategy="most_frequent"), one_hot()),
        ),
    ],
)
def test_missing_cells_that_are_none_are_levels_as_in_training(encoder):
    rows = frame()
    gaps = np.array(
        [None if missing else value for value, missing in zip(rows["shop"], rows["shop"].isna(), strict=True)], object
    )
    rows["shop"] = pd.Series(gaps, dtype=object)
    estimator = pipeline.make_pipeline(columns(("c", encoder, LEVELS)), linear_model.Ridge()).fit(rows, target(rows))

    assert_exact(estimator, pd.concat([rows, shuffled(rows)], ignore_index=True))


BOOSTED = ensemble.HistGradientBoostingRegressor(max_iter=20, min_samples_leaf=5, random_state=0)
CODES = columns(("c", ordinal(unknown_value=np.nan, encoded_missing_value=np.nan), LEVELS), remainder="passthrough")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "estimator",
    [
        case(
            "histogram boosting with levels of its own",
            pipeline.make_pipeline(
                CODES, ensemble.HistGradientBoostingRegressor(max_iter=20, categorical_features=[0, 1])
            ),
        ),
        case("histogram boosting over codes", pipeline.make_pipeline(CODES, BOOSTED)),
        case(
            "forest",
            pipeline.make_pipeline(
                columns(("n", FILLED, NUMBERS), ("c", ignoring(), LEVELS)),
                ensemble.RandomForestRegressor(20, random_state=0),
            ),
        ),
        case("forest with gaps", pipeline.make_pipeline(CODES, ensemble.RandomForestRegressor(20, random_state=0))),
        case(
            "target transformed",
            compose.TransformedTargetRegressor(
                pipeline.make_pipeline(
                    columns(("n", FILLED, NUMBERS), ("c", ignoring(), LEVELS)), linear_model.Ridge()
                ),
                transformer=preprocessing.QuantileTransformer(n_quantiles=50, output_distribution="normal"),
            ),
        ),
        case(
            "stacked",
            ensemble.StackingRegressor(
                [
                    ("a", pipeline.make_pipeline(columns(("n", FILLED, NUMBERS)), linear_model.Ridge())),
                    ("b", pipeline.make_pipeline(CODES, tree.DecisionTreeRegressor(max_depth=3))),
                ]
            ),
        ),
    ],
)
def test_a_model_over_a_table_is_exact(estimator):
    rows = frame()
    estimator.fit(rows, target(rows))

    assert_exact(estimator, asked(rows))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["category", "from_dtype"])
def test_histogram_boosting_over_a_typed_table_is_exact(kind):
    rows = frame()
    typed = rows.astype({"colour": "category", "shop": "category"})
    features = ["colour", "shop"] if kind == "category" else "from_dtype"
    estimator = ensemble.HistGradientBoostingRegressor(max_iter=20, min_samples_leaf=5, categorical_features=features)
    estimator.fit(typed, target(rows))
    asking = asked(rows)
    asking = asking.astype(
        {name: pd.CategoricalDtype([*typed[name].cat.categories, "violet", "west"]) for name in LEVELS}
    )

    assert_exact(estimator, asking)


@pytest.mark.filterwarnings("ignore")
def test_a_classifier_of_three_levels_over_a_table_is_exact():
    rows = frame()
    labels = np.array(["low", "mid", "high"], object)[np.digitize(target(rows), [0.5, 2.0])]
    encoder = preprocessing.TargetEncoder(target_type="multiclass", random_state=0)
    estimator = pipeline.make_pipeline(
        columns(("n", FILLED, NUMBERS), ("c", encoder, LEVELS)), linear_model.LogisticRegression(max_iter=500)
    ).fit(rows, labels)

    assert_exact(estimator, asked(rows))


@pytest.mark.filterwarnings("ignore")
def test_a_model_over_complete_number_columns_of_a_table_is_a_line():
    from model.training.export import export  # noqa: PLC0415

    rows = frame(gaps=False)[["age", "price", "rooms"]]
    estimator = pipeline.make_pipeline(
        columns(("s", preprocessing.StandardScaler(), ["price", "age"]), remainder="passthrough"), linear_model.Ridge()
    ).fit(rows, target(frame()))

    assert export(estimator, list(rows.columns)).document["runtime"] == "linear"
    assert_exact(estimator, rows)
