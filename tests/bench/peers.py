"""Two models through the servers that people use, each in an environment of its own.

    python -m tests.bench.peers

One is a pipeline over a table with texts and empty cells, the other a line over one number, as the one that ships. Both are
fitted here, published by `model.publish` for ours, unpickled by the others. With both, cold start and requests a second
are measured in turns; the goals are of the line. With both, each server is asked for all rows, and its answers are held
against the estimator's. Ours runs with functions/requirements.txt alone, as it is deployed, and reads the bucket; the
others read a file.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.bench import progress, serving
from tests.bench.environments import MissingPeerError, python_of
from tests.bench.exactness import verdicts
from tests.bench.record import FEW_ROUNDS, Line, Noise, Part, Sheet
from tests.bench.rivals import RATE_GOAL, RIVALS, Rival
from tests.bench.serving import Server
from tests.bench.tables import Model, line, penguins
from tests.bench.turns import PART_SECONDS, Budget, in_turns
from tests.bench.worlds import world
from tests.support.parts import ROOT

ROUNDS = 5
LINE_SECONDS = 0.55 * PART_SECONDS
"""The line, whose ratios are the goals, comes first and has more than half of the time; the pipeline takes the rest."""

OURS = "ours"

Figures = Mapping[str, list[tuple[float, float]]]
"""By server, seconds of a cold start and requests a second, of each round."""


def measure() -> Part:
    python = python_of("requirements", lists=ROOT / "functions")
    remarks: list[str] = []
    installed = {name: rival for name, rival in RIVALS.items() if _is_installed(name, remarks)}
    budget = Budget()  # an installation, once, does not count
    figures: dict[str, Figures] = {}
    servers: dict[str, Server] = {}
    answers: list[Sheet] = []
    with world() as here:
        for model, until in ((line(), PART_SECONDS - LINE_SECONDS), (penguins(), 0.0)):
            if not budget.left():
                remarks.append(f"left out, since the time was over: {model.name}")
                continue
            servers = _ready(model, here.folder, python, installed, budget, remarks)
            answers.append(_answers(model, _right(model, servers, budget, remarks)))
            figures[model.name] = _figures(model, servers, budget, budget.left() - until, remarks)
    sheets = [goals(figures["line"])]
    if "penguins" in figures:
        sheets += [pipeline_figures(figures["penguins"]), _effort(figures["penguins"], servers, installed)]
    lines = [line for name, found in figures.items() for line in lines_of(name, found)]
    noise = Noise("our own start", [seconds for seconds, _ in figures["line"][OURS]])
    return Part(tuple(lines), (*sheets, *answers), noise, tuple(remarks))


def _is_installed(name: str, remarks: list[str]) -> bool:
    try:
        python_of(name)
    except MissingPeerError as error:
        remarks.append(f"left out: {RIVALS[name].name}: {error}")
        return False
    return True


def _ready(
    model: Model, folder: Path, python: str, installed: Mapping[str, Rival], budget: Budget, remarks: list[str]
) -> dict[str, Server]:
    """The servers that can be started with *model*."""
    progress.say(f"{model.name}: ours is published")
    servers = {OURS: serving.ours(model, folder, python)}
    for name, rival in installed.items():
        if not budget.left():
            remarks.append(f"{model.name}: left out, since the time was over: {rival.name}")
            continue
        progress.say(f"{model.name}: {rival.name} is prepared")
        try:
            servers[rival.name] = serving.theirs(rival, name, folder / f"{name}-{model.name}", model)
        except MissingPeerError as error:
            remarks.append(f"{model.name}: {rival.name} failed: {error}")
    return servers


def _right(
    model: Model, servers: dict[str, Server], budget: Budget, remarks: list[str]
) -> dict[str, Mapping[str, str]]:
    """The verdicts on the answers of each; a server that does not start is taken out of *servers*."""
    right = {}
    for name in list(servers):
        progress.say(f"{model.name}: {name} is asked for all rows")
        try:
            if not budget.left():
                raise RuntimeError("the time was over")
            right[name] = verdicts(servers[name], model)
        except Exception as error:
            if name == OURS:
                raise
            del servers[name]
            remarks.append(f"{model.name}: {name} failed: {error}")
    return right


def _figures(
    model: Model, servers: Mapping[str, Server], budget: Budget, most_seconds: float, remarks: list[str]
) -> Figures:
    row = model.sent(model.kinds["whole rows"].head(1))[0]
    measured: set[str] = set()

    def work(name: str) -> tuple[float, float]:
        if name not in measured and name != OURS and not budget.left():
            raise RuntimeError("left out, since the time was over")
        measured.add(name)
        return serving.started_and_loaded(servers[name], row)

    failed: dict[str, Exception] = {}
    works = {name: (lambda name=name: work(name)) for name in servers}
    found = in_turns(works, ROUNDS, most_seconds=most_seconds, least=1, failed=failed)
    if OURS in failed:
        raise failed[OURS]
    remarks += [f"{model.name}: {name}: {error}" for name, error in failed.items()]
    return found


def lines_of(model: str, figures: Figures) -> list[Line]:
    """Our figures beside each other server's."""
    return [
        Line(f"{model}: {measured}, {name}", unit, _of(figures[OURS], place), {"theirs": _of(turns, place)})
        for place, (measured, unit) in enumerate((("cold start", "s"), ("16 connections", "/s")))
        for name, turns in figures.items()
        if name != OURS
    ]


