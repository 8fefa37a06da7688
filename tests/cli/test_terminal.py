"""terminal.py: progress is for people, and a pipe gets none of it."""

from __future__ import annotations

import os
import pty
import subprocess

from tests.support import forks
from tests.support.parts import ROOT


def test_every_step_of_a_training_shows_on_a_terminal_and_results_go_to_standard_output(registry, bucket):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*forks.python(), "-m", "model", "train"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    seen = b""
    try:
        while piece := os.read(ours, 65536):
            seen += piece
    except OSError:  # the other end is closed
        pass
    output, _ = process.communicate()
    os.close(ours)

    steps = ("reading", "validating", "cross-validating", "fitting", "bootstrapping", "slices", "asking the functions")
    assert [step for step in (*steps, "publishing", "drawing the card") if step.encode() not in seen] == []
    assert process.returncode == 0
    assert b"blessed: yes" in output
    assert b"publishing" not in output
