"""One GET for an object, over each way to the bucket, and a message for each way in which it fails."""

from __future__ import annotations

import base64
import gc
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import google_crc32c
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from functions import bucket as door
from functions.bucket import AbsentError, BucketError, Fetched, fetch
from functions.storage import answer, client, token
from tests.support.parts import ROOT, Proxy, free_port, put
from tests.support.storage import (
    METADATA_PATH,
    Handler,
    Server,
    breaks_off,
    drips,
    drips_head,
    gives_token,
    holds,
    in_turn,
    md5,
    nonsense,
    says,
    serving,
    stalls,
    stalls_inside,
)

pytestmark = pytest.mark.slow  # many wait for a deadline


@pytest.fixture(autouse=True)
def _no_token() -> Iterator[None]:
    """Each test begins without a token and without a context of TLS."""
    token.forget()
    answer._context.cache_clear()
    yield
    token.forget()
    answer._context.cache_clear()


class Way:
    """One way to the bucket: `emulator` and `platform` by plain GETs, `library` by Google's client."""

    def __init__(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name, self._monkeypatch = name, monkeypatch

    def lead_to(self, url: str, metadata: str = "") -> None:
        """Have the environment point at a Cloud Storage, and at a metadata server."""
        if self.name != "platform":
            self._monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
            return
        for variable in ("STORAGE_EMULATOR_HOST", *door._LIBRARY_ONLY):
            self._monkeypatch.delenv(variable, raising=False)
        self._monkeypatch.setenv("K_SERVICE", "stream")
        self._monkeypatch.setattr("functions.bucket._SERVER", url)
        if metadata:
            self._monkeypatch.setenv("GCE_METADATA_HOST", metadata)

    def fetch(self, bucket: str, name: str, most_bytes: int | None = None, generation: int | None = None) -> Fetched:
        if self.name != "library":
            return fetch(bucket, name, most_bytes, generation)
        deadline = door.DEADLINE_SECONDS
        return client.read(bucket, name, deadline_seconds=deadline, most_bytes=most_bytes, generation=generation)


WAYS = ("emulator", "platform", "library")
PLAIN = ("emulator", "platform")


@pytest.fixture(params=WAYS)
def way(request, monkeypatch) -> Iterator[Way]:
    """Every way; a test that is about some of them names these as its parameters."""
    made = Way(request.param, monkeypatch)
    if made.name != "platform":
        yield made
        if made.name == "library":  # it leaves the connection of a refused download to the garbage collector
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()
        return
    with serving(gives_token()) as metadata:
        made.lead_to("http://127.0.0.1:1", metadata.address)
        yield made


only_plain = pytest.mark.parametrize("way", PLAIN, indirect=True)
only_platform = pytest.mark.parametrize("way", ["platform"], indirect=True)


@pytest.fixture
def stored(way) -> Iterator[Callable[[Callable[[Handler], None]], Server]]:
    """Start a Cloud Storage that answers as it is told; the way leads to it."""
    with ExitStack() as started:

        def stored(answer: Callable[[Handler], None]) -> Server:
            server = started.enter_context(serving(answer))
            way.lead_to(server.url)
            return server

        yield stored


@pytest.fixture
def deadline(monkeypatch) -> float:
    """A deadline that a test can wait for, in seconds."""
    monkeypatch.setattr("functions.bucket.DEADLINE_SECONDS", 0.6)
    return 0.6


def test_an_object_is_read_with_its_generation(bucket, emulator, way):
    way.lead_to(emulator.url)
    put(bucket, "a/b.json", b"first")
    put(bucket, "a/b.json", b"second")

    fetched = way.fetch(bucket.name, "a/b.json")

    way.lead_to(emulator.url)
    assert (fetched.data, fetched.generation) == (b"second", bucket.get_blob("a/b.json").generation)


def test_an_object_costs_one_get(emulator, bucket, way):
    put(bucket, "a", b"1")
    with Proxy(emulator) as proxy:
        way.lead_to(proxy.url)

        way.fetch(bucket.name, "a")

        proxy.shutdown()
    assert [request.split(" ")[0] for request in proxy.requests] == ["GET"]


@pytest.mark.parametrize("spelling", ["http://{}", "http://{}/", "{}", "{}//", " {} "])
def test_the_address_of_an_emulator_may_lack_its_scheme_or_end_with_a_slash(bucket, emulator, monkeypatch, spelling):
    put(bucket, "a", b"1")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", spelling.format(f"127.0.0.1:{emulator.port}"))

    assert fetch(bucket.name, "a").data == b"1"


def test_an_object_that_does_not_exist_is_named(bucket, emulator, way):
    way.lead_to(emulator.url)

    with pytest.raises(AbsentError, match=f"^gs://{bucket.name}/a/b.json does not exist$"):
        way.fetch(bucket.name, "a/b.json")


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
def test_a_refusal_gives_the_reason_of_cloud_storage_and_no_other(stored, way, code, body, message):
    server = stored(says(code, body))

    with pytest.raises(BucketError) as caught:
        way.fetch("models", "a")

    assert str(caught.value) == f"gs://models/a {message}"
    assert len(server.paths) == 1


@only_plain
def test_a_caller_that_is_not_known_is_refused(stored, way):
    server = stored(says(401, b"Invalid Credentials"))

    with pytest.raises(BucketError, match=r"^gs://models/a is refused: Cloud Storage answered 401: Invalid Cred"):
        way.fetch("models", "a")

    assert len(server.paths) == (2 if way.name == "platform" else 1)


# The client keeps the connections of refused attempts in cycles of tracebacks; they are collected here, and nowhere else.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_refusal_that_may_pass_is_tried_again_and_its_reason_given(stored, way, deadline, code):
    server = stored(says(code, as_json(code, "We encountered an internal error", "backendError")))

    began = time.monotonic()
    with pytest.raises(BucketError) as caught:
        way.fetch("models", "a")

    reason = "We encountered an internal error (backendError)"
    assert str(caught.value) == f"gs://models/a cannot be read: Cloud Storage answered {code}: {reason}"
    assert len(server.paths) > 1
    assert time.monotonic() - began < deadline + 2
    del caught
    gc.collect()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(says(503), id="refused"),
        pytest.param(breaks_off(b"0123456789", 4), id="cut-short"),
        pytest.param(breaks_off(b"0123456789", 0), id="without-a-body"),
        pytest.param(nonsense, id="no-http"),
    ],
)
def test_trouble_that_passes_is_outlived(stored, way, trouble):
    stored(in_turn(trouble, holds(b"0123456789")))

    assert way.fetch("models", "a") == Fetched(b"0123456789", 7)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_bucket_out_of_reach_is_named_after_the_deadline(way, deadline):
    way.lead_to(f"http://127.0.0.1:{free_port()}")

    with pytest.raises(BucketError, match=r"^gs://models/a cannot be reached: Connection(Refused)?Error$"):
        way.fetch("models", "a")