def goals(figures: Figures) -> Sheet:
    """Both ratios of each server with the line, beside the least that they are to be."""
    columns = ("a line", "cold start", "by ours", "goal", "requests/s", "ours by it", "goal", "rounds", "goals")
    start_goals = {rival.name: rival.start_goal for rival in RIVALS.values()}
    rows = []
    for name, turns in figures.items():
        seconds, slower, rate, faster = _both(figures, name)
        if name == OURS:
            rows.append((name, f"{seconds:.2f} s", "1", "", f"{rate:,.0f}", "1", "", _rounds(turns), ""))
            continue
        goal = start_goals[name]
        missed = [word for word, short in (("start", slower < goal), ("requests", faster < RATE_GOAL)) if short]
        start = (f"{seconds:.2f} s", f"{slower:.1f}", f"{goal:g}")
        load = (f"{rate:,.0f}", f"{faster:.1f}", f"{RATE_GOAL:g}")
        verdict = f"missed: {', '.join(missed)}" if missed else "reached"
        rows.append((name, *start, *load, _rounds(turns), verdict))
    return Sheet(columns, tuple(rows))


def pipeline_figures(figures: Figures) -> Sheet:
    """Both ratios of each server with the pipeline, without goals."""
    rows = []
    for name, turns in figures.items():
        seconds, slower, rate, faster = _both(figures, name)
        slower_by, faster_by = ("1", "1") if name == OURS else (f"{slower:.1f}", f"{faster:.1f}")
        rows.append((name, f"{seconds:.2f} s", slower_by, f"{rate:,.0f}", faster_by, _rounds(turns)))
    return Sheet(("a pipeline", "cold start", "by ours", "requests/s", "ours by it", "rounds"), tuple(rows))


def _effort(figures: Figures, servers: Mapping[str, Server], installed: Mapping[str, Rival]) -> Sheet:
    """The work of a person who has the pipeline, until the first answer."""
    facts = {
        rival.name: (serving.megabytes(name), str(rival.commands), str(rival.lines()), f"yes, {rival.loads}")
        for name, rival in installed.items()
    }
    facts[OURS] = (serving.megabytes("requirements"), "4", "1", "no")
    rows = [
        (name, *facts[name], f"{servers[name].prepared_seconds + statistics.median(_of(turns, 0)):.1f} s")
        for name, turns in figures.items()
    ]
    return Sheet(
        ("a pipeline", "installed, MB", "commands", "lines written", "unpickles", "file to answer"), tuple(rows)
    )


def _rounds(turns: list[tuple[float, float]]) -> str:
    return f"{len(turns)}, few" if len(turns) < FEW_ROUNDS else str(len(turns))


def _both(figures: Figures, name: str) -> tuple[float, float, float, float]:
    """Seconds of a cold start, its ratio by ours, requests a second, and the ratio of ours by these; medians of rounds."""
    own, turns = figures[OURS], figures[name]
    slower = statistics.median(theirs / ours for (theirs, _), (ours, _) in zip(turns, own, strict=True))
    faster = statistics.median(ours / theirs for (_, theirs), (_, ours) in zip(turns, own, strict=True))
    return statistics.median(_of(turns, 0)), slower, statistics.median(_of(turns, 1)), faster


def _of(turns: list[tuple[float, float]], place: int) -> list[float]:
    return [turn[place] for turn in turns]


def _answers(model: Model, right: Mapping[str, Mapping[str, str]]) -> Sheet:
    columns = (f"{model.name}: off by", *model.kinds)
    return Sheet(columns, tuple((name, *said.values()) for name, said in right.items()))


if __name__ == "__main__":
    from tests.bench.command import main

    sys.exit(main(["peers"]))
