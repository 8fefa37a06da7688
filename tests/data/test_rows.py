"""From a source to rows, every bad cell by name; and which rows are held out, whatever else is in the data."""

from __future__ import annotations

import datetime
import io
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.columns.schema import Feature
from functions.columns.table import Table
from model.data.files import File
from model.data.findings import Example
from model.data.reading import read
from model.data.snapshots import snapshot
from model.data.statistics import describe, describe_numbers
from model.errors import DataError, SourceError
from tests.support.rows import described
from tests.support.rows import number_rows as rows

EXAMPLES = settings(deadline=None, derandomize=True)

TWO = (Feature("age", -math.inf, math.inf), Feature("bmi", -math.inf, math.inf))

finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture
def csv(tmp_path):
    """Write a CSV file; gives its path as a source."""

    def csv(content, name="rows.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return csv


@pytest.fixture
def parquet(tmp_path):
    """Write a Parquet file of columns; gives its path as a source."""

    def parquet(**columns):
        path = tmp_path / "rows.parquet"
        pyarrow.parquet.write_table(pa.table(columns), path)
        return str(path)

    return parquet


def refusal(source, features=TWO, target="y"):
    """The message with which *source* is refused, its address written as SOURCE."""
    with pytest.raises((SourceError, DataError)) as caught:
        read(source, features, target)
    return str(caught.value).replace(source, "SOURCE") if source else str(caught.value)


def flaws(source, features=TWO, target="y"):
    """The faults of *source*: a line each for those of the whole, then one for each cell, by rows."""
    found = read(source, features, target).flaws
    places = [(example.row, flaw, example.found) for flaw in found for example in flaw.examples]
    columns = [f"column '{flaw.column}' {flaw.expected}, found {text}" for row, flaw, text in places if row is None]
    cells = sorted((row, flaw.column or "", flaw.expected, text) for row, flaw, text in places if row is not None)
    return "\n".join([*columns, *(f"row {row}: '{name}' {wanted}, got {text}" for row, name, wanted, text in cells)])


def contents(found):
    return (found.names, found.target, found.x.matrix().tolist(), found.y.tolist())


# Sources


@pytest.mark.parametrize("name", [pytest.param("rows.csv", id="csv"), pytest.param("rows.parquet", id="parquet")])
def test_a_missing_file_is_named(tmp_path, name):
    assert refusal(str(tmp_path / name)) == "SOURCE does not exist"


@pytest.mark.parametrize("name", [pytest.param("rows.csv", id="csv"), pytest.param("rows.parquet", id="parquet")])
def test_a_directory_is_no_file(tmp_path, name):
    (tmp_path / name).mkdir()

    assert refusal(str(tmp_path / name)) == "SOURCE must be a file, found a directory"


@pytest.mark.parametrize("name", [pytest.param("rows.csv", id="csv"), pytest.param("rows.parquet", id="parquet")])
def test_an_empty_file_cannot_be_read(csv, name):
    assert refusal(csv("", name)) == "SOURCE must hold rows, found an empty file"


GOOD = "age,bmi,y\n1,2.5,3\n4,5.5,6\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(bytes(range(256)) * 4, "must be CSV in UTF-8, found a binary file", id="binary"),
        pytest.param(GOOD.encode("utf-32-le"), "must be CSV in UTF-8, found a binary file", id="utf-32"),
        pytest.param(
            GOOD.encode("utf-16"), "must be CSV in UTF-8, and seems to be UTF-16: save it as UTF-8", id="utf-16"
        ),
        pytest.param(
            b"PAR1" + b"x" * 50, "must be CSV in UTF-8, and seems to be a Parquet file: name it .parquet", id="parquet"
        ),
        pytest.param(
            b"PK\x03\x04" + b"x" * 50,
            "must be CSV in UTF-8, and seems to be a spreadsheet or an archive: export it as CSV",
            id="spreadsheet",
        ),
        pytest.param(
            b"\x1f\x8b" + b"x" * 50, "must be CSV in UTF-8, and seems to be a gzip file: name it .csv.gz", id="gzip"
        ),
        pytest.param(
            "age,bmi,y,größe\n1,2,3,4\n".encode("latin-1"),
            "must be CSV in UTF-8, found byte 0xf6 in its first line: save it as UTF-8, it may be Latin-1",
            id="latin-1",
        ),
        pytest.param(
            GOOD.replace(",", ";"),
            'must be separated by commas, and seems to be separated by ";": save it with commas and decimal points; '
            'its first line is "age;bmi;y"',
            id="semicolons",
        ),
        pytest.param(
            GOOD.replace(",", ";").replace(".", ","),
            'must be separated by commas, and seems to be separated by ";": save it with commas and decimal points; '
            'its first line is "age;bmi;y"',
            id="semicolons-and-decimal-commas",
        ),
        pytest.param(
            GOOD.replace(",", "\t"),
            'must be separated by commas, and seems to be separated by "\\t": save it with commas and decimal points; '
            'its first line is "age\\tbmi\\ty"',
            id="tabs",
        ),
        pytest.param(
            "1,2.5,3\n4,5.5,6\n",
            'must begin with a line of column names, found the numbers "1,2.5,3"',
            id="no-header",
        ),
        pytest.param("\n\n\n", "must hold rows, found an empty file", id="empty-lines"),
        pytest.param(
            "x" * 200_000,
            "must begin with a line of column names: field larger than field limit (131072)",
            id="one-huge-line",
        ),
        pytest.param(
            'age,bmi,y\n1,"' + "x" * 9_000_000,
            "cannot be read: a row is longer than 4 MiB; a quote may have been opened and not closed",
            id="open-quote",
        ),
    ],
)
def test_what_is_no_csv_file_with_commas_is_told_what_it_seems_to_be(csv, content, message):
    assert refusal(csv(content)) == f"SOURCE {message}"


