"""The OpenAPI document before two judges: a validator, and schemathesis, which makes requests of it and checks the answers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import HERE, MODELS
from tests.support.environments import python_with
from tests.support.kinds import Functions, sealed

TWINS = ("invocations", "inferVersionV2")
"""Operations that other paths have too; they are left out to save time."""


def run(python, *arguments, folder):
    """Run a module of the environment; gives its status and what it said."""
    environ = {**os.environ, "PYTHONPATH": str(HERE / "calls"), "SCHEMATHESIS_HOOKS": "schemathesis_hooks"}
    command = [python, "-m", *arguments]
    ended = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=580, check=False)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.process
def test_the_document_of_every_model_is_valid(tmp_path):
    files = []
    for name, made in MODELS.items():
        for function in ("batch", "stream"):
            answer = Functions(sealed(made())).ask("GET", f"/{function}/openapi.json")
            files.append(Path(tmp_path, f"{name}-{function}.json"))
            files[-1].write_bytes(answer.body)
    broken = json.loads(files[0].read_bytes())
    del broken["info"]
    Path(tmp_path, "broken.json").write_text(json.dumps(broken))

    python = python_with("schemathesis")
    status, said = run(python, "openapi_spec_validator", *map(str, files), folder=tmp_path)
    broken_status, _ = run(python, "openapi_spec_validator", "broken.json", folder=tmp_path)

    assert (status, said.count(": OK")) == (0, len(files)), said
    assert broken_status != 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("model", "function", "phases"),
    [
        pytest.param("line", "batch", "examples,fuzzing", id="line-in-short"),
        pytest.param("line", "batch", "examples,coverage,fuzzing", id="line", marks=pytest.mark.sweep),
        pytest.param("lateness", "batch", "examples,coverage,fuzzing", id="classes", marks=pytest.mark.sweep),
        pytest.param("prices", "stream", "examples,coverage,fuzzing", id="one-a-request", marks=pytest.mark.sweep),
    ],
)
def test_requests_made_of_the_document_are_answered_as_it_says(address_of, tmp_path, model, function, phases):
    options = ["--checks", "all", "--seed", "1", "--max-examples", "10", "--phases", phases, "--continue-on-failure"]
    for operation in TWINS:
        options += ["--exclude-operation-id", operation]

    python, document = python_with("schemathesis"), f"{address_of(model, function)}/openapi.json"
    status, said = run(python, "schemathesis.cli", "run", document, *options, folder=tmp_path)

    assert status == 0, said
