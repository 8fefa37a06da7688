"""The verdict on versions: nothing where there is too little, production first, and only production wakes anybody."""

from __future__ import annotations

import numpy as np

from tests.support.verdicts import NONE, WIDE, judge, judged, moved
from tests.support.windows import draw, window


def test_below_the_fewest_rows_there_is_no_alarm_whatever_the_rows_are():
    document = judged(window(WIDE, draw(np.random.default_rng(1), 199) + 1e9))

    assert (document["status"], document["findings"]) == ("not enough data", [])
    assert document["notes"] == ["version 1: 199 rows in the window, 200 are needed to judge it"]
    assert document["versions"][0]["features"] == []


def test_production_comes_first_and_then_the_newest():
    pair = [window(WIDE, moved(0)), NONE]

    document = judge(manifests=dict.fromkeys((1, 2, 3), WIDE), windows=dict.fromkeys((1, 2, 3), pair), production=2)

    assert [entry["version"] for entry in document["versions"]] == [2, 3, 1]
    assert [entry["production"] for entry in document["versions"]] == [True, False, False]


def test_a_version_that_left_production_warns_and_wakes_nobody():
    """Where production did not answer, the newest that did is judged in its place."""
    rng = np.random.default_rng(5)
    sound, moved = window(WIDE, draw(rng, 1_000)), window(WIDE, draw(rng, 1_000) + 5)
    both = {"manifests": {1: WIDE, 2: WIDE}, "windows": {1: [moved, NONE], 2: [sound, NONE]}}

    replaced, held = judge(**both, production=2), judge(**both, production=1)
    alone = judge(manifests={1: WIDE}, windows={1: [moved, NONE]}, production=2)

    assert [document["status"] for document in (replaced, held, alone)] == ["warn", "alert", "alert"]
