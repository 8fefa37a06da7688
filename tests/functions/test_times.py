"""Times: which texts are one, and the numbers that a model sees of it, by the calendar of the standard library."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.columns.feature import TIME_PARTS, Feature
from functions.columns.table import Table
from functions.columns.times import expand, iso, model_columns, parse, parts

EXAMPLES = settings(deadline=None, derandomize=True)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400.0

moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
WHEN = Feature("when", kind="time", parts=("hour", "epoch_days"))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("red", id="word"),
        pytest.param("2026", id="year"),
        pytest.param("2026-11", id="month"),
        pytest.param("2026/11", id="month-with-slash"),
        pytest.param("2026/13/01", id="month-13-with-slash"),
        pytest.param("2026/11-26", id="both-separators"),
        pytest.param("11/26/2026", id="year-last"),
        pytest.param("20261126", id="basic"),
        pytest.param("2026-W48-4", id="week"),
        pytest.param("2026-13-01", id="month-13"),
        pytest.param("2026-02-29", id="no-leap-year"),
        pytest.param("0000-01-01", id="year-0"),
        pytest.param("2026-11-26T24:00", id="hour-24"),
        pytest.param("2026-11-26T12:60", id="minute-60"),
        pytest.param("2026-11-26T12", id="hour-alone"),
        pytest.param("2026-11-26T12:00+25:00", id="zone-of-a-day"),
        pytest.param("2026-11-26Z", id="zone-of-a-date"),
        pytest.param(" 2026-11-26", id="blank"),
        pytest.param("2026-11-26\n", id="line-feed"),
        pytest.param("٢٠٢٦-11-26", id="other-digits"),
        pytest.param("1764120600", id="seconds"),
        pytest.param("26.11.2026", id="another-order"),
        pytest.param("2026-11-26T12:00:00.1234567891", id="too-fine"),
        pytest.param("\ud800", id="surrogate"),
    ],
)
def test_a_text_that_is_no_time_is_none(text):
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1970-01-01", 0.0, id="epoch"),
        pytest.param("1969-12-31", -DAY, id="before"),
        pytest.param("1970-01-02T00:00", DAY, id="minutes"),
        pytest.param("1970-01-01T00:00:01", 1.0, id="seconds"),
        pytest.param("1970-01-01 00:00:01", 1.0, id="blank-between"),
        pytest.param("1970-01-01t00:00:01z", 1.0, id="lower-case"),
        pytest.param("1970-01-01T00:00:00.25", 0.25, id="fraction"),
        pytest.param("1970-01-01T00:00:00,25", 0.25, id="comma"),
        pytest.param("1970-01-01T00:00:00.123456789", 0.123456, id="nanoseconds-are-cut"),
        pytest.param("1970-01-01T01:00+01:00", 0.0, id="zone"),
        pytest.param("1970-01-01T00:30-0030", 3600.0, id="zone-without-colon"),
        pytest.param("1970-01-01T01:00+01", 0.0, id="zone-of-hours"),
        pytest.param("2000-03-01", 951_868_800.0, id="after-a-leap-day"),
        pytest.param("2000/03/01", 951_868_800.0, id="slashes"),
        pytest.param("2000/3/1", 951_868_800.0, id="slashes-without-zeros"),
        pytest.param("2000/3/1 1:00", None, id="slashes-and-an-hour-of-one-digit"),
        pytest.param("2000/3/1 01:00:00+01:00", 951_868_800.0, id="slashes-and-a-time"),
    ],
)
def test_a_time_is_seconds_since_1970_in_utc(text, expected):
    assert parse(text) == expected


@EXAMPLES
@given(moments, st.timedeltas(timedelta(hours=-14), timedelta(hours=14)))
def test_a_time_is_the_same_in_every_zone(moment, offset):
    offset = timedelta(minutes=offset // timedelta(minutes=1))
    sign, minutes = ("-" if offset < timedelta(0) else "+"), abs(offset) // timedelta(minutes=1)
    local = (moment.replace(tzinfo=None) + offset).isoformat()

    found = parse(f"{local}{sign}{minutes // 60:02}:{minutes % 60:02}")

    assert found == (moment - EPOCH).total_seconds()


@EXAMPLES
@given(moments)
def test_the_text_of_a_time_reads_back(moment):
    seconds = (moment - EPOCH).total_seconds()

    assert parse(iso(seconds)) == pytest.approx(seconds, abs=1e-6 + abs(seconds) * 2**-52)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0.0, "1970-01-01", id="date"),
        pytest.param(-62135596800.0, "0001-01-01", id="year-1"),
        pytest.param(5400.0, "1970-01-01T01:30:00Z", id="time"),
        pytest.param(0.25, "1970-01-01T00:00:00.250000Z", id="fraction"),
        pytest.param(1e18, "1e+18", id="beyond-the-calendar"),
        pytest.param(-math.inf, "-inf", id="unbounded"),
    ],
)
def test_a_time_is_written_as_short_as_it_can_be(seconds, text):
    assert iso(seconds) == text


@EXAMPLES
@given(st.lists(moments, min_size=1, max_size=5))
def test_the_parts_of_a_time_are_those_of_the_calendar(moments):
    seconds = np.array([(moment - EPOCH) // timedelta(seconds=1) for moment in moments], np.float64)

    found = parts(seconds, TIME_PARTS)

    expected = [(m.year, m.month, m.day, m.weekday(), m.hour, m.timetuple().tm_yday, (m - EPOCH).days) for m in moments]
    assert [tuple(row) for row in zip(*(part.tolist() for part in found), strict=True)] == expected


def test_a_part_is_the_one_of_the_second_below():
    (days,) = parts(np.array([-0.5, -DAY - 0.5, DAY - 1e-6]), ["epoch_days"])

    assert days.tolist() == [-1.0, -2.0, 0.0]


def test_the_parts_of_a_missing_time_are_missing():
    found = parts(np.array([math.nan, 0.0]), TIME_PARTS)

    assert [(math.isnan(part[0]), math.isnan(part[1])) for part in found] == [(True, False)] * len(TIME_PARTS)


def test_a_table_without_times_is_left_as_it_is():
    table = Table(np.zeros((2, 1)))

    assert expand(table, [Feature("x")]) is table


def test_a_time_becomes_its_parts_in_its_place():
    table = Table(np.array([[1.0, DAY + 3600.0, 2.0], [3.0, math.nan, 4.0]]))
    features = [Feature("a"), WHEN, Feature("b")]

    expanded = expand(table, features)

    np.testing.assert_array_equal(expanded.matrix(), [[1.0, 1.0, 1.0, 2.0], [3.0, math.nan, math.nan, 4.0]])
    assert model_columns(features) == ["a", "when.hour", "when.epoch_days", "b"]


def test_a_category_beside_a_time_stays_as_it_is():
    cells = np.array(["red", None], object)
    table = Table([np.array([0.0, DAY]), cells])

    expanded = expand(table, [WHEN, Feature("colour", kind="category")])

    assert [column.tolist() for column in expanded.columns] == [[0.0, 0.0], [0.0, 1.0], ["red", None]]
