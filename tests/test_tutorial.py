"""The tutorial of model/README.md is true: its commands run, and print the lines that it shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import forks
from tests.support.parts import ROOT, until

HEADING = "## The whole circle, on your machine"


def commands() -> list[tuple[str, list[str]]]:
    """Each command of the tutorial with the lines that it prints there, those left out by an ellipsis aside."""
    _, _, rest = (ROOT / "model" / "README.md").read_text().partition(HEADING)
    section, _, _ = rest.partition("\n## ")
    shown: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```\n(.*?)^```", section, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.startswith("$ "):
                shown.append((line.removeprefix("$ "), []))
            elif line not in {"", "…"}:
                shown[-1][1].append(line)
    return shown


def shape(line: str) -> str:
    """The line without its figures and column widths, which differ with time and machine."""
    return re.sub(r"[-+]?\d[\d.e-]*", "#", re.sub(r"\s+", " ", line)).strip()


def commands_python(folder: Path) -> Path:
    """A folder with a `python` that forks where it is asked for a module: its imports take longer than most commands."""
    python = folder / "bin" / "python"
    python.parent.mkdir(exist_ok=True)
    python.write_text(
        f'#!/bin/sh\n[ "$1" = -m ] && exec {shlex.join(forks.python())} "$@"\nexec {shlex.quote(sys.executable)} "$@"\n'
    )
    python.chmod(0o755)
    return python.parent


def run(command: str, folder: Path, port: int, log: Path) -> str:
    """Run a command of the tutorial beside the function at *port*, which writes to *log*; gives all that it prints."""
    for there, here in (
        ("http://127.0.0.1:8082", f"http://127.0.0.1:{port}"),
        (".local/stream.log", f"'{log}'"),
        ("tests/support/visits.py", f"'{ROOT}/tests/support/visits.py'"),
    ):
        command = command.replace(there, here)
    environ = {**os.environ, "PATH": f"{commands_python(folder)}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environ, capture_output=True, text=True, timeout=100, check=False
    )
    return f"{done.stdout}\n{done.stderr}"


@pytest.mark.timeout(400)
def test_the_commands_of_the_tutorial_print_its_lines(model, bucket, serve, tmp_path):
    assert model("train").returncode == 0
    model("promote")
    stream = serve("stream", MODEL_REFRESH_SECONDS="0.3")

    for command, lines in commands():
        if command.startswith("curl"):
            until(lambda: stream.get("/stream/0.05").headers["x-model-version"] == "2", seconds=60)
        printed = run(command, tmp_path, stream.port, stream.path)
        shapes = {shape(line) for line in printed.splitlines()}
        missing = [line for line in lines if shape(line) not in shapes]
        assert missing == [], f"{command}\n{printed}"
