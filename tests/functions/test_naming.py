"""The order of columns that come by name."""

from __future__ import annotations

import pytest

from functions.columns.feature import Feature
from functions.columns.naming import order_of, unknown
from functions.columns.schema import to_table
from functions.problems import MOST_PROBLEMS, PayloadError, Problem

FEATURES = (Feature("a"), Feature("b", had_missing=True, takes_missing=True))


def problem(detail, place):
    return Problem(detail, "" if place is None else f"/{place}")


def refused(names):
    with pytest.raises(PayloadError) as caught:
        order_of(names, FEATURES, problem)
    return [(each.detail, each.pointer) for each in caught.value.problems]


def test_every_name_that_does_not_fit_is_told_with_its_place():
    assert refused(["b", "c", "b"]) == [
        ('unknown feature "c"; the features are a, b', "/1"),
        ('column "b" came twice', ""),
        ("missing feature 'a'", ""),
    ]


def test_however_many_names_are_unknown_no_more_problems_are_made_than_are_told():
    made = []

    def counted(detail, place):
        made.append(place)
        return problem(detail, place)

    with pytest.raises(PayloadError):
        order_of([f"n{number}" for number in range(1000)], FEATURES, counted)

    assert made == list(range(MOST_PROBLEMS))


WIDE = tuple(Feature(f"column_{place:04d}") for place in range(10_000))


@pytest.mark.parametrize(
    ("name", "near"),
    [
        pytest.param(" Column_9007", '"column_9007"', id="case-and-blank"),
        pytest.param("colum_0007", '"column_0007" or "column_0107" or "column_0100"', id="letter"),
    ],
)
def test_a_name_that_is_none_of_many_is_told_with_those_spelled_alike(name, near):
    assert unknown(name, WIDE).endswith(f"; did you mean {near}")


@pytest.mark.parametrize("name", ["zzz", "x" * 1_000_000, "\ud800"])
def test_a_message_about_a_name_is_short_however_many_features_there_are(name):
    detail = unknown(name, WIDE)

    assert detail.startswith("unknown feature ")
    assert detail.endswith("column_0018, column_0019, … and 9980 more")
    assert len(detail) < 600


def test_a_message_about_a_name_is_short_however_long_the_names_are():
    assert len(unknown("zzz", [Feature("n" * 100_000), Feature("m" * 100_000)])) < 600


def test_a_row_of_another_width_names_the_first_features_alone():
    with pytest.raises(PayloadError) as caught:
        to_table([[1]], WIDE)

    assert len(str(caught.value)) < 600


def test_features_are_found_in_any_order_and_one_that_may_be_missing_may_be_absent():
    assert order_of(["b", "a"], FEATURES, problem) == [1, 0]
    assert order_of(["a"], FEATURES, problem) == [0, None]
