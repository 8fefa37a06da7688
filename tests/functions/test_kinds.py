"""Instances of every kind become a table, or problems with their places."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.columns.schema import Feature, PayloadError, to_table

EXAMPLES = settings(deadline=None, derandomize=True)

COLOUR = Feature("colour", kind="category", levels=("red", "blue", "3"))
OPEN = Feature("colour", kind="category", levels=("red", "blue", "3"), takes_unknown=True)
FLOOR = Feature("floor", kind="category", levels=(1, 2.5, True, "top"))
LATE = Feature("late", kind="boolean")
WHEN = Feature("when", kind="time", parts=("hour",))
AGE = Feature("age")
GAPS = {"takes_missing": True, "had_missing": True}


def cells(instances, *features):
    """The columns of the table of *instances*, with None for each missing cell."""
    columns = to_table(instances, features).columns
    return [[None if cell != cell else cell for cell in column.tolist()] for column in columns]  # noqa: PLR0124 - NaN


def problems(instances, *features):
    """Details, without the row's number, and pointers of the problems of *instances*."""
    with pytest.raises(PayloadError) as caught:
        to_table(instances, features)
    return [(problem.detail.partition(": ")[2], problem.pointer) for problem in caught.value.problems]


# Cells that cannot be used


@pytest.mark.parametrize(
    ("feature", "cell", "reason"),
    [
        pytest.param(LATE, None, "must be true or false, got null", id="boolean-null"),
        pytest.param(LATE, 2, "must be true or false, got 2", id="boolean-2"),
        pytest.param(LATE, 0.5, "must be true or false, got 0.5", id="boolean-half"),
        pytest.param(LATE, "true", 'must be true or false, got "true"', id="boolean-text"),
        pytest.param(LATE, math.nan, "must be true or false, got NaN", id="boolean-nan"),
        pytest.param(LATE, [True], "must be true or false, got an array of 1", id="boolean-array"),
        pytest.param(COLOUR, None, 'must be one of "red", "blue", "3", got null', id="category-null"),
        pytest.param(COLOUR, "green", 'must be one of "red", "blue", "3", got "green"', id="unknown"),
        pytest.param(COLOUR, "", 'must be one of "red", "blue", "3", got ""', id="empty-text"),
        pytest.param(COLOUR, "Red", 'must be one of "red", "blue", "3", got "Red"', id="another-case"),
        pytest.param(COLOUR, 3, "must be a text, got 3", id="number-for-a-text"),
        pytest.param(OPEN, 3, "must be a text, got 3", id="number-for-a-text-where-unknown-levels-are-answered"),
        pytest.param(OPEN, True, "must be a text, got true", id="boolean-for-a-text"),
        pytest.param(OPEN, ["red"], "must be a text, got an array of 1", id="array-for-a-text"),
        pytest.param(OPEN, {"red": 1}, "must be a text, got an object", id="object-for-a-text"),
        pytest.param(FLOOR, 3, 'must be one of 1, 2.5, true, "top", got 3', id="unknown-number"),
        pytest.param(FLOOR, False, 'must be one of 1, 2.5, true, "top", got false', id="unknown-boolean"),
        pytest.param(FLOOR, math.nan, 'must be one of 1, 2.5, true, "top", got NaN', id="category-nan"),
        pytest.param(FLOOR, [[]], 'must be one of 1, 2.5, true, "top", got an array of 1', id="category-nested"),
        pytest.param(
            FLOOR,
            10**400,
            'must be one of 1, 2.5, true, "top", got ' + "1" + "0" * 39 + "…",
            id="category-beyond-float64",
        ),
        pytest.param(WHEN, None, "must be a date or a time like 2026-11-26T01:30:00Z, got null", id="time-null"),
        pytest.param(
            WHEN,
            0,
            'must be a date or a time like 2026-11-26T01:30:00Z, got 0; send a text (from pandas: to_json(date_format="iso"))',
            id="time-number",
        ),
        pytest.param(WHEN, "now", 'must be a date or a time like 2026-11-26T01:30:00Z, got "now"', id="time-word"),
        pytest.param(
            Feature("x", **GAPS),
            math.nan,
            "must be a finite number, got NaN; a missing cell is null, or empty in CSV",
            id="nan-is-no-missing-cell",
        ),
        pytest.param(Feature("x", **GAPS), "", 'must be a number, got ""', id="empty-text-is-no-missing-cell"),
        pytest.param(Feature("x", **GAPS), True, "must be a number, got true", id="boolean-for-a-number"),
    ],
)
@pytest.mark.parametrize(
    ("wrap", "place"),
    [
        pytest.param(lambda _, cell: [cell], "/1/0", id="array"),
        pytest.param(lambda name, cell: {name: cell}, "/1/{name}", id="object"),
    ],
)
def test_a_cell_of_another_kind_is_refused_with_its_place(feature, cell, reason, wrap, place):
    good = {"boolean": True, "category": feature.levels and feature.levels[0], "time": "2026-01-01", "number": 1}
    instances = [wrap(feature.name, good[feature.kind]), wrap(feature.name, cell)]

    assert problems(instances, feature) == [(f"'{feature.name}' {reason}", place.format(name=feature.name))]


