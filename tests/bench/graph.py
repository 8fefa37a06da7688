"""Models of the graph runtime beside scikit-learn's own predict and onnxruntime: one row, 10,000 and 100,000 rows.

    python -m tests.bench.graph

And cold start and memory of functions with 1, 10 and 100 MB of arrays; see sizes.py. onnxruntime gets each model as
skl2onnx converts it, in double precision where it runs in that. Where a model does not convert, or answers differently
by more than 1e-9, the table says so instead of a time; ensembles are tried by their first members, since a conversion
takes seconds a member. A cell takes as many rounds as fit into MOST_SECONDS, one at least.
"""

from __future__ import annotations

import copy
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from functions import predictor
from functions.columns.table import Table
from functions.runtimes import load
from model.training.export import export
from tests.bench import models, progress, sizes
from tests.bench.environments import MissingPeerError
from tests.bench.onnx import ConversionError, Onnx
from tests.bench.record import Line, Noise, Part
from tests.bench.turns import PART_SECONDS, Budget, in_turns, seconds_of
from tests.support.exact import table

TIMES = {1: 30, 10_000: 1, 100_000: 1}
"""How often rows are answered in a round."""

WARM_ROWS = 2_000
"""Answered once before: tables for many rows are made when the first of them come."""

ROUNDS, MOST_SECONDS = 5, 6.0
SIZES_SECONDS = 120.0
"""Kept for functions with arrays of each size."""

TRIED_MEMBERS = 5
MOST_PEER_SECONDS = 0.5
"""onnxruntime is asked for no more rows once an answer takes longer."""


def measure() -> Part:
    warnings.simplefilter("ignore")
    asked = models.frame(max(TIMES), 1)
    lines, steady, remarks, left_out = [], [], [], []
    budget = Budget(PART_SECONDS - SIZES_SECONDS)
    with tempfile.TemporaryDirectory() as name, _peer(Path(name), remarks) as onnx:
        for case in models.cases():
            if not budget.left():
                left_out.append(case.name)
                continue
            progress.say(f"{case.name}: fitted, and converted for onnxruntime")
            found, reference = _compared(case, asked, onnx)
            lines += found
            steady += reference
        sized, late = sizes.measured(onnx, Budget(budget.left() + SIZES_SECONDS))
    lines += sized
    left_out += late
    remarks.append(sizes.LEFT_OUT)
    if left_out:
        remarks.append(f"left out, since the time was over: {', '.join(left_out)}")
    return Part(tuple(lines), noise=Noise("a sort of a million numbers", steady), remarks=tuple(remarks))


@contextmanager
def _peer(folder: Path, remarks: list[str]) -> Iterator[Onnx | None]:
    """onnxruntime, or None and a remark."""
    try:
        onnx = Onnx(folder)
    except MissingPeerError as error:
        remarks.append(str(error))
        yield None
        return
    try:
        yield onnx
    finally:
        onnx.close()


def _compared(case: models.Case, asked: models.pd.DataFrame, onnx: Onnx | None) -> tuple[list[Line], list[float]]:
    """A line for each number of rows, and the seconds of the reference."""
    estimator, rows = case.fitted(), case.taken(asked)
    made = export(estimator, list(rows.columns) if case.whole else None)
    runtime, ours = load(made.document, made.arrays), Table(table(rows))
    word = "not installed" if onnx is None else refusal(onnx, estimator, rows)
    numbers = np.random.default_rng(0).random(1_000_000)
    lines, steady = [], []
    runtime.predict(ours[:WARM_ROWS])
    estimator.predict(rows[:WARM_ROWS])
    for count, times in TIMES.items():
        few, theirs = ours[:count], rows[:count]
        works = {
            "ours": lambda few=few, times=times: seconds_of(lambda: runtime.predict(few), times),
            "scikit-learn": lambda theirs=theirs, times=times: seconds_of(lambda: estimator.predict(theirs), times),
            "reference": lambda: seconds_of(lambda: np.sort(numbers)),
        }
        if onnx is not None and not word:
            works["onnxruntime"] = lambda count=count, times=times: onnx.seconds(count, times)
        found = in_turns(works, ROUNDS, most_seconds=MOST_SECONDS, least=1)
        steady += found.pop("reference")
        if max(found.get("onnxruntime", [0.0])) > MOST_PEER_SECONDS and not word:
            word = "left out: slow"
        samples = {"onnxruntime": word, **found}
        lines.append(
            Line(f"{case.name}: {count:,} {'row' if count == 1 else 'rows'}", "s", samples.pop("ours"), samples)
        )
    return lines, steady


def refusal(onnx: Onnx, estimator, rows) -> str:
    """Why onnxruntime is no comparison for *estimator*; empty where it answers *rows* as that does."""
    tried = shortened(estimator)
    few = rows[:2_000]
    try:
        onnx.convert(tried, rows)
        answers = onnx.answers(len(few))
        if predictor.distance(answers, expected := tried.predict(few)).max() <= 1:
            if tried is not estimator:
                onnx.convert(estimator, rows)
            return ""
    except ConversionError:
        return "does not convert"
    return f"wrong by {np.abs(answers - expected).max() / np.abs(expected).max():.0e}"


def shortened(estimator):
    """*estimator*, or a forest with its first members alone."""
    members = getattr(estimator, "estimators_", None)
    if not isinstance(members, list) or len(members) <= TRIED_MEMBERS:
        return estimator
    short = copy.copy(estimator)
    short.estimators_ = members[:TRIED_MEMBERS]
    return short


if __name__ == "__main__":
    from tests.bench.command import main

    sys.exit(main(["graph"]))