@only_plain
@pytest.mark.parametrize("trouble", [stalls, stalls_inside, drips, drips_head])
def test_no_answer_takes_longer_than_the_deadline(stored, way, deadline, trouble):
    stored(trouble)

    began = time.monotonic()
    with pytest.raises(BucketError, match=r"^gs://models/a cannot be reached: TimeoutError$"):
        way.fetch("models", "a")

    assert time.monotonic() - began < deadline + 1


@only_plain
@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        pytest.param(breaks_off(b"0123456789", 4), "the answer ended after 4 of 10 bytes", id="cut-short"),
        pytest.param(nonsense, "the answer is no HTTP (BadStatusLine)", id="no-http"),
        pytest.param(
            holds(b"01234", x_goog_hash=f"md5={md5(b'other')}"),
            "the bytes that came have another md5 than Cloud Storage says",
            id="other-bytes",
        ),
        pytest.param(
            holds(b"01234", x_goog_hash="crc32c=AAAAAA=="),
            "the bytes that came have another crc32c than Cloud Storage says",
            id="other-bytes-of-a-composed-object",
        ),
        pytest.param(
            breaks_off(b"0123456789", 4, content_length=None, x_goog_hash=f"md5={md5(b'0123456789')}"),
            "the bytes that came have another md5 than Cloud Storage says",
            id="cut-short-without-a-length",
        ),
        pytest.param(
            holds(b"01234", content_length=None, x_goog_hash=None),
            "the answer has neither a length nor a digest, so it may be a part",
            id="neither-length-nor-digest",
        ),
        pytest.param(
            says(302, location="/download/again"), "it redirected more than 3 times", id="redirected-in-a-circle"
        ),
        pytest.param(says(302, location="ftp://x/a"), None, id="redirected-to-no-http"),
    ],
)
def test_an_answer_that_is_not_the_object_is_no_object(stored, way, deadline, trouble, message):
    server = stored(trouble)

    with pytest.raises(BucketError) as caught:
        way.fetch("models", "a")

    if message is None:
        other = "it answered 302, to another server"
        message = other if way.name == "platform" else "its address is no http:// or https://"
    assert str(caught.value) == f"gs://models/a cannot be read: {message}"
    assert len(server.paths) > 1