def test_rows_of_another_width_are_named_and_left_out(csv):
    found = read(csv("age,bmi,y\n1,2,3\n4,5\n\n7,x,9\n1,2,3,4\n5,6,7\ny,6,7\n"), TWO, "y")

    ragged, late, text = found.flaws
    assert (ragged.code, ragged.column, ragged.expected, ragged.count, ragged.examples) == (
        "ragged-row",
        None,
        "must hold 3 cells, as the first line does",
        2,
        [Example(1, '2 in "4,5"'), Example(3, '4 in "1,2,3,4"')],
    )
    assert (text.column, text.examples) == ("bmi", [Example(2, '"x"')])
    assert (late.column, late.examples) == ("age", [Example(5, '"y"')])
    assert found.y.tolist() == [3.0, 9.0, 7.0, 7.0]


def test_decimal_commas_without_quotes_make_rows_of_another_width(csv):
    (ragged,) = read(csv("age,bmi,y\n1,2,5,3\n4,5,5,6\n"), TWO, "y").flaws

    assert (ragged.code, ragged.count, ragged.examples[0]) == ("ragged-row", 2, Example(0, '4 in "1,2,5,3"'))


def test_a_parquet_file_cut_short_cannot_be_read(parquet, csv):
    whole = Path(parquet(age=[1.0], bmi=[2.0], y=[3.0])).read_bytes()

    message = refusal(csv(whole[:-20], "cut.parquet"))

    assert message == "SOURCE cannot be read: its end is missing; it may have been cut short"


def test_a_parquet_file_with_broken_pages_cannot_be_read(parquet, csv):
    whole = bytearray(Path(parquet(age=[1.0] * 99, bmi=list(range(99)), y=[3.0] * 99)).read_bytes())
    whole[20:400] = b"\xff" * 380

    message = refusal(csv(bytes(whole), "broken.parquet"))

    assert message.startswith("SOURCE cannot be read: ")
    assert len(message.splitlines()) == 1


def test_a_file_of_another_kind_is_no_parquet_file(csv):
    message = refusal(csv(GOOD, "rows.parquet"))

    assert message == "SOURCE must be a Parquet file, found one that does not begin like one"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("rows.txt", id="text"),
        pytest.param("rows", id="no-suffix"),
        pytest.param("rows.gz", id="compressed-without-a-format"),
        pytest.param("gs://bucket/rows/", id="folder-in-a-bucket"),
        pytest.param("http://host/rows.csv", id="web"),
        pytest.param("rows.pkl", id="pickle"),
        pytest.param("rows.joblib", id="joblib"),
        pytest.param("gs://bucket/rows.json", id="json-in-a-bucket"),
        pytest.param("diabetes", id="bundled-without-prefix"),
    ],
)
def test_a_source_of_unknown_kind_is_refused(source):
    message = (
        "SOURCE must be sklearn:NAME, or a path or gs:// address that ends in .csv, .jsonl or .parquet, "
        "or in one of them and .gz"
    )
    assert refusal(source) == message


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("sklearn:digits", id="another-set"),
        pytest.param("sklearn:", id="no-name"),
        pytest.param("sklearn:Diabetes", id="upper-case"),
    ],
)
def test_an_unknown_bundled_set_is_refused(source):
    message = "SOURCE is no bundled set; there are diabetes and linnerud, and of classes breast_cancer, iris, wine"
    assert refusal(source) == message


