"""Fixtures: functions to call, and clients that call them, each from an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from model.registry.registry import Registry
from tests.support.environments import python_with
from tests.support.kinds import price, punctual
from tests.support.parts import ROOT, Emulator, Server, document

HERE = Path(__file__).parent


def lines() -> tuple[dict[str, Any], bytes]:
    """y = 1 + 2 a - b."""
    features = [
        {"name": name, "minimum": -1.0, "maximum": 1.0, "mean": 0.0, "std": 0.5, "quantiles": [-1.0, 1.0]}
        for name in "ab"
    ]
    linear = {"coefficients": [2.0, -1.0], "intercept": 1.0}
    return document(features=features, linear=linear, golden=[{"instance": [1.0, 0.5], "prediction": 2.5}]), b""


MODELS = {"line": lambda: (document(), b""), "lines": lines, "lateness": punctual, "prices": price}


@pytest.fixture(scope="session")
def model_bucket(emulator: Emulator) -> str:
    """A bucket with each of MODELS in production."""
    bucket = emulator.make_bucket()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", emulator.url)
        for name, made in MODELS.items():
            registry, (body, arrays) = Registry(bucket.name, name), made()
            version = registry.publish(body, snapshot=b"rows", dataset="by-hand", arrays=arrays).version
            registry.promote(version, alias="production", by="test", reason="test")
    return bucket.name


@pytest.fixture(scope="session")
def address_of(
    emulator: Emulator, model_bucket: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., str]]:
    """Give the address of a function that serves one of MODELS; started once, and ended with the session."""
    started: dict[tuple[str, str], Server] = {}
    folder = tmp_path_factory.mktemp("clients")

    def address_of(model: str, function: str = "batch") -> str:
        if (model, function) not in started:
            own = {"STORAGE_EMULATOR_HOST": emulator.url, "MODEL_BUCKET": model_bucket, "MODEL_NAME": model}
            source = ROOT / "functions" / "main.py"
            started[model, function] = Server(folder, function, {**os.environ, **own}, source, sys.executable)
        return f"http://127.0.0.1:{started[model, function].port}"

    yield address_of
    for server in started.values():
        server.stop()


@pytest.fixture(scope="session")
def answers_to(address_of: Callable[..., str]) -> Callable[[str], dict[str, Any]]:
    """Run the calls of a client against `lines` and `lateness`; gives what it was answered by the names of the calls."""

    def answers_to(client: str) -> dict[str, Any]:
        python, calls = python_with(client), HERE / "calls" / f"{client}_calls.py"
        command = [python, str(calls), address_of("lines"), address_of("lateness")]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert ended.returncode == 0, ended.stderr
        answers: dict[str, Any] = json.loads(ended.stdout)
        return answers

    return answers_to
