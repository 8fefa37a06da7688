"""A target in another unit is named with its factor; chance, weak models and a world that moved are not."""

from __future__ import annotations

import math
from dataclasses import astuple, replace

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from model.evaluation.scale import Line, Scale, line, recorded_line, scale
from tests.support.parts import document


def world(rng, rows, *, mean=1.0, explained=0.8, features=3):
    x = rng.normal(size=(rows, features))
    noise = rng.normal(size=rows) * math.sqrt(1 - explained)
    return x, mean + x @ np.full(features, math.sqrt(explained / features)) + noise


def retrained(before, now, *, first=LinearRegression, factor=1.0):
    """The scale after production was trained on *before* and a challenger on *now*, a fifth of each held out."""
    (x, y), (new_x, new_y) = before, (now[0], factor * now[1])
    kept, new_kept = len(y) // 5, len(new_y) // 5
    production = first().fit(x[kept:], y[kept:])
    challenger = LinearRegression().fit(new_x[new_kept:], new_y[new_kept:])
    held = new_x[:new_kept]
    return scale(
        new_y[:new_kept], challenger.predict(held), production.predict(held),
        learnt=line(y[:kept], production.predict(x[:kept])), trained_rows=len(y) - kept, seed=7,
    )  # fmt: skip


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 2.0, 1000.0])
def test_a_target_in_another_unit_is_named_with_its_factor(factor):
    rng = np.random.default_rng(1)
    rows = world(rng, 2000)

    found = retrained(rows, world(rng, 2000), factor=factor)

    assert (found.changed, found.value) == (True, pytest.approx(factor, rel=0.05))


def test_a_target_of_a_known_line_has_exactly_its_factor():
    x = np.arange(100.0)

    assert scale(
        0.9 * x, 0.9 * x, x, learnt=line(x, x), trained_rows=400, seed=7
    ) == Scale(pytest.approx(0.9), changed=True)  # fmt: skip


@pytest.mark.parametrize("unit", [1e-150, 1e-90, 1.0, 1e90, 1e150])
def test_the_unit_of_both_does_not_matter(unit):
    rng = np.random.default_rng(6)
    x, y = world(rng, 500)
    predicted = x.sum(axis=1) * math.sqrt(0.8 / 3) + 1

    usual = line(y, predicted)
    found = line(unit * y, unit * predicted)

    assert found.spread == pytest.approx(unit * usual.spread)
    assert astuple(replace(found, spread=0.0)) == pytest.approx(astuple(replace(usual, spread=0.0)))
    made = scale(0.9 * unit * y, 0.9 * unit * predicted, unit * predicted, learnt=found, trained_rows=400, seed=7)
    assert (made.changed, made.value) == (True, pytest.approx(0.9))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("features", "mean", "rows"),
    [
        pytest.param(3, 1.0, 400, id="usual"),
        pytest.param(3, 0.0, 400, id="centred"),
        pytest.param(3, 5.0, 400, id="far-from-zero"),
        pytest.param(20, 1.0, 250, id="overfitted"),
    ],
)
def test_an_unchanged_target_is_called_rescaled_in_at_most_2_of_100_trainings(features, mean, rows):
    rng = np.random.default_rng(2)

    changed = [
        retrained(
            world(rng, rows, features=features, mean=mean), world(rng, rows, features=features, mean=mean)
        ).changed
        for _ in range(200)
    ]  # fmt: skip

    assert sum(changed) <= 4


@pytest.mark.slow
def test_an_underfitted_production_is_compared_with_its_own_slope():
    rng = np.random.default_rng(3)

    changed = [retrained(world(rng, 400), world(rng, 400), first=lambda: Ridge(alpha=300)).changed for _ in range(100)]

    assert sum(changed) <= 2


@pytest.mark.slow
def test_another_unit_is_found_of_an_underfitted_production_too():
    """Its slope of 1.1 is 1 once the target is 0.9 of it; that of the rows it was judged by was not."""
    rng = np.random.default_rng(5)

    found = []
    for _ in range(40):
        before, now = world(rng, 400, explained=0.95), world(rng, 400, explained=0.95)
        found.append(retrained(before, now, first=lambda: Ridge(alpha=36), factor=0.9).changed)

    assert sum(found) >= 28


@pytest.mark.slow
def test_a_relation_that_moved_is_no_other_unit():
    """The circle of the tests: the weight of one feature grows, and the noise stays."""

    def drawn(rng, rows, slope, shift):
        a, b, noise = rng.normal(size=(3, rows))
        return np.column_stack([a + shift, b]), slope * (a + shift) - b + noise

    rng = np.random.default_rng(4)

    changed = [retrained(drawn(rng, 1500, 2.0, 0.0), drawn(rng, 1000, 2.8, 0.75)).changed for _ in range(100)]

    assert sum(changed) <= 10


@pytest.mark.parametrize(
    ("predicted", "actual"),
    [
        pytest.param(np.arange(9.0), np.arange(9.0), id="nine-rows"),
        pytest.param(np.ones(20), np.arange(20.0), id="equal-predictions"),
        pytest.param(np.append(np.arange(19.0), math.inf), np.arange(20.0), id="not-finite"),
    ],
)
def test_rows_that_cannot_tell_say_nothing(predicted, actual):
    assert line(actual, predicted) is None
    assert scale(actual, actual, predicted, learnt=None, trained_rows=100, seed=7) == Scale()


def test_a_line_comes_back_from_its_manifest():
    rng = np.random.default_rng(5)
    made = line(*rng.normal(size=(2, 50)))

    assert recorded_line({"line": made.document(), "data": {}}) == made


def test_the_line_of_an_older_manifest_is_made_of_its_residuals():
    older = {
        "data": {"holdout_rows": 100},
        "residuals": {"calibration_slope": 1.1, "std": 2.0},
        "prediction": {"std": 4.0},
    }

    assert recorded_line(older) == Line(100, 1.1, pytest.approx(0.05), 1.0, 0.0, 2.0, pytest.approx(0.0707, abs=1e-4))
    assert recorded_line(document()) is None
