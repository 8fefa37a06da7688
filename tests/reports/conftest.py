"""Versions to make pages of. What many tests only read is made once a worker; a test that changes it gets a copy."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.cloud import storage

from model.cli.main import main
from model.registry.registry import Registry
from model.workflows.evaluate import Served
from tests.support import captured
from tests.support.browser import Browser, opened
from tests.support.pages import hostile_world, small_hostile_world, world
from tests.support.parts import MODEL, ROOT, Emulator


def configure(folder: Path, rows: dict[str, Any], *, target: str = "y", alpha: float = 0.0) -> str:
    """Write *rows*, and a configuration that trains on them with the shipped gate; gives its path."""
    head = ",".join('"' + name.replace('"', '""') + '"' for name in rows)
    lines = [",".join(map(repr, map(float, cells))) for cells in zip(*rows.values(), strict=True)]
    (folder / "rows.csv").write_text("\n".join([head, *lines, ""]))
    features = ", ".join(f"{{ name = {json.dumps(name)} }}" for name in rows if name != target)
    shipped = (ROOT / "model" / "config.toml").read_text()
    (folder / "config.toml").write_text(
        f"""
        [data]
        source = {json.dumps(str(folder / "rows.csv"))}
        target = {json.dumps(target)}
        holdout = 0.2
        features = [{features}]
        [training]
        seed = 7
        folds = 5
        repeats = 1
        candidates = [
          {{ estimator = "sklearn.linear_model.Ridge", scale = true, grid = {{ alpha = [{alpha}, {alpha + 1}] }} }},
        ]
        """
        + shipped[shipped.index("[gate]") :]
    )
    return str(folder / "config.toml")


def monitor(run: Any, registry: Registry, folder: Path, columns: dict[str, Any], target: str) -> str:
    """Train on *columns*, capture requests of them that moved, and give the page of `monitor`."""
    code, _, said = run("train", "--json", "--config", configure(folder, columns, target=target))
    assert code == 0, said
    registry.promote(1, alias="production", by="test", reason="test", force=True)
    features = {name: np.asarray(cells[:400]) + 1.0 for name, cells in columns.items() if name != target}
    predictions = np.asarray(columns[target][:400])
    before = captured.traffic(features, predictions, end=captured.NOW - timedelta(hours=24), name="before")
    lines = captured.lines([*before, *captured.traffic(features, predictions, name="now")])
    (folder / "captured.jsonl").write_bytes(lines + captured.lines([b"<script>alert(1)</script>"]))
    until = ("--until", captured.NOW.isoformat(), "--config", str(folder / "config.toml"))
    path = folder / "monitor.html"
    code, _, said = run("monitor", str(folder / "captured.jsonl"), "--report", str(path), *until)
    assert (code, said) == (3, "")
    return path.read_text()


@pytest.fixture
def model(bucket, capsys):
    """Run a verb here; gives exit code, standard output and standard error."""

    def model(*arguments):
        code = main(arguments)
        return (code, *capsys.readouterr())

    return model


@pytest.fixture
def card(model, tmp_path):
    """Write the model card of a version to a file; gives its text."""

    def card(version="1"):
        path = tmp_path / "card.html"
        assert model("report", version, "--output", str(path)) == (0, f"{path}\n", "")
        return path.read_text()

    return card


ASKED = ("model.workflows.evaluate._asked", lambda *_: Served(0))
"""Has trainings start no functions to ask; those of `shipped` start them, and its card shows what memory they took."""


@pytest.fixture
def unasked(monkeypatch):
    monkeypatch.setattr(*ASKED)


@pytest.fixture
def train(unasked, model, tmp_path):
    """Train on rows made here, with the shipped gate."""

    def train(rows, *, target="y", alpha=0.0):
        _, output, said = model("train", "--json", "--config", configure(tmp_path, rows, target=target, alpha=alpha))
        assert output, said
        return json.loads(output)

    return train


@dataclass
class Made:
    """A bucket that several tests read: the manifests that were trained into it, and a verb's way to it."""

    bucket: storage.Bucket
    folder: Path
    documents: list[dict[str, Any]] = field(default_factory=list)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        output, said = io.StringIO(), io.StringIO()
        with redirect_stdout(output), redirect_stderr(said):
            code = main(arguments)
        return code, output.getvalue(), said.getvalue()

    def train(self, *arguments: str) -> None:
        _, output, said = self.run("train", "--json", *arguments)
        assert output, said
        self.documents.append(json.loads(output))


@contextmanager
def made(emulator: Emulator, folder: Path, *, asked: bool = False) -> Iterator[Made]:
    """An empty one, to which the environment points while it is filled."""
    with pytest.MonkeyPatch.context() as patch:
        if not asked:
            patch.setattr(*ASKED)
        bucket = emulator.make_bucket()
        patch.setenv("STORAGE_EMULATOR_HOST", emulator.url)
        patch.setenv("MODEL_BUCKET", bucket.name)
        yield Made(bucket, folder)


@pytest.fixture(scope="session")
def made_shipped(emulator, tmp_path_factory) -> Made:
    """The reference model twice: version 1 in production, and version 2, which the gate refused."""
    with made(emulator, tmp_path_factory.mktemp("shipped"), asked=True) as shop:
        shop.train()
        shop.run("promote")
        shop.train()
    return shop


@pytest.fixture(scope="session")
def made_compared(emulator, tmp_path_factory) -> Made:
    """Version 1 in production, and version 2, which is better."""
    with made(emulator, tmp_path_factory.mktemp("compared")) as shop:
        shop.train("--config", configure(shop.folder, world(), alpha=600.0))
        shop.run("promote")
        shop.train("--config", configure(shop.folder, world()))
    return shop


@pytest.fixture(scope="session")
def made_hostile(emulator, tmp_path_factory) -> Made:
    """One version, of columns whose names would break out of a page."""
    with made(emulator, tmp_path_factory.mktemp("hostile")) as shop:
        shop.train("--config", configure(shop.folder, hostile_world(), target="<b>y</b>"))
    return shop


@pytest.fixture
def shipped(made_shipped, bucket, monkeypatch) -> Made:
    """To read: the verbs of this test are of its bucket."""
    monkeypatch.setenv("MODEL_BUCKET", made_shipped.bucket.name)
    return made_shipped


@pytest.fixture
def compared(made_compared, bucket, monkeypatch) -> Made:
    monkeypatch.setenv("MODEL_BUCKET", made_compared.bucket.name)
    return made_compared


@pytest.fixture
def hostile(made_hostile, bucket, monkeypatch) -> Made:
    monkeypatch.setenv("MODEL_BUCKET", made_hostile.bucket.name)
    return made_hostile


@pytest.fixture(scope="session")
def monitored(emulator, tmp_path_factory) -> str:
    """The page of `monitor` over requests of a version that moved."""
    with made(emulator, tmp_path_factory.mktemp("monitored")) as shop:
        return monitor(shop.run, Registry(shop.bucket.name, MODEL), shop.folder, world(), "y")


@pytest.fixture(scope="session")
def hostile_monitored(emulator, tmp_path_factory) -> str:
    """The same, of columns whose names would break out of a page."""
    with made(emulator, tmp_path_factory.mktemp("hostile-monitored")) as shop:
        return monitor(shop.run, Registry(shop.bucket.name, MODEL), shop.folder, small_hostile_world(), "<b>y</b>")


@pytest.fixture(scope="session")
def browser(chromium, tmp_path_factory) -> Iterator[Browser]:
    with opened(chromium, tmp_path_factory.mktemp("browser")) as browser:
        yield browser
