"""How often the gate's comparison with production is wrong, and how often it finds a better model; and the monitor.

    ./deploy.sh bench gate monitor
    BENCH_DRAWS=5 ./deploy.sh bench gate monitor    (five times as many draws)

The first table is of pairs without a true difference: percent of 500 draws that
each rule would promote, at 95 % confidence. The rule is `model.evaluation.resampling.mean_above_zero`; beside it stand a
percentile interval, the two intervals of which it takes the farther ends, each of two sides, and both of these, which
are the rule without the loss that it adds. The last families are of models with rare and large losses, which many
samples do not hold; behind them stand classifiers, by log loss and by wrong labels. The second table is of a few lucky
rows, the third of pairs whose newer model truly saves a share of the squared error: percent that the rule promotes; the
fourth is the same for classifiers. The last three are of the monitor: percent of windows that bring a
finding, of ten features of ten kinds (tests/support/windows.py) without drift and with one feature moved; of ten
features whose distribution hardly any sample describes, without drift; and of a classifier over ten features of mixed
kinds (tests/support/classes.py), of which one class is predicted more often.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.table import Table

from model.config import MonitoringConfig
from model.data import drift
from model.evaluation.resampling import mean_above_zero, resamples, studentised
from model.monitoring.windows import Matrix, Window
from tests.bench import progress
from tests.bench.turns import PART_SECONDS, Budget
from tests.support import classes, pairs, windows
from tests.support.rows import described
from tests.support.verdicts import judged

CONFIDENCE = 0.95
TIMES = int(os.environ.get("BENCH_DRAWS", "1"))
"""How many times as many draws are made as take a few minutes; the documents' figures are of more."""

DRAWS = 500 * TIMES
"""How many pairs of models a figure of the gate rests on."""

WINDOWS = {200: 50 * TIMES, 1_000: 50 * TIMES, 100_000: 6 * TIMES}
"""Rows of a window, and how many windows with drift a figure of the monitor rests on; without drift twice as many."""

HARD_WINDOWS = 20 * TIMES
CLASS_WINDOWS = {0.1: 80 * TIMES, 0.12: 20 * TIMES, 0.15: 40 * TIMES, 0.2: 20 * TIMES}
"""Shares of a class among the predictions, a tenth in training, and how many windows of each."""

REPLICATES = 2_000
ROWS = (50, 82, 200, 400)
RULES = ("percentile", "equal-tailed t", "symmetric t", "both t", "the gate")
SHIFTS = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)
HARD_SETS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Matrix]] = {
    "0.1 % binary": lambda rng, shape: (rng.uniform(size=shape) < 0.001).astype(float),
    "Cauchy": lambda rng, shape: rng.standard_cauchy(shape),
    "Pareto 1.1": lambda rng, shape: rng.pareto(1.1, shape),
    "lognormal 2": lambda rng, shape: rng.lognormal(0, 2, shape),
}


class Drawn:
    """The lines of the tables, drawn until a part's time is over; with more draws it is as many times longer."""

    def __init__(self, budget: Budget | None = None) -> None:
        self._budget = budget or Budget(PART_SECONDS * TIMES)
        self._left_out: list[str] = []

    def begins(self, line: str) -> bool:
        """Whether *line* is drawn; one that is not is remembered."""
        if self._budget.left():
            progress.say(line)
            return True
        self._left_out.append(line)
        return False

    def remarks(self) -> tuple[str, ...]:
        return (f"left out, since the time was over: {', '.join(self._left_out)}",) if self._left_out else ()


