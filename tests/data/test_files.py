"""Several files, gzip and JSON Lines are one table; files that do not fit together are named."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest

from functions.columns.schema import Feature
from model.data.findings import Example
from model.data.reading import read
from model.errors import DataError, SourceError

FEATURES = [Feature("a")]


def refusal(source, folder):
    with pytest.raises((SourceError, DataError)) as caught:
        read(str(source), FEATURES, "y")
    return str(caught.value).replace(str(folder), "FOLDER")


@pytest.mark.parametrize(
    ("files", "source", "message"),
    [
        pytest.param({}, "rows-*.csv", "FOLDER/rows-*.csv must match at least one file, found none", id="no-match"),
        pytest.param(
            {"1.csv": "a,y\n1,2\n", "2.csv": "a,z\n1,2\n"},
            "*.csv",
            "FOLDER/2.csv must have the columns of FOLDER/1.csv: it lacks 'y' and has 'z' besides",
            id="other-columns",
        ),
        pytest.param(
            {"1.csv": "a,y\n1,2\n", "2.csv": "a,y,y\n1,2,3\n"},
            "*.csv",
            "FOLDER/2.csv must have the columns of FOLDER/1.csv: it has some of them more than once",
            id="doubled-column",
        ),
        pytest.param(
            {"1.csv": "a,y\n1,2\n", "2.csv": ""},
            "*.csv",
            "FOLDER/2.csv must hold rows, found an empty file",
            id="empty-file",
        ),
        pytest.param(
            {"1.jsonl": ""}, "1.jsonl", "FOLDER/1.jsonl must hold rows, found an empty file", id="empty-lines"
        ),
        pytest.param(
            {"1.jsonl": '{"a": 1, "y": 2}\n[1]\n'},
            "1.jsonl",
            "FOLDER/1.jsonl line 2: must be a JSON object, found [1]",
            id="no-object",
        ),
        pytest.param(
            {"1.jsonl": '{"a": "\\"", "y": 1}\n\n{"a": 1, "y": 2, "a": 1}\n'},
            "1.jsonl",
            'FOLDER/1.jsonl line 3: "a" came twice',
            id="name-twice",
        ),
        pytest.param(
            {"1.jsonl": '{"a": "x", "y": 2, "y": "x"}\n'},
            "1.jsonl",
            'FOLDER/1.jsonl line 1: "y" came twice',
            id="target-twice",
        ),
        pytest.param(
            {"1.jsonl": f'{{"a": {"[" * 1000}{"]" * 1000}, "a": 1, "y": 2}}\n'},
            "1.jsonl",
            "FOLDER/1.jsonl line 1: must be an object of plain cells, found one nested too deeply",
            id="nested",
        ),
        pytest.param(
            {"1.csv.gz": "a,y\n1,2\n"},
            "1.csv.gz",
            "FOLDER/1.csv.gz cannot be read: Not a gzipped file (b'a,')",
            id="no-gzip",
        ),
    ],
)
def test_files_that_cannot_be_read_together_are_named(tmp_path, files, source, message):
    for name, content in files.items():
        (tmp_path / name).write_text(content)

    assert refusal(tmp_path / source, tmp_path) == message


def test_a_gzip_file_cut_short_is_named(tmp_path):
    whole = gzip.compress(b"a,y\n" + b"1,2\n" * 1000)
    (tmp_path / "rows.csv.gz").write_bytes(whole[:-9])

    message = refusal(tmp_path / "rows.csv.gz", tmp_path)

    assert message.startswith("FOLDER/rows.csv.gz cannot be unpacked: ")


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param(ending, id=ending)
        for ending in (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet", ".parquet.gz")
    ],
)
def test_every_format_gives_the_same_rows(tmp_path, ending):
    frame = pd.DataFrame({"a": [1.5, None, 3.0], "town": ["x", "y", None], "y": [1.0, 2.0, 3.0]})
    path = tmp_path / f"rows{ending.removesuffix('.gz')}"
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".jsonl":
            frame.to_json(path, orient="records", lines=True)
        case _:
            frame.to_parquet(path)
    if ending.endswith(".gz"):
        (tmp_path / f"rows{ending}").write_bytes(gzip.compress(path.read_bytes()))

    found = read(str(tmp_path / f"rows{ending}"), None, "y")

    assert (found.dataset, [feature.kind for feature in found.features]) == ("rows", ["number", "category"])
    assert (found.x.cells(0)[[0, 2]].tolist(), found.x.cells(1).tolist()) == ([1.5, 3.0], ["x", "y", None])
    assert (found.y.tolist(), found.flaws) == ([1.0, 2.0, 3.0], ())


def test_files_of_a_pattern_are_one_table_in_the_order_of_their_names(tmp_path):
    (tmp_path / "rows-2.csv").write_text("y,a\n3,30\n4,x\n5,50,5\n6,60\n")
    (tmp_path / "rows-1.csv").write_text("a,y\n10,1\n1,2,3\n20,2\n")

    found = read(str(tmp_path / "rows-*.csv"), FEATURES, "y")

    ragged, text = found.flaws
    assert (found.dataset, found.y.tolist()) == ("rows", [1.0, 2.0, 3.0, 4.0, 6.0])
    assert (ragged.code, [example.row for example in ragged.examples]) == ("ragged-row", [1, 5])
    assert (text.code, text.examples) == ("not-numeric", [Example(4, '"x"')])


def test_a_file_whose_name_looks_like_a_pattern_is_read_as_it_is(tmp_path):
    (tmp_path / "rows[1].csv").write_text("a,y\n1,2\n")
    (tmp_path / "rows1.csv").write_text("a,y\n3,4\n")

    assert read(str(tmp_path / "rows[1].csv"), FEATURES, "y").y.tolist() == [2.0]


def test_members_that_come_later_are_columns_too(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"a": 1, "y": 1}\n\n{"y": 2, "b": "x"}\n')

    found = read(str(tmp_path / "rows.jsonl"), None, "y")

    assert found.names == ("a", "b")
    assert found.x.cells(1).tolist() == [None, "x"]