def test_a_handful_of_many_levels_is_named():
    feature = Feature("zip", kind="category", levels=tuple(f"{number:03}" for number in range(1000)))

    (problem,) = problems(["x"], feature)

    assert problem == ('\'zip\' must be one of "000", "001", "002", "003", "004" and 995 others, got "x"', "/0")


def test_no_level_of_a_redacted_category_is_named():
    feature = Feature("illness", redact=True, kind="category", levels=("measles",))

    assert problems(["x"], feature) == [("'illness' must be a level that training saw, got \"x\"", "/0")]


@pytest.mark.parametrize(
    "feature",
    [
        pytest.param(AGE, id="without-missing-cells"),
        pytest.param(Feature("age", takes_missing=True), id="answered-but-never-missing"),
        pytest.param(Feature("age", had_missing=True), id="missing-but-not-answered"),
    ],
)
def test_an_absent_member_is_refused_as_forgotten(feature):
    assert problems([{"colour": "red"}], feature, COLOUR) == [("missing feature 'age'", "/0")]


def test_an_unknown_member_beside_an_absent_one_is_refused():
    assert problems([{"agee": 1, "colour": "red"}], Feature("age", **GAPS), COLOUR) == [
        ('unknown feature "agee"; the features are age, colour', "/0/agee")
    ]


@pytest.mark.parametrize(
    ("instance", "reason"),
    [
        pytest.param(["red"], "must hold 2 values (colour, late), got 1", id="narrow"),
        pytest.param("red", 'must be an array of 2 values or an object, got "red"', id="text"),
        pytest.param(None, "must be an array of 2 values or an object, got null", id="null"),
    ],
)
def test_an_instance_of_another_form_is_refused(instance, reason):
    assert problems([instance], COLOUR, LATE) == [(reason, "/0")]


def test_an_array_of_one_category_is_an_instance_of_one_cell():
    assert problems([["red", "blue"]], COLOUR) == [("must hold 1 value (colour), got 2", "/0")]


# Cells that can


@pytest.mark.parametrize(
    ("feature", "cell", "expected"),
    [
        pytest.param(LATE, True, 1.0, id="true"),
        pytest.param(LATE, False, 0.0, id="false"),
        pytest.param(LATE, 1, 1.0, id="one"),
        pytest.param(LATE, 0.0, 0.0, id="zero"),
        pytest.param(Feature("late", kind="boolean", **GAPS), None, None, id="boolean-missing"),
        pytest.param(COLOUR, "red", "red", id="text"),
        pytest.param(COLOUR, "3", "3", id="text-of-digits"),
        pytest.param(OPEN, "green", "green", id="unknown-where-answered"),
        pytest.param(OPEN, "\ud800", "\ud800", id="surrogate-where-answered"),
        pytest.param(Feature("colour", kind="category", levels=("red",), **GAPS), None, None, id="category-missing"),
        pytest.param(FLOOR, 1, 1, id="number"),
        pytest.param(FLOOR, 1.0, 1, id="whole-float-for-an-integer"),
        pytest.param(FLOOR, "1", 1, id="number-as-text"),
        pytest.param(FLOOR, "2.50", 2.5, id="another-spelling-of-the-number"),
        pytest.param(FLOOR, True, True, id="boolean-is-not-1"),
        pytest.param(FLOOR, "true", True, id="boolean-as-text"),
        pytest.param(FLOOR, "top", "top", id="text-beside-numbers"),
        pytest.param(WHEN, "1970-01-01T00:00:01Z", 1.0, id="time"),
        pytest.param(Feature("when", kind="time", **GAPS), None, None, id="time-missing"),
        pytest.param(Feature("x", **GAPS), None, None, id="number-missing"),
        pytest.param(Feature("x", **GAPS), 1, 1.0, id="number"),
    ],
)
@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda _, cell: cell, id="value"),
        pytest.param(lambda _, cell: [cell], id="array"),
        pytest.param(lambda name, cell: {name: cell}, id="object"),
    ],
)
def test_a_cell_of_its_kind_is_taken_in_each_form(feature, cell, expected, wrap):
    ((found,),) = cells([wrap(feature.name, cell)], feature)

    assert (found, type(found)) == (expected, type(expected))


