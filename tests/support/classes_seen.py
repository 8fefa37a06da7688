"""The JSON of `monitor` about a classifier, whose predicted classes moved and whose labels arrived."""

from __future__ import annotations

from tests.support.pages import HOSTILE


def _distances(**figures):
    names = ("wasserstein", "jensen_shannon", "population_stability", "kolmogorov_smirnov", "share_change")
    return {**dict.fromkeys(names), **figures}


def _column(name, **members):
    described = dict.fromkeys(("minimum", "maximum", "mean", "std"))
    return {
        "name": name,
        "rows": 1_000,
        "redacted": False,
        "missing_share": 0.0,
        "out_of_range_share": 0.0,
        "training": described,
        "serving": described,
        "skew": _distances(jensen_shannon=0.01),
        "drift": _distances(jensen_shannon=0.001),
        **members,
    }


def _score(value, low, high):
    return {"value": value, "low": low, "high": high}


def class_document(positive="late", **live):
    """One version, in production; *live* are members of its `live`."""
    levels = [
        {"level": positive, "training": 0.1, "serving": 0.25},
        {"level": HOSTILE, "training": 0.9, "serving": 0.75},
    ]
    metrics = {
        "log_loss": _score(0.52, 0.47, 0.58),
        "roc_auc": _score(0.71, 0.66, 0.76),
        "accuracy": _score(0.8, 0.77, 0.83),
        f"f1:{positive}": _score(0.5, 0.4, 0.6),
        f"recall:{positive}": _score(0.41, 0.33, 0.49),
    }
    requests = {
        "requests": 100,
        "statuses": {"200": 100},
        "server_error_share": 0.0,
        "client_error_share": 0.0,
        "cold_starts": 1,
        "probes": 0,
        "latency": dict.fromkeys(("p50_seconds", "p90_seconds", "p99_seconds"), 0.002),
    }
    return {
        "format": 1,
        "status": "alert",
        "model": "orders",
        "production": 3,
        "window": {"hours": 24.0, "from": "2026-11-25T12:00:00Z", "until": "2026-11-26T12:00:00Z"},
        "limits": {"warn": 0.1, "alert": 0.3},
        "findings": [
            {
                "code": "prediction-skew",
                "severity": "alert",
                "what": "version 3, prediction",
                "found": f"0.5 standard deviations from training; {HOSTILE} in 75 % of the rows, was in 90 %",
                "advice": "look for a change upstream, or in who calls",
            }
        ],
        "notes": [],
        "versions": [
            {
                "version": 3,
                "production": True,
                "age_days": 4.0,
                "rows": 1_000,
                "previous_rows": 900,
                "status": "alert",
                "features": [_column("distance"), _column("w" * 200)],
                "prediction": _column("prediction", kind="category", levels=levels, skew=_distances(share_change=0.5)),
                "score": _column("score", **{"class": positive}),
                "live": {"rows": 800, "metrics": metrics, **live},
                "held_out": {"log_loss": _score(0.4, 0.35, 0.45), "roc_auc": _score(0.83, 0.79, 0.87)},
            }
        ],
        "functions": [{"function": "batch", "version": 3, **requests, "previous": requests}],
        "labels": None,
        "log": {
            "lines": 1_100,
            "rows": 1_000,
            "requests": 100,
            "duplicates": 0,
            "incomplete_requests": 0,
            "other_lines": 0,
            "other_models": 0,
            "older": 0,
            "after": 0,
            "unusable": {},
        },
    }
