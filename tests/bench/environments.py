"""Environments of other servers and runtimes, each made once in .local/peers from its list in tests/bench/peers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.parts import ROOT

LISTS = ROOT / "tests" / "bench" / "peers"
FOLDER = ROOT / ".local" / "peers"


class MissingPeerError(Exception):
    """An environment could not be made; the message says why."""


def python_of(name: str, *, folder: Path = FOLDER, lists: Path = LISTS) -> str:
    """The interpreter of the environment *name*, which is made anew where its list changed.

    Raises:
        MissingPeerError: Packages cannot be had here.
    """
    wanted = sys.version + (lists / f"{name}.txt").read_text()
    environment, stamp = folder / name, folder / name / "stamp"
    python = str(environment / "bin" / "python")
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"installing {name} and what it needs into .local/peers (once, a minute or two) …", file=sys.stderr)
    shutil.rmtree(environment, ignore_errors=True)
    install = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-r", str(lists / f"{name}.txt")]
    for command in ([sys.executable, "-m", "venv", str(environment)], install):
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            said = (ended.stderr.strip() or ended.stdout.strip() or f"exit status {ended.returncode}").splitlines()
            raise MissingPeerError(f"{name} could not be installed: {said[-1][:200]}")
    stamp.write_text(wanted)
    return python