def others(gains: pairs.Pairs) -> dict[str, float]:
    """Percent promoted by other rules."""
    rows = gains.shape[1]
    tail = (1 - CONFIDENCE) / 2
    means = np.concatenate(
        [gains @ counts.T / rows for counts in resamples(rows, REPLICATES, np.random.default_rng(7))], axis=1
    )
    with np.errstate(divide="ignore"):  # samples of equal gains
        observed = gains.mean(axis=1) / (gains.std(axis=1) / math.sqrt(rows))
    ratios = studentised(gains, REPLICATES, np.random.default_rng(7))
    promoted = {
        "percentile": np.quantile(means, tail, axis=1) > 0,
        "equal-tailed t": observed > np.quantile(ratios, 1 - tail, axis=1),
        "symmetric t": observed > np.quantile(np.abs(ratios), CONFIDENCE, axis=1),
    }
    promoted["both t"] = promoted["equal-tailed t"] & promoted["symmetric t"]
    return {name: 100 * float(found.mean()) for name, found in promoted.items()}


def ours(gains: pairs.Pairs) -> float:
    """Percent promoted by the gate's rule."""
    *_, reached = mean_above_zero(gains, confidence=CONFIDENCE, seed=7)
    return 100 * float((reached >= CONFIDENCE).mean())


def gate_tables(drawn: Drawn) -> list[Table]:
    """Wrong promotions by family of pairs, and the power curve."""
    wrong = Table("no true difference", "rows", *RULES, box=None)
    for family, draw in (pairs.EQUAL | pairs.RARE | pairs.CLASSES).items():
        for rows in ROWS:
            if not drawn.begins(f"{family}, {rows} rows"):
                continue
            gains = draw(np.random.default_rng(1), DRAWS, rows)
            found = {**others(gains), "the gate": ours(gains)}
            wrong.add_row(family, str(rows), *(f"{value:.1f} %" for value in found.values()))
    lucky = Table("rows with all the gain", "rows", *RULES, box=None)
    for few in (2, 3, 4):
        if not drawn.begins(f"{few} lucky rows"):
            continue
        gains = np.random.default_rng(11).normal(scale=0.05, size=(DRAWS, 82))
        gains[:, :few] += 1 + np.random.default_rng(12).exponential(size=(DRAWS, few))
        found = {**others(gains), "the gate": ours(gains)}
        lucky.add_row(str(few), "82", *(f"{value:.1f} %" for value in found.values()))
    shares = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
    power = Table("rows", *(f"saves {100 * share:.0f} %" for share in shares), box=None)
    for rows in (50, 82, 200, 400, 1000):
        if not drawn.begins(f"better models, {rows} rows"):
            continue
        better = [
            pairs.better_by(share, np.random.default_rng(1), DRAWS, rows)
            if share
            else pairs.normal(np.random.default_rng(1), DRAWS, rows)
            for share in shares
        ]
        power.add_row(str(rows), *(f"{ours(gains):.0f} % ({others(gains)['both t']:.0f} %)" for gains in better))
    power.caption = "in brackets by both t, without the loss that the gate adds"
    return [wrong, lucky, power, class_power(drawn)]


def class_power(drawn: Drawn) -> Table:
    """Classifiers that truly save a share of the log loss, with 7 % positive rows: percent promoted."""
    shares = (0.05, 0.1, 0.2)
    power = Table("rows, 7 % positive", *(f"saves {100 * share:.0f} % of the log loss" for share in shares), box=None)
    for rows in (82, 200, 400, 1000):
        if not drawn.begins(f"better classifiers, {rows} rows"):
            continue
        better = [pairs.class_better_by(share, np.random.default_rng(1), DRAWS, rows) for share in shares]
        power.add_row(str(rows), *(f"{ours(gains):.0f} %" for gains in better))
    return power


def monitor_tables(drawn: Drawn) -> list[Table]:
    """Findings of the monitor, in usual columns and in hard ones."""
    return [monitored(drawn), monitored_hard_sets(drawn), monitored_classes(drawn)]


def monitored(drawn: Drawn) -> Table:
    """Findings of the monitor by training rows, rows of a window, and how far one feature of ten has moved."""
    table = Table("training rows", "rows", *(f"moved by {shift:g}" for shift in SHIFTS), box=None)
    rng = np.random.default_rng(1)
    for trained in (360, 4_000):
        for rows, draws in WINDOWS.items():
            if drawn.begins(f"windows of {rows} rows after {trained}"):
                table.add_row(str(trained), str(rows), *monitored_windows(rng, trained, rows, draws))
    table.caption = "percent of windows with a finding, and in brackets with an alert; shifts in standard deviations"
    return table


