"""Hours without a request are gaps where many were usual."""

from __future__ import annotations

import pytest

from model.monitoring.windows import SLOTS
from tests.support.verdicts import brief, judge, requests


@pytest.mark.parametrize(
    ("quiet", "usual", "findings"),
    [
        pytest.param(range(30, 33), 50, [("warn", "gap", "requests")], id="hours"),
        pytest.param(range(30, 48), 50, [("warn", "gap", "requests")], id="to-the-end"),
        pytest.param([30, 40], 50, [("warn", "gap", "requests")] * 2, id="two"),
        pytest.param([30], 15, [], id="few-come-anyway"),
        pytest.param([6, 30], 50, [], id="every-day"),
    ],
)
def test_hours_without_requests_are_gaps_where_many_were_usual(quiet, usual, findings):
    parts = [requests(usual, slot=slot) for slot in range(2 * SLOTS) if slot not in quiet]

    assert brief(judge(requests=parts)) == findings
