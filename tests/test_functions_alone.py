"""functions/ as it is uploaded: alone in a folder, in an environment that holds its own requirements and no more."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from parts import ROOT, Server

DEPLOYED = "3.13"
"""The Python of the runtime that is deployed."""


def python_of(version: str) -> str | None:
    """A Python of *version* on this machine, if there is one that runs."""
    name = f"python{version}"
    candidates = [shutil.which(name), *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/{name}"))]
    runs = (path for path in candidates if path and subprocess.run([path, "-c", ""], check=False).returncode == 0)
    return next(runs, None)


@pytest.mark.parametrize("version", ["", DEPLOYED], ids=["this-python", "deployed-python"])
def test_alone_with_its_own_requirements_it_serves(tmp_path, production, version):
    python = python_of(version) if version else sys.executable
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    production()
    shutil.copytree(ROOT / "functions", tmp_path / "upload", ignore=shutil.ignore_patterns("__pycache__"))
    uv = [sys.executable, "-m", "uv", "--quiet"]
    subprocess.run([*uv, "venv", "--python", python, tmp_path / "env"], check=True)
    own = str(tmp_path / "env" / "bin" / "python")
    requirements = tmp_path / "upload" / "requirements.txt"
    subprocess.run([*uv, "pip", "install", "--python", own, "--requirement", requirements], check=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}

    answers = {}
    for function, path in (("batch", "/batch/[0.5,0.2,0.6]"), ("stream", "/stream/0.5")):
        server = Server(tmp_path / "upload", function, environ, tmp_path / "upload" / "main.py", own)
        answers[function] = server.get(path).json()
        server.stop()

    model = {"name": "linear-regression", "version": 1}
    assert answers == {
        "batch": {"predictions": [2.0, 1.4, 2.2], "model": model},
        "stream": {"prediction": 2.0, "model": model},
    }
