"""Labels are read from a file of request_id, row and target; what cannot be used is counted, or stops with its place."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet
import pytest

from model.errors import SourceError
from model.monitoring.ground_truth import read


def read_text(tmp_path, name, text, key=""):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(name, path, "y", key=key)


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


def test_a_quote_that_swallows_labels_is_refused(tmp_path):
    lines = "".join(f"r{number},0,{number}\n" for number in range(100))

    with pytest.raises(SourceError, match=r"^l\.csv must close its quotes; that in line 2 is never closed: "):
        read_text(tmp_path, "l.csv", f'request_id,row,y\nr-1,0,"1\n{lines}')


def test_line_ends_in_quotes_far_down_a_large_file_are_read(tmp_path):
    lines = "".join(f'request-{number},"several\nlines",{number}\n' for number in range(60_000))

    found = read_text(tmp_path, "l.csv", "request_id,note,y\n" + lines)

    assert (len(found.ids), found.values[-1], found.unusable) == (60_000, 59_999.0, 0)


@pytest.mark.parametrize(
    ("ids", "read_as"),
    [
        pytest.param(pa.array([200, 5_000], pa.int64()), ["200", "5000"], id="int64"),
        pytest.param(pa.array([200.0, 5_000.0]), ["200", "5000"], id="float"),
        pytest.param(pa.array([Decimal(200), Decimal("5000.0")]), ["200", "5000"], id="decimal"),
        pytest.param(pa.array([b"200", b"r-1"]), ["200", "r-1"], id="bytes"),
        pytest.param(pa.array(["200.0", "5000.0"]), ["200", "5000"], id="texts-of-floats"),
        pytest.param(pa.array(["200.0", "r-1"]), ["200.0", "r-1"], id="texts"),
    ],
)
def test_keys_are_the_texts_of_whole_numbers_whatever_their_type(tmp_path, ids, read_as):
    pyarrow.parquet.write_table(pa.table({"request_id": ids, "y": [1, 2]}), tmp_path / "l.parquet")

    found = read("l.parquet", tmp_path / "l.parquet", "y")

    assert (found.ids, found.values, found.unusable) == (read_as, [1.0, 2.0], 0)


def test_a_key_that_lost_digits_as_a_float_is_counted(tmp_path):
    found = read_text(
        tmp_path, "l.jsonl", '{"request_id": 12345678901234567890.0, "y": 1}\n{"request_id": 7, "y": 1}\n'
    )

    assert (found.ids, found.unusable) == (["7"], 1)


def test_decimals_are_numbers(tmp_path):
    cells = pa.array([Decimal("286.79"), None], pa.decimal128(12, 2))
    pyarrow.parquet.write_table(pa.table({"request_id": ["a", "b"], "y": cells}), tmp_path / "l.parquet")

    found = read("l.parquet", tmp_path / "l.parquet", "y")

    assert (found.ids, found.values, found.unusable) == (["a"], [286.79], 1)


@pytest.mark.parametrize(
    ("text", "values", "unusable"),
    [
        pytest.param('request_id,y\na,"2,867.89"\nb,"1,070"\n', [2867.89, 1070.0], 0, id="thousands"),
        pytest.param('request_id,y\na,"1,234,567"\nb,"1,070"\n', [1234567.0, 1070.0], 0, id="millions"),
        pytest.param('request_id,y\na,"2,867"\nb,"1,070"\n', [], 2, id="thousands-or-decimals"),
        pytest.param('request_id,y\na,"286,79"\nb,3\n', [3.0], 1, id="decimal-comma-between-commas"),
        pytest.param("request_id;y\na;286,79\nb;2.867,89\n", [286.79, 2867.89], 0, id="semicolons"),
        pytest.param("request_id;row;y\na;0;3\nb;\n", [3.0], 1, id="semicolons-ragged"),
        pytest.param("request_id;y\na;286,79\nb;2.867\nc;0.5\n", [286.79, 2867.0, 0.5], 0, id="semicolons-thousands"),
        pytest.param("request_id;y\na;2.5\nb;2.867\n", [2.5, 2.867], 0, id="semicolons-points"),
        pytest.param("request_id;y\na;3.100\nb;2.867\nc;5\n", [5.0], 2, id="semicolons-nobody-knows"),
        pytest.param("sep=;\nrequest_id;y\na;286,79\n", [286.79], 0, id="semicolons-of-excel"),
    ],
)
def test_commas_in_numbers_are_read_where_their_meaning_is_certain(tmp_path, text, values, unusable):
    found = read_text(tmp_path, "l.csv", text)

    assert (sorted(found.values), found.unusable) == (sorted(values), unusable)


# The key column


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("l.csv", "y,id\n1.5,7\n2,a\n", id="csv"),
        pytest.param("l.csv", "id;row;y\n7;3;1,5\na;4;2\n", id="semicolons"),
        pytest.param("l.jsonl", '{"id":7,"y":1.5}\n{"id":"a","y":2}\n', id="json-lines"),
    ],
)
def test_labels_may_come_by_the_key_column(tmp_path, name, text):
    found = read_text(tmp_path, name, text, key="id")

    assert (found.ids, found.rows, found.values, found.by_column) == (["7", "a"], [0, 0], [1.5, 2.0], True)


def test_labels_with_request_ids_are_read_by_them(tmp_path):
    found = read_text(tmp_path, "l.csv", "id,request_id,row,y\n7,a,1,2\n", key="id")

    assert (found.ids, found.rows, found.by_column) == (["a"], [1], False)


def test_a_label_without_a_key_is_counted(tmp_path):
    found = read_text(tmp_path, "l.csv", "id,y\n,1\nb,2\n", key="id")

    assert (found.ids, found.unusable) == (["b"], 1)
    assert found.example == "; label 0: id must be text, a number, true or false, found None"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param(
            "l.csv", "x,y\n1,2\n", "l.csv must have one column request_id, or id, found 0; there are x, y", id="neither"
        ),
        pytest.param(
            "l.jsonl",
            '{"id":7,"y":1}\n{"request_id":"a","y":2}\n',
            "l.jsonl line 2 must have the column id, as the lines above have",
            id="both-ways",
        ),
    ],
)
def test_a_file_by_neither_is_named(tmp_path, name, text, message):
    with pytest.raises(SourceError) as caught:
        read_text(tmp_path, name, text, key="id")

    assert str(caught.value) == message
