"""Environments of clients and tools that tests run, each made once in .local/clients from its list of pinned packages."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.parts import ROOT

LISTS = ROOT / "tests" / "clients" / "packages"
FOLDER = ROOT / ".local" / "clients"


def python_with(name: str, *, folder: Path = FOLDER, lists: Path = LISTS) -> str:
    """The interpreter of the environment *name*, which is made anew where its list changed.

    A test that asks is skipped, with the reason, where the packages cannot be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment, packages = folder / name, lists / f"{name}.txt"
    stamp, python = environment / "stamp", str(environment / "bin" / "python")
    wanted = sys.version + packages.read_text()
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # since tests run side by side
        if stamp.exists() and stamp.read_text() == wanted:
            return python
        shutil.rmtree(environment, ignore_errors=True)
        uv = [sys.executable, "-m", "uv"]
        make = [*uv, "venv", "--quiet", "--python", sys.executable, str(environment)]
        install = [*uv, "pip", "install", "--quiet", "--python", python, "--requirements", str(packages)]
        for command in (make, install):
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            if ended.returncode:
                said = " ".join((ended.stderr or ended.stdout).split())
                pytest.skip(f"{name} could not be installed: {said[:300]}")
        stamp.write_text(wanted)
    return python