# Columns and cells


@pytest.mark.parametrize(
    ("header", "message"),
    [
        pytest.param("age,y", "column 'bmi' must be there once, found 0; there are age, y", id="missing"),
        pytest.param(
            "age,bmi,bmi,y", "column 'bmi' must be there once, found 2; there are age, bmi, bmi, y", id="doubled"
        ),
        pytest.param("age,bmi", "column 'y' must be there once, found 0; there are age, bmi", id="no-target"),
        pytest.param(
            "age,bmi,y,y", "column 'y' must be there once, found 2; there are age, bmi, y, y", id="two-targets"
        ),
        pytest.param("age,BMI,y", "column 'bmi' must be there once, found 0; there is 'BMI'", id="upper-case"),
        pytest.param("age, bmi,y", "column 'bmi' must be there once, found 0; there is ' bmi'", id="blank"),
        pytest.param(
            "a,b",
            "column 'age' must be there once, found 0; there are a, b\n"
            "column 'bmi' must be there once, found 0; there are a, b\n"
            "column 'y' must be there once, found 0; there are a, b",
            id="all-missing",
        ),
    ],
)
def test_a_column_must_be_there_once(csv, header, message):
    width = header.count(",") + 1

    assert flaws(csv(f"{header}\n{','.join('1' * width)}\n")) == message


def test_a_doubled_column_of_a_parquet_file_is_named(tmp_path):
    path = tmp_path / "rows.parquet"
    table = pa.Table.from_arrays([pa.array([1.0])] * 4, names=["age", "bmi", "bmi", "y"])
    pyarrow.parquet.write_table(table, path)

    message = "column 'bmi' must be there once, found 2; there are age, bmi, bmi, y"
    assert flaws(str(path)) == message


@pytest.mark.parametrize("content", [pytest.param("age,bmi,y\n", id="ended"), pytest.param("age,bmi,y", id="open")])
def test_a_header_alone_holds_no_rows(csv, content):
    found = read(csv(content), TWO, "y")

    assert (found.x.matrix().shape, found.y.shape, found.flaws) == ((0, 2), (0,), ())


def test_a_parquet_file_without_rows_holds_none(parquet):
    empty = pa.array([], pa.float64())

    found = read(parquet(age=empty, bmi=empty, y=empty), TWO, "y")

    assert (found.x.matrix().shape, found.y.shape, found.flaws) == ((0, 2), (0,), ())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param("1,x,3", "row 1: 'bmi' must be a number, got \"x\"", id="text"),
        pytest.param("1,NA,3", "row 1: 'bmi' must be a number, got \"NA\"", id="na"),
        pytest.param(
            "1,inf,3", "row 1: 'bmi' must be a finite number, got a number beyond float64 or an infinity", id="inf"
        ),
        pytest.param(
            "1,1e400,3", "row 1: 'bmi' must be a finite number, got a number beyond float64 or an infinity", id="1e400"
        ),
        pytest.param("1,true,3", "row 1: 'bmi' must be a number, got \"true\"", id="true"),
        pytest.param("1,2,x", "row 1: 'y' must be a number, got \"x\"", id="target"),
        pytest.param("1,2,", "row 1: 'y' must be there, got null", id="no-target"),
        pytest.param(
            "x,y,3",
            "row 1: 'age' must be a number, got \"x\"\nrow 1: 'bmi' must be a number, got \"y\"",
            id="two-cells",
        ),
    ],
)
def test_a_bad_cell_of_a_csv_file_is_named_by_row_and_feature(csv, row, message):
    assert flaws(csv(f"age,bmi,y\n1,2,3\n{row}\n4,5,6\n")) == message


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param("1,2020-01-31,3", "row 0: 'bmi' must be a number, got \"2020-01-31\"", id="date"),
        pytest.param(
            "1,2020-01-31 10:00:00,3", "row 0: 'bmi' must be a number, got \"2020-01-31 10:00:00\"", id="time-of-a-day"
        ),
        pytest.param("1,10:00:00,3", "row 0: 'bmi' must be a number, got \"10:00:00\"", id="time"),
    ],
)
def test_a_column_of_dates_in_a_csv_file_is_named_by_row(csv, row, message):
    assert flaws(csv(f"age,bmi,y\n{row}\n")) == message


