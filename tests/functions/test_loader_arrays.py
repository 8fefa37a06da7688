"""Arrays beside the manifest: read once for each model, within the size that the manifest names, and checked."""

from __future__ import annotations

import tracemalloc
from functools import partial
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest

from functions import artifact
from functions.artifact import alias_name, manifest_name, model_name
from functions.bucket import AbsentError, BucketError, Fetched, fetch
from functions.columns.table import Table
from functions.loader import Loader
from tests.support.kinds import graph, step
from tests.support.parts import MODEL, document
from tests.support.storage import serving

ALIAS = alias_name(MODEL, "production")


def line(slope: float) -> tuple[dict[str, Any], bytes]:
    """A graph of one column that gives slope · bmi, and its arrays."""
    made, block = graph(
        [step("matrix", arrays={"columns": 0}), step("linear", 0, arrays={"weights": 1, "bias": 2})],
        [np.array([0], np.int32), np.array([[slope]]), np.array([0.0])],
        columns=1,
    )
    golden = [{"instance": [2.0], "prediction": 2.0 * slope}]
    return document(runtime="graph", linear=None, graph=made, golden=golden), block


def squared(slope: float) -> tuple[dict[str, Any], bytes]:
    """Another graph over the same arrays, that gives slope² · bmi."""
    made, block = line(slope)
    twice = step("linear", 1, arrays={"weights": 1, "bias": 2})
    made["graph"] |= {"steps": [*made["graph"]["steps"], twice], "values": 2}
    made["golden"] = [{"instance": [2.0], "prediction": 2.0 * slope**2}]
    return made, block


class World:
    """A bucket in memory, a loader over it, the names that were read, and the lines for the operator."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes | Exception] = {}
        self.reads: list[str] = []
        self.lines: list[tuple[str, str]] = []
        self.history: list[dict[str, Any]] = []
        self.loader = self.another()

    def another(self, version: int | None = None) -> Loader:
        return Loader(
            self.read,
            model=MODEL,
            alias="production",
            version=version,
            refresh_seconds=60.0,
            report=lambda *line: self.lines.append(line),
        )

    def read(self, name: str, most_bytes: int | None = None, generation: int | None = None) -> Fetched:  # noqa: ARG002 - as bucket.fetch
        self.reads.append(name.removeprefix(f"{MODEL}/"))
        content = self.objects.get(name, AbsentError(f"{name} does not exist"))
        if isinstance(content, Exception):
            raise content
        return Fetched(content if most_bytes is None else content[: most_bytes + 1], len(self.history))

    def promote(self, version: int, made: tuple[dict[str, Any], bytes], **changes: Any) -> None:
        """Write *version* with its arrays beside it, and point the alias at it."""
        body, arrays = artifact.with_arrays(*made)
        assert arrays
        whole = artifact.seal({**body, **changes, "model": MODEL, "version": version, "created": "now"})
        manifest = artifact.parse_manifest(whole, MODEL, version)
        self.objects |= {manifest_name(MODEL, version): whole, model_name(MODEL, version): arrays}
        self.history.insert(0, {"version": version})
        self.objects[ALIAS] = artifact.render_alias(manifest, self.history)

    def look(self) -> tuple[int | None, float | None]:
        """Have the loader look; the version that it holds then, and its answer for 3."""
        self.reads.clear()
        self.lines.clear()
        self.loader.load()
        held = self.loader._current
        if held is None:
            return None, None
        return held.manifest.version, float(held.predict(Table(np.array([[3.0]]))).values[0])


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which all arrays travel beside their manifest."""
    monkeypatch.setattr("functions.artifact.MOST_INLINE_BYTES", 0)
    return World()


def swapped(block: bytes) -> bytes:
    return block[:-1] + bytes([block[-1] ^ 1])


