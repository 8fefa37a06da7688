"""The target's column: numbers, or classes in their own type, in ascending order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from functions.columns.schema import Feature
from model.data.reading import read
from model.data.snapshots import snapshot


def written(folder, cells):
    path = folder / "rows.csv"
    path.write_text("x,y\n" + "".join(f"{number},{cell}\n" for number, cell in enumerate(cells)))
    return str(path)


def test_a_row_without_a_class_is_left_out_and_named(tmp_path):
    rows = read(written(tmp_path, ["late", "", "early"]), [Feature("x")], "y", task=None)

    assert [(flaw.code, flaw.column, flaw.examples[0].row) for flaw in rows.flaws] == [("no-target", "y", 1)]
    assert rows.y.tolist() == [1, 0]
    assert rows.x.cells(0).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("cells", "task", "classes", "y"),
    [
        (["late", "early", "late"], None, ("early", "late"), [1, 0, 1]),
        (["true", "false", "true"], None, (False, True), [1, 0, 1]),
        (["3", "1", "3"], "classification", (1, 3), [1, 0, 1]),
        (["0.5", "1", "0.5"], "classification", (0.5, 1.0), [0, 1, 0]),
        (["3", "1", "3"], None, (), [3, 1, 3]),
        (["3", "1", "3"], "regression", (), [3, 1, 3]),
    ],
)
def test_texts_and_booleans_are_classes_and_numbers_are_where_the_task_says_so(tmp_path, cells, task, classes, y):
    rows = read(written(tmp_path, cells), [Feature("x")], "y", task=task)

    assert rows.flaws == ()
    assert rows.classes == classes
    assert [type(label) for label in rows.classes] == [type(label) for label in classes]
    assert rows.y.tolist() == y


def test_labels_keep_their_type_in_the_snapshot(tmp_path):
    for cells, kind in ((["late", "early"], pa.string()), (["true", "false"], pa.bool_()), (["3", "1"], pa.int64())):
        rows = read(written(tmp_path, cells), [Feature("x")], "y", task="classification")
        table = pa.parquet.read_table(pa.BufferReader(snapshot(rows)))

        assert table.schema.field("y").type == kind
        assert table["y"].to_pylist() == [rows.classes[int(place)] for place in rows.y]


def test_a_class_that_appears_later_moves_no_row_to_the_other_side(tmp_path):
    before = read(written(tmp_path, ["late", "early", "late"]), [Feature("x")], "y", task=None)
    after = read(written(tmp_path, ["late", "early", "late", "absent"]), [Feature("x")], "y", task=None)

    assert after.classes == ("absent", "early", "late")
    assert np.array_equal(after.hashes[:3], before.hashes)
