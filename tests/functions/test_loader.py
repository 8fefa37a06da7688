"""The model that is served: cold start, refresh under traffic, a bucket that is away, objects that do not verify."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from functions import artifact
from functions.bucket import BucketError, Fetched
from functions.loader import Loader
from model.registry.registry import Registry
from tests.support.parts import ALIAS, MODEL, Emulator, Proxy, Server, document, manifest_name, put, until

SOON = "0.3"
"""A refresh interval, in seconds, that tests can wait for."""


def version_of(server: Server) -> int | None:
    answer = server.get("/")
    return answer.json()["model"]["version"] if answer.status == 200 else None


def flat(height: float, **changes: Any) -> dict[str, Any]:
    """A model whose prediction is *height* everywhere, so an answer tells which version made each of its rows."""
    golden = [{"instance": [0.0], "prediction": height}]
    return document(0.0, height, golden=golden, **changes)


@contextmanager
def traffic(server: Server, workers: int = 3) -> Iterator[list[tuple[int, Any]]]:
    """Ask for ten rows again and again, by several callers, until the block ends; gives (status, body) as they come."""
    answers: list[tuple[int, Any]] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            answer = server.post({"instances": [0] * 10})
            answers.append((answer.status, answer.json()))

    callers = [threading.Thread(target=ask) for _ in range(workers)]
    for caller in callers:
        caller.start()
    try:
        yield answers
    finally:
        over.set()
        for caller in callers:
            caller.join()


def test_a_cold_start_costs_one_get(emulator, production, serve, monkeypatch):
    production()
    with Proxy(emulator) as proxy:
        server = serve("batch", STORAGE_EMULATOR_HOST=proxy.url)

        assert server.get("/[0.5]").status == 200

        proxy.shutdown()
    assert [request.split(" ")[0] for request in proxy.requests] == ["GET"]


def test_under_traffic_a_promotion_takes_over_whole(registry: Registry, serve: Callable[..., Server]):
    for height in (1.0, 2.0):
        registry.publish(flat(height), snapshot=b"rows", dataset="by-hand")
    registry.promote(1, alias="production", by="test", reason="")
    servers = [serve("batch", MODEL_REFRESH_SECONDS=SOON) for _ in range(2)]

    with traffic(servers[0]) as first, traffic(servers[1]) as second:
        until(lambda: first and second)
        registry.promote(2, alias="production", by="test", reason="")
        for answers in (first, second):
            until(lambda answers=answers: answers[-1][1]["model"]["version"] == 2, seconds=5)

    for status, body in first + second:
        assert (status, set(body["predictions"])) == (200, {float(body["model"]["version"])})


def test_with_a_refresh_of_zero_the_first_model_stays(emulator, production, serve):
    production()
    with Proxy(emulator) as proxy:
        server = serve("batch", STORAGE_EMULATOR_HOST=proxy.url, MODEL_REFRESH_SECONDS="0")
        production()

        versions = {version_of(server) for _ in range(20)}

        proxy.shutdown()
    assert (versions, len(proxy.requests)) == ({1}, 1)


def test_a_pinned_version_is_served_after_any_promotion(publish, production, serve):
    publish()
    production()

    server = serve("batch", MODEL_VERSION="1", MODEL_REFRESH_SECONDS=SOON)
    production()

    assert {version_of(server) for _ in range(20)} == {1}


def test_a_warm_function_outlives_its_bucket(own_emulator: Emulator, monkeypatch, serve):
    bucket = own_emulator.make_bucket()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", own_emulator.url)
    monkeypatch.setenv("MODEL_BUCKET", bucket.name)
    registry = Registry(bucket.name, MODEL)
    registry.publish(document(), snapshot=b"rows", dataset="by-hand")
    registry.promote(1, alias="production", by="test", reason="")
    server = serve("stream", MODEL_REFRESH_SECONDS=SOON)

    own_emulator.kill()

    def complaint() -> list[dict[str, Any]]:
        assert server.get("/0.5").json()["prediction"] == 2.0
        return [line for line in server.lines("ERROR") if line["message"].startswith("gs://")]

    message = until(complaint)[0]["message"]
    assert message.startswith(f"gs://{bucket.name}/{ALIAS} cannot be reached: ")
    assert message.endswith("; version 1 goes on serving")
    slow = "the bucket has not answered within 0.5 s; version 1 goes on serving"
    assert server.lines("ERROR")[0]["message"] == slow


def test_started_without_a_bucket_it_heals_when_the_bucket_comes(own_emulator: Emulator, monkeypatch, serve):
    own_emulator.kill()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", own_emulator.url)
    monkeypatch.setenv("MODEL_BUCKET", "later")

    server = serve("batch")

    away = server.get("/[0.5]")
    assert (away.status, away.headers["content-type"]) == (503, "application/problem+json")
    assert int(away.headers["retry-after"]) >= 1
    assert away.json()["detail"] == f"no model is loaded yet; try again in {away.headers['retry-after']} s"
    assert "x-model-version" not in away.headers
    assert [server.get(path).status for path in ("/healthz", "/readyz", "/")] == [200, 503, 503]

    own_emulator.start()
    bucket = own_emulator.make_bucket()
    # The function asks for "later": the bucket of that name holds the model now.
    bucket.client.create_bucket("later")
    registry = Registry("later", MODEL)
    registry.publish(document(), snapshot=b"rows", dataset="by-hand")
    registry.promote(1, alias="production", by="test", reason="")

    assert until(lambda: version_of(server), seconds=30) == 1


def test_a_bucket_that_never_answers_does_not_keep_the_function_from_starting(own_emulator, monkeypatch, serve):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", own_emulator.url)
    monkeypatch.setenv("MODEL_BUCKET", "any")
    own_emulator.pause()

    server = serve("batch")

    assert server.get("/healthz").status == 200
    assert server.get("/readyz").status == 503
    own_emulator.resume()


def alias_of(**changes: Any) -> bytes:
    """An alias that points at a version 2, broken by *changes*."""
    manifest = json.loads(artifact.seal({**flat(2.0), "model": MODEL, "version": 2, "created": "now"}))
    sha256 = artifact.sha256_of(artifact.canonical(manifest))
    history = [{"version": 2}, {"version": 1}]
    made = {"format": 1, "version": 2, "manifest_sha256": sha256, "manifest": manifest, "history": history}
    return artifact.canonical({**made, **changes})


def resealed(**changes: Any) -> dict[str, Any]:
    """A manifest of version 2 with *changes*, and the alias's digest of it."""
    body = {**flat(2.0), "model": MODEL, "version": 2, "created": "now", **changes}
    manifest = json.loads(artifact.seal(body))
    return {"manifest": manifest, "manifest_sha256": artifact.sha256_of(artifact.canonical(manifest))}


