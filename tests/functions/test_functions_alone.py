"""functions/ as it is uploaded: alone in a folder, in an environment that holds its own requirements and no more."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cloud import Project
from tests.support.parts import ROOT, Server

DEPLOYED = "3.13"
"""The Python of the runtime that is deployed."""


def python_of(version: str) -> str | None:
    """A Python of *version* on this machine, if there is one that runs."""
    name = f"python{version}"
    candidates = [shutil.which(name), *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/{name}"))]
    runs = (path for path in candidates if path and subprocess.run([path, "-c", ""], check=False).returncode == 0)
    return next(runs, None)


def environment_of(project: Project, function: str) -> dict[str, str]:
    """The environment that the last `up` gave to *function*."""
    deployed = [call for call in project.calls() if call[:3] == ["functions", "deploy", function]]
    (variables,) = (word for word in deployed[-1] if word.startswith("--set-env-vars="))
    return dict(pair.split("=", 1) for pair in variables.removeprefix("--set-env-vars=^|^").split("|"))


@pytest.mark.parametrize("version", ["", DEPLOYED], ids=["this-python", "deployed-python"])
def test_the_upload_serves_with_its_own_requirements_and_the_environment_that_up_sets(
    tmp_path, deployed, model, version
):
    python = python_of(version) if version else sys.executable
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    upload = tmp_path / "upload"
    for path in (ROOT / "functions").rglob("*"):
        if path.suffix in {".py", ".html", ".css", ".js"} or path.name == "requirements.txt":  # as test_gcloud.py holds
            copy = upload / path.relative_to(ROOT / "functions")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    uv = [sys.executable, "-m", "uv", "--quiet"]
    subprocess.run([*uv, "venv", "--python", python, tmp_path / "env"], check=True)
    own = str(tmp_path / "env" / "bin" / "python")
    subprocess.run([*uv, "pip", "install", "--python", own, "--requirement", upload / "requirements.txt"], check=True)
    emulator = {"STORAGE_EMULATOR_HOST": deployed.state["emulator"]}
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **emulator}

    servers = [
        Server(tmp_path, name, {**bare, **environment_of(deployed, name)}, upload / "main.py", own)
        for name in ("batch", "stream")
    ]
    addresses = [f"{server.function}=http://127.0.0.1:{server.port}" for server in servers]
    asked = model("smoke", *addresses, "--bucket", deployed.bucket, **emulator)
    page = servers[0].get("/batch", accept="text/html")
    lines = [line for server in servers for line in server.lines() if "httpRequest" in line]
    for server in servers:
        server.stop()

    assert (asked.returncode, asked.stderr) == (0, "")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert asked.stdout == (
        "batch: 5 answers as they must be, from version 1\nstream: 9 answers as they must be, from version 1\n"
    )
    assert {"execution_id"} == {label for line in lines for label in line["logging.googleapis.com/labels"]}
