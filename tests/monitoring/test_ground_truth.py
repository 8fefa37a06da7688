"""Labels are read from a file of request_id, row and target; what cannot be used is counted, or stops with its place."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet
import pytest

from model.errors import SourceError
from model.monitoring.ground_truth import read


def read_text(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(name, path, "y")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("l.csv", "", "l.csv must hold rows, found an empty file", id="empty"),
        pytest.param(
            "l.csv", "id,y\n", "l.csv must have one column request_id, found 0; there are id, y", id="no-identity"
        ),
        pytest.param("l.csv", "request_id,row\n", "l.csv must have one column y, found 0; there are", id="no-target"),
        pytest.param("l.csv", "request_id,y,y\na,1,2\n", "l.csv must have one column y, found 2; there", id="doubled"),
        pytest.param(
            "l.parquet",
            "PAR",
            "l.parquet must be a Parquet file, found one that does not begin like one",
            id="no-parquet",
        ),
        pytest.param(
            "l.jsonl", '{"request_id": "a", "y": 1}\n{"req', "l.jsonl line 2: must be one JSON", id="cut-short"
        ),
        pytest.param("l.ndjson", "[1]\n", "l.ndjson line 1: must be a JSON object, found [1]", id="array"),
        pytest.param("l.jsonl", '{"y": 1}\n', "l.jsonl line 1 must have one column request_id, found 0", id="member"),
        pytest.param("l.txt", "", "l.txt must end in .csv, .parquet, .jsonl or .ndjson", id="ending"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, name, text, message):
    with pytest.raises(SourceError) as caught:
        read_text(tmp_path, name, text)

    assert str(caught.value).startswith(message)


def test_an_absent_file_and_a_directory_are_named(tmp_path):
    with pytest.raises(SourceError, match=r"does not exist$"):
        read("l.csv", tmp_path / "l.csv", "y")
    (tmp_path / "l.csv").mkdir()
    with pytest.raises(SourceError, match=r"^l\.csv must be a file, found a directory$"):
        read("l.csv", tmp_path / "l.csv", "y")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("l.csv", "y,extra,row,request_id\n1.5,,0,a\n2,x,3,b\n", id="csv"),
        pytest.param("l.jsonl", '{"request_id":"a","y":1.5}\n\n{"row":3,"request_id":"b","y":2}', id="jsonl"),
    ],
)
def test_columns_are_found_by_name_and_the_row_is_0_where_there_is_none(tmp_path, name, text):
    found = read_text(tmp_path, name, text)

    assert (found.ids, found.rows, found.values, found.unusable) == (["a", "b"], [0, 3], [1.5, 2.0], 0)


def test_parquet_is_read_alike(tmp_path):
    pyarrow.parquet.write_table(pa.table({"request_id": ["a", "b"], "y": [1.5, 2.0]}), tmp_path / "l.parquet")

    found = read("l.parquet", tmp_path / "l.parquet", "y")

    assert (found.ids, found.rows, found.values) == (["a", "b"], [0, 0], [1.5, 2.0])


def test_labels_that_are_no_labels_are_counted_and_the_first_is_shown(tmp_path):
    text = "request_id,row,y\na,0,1\nb,-1,1\nc,0.5,1\nd,0,nan\ne,0,\n,0,1\nf,0,high\n"

    found = read_text(tmp_path, "l.csv", text)

    assert (found.ids, found.unusable) == (["a"], 6)
    assert found.example == "; label 1: row must be a whole number from 0, found '-1'"


def test_a_row_of_another_width_is_counted_and_the_others_are_used(tmp_path):
    found = read_text(tmp_path, "l.csv", "request_id,y\na,1,2\nb,3\n")

    assert (found.ids, found.values, found.unusable) == (["b"], [3.0], 1)
    assert found.example == "; label 0: must hold 2 cells, found 3"


def test_line_ends_in_quotes_far_down_a_large_file_are_read(tmp_path):
    lines = "".join(f'request-{number},"several\nlines",{number}\n' for number in range(60_000))

    found = read_text(tmp_path, "l.csv", "request_id,note,y\n" + lines)

    assert (len(found.ids), found.values[-1], found.unusable) == (60_000, 59_999.0, 0)
