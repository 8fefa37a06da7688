"""A column that moved, is missing or out of range is found; shifts within sampling noise are not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from model.data import drift
from tests.support.verdicts import TRAINED, WIDE, brief, judged, moved
from tests.support.windows import draw, manifest, window


def old(entry, *gone):
    return {name: value for name, value in entry.items() if name not in gone}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trained", "rows", "windows", "most"),
    [
        pytest.param(360, 200, 20, 0, id="360-200"),
        pytest.param(360, 1_000, 15, 0, id="360-1000"),
        pytest.param(4_000, 200, 20, 0, id="4000-200"),
        pytest.param(4_000, 1_000, 15, 0, id="4000-1000"),
        pytest.param(4_000, 100_000, 5, 1, id="4000-100000"),
        pytest.param(360, 200, 60, 1, id="360-200-many", marks=pytest.mark.sweep),
        pytest.param(360, 1_000, 30, 1, id="360-1000-many", marks=pytest.mark.sweep),
        pytest.param(4_000, 200, 60, 1, id="4000-200-many", marks=pytest.mark.sweep),
        pytest.param(4_000, 1_000, 30, 1, id="4000-1000-many", marks=pytest.mark.sweep),
    ],
)
def test_windows_without_drift_hardly_ever_bring_a_finding(trained, rows, windows, most):
    """Against training, and against the window before, of ten features of ten kinds: at most 1 in 100 windows.

    Were it 5 in 100, all 70 windows that every run judges would be without a finding in 3 runs of 100.
    """
    rng = np.random.default_rng(3)
    document = manifest(draw(rng, trained))
    before = window(document, draw(rng, rows))
    statuses = []
    for _ in range(windows):
        now = window(document, draw(rng, rows))
        statuses.append(judged(now, before, document)["status"])
        before = now

    assert statuses.count("alert") == 0
    assert statuses.count("warn") <= most


@pytest.mark.slow
@pytest.mark.parametrize("trained", [360, 4_000])
@pytest.mark.parametrize(
    ("windows", "least"),
    [pytest.param(30, 30, id="30-windows"), pytest.param(100, 99, id="100-windows", marks=pytest.mark.sweep)],
)
def test_half_a_standard_deviation_in_one_feature_alerts_at_a_thousand_rows(trained, windows, least):
    """In at least 99 of 100 windows of ten features, of which one has moved.

    Were it 90 of 100, all of 30 windows would alert in 4 runs of 100.
    """
    rng = np.random.default_rng(4)
    document = manifest(draw(rng, trained))
    found = 0
    for _ in range(windows):
        x = draw(rng, 1_000)
        x[:, 0] += 0.5
        found += ("alert", "input-skew", "version 1, x0") in brief(judged(window(document, x), document=document))

    assert found >= least


def test_the_divergence_is_scipy_s_squared_and_the_distance_is_scipy_s():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=2_000), rng.normal(0.7, 1.3, size=3_000)
    p, q = (np.histogram(values, np.linspace(-6, 8, 12))[0] / len(values) for values in (x, y))
    document = manifest(x.reshape(-1, 1), ["x"])

    (feature,) = judged(window(document, y.reshape(-1, 1)), document=document)["versions"][0]["features"]

    assert drift.jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, base=2) ** 2)
    assert drift.jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0
    clipped = wasserstein_distance(np.clip(y, x.min(), x.max()), x) / x.std()
    assert feature["skew"]["wasserstein"] == pytest.approx(clipped, abs=0.01)
    assert feature["skew"]["population_stability"] > feature["skew"]["jensen_shannon"] > 0.05
    assert feature["skew"]["kolmogorov_smirnov"] is None


def test_kolmogorov_smirnov_is_there_for_few_different_values_only():
    rng = np.random.default_rng(1)
    document = manifest(np.column_stack([rng.normal(size=2_000), rng.integers(0, 5, 2_000)]), ["x", "n"])
    now = window(document, np.column_stack([rng.normal(0.5, size=500), rng.integers(0, 5, 500)]))

    x, n = judged(now, document=document)["versions"][0]["features"]

    assert x["skew"]["kolmogorov_smirnov"] == pytest.approx(0.2, abs=0.06)
    assert x["skew"]["kolmogorov_smirnov_p"] < 1e-6
    assert n["skew"]["kolmogorov_smirnov"] is None


def test_one_wild_value_is_no_drift():
    x = draw(np.random.default_rng(5), 1_000)
    x[0] = 1e300

    assert judged(window(WIDE, x))["status"] == "ok"


def test_a_heavy_tailed_feature_that_shrinks_is_found_by_the_divergence():
    """Its standard deviation is made by a few values: by that it hardly moves."""
    x = draw(np.random.default_rng(6), 1_000)
    x[:, 3] *= 0.1

    (found,) = judged(window(WIDE, x, predicted=TRAINED.sum(axis=1)[:1_000]))["findings"]

    assert (found["code"], found["what"]) == ("input-skew", "version 1, x3")
    assert "bits from training" in found["found"]


def test_a_sudden_change_warns_of_itself_and_the_distance_from_training_alerts():
    before, now = moved(0, rows=2_000), moved(0.6)

    document = judged(window(WIDE, now), window(WIDE, before, predicted=before[:, 2]))

    severities = dict.fromkeys(found[:2] for found in brief(document))
    assert list(severities) == [("alert", "input-skew"), ("warn", "input-drift"), ("warn", "prediction-drift")]
    assert document["status"] == "alert"


def test_predictions_that_moved_alert_though_no_input_did():
    x = moved(0)

    document = judged(window(WIDE, x, predicted=x.sum(axis=1) + 3 * TRAINED.sum(axis=1).std()))

    assert brief(document) == [("alert", "prediction-skew", "version 1, prediction")]


@pytest.mark.parametrize(
    ("missing", "findings"),
    [
        pytest.param(50, [], id="few"),
        pytest.param(150, [("warn", "missing-input", "version 1, x1")], id="some"),
        pytest.param(500, [("alert", "missing-input", "version 1, x1")], id="many"),
    ],
)
def test_missing_cells_are_found_by_their_share(missing, findings):
    x = moved(0)
    x[:missing, 1] = np.nan
    now = window(WIDE, x, predicted=moved(0).sum(axis=1), missing=[0, missing, *[0] * 9])

    assert brief(judged(now)) == findings


def test_a_redacted_feature_is_not_missing_and_is_said_to_be_unknown():
    x = moved(0)
    x[:, 1] = np.nan
    document = judged(window(WIDE, x, predicted=moved(0).sum(axis=1), redacted=[1]))

    assert document["status"] == "ok"
    assert "version 1, x1: redacted, so nothing is known of it" in document["notes"]


def test_values_outside_the_training_range_are_found_by_their_share():
    x = moved(0)
    x[:400, 5] = 1.0001

    assert ("alert", "out-of-range", "version 1, x5") in brief(judged(window(WIDE, x)))


def test_a_version_that_tells_deciles_only_is_judged_by_them():
    document = {**old(WIDE, "prediction"), "features": [old(entry, "fiftieths") for entry in WIDE["features"]]}

    same, other = (judged(window(document, x), document=document) for x in (moved(0), moved(2)))

    assert (same["status"], brief(other)) == ("ok", [("alert", "input-skew", "version 1, x0")])
    assert "version 1, x0: only deciles of training are known for this version" in same["notes"]
    assert "version 1, prediction: its training distribution is not known for this version" in same["notes"]


def test_a_version_that_tells_nothing_is_judged_by_nothing():
    features = [{**old(entry, "fiftieths", "mean", "std"), "quantiles": [0.0, 1.0]} for entry in WIDE["features"]]
    document = {**old(WIDE, "prediction"), "features": features}

    found = judged(window(document, moved(0) * 0.5), window(document, moved(0)), document)

    assert found["versions"][0]["features"][0]["skew"] is None
    assert "version 1, x0: its training distribution is not known for this version" in found["notes"]
