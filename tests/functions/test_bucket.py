"""One GET for an object, and a message for each way in which it fails."""

from __future__ import annotations

import gc
import json
import threading
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from functions.bucket import AbsentError, BucketError, fetch
from tests.support.parts import Proxy, free_port, put


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Cloud Storage's client leaves the connection of a refused download to the garbage collector."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Refusing(HTTPServer):
    """A Cloud Storage that answers every request with *code* and *body*; it notes the paths it is asked for."""

    def __init__(self, code: int, body: bytes) -> None:
        self.code, self.body, self.paths = code, body, []
        super().__init__(("127.0.0.1", 0), Refusal)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def end(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class Refusal(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append(self.path)
        self.send_response(self.server.code)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def refusing(monkeypatch) -> Iterator[Callable[[int, bytes], Refusing]]:
    """Start a Cloud Storage that refuses; the environment points at it."""
    started: list[Refusing] = []

    def refusing(code: int, body: bytes) -> Refusing:
        started.append(Refusing(code, body))
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", started[-1].url)
        return started[-1]

    yield refusing
    for server in started:
        server.end()


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


@pytest.mark.parametrize("spelling", ["http://{}", "http://{}/", "{}", "{}//", " {} "])
def test_the_address_of_an_emulator_may_lack_its_scheme_or_end_with_a_slash(bucket, emulator, monkeypatch, spelling):
    put(bucket, "a", b"1")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", spelling.format(f"127.0.0.1:{emulator.port}"))

    assert fetch(bucket.name, "a").data == b"1"


def test_an_object_that_does_not_exist_is_named(bucket):
    with pytest.raises(BucketError, match=f"^gs://{bucket.name}/a/b.json does not exist$"):
        fetch(bucket.name, "a/b.json")


def as_json(code: int, message: str, reason: str) -> bytes:
    fault = {"message": message, "domain": "global", "reason": reason}
    return json.dumps({"error": {"code": code, "message": message, "errors": [fault]}}).encode()


KMS = "Permission denied on Cloud KMS key. Please ensure that your Cloud Storage service account may use this key."
BILLING = "The billing account for the owning project is disabled in state closed"
REQUESTER = "Bucket is a requester pays bucket but no user project provided."
DENIED = "r@p.iam.gserviceaccount.com does not have storage.objects.get access to the Google Cloud Storage object."


@pytest.mark.parametrize(
    ("code", "body", "message"),
    [
        pytest.param(403, KMS.encode(), f"is refused: Cloud Storage answered 403: {KMS}", id="kms-key"),
        pytest.param(
            403,
            as_json(403, BILLING, "accountDisabled"),
            f"is refused: Cloud Storage answered 403: {BILLING} (accountDisabled)",
            id="billing",
        ),
        pytest.param(
            400,
            as_json(400, REQUESTER, "required"),
            f"cannot be read: Cloud Storage answered 400: {REQUESTER} (required)",
            id="requester-pays",
        ),
        pytest.param(403, DENIED.encode(), f"is refused: Cloud Storage answered 403: {DENIED}", id="role"),
        pytest.param(403, b"", "is refused: Cloud Storage answered 403: it gave no reason", id="silent"),
        pytest.param(403, b"a\n  b\r\nc", "is refused: Cloud Storage answered 403: a b c", id="lines"),
        pytest.param(403, b"x" * 900, f"is refused: Cloud Storage answered 403: {'x' * 400}…", id="long"),
        pytest.param(403, b'{"error": 1}', 'is refused: Cloud Storage answered 403: {"error": 1}', id="other-json"),
        pytest.param(404, b"No such object: models/a", "does not exist", id="no-object"),
        pytest.param(
            404,
            as_json(404, "The specified bucket does not exist.", "notFound"),
            "does not exist: The specified bucket does not exist. (notFound)",
            id="no-bucket",
        ),
    ],
)
def test_a_refusal_gives_the_reason_of_cloud_storage_and_no_other(refusing, code, body, message):
    server = refusing(code, body)

    with pytest.raises(BucketError) as caught:
        fetch("models", "a")

    assert str(caught.value) == f"gs://models/a {message}"
    assert len(server.paths) == 1


# The client keeps the connections of refused attempts in cycles of tracebacks; they are collected here, and nowhere else.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_refusal_that_may_pass_is_tried_again_and_its_reason_given(refusing, monkeypatch):
    server = refusing(503, as_json(503, "We encountered an internal error", "backendError"))
    monkeypatch.setattr("functions.bucket.DEADLINE_SECONDS", 0.5)

    with pytest.raises(BucketError) as caught:
        fetch("models", "a")

    reason = "We encountered an internal error (backendError)"
    assert str(caught.value) == f"gs://models/a cannot be read: Cloud Storage answered 503: {reason}"
    assert len(server.paths) > 1
    del caught
    gc.collect()


def test_the_reason_stands_in_the_operator_s_line_and_in_no_answer(refusing, serve, monkeypatch):
    refusing(403, KMS.encode())
    monkeypatch.setenv("MODEL_BUCKET", "models")
    server = serve("batch")

    answers = [server.get(path) for path in ("/", "/[0.5]", "/readyz")]

    assert [answer.status for answer in answers] == [503, 503, 503]
    assert not [answer for answer in answers if b"KMS" in answer.body]
    assert server.lines("ERROR")[0]["message"] == (
        f"gs://models/linear-regression/aliases/production.json is refused: Cloud Storage answered 403: {KMS};"
        " nothing is served"
    )


def test_a_bucket_out_of_reach_is_named_after_the_deadline(monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr("functions.bucket.DEADLINE_SECONDS", 0.1)

    with pytest.raises(BucketError, match=r"^gs://models/a cannot be reached: ConnectionError$"):
        fetch("models", "a")


@pytest.mark.parametrize(
    ("most", "got"),
    [
        pytest.param(3, b"1234", id="larger"),
        pytest.param(9, b"123456789", id="just-as-large"),
        pytest.param(1 << 30, b"123456789", id="smaller"),
        pytest.param(None, b"123456789", id="of-any-size"),
    ],
)
def test_no_more_of_an_object_is_read_than_one_byte_beyond_what_it_may_have(bucket, most, got):
    put(bucket, "line/versions/1/model.bin", b"123456789")

    fetched = fetch(bucket.name, "line/versions/1/model.bin", most)

    assert (fetched.data, fetched.generation) == (got, bucket.get_blob("line/versions/1/model.bin").generation)


def test_an_object_that_is_not_there_is_absent(bucket):
    with pytest.raises(AbsentError, match=r"model.bin does not exist"):
        fetch(bucket.name, "line/versions/1/model.bin", 10)


def test_an_empty_object_is_empty(bucket):
    put(bucket, "line/versions/1/model.bin", b"")

    assert fetch(bucket.name, "line/versions/1/model.bin", 10).data == b""


def test_a_part_of_an_empty_object_that_cannot_be_had_is_empty(refusing):
    refusing(416, b"")

    assert fetch("models", "a", 10).data == b""