def test_a_cell_that_is_not_utf_8_shows_its_bytes(csv):
    message = flaws(csv(b"age,bmi,y\n1,\xe9,3\n"))

    assert message == "row 0: 'bmi' must be a number, got \"\\\\xe9\""


def test_what_is_not_utf_8_in_a_column_that_is_not_asked_for_does_not_matter(csv):
    assert contents(read(csv(b"age,bmi,name,y\n1,2,Gr\xf6\xdfe,3\n"), TWO, "y")) == (
        ("age", "bmi"),
        "y",
        [[1.0, 2.0]],
        [3.0],
    )


@pytest.mark.parametrize(
    "cell",
    [pytest.param("1_0", id="underscore"), pytest.param("١", id="arabic-digit"), pytest.param("５", id="fullwidth")],
)
def test_text_that_only_python_takes_for_a_number_is_refused(csv, cell):
    assert flaws(csv(f"age,bmi,y\n1,{cell},3\n")) == f"row 0: 'bmi' must be a number, got \"{cell}\""


def test_an_empty_cell_of_the_target_is_told_from_a_text(csv):
    message = "row 0: 'y' must be there, got null\nrow 1: 'y' must be a number, got \"x\""
    assert flaws(csv("age,bmi,y\n1,3,\n4,6,x\n")) == message


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        pytest.param([1.0, None], "row 1: 'y' must be there, got null", id="null"),
        pytest.param([1.0, math.nan], "row 1: 'y' must be a finite number, got NaN", id="nan"),
        pytest.param(
            [1.0, math.inf],
            "row 1: 'y' must be a finite number, got a number beyond float64 or an infinity",
            id="inf",
        ),
        pytest.param(pa.nulls(2), "row 0: 'y' must be there, got null\nrow 1: 'y' must be there, got null", id="nulls"),
    ],
)
def test_a_bad_cell_of_a_parquet_file_is_named_by_row_and_feature(parquet, cells, message):
    assert flaws(parquet(age=[1.0, 2.0], bmi=[3.0, 4.0], y=cells)) == message


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        pytest.param(pa.array([datetime.date(2020, 1, 31)]), "date32[day]", id="date"),
        pytest.param(pa.array([10**15], pa.timestamp("us")), "timestamp[us]", id="microseconds"),
        pytest.param(pa.array([10**18], pa.timestamp("us")), "timestamp[us]", id="beyond-year-9999"),
        pytest.param(pa.array([10**18 + 1], pa.timestamp("ns")), "timestamp[ns]", id="nanoseconds"),
        pytest.param(pa.array([b"\xff"]), "binary", id="bytes"),
        pytest.param(pa.array(["1"]), "string", id="text"),
        pytest.param(pa.array(["1"]).dictionary_encode(), "string", id="dictionary-of-text"),
        pytest.param(pa.array([True]), "bool", id="bool"),
        pytest.param(pa.array([[1.0]]), "list<element: double>", id="list"),
        pytest.param(pa.array([{"a": 1.0}]), "struct<a: double>", id="nested"),
    ],
)
def test_a_parquet_column_that_holds_no_numbers_is_named_once_with_its_type(parquet, cells, kind):
    message = flaws(parquet(age=[1.0], bmi=cells, y=[3.0]))

    assert message == f"column 'bmi' must be a column of numbers, found {kind}"


@pytest.mark.parametrize("place", [pytest.param(n, id=f"row-{n}") for n in (65_535, 65_536, 70_000, 131_072)])
def test_a_bad_cell_far_down_is_named_by_its_own_row(parquet, place):
    cells = [0.5] * 140_000
    cells[place] = None

    message = flaws(parquet(age=[1.0] * 140_000, bmi=[3.0] * 140_000, y=cells))

    assert message == f"row {place}: 'y' must be there, got null"


