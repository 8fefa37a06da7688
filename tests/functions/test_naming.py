"""The order of columns that come by name."""

from __future__ import annotations

import pytest

from functions.feature import Feature
from functions.naming import order_of
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


def test_features_are_found_in_any_order_and_one_that_may_be_missing_may_be_absent():
    assert order_of(["b", "a"], FEATURES, problem) == [1, 0]
    assert order_of(["a"], FEATURES, problem) == [0, None]
