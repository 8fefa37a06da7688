"""The live error is higher where neither size nor chance explains its growth; one judgement, whoever asks."""

from __future__ import annotations

import pytest

from model.monitoring.live_error import Interval, Live
from tests.support.verdicts import WIDE, brief, judged, moved
from tests.support.windows import window


def live(value, half, rows=500):
    score = Interval(value, value - half, value + half)
    return Live(rows, {"rmse": score, "mae": score})


@pytest.mark.parametrize(
    ("given", "findings"),
    [
        pytest.param(live(10.5, 0.3), [], id="as-held-out"),
        pytest.param(live(12.0, 3.0), [], id="worse-by-chance"),
        pytest.param(live(12.0, 0.5), [("warn", "live-error", "version 1")], id="worse"),
        pytest.param(live(14.0, 1.0), [("alert", "live-error", "version 1")], id="much-worse"),
        pytest.param(live(14.0, 4.0), [], id="much-worse-by-chance"),
        pytest.param(live(99.0, 0.1, rows=199), [], id="few-labels"),
        pytest.param(live(5.0, 0.1), [], id="better"),
    ],
)
def test_the_live_error_counts_where_neither_size_nor_chance_explains_it(given, findings):
    assert brief(judged(window(WIDE, moved(0)), live={1: given})) == findings


def test_a_held_out_error_that_is_not_known_is_compared_with_nothing():
    document = judged(window(WIDE, moved(0)), document={**WIDE, "metrics": {}}, live={1: live(99, 1)})

    told = "version 1: its held-out error is not known, so the live error is compared with nothing"
    assert (document["status"], told in document["notes"]) == ("ok", True)
