"""Which tests start processes, and the guard that keeps the others from it. `pytest --fast` runs the others alone.

A test starts processes if it asks for one of the fixtures below, or is marked `process`. Any other test that starts one
fails, in every run, so the selection stays right.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="run only the tests that start no process and are not slow")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "process: the test starts a process, by other means than a fixture that does")
    config.addinivalue_line("markers", "slow: the test starts no process, and takes seconds; --fast leaves it out")
    sys.addaudithook(_audit)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--fast"):
        return
    left_out = [item for item in items if starts_processes(item) or item.get_closest_marker("slow")]
    items[:] = [item for item in items if item not in set(left_out)]
    config.hook.pytest_deselected(items=left_out)


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
