"""Which tests start processes, and the guard that keeps the others from it. `pytest --fast` runs the others alone.

`pytest --all` runs the points of a sweep that other runs leave out, too, and tries a property on all of its examples,
of which other runs try a third.

A test starts processes if it asks for one of the fixtures below, or is marked `process`. Any other test that starts one
fails, in every run, so the selection stays right.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import is_hypothesis_test, settings

FIXTURES = {
    "again",
    "cloud",
    "deployed",
    "emulator",
    "gcloud",
    "local",
    "model",
    "own_emulator",
    "released",
    "serve",
    "served",
    "train_once",
}
"""Fixtures that start a process, or give a function that does."""

EVENTS = {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"}
"""Audit events of Python by which a process starts."""

_guarded: list[list[str]] = []
"""The processes that the present test started, while a test that may start none runs."""


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _guarded and event in EVENTS and arguments[:1] != ("lscpu",):  # scikit-learn counts processors with it, once
        _guarded[-1].append(str(arguments[0]) if arguments else event)


def starts_processes(item: pytest.Item) -> bool:
    return item.get_closest_marker("process") is not None or not FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


def sweep(points: Sequence[Any], every: int) -> list[Any]:
    """Parameters of a test that takes seconds a point: each *every*-th of them, and the first and last, run always; the
    others with `--all`.
    """
    kept = {0, *range(every - 1, len(points), every), len(points) - 1}
    return [
        point if place in kept else pytest.param(point, marks=pytest.mark.sweep) for place, point in enumerate(points)
    ]


LEAST_EXAMPLES = 50


def leave_out_examples(item: pytest.Item) -> None:
    """Have a property tried on a quarter of its examples, but on no fewer than 50."""
    test = getattr(item, "obj", None)
    if is_hypothesis_test(test) and not hasattr(test, "all_examples"):
        own = test._hypothesis_internal_use_settings
        test.all_examples = own.max_examples
        fewer = min(own.max_examples, max(LEAST_EXAMPLES, own.max_examples // 4))
        test._hypothesis_internal_use_settings = settings(own, max_examples=fewer)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all", action="store_true", help="run every point of each sweep, every example, and every client"
    )
    parser.addoption("--fast", action="store_true", help="run only the tests that start no process and are not slow")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "process: the test starts a process, by other means than a fixture that does")
    config.addinivalue_line(
        "markers", "sweep: a point of a sweep, or a client of a large environment, that runs with --all only"
    )
    config.addinivalue_line("markers", "slow: the test starts no process, and takes seconds; --fast leaves it out")
    sys.addaudithook(_audit)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Look for no garbage among the modules and the tests, which all stay: not while they are made, nor afterwards."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    fast, every_point = config.getoption("--fast"), config.getoption("--all")
    left_out = {
        item
        for item in items
        if (item.get_closest_marker("sweep") and not every_point)
        or (fast and (starts_processes(item) or item.get_closest_marker("slow")))
    }
    if not every_point:
        for item in items:
            leave_out_examples(item)
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def _no_processes(request: pytest.FixtureRequest) -> Iterator[None]:
    if starts_processes(request.node):
        yield
        return
    started: list[str] = []
    _guarded.append(started)
    yield
    _guarded.remove(started)
    if started:
        pytest.fail(f"the test starts a process ({started[0]}): mark it with pytest.mark.process")
