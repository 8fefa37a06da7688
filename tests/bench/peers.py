"""Two models through the servers that people use, each in an environment of its own.

    python -m tests.bench.peers [NAME…]

One is a pipeline over a table with texts and empty cells, the other a line over one number, as the one that ships. Both are
fitted here, published by `model.publish` for ours, unpickled by the others. Cold start and requests a second are measured
with both. With the pipeline each is asked for all rows of the table, in four kinds: rows that are whole, rows with an empty
text, rows with an empty number, of which training had none, and rows with a level that training never saw. Ours runs with
functions/requirements.txt alone, as it is deployed.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from model import publish
from model.infra_validation.processes import Process, free_port
from tests.bench import progress
from tests.bench.environments import FOLDER, LISTS, MissingPeerError, python_of
from tests.bench.record import Line, Noise, Part, Sheet
from tests.bench.rivals import RIVALS, TEXTS, Rival, Row
from tests.bench.turns import Budget, in_turns
from tests.bench.warm import load, post
from tests.bench.worlds import OURS, world
from tests.support.parts import ROOT

ROUNDS, LOAD_SECONDS = 5, 1.5
MOST_START_SECONDS = 90
PENGUINS = "palmerpenguins==0.1.6"
TARGET = "body_mass_g"


@dataclass(frozen=True)
class Server:
    """One that can be started and asked, ours or another's.

    Args:
        start: Starts it on a port.
        body: Rows as it takes them.
        answers: Predictions out of its answer.
    """

    start: Callable[[int], Process]
    path: str
    body: Callable[[Sequence[Row]], Any]
    answers: Callable[[Any], list[Any]]


@dataclass(frozen=True)
class Model:
    """A fitted pipeline, its rows, and which of them it learned from."""

    name: str
    pipeline: Pipeline
    rows: pd.DataFrame
    target: pd.Series
    learned: pd.Series


def measure(names: Sequence[str] = ()) -> Part:
    models = (penguins(), line())
    python = python_of("requirements", lists=ROOT / "functions")
    remarks = [f"{RIVALS[name].name}: {reason}" for name in names or RIVALS if (reason := missing(name))]
    rivals = {name: RIVALS[name] for name in names or RIVALS if not missing(name)}
    budget = Budget()  # what is installed once does not count
    facts, prepared, right = {}, {}, {}
    works: dict[str, Callable[[], tuple[float, float]]] = {}
    with world() as here:
        for model in models:
            one = [as_json(model.rows.dropna().iloc[:1])[0]]
            servers = {}
            seconds, servers["ours"] = published(model, here.folder, python)
            prepared.setdefault("ours", seconds)
            for name, rival in rivals.items():
                progress.say(f"{model.name}: {rival.name} is prepared")
                try:
                    folder, seconds = prepare(rival, name, here.folder / f"{name}-{model.name}", model)
                except MissingPeerError as error:
                    remarks.append(f"{model.name}, {rival.name}: {error}")
                    continue
                prepared.setdefault(rival.name, seconds)
                servers[rival.name] = served_by(rival, name, folder)
                facts[rival.name] = (str(rival.commands), str(lines_of(rival)), megabytes(name), f"yes, {rival.loads}")
            if model is models[0]:
                facts["ours"] = ("4", "1", megabytes("requirements"), "no")
                for name, server in servers.items():
                    progress.say(f"{name} is asked for all rows")
                    try:
                        right[name] = exactness(server, model.pipeline, model.rows)
                    except RuntimeError as error:
                        remarks.append(f"{name} did not start: {error}")
            servers = {name: server for name, server in servers.items() if name in right}
            works |= {f"{model.name}, {name}": started_and_loaded(server, one) for name, server in servers.items()}
        turns = in_turns(works, ROUNDS, most_seconds=budget.left(), least=1)
    lines, starts = [], {}
    for place, (measured, unit) in enumerate((("cold start", "s"), ("16 connections", "/s"))):
        for model in models:
            own = {
                work.removeprefix(f"{model.name}, "): [turn[place] for turn in found]
                for work, found in turns.items()
                if work.startswith(f"{model.name}, ")
            }
            lines += lines_of_figures(f"{model.name}: {measured}", unit, own)
            if not place:
                starts[model.name] = own
    first = starts[models[0].name]
    return Part(
        tuple(lines),
        (
            Sheet(
                ("server", "commands", "lines written", "installed, MB", "file to answer, s", "unpickles", *KINDS),
                tuple(
                    (name, *facts[name][:3], f"{prepared[name] + np.median(first[name]):.1f}", facts[name][3], *said)
                    for name, said in right.items()
                ),
            ),
        ),
        Noise("our own start", first["ours"]),
        tuple(remarks),
    )


@cache
def missing(name: str) -> str:
    """Why there is no environment of the rival *name*; empty where there is one, which is made if need be."""
    try:
        python_of(name)
    except MissingPeerError as error:
        return str(error)
    return ""


def published(model: Model, folder: Path, python: str) -> tuple[float, Server]:
    """Seconds until *model* is in production, and our server of it."""
    progress.say(f"{model.name}: ours is published")
    rows, target, learned = model.rows, model.target, model.learned
    began = time.perf_counter()
    training = (rows[learned], target[learned])
    publish(model.pipeline, rows[~learned], target[~learned], name=model.name, training=training)
    promote = [sys.executable, "-m", "model", "promote", "--model", model.name]
    subprocess.run(promote, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - began, ours(model.name, folder, python)


def lines_of_figures(measured: str, unit: str, figures: dict[str, list[float]]) -> list[Line]:
    """A line for each of the others."""
    own = figures["ours"]
    return [
        Line(f"{measured}, {name}", unit, own, {"theirs": theirs})
        for name, theirs in figures.items()
        if theirs is not own
    ]


def penguins() -> Model:
    """The table as its package holds it, less the rows without a weight; texts one-hot, missing cells left to the trees."""
    path = FOLDER / "penguins.csv"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        download = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "-d", str(FOLDER), PENGUINS]
        subprocess.run(download, check=True)
        with zipfile.ZipFile(next(FOLDER.glob("palmerpenguins-*.whl"))) as wheel:
            path.write_bytes(wheel.read("palmerpenguins/data/penguins.csv"))
    table = pd.read_csv(path).dropna(subset=[TARGET]).reset_index(drop=True).astype({"year": float})
    texts = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    pipeline = make_pipeline(
        make_column_transformer((texts, list(TEXTS)), remainder="passthrough"),
        HistGradientBoostingRegressor(random_state=0),
    )
    return fitted("penguins", pipeline, table.drop(columns=TARGET), table[TARGET])


def line() -> Model:
    """The feature and the target of the model that ships."""
    data = load_diabetes(as_frame=True, scaled=False)
    return fitted("line", make_pipeline(LinearRegression()), data.data[["bmi"]], data.target)


def fitted(name: str, pipeline: Pipeline, rows: pd.DataFrame, target: pd.Series) -> Model:
    """Four fifths of the rows are learned."""
    learned = pd.Series(rows.index % 5 > 0, rows.index)
    return Model(name, pipeline.fit(rows[learned], target[learned]), rows, target, learned)


def as_json(rows: pd.DataFrame) -> list[Row]:
    return json.loads(rows.to_json(orient="records", double_precision=15))


def ours(name: str, folder: Path, python: str) -> Server:
    def start(port: int) -> Process:
        command = [python, "-m", "functions_framework", "--source", str(OURS), "--target", "batch"]
        environ = {**os.environ, "MODEL_NAME": name}
        address = ["--host", "127.0.0.1", "--port", str(port)]
        log = folder / f"{name}.log"
        return Process("ours", [*command, *address], port=port, environ=environ, log=log, ends_with_parent=False)

    return Server(start, "/", lambda rows: {"instances": list(rows)}, lambda said: said["predictions"])


def prepare(rival: Rival, name: str, folder: Path, model: Model) -> tuple[Path, float]:
    """The folder that it is started in, and the seconds of its preparation, without the installation."""
    python = python_of(name)
    folder.mkdir()
    joblib.dump(model.pipeline, folder / "pipeline.joblib")
    model.rows.to_csv(folder / "rows.csv", index=False)
    if rival.app:
        shutil.copy(LISTS / rival.app, folder)
    for file, text in rival.files.items():
        (folder / file).write_text(text)
    began = time.perf_counter()
    if rival.prepare:
        command = rival.prepare.format(bin=Path(python).parent).split()
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise MissingPeerError(f"{rival.prepare} failed: {ended.stderr.strip().splitlines()[-1][:200]}")
    return folder, time.perf_counter() - began


def served_by(rival: Rival, name: str, folder: Path) -> Server:
    tools = FOLDER / name / "bin"

    def start(port: int) -> Process:
        command = rival.start.format(bin=tools, port=port).split()
        path = f"{tools}:{os.environ['PATH']}"
        environ = {**os.environ, "PATH": path, "PORT": str(port), "HOME": str(folder)}
        environ |= {"MLSERVER_HTTP_PORT": str(port), "MLSERVER_GRPC_PORT": str(free_port())}
        environ |= {"MLSERVER_METRICS_PORT": str(free_port()), "BENTOML_DO_NOT_TRACK": "1"}
        log = folder / "server.log"
        return Process(rival.name, command, port=port, environ=environ, log=log, ends_with_parent=False)

    return Server(start, rival.path, rival.body, rival.answers)


@contextmanager
def running(server: Server) -> Iterator[int]:
    port = free_port()
    process = server.start(port)
    try:
        yield port
    finally:
        process.stop(grace_seconds=5)


def ask(server: Server, port: int, rows: Sequence[Row]) -> tuple[int, bytes]:
    """The status and the body of its answer; 0 where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        body = json.dumps(server.body(rows))
        connection.request("POST", server.path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


def until_answered(server: Server, port: int, rows: Sequence[Row]) -> None:
    """Ask until it answers.

    Raises:
        RuntimeError: It never did; the message has its last answer.
    """
    end = time.monotonic() + MOST_START_SECONDS
    said: tuple[int, bytes] = (0, b"")
    while time.monotonic() < end:
        said = ask(server, port, rows)
        if said[0] == 200:
            return
        time.sleep(0.01)
    raise RuntimeError(f"{server.path} answered {said[0]}: {said[1][:300]!r}")


def started_and_loaded(server: Server, rows: Sequence[Row]) -> Callable[[], tuple[float, float]]:
    """Seconds from the start of the process to its first answer, and then its requests a second, of one row each."""

    def work() -> tuple[float, float]:
        began = time.perf_counter()
        with running(server) as port:
            until_answered(server, port, rows)
            seconds = time.perf_counter() - began
            request = post(json.dumps(server.body(rows)).encode())
            request = request.replace(b"POST / ", f"POST {server.path} ".encode())
            return seconds, asyncio.run(load(port, request, LOAD_SECONDS))[0]

    return work


KINDS = ("whole rows", "empty text", "empty number", "unknown level")


def exactness(server: Server, pipeline: Pipeline, rows: pd.DataFrame) -> tuple[str, ...]:
    """What it makes of each kind of rows: the largest relative difference, or how it fails."""
    whole = rows.dropna()
    some = whole.iloc[::10]
    empty = rows[rows["sex"].isna()]
    cases = (whole, empty, some.assign(bill_length_mm=np.nan), some.assign(island="Atlantis"))
    with running(server) as port:
        until_answered(server, port, as_json(whole.head(1)))
        return tuple(verdict(server, port, case, pipeline.predict(case)) for case in cases)


def verdict(server: Server, port: int, rows: pd.DataFrame, expected: np.ndarray) -> str:
    """All in one request, and where that is refused, one by one."""
    sent = as_json(rows)
    status, body = ask(server, port, sent)
    if status == 200:
        return difference(server.answers(json.loads(body)), expected)
    alone = [ask(server, port, [row]) for row in sent]
    words = sorted({word_of(status) for status, _ in alone if status != 200})
    if not words:
        answers = [server.answers(json.loads(body))[0] for _, body in alone]
        return f"one by one: {difference(answers, expected)}"
    failed = sum(status != 200 for status, _ in alone)
    return f"{' and '.join(words)}: {failed} of {len(sent)}"


def word_of(status: int) -> str:
    return f"refuses ({status})" if 400 <= status < 500 else str(status or "no answer")


def difference(answers: Sequence[Any], expected: np.ndarray) -> str:
    found = np.array([np.nan if answer is None else answer for answer in answers], dtype=float).ravel()
    if found.shape != expected.shape:
        return f"wrong: {len(found)} answers for {len(expected)} rows"
    largest = float(np.max(np.abs(found - expected) / np.abs(expected)))
    return f"{largest:.1g}" if largest <= 1e-9 else f"wrong: {largest:.1g}"


def megabytes(name: str) -> str:
    """What the environment holds, without the installer that venv brings."""
    (packages,) = (FOLDER / name).glob("lib/python*/site-packages")
    brought = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
    files = (path for path in packages.rglob("*") if path.is_file() and not path.is_symlink())
    kept = [
        path.stat().st_size
        for path in files
        if path.suffix != ".pyc" and path.relative_to(packages).parts[0].split("-")[0] not in brought
    ]
    return f"{sum(kept) / 1e6:.0f}"


def lines_of(rival: Rival) -> int:
    """Lines that a person writes for it, but for empty ones."""
    texts = [*rival.files.values(), (LISTS / rival.app).read_text() if rival.app else ""]
    return sum(bool(line.strip()) for text in texts for line in text.splitlines())


if __name__ == "__main__":
    from rich.console import Console

    from tests.bench.shown import show

    show(Console(width=200), measure(sys.argv[1:]))
