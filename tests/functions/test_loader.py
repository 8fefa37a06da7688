"""The model that is served: cold start, refresh under traffic, a bucket that is away, objects that do not verify."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from functions import artifact
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
        return server.lines("ERROR")

    message = until(complaint)[0]["message"]
    assert message.startswith(f"gs://{bucket.name}/{ALIAS} cannot be reached: ")
    assert message.endswith("; version 1 goes on serving")


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
        f'{MODEL} version 2: manifest: expected runtime "linear", found "pickle"',
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
        return server.lines("ERROR")

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
        f"{MODEL} version 2: manifest: expected format 1, found null; looking further back",
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
