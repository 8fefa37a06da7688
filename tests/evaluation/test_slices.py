"""Slices hold every row once, name the worst part first, and compare with production only where it may be judged."""

from __future__ import annotations

import math

import numpy as np
import pytest

from model.evaluation.regression import Errors
from model.evaluation.slices import slices


def test_a_feature_is_cut_into_parts_of_equally_many_rows_the_worst_first():
    x = np.arange(8.0)
    actual, predicted = np.zeros(8), np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 3.0])

    found = slices({"age": x}, Errors(actual, predicted), count=4)

    whole = math.sqrt(3)
    assert found[0].document() == {
        "column": "age",
        "values": "6 … 7",
        "rows": 2,
        "rmse": 3.0,
        "bias": 3.0,
        "ratio": pytest.approx(3 / whole),
    }
    assert sorted((part.values, part.rows) for part in found) == [
        ("0 … 1", 2),
        ("2 … 3", 2),
        ("4 … 5", 2),
        ("6 … 7", 2),
    ]


@pytest.mark.parametrize(
    ("column", "parts"),
    [
        pytest.param([0.0, 1.0, 0.0, 1.0], [("0", 2), ("1", 2)], id="few-values"),
        pytest.param([5.0, 5.0, 5.0, 5.0], [("5", 4)], id="constant"),
        pytest.param(["w", "m", "w", "d"], [("d", 1), ("m", 1), ("w", 2)], id="texts"),
        pytest.param([0.0, 0.0, 0.0, 0.5], [("0", 3), ("0.5", 1)], id="one-outside"),
    ],
)
def test_few_values_are_a_slice_each(column, parts):
    found = slices({"x": np.array(column)}, Errors(np.zeros(4), np.ones(4)), count=3)

    assert sorted((part.values, part.rows) for part in found) == parts


def test_a_feature_that_stands_for_kinds_is_cut_by_its_values():
    column = np.array([1.0, 2.0, 3.0, 3.0])

    found = slices({"kind": column, "x": column}, Errors(np.zeros(4), np.ones(4)), count=2, by_value=["kind"])

    assert sorted((part.column, part.values, part.rows) for part in found) == [
        ("kind", "1", 1),
        ("kind", "2", 1),
        ("kind", "3", 2),
        ("x", "1 … 2", 2),
        ("x", "3", 2),
    ]


@pytest.mark.parametrize("by_value", [pytest.param([], id="parts"), pytest.param(["x"], id="values")])
@pytest.mark.parametrize(
    "start", [pytest.param(2.0**60, id="nanoseconds"), pytest.param(1.7e9, id="seconds"), pytest.param(1.0, id="one")]
)
def test_slices_have_names_of_their_own_however_close_their_values_are(start, by_value):
    column = start * (1 + np.arange(8) * 2.0**-52)

    found = slices({"x": column}, Errors(np.zeros(8), np.ones(8)), count=4, by_value=by_value)

    assert len({part.values for part in found}) == len(found) == (8 if by_value else 4)


def test_progress_is_told_after_each_column():
    told = []

    slices(
        {"a": np.arange(4.0), "b": np.arange(4.0)},
        Errors(np.zeros(4), np.ones(4)),
        count=2,
        done=lambda: told.append(1),
    )

    assert told == [1, 1]


def test_ties_never_leave_a_slice_empty():
    column = np.array([0.0] * 90 + list(range(1, 11)))

    found = slices({"x": column}, Errors(np.zeros(100), np.ones(100)), count=4)

    assert sum(part.rows for part in found) == 100
    assert min(part.rows for part in found) > 0


def test_the_rarest_of_many_texts_are_one_slice():
    column = np.array([f"{number:02}" for number in range(25)] * 2 + ["24"])

    found = slices({"town": column}, Errors(np.zeros(51), np.ones(51)), count=4)

    assert len(found) == 21
    assert ("5 rarer values", 10) in [(part.values, part.rows) for part in found]


def test_a_slice_is_compared_with_production_on_the_rows_that_may_be_compared():
    champion = np.array([2.0, math.nan, math.nan, math.nan])

    found = slices({"x": np.array([0.0, 0.0, 1.0, 1.0])}, Errors(np.zeros(4), np.ones(4), champion), count=2)

    assert sorted((part.values, part.compared_rows, part.loss) for part in found) == [
        ("0", 1, 0.5),
        ("1", 0, None),
    ]


def test_slices_of_a_perfect_model_are_all_alike():
    found = slices({"x": np.arange(8.0)}, Errors(np.arange(8.0), np.arange(8.0) + [1e-15] * 8, np.arange(8.0)), count=2)

    assert [(part.ratio <= 1, part.loss <= 1) for part in found] == [(True, True)] * 2


@pytest.mark.parametrize("scale", [1e-160, 1e160, 1e300])
def test_slices_at_the_edge_of_double_precision_hold_their_rows(scale):
    x, error = np.random.default_rng(3).normal(size=(2, 200))

    assert slices({"x": x}, Errors(x * scale, (x + error) * scale), count=2)[0].rows == 100


def test_parts_of_a_boolean_are_true_and_false():
    column = np.array([0.0, 1.0, 1.0, np.nan])

    found = slices({"paid": column}, Errors(np.arange(4.0), np.zeros(4)), count=4, booleans={"paid"})

    assert {part.values for part in found} == {"true", "false", "missing"}