CORRUPT = [
    pytest.param(b"{", f"{ALIAS} must be JSON, found 1 bytes that are not: ", id="no-json"),
    pytest.param(alias_of(format=9), f"{ALIAS} has format 9, newer than the 1 this code reads", id="newer-alias"),
    pytest.param(alias_of(history=[]), f"{ALIAS}: 'history' must list at least one object", id="no-history"),
    pytest.param(alias_of(version="2"), f"{ALIAS}: 'version' must be a whole number from 1, found \"2\"", id="text"),
    pytest.param(
        alias_of(manifest_sha256="0" * 64),
        f"{MODEL} version 2: manifest in the alias: expected sha256 000000000000, found ",
        id="digest",
    ),
    pytest.param(
        alias_of(**resealed(version=3)), f"{MODEL} version 2: manifest: expected version 2, found 3", id="other-version"
    ),
    pytest.param(
        alias_of(**resealed(runtime="pickle")),
        f'{MODEL} version 2: manifest: expected runtime linear or graph, found "pickle"',
        id="runtime",
    ),
    pytest.param(
        alias_of(**resealed(golden=[{"instance": [0.0], "prediction": 2.0000001}])),
        f"{MODEL} version 2: golden 0: expected a prediction of 2.0000001, found 2.0",
        id="golden",
    ),
]


