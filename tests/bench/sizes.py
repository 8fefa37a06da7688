"""Cold start and memory of functions with 1, 10 and 100 MB of arrays, beside other ways to serve the same forests."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from model.training.export import export
from tests.bench import progress
from tests.bench.onnx import Onnx
from tests.bench.record import Line, Samples
from tests.bench.turns import Budget, in_turns
from tests.bench.worlds import EMPTY, ONNX, OURS, USUAL, World, cold_start, world
from tests.support.parts import document

STARTS, MOST_SECONDS = 9, 25.0
MEGABYTES = (1, 10, 100)
MOST_CONVERTED, MOST_PICKLED = 1, 10
"""MB of arrays up to which a forest is converted for onnxruntime, which takes minutes from 10 MB on, and pickled: one of
100 MB here has a pickle of 1 GB."""

LEFT_OUT = (
    f"left out: onnxruntime above {MOST_CONVERTED} MB, whose conversion takes minutes, and joblib above {MOST_PICKLED} MB, "
    "where 100 MB of arrays are a pickle of 1 GB"
)

GROWN = 10
"""Megabytes of trees that are grown; a larger forest has copies of them."""

COLUMNS = 6


@dataclass(frozen=True)
class Sized:
    """A forest, and how many MB its arrays take."""

    megabytes: int
    estimator: Any
    manifest: dict[str, Any]
    arrays: bytes


def forest(megabytes: int) -> Sized:
    """A forest of trees that are split at random, which are grown fastest."""
    source = np.random.default_rng(0)
    x = source.normal(size=(100_000, COLUMNS))
    y = x @ np.arange(1.0, COLUMNS + 1) + source.normal(size=len(x))
    rows = min(len(x), 10_000 * megabytes)
    one = export(_grown(1, x[:rows], y[:rows]))
    estimator = _grown(round(min(megabytes, GROWN) * 1e6 / len(one.arrays)), x[:rows], y[:rows])
    copies = max(1, megabytes // GROWN)
    estimator.estimators_ = [copy.deepcopy(tree) for _ in range(copies) for tree in estimator.estimators_]
    made = export(estimator)
    features = [{"name": f"x{place}", "minimum": -9.0, "maximum": 9.0} for place in range(COLUMNS)]
    golden = [{"instance": row.tolist(), "prediction": float(estimator.predict(row[None])[0])} for row in x[:3]]
    manifest = document(**{**made.document, "linear": None}, features=features, golden=golden)
    return Sized(megabytes, estimator, manifest, made.arrays)


def _grown(trees: int, x: np.ndarray, y: np.ndarray) -> ExtraTreesRegressor:
    return ExtraTreesRegressor(max(1, trees), max_features=1, random_state=0, n_jobs=-1).fit(x, y)


def measured(onnx: Onnx | None, budget: Budget) -> tuple[list[Line], list[str]]:
    """Cold start and memory of each size, and the sizes for which no time was left."""
    lines: list[Line] = []
    left_out: list[str] = []
    with world() as here:
        for megabytes in MEGABYTES:
            if budget.left():
                progress.say(f"{megabytes} MB: a forest is grown")
                lines += _compared(here, forest(megabytes), onnx)
            else:
                left_out.append(f"{megabytes} MB")
    return lines, left_out


def _compared(here: World, made: Sized, onnx: Onnx | None) -> list[Line]:
    name = f"forest-{made.megabytes}-mb"
    here.promote(made.manifest, model=name, arrays=made.arrays)
    body = {"instances": [[0.5] * COLUMNS]}

    def work(source, **changes):
        return lambda: cold_start(lambda: here.start(source, **changes), body)

    works = {
        "ours": work(OURS, MODEL_NAME=name),
        "empty function": work(here.source("empty", EMPTY)),
    }
    words: dict[str, Samples | str] = {}
    if made.megabytes <= MOST_PICKLED:
        made.estimator.n_jobs = None
        here.pickle(f"{name}.joblib", made.estimator)
        works["scikit-learn + joblib"] = work(here.source("usual", USUAL), MODEL_OBJECT=f"{name}.joblib")
    else:
        words["scikit-learn + joblib"] = "left out"
    if onnx is None:
        words["onnxruntime"] = "not installed"
    elif made.megabytes > MOST_CONVERTED:
        words["onnxruntime"] = "left out"
    else:
        path = onnx.convert(made.estimator, np.zeros((1, COLUMNS)))
        here.put(f"{name}.onnx", path.read_bytes())
        works["onnxruntime"] = work(here.source("onnx", ONNX), MODEL_OBJECT=f"{name}.onnx", python=onnx.python)
    if made.megabytes == MEGABYTES[0]:
        in_turns(works, 1)  # fills the caches, and compiles
    starts = in_turns(works, STARTS, most_seconds=MOST_SECONDS)
    lines = []
    for place, (measured_as, unit) in enumerate((("cold start", "s"), ("memory", "MB"))):
        samples = {kind: [start[place] for start in found] for kind, found in starts.items()}
        lines.append(Line(f"{made.megabytes} MB: {measured_as}", unit, samples.pop("ours"), {**samples, **words}))
    return lines
