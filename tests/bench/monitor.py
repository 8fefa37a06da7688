"""How often the monitor finds drift where there is none, and where there is.

    ./deploy.sh bench monitor
    BENCH_DRAWS=5 ./deploy.sh bench monitor    (five times as many draws, as far as time allows)

Percent of windows that bring a finding: of ten features of ten kinds (tests/support/windows.py) without drift and with one
feature moved; of ten features whose distribution hardly any sample describes, without drift; and of a classifier over
ten features of mixed kinds (tests/support/classes.py), of which one class is predicted more often.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from model.config import MonitoringConfig
from model.data import drift
from model.monitoring.windows import Matrix, Window
from tests.bench import draws
from tests.bench.draws import Counts, DrawnLine, DrawnTable
from tests.bench.record import Part
from tests.support import classes, windows
from tests.support.rows import described
from tests.support.verdicts import judged

WINDOWS = {200: 50, 1_000: 50, 100_000: 6}
"""Rows of a window, and how many windows with drift a draw has; without drift twice as many."""

HARD_WINDOWS = 20
CLASS_WINDOWS = {0.1: 80, 0.12: 20, 0.15: 40, 0.2: 20}
"""Shares of a class among the predictions, a tenth in training, and how many windows of each."""

SHIFTS = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)
HARD_SETS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Matrix]] = {
    "0.1 % binary": lambda rng, shape: (rng.uniform(size=shape) < 0.001).astype(float),
    "Cauchy": lambda rng, shape: rng.standard_cauchy(shape),
    "Pareto 1.1": lambda rng, shape: rng.pareto(1.1, shape),
    "lognormal 2": lambda rng, shape: rng.lognormal(0, 2, shape),
}


def measure() -> Part:
    """Counts, not times: a loaded machine does not change them."""
    usual = (
        DrawnLine((f"{trained:,}", f"{rows:,}"), partial(_windows, trained, rows))
        for trained in (360, 4_000)
        for rows in WINDOWS
    )
    hard = (
        DrawnLine((name, f"{trained:,}", f"{rows:,}"), partial(_hard_windows, name, trained, rows))
        for name in HARD_SETS
        for trained in (100, 1_000)
        for rows in (200, 1_000)
    )
    late = (DrawnLine((f"{100 * share:.0f} %",), partial(_class_windows, share)) for share in CLASS_WINDOWS)
    share = "percent of windows with a finding, and in brackets with an alert"
    return draws.part(
        (
            DrawnTable(
                ("training rows", "rows"),
                tuple(f"moved by {shift:g}" for shift in SHIFTS),
                tuple(usual),
                form=".3g",
                caption=f"{share}; shifts in standard deviations",
            ),
            DrawnTable(("ten columns of", "training rows", "rows"), ("no drift",), tuple(hard), form=".3g"),
            DrawnTable(
                ("predicted late",),
                ("ten features, score and shares", "the shares alone"),
                tuple(late),
                form=".3g",
                caption=share.replace("windows", "windows of 1,000 rows"),
            ),
        )
    )


def _windows(trained: int, rows: int, seed: int) -> Counts:
    """By how far one feature of ten has moved."""
    rng = np.random.default_rng([seed, trained, rows])
    cells = []
    for shift in SHIFTS:
        levels = []
        for number in range(WINDOWS[rows] if shift else 2 * WINDOWS[rows]):
            if number % 10 == 0:
                document = windows.manifest(windows.draw(rng, trained))
            x = windows.draw(rng, rows)
            x[:, 0] += shift
            levels.append(_worst(document, windows.window(document, x), trained))
        cells.append(_counts(levels))
    return np.array(cells)


def _hard_windows(family: str, trained: int, rows: int, seed: int) -> Counts:
    """In columns that hardly any sample describes, without drift."""
    rng = np.random.default_rng([seed, trained, rows])
    levels = []
    for number in range(HARD_WINDOWS):
        if number % 5 == 0:
            document = windows.manifest(HARD_SETS[family](rng, (trained, 10)))
        levels.append(_worst(document, windows.window(document, HARD_SETS[family](rng, (rows, 10))), trained))
    return np.array([_counts(levels)])


def _class_windows(late: float, seed: int) -> Counts:
    """Verdicts on a classifier trained on 5,000 rows, by the share of a class that was predicted in a tenth of them."""
    rng = np.random.default_rng([seed, round(100 * late)])
    mixed, bare = [], []
    for number in range(CLASS_WINDOWS[late]):
        if number % 10 == 0:
            mixed_document = classes.mixed_manifest(classes.draw(rng, 5_000))
            x = rng.normal(size=(5_000, 1))
            bare_document = classes.class_manifest(described(x, ["x"]), rng.uniform(size=5_000) < 0.1)
        now = classes.mixed_window(mixed_document, classes.draw(rng, 1_000, late))
        mixed.append(judged(now, document=mixed_document)["status"])
        now = windows.window(bare_document, rng.normal(size=(1_000, 1)), rng.uniform(size=1_000) < late)
        bare.append(judged(now, document=bare_document)["status"])
    return np.array([_counts(mixed), _counts(bare)])


def _counts(levels: list[str]) -> tuple[int, int, int]:
    """Windows, those with a finding, those with an alert."""
    return len(levels), len(levels) - levels.count("ok"), levels.count("alert")


def _worst(document: dict[str, Any], now: Window, trained: int) -> str:
    """The worst level of all features against training, as the monitor decides it of two windows."""
    levels, limits = [], MonitoringConfig()
    for place, entry in enumerate(document["features"]):
        chance = drift.FALSE_SHARE / (4 * (len(document["features"]) + 1))
        distances = drift.against_training(entry, now.counts[place], now.sample[:, place], trained, chance)
        levels.append(drift.movement(distances, warn=limits.warn, alert=limits.alert).level)
    return "alert" if "alert" in levels else "warn" if "warn" in levels else "ok"


if __name__ == "__main__":
    from tests.bench.command import main

    sys.exit(main(["monitor"]))