def crc32c(body: bytes) -> str:
    return base64.b64encode(google_crc32c.value(body).to_bytes(4, "big")).decode()


@only_plain
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"content_length": None}, id="digest-and-no-length"),
        pytest.param({"x_goog_hash": None}, id="length-and-no-digest"),
        pytest.param({"x_goog_hash": f"crc32c={crc32c(b'01234')}"}, id="composed"),
        pytest.param({"x_goog_hash": f"crc32c={crc32c(b'01234')}, md5={md5(b'01234')}"}, id="both-digests"),
        pytest.param({"x_goog_hash": "md5=of-zipped==", "x_goog_stored_content_encoding": "gzip"}, id="unzipped"),
    ],
)
def test_an_object_is_taken_where_its_length_or_its_digest_agrees(stored, way, changes):
    stored(holds(b"01234", **changes))

    assert way.fetch("models", "a") == Fetched(b"01234", 7)


@only_plain
def test_a_server_that_sends_chunks_is_understood(stored, way):
    def chunks(handler: Handler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.begin(200, transfer_encoding="chunked", connection="close", x_goog_generation=7)
        handler.wfile.write(b"3\r\n012\r\n2\r\n34\r\n0\r\n\r\n")

    stored(chunks)

    assert way.fetch("models", "a") == Fetched(b"01234", 7)


def test_a_redirection_to_another_path_is_followed(stored, way):
    server = stored(in_turn(says(302, location="/elsewhere?x=1"), holds(b"01234")))

    assert way.fetch("models", "a").data == b"01234"
    assert server.paths[1] == "/elsewhere?x=1"


def test_the_token_goes_to_no_other_server(way, deadline):
    with serving(holds(b"01234")) as other, serving(says(302, location=f"{other.url}/x")) as first:
        way.lead_to(first.url)

        if way.name == "platform":
            with pytest.raises(BucketError, match="it answered 302, to another server"):
                way.fetch("models", "a")
        else:
            assert way.fetch("models", "a").data == b"01234"

    assert not [headers for headers in other.headers if "authorization" in headers and way.name == "platform"]


@pytest.mark.parametrize("body", [b"", b"x" * 3_000_000], ids=["empty", "large"])
def test_an_object_of_any_size_comes_whole(stored, way, body):
    stored(holds(body))

    assert way.fetch("models", "a") == Fetched(body, 7)


@only_plain
def test_a_document_that_would_fill_the_memory_is_refused(stored, way, monkeypatch):
    monkeypatch.setattr("functions.storage.plain.MOST_DOCUMENT_BYTES", 1000)
    stored(holds(b"a" * 1001))

    with pytest.raises(BucketError, match=r"^a must have at most 1000 bytes, found more$"):
        way.fetch("models", "a")


def test_a_name_is_quoted(stored, way):
    server = stored(holds(b"1"))

    way.fetch("models", "a b/ü?#%.json")

    assert server.paths[0].startswith("/download/storage/v1/b/models/o/a%20b%2F%C3%BC%3F%23%25.json?alt=media")


def honours_generations(body: bytes, generation: int) -> Callable[[Handler], None]:
    """Cloud Storage as it is: a reader that knows the present generation gets nothing but that word."""

    def answer(handler: Handler) -> None:
        known = f"ifGenerationNotMatch={generation}" in handler.path
        (says(304, content_length=None) if known else holds(body, generation=generation))(handler)

    return answer


def test_an_object_of_a_known_generation_costs_no_body(stored, way):
    server = stored(honours_generations(b"01234", 7))

    answers = [way.fetch("models", "a", generation=known) for known in (None, 6, 7)]

    assert answers == [Fetched(b"01234", 7), Fetched(b"01234", 7), Fetched(b"", 7)]
    assert len(server.paths) == 3


OBJECT = holds(b"01234")


# The platform: a token, and the rules of asking for one


@pytest.fixture
def platform(monkeypatch) -> Iterator[Callable[..., tuple[Server, Server]]]:
    """A metadata server and a Cloud Storage that answer as they are told."""
    with ExitStack() as started:

        def platform(
            metadata: Callable[[Handler], None], storage: Callable[[Handler], None] = OBJECT
        ) -> tuple[Server, Server]:
            servers = started.enter_context(serving(metadata)), started.enter_context(serving(storage))
            Way("platform", monkeypatch).lead_to(servers[1].url, servers[0].address)
            return servers

        yield platform


def test_a_token_is_asked_for_once_and_sent_with_each_request(platform):
    metadata, storage = platform(gives_token("secret-1"))

    for _ in range(3):
        fetch("models", "a")

    assert metadata.paths == [METADATA_PATH]
    assert metadata.headers[0]["metadata-flavor"] == "Google"
    assert [headers["authorization"] for headers in storage.headers] == ["Bearer secret-1"] * 3


def test_a_token_is_renewed_before_it_ends(platform, monkeypatch):
    metadata, storage = platform(in_turn(gives_token("secret-1", 300), gives_token("secret-2")))
    now = time.time()
    for seconds in (0, 70, 80):
        monkeypatch.setattr("functions.storage.token.time.time", lambda seconds=seconds: now + seconds)
        fetch("models", "a")

    assert len(metadata.paths) == 2
    assert [headers["authorization"][-1] for headers in storage.headers] == ["1", "1", "2"]


def test_a_token_that_is_refused_is_renewed_once(platform):
    metadata, storage = platform(
        in_turn(gives_token("secret-1"), gives_token("secret-2")), in_turn(says(401), holds(b"01234"))
    )

    assert fetch("models", "a").data == b"01234"

    assert [headers["authorization"][-1] for headers in storage.headers] == ["1", "2"]
    assert len(metadata.paths) == 2


def test_a_metadata_server_that_stumbles_is_asked_again(platform):
    metadata, _ = platform(in_turn(says(503, Metadata_Flavor="Google"), gives_token()))

    assert fetch("models", "a").data == b"01234"
    assert len(metadata.paths) == 2


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        pytest.param(
            says(404, b"no service\naccount", Metadata_Flavor="Google"),
            "it answered 404: no service account",
            id="none",
        ),
        pytest.param(says(200, b"{", Metadata_Flavor="Google"), "its answer holds none", id="no-json"),
        pytest.param(says(200, b"[]", Metadata_Flavor="Google"), "its answer holds none", id="no-object"),
        pytest.param(gives_token("secret-1", "soon"), "its answer holds none", id="no-end"),
        pytest.param(gives_token("secret\r\nX: 1"), "its answer holds none that can be sent", id="lines"),
        pytest.param(gives_token(""), "its answer holds none that can be sent", id="empty"),
        pytest.param(nonsense, "the answer is no HTTP (BadStatusLine)", id="no-http"),
    ],
)
def test_a_metadata_server_without_a_token_is_quoted_and_no_token_ever(platform, deadline, metadata, message):
    _, storage = platform(metadata)

    with pytest.raises(BucketError) as caught:
        fetch("models", "a")

    assert str(caught.value) == f"gs://models/a cannot be reached: the metadata server gave no token: {message}"
    assert storage.paths == []


