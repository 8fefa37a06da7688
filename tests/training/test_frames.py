"""Columns of a DataFrame by their types, and the DataFrame that a pipeline is asked with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from functions.columns.schema import MOST_LEVELS, Feature
from functions.columns.table import Table
from model.errors import DataError, UsageError
from model.training.frames import framed, stacked, time_parts


def one(series, **options):
    found = framed(pd.DataFrame({"c": series}), None, **options)
    return found.features[0], found.table.cells(0).tolist()


@pytest.mark.parametrize(
    ("series", "kind", "cells"),
    [
        pytest.param(pd.Series([1, 2, 3]), "number", [1.0, 2.0, 3.0], id="integers"),
        pytest.param(pd.Series([1.5, None, 3]), "number", [1.5, None, 3.0], id="floats"),
        pytest.param(pd.Series([1, None, 3], dtype="Int64"), "number", [1.0, None, 3.0], id="nullable-integers"),
        pytest.param(pd.Series([1, None, 2.5], dtype=object), "number", [1.0, None, 2.5], id="numbers-as-objects"),
        pytest.param(pd.Series([True, False]), "boolean", [1.0, 0.0], id="booleans"),
        pytest.param(pd.Series([True, None], dtype="boolean"), "boolean", [1.0, None], id="nullable-booleans"),
        pytest.param(pd.Series(["a", None, "b"]), "category", ["a", None, "b"], id="texts"),
        pytest.param(pd.Series(["a", None, "b"], dtype=object), "category", ["a", None, "b"], id="texts-as-objects"),
        pytest.param(pd.Series(["a", None], dtype="string"), "category", ["a", None], id="nullable-texts"),
        pytest.param(pd.Series(["a", None], dtype="category"), "category", ["a", None], id="category-of-texts"),
        pytest.param(pd.Series([3, 4], dtype="category"), "category", [3, 4], id="category-of-numbers"),
        pytest.param(pd.Series([True, None, "x"], dtype=object), "category", [True, None, "x"], id="mixed"),
    ],
)
def test_a_column_s_type_gives_its_kind(series, kind, cells):
    feature, found = one(series)

    assert feature.kind == kind
    assert [None if pd.isna(cell) else cell for cell in found] == cells
    assert feature.had_missing == (None in cells)


def test_levels_come_the_most_frequent_first():
    feature, _ = one(pd.Series(["b", "a", "a", None, "c", "a", "b"]))

    assert feature.levels == ("a", "b", "c")


def test_a_narrow_column_keeps_its_width():
    assert one(pd.Series([0.1], dtype="float32"))[0].width == "float32"


@pytest.mark.parametrize(
    ("series", "error", "message"),
    [
        pytest.param(
            pd.Series(pd.to_datetime(["2026-01-01"])),
            UsageError,
            "'c' is a column of times, which no pipeline is asked with: fit it to parts of it (c.year, …); "
            "`model.time_parts` makes them",
            id="times",
        ),
        pytest.param(
            pd.Series([[1], [2]]), UsageError, "column 'c' must hold numbers, booleans or texts, found list", id="lists"
        ),
        pytest.param(
            pd.Series([1.0, np.inf]), DataError, "column 'c' must hold finite numbers, found an infinity", id="infinity"
        ),
        pytest.param(
            pd.Series([str(number) for number in range(MOST_LEVELS + 1)]),
            DataError,
            "column 'c' has 1001 levels; a category may have 1000",
            id="too-many-levels",
        ),
    ],
)
def test_a_column_that_nobody_can_send_is_refused(series, error, message):
    with pytest.raises(error) as caught:
        one(series)

    assert str(caught.value) == message


FRAME = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None], "when": ["2026-03-01", "2025-12-31T22:30:00Z"]})


def test_a_pipeline_s_own_columns_come_in_its_order():
    found = framed(FRAME, ["b", "a"])

    assert [feature.name for feature in found.features] == ["b", "a"]


def test_parts_that_the_pipeline_was_fitted_to_are_one_time():
    found = framed(FRAME, ["a", "when.year", "when.weekday"])

    assert [(feature.name, feature.kind, feature.parts) for feature in found.features] == [
        ("a", "number", ()),
        ("when", "time", ("year", "weekday")),
    ]
    assert found.input(found.table, ["a", "when.year", "when.weekday"]).to_dict("list") == {
        "a": [1.0, 2.0],
        "when.year": [2026.0, 2025.0],
        "when.weekday": [6.0, 2.0],
    }


def test_time_parts_are_those_that_a_published_pipeline_is_asked_with():
    made = time_parts(FRAME, when=["year", "weekday"])

    assert list(made.columns) == ["a", "b", "when.year", "when.weekday"]
    found = framed(FRAME, list(made.columns))
    asked = found.input(found.table, list(made.columns))
    assert asked[["when.year", "when.weekday"]].equals(made[["when.year", "when.weekday"]])


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        pytest.param(["z"], "the pipeline was fitted to 'z', and X has no such column; it has a, b, when", id="absent"),
        pytest.param(["when.century"], "the pipeline was fitted to 'when.century', and X has no such", id="no-part"),
        pytest.param(["when.year", "a", "when.day"], "the parts of 'when' must stand together", id="apart"),
        pytest.param(["a.year", "a"], "column 'a' must hold times in ISO 8601, got 1.0", id="no-time"),
    ],
)
def test_columns_that_are_not_there_are_named(wanted, message):
    with pytest.raises(UsageError) as caught:
        framed(FRAME, wanted)

    assert str(caught.value).startswith(message)


def test_a_column_that_stands_twice_is_named():
    with pytest.raises(UsageError, match=r"^X must name each column once, got a more often$"):
        framed(pd.DataFrame([[1, 2]], columns=["a", "a"]), None)


def test_redacted_columns_are_marked_and_must_be_there():
    assert framed(FRAME[["a"]], None, redact=["a"]).features == (Feature("a", redact=True),)
    with pytest.raises(UsageError, match=r"^redact names z, which the pipeline does not read$"):
        framed(FRAME[["a"]], None, redact=["z"])


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        pytest.param(pd.Series(["x", None], dtype=object), ["x", None], id="none"),
        pytest.param(pd.Series(["x", np.nan], dtype=object), ["x", "nan"], id="nan"),
    ],
)
def test_a_missing_level_is_the_one_that_the_pipeline_was_fitted_to(series, expected):
    """scikit-learn takes None and NaN for two different levels."""
    found = framed(pd.DataFrame({"c": series}), ["c"])

    asked = found.input(found.table, ["c"])["c"].tolist()

    assert ["nan" if isinstance(cell, float) else cell for cell in asked] == expected


def test_a_column_of_pandas_categories_is_asked_with_its_own_type():
    series = pd.Series(["x", "y"], dtype=pd.CategoricalDtype(["y", "x", "z"]))

    found = framed(pd.DataFrame({"c": series}), ["c"])

    assert found.input(found.table, ["c"])["c"].dtype == series.dtype


def test_a_level_that_pandas_categories_do_not_have_is_one_more_and_no_missing_cell():
    series = pd.Series(["x", "y"], dtype=pd.CategoricalDtype(["y", "x"]))
    found = framed(pd.DataFrame({"c": series}), ["c"])
    levels = np.array(["w", None, "x"], object)

    asked = found.input(Table([levels]), ["c"])["c"]

    assert asked.cat.categories.tolist() == ["y", "x", "w"]
    assert [None if gap else cell for cell, gap in zip(asked, asked.isna(), strict=True)] == ["w", None, "x"]


def test_numbers_in_a_column_of_objects_are_asked_as_objects():
    found = framed(pd.DataFrame({"c": pd.Series([1, 2], dtype=object)}), ["c"])

    assert (found.features[0].kind, found.input(found.table, ["c"])["c"].dtype) == ("number", object)


def test_cells_of_numpy_s_types_are_python_s():
    cells = [np.str_("x"), np.bool_(True), np.int64(3)]  # noqa: FBT003 - a cell

    found = framed(pd.DataFrame({"c": pd.Series(cells, dtype=object)}), ["c"])

    assert [type(level) for level in found.features[0].levels] == [str, bool, int]


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        pytest.param([["x"], ["y", "x"]], "category", id="levels-of-both"),
        pytest.param([["x"], [1]], "object", id="levels-of-two-types"),
    ],
)
def test_categories_of_two_frames_keep_their_type_where_there_is_one(dtypes, expected):
    frames = [pd.DataFrame({"c": pd.Categorical(levels)}) for levels in dtypes]

    whole = stacked(frames)

    assert whole["c"].dtype == expected
    assert whole["c"].tolist() == [level for levels in dtypes for level in levels]
