"""Fixtures: a bucket, a registry, running functions, `python -m model`. Their parts are in tests/support/parts.py."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from google.cloud import storage

from model.cli.main import main
from model.registry.registry import Registry
from model.workflows.evaluate import Served
from tests.support import forks
from tests.support.cloud import Project
from tests.support.parts import MODEL, ROOT, Emulator, Server, document

pytest_plugins = ["tests.support.processes"]

# A shell starts what it puts in the background with Ctrl-C ignored, and so would be all that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    started = Emulator()
    started.start()
    yield started
    started.kill()


@pytest.fixture
def own_emulator() -> Iterator[Emulator]:
    """One that the test may kill."""
    started = Emulator()
    started.start()
    yield started
    started.kill()


@pytest.fixture
def bucket(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> storage.Bucket:
    """An empty bucket with object versioning on, for this test; the environment points at it."""
    made = emulator.make_bucket()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator.url)
    monkeypatch.setenv("MODEL_BUCKET", made.name)
    return made


@pytest.fixture
def registry(bucket: storage.Bucket) -> Registry:
    return Registry(bucket.name, MODEL)


@pytest.fixture
def publish(registry: Registry) -> Callable[..., int]:
    """Publish a line by slope and intercept, without training; gives the version."""

    def publish(*arguments: Any, **changes: Any) -> int:
        made = document(*arguments, **changes)
        return registry.publish(made, snapshot=b"rows", dataset="by-hand").version

    return publish


@pytest.fixture
def production(publish: Callable[..., int], registry: Registry) -> Callable[..., int]:
    """Publish a line and promote it; gives the version."""

    def production(*arguments: Any, **changes: Any) -> int:
        version = publish(*arguments, **changes)
        registry.promote(version, alias="production", by="test", reason="test")
        return version

    return production


@pytest.fixture
def quick() -> Iterator[pytest.MonkeyPatch]:
    """Trainings in this process draw no card, and start no functions to ask.

    Both have tests of their own; a training in a process of its own (the fixture `model`) does both.
    """
    with quickly() as patch:
        yield patch


@pytest.fixture(scope="module")
def train_once(
    emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Callable[[Path], list[str]]], storage.Bucket]:
    """Run a verb that trains quickly, once for many tests, with the arguments that are made in a folder; gives its bucket."""

    def train_once(arguments: Callable[[Path], list[str]]) -> storage.Bucket:
        bucket = emulator.make_bucket()
        output = io.StringIO()
        with quickly() as patch, redirect_stdout(output), redirect_stderr(output):
            patch.setenv("STORAGE_EMULATOR_HOST", emulator.url)
            patch.setenv("MODEL_BUCKET", bucket.name)
            status = main(arguments(tmp_path_factory.mktemp("trained")))
        assert status == 0, output.getvalue()
        return bucket

    return train_once


@contextmanager
def quickly() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.workflows.card.card", lambda *_, **__: "<p>not drawn</p>")
        patch.setattr("model.workflows.evaluate._asked", lambda *_: Served(0))
        yield patch


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a function with the present environment and *environ*; all end with the test."""
    started: list[Server] = []

    def serve(function: str, **environ: str) -> Server:
        source = ROOT / "functions" / "main.py"
        started.append(Server(tmp_path, function, {**os.environ, **environ}, source, sys.executable))
        return started[-1]

    yield serve
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def served(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """Both functions over one model, y = 1 + 2 · bmi in [-1, 1], for tests that only ask."""
    bucket = emulator.make_bucket()
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", emulator.url)
        registry = Registry(bucket.name, MODEL)
        version = registry.publish(document(), snapshot=b"rows", dataset="by-hand").version
        registry.promote(version, alias="production", by="test", reason="test")
        environ = {**os.environ, "MODEL_BUCKET": bucket.name, "MAX_BODY_BYTES": str(4 << 20)}
        source = ROOT / "functions" / "main.py"
        servers = {name: Server(folder, name, environ, source, sys.executable) for name in ("batch", "stream")}
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture
def batch(served: dict[str, Server]) -> Server:
    return served["batch"]


@pytest.fixture
def stream(served: dict[str, Server]) -> Server:
    return served["stream"]


@pytest.fixture(scope="session")
def gcloud() -> str:
    """The real Google Cloud CLI, which checks command lines offline."""
    path = shutil.which("gcloud")
    if path is None and os.environ.get("CI"):
        pytest.fail("CI needs the Google Cloud CLI, gcloud, on PATH")
    if path is None:
        pytest.skip("the Google Cloud CLI, gcloud, is not on this machine")
    return path


@pytest.fixture(scope="session")
def chromium() -> str:
    """Chromium's path. Without one these tests are skipped, but on CI they fail: there nobody would notice."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        wanted = "chromium must be on PATH to look at pages (on Debian and Ubuntu: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(wanted)
        pytest.skip(wanted)
    return found


@pytest.fixture(scope="session")
def model() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `python -m model …` with the present environment: forked, or by Python where one of its variables is set."""

    def model(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        own = any(name.startswith("PYTHON") for name in environ)
        return subprocess.run(
            [*([sys.executable] if own else forks.python()), "-m", "model", *arguments],
            cwd=ROOT,
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return model


@pytest.fixture(scope="session")
def deployed(
    emulator: Emulator, served: dict[str, Server], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """A project after its first `up`; its functions are those of `served`."""
    backends = {name: f"http://127.0.0.1:{server.port}" for name, server in served.items()}
    project = Project(tmp_path_factory.mktemp("deployed"), emulator, backends=backends)
    project.publish()
    project.up()
    yield project
    project.close()


@pytest.fixture(scope="session")
def released(emulator: Emulator, deployed: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The same after a release, so that both functions have a revision that served before."""
    project = Project(tmp_path_factory.mktemp("released"), emulator, like=deployed)
    project.edit_code()
    project.up()
    yield project
    project.close()


@pytest.fixture
def cloud(emulator: Emulator, deployed: Project, tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Make a project: one like another, after its first `up` by default; or an empty one with or without a model."""
    made: list[Project] = []

    def cloud(*, up: bool = True, model: bool = True, like: Project = deployed, **state: Any) -> Project:
        folder = tmp_path / f"cloud-{len(made)}"
        if up:
            made.append(Project(folder, emulator, like=like, **state))
        else:
            made.append(Project(folder, emulator, **{"backends": deployed.state["backends"], **state}))
            if model:
                made[-1].publish()
        return made[-1]

    yield cloud
    for project in made:
        project.close()
