"""Files as they come: lines above the header, widths, and which rows were left out."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet
import pytest

from functions.columns.schema import Feature
from model.data.formats import csv_table, json_objects
from model.data.reading import read
from model.data.snapshots import snapshot
from model.errors import SourceError

FEATURES = (Feature("size", -9e9, 9e9), Feature("rooms", -9e9, 9e9))


def table(tmp_path, text):
    """The names and first columns of a CSV file, and the rows that were left out."""
    path = tmp_path / "rows.csv"
    path.write_text(text)
    left_out = []
    found = csv_table("rows.csv", path, left_out.append)
    cells = [cell for _, columns in found.read([found.names[0]]) for cell in columns[found.names[0]].to_pylist()]
    return found.names, cells, [row.row for row in left_out]


@pytest.mark.parametrize(
    "above",
    [
        pytest.param("", id="nothing"),
        pytest.param("sep=,\n", id="separator-of-a-spreadsheet"),
        pytest.param("# exported by the estate office\n", id="comment"),
        pytest.param("# exported, on a Monday\n# by hand\n", id="comments"),
        pytest.param("sep=,\n# exported\n", id="both"),
    ],
)
def test_lines_above_the_header_are_passed_over_and_rows_count_from_below_it(tmp_path, above):
    names, cells, left_out = table(tmp_path, f"{above}size,rooms,price\n1,2,3\n4,5\n6,7,8\n")

    assert (names, cells, left_out) == (["size", "rooms", "price"], [b"1", b"6"], [1])


def test_a_first_name_that_begins_with_a_number_sign_is_a_name(tmp_path):
    assert table(tmp_path, "#id,y\n1,2\n3,4\n") == (["#id", "y"], [b"1", b"3"], [])


def test_a_column_of_floats_keeps_its_width_through_the_snapshot(tmp_path):
    path = tmp_path / "rows.parquet"
    columns = {"size": pa.array([0.1, 0.7], pa.float32()), "rooms": [1.0, 2.0], "z": pa.array([1, 2], pa.float16())}
    pyarrow.parquet.write_table(pa.table(columns), path)

    rows = read(str(path), FEATURES, "z")
    (tmp_path / "again.parquet").write_bytes(snapshot(rows))
    again = read(str(tmp_path / "again.parquet"), FEATURES, "z")

    assert rows.features == again.features
    assert [(feature.name, feature.width) for feature in rows.features] == [("size", "float32"), ("rooms", "float64")]
    assert rows.target_width == again.target_width == "float16"
    assert again.x.matrix().tolist() == rows.x.matrix().tolist()


def test_json_lines_begin_with_or_without_a_byte_order_mark(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}\r\n')

    assert list(json_objects("labels.jsonl", path)) == [(1, {"a": 1}), (3, {"a": 2})]


def test_a_line_that_is_no_object_is_named(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text('{"a": 1}\n[2]\n')

    with pytest.raises(SourceError, match=r"^labels\.jsonl line 2: must be a JSON object, found \[2\]$"):
        list(json_objects("labels.jsonl", path))


def test_quotes_inside_of_texts_are_no_names_that_came_twice(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text('{"a": "\\"a\\"", "b\\"": [{"a": 1}], "c": 1' + "0" * 300 + "}")

    assert next(iter(json_objects("labels.jsonl", path)))[1]["a"] == '"a"'


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        pytest.param(
            "size,rooms,price\n1,2,3,\n4,5,6,\n",
            "remove the comma that rows end in, or name the last column in the first line",
            id="a-comma-at-each-end",
        ),
        pytest.param(
            '"size","rooms","price"\n"1",1,2,3\n"2",4,5,6\n',
            "the first line lacks a name: write one for the first column (in R, row.names=FALSE leaves it out)",
            id="row-names-of-r",
        ),
        pytest.param("size,rooms,price\n1,2,3\n1,2,3,4\n", "", id="one-row"),
    ],
)
def test_rows_that_are_all_one_cell_longer_get_advice_that_fits(tmp_path, text, advice):
    path = tmp_path / "rows.csv"
    path.write_text(text)

    (flaw,) = read(str(path), FEATURES, "price").flaws

    assert (flaw.code, flaw.advice) == ("ragged-row", advice)


def test_rows_that_a_quote_swallowed_are_a_flaw_with_row_and_line(tmp_path):
    path = tmp_path / "rows.csv"
    rows = [f"{row},2,x,{row}" for row in range(60)]
    rows[41], rows[50] = '41,2,"as new,41', '50,2,as new",50'
    rows[55], rows[57] = '55,2,"old,55', '57,2,old",57'
    path.write_text("\n".join(["size,rooms,note,price", *rows, ""]))

    (flaw,) = read(str(path), FEATURES, "price").flaws

    assert (flaw.code, flaw.count) == ("swallowed-rows", 2)
    assert flaw.expected == "must close its quotes: that in row 41 (line 43) holds 9 more lines that look like rows"
    assert [(example.row, example.found) for example in flaw.examples] == [
        (41, r'"41,2,\"as new,41"'),
        (46, r'line 57, "55,2,\"old,55", holds 2 more lines that look like rows'),
    ]