def test_a_text_far_down_a_csv_file_is_named_by_its_own_row(csv):
    message = flaws(csv("age,bmi,y\n" + "1,2,3\n" * 70_000 + "1,x,3\n"))

    assert message == "row 70000: 'bmi' must be a number, got \"x\""


def test_bad_cells_far_apart_are_named_together(parquet):
    cells = [None, *[0.5] * 70_000, None]

    message = flaws(parquet(age=[1.0] * 70_002, bmi=[3.0] * 70_002, y=cells))

    assert message == "row 0: 'y' must be there, got null\nrow 70001: 'y' must be there, got null"


@pytest.mark.parametrize(
    "count", [pytest.param(n, id=str(n)) for n in (1, 5, 6, 19, 20, 21, 511, 512, 513, 65_535, 65_537, 70_000)]
)
def test_all_bad_cells_are_counted_and_the_first_five_are_named(parquet, count):
    cells = [None] * count + [0.5] * (70_001 - count)

    (flaw,) = read(parquet(age=[1.0] * 70_001, bmi=[3.0] * 70_001, y=cells), TWO, "y").flaws

    assert (flaw.code, flaw.count) == ("no-target", count)
    assert [example.row for example in flaw.examples] == list(range(min(5, count)))


@EXAMPLES
@given(
    cells=st.lists(st.sampled_from([1.0, 2, None, math.nan, math.inf]), min_size=1, max_size=1500),
)
def test_good_cells_keep_their_place_among_bad_ones(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("cells") / "rows.parquet"
    column = pa.array([None if cell is None else float(cell) for cell in cells])
    pyarrow.parquet.write_table(pa.table({"age": column, "y": np.ones(len(cells))}), path)

    found = read(str(path), TWO[:1], "y")

    assert [value for value in found.x.cells(0).tolist() if not math.isnan(value)] == [
        c for c in cells if c in {1.0, 2}
    ]
    assert np.isnan(found.x.cells(0)).tolist() == [cell not in {1.0, 2} for cell in cells]
    assert sum(flaw.count for flaw in found.flaws) == sum(cell not in {1.0, 2, None} for cell in cells)


def test_a_row_with_a_bad_cell_keeps_its_other_cells(csv):
    found = read(csv("age,bmi,y\n1,x,3\n4,5,6\n"), TWO, "y")

    assert np.array_equal(found.x.matrix(), [[1.0, math.nan], [4.0, 5.0]], equal_nan=True)


# Rows


def test_a_csv_file_becomes_rows_in_feature_order(csv):
    found = read(csv('y,"bmi",name,age\n3,.5,Ann,1\n6,-1e-1,"B, C",4\n'), TWO, "y")

    assert contents(found) == (("age", "bmi"), "y", [[1.0, 0.5], [4.0, -0.1]], [3.0, 6.0])
    assert (found.dataset, found.x.matrix().dtype, found.y.dtype) == ("rows", np.float64, np.float64)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbfage,bmi,y\n1,2,3\n", id="byte-order-mark"),
        pytest.param(b"age,bmi,y\r\n1,2,3\r\n", id="windows-line-ends"),
        pytest.param(b"age,bmi,y\n1,2,3", id="no-line-end-at-the-end"),
        pytest.param(b'"age","bmi","y"\n"1","2","3"\n', id="quoted"),
        pytest.param(b"age,bmi,y\n+1, 2 ,3\n", id="signs-and-blanks"),
        pytest.param(b"age,bmi,y\r1,2,3\r", id="old-line-ends"),
        pytest.param(b'age,note,bmi,y\n1,"two\nlines, ""quoted""",2,3\n', id="quoted-line-ends"),
        pytest.param(b'age,"bm\nx",bmi,y\n1,0,"2\n",3\n', id="line-ends-in-names-and-numbers"),
        pytest.param(b"\n\nage,bmi,y\n\n1,2,3\n\n", id="empty-lines"),
    ],
)
def test_a_csv_file_may_be_written_in_many_ways(csv, content):
    assert contents(read(csv(content), TWO, "y")) == (("age", "bmi"), "y", [[1.0, 2.0]], [3.0])


