"""What the monitor says of figures: calibrated to chance, worst first, and nothing where there is too little."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from model.data import drift as divergence
from model.monitoring import verdict as monitoring
from model.monitoring.verdict import Limits
from model.monitoring.windows import BOUNDS_SECONDS, SLOTS
from tests.support.parts import ROOT
from tests.support.windows import draw, manifest, window

LIMITS = Limits(min_rows=200, warn=0.1, alert=0.3, max_error_share=0.01, max_slowdown=2.0)
PERIOD = {"slot_seconds": 3600.0, "slots": SLOTS, "until": 1_763_640_000.0}


def log(**changes):
    return {
        **dict.fromkeys(("lines", "bytes", "rows", "requests", "duplicates", "duplicated_requests"), 0),
        **dict.fromkeys(("other_lines", "other_models", "after", "older", "without_request"), 0),
        "incomplete_requests": 0,
        "unusable": {},
        **changes,
    }


def part(requests=500, slot=SLOTS, function="batch", version=1, statuses=None, seconds=0.002, **changes):
    """Requests of one slot, all as fast."""
    statuses = {200: requests} if statuses is None else statuses
    answered = sum(number for status, number in statuses.items() if status < 400)
    latency = np.zeros(len(BOUNDS_SECONDS) - 1, dtype=np.int64)
    latency[int(np.searchsorted(BOUNDS_SECONDS, seconds)) - 1] = answered
    return {
        "function": function,
        "version": version,
        "slot": slot,
        "bounds": BOUNDS_SECONDS,
        "statuses": statuses,
        "latency": latency,
        "micros": {"total": int(answered * seconds * 1e6)},
        "answered": answered,
        "cold": 0,
        "probes": 0,
        **changes,
    }


def judge(*, manifests=None, windows=None, traffic=(), **changes):
    given = {
        "model": "m",
        "production": 1,
        "manifests": manifests or {},
        "windows": windows or {},
        "traffic": traffic,
        "log": log(),
        "period": PERIOD,
        "live": {},
        "labels": None,
        "limits": LIMITS,
        **changes,
    }
    document = monitoring.judge(**given)
    json.dumps(document, allow_nan=False)
    return document


def brief(document):
    return [(found["severity"], found["code"], found["what"]) for found in document["findings"]]


TRAINED = draw(np.random.default_rng(1), 4_000)
WIDE = manifest(TRAINED)
NONE = window(WIDE, np.empty((0, 10)))


def judged(now, before=NONE, document=WIDE, **changes):
    return judge(manifests={1: document}, windows={1: [now, before]}, **changes)


# Calibration


@pytest.mark.parametrize(
    ("trained", "rows", "windows"),
    [
        pytest.param(360, 200, 60, id="360-200"),
        pytest.param(360, 1_000, 30, id="360-1000"),
        pytest.param(4_000, 200, 60, id="4000-200"),
        pytest.param(4_000, 1_000, 30, id="4000-1000"),
        pytest.param(4_000, 100_000, 5, id="4000-100000"),
    ],
)
def test_windows_without_drift_hardly_ever_bring_a_finding(trained, rows, windows):
    """Against training, and against the window before, of ten features of ten kinds: at most 1 in 100 windows."""
    rng = np.random.default_rng(3)
    document = manifest(draw(rng, trained))
    before = window(document, draw(rng, rows))
    statuses = []
    for _ in range(windows):
        now = window(document, draw(rng, rows))
        statuses.append(judged(now, before, document)["status"])
        before = now

    assert statuses.count("alert") == 0
    assert statuses.count("warn") <= 1


@pytest.mark.parametrize("trained", [360, 4_000])
def test_half_a_standard_deviation_in_one_feature_alerts_at_a_thousand_rows(trained):
    """In at least 99 of 100 windows of ten features, of which one has moved."""
    rng = np.random.default_rng(4)
    document = manifest(draw(rng, trained))
    found = 0
    for _ in range(100):
        x = draw(rng, 1_000)
        x[:, 0] += 0.5
        found += ("alert", "input-skew", "version 1, x0") in brief(judged(window(document, x), document=document))

    assert found >= 99


def test_below_the_fewest_rows_there_is_no_alarm_whatever_the_rows_are():
    document = judged(window(WIDE, draw(np.random.default_rng(1), 199) + 1e9))

    assert (document["status"], document["findings"]) == ("not enough data", [])
    assert document["notes"] == ["version 1: 199 rows in the window, 200 are needed to judge it"]
    assert document["versions"][0]["features"] == []


def test_the_divergence_is_scipy_s_squared_and_the_distance_is_scipy_s():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=2_000), rng.normal(0.7, 1.3, size=3_000)
    p, q = (np.histogram(values, np.linspace(-6, 8, 12))[0] / len(values) for values in (x, y))
    document = manifest(x.reshape(-1, 1), ["x"])

    (feature,) = judged(window(document, y.reshape(-1, 1)), document=document)["versions"][0]["features"]

    assert divergence.jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, base=2) ** 2)
    assert divergence.jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0
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


# What is found


def moved(by, place=0, rows=1_000, seed=2):
    x = draw(np.random.default_rng(seed), rows)
    x[:, place] += by
    return x


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


def old(entry, *gone):
    return {name: value for name, value in entry.items() if name not in gone}


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


def test_production_comes_first_and_then_the_newest():
    pair = [window(WIDE, moved(0)), NONE]

    document = judge(manifests=dict.fromkeys((1, 2, 3), WIDE), windows=dict.fromkeys((1, 2, 3), pair), production=2)

    assert [entry["version"] for entry in document["versions"]] == [2, 3, 1]
    assert [entry["production"] for entry in document["versions"]] == [True, False, False]


# Live error


def live(value, half, rows=500):
    score = {"value": value, "low": value - half, "high": value + half}
    return {"rows": rows, "metrics": {"rmse": score, "mae": score}}


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


# Requests


@pytest.mark.parametrize(
    ("traffic", "findings"),
    [
        pytest.param([part(199, statuses={503: 199})], [], id="few"),
        pytest.param([part(statuses={200: 996, 500: 4})], [], id="hardly-any"),
        pytest.param([part(statuses={200: 980, 500: 20})], [("alert", "server-errors", "batch")], id="failing"),
        pytest.param(
            [part(190), part(version=None, statuses={503: 10})], [("alert", "server-errors", "batch")], id="no-version"
        ),
        pytest.param(
            [part(50_000), part(version=2, statuses={200: 180, 500: 20})],
            [("alert", "server-errors", "batch, version 2")],
            id="canary",
        ),
        pytest.param([part(statuses={200: 800, 400: 200})], [("warn", "client-errors", "batch")], id="refused"),
        pytest.param([part(), part(slot=0), part(function="stream")], [], id="as-before"),
        pytest.param([part(seconds=0.008), part(slot=0)], [], id="milliseconds"),
        pytest.param(
            [part(seconds=0.5), part(slot=0, seconds=0.1)], [("alert", "slow", "batch, version 1")], id="slow"
        ),
        pytest.param(
            [part(950, seconds=0.1), part(50, seconds=0.5), part(slot=0, seconds=0.1)],
            [("warn", "slow", "batch, version 1")],
            id="slow-tail",
        ),
        pytest.param([part(199, seconds=0.5), part(slot=0, seconds=0.1)], [], id="slow-few"),
    ],
)
def test_requests_that_fail_or_are_slow_are_found(traffic, findings):
    assert brief(judge(traffic=traffic)) == findings


def test_a_promised_latency_alerts_without_a_window_before():
    limits = Limits(**{**vars(LIMITS), "max_p99_seconds": 0.25})

    (found,) = judge(traffic=[part(seconds=0.5)], limits=limits)["findings"]

    assert (found["code"], found["found"][:12]) == ("slow", "99 % within ")


def test_percentiles_are_within_a_bin_of_the_truth():
    seconds = np.random.default_rng(1).lognormal(-5, 1, 5_000)
    parts = [part(1, seconds=value) for value in seconds]

    (entry,) = judge(traffic=parts)["functions"]

    for level, name in ((50, "p50_seconds"), (90, "p90_seconds"), (99, "p99_seconds")):
        assert entry["latency"][name] == pytest.approx(np.percentile(seconds, level), rel=0.05)


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
    parts = [part(usual, slot=slot) for slot in range(2 * SLOTS) if slot not in quiet]

    assert brief(judge(traffic=parts)) == findings


# The log


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"unusable": {"not-json": {"count": 1, "example": "f line 9: …"}}}, None, id="one-line"),
        pytest.param({"unusable": {"not-json": {"count": 20, "example": "f line 9: …"}}}, "not-json", id="not-json"),
        pytest.param({"unusable": {"bad-time": {"count": 20, "example": "f line 9: …"}}}, "bad-time", id="bad-time"),
        pytest.param(
            {"unusable": {"unknown-version": {"count": 500, "example": "f line 9: …"}}}, "unknown-version", id="version"
        ),
        pytest.param({"duplicates": 100}, "duplicates", id="duplicates"),
        pytest.param({"incomplete_requests": 100}, "lost-rows", id="lost-rows"),
        pytest.param({"incomplete_requests": None}, None, id="nobody-can-tell"),
    ],
)
def test_a_log_that_cannot_be_trusted_is_a_finding(changes, code):
    document = judged(window(WIDE, moved(0)), log=log(lines=1_000, rows=1_000, requests=1_000, **changes))

    assert [found["code"] for found in document["findings"]] == ([code] if code else [])
    assert document["status"] == ("warn" if code else "ok")


def test_labels_that_meet_no_row_are_a_finding():
    labels = {"labels": 100, "matched": 40, "unmatched": 60, "conflicting": 0, "unusable": 0, "example": ""}

    assert brief(judge(labels=labels)) == [("warn", "labels", "labels")]


def test_every_code_has_its_advice_and_is_explained_in_the_readme():
    readme = (ROOT / "model/monitoring/README.md").read_text()
    assert [code for code in monitoring.ADVICE if f"| `{code}` |" not in readme] == []


def test_a_version_that_left_production_warns_and_wakes_nobody():
    """Where production did not answer, the newest that did is judged in its place."""
    rng = np.random.default_rng(5)
    sound, moved = window(WIDE, draw(rng, 1_000)), window(WIDE, draw(rng, 1_000) + 5)
    both = {"manifests": {1: WIDE, 2: WIDE}, "windows": {1: [moved, NONE], 2: [sound, NONE]}}

    replaced, held = judge(**both, production=2), judge(**both, production=1)
    alone = judge(manifests={1: WIDE}, windows={1: [moved, NONE]}, production=2)

    assert [document["status"] for document in (replaced, held, alone)] == ["warn", "alert", "alert"]