@pytest.mark.parametrize(("alias", "message"), CORRUPT)
def test_while_warm_the_last_good_model_goes_on_and_the_log_says_why(bucket, registry, serve, alias, message):
    registry.publish(flat(1.0), snapshot=b"rows", dataset="by-hand")
    registry.promote(1, alias="production", by="test", reason="")
    server = serve("batch", MODEL_REFRESH_SECONDS=SOON)

    put(bucket, ALIAS, alias)

    def complaint() -> list[dict[str, Any]]:
        assert version_of(server) == 1
        return [line for line in server.lines("ERROR") if "has not answered within" not in line["message"]]

    said = until(complaint)[0]["message"]
    assert said.startswith(message)
    assert said.endswith("; version 1 goes on serving")


def test_a_cold_start_on_a_corrupt_production_serves_the_newest_earlier_version(bucket, production, registry, serve):
    production()
    production()
    put(bucket, manifest_name(2), b"{}")
    put(bucket, ALIAS, alias_of(manifest_sha256="", version=3, history=[{"version": n} for n in (3, 2, 1)]))

    server = serve("batch")

    assert version_of(server) == 1
    found = sha256_in_alias(bucket)[:12]
    assert [line["message"] for line in server.lines("ERROR")] == [
        f'{MODEL} version 3: manifest in the alias: expected sha256 "", found {found}; looking for an earlier version',
        f"{MODEL} version 2: manifest: expected format 1 to 2, found null; looking further back",
        f"serving {MODEL} version 1 in place of the alias's",
    ]


def sha256_in_alias(bucket) -> str:
    manifest = json.loads(bucket.blob(ALIAS).download_as_bytes())["manifest"]
    return artifact.sha256_of(artifact.canonical(manifest))


def test_a_cold_start_never_falls_back_to_a_version_that_was_rolled_back(bucket, production, registry, serve):
    for _ in range(3):
        production()
    registry.rollback(alias="production", to=None, by="test", reason="3 is bad")
    alias = json.loads(bucket.blob(ALIAS).download_as_bytes())
    put(bucket, ALIAS, artifact.canonical({**alias, "manifest_sha256": ""}))

    server = serve("batch")

    assert version_of(server) == 1


def test_a_fallback_gives_way_once_production_verifies_again(bucket, production, registry, serve):
    production()
    production()
    good = bucket.blob(ALIAS).download_as_bytes()
    put(bucket, ALIAS, artifact.canonical({**json.loads(good), "manifest_sha256": ""}))
    server = serve("batch", MODEL_REFRESH_SECONDS=SOON)
    assert version_of(server) == 1

    put(bucket, ALIAS, good)

    assert until(lambda: version_of(server) == 2)


def test_where_nothing_verifies_nothing_is_served(bucket, serve):
    put(bucket, ALIAS, alias_of(manifest_sha256="", history=[{"version": 2}]))

    server = serve("batch")

    assert server.get("/[0.5]").status == 503
    assert f"no earlier version of {MODEL} verifies; nothing is served" in [
        line["message"] for line in server.lines("ERROR")
    ]


def test_a_pinned_version_that_is_missing_is_named(bucket, publish, serve):
    publish()

    server = serve("batch", MODEL_VERSION="7")

    assert server.get("/[0.5]").status == 503
    said = server.lines("ERROR")[0]["message"]
    assert said == f"gs://{bucket.name}/{manifest_name(7)} does not exist; nothing is served"


# Bounded staleness: the loader alone, with a clock and a bucket in the test's hands

PERIOD = 60.0