def test_a_metadata_server_that_stalls_takes_no_longer_than_the_deadline(platform, deadline):
    platform(stalls)

    began = time.monotonic()
    with pytest.raises(BucketError, match="cannot be reached: TimeoutError"):
        fetch("models", "a")

    assert time.monotonic() - began < deadline + 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 503])
def test_no_refusal_speaks_of_the_token(platform, deadline, code):
    platform(gives_token("secret-1"), says(code, b"refused"))

    with pytest.raises(BucketError) as caught:
        fetch("models", "a")

    told, error = [], caught.value
    while error is not None:
        told += [str(error), repr(error.args)]
        error = error.__cause__ or error.__context__
    assert not [line for line in told if "secret" in line]


@pytest.fixture
def by_library(monkeypatch) -> list[tuple[Any, ...]]:
    """Where Google's client would read, this reads instead; gives what it was asked."""
    asked: list[tuple[Any, ...]] = []

    def read(*arguments: Any, **options: Any) -> Fetched:
        asked.append(arguments)
        return Fetched(b"by the library", 1)

    monkeypatch.setattr("functions.storage.client.read", read)
    return asked


@pytest.mark.parametrize("metadata", [None, gives_token(flavor="none"), says(200, b"<html>")])
def test_without_google_s_metadata_server_the_library_reads(platform, by_library, monkeypatch, metadata):
    platform(metadata or stalls)
    if metadata is None:
        monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{free_port()}")

    assert fetch("models", "a").data == b"by the library"
    assert by_library == [("models", "a")]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("K_SERVICE", ""),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/key.json"),
        ("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "example.com"),
        ("HTTPS_PROXY", "http://proxy"),
        ("REQUESTS_CA_BUNDLE", "/ca.pem"),
    ],
)
def test_elsewhere_and_with_settings_that_only_the_library_follows_it_reads(
    platform, by_library, monkeypatch, variable, value
):
    metadata, _ = platform(gives_token())
    monkeypatch.setenv(variable, value)

    assert fetch("models", "a").data == b"by the library"
    assert metadata.paths == []


