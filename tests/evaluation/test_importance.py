"""Importance of features: known growths, intervals that cover, and a time that ends."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression

from functions.columns.table import Table
from model.evaluation.importance import MOST_ROWS, REPEATS, importance, sample, steps
from model.evaluation.metrics import Score

RNG = np.random.default_rng(5)
X = RNG.normal(size=(1_000, 3))


def squared(y):
    """Squared errors of the model y = 3 a + b, which has no use for the third column."""
    return lambda table: (3 * table.cells(0) + table.cells(1) - y) ** 2


def measured(losses, x=X, names=("a", "b", "idle"), **options):
    wanted = {"loss": "rmse", "confidence": 0.95, "seed": 1, "within_seconds": 60.0, **options}
    return importance(Table(x), losses, names, **wanted)


@pytest.mark.parametrize(
    ("weight", "place"), [pytest.param(3.0, 0, id="a"), pytest.param(1.0, 1, id="b"), pytest.param(0.0, 2, id="idle")]
)
def test_a_shuffled_column_costs_root_two_of_its_share_where_the_model_is_exact(weight, place):
    """Two independent draws of a normal differ by the root of 2 of its spread."""
    found = measured(squared(3 * X[:, 0] + X[:, 1]))

    growth = found.features[place].score
    assert growth.value == pytest.approx(weight * math.sqrt(2) * X[:, place].std(), rel=0.02)
    assert growth.low <= growth.value <= growth.high


def test_a_column_that_the_model_does_not_use_has_a_growth_of_exactly_nothing():
    assert measured(squared(X[:, 0])).features[2].score == Score(0.0, 0.0, 0.0)


def test_the_growth_of_a_log_loss_is_that_of_scikit_learn():
    y = RNG.random(1_000) < 1 / (1 + np.exp(-2 * X[:, 0] - X[:, 1]))
    fitted = LogisticRegression().fit(X, y)

    def losses(table):
        chance = fitted.predict_proba(table.matrix())[:, 1]
        return -np.log(np.where(y, chance, 1 - chance))

    theirs = permutation_importance(fitted, X, y, scoring="neg_log_loss", n_repeats=20, random_state=0)
    ours = measured(losses, loss="log_loss")

    for growth, mean, std in zip(ours.features, theirs.importances_mean, theirs.importances_std, strict=True):
        assert growth.score.value == pytest.approx(mean, abs=5 * std / math.sqrt(REPEATS) + 1e-12)


def test_the_interval_of_a_column_that_only_adds_noise_holds_nothing_about_as_often_as_it_says():
    """The model uses a column that the target does not depend on: without it the error would be smaller."""
    held = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(300, 1))
        y = rng.normal(size=300)
        growth = measured(lambda table, y=y: (0.5 * table.cells(0) - y) ** 2, x, ["a"], seed=seed).features[0].score
        held += growth.low <= 0 <= growth.high

    assert held >= 34


def test_texts_and_missing_cells_are_shuffled_as_they_are():
    colours = np.array(["red", None, "blue", "red"] * 50, dtype=object)
    is_red = np.array([colour == "red" for colour in colours], float)

    def losses(table):
        assert sorted(map(str, table.cells(0))) == sorted(map(str, colours))
        return (np.array([colour == "red" for colour in table.cells(0)], float) - is_red) ** 2

    found = importance(Table([colours]), losses, ["colour"], loss="rmse", confidence=0.95, seed=1, within_seconds=60.0)

    assert found.features[0].score.value == pytest.approx(math.sqrt(0.5), abs=0.05)


def test_the_same_seed_gives_the_same_figures_and_another_seed_others():
    losses = squared(X[:, 0])

    assert measured(losses) == measured(losses)
    assert measured(losses).features[0] != measured(losses, seed=2).features[0]


@pytest.mark.parametrize(
    ("shuffles", "repeats", "said"),
    [
        pytest.param(
            0, [0, 0, 0], "3 of 3 features were not shuffled (a, b, idle)", id="none"
        ),
        pytest.param(2, [1, 1, 0], "1 of 3 features were not shuffled (idle), and some were shuffled 1 times in place of 5", id="not-all"),
        pytest.param(7, [3, 2, 2], "some were shuffled 2 times in place of 5", id="each-some-times"),
        pytest.param(15, [5, 5, 5], "", id="all"),
    ],
)  # fmt: skip
def test_shuffles_end_with_the_time_and_what_is_left_out_is_said(shuffles, repeats, said):
    """A clock that passes one second at each look; it is looked at once before the first shuffle."""
    looks = itertools.count()
    done = []

    found = measured(
        squared(X[:, 0]), within_seconds=shuffles + 1.0, clock=lambda: float(next(looks)), done=lambda: done.append(1)
    )

    assert [growth.repeats for growth in found.features] == repeats
    assert len(done) == shuffles
    assert [growth.score.value is None for growth in found.features] == [count == 0 for count in repeats]
    ending = f"{shuffles + 1} seconds did not suffice for the importance of features: {said}" if said else ""
    assert found.left_out == ending


def test_many_features_that_were_not_reached_are_counted():
    names = [f"f{number}" for number in range(25)]

    found = importance(
        Table(np.ones((4, 25))), lambda _: np.ones(4), names, loss="rmse", confidence=0.9, seed=1, within_seconds=1e-9
    )

    assert found.left_out.endswith("(f0, f1, f2, f3, f4, f5, f6, f7, f8, f9 and 15 more)")


@pytest.mark.parametrize(
    "loss", [pytest.param(lambda _: np.full(1_000, np.nan), id="nan"), pytest.param(lambda _: np.full(1_000, np.inf), id="infinite")]
)  # fmt: skip
def test_rows_that_the_model_does_not_answer_leave_no_figure(loss):
    assert [growth.score for growth in measured(loss).features] == [Score()] * 3


def test_no_time_is_no_complaint():
    found = measured(squared(X[:, 0]), within_seconds=0.0)

    assert [growth.repeats for growth in found.features] == [0, 0, 0]
    assert found.left_out == ""


def test_without_rows_there_is_no_figure():
    found = measured(lambda _: np.empty(0), X[:0])

    assert [growth.document() for growth in found.features] == [
        {"feature": name, "value": None, "low": None, "high": None, "repeats": 0} for name in ("a", "b", "idle")
    ]
    assert steps(0, 3) == 0


def test_of_many_rows_a_part_is_shuffled_that_the_seed_decides():
    some = sample(100_000, 7)

    assert len(set(some.tolist())) == MOST_ROWS
    assert (np.diff(some) > 0).all()
    assert some.tolist() == sample(100_000, 7).tolist() != sample(100_000, 8).tolist()
    assert some.mean() == pytest.approx(50_000, rel=0.06)
    assert sample(3, 7).tolist() == [0, 1, 2]
    assert steps(MOST_ROWS, 4) == 4 * REPEATS


def test_the_manifest_s_entry_is_short():
    document = measured(squared(X[:, 0])).document()

    assert {name: value for name, value in document.items() if name != "features"} == {
        "loss": "rmse",
        "rows": 1_000,
        "repeats": 5,
        "seconds": 60.0,
    }
    assert all(growth["value"] == float(f"{growth['value']:.6g}") for growth in document["features"])