def test_a_parquet_file_becomes_rows_whatever_its_numeric_types(parquet):
    source = parquet(
        y=pa.array([3, 6], pa.uint8()), bmi=pa.array([0.5, 1.0], pa.float32()), age=pa.array([2**53, -4], pa.int64())
    )

    assert contents(read(source, TWO, "y")) == (("age", "bmi"), "y", [[2.0**53, 0.5], [-4.0, 1.0]], [3.0, 6.0])


def test_a_parquet_dictionary_of_numbers_is_numbers(parquet):
    cells = pa.array([0.5, 1.5, 0.5]).dictionary_encode()

    assert read(parquet(age=[1, 2, 3], bmi=cells, y=[1.0, 2.0, 3.0]), TWO, "y").x.cells(1).tolist() == [0.5, 1.5, 0.5]


def test_a_column_name_with_a_point_is_no_path_into_a_nested_one(parquet):
    source = parquet(**{"a.b": [1.0], "a": [{"b": 2.0}], "y": [3.0]})

    assert read(source, [Feature("a.b", -math.inf, math.inf)], "y").x.matrix().tolist() == [[1.0]]


def test_many_rows_keep_their_order(parquet):
    numbers = np.arange(140_000.0)

    found = read(parquet(age=numbers, bmi=-numbers, y=numbers * 2), TWO, "y")

    assert found.x.matrix().tobytes() == np.column_stack([numbers, -numbers]).tobytes()
    assert found.y.tobytes() == (numbers * 2).tobytes()


def test_the_diabetes_set_is_bundled():
    found = read("sklearn:diabetes", [Feature("bmi", -1.0, 1.0)], "disease_progression")

    assert (found.dataset, found.names, found.target) == ("diabetes", ("bmi",), "disease_progression")
    assert (found.x.matrix().shape, found.y.shape, found.y[:3].tolist()) == ((442, 1), (442,), [151.0, 75.0, 141.0])
    assert found.x.matrix()[0, 0] == pytest.approx(0.0616962)


def test_the_linnerud_set_is_bundled_with_its_three_targets():
    features = [Feature(name, 0.0, 1000.0) for name in ("Chins", "Situps", "Jumps")]

    found = read("sklearn:linnerud", features, "Waist")

    assert (found.dataset, found.x.matrix().shape, found.x.matrix()[0].tolist(), found.y[:2].tolist()) == (
        "linnerud",
        (20, 3),
        [5.0, 162.0, 60.0],
        [36.0, 37.0],
    )


def test_a_column_the_bundled_set_does_not_have_is_named():
    message = "column 'y' must be there once, found 0; there are Chins, Situps, Jumps, Weight, Waist, Pulse"
    assert flaws("sklearn:linnerud", [Feature("Chins", 0.0, 1000.0)]) == message


SHA = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("source", "name"),
    [
        pytest.param("gs://bucket/folder/house-prices.csv", "house-prices", id="file"),
        pytest.param("gs://bucket/House Prices (2024).CSV", "house-prices-2024", id="spelling"),
        pytest.param(f"gs://bucket/data/diabetes/{SHA}.csv", "diabetes", id="snapshot"),
        pytest.param("gs://bucket/.csv", "data", id="nothing-to-name-it-by"),
        pytest.param("gs://bucket/../..csv", "data", id="points"),
        pytest.param("gs://bucket/日本.csv", "data", id="no-ascii"),
        pytest.param(f"gs://bucket/{'x' * 100}.csv", "x" * 63, id="long"),
    ],
)
def test_a_data_set_is_named_by_its_source(csv, source, name):
    path = csv("age,bmi,y\n1,2,3\n")

    found = read(source, TWO, "y", files=[File(source, Path(path))])

    assert found.dataset == name


MANY = rows(np.random.default_rng(5).normal(size=(20_000, 2)), np.random.default_rng(6).normal(size=20_000))


some_rows = st.lists(st.tuples(finite, finite, finite), min_size=1, max_size=30)


# The snapshot


def test_a_snapshot_of_many_rows_is_what_one_write_gives():
    many = rows(np.arange(1_100_000.0).reshape(-1, 1), np.zeros(1_100_000), ("age",))
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"age": many.x.cells(0), "y": many.y}), sink, compression="zstd")

    assert snapshot(many) == sink.getvalue()


def test_the_same_rows_give_the_same_bytes():
    again = rows(MANY.x.matrix().copy(), MANY.y.copy())

    assert snapshot(again) == snapshot(MANY)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(table=some_rows, row=st.integers(0), column=st.integers(0, 2))