@pytest.mark.process
def test_neither_way_by_plain_get_imports_the_library_or_tables_of_international_names(platform):
    platform(gives_token())
    code = "import sys; from functions import bucket; bucket._SERVER = sys.argv[1]; bucket.fetch('models', 'a');"
    code += " unneeded = {'google.auth', 'google.cloud.storage', 'requests', 'stringprep'} & {*sys.modules};"
    code += " sys.exit(str(unneeded or ''))"

    for changes in ({}, {"STORAGE_EMULATOR_HOST": door._SERVER}):
        done = subprocess.run(
            [sys.executable, "-c", code, door._SERVER],
            cwd=ROOT,
            env={**os.environ, **changes},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.stderr.strip() == ""


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A key, and a certificate of 127.0.0.1 that no system knows."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(*private) + made.public_bytes(serialization.Encoding.PEM))
    return path


@only_plain
def test_a_server_with_a_certificate_that_is_trusted_is_read(way, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(holds(b"x" * 100_000), certificate) as server:
        way.lead_to(server.url)

        assert way.fetch("models", "a") == Fetched(b"x" * 100_000, 7)


@only_plain
@pytest.mark.parametrize("folder", [True, False], ids=["names", "certifi"])
def test_a_server_that_nobody_vouches_for_is_asked_nothing(way, certificate, deadline, monkeypatch, tmp_path, folder):
    if not folder:
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with serving(holds(b"01234"), certificate) as server:
        way.lead_to(server.url)

        with pytest.raises(BucketError, match=r"cannot be reached: SSLCertVerificationError$"):
            way.fetch("models", "a")

    assert server.paths == []


@pytest.mark.parametrize("way", ["emulator"], indirect=True)
def test_the_reason_stands_in_the_operator_s_line_and_in_no_answer(stored, way, serve, monkeypatch):
    stored(says(403, KMS.encode()))
    monkeypatch.setenv("MODEL_BUCKET", "models")
    server = serve("batch")

    answers = [server.get(path) for path in ("/", "/[0.5]", "/readyz")]

    assert [answer.status for answer in answers] == [503, 503, 503]
    assert not [answer for answer in answers if b"KMS" in answer.body]
    assert server.lines("ERROR")[0]["message"] == (
        f"gs://models/linear-regression/aliases/production.json is refused: Cloud Storage answered 403: {KMS};"
        " nothing is served"
    )


@pytest.mark.parametrize(
    ("most", "got"),
    [
        pytest.param(3, b"1234", id="larger"),
        pytest.param(9, b"123456789", id="just-as-large"),
        pytest.param(1 << 30, b"123456789", id="smaller"),
        pytest.param(None, b"123456789", id="of-any-size"),
    ],
)
def test_no_more_of_an_object_is_read_than_one_byte_beyond_what_it_may_have(bucket, emulator, way, most, got):
    way.lead_to(emulator.url)
    put(bucket, "line/versions/1/model.bin", b"123456789")

    fetched = way.fetch(bucket.name, "line/versions/1/model.bin", most)

    assert (fetched.data, fetched.generation) == (got, bucket.get_blob("line/versions/1/model.bin").generation)


def test_an_object_that_is_not_there_is_absent(bucket, emulator, way):
    way.lead_to(emulator.url)

    with pytest.raises(AbsentError, match=r"model.bin does not exist"):
        way.fetch(bucket.name, "line/versions/1/model.bin", 10)


def test_an_empty_object_is_empty(bucket, emulator, way):
    way.lead_to(emulator.url)
    put(bucket, "line/versions/1/model.bin", b"")

    assert way.fetch(bucket.name, "line/versions/1/model.bin", 10).data == b""


def test_a_part_of_an_empty_object_that_cannot_be_had_is_empty(stored, way):
    stored(says(416))

    assert way.fetch("models", "a", 10).data == b""
