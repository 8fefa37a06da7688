"""Both functions run over a manifest that is not published yet, and are gone afterwards, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from functions import artifact
from model.errors import SandboxError
from model.infra_validation.processes import is_open
from model.infra_validation.sandbox import running
from model.infra_validation.smoke_test import ask
from tests.support.parts import ROOT, document, until

pytestmark = pytest.mark.process


def draft(**changes):
    body = document(**changes) | {"model": "draft-1", "version": 1}
    return artifact.parse_manifest(artifact.seal(body), "draft-1", 1)


def ports(addresses):
    return [int(address.rpartition(":")[2]) for address in addresses.values()]


def test_both_functions_answer_from_the_manifest_and_are_gone_afterwards():
    manifest = draft()

    with running(manifest) as functions:
        asked = {name: ask(address, name, manifest, within_seconds=0) for name, address in functions.addresses.items()}

    assert {name: (right > 0, wrong) for name, (right, wrong) in asked.items()} == {
        "batch": (True, []),
        "stream": (True, []),
    }
    until(lambda: not any(is_open(port) for port in ports(functions.addresses)), seconds=5)


def test_a_manifest_that_functions_refuse_is_not_served():
    manifest = draft(golden=[{"instance": [0.0], "prediction": 7.0}])

    with running(manifest) as functions:
        right, wrong = ask(functions.addresses["batch"], "batch", manifest, within_seconds=0)

    assert right == 0
    assert "got 503" in wrong[0]


def test_nothing_of_the_environment_reaches_the_functions(monkeypatch):
    monkeypatch.setenv("MODEL_VERSION", "9")
    monkeypatch.setenv("MODEL_ALIAS", "staging")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")
    manifest = draft()

    with running(manifest) as functions:
        assert ask(functions.addresses["stream"], "stream", manifest, within_seconds=0)[1] == []


def test_a_function_that_does_not_start_is_named_with_what_it_said_last(monkeypatch, tmp_path):
    broken = tmp_path / "main.py"
    broken.write_text("raise SystemExit('no such luck')\n")
    monkeypatch.setattr("model.infra_validation.sandbox._SOURCE", broken)

    with (
        pytest.raises(SandboxError, match=r"^batch did not start \(exit status \d+\), and said last: .*no such luck"),
        running(draft()),
    ):
        pass


def test_a_training_that_is_terminated_leaves_no_file_and_no_process(bucket, tmp_path):
    folder = tmp_path / "tmp"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "model", "train"],
        cwd=ROOT, env={**os.environ, "TMPDIR": str(folder)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: [*folder.glob("*/batch")], seconds=60)

    process.terminate()

    assert process.wait(20) == 143
    assert [*folder.iterdir()] == []


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_the_training_ends_what_it_started(ended_by, tmp_path):
    program = (
        "import sys, test_sandbox as t\n"
        "with t.running(t.draft()) as functions:\n"
        "    print(*t.ports(functions.addresses), flush=True)\n"
        "    sys.stdin.read()\n"
    )
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    listening = [int(port) for port in process.stdout.readline().split()]
    assert [is_open(port) for port in listening] == [True, True]

    process.send_signal(ended_by)

    process.communicate()
    until(lambda: not any(is_open(port) for port in listening))