BAD = [
    pytest.param(lambda block: block[:-1], "graph.arrays: expected {size} bytes, found {less}", id="cut-short"),
    pytest.param(lambda block: block + b"\0", "graph.arrays: expected {size} bytes, found {more}", id="longer"),
    pytest.param(lambda block: block * 1000, "graph.arrays: expected {size} bytes, found {more}", id="much-longer"),
    pytest.param(lambda _: b"", "graph.arrays: expected {size} bytes, found 0", id="empty"),
    pytest.param(swapped, "graph.arrays: the bytes have another digest than the document says", id="another-digest"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD)
def test_while_warm_arrays_that_do_not_verify_change_nothing(world, spoil, message):
    world.promote(1, line(1.0))
    world.look()
    world.promote(2, line(2.0))
    block = world.objects[model_name(MODEL, 2)]
    world.objects[model_name(MODEL, 2)] = spoil(block)

    assert world.look() == (1, 3.0)

    reason = message.format(size=len(block), less=len(block) - 1, more=len(block) + 1)
    assert world.lines == [("ERROR", f"{MODEL} version 2: {reason}; version 1 goes on serving")]


@pytest.mark.parametrize(("spoil", "message"), BAD)
def test_a_cold_start_on_arrays_that_do_not_verify_serves_the_earlier_version(world, spoil, message):
    world.promote(1, line(1.0))
    world.promote(2, line(2.0))
    world.objects[model_name(MODEL, 2)] = spoil(world.objects[model_name(MODEL, 2)])

    assert world.look() == (1, 3.0)

    assert world.reads == [
        "aliases/production.json",
        "versions/2/model.bin",
        "versions/1/manifest.json",
        "versions/1/model.bin",
    ]


def test_a_cold_start_without_the_arrays_serves_the_earlier_version_until_they_are_there(world):
    world.promote(1, line(1.0))
    world.promote(2, line(2.0))
    arrays = world.objects.pop(model_name(MODEL, 2))

    assert world.look() == (1, 3.0)

    world.objects[model_name(MODEL, 2)] = arrays
    assert world.look() == (2, 6.0)


def test_arrays_out_of_reach_on_a_cold_start_are_waited_for(world):
    world.promote(1, line(1.0))
    world.promote(2, line(2.0))
    arrays = world.objects[model_name(MODEL, 2)]
    world.objects[model_name(MODEL, 2)] = BucketError("cannot be reached")

    assert world.look() == (None, None)
    assert world.lines == [("ERROR", "cannot be reached; nothing is served")]

    world.objects[model_name(MODEL, 2)] = arrays
    assert world.look() == (2, 6.0)


def test_a_manifest_and_a_graph_that_name_other_arrays_are_refused(world):
    world.promote(1, line(1.0))
    body, block = line(2.0)
    world.promote(2, (body, block), files={"model.bin": {"sha256": "0" * 64, "bytes": len(block)}})

    assert world.look() == (1, 3.0)

    assert world.lines[0][1].startswith(
        f"{MODEL} version 2: 'graph.arrays' and 'files' must name the same bytes for model.bin"
    )


def test_golden_answers_are_asked_of_a_runtime_that_is_used_again(world):
    world.promote(1, line(2.0))
    world.look()
    world.promote(2, line(2.0), golden=[{"instance": [2.0], "prediction": 5.0}])

    assert world.look() == (1, 6.0)

    assert world.lines == [
        (
            "ERROR",
            f"{MODEL} version 2: golden 0: expected a prediction of 5.0, found 4.0; version 1 goes on serving",
        )
    ]


def test_a_cold_start_costs_two_reads(world):
    world.promote(1, line(1.5))

    assert world.look() == (1, 4.5)

    assert world.reads == ["aliases/production.json", "versions/1/model.bin"]


def test_a_look_at_an_alias_that_stands_still_reads_no_arrays(world):
    world.promote(1, line(1.5))
    world.look()

    assert world.look() == (1, 4.5)

    assert world.reads == ["aliases/production.json"]


def test_a_version_with_the_same_arrays_reads_none(world):
    world.promote(1, line(1.5))
    world.look()
    world.promote(2, line(1.5), target={"name": "renamed"})

    assert world.look() == (2, 4.5)

    assert world.reads == ["aliases/production.json"]


def test_a_version_with_other_arrays_reads_its_own(world):
    world.promote(1, line(1.5))
    world.look()
    world.promote(2, line(2.5))

    assert world.look() == (2, 7.5)

    assert world.reads == ["aliases/production.json", "versions/2/model.bin"]


def test_a_new_graph_over_the_same_arrays_reads_none(world):
    world.promote(1, line(1.5))
    world.look()
    world.promote(2, squared(1.5))

    assert world.look() == (2, 6.75)

    assert world.reads == ["aliases/production.json"]


def test_a_new_graph_that_does_not_fit_the_same_arrays_changes_nothing(world):
    world.promote(1, line(1.5))
    world.look()
    made, block = squared(1.5)
    made["graph"]["steps"][2]["arrays"]["weights"] = 0
    world.promote(2, (made, block))

    assert world.look() == (1, 4.5)

    assert world.lines == [
        (
            "ERROR",
            f"{MODEL} version 2: step 2, linear: weights must be of type f4 or f8, got int32; version 1 goes on serving",
        )
    ]


def test_arrays_of_a_version_that_was_left_are_read_again(world):
    world.promote(1, line(1.5))
    world.look()
    world.promote(2, line(2.5))
    world.look()
    world.promote(3, squared(1.5))

    assert world.look() == (3, 6.75)

    assert world.reads == ["aliases/production.json", "versions/3/model.bin"]


def test_a_server_is_asked_for_the_same_arrays_once(world, monkeypatch):
    def answer(handler):
        name = unquote(handler.path.partition("/o/")[2].partition("?")[0])
        handler.say(200, world.objects[name], x_goog_generation=len(world.history))

    with serving(answer) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        world.read = partial(fetch, "models")
        world.loader = world.another()
        for version, made in enumerate((line(1.5), line(1.5), squared(1.5), line(2.5)), start=1):
            world.promote(version, made)
            world.loader.load()

    asked = [unquote(path).partition(f"{MODEL}/")[2].partition("?")[0] for path in server.paths]
    assert asked == [
        "aliases/production.json",
        "versions/1/model.bin",
        "aliases/production.json",
        "aliases/production.json",
        "aliases/production.json",
        "versions/4/model.bin",
    ]


def test_a_pinned_version_reads_its_arrays(world):
    world.promote(1, line(1.5))
    world.promote(2, line(2.5))
    world.loader = world.another(version=1)

    assert world.look() == (1, 4.5)

    assert world.reads == ["versions/1/manifest.json", "versions/1/model.bin"]


def test_a_manifest_that_promises_too_much_takes_little_memory(world):
    world.promote(1, line(1.5))
    body, block = line(2.5)
    large = {"sha256": artifact.sha256_of(block), "bytes": 1 << 30}
    body["graph"]["arrays"] |= large
    world.promote(2, (body, block), files={"model.bin": large})

    tracemalloc.start()
    try:
        assert world.look() == (1, 4.5)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 1 << 20
