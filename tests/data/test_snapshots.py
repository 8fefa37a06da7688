"""Rows of every kind come back from the bucket as they were, and keep their side of the split."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from functions.columns.schema import Feature
from functions.columns.table import Table
from model.data.hashing import words
from model.data.reading import read
from model.data.rows import Rows
from model.data.snapshots import snapshot
from model.data.statistics import describe

RNG = np.random.default_rng(9)
FRAME = pd.DataFrame({
    "size": RNG.normal(50, 10, 300).round(2),
    "rooms": RNG.integers(1, 6, 300),
    "town": RNG.choice(["Bern", "Chur", "true", "7"], 300),
    "new": RNG.choice([True, False], 300),
    "sold": pd.Timestamp("2024-01-01") + pd.to_timedelta(RNG.integers(0, 10**7, 300), "s"),
    "price": RNG.normal(100, 10, 300).round(1),
})  # fmt: skip
FRAME.loc[::7, ["size", "town", "sold"]] = None
FRAME["new"] = FRAME["new"].astype("boolean")
FRAME.loc[::9, "new"] = pd.NA


@pytest.fixture
def written(tmp_path):
    """Write the frame, or another, in a format; gives its path."""

    def written(ending, frame=FRAME):
        path = tmp_path / f"rows{ending}"
        if ending == ".csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_parquet(path)
        return str(path)

    return written


def test_a_snapshot_gives_the_same_rows_and_the_same_bytes(written, tmp_path):
    rows = read(written(".parquet"), None, "price")
    (tmp_path / "again.parquet").write_bytes(snapshot(rows))
    again = read(str(tmp_path / "again.parquet"), None, "price")

    assert again.features == rows.features
    assert [cells.tolist() for cells in map(again.x.cells, (1, 2))] == [
        rows.x.cells(1).tolist(),
        rows.x.cells(2).tolist(),
    ]
    for place in (0, 3, 4):
        assert np.array_equal(again.x.cells(place), rows.x.cells(place), equal_nan=True)
    assert snapshot(again) == snapshot(rows)


def test_columns_of_a_snapshot_have_the_types_of_their_kinds(written, tmp_path):
    rows = read(written(".parquet"), [Feature("rooms", kind="category"), Feature("new", kind="boolean")], "price")
    (tmp_path / "again.parquet").write_bytes(snapshot(rows))

    schema = pyarrow.parquet.read_schema(tmp_path / "again.parquet")

    assert [str(field.type) for field in schema] == ["int64", "bool", "double"]


def test_a_row_keeps_its_hash_whatever_the_format_and_the_kinds(written):
    """Towns are texts, one of which reads as a number and one as a boolean."""
    declared = [Feature("size"), Feature("rooms", kind="category"), Feature("town", kind="category")]
    declared += [Feature("new", kind="category"), Feature("sold", kind="category")]

    hashes = {
        read(written(ending), features, "price").hashes.tobytes()
        for ending in (".csv", ".parquet")
        for features in (None, declared)
    }

    assert len(hashes) == 1


def test_appended_rows_move_no_row(written):
    first = read(written(".csv", FRAME[:200]), None, "price")
    whole = read(written(".csv"), None, "price")

    assert whole.keys[:200].tolist() == first.keys.tolist()


@pytest.mark.parametrize(
    ("level", "number"),
    [
        pytest.param("7", 7.0, id="digits"),
        pytest.param(7, 7.0, id="integer"),
        pytest.param(True, 1.0, id="true"),
        pytest.param("False", 0.0, id="false-as-text"),
        pytest.param("1970-01-02", 86_400.0, id="date"),
        pytest.param(None, float("nan"), id="missing"),
        pytest.param(-0.0, 0.0, id="minus-zero"),
    ],
)
def test_a_level_that_reads_as_a_number_has_the_number_s_word(level, number):
    cells = np.empty(1, object)
    cells[0] = level

    assert words(cells).tolist() == words(np.array([number])).tolist()


def test_other_levels_have_words_of_their_own():
    assert len(set(words(np.array(["a", "A", "a ", "nan", None], object)).tolist())) == 5


def test_a_manifest_describes_every_kind():
    """Shares and ranges counted by hand."""
    town = np.array(["x", "y", "x", None], object)
    table = Table(
        [np.array([1.0, np.nan, 3.0, 5.0]), np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.0, 86_400.0] * 2), town]
    )
    features = [
        Feature("size", takes_missing=True, had_missing=True, width="float32"),
        Feature("new", kind="boolean"),
        Feature("sold", kind="time", parts=("year", "month")),
        Feature("town", kind="category", takes_missing=True, had_missing=True, takes_unknown=True, redact=True),
    ]

    size, new, sold, place = describe(table, features)

    assert {name: size[name] for name in ("minimum", "maximum", "mean", "missing", "missing_share", "width")} == {
        "minimum": 1.0, "maximum": 5.0, "mean": 3.0, "missing": True, "missing_share": 0.25, "width": "float32",
    }  # fmt: skip
    assert (new["kind"], new["mean"], "missing" in new, "missing_share" in new) == ("boolean", 0.75, False, False)
    assert (sold["kind"], sold["maximum"], sold["parts"]) == ("time", 86_400.0, ["year", "month"])
    assert place == {
        "name": "town",
        "kind": "category",
        "levels": ["x", "y"],
        "shares": [2 / 3, 1 / 3],
        "missing": True,
        "missing_share": 0.25,
        "unknown": True,
        "redact": True,
    }


def test_the_snapshot_of_a_category_without_any_cell_is_read_again(tmp_path):
    empty = np.full(3, None, object)
    rows = Rows("rows", (Feature("a", kind="category"),), "y", Table([empty]), np.arange(3.0))
    (tmp_path / "again.parquet").write_bytes(snapshot(rows))

    again = read(str(tmp_path / "again.parquet"), [Feature("a", kind="category")], "y")

    assert (again.x.cells(0).tolist(), again.features[0].levels) == ([None] * 3, ())
    assert pa.types.is_string(pyarrow.parquet.read_schema(tmp_path / "again.parquet").field("a").type)
