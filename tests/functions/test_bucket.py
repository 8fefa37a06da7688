"""One GET for an object, and a message for each way in which it fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from functions.bucket import BucketError, fetch
from tests.support.parts import Proxy, free_port, put


@pytest.fixture
def refusing(monkeypatch) -> Iterator[list[str]]:
    """A Cloud Storage that answers 403; gives the paths it was asked for."""
    paths: list[str] = []

    class Refusal(BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_error(403)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Refusal)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_address[1]}")
    yield paths
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_object_is_read_with_its_generation(bucket):
    put(bucket, "a/b.json", b"first")
    put(bucket, "a/b.json", b"second")

    fetched = fetch(bucket.name, "a/b.json")

    assert (fetched.data, fetched.generation) == (b"second", bucket.get_blob("a/b.json").generation)


def test_an_object_costs_one_get(emulator, bucket, monkeypatch):
    put(bucket, "a", b"1")
    with Proxy(emulator) as proxy:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)

        fetch(bucket.name, "a")

        proxy.shutdown()
    assert [request.split(" ")[0] for request in proxy.requests] == ["GET"]


def test_an_object_that_does_not_exist_is_named(bucket):
    with pytest.raises(BucketError, match=f"^gs://{bucket.name}/a/b.json does not exist$"):
        fetch(bucket.name, "a/b.json")


def test_a_refusal_is_not_tried_again(refusing):
    with pytest.raises(BucketError, match=r"^gs://models/a is refused to this service account"):
        fetch("models", "a")

    assert len(refusing) == 1


def test_a_bucket_out_of_reach_is_named_after_the_deadline(monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr("functions.bucket.DEADLINE_SECONDS", 0.1)

    with pytest.raises(BucketError, match=r"^gs://models/a cannot be reached: "):
        fetch("models", "a")
