"""Processes of the sandbox: the memory that they take together."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from model.infra_validation.processes import Process
from tests.support.parts import free_port, until

pytestmark = pytest.mark.process

MEGABYTE = 10**6
FORK = """
import os, pathlib, sys, time
kept = bytearray(os.urandom(1)) * 40_000_000
if not os.fork():
    own = bytearray(b"x") * 20_000_000
    pathlib.Path(sys.argv[1], "child").touch()
    time.sleep(100)
pathlib.Path(sys.argv[1], "parent").touch()
time.sleep(100)
"""
RISE = """
import pathlib, sys, time
risen = bytearray(b"x") * 80_000_000
del risen
pathlib.Path(sys.argv[1], "parent").touch()
time.sleep(100)
"""


@pytest.mark.parametrize(
    ("script", "marks", "low", "high"),
    [
        pytest.param(FORK, ("parent", "child"), 60, 100, id="what-a-fork-shares-counts-once"),
        pytest.param(RISE, ("parent",), 80, 120, id="what-was-given-back-counts"),
    ],
)
def test_memory_is_that_of_all_processes_of_the_group_at_its_highest(tmp_path: Path, script, marks, low, high):
    process = Process(
        "memory",
        [sys.executable, "-ISc", script, str(tmp_path)],
        port=free_port(),
        environ={},
        log=None,
        ends_with_parent=True,
    )
    try:
        until(lambda: all((tmp_path / mark).exists() for mark in marks))

        assert low * MEGABYTE < process.peak_bytes() < high * MEGABYTE
    finally:
        process.stop()
