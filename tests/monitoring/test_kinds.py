"""Captured features of every kind: levels, booleans, times and missing cells, from the lines to the verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from functions.telemetry.rows import MOST_CHARACTERS, as_json
from model.data import drift
from model.data.statistics import describe_numbers
from model.monitoring import log_reader as reader
from model.monitoring.windows import Layout
from tests.support.captured import NOW, lines, request, row
from tests.support.parts import MODEL
from tests.support.verdicts import NONE, brief, judge
from tests.support.windows import manifest

LEVELS = ("red", "green", "blue")
SHARES = (0.6, 0.3, 0.1)
LAYOUT = Layout(
    ("colour", "member", "ordered_at"),
    np.array([0.0, 0.0, -np.inf]),
    np.array([2.0, 1.0, np.inf]),
    (np.arange(3.0), np.array([0.5]), np.empty(0), np.array([0.0])),
    kinds=("category", "boolean", "time"),
    levels=(LEVELS, (), ()),
)


def document(rows=5_000, missing=0.0):
    """Manifest of a version of which the first feature is a category, and the second a time."""
    numbers = np.random.default_rng(0).normal(size=(rows, 1))
    made = manifest(numbers, ["colour"], prediction=numbers[:, 0])
    made["features"] = [
        {
            "name": "colour",
            "kind": "category",
            "levels": list(LEVELS),
            "shares": list(SHARES),
            "missing_share": missing,
        },
        {"name": "ordered_at", "kind": "time", **describe_numbers(np.arange(100.0))},
    ]
    return made


def layout_of(made):
    """The layout that reads lines of the version of *made*."""
    return replace(
        LAYOUT,
        features=("colour", "ordered_at"),
        minimum=np.array([0.0, -np.inf]),
        maximum=np.array([2.0, np.inf]),
        edges=tuple(map(drift.edges, drift.columns(made))),
        kinds=("category", "time"),
        levels=(LEVELS, ()),
    )


def read(records, how=LAYOUT):
    return reader.read(
        [("source", [lines(records)])],
        model=MODEL,
        layout_of=lambda _: how,
        window_seconds=86_400.0,
        now=NOW.timestamp() + 3600,
    )


def captured(colours, moments="2026-11-26"):
    """One request with a row of each colour."""
    predictions = np.random.default_rng(0).normal(size=len(colours)).tolist()
    rows = [
        row("r", number, {"colour": colour, "ordered_at": moments}, prediction=predictions[number])
        for number, colour in enumerate(colours)
    ]
    return [request("r", instances=len(rows), captured=len(rows)), *rows]


def drawn(shares, rows, seed=1):
    return np.random.default_rng(seed).choice([*LEVELS, "violet"], rows, p=shares).tolist()


def verdict(colours, missing=0.0, **changes):
    found = read(captured(colours), layout_of(document()))
    return judge(
        manifests={1: document(missing=missing)}, windows={1: (found.window(1), NONE)}, log=found.log, **changes
    )


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        pytest.param({"member": "yes"}, 'features.member must be true or false, found "yes"', id="boolean"),
        pytest.param({"member": 2}, "features.member must be true or false, found 2", id="two"),
        pytest.param(
            {"ordered_at": "soon"}, 'features.ordered_at must be an ISO 8601 time, found "soon"', id="no-time"
        ),
        pytest.param(
            {"ordered_at": []}, "features.ordered_at must be a number, a text, true, false or null, found []", id="list"
        ),
        pytest.param(
            {"colour": ["red"]},
            'features.colour must be a number, a text, true, false or null, found ["red"]',
            id="array",
        ),
    ],
)
def test_a_cell_of_another_kind_leaves_its_row_out_and_is_named(cells, message):
    sound = {"colour": "red", "member": True, "ordered_at": "2026-11-26T10:00:00Z"}
    records = [request("r", instances=2, captured=2), row("r", 0, sound), row("r", 1, sound | cells)]

    found = read(records)

    assert (found.log.rows, found.log.unusable["malformed"].count) == (1, 1)
    assert found.log.unusable["malformed"].example.endswith(message)


def test_a_text_where_a_number_belongs_leaves_its_row_out():
    numbers = Layout(("a",), np.array([0.0]), np.array([1.0]), (np.array([0.5]), np.array([0.0])))
    records = [
        request("r", instances=3, captured=3),
        row("r", 0, {"a": 0.5}),
        row("r", 1, {"a": "0.5"}),
        row("r", 2, {"a": None}),
    ]

    found = read(records, numbers)

    assert found.log.rows == 2
    assert found.log.unusable["malformed"].example.endswith('features.a must be a number, found "0.5"')
    assert found.window(1).missing[0] == 1


def test_levels_count_by_their_place_and_one_never_seen_counts_as_outside():
    cells = [
        ("red", True, None),
        ("blue", 0, "2026-11-26"),
        ("violet", None, "2026-11-26T00:00:00+00:00"),
        (None, 1, None),
    ]
    rows = [
        row("r", place, {"colour": colour, "member": member, "ordered_at": moment})
        for place, (colour, member, moment) in enumerate(cells)
    ]

    window = read([request("r", instances=4, captured=4), *rows]).window(1)

    assert window.counts[0].tolist() == [0, 1, 0, 0, 0, 1, 1]  # red, nothing between, green, …, blue, beyond
    assert window.outside.tolist() == [1, 0, 0, 0]
    assert window.missing.tolist() == [1, 1, 2, 0]
    seconds = window.sample[:, 2]
    assert np.unique(seconds[~np.isnan(seconds)]).tolist() == [1795651200.0]


def test_a_level_keeps_its_own_type():
    how = replace(LAYOUT, features=("zone",), minimum=np.zeros(1), maximum=np.ones(1), kinds=("category",),
                  levels=((7, 3),), edges=(np.arange(2.0), np.array([0.0])))  # fmt: skip
    rows = [row("r", place, {"zone": zone}) for place, zone in enumerate([3, 7.0, "7"])]

    window = read([request("r", instances=3, captured=3), *rows], how).window(1)

    assert window.counts[0].tolist() == [0, 1, 0, 1, 1]


def test_a_level_that_was_cut_in_the_log_is_still_known():
    long = "x" * MOST_CHARACTERS + "tail"
    how = replace(LAYOUT, features=("zone",), minimum=np.zeros(1), maximum=np.ones(1), kinds=("category",),
                  levels=((long, "y"),), edges=(np.arange(2.0), np.array([0.0])))  # fmt: skip
    (logged,) = as_json(np.array([long], object))

    window = read([request("r", instances=1, captured=1), row("r", 0, {"zone": logged})], how).window(1)

    assert len(logged) < len(long)
    assert window.counts[0].tolist() == [0, 1, 0, 0, 0]


@pytest.mark.slow
def test_undrifted_levels_bring_no_finding():
    alarms = [verdict(drawn([*SHARES, 0], 1_000, seed))["findings"] for seed in range(30)]

    assert alarms == [[]] * 30


def test_shares_of_levels_that_moved_are_found_with_the_level_that_moved_most():
    document = verdict(drawn([0.2, 0.3, 0.5, 0], 1_000))

    (finding,) = document["findings"]
    assert (finding["code"], finding["what"]) == ("input-skew", "version 1, colour")
    assert "bits from training; " in finding["found"]
    assert "was in 60 %" in finding["found"] or "was in 10 %" in finding["found"]
    (colour, _) = document["versions"][0]["features"]
    assert [level["level"] for level in colour["levels"]] == list(LEVELS)
    assert sum(level["serving"] for level in colour["levels"]) == pytest.approx(1)
    assert colour["serving"]["mean"] is None


def test_the_divergence_of_levels_is_that_of_their_shares():
    colours = ["red"] * 300 + ["green"] * 300 + ["blue"] * 300 + ["violet"] * 100

    (colour, _) = verdict(colours)["versions"][0]["features"]

    p, q = np.array([0.3, 0.3, 0.3, 0.1]), np.array([*SHARES, 0.0])
    middle = (p + q) / 2
    right = sum(side[side > 0] @ np.log2(side[side > 0] / middle[side > 0]) for side in (p, q)) / 2
    assert colour["skew"]["jensen_shannon"] == pytest.approx(right)
    assert colour["skew"]["wasserstein"] is None


def test_levels_never_seen_are_a_finding_of_their_own():
    document = verdict(drawn([0.5, 0.2, 0.1, 0.2], 1_000))

    found = {finding["code"]: finding["found"] for finding in document["findings"]}
    assert found["unknown-level"].endswith("% of the rows hold a level that training never saw")


def test_missing_cells_are_judged_by_those_of_training():
    colours = [None if place % 3 == 0 else colour for place, colour in enumerate(drawn([*SHARES, 0], 900))]

    assert brief(verdict(colours, missing=0.33)) == []
    (finding,) = verdict(colours, missing=0.0)["findings"]
    assert (finding["code"], finding["severity"]) == ("missing-input", "alert")
    assert finding["found"] == "33.3 % of the rows lack it"


def test_a_time_moves_by_nature_and_says_so():
    document = verdict(drawn([*SHARES, 0], 500))

    assert "version 1, ordered_at: times go on, so only its missing cells are looked at" in document["notes"]
    assert document["status"] == "ok"


def test_a_lone_surrogate_is_logged_as_another_level_than_a_question_mark():
    logged = as_json(np.array(["\ud800", "?", "red"], object))

    assert len(set(logged)) == 3
    assert "".join(logged).encode()
