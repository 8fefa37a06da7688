"""Transport to Cloud Storage: a bucket that is away, processes killed between requests, answers that get lost."""

from __future__ import annotations

import json
import os
import signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from model.errors import RegistryError
from model.registry.bucket import Bucket
from model.registry.registry import Moved, Registry
from tests.support import forks
from tests.support.parts import MODEL, Proxy, document, free_port


def test_a_bucket_out_of_reach_is_one_clear_error(monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{free_port()}")

    with pytest.raises(
        RegistryError,
        match=r"^gs://nowhere/linear-regression/versions/ cannot be reached: no answer from the emulator at http://127",
    ):
        Registry("nowhere", MODEL, deadline_seconds=0.3).newest()


@pytest.mark.parametrize("spelling", ["{}", "http://{}/"])
def test_the_address_of_an_emulator_may_lack_its_scheme_or_end_with_a_slash(bucket, emulator, monkeypatch, spelling):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", spelling.format(f"127.0.0.1:{emulator.port}"))

    assert Registry(bucket.name, MODEL).numbers() == []


def test_a_bucket_that_does_not_exist_is_one_clear_error(registry):
    missing = Registry("missing", MODEL)

    with pytest.raises(RegistryError, match=r"^gs://missing does not exist$"):
        missing.publish(document(), snapshot=b"rows", dataset="by-hand")


@pytest.mark.parametrize("answered", [pytest.param(False, id="before"), pytest.param(True, id="after")])
@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_a_trainer_killed_at_any_request_leaves_no_half_version(registry, emulator, step, answered):
    started = []
    with Proxy(emulator, lambda: os.kill(started[0].pid, signal.SIGKILL), at=step, answered=answered) as proxy:
        started.append(forks.Command("train", STORAGE_EMULATOR_HOST=proxy.url))

        assert started[0].wait() == -signal.SIGKILL

        proxy.shutdown()
    visible = (step, answered) >= (4, True)
    assert [(entry.version, entry.error) for entry in registry.entries()] == ([(1, "")] if visible else [])
    assert (registry.report(1) is not None) is ((step, answered) == (5, True))


@pytest.mark.parametrize("step", [1, 3])
def test_a_write_whose_answer_is_lost_is_not_done_twice(registry, bucket, emulator, monkeypatch, step):
    with Proxy(emulator, lambda: None, at=step, answered=True) as proxy:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        through = Registry(bucket.name, MODEL)

        published = through.publish(document(), snapshot=b"rows", dataset="by-hand")

        proxy.shutdown()
    assert published.version == 1
    assert [entry.version for entry in registry.entries()] == [1]


def test_a_promotion_whose_answer_is_lost_is_one_entry(registry, bucket, emulator, publish, monkeypatch):
    publish()
    with Proxy(emulator, lambda: None, at=4, answered=True) as proxy:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        through = Registry(bucket.name, MODEL)

        moved = through.promote(1, alias="production", by="test", reason="test")

        proxy.shutdown()
    assert moved == Moved(version=1, before=None, changed=True)
    assert [entry["version"] for entry in registry.alias("production")[0].history] == [1]


# Reasons that Cloud Storage gives


@pytest.fixture
def refusing(monkeypatch):
    """Start a server that answers every request with one error; the environment points at it."""
    servers = []

    def refusing(status: int, message: str, reason: str) -> None:
        fault = {"message": message, "errors": [{"message": message, "reason": reason}]}
        body = json.dumps({"error": fault}).encode()

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                text = message.encode() if self.path.startswith("/download") else body
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_PATCH = answer

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")

    yield refusing
    for server in servers:
        server.shutdown()
        server.server_close()


ACTS = {
    "read": lambda bucket, _: bucket.read("a.json"),
    "write": lambda bucket, _: bucket.write("a.json", b"{}", generation=0),
    "names": lambda bucket, _: bucket.names("a/", "**"),
    "matching": lambda bucket, _: bucket.matching("gs://models/a*.csv"),
    "download": lambda bucket, path: bucket.download("gs://models/a.csv", path / "a.csv"),
    "objects": lambda bucket, _: bucket.objects("gs://models/a", (".jsonl",)),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(
    ("status", "message", "reason", "predicate"),
    [
        pytest.param(403, "Permission denied on Cloud KMS key", "forbidden", "is refused", id="key"),
        pytest.param(403, "The billing account is disabled", "accountDisabled", "is refused", id="billing"),
        pytest.param(403, "Object is subject to retention", "retentionPolicyNotMet", "is refused", id="retention"),
        pytest.param(400, "Bucket is requester pays", "required", "cannot be read", id="requester-pays"),
    ],
)
def test_a_refusal_gives_the_reason_of_cloud_storage_and_no_other(
    refusing, tmp_path, act, status, message, reason, predicate
):
    refusing(status, message, reason)

    with pytest.raises(RegistryError) as raised:
        ACTS[act](Bucket("models", deadline_seconds=1.0), tmp_path)

    text = str(raised.value)
    assert f" {predicate}: Cloud Storage answered {status}: {message}" in text
    assert "account" not in text.replace(message, "").replace(reason, "")


@pytest.fixture
def parts(bucket):
    """A bucket with some objects; gives its address."""
    for name in ("in/b-2.csv", "in/b-1.csv", "in/b-1.json", "in/more/b-3.csv", "b-4.csv"):
        bucket.blob(name).upload_from_string("x")
    return f"gs://{bucket.name}"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        pytest.param("in/b-*.csv", ["in/b-1.csv", "in/b-2.csv"], id="star-stays-in-its-folder"),
        pytest.param("**.csv", ["b-4.csv", "in/b-1.csv", "in/b-2.csv", "in/more/b-3.csv"], id="two-stars-do-not"),
        pytest.param("in/b-?.json", ["in/b-1.json"], id="question-mark"),
        pytest.param("in/b-[!2].csv", ["in/b-1.csv"], id="brackets"),
    ],
)
def test_a_pattern_names_the_objects_that_it_matches(parts, pattern, names):
    found = Bucket(parts.removeprefix("gs://")).matching(f"{parts}/{pattern}")

    assert found == [f"{parts}/{name}" for name in names]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        pytest.param("gs://BUCKET/in/c-*.csv", "must match at least one object, found none", id="no-match"),
        pytest.param("gs://BUCKET/[z-a].csv", "must be a pattern: bad character range z-a at position 1", id="range"),
        pytest.param("gs://mod*/x.csv", "must be gs://BUCKET/PATTERN", id="buckets"),
    ],
)
def test_a_pattern_that_names_nothing_is_refused(parts, uri, message):
    address = uri.replace("gs://BUCKET", parts)

    with pytest.raises(RegistryError) as raised:
        Bucket(parts.removeprefix("gs://")).matching(address)

    assert str(raised.value) == f"{address} {message}"
