"""From sources to rows, with every bad cell named; and rows held out by their hash alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.schema import Feature
from model import data
from model.data import DataError, Rows, SourceError

X = [Feature("x", -np.inf, np.inf)]


def csv(tmp_path, text):
    path = tmp_path / "My rows.csv"
    path.write_text(text)
    return str(path)


def rows(x, y, features=("x",)):
    return Rows("made", tuple(features), "y", np.array(x, dtype=float).reshape(len(y), -1), np.array(y, dtype=float))


@pytest.mark.parametrize(
    ("source", "feature", "target", "shape"),
    [("sklearn:diabetes", "bmi", "disease_progression", (442, 1)), ("sklearn:linnerud", "Chins", "Pulse", (20, 1))],
)
def test_bundled_sets_are_read(source, feature, target, shape):
    read = data.read(source, [Feature(feature, -np.inf, np.inf)], target)

    assert (read.x.shape, read.y.shape, read.dataset) == (shape, shape[:1], source.removeprefix("sklearn:"))


def test_a_csv_file_is_read_by_column_names(tmp_path):
    read = data.read(csv(tmp_path, "y,other,x\n1,a,2\n3,b,4.5\n"), X, "y")

    assert (read.x.tolist(), read.y.tolist(), read.dataset) == ([[2.0], [4.5]], [1.0, 3.0], "my-rows")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("x,z\n1,2\n", "column 'y' must be there once, found 0; there are x, z", id="missing-column"),
        pytest.param(
            "x,x,y\n1,2,3\n", "column 'x' must be there once, found 2; there are x, x, y", id="doubled-column"
        ),
        pytest.param("x,y\n", "the data must hold at least 1 row, got none", id="header-only"),
        pytest.param("x,y\n1,2\nn/a?,2\n3,4\n", "row 1: 'x' must be a number, got \"n/a?\"", id="text"),
        pytest.param("x,y\n1,2\n,2\n", "row 1: 'x' must be a number, got null", id="empty-cell"),
        pytest.param("x,y\n1,2\ninf,2\n", None, id="infinite"),
        pytest.param(
            "x,y\nfoo,1\nbar,2\n",
            "row 0: 'x' must be a number, got \"foo\"\nrow 1: 'x' must be a number, got \"bar\"",
            id="several",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_named(tmp_path, text, message):
    with pytest.raises(DataError) as raised:
        data.read(csv(tmp_path, text), X, "y")

    infinite = "row 1: 'x' must be a finite number, got a number beyond float64 or an infinity"
    assert str(raised.value) == (message or infinite)


def test_a_bad_cell_far_down_keeps_its_row_number(tmp_path):
    text = "x,y\n" + "1,2\n" * 100_000 + "oops,2\n"

    with pytest.raises(DataError, match=r"^row 100000: 'x' must be a number, got \"oops\"$"):
        data.read(csv(tmp_path, text), X, "y")


def test_a_row_outside_declared_bounds_is_named(tmp_path):
    with pytest.raises(DataError) as raised:
        data.read(csv(tmp_path, "x,y\n0,1\n5,1\n"), [Feature("x", 0.0, 4.0)], "y")

    assert str(raised.value) == "row 1: 'x' must be within [0.0, 4.0], got 5.0"


def test_text_in_a_parquet_file_is_no_number(tmp_path):
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pa.table({"x": ["1"], "y": [1.0]}), path)

    with pytest.raises(DataError, match=r"^row 0: 'x' must be a number, got \"1\"$"):
        data.read(str(path), X, "y")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("absent.csv", "{} does not exist", id="absent"),
        pytest.param("folder.csv", "{} cannot be read: ", id="folder"),
        pytest.param("junk.parquet", "{} cannot be read: ", id="junk"),
        pytest.param("empty.csv", "{} cannot be read: ", id="empty"),
        pytest.param("rows.xlsx", "{} must be sklearn:NAME, or a path or gs:// address", id="unknown"),
    ],
)
def test_a_source_that_cannot_be_read_is_named(tmp_path, source, message):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "junk.parquet").write_bytes(bytes(range(256)))
    (tmp_path / "empty.csv").write_bytes(b"")
    path = str(tmp_path / source)

    with pytest.raises(SourceError) as raised:
        data.read(path, X, "y")

    assert str(raised.value).startswith(message.format(path))
    assert "\n" not in str(raised.value)


def test_an_unknown_bundled_set_says_which_there_are():
    with pytest.raises(
        SourceError, match=r"^sklearn:iris is no bundled regression set; there are diabetes and linnerud$"
    ):
        data.read("sklearn:iris", X, "y")


cells = st.floats(allow_nan=False, allow_infinity=False, width=32)
tables = st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=30)


@given(tables, st.randoms())
def test_a_row_stays_on_its_side_whatever_happens_around_it(table, random):
    values = np.array(table)
    held = data.held_out(rows(values[:, :2], values[:, 2], ("a", "b")), 0.5)
    order = list(range(len(table)))
    random.shuffle(order)
    kept = order[: max(1, len(order) // 2)]

    again = data.held_out(rows(values[kept][:, [1, 0]], values[kept][:, 2], ("b", "a")), 0.5)

    assert again.tolist() == held[kept].tolist()


def test_equal_rows_stand_on_one_side_and_minus_zero_is_zero():
    held = data.held_out(rows([0.0, -0.0, 0.0], [1, 1, 1]), 0.5)

    assert len(set(held.tolist())) == 1


def test_the_share_held_out_is_the_share_asked_for():
    many = rows(np.arange(20_000), np.zeros(20_000))

    assert data.held_out(many, 0.2).mean() == pytest.approx(0.2, abs=0.01)


def test_what_is_held_out_of_a_small_share_is_held_out_of_a_larger():
    many = rows(np.arange(1000), np.zeros(1000))

    assert not (data.held_out(many, 0.1) & ~data.held_out(many, 0.3)).any()


def test_a_snapshot_has_the_same_bytes_and_reads_back_the_same(tmp_path):
    original = rows([1.5, -0.0, 1e-300], [1, 2, 3])
    sha256 = "0" * 64
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / f"{sha256}.parquet").write_bytes(data.snapshot(original))

    again = data.read(str(folder / f"{sha256}.parquet"), X, "y")

    assert data.snapshot(again) == data.snapshot(original)
    assert again.dataset == "made"
    assert data.held_out(again, 0.5).tolist() == data.held_out(original, 0.5).tolist()


def test_a_column_is_described_by_range_moments_and_deciles():
    described = data.describe(np.arange(11.0).reshape(-1, 1), ["x"])

    assert described == [
        {
            "name": "x",
            "minimum": 0.0,
            "maximum": 10.0,
            "mean": 5.0,
            "std": pytest.approx(10**0.5),
            "quantiles": pytest.approx(list(range(11))),
        }
    ]
