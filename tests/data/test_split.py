"""The held-out rows are a fair sample, whatever the rows look like, and no row changes sides when rows are appended."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.columns.schema import Feature
from model.data.reading import read
from model.data.snapshots import snapshot
from model.data.split import Split, champion_split, fold_keys, held_out, recorded, sides, started
from tests.support.rows import number_rows as rows

EXAMPLES = settings(deadline=None, derandomize=True)
HELD = [4, 6, 10, 15, 16, 19, 24, 26]

finite = st.floats(allow_nan=False, allow_infinity=False)


MANY = rows(np.random.default_rng(5).normal(size=(20_000, 2)), np.random.default_rng(6).normal(size=20_000))


@pytest.mark.parametrize("by", [pytest.param(by, id=by) for by in ("rows", "content")])
@pytest.mark.parametrize("share", [pytest.param(share, id=str(share)) for share in (0.05, 0.2, 0.5, 0.9)])
def test_about_the_share_asked_for_is_held_out(by, share):
    """Within four standard deviations of a binomial share."""
    held = held_out(MANY, Split(by, share))

    assert (held.shape, held.dtype) == ((20_000,), np.bool_)
    assert held.mean() == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 20_000))


def test_a_larger_share_keeps_the_rows_that_were_held_out():
    small, large = held_out(MANY, Split("rows", 0.2)), held_out(MANY, Split("rows", 0.3))

    assert (small & ~large).any() == np.False_


some_rows = st.lists(st.tuples(finite, finite, finite), min_size=1, max_size=30)


def split(table, features=("age", "bmi"), by="content"):
    return held_out(rows([row[:2] for row in table], [row[2] for row in table], features), Split(by, 0.5))


@EXAMPLES
@given(table=some_rows, more=some_rows)
def test_a_row_stays_on_its_side_when_rows_are_added_before_and_behind(table, more):
    assert split(more + table + more)[len(more) : len(more) + len(table)].tolist() == split(table).tolist()


@EXAMPLES
@given(table=some_rows, data=st.data())
def test_a_row_stays_on_its_side_when_rows_are_removed_and_reordered(table, data):
    kept = data.draw(st.lists(st.sampled_from(range(len(table))), min_size=1, unique=True))

    assert split([table[row] for row in kept]).tolist() == split(table)[kept].tolist()


@EXAMPLES
@given(table=some_rows)
def test_a_row_stays_on_its_side_when_the_features_change_places(table):
    swapped = [(bmi, age, y) for age, bmi, y in table]

    assert split(swapped, ("bmi", "age")).tolist() == split(table).tolist()


@EXAMPLES
@given(table=some_rows, times=st.integers(2, 4))
def test_by_content_equal_rows_stand_on_one_side(table, times):
    assert split(table * times).tolist() == split(table).tolist() * times


@pytest.mark.parametrize("value", [pytest.param(float(n), id=f"beside-{n}") for n in range(6)])
def test_minus_zero_is_zero(value):
    table = [(0.0, value, 0.0), (-0.0, value, 0.0), (0.0, value, -0.0), (-0.0, value, -0.0)]

    assert split(table).tolist() == [split(table)[0]] * 4


def test_a_row_is_told_apart_by_its_target_too():
    assert sorted(set(split([(0.0, 0.0, float(n)) for n in range(50)]).tolist())) == [False, True]


@pytest.mark.parametrize("by", [pytest.param(by, id=by) for by in ("rows", "content")])
def test_which_rows_are_held_out_never_changes(by):
    """Written down, so that no later version moves a row that production was trained on."""
    found = read("sklearn:diabetes", [Feature("bmi", -1.0, 1.0)], "disease_progression")

    held = held_out(found, Split(by, 0.2))
    assert (int(held.sum()), np.flatnonzero(held)[:8].tolist()) == (82, HELD)


# Rows with few values


def few_valued(count, seed):
    """Four features of 0 and 1, and a rating from 1 to 5 that hangs on them."""
    source = np.random.default_rng(seed)
    x = source.integers(0, 2, size=(count, 4)).astype(float)
    y = np.clip(1 + x.sum(axis=1) + source.integers(-1, 2, size=count), 1, 5)
    return rows(x, y, ("a", "b", "c", "d"))


@pytest.mark.parametrize("share", [pytest.param(share, id=str(share)) for share in (0.1, 0.2, 0.25)])
def test_of_rows_with_few_values_the_share_asked_for_is_held_out(share):
    held = held_out(few_valued(100_000, seed=1), Split("rows", share))

    assert held.mean() == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 100_000))


@pytest.mark.slow
def test_of_rows_with_few_values_each_cell_keeps_its_share_on_both_sides():
    table = few_valued(100_000, seed=1)
    held = held_out(table, Split("rows", 0.2))

    cells = np.unique(np.column_stack([table.x.matrix(), table.y]), axis=0, return_inverse=True)[1]
    sizes, kept = np.bincount(cells), np.bincount(cells, weights=held)
    assert np.abs(kept - 0.2 * sizes).max() < 4


def passengers(count, seed):
    """A passenger list: class, sex and age group, and who came through."""
    source = np.random.default_rng(seed)
    travelled, sex, age = (
        source.choice(3, count, p=[0.24, 0.21, 0.55]),
        source.integers(0, 2, count),
        source.integers(0, 3, count),
    )
    chance = 1 / (1 + np.exp(-(0.8 - 0.9 * travelled + 2.5 * sex - 0.3 * age)))
    return rows(np.column_stack([travelled, sex, age]), source.uniform(size=count) < chance, ("class", "sex", "age"))


@pytest.mark.slow
@pytest.mark.parametrize("share", [pytest.param(share, id=str(share)) for share in (0.1, 0.2, 0.25)])
@pytest.mark.parametrize(
    ("made", "count", "draws"),
    [
        pytest.param(few_valued, 2_000, 60, id="ratings"),
        pytest.param(few_valued, 100_000, 3, id="many-ratings"),
        pytest.param(passengers, 891, 100, id="passengers"),
    ],
)
def test_of_rows_with_few_values_share_and_bias_are_within_their_standard_errors_over_many_sets(
    made, count, draws, share
):
    """The share, and the held-out bias of a line through the other rows, each in its own standard errors."""
    shares, biases = [], []
    for seed in range(draws):
        table = made(count, seed)
        held = held_out(table, Split("rows", share))
        shares.append((held.mean() - share) / math.sqrt(share * (1 - share) / count))
        x = np.column_stack([table.x.matrix(), np.ones(count)])
        errors = x[held] @ np.linalg.lstsq(x[~held], table.y[~held], rcond=None)[0] - table.y[held]
        biases.append(errors.mean() / (errors.std() * math.sqrt(1 / held.sum() + 1 / (~held).sum())))

    assert np.abs(shares).max() < 1
    assert np.abs(biases).max() < 2
    assert np.square(biases).mean() < 1


@EXAMPLES
@given(table=st.lists(st.tuples(*[st.sampled_from([0.0, -0.0, 1.0])] * 3), min_size=1, max_size=200), data=st.data())
def test_appending_rows_moves_no_row(table, data):
    count = data.draw(st.integers(1, len(table)))

    assert split(table, by="rows")[:count].tolist() == split(table[:count], by="rows").tolist()


def test_where_no_row_repeats_both_hashes_hold_the_same_rows_out():
    assert held_out(MANY, Split("rows", 0.3)).tolist() == held_out(MANY, Split("content", 0.3)).tolist()


def test_each_row_has_a_fold_of_its_own_however_often_it_stands():
    table = few_valued(5_000, seed=3)

    assert len(np.unique(fold_keys(table, Split("rows", 0.2)))) == 5_000


# Groups


CUSTOMERS = [f"customer {number % 400}" for number in range(20_000)]
GROUPED = rows(MANY.x.matrix(), MANY.y, groups={"customer": pa.array(CUSTOMERS)})
BY_CUSTOMER = Split("group", 0.25, "customer")


def test_all_rows_of_a_group_stand_on_one_side_and_in_one_fold():
    held = held_out(GROUPED, BY_CUSTOMER)

    sides_of = {}
    for customer, side in zip(CUSTOMERS, held.tolist(), strict=True):
        sides_of.setdefault(customer, set()).add(side)
    assert {len(found) for found in sides_of.values()} == {1}
    assert held.mean() == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 400))
    assert len(np.unique(fold_keys(GROUPED, BY_CUSTOMER))) == 400


def test_a_group_stays_on_its_side_when_rows_are_appended():
    part = rows(MANY.x[:500].matrix(), MANY.y[:500], groups={"customer": pa.array(CUSTOMERS[:500])})

    assert held_out(part, BY_CUSTOMER).tolist() == held_out(GROUPED, BY_CUSTOMER)[:500].tolist()


# Time


def timed(seconds):
    return rows(np.zeros((len(seconds), 2)), np.zeros(len(seconds)), times={"at": np.array(seconds, float)})


def test_by_time_the_newest_share_is_held_out():
    table = timed(np.random.default_rng(0).permutation(1000))
    split = started(Split("time", 0.2, "at"), table)

    assert split.start == 800.0
    assert held_out(table, split).tolist() == (table.times["at"] >= 800).tolist()


@pytest.mark.parametrize(
    ("seconds", "held"),
    [
        pytest.param([1, 2, 2, 2, 2, 3, 3, 3, 3, 3], [3] * 5, id="nearest"),
        pytest.param([1, 1, 1, 1, 1, 1, 1, 1, 1, 2], [2], id="few"),
        pytest.param([1] + [2] * 9, [2] * 9, id="many"),
        pytest.param([1] * 10, [], id="one-time"),
    ],
)
def test_equal_times_stand_on_one_side(seconds, held):
    table = timed(seconds)

    assert table.times["at"][held_out(table, started(Split("time", 0.4, "at"), table))].tolist() == held


# Beside a production that was split in its own way


def test_splits_of_one_kind_are_nested_and_the_smaller_one_judges_both():
    made = sides(MANY, Split("rows", 0.3), Split("rows", 0.2))

    assert made.kept.tolist() == made.held.tolist() == held_out(MANY, Split("rows", 0.3)).tolist()
    assert made.shared.tolist() == held_out(MANY, Split("rows", 0.2)).tolist()


@pytest.mark.parametrize(
    "champion",
    [
        pytest.param(Split("content", 0.2), id="the-hash-of-format-1"),
        pytest.param(BY_CUSTOMER, id="group"),
        pytest.param(Split("time", 0.2, "at", 15_000.0), id="time"),
    ],
)
@pytest.mark.parametrize("count", [pytest.param(2, id="few-values"), pytest.param(10**9, id="many-values")])
def test_rows_that_a_production_of_another_kind_held_out_are_kept_from_training_and_judge_both(champion, count):
    source = np.random.default_rng(4)
    x, y = source.integers(0, count, size=(2000, 2)), source.integers(0, count, size=2000)
    beside = {"groups": {"customer": pa.array(CUSTOMERS[:2000])}, "times": {"at": np.arange(14_000.0, 16_000.0)}}
    table = rows(x, y, **beside)

    made = sides(table, Split("rows", 0.2), champion)

    theirs = held_out(table, champion)
    assert made.shared.tolist() == theirs.tolist()
    assert made.kept.tolist() == (held_out(table, Split("rows", 0.2)) | theirs).tolist()
    assert theirs.any()


def test_without_a_production_nothing_is_shared():
    made = sides(MANY, Split("rows", 0.2), None)

    assert (made.kept.tolist(), made.shared.any()) == (made.held.tolist(), False)


def manifest(data, *features, target="y"):
    return {"features": [{"name": name} for name in features], "target": {"name": target}, "data": data}


@pytest.mark.parametrize(
    ("champion", "split"),
    [
        pytest.param(manifest({"holdout": 0.2}, "bmi", "age"), Split("content", 0.2), id="format-1"),
        pytest.param(manifest({"holdout": 0.2, "split": "rows"}, "age", "bmi"), Split("rows", 0.2), id="rows"),
        pytest.param(
            manifest({"holdout": 0.25, "split": {"group": "customer"}}, "age"),
            BY_CUSTOMER,
            id="group-of-a-feature-less",
        ),
        pytest.param(manifest({}, "age", "bmi"), None, id="it-does-not-say"),
        pytest.param(manifest({"holdout": 0.2, "split": "age"}, "age", "bmi"), None, id="unknown"),
        pytest.param(manifest({"holdout": 0.2}, "age"), None, id="another-hash-by-features"),
        pytest.param(manifest({"holdout": 0.2}, "age", "bmi", target="z"), None, id="another-target"),
        pytest.param(
            manifest({"holdout": 0.2, "split": {"group": "shop"}}, "age", "bmi"), None, id="a-column-that-is-not-there"
        ),
    ],
)
def test_the_split_of_production_is_read_from_its_manifest(champion, split):
    assert champion_split(GROUPED, champion) == split


@pytest.mark.parametrize(
    "split",
    [
        pytest.param(Split("rows", 0.2), id="rows"),
        pytest.param(BY_CUSTOMER, id="group"),
        pytest.param(Split("time", 0.2, "at", 7.5), id="time"),
    ],
)
def test_a_split_comes_back_from_the_manifest(split):
    assert recorded({"holdout": split.share, "split": split.document()}) == split


# From a file


def test_columns_of_the_split_are_read_beside_the_rows_and_come_back_from_the_snapshot(tmp_path):
    path = tmp_path / "orders.csv"
    start = datetime(2026, 1, 1, tzinfo=UTC)
    lines = [
        f"{number},{number % 7},c{number % 5},{(start + timedelta(hours=number)).isoformat()}" for number in range(50)
    ]
    path.write_text("\n".join(["x,y,customer,ordered_at", *lines, ""]))
    features = [Feature("x", -math.inf, math.inf)]

    found = read(str(path), features, "y", groups=["customer"], times=["ordered_at"])
    (tmp_path / "again.parquet").write_bytes(snapshot(found))
    again = read(str(tmp_path / "again.parquet"), features, "y", groups=["customer"], times=["ordered_at"])

    assert found.flaws == again.flaws == ()
    assert (
        found.groups["customer"].to_pylist() == again.groups["customer"].to_pylist() == [f"c{n % 5}" for n in range(50)]
    )
    assert found.times["ordered_at"].tolist() == again.times["ordered_at"].tolist()
    assert found.times["ordered_at"][1] == start.timestamp() + 3600


def test_cells_of_the_split_that_say_nothing_are_flaws(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("x,y,customer,at\n1,2,c,2026-11-25\n3,4,,soon\n")

    found = read(str(path), [Feature("x", -9, 9)], "y", groups=["customer", "shop"], times=["at"], optional=["shop"])

    assert [(flaw.code, flaw.column, flaw.examples[0].row, flaw.examples[0].found) for flaw in found.flaws] == [
        ("empty-cell", "customer", 1, "null"),
        ("not-a-time", "at", 1, '"soon"'),
    ]


def test_a_time_that_is_split_by_may_be_a_feature_and_is_kept_as_one(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("at,y\n" + "".join(f"2026-01-{day:02},{day}\n" for day in range(1, 29)))
    features = [Feature("at", kind="time", parts=("weekday",))]
    first = read(str(path), features, "y", times=["at"])
    kept = tmp_path / "kept.parquet"
    kept.write_bytes(snapshot(first))

    again = read(str(kept), features, "y", times=["at"])

    assert (first.flaws, again.flaws) == ((), ())
    assert again.x.cells(0).tolist() == first.x.cells(0).tolist() == again.times["at"].tolist()
    assert again.hashes.tolist() == first.hashes.tolist()
