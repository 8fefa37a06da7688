"""How often the gate's comparison with production is wrong, and how often it finds a better model.

    ./deploy.sh bench gate
    BENCH_DRAWS=5 ./deploy.sh bench gate    (five times as many draws, as far as time allows)

The first table is of pairs without a true difference: percent of 500 draws that each rule would promote, at 95 %
confidence. The rule is `model.evaluation.resampling.mean_above_zero`; beside it stand a percentile interval, the two
intervals of which it takes the farther ends, each of two sides, and both of these, which are the rule without the loss
that it adds. The last families are of models with rare and large losses, which many samples do not hold; behind them
stand classifiers, by log loss and by wrong labels. The second table is of a few lucky rows, the third of pairs whose newer
model truly saves a share of the squared error: percent that the rule promotes; the fourth is the same for classifiers.
"""

from __future__ import annotations

import math
import sys
from functools import partial

import numpy as np

from model.evaluation.resampling import mean_above_zero, resamples, studentised
from tests.bench import draws
from tests.bench.draws import Counts, DrawnLine, DrawnTable
from tests.bench.record import Part
from tests.support import pairs

CONFIDENCE = 0.95
DRAWS = 500
REPLICATES = 2_000
ROWS = (50, 82, 200, 400)
BOTH = "both t"
RULES = ("percentile", "equal-tailed t", "symmetric t", BOTH, "the gate")
FAMILIES = pairs.EQUAL | pairs.RARE | pairs.CLASSES
SAVES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
CLASSES_SAVE = (0.05, 0.1, 0.2)


def measure() -> Part:
    """Counts, not times: a loaded machine does not change them."""
    families = (DrawnLine((name, str(rows)), partial(_family, name, rows)) for name in FAMILIES for rows in ROWS)
    lucky = (DrawnLine((str(few), "82"), partial(_lucky, few)) for few in (2, 3, 4))
    better = (DrawnLine((str(rows),), partial(_better, rows)) for rows in (*ROWS, 1_000))
    classes = (DrawnLine((str(rows),), partial(_better_classes, rows)) for rows in (*ROWS[1:], 1_000))
    return draws.part(
        (
            DrawnTable(("no true difference", "rows"), RULES, tuple(families), form=".1f"),
            DrawnTable(("rows with all the gain", "rows"), RULES, tuple(lucky), form=".1f"),
            DrawnTable(
                ("rows",),
                tuple(f"saves {100 * share:.0f} %" for share in SAVES),
                tuple(better),
                caption="in brackets by both t, without the loss that the gate adds",
            ),
            DrawnTable(
                ("rows, 7 % positive",),
                tuple(f"saves {100 * share:.0f} % of the log loss" for share in CLASSES_SAVE),
                tuple(classes),
            ),
        )
    )


def _family(name: str, rows: int, seed: int) -> Counts:
    return _by_rule(FAMILIES[name](np.random.default_rng(seed), DRAWS, rows))


def _lucky(few: int, seed: int) -> Counts:
    gains = np.random.default_rng(10 + seed).normal(scale=0.05, size=(DRAWS, 82))
    gains[:, :few] += 1 + np.random.default_rng(1_000 + seed).exponential(size=(DRAWS, few))
    return _by_rule(gains)


def _better(rows: int, seed: int) -> Counts:
    cells = []
    for share in SAVES:
        rng = np.random.default_rng(seed)
        gains = pairs.better_by(share, rng, DRAWS, rows) if share else pairs.normal(rng, DRAWS, rows)
        cells.append((DRAWS, ours(gains), others(gains)[BOTH]))
    return np.array(cells)


def _better_classes(rows: int, seed: int) -> Counts:
    drawn = (pairs.class_better_by(share, np.random.default_rng(seed), DRAWS, rows) for share in CLASSES_SAVE)
    return np.array([(DRAWS, ours(gains)) for gains in drawn])


def _by_rule(gains: pairs.Pairs) -> Counts:
    promoted = {**others(gains), "the gate": ours(gains)}
    return np.array([(len(gains), promoted[rule]) for rule in RULES])


@np.errstate(divide="ignore", invalid="ignore")  # samples and draws of equal gains have no spread
def others(gains: pairs.Pairs) -> dict[str, int]:
    """How many other rules promote."""
    rows = gains.shape[1]
    tail = (1 - CONFIDENCE) / 2
    means = np.concatenate(
        [gains @ counts.T / rows for counts in resamples(rows, REPLICATES, np.random.default_rng(7))], axis=1
    )
    observed = gains.mean(axis=1) / (gains.std(axis=1) / math.sqrt(rows))
    ratios = studentised(gains, REPLICATES, np.random.default_rng(7))
    promoted = {
        "percentile": np.quantile(means, tail, axis=1) > 0,
        "equal-tailed t": observed > np.quantile(ratios, 1 - tail, axis=1),
        "symmetric t": observed > np.quantile(np.abs(ratios), CONFIDENCE, axis=1),
    }
    promoted[BOTH] = promoted["equal-tailed t"] & promoted["symmetric t"]
    return {name: int(found.sum()) for name, found in promoted.items()}


def ours(gains: pairs.Pairs) -> int:
    """How many the gate's rule promotes."""
    *_, reached = mean_above_zero(gains, confidence=CONFIDENCE, seed=7)
    return int((reached >= CONFIDENCE).sum())


if __name__ == "__main__":
    from tests.bench.command import main

    sys.exit(main(["gate"]))
