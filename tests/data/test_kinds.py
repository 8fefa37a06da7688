"""The kind of each column is found out from its cells; a missing cell is none, and what does not fit is named."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from functions.columns.schema import Feature
from model.data.findings import Example
from model.data.kinds import FOUND_OUT
from model.data.reading import read

DAY = 86_400.0
NAN = float("nan")


def cells(rows):
    """The cells of the first feature, NaN as None."""
    return [None if cell != cell else cell for cell in rows.x.cells(0).tolist()]  # noqa: PLR0124  NaN


@pytest.fixture
def csv(tmp_path):
    """Read a CSV file with one column a, of which each row has a line."""

    def csv(lines, **options):
        path = tmp_path / "rows.csv"
        path.write_text("\n".join(["a,y", *(f"{cell},{row}" for row, cell in enumerate(lines)), ""]), newline="")
        features = [Feature("a", **options.pop("feature", {"kind": FOUND_OUT}))]
        return read(str(path), features, "y", **options)

    return csv


@pytest.fixture
def parquet(tmp_path):
    """Read a Parquet file with one column a."""

    def parquet(column, **options):
        path = tmp_path / "rows.parquet"
        pyarrow.parquet.write_table(pa.table({"a": column, "y": np.arange(float(len(column)))}), path)
        return read(str(path), [Feature("a", **options.pop("feature", {"kind": FOUND_OUT}))], "y", **options)

    return parquet


# Cells that do not fit


@pytest.mark.parametrize(
    ("lines", "kind", "code", "examples"),
    [
        pytest.param(["1", "x", "2", "3"], "number", "not-numeric", [Example(1, '"x"')], id="text-among-numbers"),
        pytest.param(
            ["1", "NA", "NA", "NA"], "number", "not-numeric", [Example(row, '"NA"') for row in (1, 2, 3)], id="na"
        ),
        pytest.param(["true", "?", "FALSE"], "boolean", "not-boolean", [Example(1, '"?"')], id="question-mark"),
        pytest.param(["2024-01-31", "null"], "time", "not-a-time", [Example(1, '"null"')], id="null-among-times"),
    ],
)
def test_a_cell_that_does_not_fit_the_others_is_a_flaw_with_its_row(csv, lines, kind, code, examples):
    found = csv(lines)

    assert found.features[0].kind == kind
    assert [(flaw.code, flaw.column, flaw.examples) for flaw in found.flaws] == [(code, "a", examples)]


@pytest.mark.parametrize(
    ("kind", "lines", "code", "row"),
    [
        pytest.param("boolean", ["true", "yes"], "not-boolean", 1, id="boolean"),
        pytest.param("boolean", ["1", "2"], "not-boolean", 1, id="boolean-of-another-number"),
        pytest.param("time", ["2024-02-30", "2024-01-01"], "not-a-time", 0, id="no-such-day"),
        pytest.param("time", ["2024-01-01", "20240101"], "not-a-time", 1, id="a-number-is-no-time"),
        pytest.param("number", ["1", "one"], "not-numeric", 1, id="number"),
    ],
)
def test_a_declared_kind_holds_against_the_cells(csv, kind, lines, code, row):
    (flaw,) = csv(lines, feature={"kind": kind}).flaws

    assert (flaw.code, flaw.count, flaw.examples[0].row) == (code, 1, row)


def test_a_category_has_levels_of_one_type(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": "x", "y": 1}\n{"a": 2, "y": 1}\n{"a": [1], "y": 1}\n{"a": null, "y": 1}\n{"y": 1}\n')

    found = read(str(path), [Feature("a", kind="category")], "y")

    (flaw,) = found.flaws
    assert (flaw.code, flaw.expected, flaw.examples) == (
        "not-a-level",
        "must be a text",
        [Example(1, "2"), Example(2, "an array of 1")],
    )
    assert found.x.cells(0).tolist() == ["x", None, None, None, None]


def test_an_object_in_place_of_a_number_is_no_row_of_its_own(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1, "y": 1}\n{"a": {"a": 2}, "y": 1}\n{"a": [3], "y": 1}\n{"a": true, "y": 1}\n')

    (flaw,) = read(str(path), [Feature("a")], "y").flaws

    assert (flaw.code, flaw.examples) == (
        "not-numeric",
        [Example(1, "an object"), Example(2, "an array of 1"), Example(3, "true")],
    )


def test_a_nested_column_has_no_kind(parquet):
    (flaw,) = parquet(pa.array([[1.0], [2.0]])).flaws

    assert (flaw.code, flaw.examples[0].found) == ("wrong-type", "list<element: double>")


# Kinds


@pytest.mark.parametrize(
    ("lines", "kind", "expected"),
    [
        pytest.param(["1", "2.5", " 3 ", "-1e3"], "number", [1.0, 2.5, 3.0, -1000.0], id="numbers"),
        pytest.param(["0", "1"], "number", [0.0, 1.0], id="zero-and-one"),
        pytest.param(["1", "", "  ", "4"], "number", [1.0, None, None, 4.0], id="empty-cells"),
        pytest.param(["True", "FALSE", "true", ""], "boolean", [1.0, 0.0, 1.0, None], id="booleans"),
        pytest.param(["1970-01-02", "1970-01-01T01:00", ""], "time", [DAY, 3600.0, None], id="times"),
        pytest.param(["1970-01-01T01:00:00+01:00", "1970-01-01 00:00:01.5Z"], "time", [0.0, 1.5], id="zones"),
        pytest.param(["1970-01-02", "x"], "category", ["1970-01-02", "x"], id="one-text-is-no-time"),
        pytest.param(["b", "a", "", "  ", "b"], "category", ["b", "a", None, None, "b"], id="texts"),
        pytest.param(["1", "b", "c"], "category", ["1", "b", "c"], id="few-numbers-among-texts"),
        pytest.param([" x", "x "], "category", [" x", "x "], id="blanks-stay"),
        pytest.param(["", ""], "number", [None, None], id="nothing"),
    ],
)
def test_a_csv_column_has_the_kind_of_its_cells(csv, lines, kind, expected):
    found = csv(lines)

    assert (found.features[0].kind, cells(found), found.flaws) == (kind, expected, ())
    assert found.features[0].had_missing == (None in expected)


@pytest.mark.parametrize(
    ("column", "kind", "expected"),
    [
        pytest.param(pa.array([1, None, 3]), "number", [1.0, None, 3.0], id="integers"),
        pytest.param(pa.array([1.5, None], pa.float32()), "number", [1.5, None], id="float32"),
        pytest.param(pa.array([Decimal("0.1"), None]), "number", [0.1, None], id="decimal"),
        pytest.param(pa.array([2**53 + 1], pa.uint64()), "number", [float(2**53 + 1)], id="beyond-53-bits"),
        pytest.param(pa.array(pd.array([1, None], "Int64")), "number", [1.0, None], id="nullable-Int64"),
        pytest.param(pa.array([True, None]), "boolean", [1.0, None], id="boolean"),
        pytest.param(pa.array(["x", None, "y"]), "category", ["x", None, "y"], id="text"),
        pytest.param(pa.array(["x", None, "x"]).dictionary_encode(), "category", ["x", None, "x"], id="dictionary"),
        pytest.param(pa.array(["1", "2"]), "category", ["1", "2"], id="digits-as-text"),
        pytest.param(pa.array(["true", "false"]), "boolean", [1.0, 0.0], id="boolean-as-text"),
        pytest.param(pa.array(["1970-01-02", None]), "time", [DAY, None], id="iso-text"),
        pytest.param(pa.array([datetime.date(1970, 1, 3), None]), "time", [2 * DAY, None], id="date"),
        pytest.param(pa.array([1_500_000, None], pa.timestamp("us")), "time", [1.5, None], id="timestamp"),
        pytest.param(pa.array([1], pa.timestamp("s", "Asia/Tokyo")), "time", [1.0], id="timestamp-with-zone"),
        pytest.param(pa.nulls(2), "number", [None, None], id="nulls"),
    ],
)
def test_a_parquet_column_has_the_kind_of_its_type(parquet, column, kind, expected):
    found = parquet(column)

    assert (found.features[0].kind, cells(found), found.flaws) == (kind, expected, ())


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        pytest.param([1, 2.5, None], "number", id="numbers"),
        pytest.param([True, False, None], "boolean", id="booleans"),
        pytest.param(["1", "2"], "category", id="digits-as-text"),
        pytest.param(["2024-01-31T10:00:00Z", None], "time", id="times"),
    ],
)
def test_a_member_of_json_lines_has_the_kind_of_its_values(tmp_path, values, kind):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"a": value, "y": 1}) + "\n" for value in values))

    found = read(str(path), None, "y")

    assert [(feature.name, feature.kind, feature.had_missing) for feature in found.features] == [
        ("a", kind, None in values)
    ]


@pytest.mark.parametrize(
    ("column", "levels"),
    [
        pytest.param(pa.array([3, 1, 3, None]), (3, 1), id="integers"),
        pytest.param(pa.array([0.5, 0.5, 2.0]), (0.5, 2.0), id="floats"),
        pytest.param(pa.array([True, False, True]), (True, False), id="booleans"),
        pytest.param(pa.array([datetime.date(2024, 1, 31)]), ("2024-01-31",), id="dates-as-texts"),
    ],
)
def test_levels_of_a_declared_category_keep_the_type_of_the_column(parquet, column, levels):
    (feature,) = parquet(column, feature={"kind": "category"}).features

    assert feature.levels == levels
    assert [type(level) for level in feature.levels] == [type(level) for level in levels]


def test_levels_of_a_csv_file_are_texts_the_most_frequent_first(csv):
    (feature,) = csv(["10", "9", "9", "8"], feature={"kind": "category"}).features

    assert feature.levels == ("9", "10", "8")


def test_texts_that_stand_for_a_missing_cell_may_be_named(csv, parquet):
    found = csv(["1", "NA", "-99", "4"], missing=["NA", "-99"])
    typed = parquet(pa.array(["x", "NA", "y"]), missing=["NA"])

    assert (found.features[0].kind, cells(found), found.flaws) == ("number", [1.0, None, None, 4.0], ())
    assert cells(typed) == ["x", None, "y"]


def test_a_kind_is_told_by_all_cells_also_far_down(csv):
    found = csv([*["true"] * 70_000, "maybe"])

    assert (found.features[0].kind, found.features[0].levels) == ("category", ("true", "maybe"))


def test_columns_agree_with_pandas(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "size": rng.normal(size=500),
        "rooms": rng.integers(0, 9, 500),
        "town": rng.choice(["Bern", "Chur", None], 500),
        "new": rng.choice([True, False], 500),
        "sold": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**7, 500), "s"),
    })  # fmt: skip
    frame.loc[rng.choice(500, 50), "size"] = NAN
    frame.assign(y=1.0).to_csv(tmp_path / "rows.csv", index=False)

    found = read(str(tmp_path / "rows.csv"), None, "y")

    assert [feature.kind for feature in found.features] == ["number", "number", "category", "boolean", "time"]
    assert np.array_equal(found.x.cells(0), frame["size"], equal_nan=True)
    assert found.x.cells(2).tolist() == [None if pd.isna(town) else town for town in frame["town"]]
    assert found.x.cells(3).tolist() == frame["new"].astype(float).tolist()
    assert found.x.cells(4).tolist() == [moment.timestamp() for moment in frame["sold"].dt.tz_localize("UTC")]


def test_a_column_without_a_name_is_no_feature(tmp_path):
    pd.DataFrame({"a": [1.0, 2.0], "y": [1.0, 2.0]}).to_csv(tmp_path / "rows.csv")

    assert read(str(tmp_path / "rows.csv"), None, "y").names == ("a",)


def test_a_category_whose_bytes_are_no_utf8_is_a_flaw_with_its_rows(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes("a,y\nred,1\nÜnï,2\nblue,3\nÜnï,4\n".encode("latin-1"))

    found = read(str(path), [Feature("a", kind=FOUND_OUT)], "y")

    (flaw,) = found.flaws
    assert (flaw.code, flaw.column, flaw.count) == ("other-encoding", "a", 2)
    assert [example.row for example in flaw.examples] == [1, 3]