def test_another_value_gives_other_bytes(table, row, column):
    changed = [list(cells) for cells in table]
    changed[row % len(table)][column] = 1.0 if table[row % len(table)][column] != 1.0 else 2.0

    first, second = (rows([c[:2] for c in cells], [c[2] for c in cells]) for cells in (table, changed))

    assert snapshot(first) != snapshot(second)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(table=some_rows)
def test_a_snapshot_reads_back_as_the_same_rows_bit_by_bit(tmp_path_factory, table):
    written = rows([row[:2] for row in table], [row[2] for row in table])
    path = tmp_path_factory.mktemp("snapshot") / f"{SHA}.parquet"
    path.write_bytes(snapshot(written))

    found = read(f"gs://bucket/data/rows/{SHA}.parquet", TWO, "y", files=[File(f"rows/{SHA}.parquet", path)])

    assert (found.dataset, found.features, found.target) == (written.dataset, written.features, written.target)
    assert (found.x.matrix().tobytes(), found.y.tobytes()) == (written.x.matrix().tobytes(), written.y.tobytes())
    assert found.keys.tolist() == written.keys.tolist()


def test_a_snapshot_is_an_ordinary_parquet_file_with_named_columns():
    table = pyarrow.parquet.read_table(io.BytesIO(snapshot(rows([[1, 2], [3, 4]], [5, 6]))))

    assert table.to_pydict() == {"age": [1.0, 3.0], "bmi": [2.0, 4.0], "y": [5.0, 6.0]}


# The description


def test_features_are_described_for_the_manifest():
    x = np.column_stack([np.arange(11.0), np.full(11, -2.5)])

    assert described(x, ["age", "bmi"]) == [
        {
            "name": "age",
            "minimum": 0.0,
            "maximum": 10.0,
            "mean": 5.0,
            "std": pytest.approx(math.sqrt(10)),
            "quantiles": pytest.approx([float(n) for n in range(11)]),
            "fiftieths": pytest.approx(
                [float(n) for n in np.repeat(np.arange(11), 50).reshape(50, 11).mean(axis=1)], abs=1e-3
            ),
        },
        {
            "name": "bmi",
            "minimum": -2.5,
            "maximum": -2.5,
            "mean": -2.5,
            "std": 0.0,
            "quantiles": [-2.5] * 11,
            "fiftieths": [-2.5] * 50,
        },
    ]


def test_a_redacted_feature_is_marked_and_otherwise_described_like_any():
    x = np.column_stack([np.arange(11.0), np.arange(11.0)])

    age, bmi = describe(Table(x), [Feature("age"), Feature("bmi", redact=True)])

    assert bmi == {**age, "name": "bmi", "redact": True}


def test_fiftieths_keep_the_mean_of_a_feature_far_from_0_and_the_share_of_a_rare_value():
    x = np.column_stack([np.random.default_rng(1).normal(1e9, 1, size=1_003), np.arange(1_003) % 50 == 7]).astype(float)

    far, rare = described(x, ["far", "rare"])

    assert np.mean(far["fiftieths"]) == pytest.approx(far["mean"], rel=0, abs=0.01)
    assert np.mean(rare["fiftieths"]) == pytest.approx(rare["mean"], abs=0.001)


