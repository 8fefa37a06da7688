"""The live error is higher where neither size nor chance explains its growth; one judgement, whoever asks."""

from __future__ import annotations

import numpy as np
import pytest

from model.config import MonitoringConfig
from model.monitoring.live_error import HeldOut, Interval, Live, judge
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


def classifier(value, half, rows=500, measure="log_loss"):
    metric, value = (measure, value) if measure == "log_loss" else ("accuracy", 1 - value)
    return Live(rows, {metric: Interval(value, value - half, value + half)})


@pytest.mark.parametrize(
    ("given", "findings"),
    [
        pytest.param(classifier(0.41, 0.02), [], id="as-held-out"),
        pytest.param(classifier(0.48, 0.03), [("warn", "live-error", "version 1")], id="worse"),
        pytest.param(classifier(0.60, 0.03), [("alert", "live-error", "version 1")], id="much-worse"),
        pytest.param(classifier(0.60, 0.15), [], id="much-worse-by-chance"),
        pytest.param(classifier(0.30, 0.01), [], id="better"),
        pytest.param(classifier(0.10, 0.02, measure="error_rate"), [], id="error-rate-as-held-out"),
        pytest.param(
            classifier(0.30, 0.02, measure="error_rate"), [("alert", "live-error", "version 1")], id="error-rate"
        ),
    ],
)
def test_a_classifier_errs_more_by_its_log_loss_or_its_wrong_labels(given, findings):
    metrics = {
        "log_loss": {"value": 0.4, "low": 0.37, "high": 0.43},
        "accuracy": {"value": 0.9, "low": 0.88, "high": 0.92},
    }
    document = {**WIDE, "metrics": metrics, "data": {"rows": 4_500, "holdout_rows": 500}}

    assert brief(judged(window(WIDE, moved(0)), document=document, live={1: given})) == findings


def test_large_losses_that_few_held_out_rows_miss_are_no_change():
    """At most 1 in 100 windows of a nearly separable problem, judged on 90 rows and watched on 1,000."""
    rng, found = np.random.default_rng(1), 0
    for _ in range(100):
        held, live = (_interval(rng, _sure_losses(rng, rows)) for rows in (90, 1_000))
        error = judge(Live(1_000, {"log_loss": live}), HeldOut(held, 90), MonitoringConfig())
        found += error.severity != "ok"

    assert found <= 1


def _sure_losses(rng, rows):
    logits = rng.choice([-6.0, 6.0], rows) + rng.normal(0, 1.5, rows)
    hit = rng.uniform(size=rows) < 1 / (1 + np.exp(-logits))
    return np.logaddexp(0, np.where(hit, -logits, logits))


def _interval(rng, losses):
    means = [losses[rng.integers(0, len(losses), len(losses))].mean() for _ in range(200)]
    return Interval(losses.mean(), *np.quantile(means, [0.025, 0.975]))