def monitored_windows(rng: np.random.Generator, trained: int, rows: int, draws: int) -> list[str]:
    """The cells of one line."""
    cells = []
    for shift in SHIFTS:
        levels = []
        for number in range(draws if shift else 2 * draws):
            if number % 10 == 0:
                document = windows.manifest(windows.draw(rng, trained))
            x = windows.draw(rng, rows)
            x[:, 0] += shift
            levels.append(_worst(document, windows.window(document, x), trained))
        cells.append(_shares(levels))
    return cells


def monitored_hard_sets(drawn: Drawn, draws: int = HARD_WINDOWS) -> Table:
    """Findings of the monitor, without drift, in windows of ten columns that hardly any sample describes."""
    table = Table("ten columns of", "training rows", "rows", "no drift", box=None)
    rng = np.random.default_rng(2)
    for name in HARD_SETS:
        for trained in (100, 1_000):
            for rows in (200, 1_000):
                if drawn.begins(f"{name}, windows of {rows} rows after {trained}"):
                    table.add_row(name, str(trained), str(rows), hard_windows(rng, name, trained, rows, draws))
    return table


def hard_windows(rng: np.random.Generator, family: str, trained: int, rows: int, draws: int) -> str:
    """The last cell of one line."""
    levels = []
    for number in range(draws):
        if number % 5 == 0:
            document = windows.manifest(HARD_SETS[family](rng, (trained, 10)))
        levels.append(_worst(document, windows.window(document, HARD_SETS[family](rng, (rows, 10))), trained))
    return _shares(levels)


def monitored_classes(drawn: Drawn) -> Table:
    """Verdicts on a classifier trained on 5,000 rows, by the share of a class that was predicted in a tenth of them."""
    table = Table("predicted late", "windows", "ten features, score and shares", "the shares alone", box=None)
    rng = np.random.default_rng(4)
    for late, draws in CLASS_WINDOWS.items():
        if not drawn.begins(f"{100 * late:.0f} % late"):
            continue
        mixed, bare = [], []
        for number in range(draws):
            if number % 10 == 0:
                mixed_document = classes.mixed_manifest(classes.draw(rng, 5_000))
                x = rng.normal(size=(5_000, 1))
                bare_document = classes.class_manifest(described(x, ["x"]), rng.uniform(size=5_000) < 0.1)
            now = classes.mixed_window(mixed_document, classes.draw(rng, 1_000, late))
            mixed.append(judged(now, document=mixed_document)["status"])
            now = windows.window(bare_document, rng.normal(size=(1_000, 1)), rng.uniform(size=1_000) < late)
            bare.append(judged(now, document=bare_document)["status"])
        table.add_row(f"{100 * late:.0f} %", str(draws), _shares(mixed), _shares(bare))
    table.caption = "percent of windows of 1,000 rows with a finding, and in brackets with an alert"
    return table


def _shares(levels: list[str]) -> str:
    alerts, found = levels.count("alert"), len(levels) - levels.count("ok")
    return f"{100 * found / len(levels):.3g} % ({100 * alerts / len(levels):.3g} %)"


def _worst(document: dict[str, Any], now: Window, trained: int) -> str:
    """The worst level of all features against training, as the monitor decides it of two windows."""
    levels, limits = [], MonitoringConfig()
    for place, entry in enumerate(document["features"]):
        chance = drift.FALSE_SHARE / (4 * (len(document["features"]) + 1))
        distances = drift.against_training(entry, now.counts[place], now.sample[:, place], trained, chance)
        levels.append(drift.movement(distances, warn=limits.warn, alert=limits.alert).level)
    return "alert" if "alert" in levels else "warn" if "warn" in levels else "ok"