@EXAMPLES
@given(values=st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_the_outer_quantiles_are_the_range(values):
    described = describe_numbers(np.array(values))

    ends = (described["quantiles"][0], described["quantiles"][-1])
    assert ends == (described["minimum"], described["maximum"]) == (min(values), max(values))


# Columns that stand for kinds


@pytest.mark.parametrize(
    ("cells", "texts"),
    [
        pytest.param(["north", "", "Süd"], ["north", "", "Süd"], id="texts"),
        pytest.param(["1", "2", "01"], ["1", "2", "01"], id="digits-stay-as-written"),
        pytest.param(["NA", "null", "NaN"], ["NA", "null", "NaN"], id="words-that-mean-nothing-elsewhere"),
        pytest.param(["z" * 1000, "a", "b"], ["z" * 80, "a", "b"], id="at-most-80-characters"),
    ],
)
def test_a_column_of_kinds_is_read_as_texts_beside_the_rows(csv, cells, texts):
    lines = [f"{row},{row},{row},{cell}" for row, cell in enumerate(cells)]

    rows = read(csv("age,bmi,y,town\n" + "\n".join(lines) + "\n"), TWO, "y", kinds=["town"])

    assert rows.kinds["town"].to_pylist() == texts
    assert rows.x.matrix().shape == (3, 2)
    assert rows.flaws == ()


def test_kinds_that_are_no_text_and_no_utf8_still_stand_for_themselves(csv, parquet):
    latin = read(csv(b"age,bmi,y,town\n1,2,3,\xfc\n"), TWO, "y", kinds=["town"])
    numbers = read(parquet(age=[1.0], bmi=[2.0], y=[3.0], town=[7], ward=[[1, 2]]), TWO, "y", kinds=["town", "ward"])

    assert latin.kinds["town"].to_pylist() == ["\\xfc"]
    assert {name: kind.to_pylist() for name, kind in numbers.kinds.items()} == {"town": ["7"], "ward": ["[1, 2]"]}


def test_a_row_that_is_left_out_is_left_out_of_the_kinds(csv):
    rows = read(csv("age,bmi,y,town\n1,2,3,x\n1,2,3\n4,5,6,z\n"), TWO, "y", kinds=["town"])

    assert rows.kinds["town"].to_pylist() == ["x", "z"]


def test_a_column_of_kinds_that_is_missing_is_a_flaw(csv):
    rows = read(csv("age,bmi,y\n1,2,3\n"), TWO, "y", kinds=["town"])

    assert [(flaw.code, flaw.column) for flaw in rows.flaws] == [("missing-column", "town")]


def test_kinds_change_no_row_s_hash_and_come_back_from_the_snapshot(csv, tmp_path):
    source = csv("age,bmi,y,town\n1,2,3,x\n4,5,6,\n")
    plain, kinds = read(source, TWO, "y"), read(source, TWO, "y", kinds=["town"])
    kept = tmp_path / "kept.parquet"
    kept.write_bytes(snapshot(kinds))

    again = read(str(kept), TWO, "y", kinds=["town"])

    assert plain.hashes.tolist() == kinds.hashes.tolist() == again.hashes.tolist()
    assert again.kinds["town"].to_pylist() == ["x", ""]
    assert snapshot(again) == snapshot(kinds) != snapshot(plain)


def test_a_ragged_row_of_another_encoding_is_named_in_one_line(csv):
    source = csv(b"age,bmi,y\n1,2,3\n1,2,3,caf\xe9\n")

    assert refusal(source) == ("SOURCE cannot be read: row 1 must hold 3 cells, found 4, and bytes that are no UTF-8")


# The key column


def test_the_key_is_no_feature_and_one_that_names_two_rows_is_told(csv):
    found = read(csv("id,bmi,y\na,1,5\n,2,6\na,3,7\n,4,8\nb,5,\na,6,9\n"), None, "y", key="id")

    assert found.names == ("bmi",)
    flaw = next(flaw for flaw in found.flaws if flaw.code == "repeated-key")
    assert (flaw.column, flaw.count) == ("id", 2)
    assert flaw.examples == [Example(2, '"a"'), Example(5, '"a"')]


def test_a_key_that_is_not_in_the_file_is_told(csv):
    found = read(csv("id,bmi,y\na,1,5\n"), None, "y", key="Id")

    assert [(flaw.code, flaw.column) for flaw in found.flaws] == [("missing-column", "Id")]


def test_different_keys_are_no_flaw(csv):
    assert read(csv("id,bmi,y\n1,1,5\n2,1,5\n"), None, "y", key="id").flaws == ()


# The target's kind


def test_codes_that_are_declared_texts_stay_as_they_are(csv):
    codes = "bmi,y\n" + "".join(f"{row},0{row % 2 + 1}\n" for row in range(6))

    as_texts = read(csv(codes), None, "y", task="classification", target_kind="category")
    as_numbers = read(csv(codes), None, "y", task="classification")

    assert (as_texts.classes, as_numbers.classes) == (("01", "02"), (1, 2))


def test_a_declared_kind_decides_the_task_where_nothing_else_does(csv):
    ones = "bmi,y\n" + "".join(f"{row},{row % 2}\n" for row in range(6))

    assert read(csv(ones), None, "y", task=None, target_kind="boolean").classes == (False, True)
    assert read(csv(ones), None, "y", task=None).classes == ()
