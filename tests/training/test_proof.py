"""What a model takes, and how far it is from its estimator: both are found by asking the two."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from functions.columns.schema import Feature
from functions.columns.table import Table, is_missing
from functions.problems import PayloadError, Problem
from functions.runtimes import load
from model.training.asking import answered, asking, predicted
from model.training.export import export
from model.training.inputs import as_input, columns_of
from model.training.proof import exactness, furthest_of, proof_rows, taken, unknown_level

ROWS = 120
RANDOM = np.random.default_rng(8)
AGE = RANDOM.normal(40, 10, ROWS)
GAPPY = np.where(RANDOM.random(ROWS) < 0.2, np.nan, RANDOM.normal(size=ROWS))
COLOUR = np.array(["red", "green", "blue"], object)[RANDOM.integers(0, 3, ROWS)]
Y = AGE + np.nan_to_num(GAPPY) + (COLOUR == "red")
FEATURES = [
    Feature("age"),
    Feature("gappy", had_missing=True),
    Feature("colour", kind="category", levels=("red", "green", "blue")),
]
TABLE = Table([AGE, GAPPY, COLOUR])


def boosted(**options):
    encoder = OrdinalEncoder(**options)
    steps = make_column_transformer((encoder, ["colour"]), remainder="passthrough")
    return make_pipeline(steps, HistGradientBoostingRegressor(max_iter=20, random_state=0))


def hot(**options):
    steps = make_column_transformer(
        (OneHotEncoder(sparse_output=False, **options), ["colour"]), ("passthrough", ["age"])
    )
    return make_pipeline(steps, Ridge())


def both(estimator):
    """The estimator and its graph as they answer tables, and the edges of the graph."""
    estimator.fit(as_input(TABLE, FEATURES), Y)
    made = export(estimator, columns_of(FEATURES))
    runtime = load(made.document, made.arrays)
    return asking(estimator, FEATURES), lambda table: predicted(runtime.predict(table)), made.edges


@pytest.mark.parametrize(
    ("estimator", "missing", "unknown"),
    [
        pytest.param(
            boosted(handle_unknown="use_encoded_value", unknown_value=-1),
            [True, True, True],
            True,
            id="boosting-with-a-rule",
        ),
        pytest.param(boosted(), [True, True, False], False, id="boosting-without-one"),
        pytest.param(hot(handle_unknown="ignore"), [False, True, True], True, id="columns-that-ignore-unknown-levels"),
        pytest.param(hot(), [False, True, False], False, id="columns-of-known-levels-alone"),
    ],
)
def test_cells_that_both_answer_are_taken_and_others_are_not(estimator, missing, unknown):
    ask, model, _ = both(estimator)

    found = taken(ask, model, TABLE, FEATURES)

    assert [feature.takes_missing for feature in found] == missing
    assert [feature.takes_unknown for feature in found] == [False, False, unknown]
    assert [feature.name for feature in found] == ["age", "gappy", "colour"]


def test_a_cell_that_only_one_of_both_answers_is_not_taken():
    ask, model, _ = both(boosted(handle_unknown="use_encoded_value", unknown_value=-1))

    def fussy(table):
        if any(is_missing(cells).any() for cells in table.columns):
            raise PayloadError(Problem("no", "/0"))
        return model(table)

    assert [feature.takes_missing for feature in taken(ask, fussy, TABLE, FEATURES)] == [False] * 3
    assert [feature.takes_missing for feature in taken(fussy, model, TABLE, FEATURES)] == [False] * 3


def test_an_answer_that_is_no_number_is_none():
    def nan(table):
        return np.full(len(table), np.nan)

    _, model, _ = both(boosted(handle_unknown="use_encoded_value", unknown_value=-1))

    assert not any(feature.takes_missing or feature.takes_unknown for feature in taken(nan, model, TABLE, FEATURES))


@pytest.mark.parametrize(
    ("levels", "unknown"),
    [
        pytest.param(("a", "b"), "unknown", id="texts"),
        pytest.param(("unknown", "b"), "unknown?", id="the-word-itself"),
        pytest.param((3, 7), 8, id="numbers"),
        pytest.param((True, False), "unknown", id="booleans"),
        pytest.param((True, 2), "unknown", id="mixed"),
        pytest.param((), "unknown", id="none"),
    ],
)
def test_an_unknown_level_is_of_the_levels_own_type(levels, unknown):
    assert unknown_level(Feature("c", kind="category", levels=levels)) == unknown


def test_rows_of_the_proof_hold_all_rows_shuffles_edges_gaps_and_unknown_levels():
    ask, model, edges = both(boosted(handle_unknown="use_encoded_value", unknown_value=-1))
    features = taken(ask, model, TABLE, FEATURES)

    rows = proof_rows(TABLE, features, edges, seed=7)

    assert rows[:ROWS].cells(0).tolist() == AGE.tolist()
    shuffled = rows[ROWS : 2 * ROWS]
    assert sorted(shuffled.cells(0)) == sorted(AGE)
    assert shuffled.cells(0).tolist() != AGE.tolist()
    numbers = {(column, value) for column in (0, 1) for value in rows.cells(column).tolist()}
    assert edges
    assert set(edges) <= numbers
    later = rows[2 * ROWS :]
    assert [bool(is_missing(cells).any()) for cells in later.columns] == [True, True, True]
    assert "unknown" in later.cells(2).tolist()


def test_no_row_of_the_proof_holds_a_cell_that_is_not_taken():
    rows = proof_rows(TABLE, FEATURES, [], seed=7)

    assert len(rows) == 2 * ROWS
    assert not is_missing(rows.cells(0)).any()
    assert set(rows.cells(2).tolist()) == {"red", "green", "blue"}


def test_an_exact_model_is_equal_on_every_row():
    ask, model, edges = both(boosted(handle_unknown="use_encoded_value", unknown_value=-1))
    rows = proof_rows(TABLE, taken(ask, model, TABLE, FEATURES), edges, seed=7)

    found = exactness(ask, model, rows)

    assert found.furthest <= 1
    assert (found.rows, found.alone) == (len(rows), 500)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda model, _: lambda table: model(table) * (1 + 1e-8), id="a-little-everywhere"),
        pytest.param(
            lambda model, edges: (
                lambda table: model(table) + np.isin(table.cells(0), [n for c, n in edges if c == 0])[:, None]
            ),
            id="on-edges-alone",
        ),
        pytest.param(
            lambda model, _: lambda table: model(table) + is_missing(table.cells(0))[:, None],
            id="for-missing-cells-alone",
        ),
        pytest.param(
            lambda model, _: lambda table: model(table) + (table.cells(2) == "unknown")[:, None],
            id="for-unknown-levels-alone",
        ),
        pytest.param(lambda model, _: lambda table: model(table) + (len(table) == 1), id="one-by-one-alone"),
        pytest.param(
            lambda model, _: lambda table: np.where(is_missing(table.cells(1))[:, None], np.nan, model(table)),
            id="no-number-where-the-estimator-has-one",
        ),
    ],
)
def test_a_model_that_differs_anywhere_is_not_exact(wrong):
    ask, model, edges = both(boosted(handle_unknown="use_encoded_value", unknown_value=-1))
    rows = proof_rows(TABLE, taken(ask, model, TABLE, FEATURES), edges, seed=7)

    assert exactness(ask, wrong(model, edges), rows).furthest > 1


def test_a_row_that_the_estimator_does_not_answer_must_not_be_answered():
    assert furthest_of(np.array([[1.0], [np.nan]]), np.array([[1.0], [np.nan]])) == 0
    assert furthest_of(np.array([[1.0], [2.0]]), np.array([[1.0], [np.nan]])) == np.inf
    assert furthest_of(np.array([[1.0], [np.nan]]), np.array([[1.0], [2.0]])) == np.inf


def test_a_label_or_a_probability_that_differs_is_not_exact():
    expected = np.array([[0.0, 0.75, 0.25], [1.0, 0.25, 0.75]])

    assert furthest_of(expected * (1 + 1e-12), expected) <= 1
    assert furthest_of(expected[:, [0, 2, 1]], expected) > 1
    assert furthest_of(expected[::-1] * [1, 0, 0] + expected * [0, 1, 1], expected) > 1
    assert furthest_of(expected[:, :1], expected) == np.inf


def test_a_classifier_is_asked_for_its_label_and_the_probability_of_each_class():
    labels = np.where(np.median(AGE) < AGE, "old", "young")
    forest = RandomForestClassifier(5, random_state=0).fit(AGE[:, None], labels)
    made = export(forest)
    runtime = load(made.document, made.arrays)
    ask = asking(forest, [Feature("age")], classes=("old", "young"))
    table = Table(AGE[:, None])

    found = ask(table)

    assert (np.array(["old", "young"])[found[:, 0].astype(int)] == forest.predict(AGE[:, None])).all()
    assert (found[:, 1:] == forest.predict_proba(AGE[:, None])).all()
    assert exactness(ask, lambda table: predicted(runtime.predict(table), ("old", "young")), table).furthest <= 1


def test_rows_that_are_refused_are_found_among_the_others():
    def ask(table):
        if (table.cells(0) < 0).any():
            raise ValueError("negative")
        return table.cells(0)[:, None]

    found = answered(ask, Table(np.array([[1.0], [-1.0], [2.0], [3.0], [-2.0]])))

    assert np.isnan(found[:, 0]).tolist() == [False, True, False, False, True]


def test_an_estimator_that_writes_into_its_input_leaves_the_table_alone():
    class Writing(LinearRegression):
        def predict(self, x):
            x[:] = 0
            return x[:, 0]

    table = Table(np.ones((3, 1)))
    asking(Writing(), [Feature("a")])(table)

    assert table.cells(0).tolist() == [1.0, 1.0, 1.0]


def test_a_forest_takes_a_missing_number_even_where_training_had_none():
    forest = RandomForestRegressor(5, random_state=0).fit(AGE[:, None], Y)
    ask = asking(forest, [Feature("age")])
    made = export(forest)
    runtime = load(made.document, made.arrays)

    (found,) = taken(ask, lambda table: predicted(runtime.predict(table)), Table(AGE[:, None]), [Feature("age")])

    found_out = ask(Table(np.array([[np.nan]])))
    assert found.takes_missing == bool(np.isfinite(found_out).all())
