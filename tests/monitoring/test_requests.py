"""Requests that fail or are slow are found, beyond what few requests and milliseconds explain."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.verdicts import LIMITS, brief, judge, requests


@pytest.mark.parametrize(
    ("parts", "findings"),
    [
        pytest.param([requests(199, statuses={503: 199})], [], id="few"),
        pytest.param([requests(statuses={200: 996, 500: 4})], [], id="hardly-any"),
        pytest.param([requests(statuses={200: 980, 500: 20})], [("alert", "server-errors", "batch")], id="failing"),
        pytest.param(
            [requests(190), requests(version=None, statuses={503: 10})],
            [("alert", "server-errors", "batch")],
            id="no-version",
        ),
        pytest.param(
            [requests(50_000), requests(version=2, statuses={200: 180, 500: 20})],
            [("alert", "server-errors", "batch, version 2")],
            id="canary",
        ),
        pytest.param([requests(statuses={200: 800, 400: 200})], [("warn", "client-errors", "batch")], id="refused"),
        pytest.param([requests(), requests(slot=0), requests(function="stream")], [], id="as-before"),
        pytest.param([requests(seconds=0.008), requests(slot=0)], [], id="milliseconds"),
        pytest.param(
            [requests(seconds=0.5), requests(slot=0, seconds=0.1)], [("alert", "slow", "batch, version 1")], id="slow"
        ),
        pytest.param(
            [requests(950, seconds=0.1), requests(50, seconds=0.5), requests(slot=0, seconds=0.1)],
            [("warn", "slow", "batch, version 1")],
            id="slow-tail",
        ),
        pytest.param([requests(199, seconds=0.5), requests(slot=0, seconds=0.1)], [], id="slow-few"),
    ],
)
def test_requests_that_fail_or_are_slow_are_found(parts, findings):
    assert brief(judge(requests=parts)) == findings


def test_a_promised_latency_alerts_without_a_window_before():
    limits = LIMITS.model_copy(update={"max_p99_seconds": 0.25})

    (found,) = judge(requests=[requests(seconds=0.5)], limits=limits)["findings"]

    assert (found["code"], found["found"][:12]) == ("slow", "99 % within ")


def test_percentiles_are_within_a_bin_of_the_truth():
    seconds = np.random.default_rng(1).lognormal(-5, 1, 5_000)
    parts = [requests(1, seconds=value) for value in seconds]

    (entry,) = judge(requests=parts)["functions"]

    for level, name in ((50, "p50_seconds"), (90, "p90_seconds"), (99, "p99_seconds")):
        assert entry["latency"][name] == pytest.approx(np.percentile(seconds, level), rel=0.05)