def test_an_absent_member_is_a_missing_cell_where_training_had_some():
    instances = [{"colour": "red"}, {"age": 3, "colour": "blue"}, {"age": None, "colour": "blue"}]

    assert cells(instances, Feature("age", **GAPS), COLOUR) == [[None, 3.0, None], ["red", "blue", "blue"]]


def test_forms_may_be_mixed():
    instances = [["red", True], {"late": 0, "colour": "blue"}]

    assert cells(instances, COLOUR, LATE) == [["red", "blue"], [1.0, 0.0]]


def test_numbers_booleans_and_times_are_held_as_one_matrix():
    table = to_table([[1, True, "1970-01-02"], [None, False, "1970-01-01"]], [Feature("age", **GAPS), LATE, WHEN])

    np.testing.assert_array_equal(table.matrix(), [[1.0, 1.0, 86400.0], [math.nan, 0.0, 0.0]])
    assert table.numeric


@pytest.mark.parametrize("features", [pytest.param((COLOUR,), id="category"), pytest.param((LATE, WHEN), id="numeric")])
def test_no_instances_are_no_rows(features):
    table = to_table([], features)

    assert (len(table), table.width) == (0, len(features))


# Anything

FEATURES = (
    Feature("age", **GAPS),
    Feature("colour", kind="category", levels=("red", "\ud83d\ude00"), takes_unknown=True, **GAPS),
    FLOOR,
    Feature("late", kind="boolean", takes_missing=True),
    Feature("when", kind="time", parts=("year",), **GAPS),
)
hostile = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([10**400, "red", 1, 2.5, "top", "1970-01-01", "9" * 10_000, "[" * 9000, "\ud800", [], [[]], {}])
)
row = st.lists(hostile, min_size=4, max_size=6) | st.dictionaries(
    st.sampled_from([*(feature.name for feature in FEATURES), "\ud800"]), hostile, max_size=6
)


def encodable(text):
    return text.encode("utf-8", "ignore").decode() == text


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=400)
@given(instances=st.lists(row | hostile, max_size=4))
def test_any_instances_are_a_table_or_problems_with_encodable_text(instances):
    refused, rows = (), to_table([], FEATURES)
    try:
        rows = to_table(instances, FEATURES)
    except PayloadError as error:
        refused = error.problems

    assert bool(refused) or len(rows) == len(instances)
    assert rows.width == len(FEATURES)
    assert not np.isinf(rows.matrix([0, 3, 4])).any()
    assert all(encodable(problem.detail + problem.pointer) for problem in refused)
    assert all(len(problem.detail) < 300 for problem in refused)


@EXAMPLES
@given(st.data())
def test_the_form_of_each_row_makes_no_difference(data):
    good = [
        st.none() | st.integers(-9, 9),
        st.sampled_from(["red", "green", None]),
        st.sampled_from([1, 2.5, True, "top"]),
        st.booleans() | st.none(),
        st.sampled_from(["2026-11-26", "2026-11-26T01:30Z", None]),
    ]
    rows = data.draw(st.lists(st.tuples(*good), min_size=1, max_size=5))
    names = [feature.name for feature in FEATURES]
    objects = [dict(zip(names, row, strict=True)) for row in rows]
    forms = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))

    by_array = cells([list(row) for row in rows], *FEATURES)

    assert cells(objects, *FEATURES) == by_array
    mixed = [made if form else list(row) for form, made, row in zip(forms, objects, rows, strict=True)]
    assert cells(mixed, *FEATURES) == by_array
    assert cells(json.loads(json.dumps(mixed)), *FEATURES) == by_array