class World:
    """A clock, an alias in a bucket that answers, fails or hangs, and the lines for the operator."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, refresh_seconds: float = PERIOD, version: int | None = None):
        self.now, self.reads, self.lines = 1000.0, 0, []
        self.away, self.answers = False, threading.Event()
        self.answers.set()
        self.promote(1)
        monkeypatch.setattr("functions.loader.HOLD_SECONDS", 0.2)
        self.loader = Loader(
            self.read,
            model=MODEL,
            alias="production",
            version=version,
            refresh_seconds=refresh_seconds,
            report=lambda *line: self.lines.append(line),
            clock=lambda: self.now,
        )
        self.loader.load()
        self.lines.clear()

    def promote(self, version: int) -> None:
        body = {**flat(float(version)), "model": MODEL, "version": version, "created": "now"}
        self.sealed = artifact.seal(body)
        manifest = artifact.parse_manifest(self.sealed, MODEL, version)
        self.alias = Fetched(artifact.render_alias(manifest, [{"version": version}]), version)

    def read(self, name: str, most_bytes: int | None = None, generation: int | None = None) -> Fetched:  # noqa: ARG002 - as bucket.fetch
        self.reads += 1
        assert self.answers.wait(20)
        if self.away:
            raise BucketError(f"{name} cannot be reached")
        if name != ALIAS:
            return Fetched(self.sealed, 1)
        return Fetched(b"", generation) if generation and generation == self.alias.generation else self.alias

    def ask(self, *, callers: int = 1) -> list[int]:
        """The versions that answer *callers* requests at once; the check that they began has ended afterwards."""

        async def ask() -> list[int]:
            models = await asyncio.gather(*(self.loader.model() for _ in range(callers)))
            self.answers.set()
            if self.loader._check:
                await self.loader._check
            return [model.manifest.version for model in models]

        return asyncio.run(ask())


def test_an_alias_that_stands_still_is_not_sent_again(monkeypatch):
    world = World(monkeypatch)
    monkeypatch.setattr("functions.loader.parse_alias", lambda *_: pytest.fail("nothing came to parse"))
    world.now += 2 * PERIOD

    assert (world.ask(), world.reads, world.lines) == ([1], 2, [])


def test_an_alias_whose_generation_nobody_knows_is_read_each_time(monkeypatch):
    world = World(monkeypatch)
    for version in (2, 3):
        world.promote(version)
        world.alias = Fetched(world.alias.data, 0)
        world.now += 2 * PERIOD

        assert world.ask() == [version]


def test_before_a_period_is_over_nobody_looks(monkeypatch):
    world = World(monkeypatch)
    world.promote(2)
    world.now += PERIOD - 0.001

    assert (world.ask(), world.reads) == ([1], 1)


def test_a_check_that_is_due_holds_no_request(monkeypatch):
    world = World(monkeypatch)
    world.promote(2)
    world.now += PERIOD

    assert (world.ask(callers=3), world.reads) == ([1, 1, 1], 2)
    assert world.ask() == [2]


def test_a_check_that_is_overdue_by_a_period_holds_all_requests_until_its_end(monkeypatch):
    world = World(monkeypatch)
    world.promote(2)
    world.now += 2 * PERIOD

    assert (world.ask(callers=3), world.reads, world.lines[1:]) == ([2, 2, 2], 2, [])


def test_a_check_that_is_due_in_a_forked_process_holds_the_first_requests_and_no_later_ones(monkeypatch):
    world = World(monkeypatch)
    monkeypatch.setattr("functions.loader.os.getpid", lambda: -1)
    world.promote(2)
    world.now += PERIOD

    assert world.ask(callers=3) == [2, 2, 2]
    world.promote(3)
    world.now += PERIOD
    assert world.ask() == [2]


def test_a_bucket_that_hangs_holds_requests_once_and_the_loaded_model_answers(monkeypatch):
    world = World(monkeypatch)
    world.promote(2)
    world.now += 2 * PERIOD
    world.answers.clear()

    assert world.ask(callers=3) == [1, 1, 1]
    assert world.lines[0] == ("ERROR", "the bucket has not answered within 0.2 s; version 1 goes on serving")
    assert [severity for severity, _ in world.lines] == ["ERROR", "INFO"]
    assert world.ask() == [2]


def test_a_check_that_has_had_its_time_holds_no_further_request(monkeypatch):
    world = World(monkeypatch)
    world.now += 2 * PERIOD
    world.answers.clear()

    async def ask_twice() -> float:
        await world.loader.model()
        world.now += 0.2
        began = time.perf_counter()
        await world.loader.model()
        seconds = time.perf_counter() - began
        world.answers.set()
        await world.loader._check
        return seconds

    assert asyncio.run(ask_twice()) < 0.1
    assert len(world.lines) == 1


def test_after_a_failed_check_the_next_one_that_is_due_holds_again(monkeypatch):
    world = World(monkeypatch)
    world.promote(2)
    world.now += 2 * PERIOD
    world.away = True
    assert world.ask() == [1]
    assert world.lines == [("ERROR", f"{ALIAS} cannot be reached; version 1 goes on serving")]

    world.away = False
    assert (world.ask(), world.reads) == ([1], 2)
    world.now += PERIOD
    assert world.ask() == [2]


@pytest.mark.parametrize(
    "options", [pytest.param({"refresh_seconds": 0.0}, id="refresh-of-zero"), pytest.param({"version": 1}, id="pinned")]
)
def test_a_model_that_is_never_refreshed_holds_no_request_in_any_process(monkeypatch, options):
    world = World(monkeypatch, **options)
    monkeypatch.setattr("functions.loader.os.getpid", lambda: -1)
    world.promote(2)
    world.now += 1e6

    assert (world.ask(), world.reads) == ([1], 1)


# Bounded staleness: real processes


def in_time(server: Server) -> bool:
    """Whether every check so far was answered in the time that the promise asks for; a busy machine may be slower."""
    return not [line for line in server.lines("ERROR") if "has not answered within" in line["message"]]


def worker_of(server: Server) -> int | None:
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if len(children) == 1 else None


def test_a_worker_that_is_replaced_after_a_rollback_never_answers_from_the_withdrawn_version(registry, serve):
    for height in (1.0, 2.0):
        registry.publish(flat(height), snapshot=b"rows", dataset="by-hand")
    registry.promote(1, alias="production", by="test", reason="")
    registry.promote(2, alias="production", by="test", reason="")
    server = serve("batch", MODEL_REFRESH_SECONDS="1")
    registry.rollback(alias="production", to=None, by="test", reason="2 is bad")
    until(lambda: version_of(server) == 1)
    worker = worker_of(server)

    os.kill(worker, signal.SIGKILL)
    until(lambda: worker_of(server) not in {None, worker})
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: server.post({"instances": [0]}), range(200)))

    assert {answer.status for answer in answers} == {200}
    versions = {answer.json()["model"]["version"] for answer in answers}
    assert versions == {1} or not in_time(server)


def test_an_idle_process_answers_its_next_request_from_the_present_production(registry, serve):
    for height in (1.0, 2.0):
        registry.publish(flat(height), snapshot=b"rows", dataset="by-hand")
    registry.promote(1, alias="production", by="test", reason="")
    server = serve("stream", MODEL_REFRESH_SECONDS=SOON)
    assert version_of(server) == 1
    began = time.monotonic()
    registry.promote(2, alias="production", by="test", reason="")
    until(lambda: time.monotonic() > began + 3 * float(SOON))

    version = server.get("/0.5").json()["model"]["version"]

    assert version == 2 or not in_time(server)


def test_a_bucket_that_hangs_delays_an_idle_process_and_the_loaded_model_answers(own_emulator, monkeypatch, serve):
    bucket = own_emulator.make_bucket()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", own_emulator.url)
    monkeypatch.setenv("MODEL_BUCKET", bucket.name)
    registry = Registry(bucket.name, MODEL)
    registry.publish(document(), snapshot=b"rows", dataset="by-hand")
    registry.promote(1, alias="production", by="test", reason="")
    server = serve("stream", MODEL_REFRESH_SECONDS=SOON)
    began = time.monotonic()
    own_emulator.pause()
    until(lambda: time.monotonic() > began + 3 * float(SOON))

    began = time.monotonic()
    answer = server.get("/0.5")
    seconds = time.monotonic() - began
    own_emulator.resume()

    assert (answer.status, answer.json()["model"]["version"]) == (200, 1)
    assert seconds < 2
    assert server.lines("ERROR")[0]["message"] == "the bucket has not answered within 0.5 s; version 1 goes on serving"
