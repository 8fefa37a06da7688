"""python -m model smoke: its calls of a running function, and its lines about wrong answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from functions import artifact
from model.infra_validation import smoke_test
from tests.support.kinds import punctual, sealed
from tests.support.parts import document, free_port

MANIFEST = artifact.parse_manifest(artifact.seal({**document(), "model": "line", "version": 3}), "line", 3)


@contextmanager
def impostor(answer: Callable[[str, str], tuple[int, dict[str, str], bytes]]) -> Iterator[str]:
    """Answers every request with the result of *answer*(method, path); yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            status, headers, body = answer(self.command, self.path)
            self.send_response(status)
            for name, text in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def ask(address: str, function: str = "stream", **options: Any) -> tuple[int, list[str]]:
    return smoke_test.ask(address, function, MANIFEST, **{"within_seconds": 0.0, **options})


@pytest.mark.parametrize("function", ["batch", "stream"])
def test_a_function_that_answers_as_the_manifest_says_passes(production, serve, function):
    production()
    manifest = artifact.parse_manifest(
        artifact.seal({**document(), "model": "linear-regression", "version": 1}), "linear-regression", 1
    )
    server = serve(function)

    right, wrong = smoke_test.ask(f"http://127.0.0.1:{server.port}/", function, manifest, within_seconds=10)

    assert (right, wrong) == ({"batch": 5, "stream": 9}[function], [])


def wide(features):
    made = document(
        linear={"coefficients": [1.0] * features, "intercept": 0.0},
        features=[
            {"name": f"f{number}", "minimum": -9.0, "maximum": 9.0, "mean": 0.0, "std": 1.0, "quantiles": [-9.0, 9.0]}
            for number in range(features)
        ],
        golden=[
            {"instance": [-0.123456789 * row] * features, "prediction": -0.123456789 * row * features}
            for row in (1, 2, 3)
        ],
    )
    return artifact.parse_manifest(artifact.seal({**made, "model": "wide", "version": 1}), "wide", 1)


@pytest.mark.parametrize(
    ("features", "instances"), [pytest.param(250, 2, id="two-fit"), pytest.param(700, 0, id="not-one-fits")]
)
def test_addresses_hold_as_many_instances_as_fit_and_bodies_hold_all(features, instances):
    calls = [*smoke_test.calls("batch", wide(features)), *smoke_test.calls("stream", wide(features))]

    got = [call for call in calls if call.method == "GET"]
    assert max((len(call.expected) for call in got), default=0) == instances
    assert all(len(call.path) <= 8_007 for call in got)
    assert [len(call.expected) for call in calls if call.method == "POST"] == [3, 3, 0, 1, 1, 1, 1, 0]


def test_what_does_not_listen_is_waited_for_and_then_named():
    port, now, pauses = free_port(), [0.0], []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += 10

    found = ask(f"http://127.0.0.1:{port}", within_seconds=25, clock=lambda: now[0], pause=pause)

    assert found == (0, [f"GET http://127.0.0.1:{port}/stream: no answer: ConnectionError"])
    assert pauses == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("status", "headers", "body", "reason"),
    [
        pytest.param(
            403,
            {},
            b"<h1>Forbidden</h1>",
            "got 403 <h1>Forbidden</h1> from version none; this account may not call it: ./deploy.sh grant MEMBER",
            id="refused",
        ),
        pytest.param(302, {"Location": "http://evil/"}, b"", "got 302 from version none", id="redirect"),
        pytest.param(200, {"X-Model-Version": "2"}, b"{}", "got 200 {} from version 2", id="another-version"),
        pytest.param(503, {}, b"a\n b" * 500, f"got 503 {('a b' * 500)[:90]} from version none", id="long"),
    ],
)
def test_what_never_serves_the_version_is_named(status, headers, body, reason):
    with impostor(lambda *_: (status, headers, body)) as address:
        right, (problem,) = ask(address)

    assert right == 0
    assert problem.startswith(f"GET {address}/stream: expected 200 from model version 3, {reason[:40]}")
    assert problem.endswith(reason[-20:])


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param({"prediction": 2.0000001}, "expected [-1.0], got [2.0000001]", id="another-number"),
        pytest.param({"prediction": "2"}, "expected [-1.0], got ['2']", id="text"),
        pytest.param({"predictions": [2.0, 2.0]}, "expected [-1.0], got [2.0, 2.0]", id="too-many"),
        pytest.param({"predictions": None}, "expected [-1.0], got None", id="null"),
        pytest.param({}, "expected [-1.0], got [None]", id="nothing"),
        pytest.param({"prediction": float("inf")}, "expected [-1.0], got [inf]", id="infinite"),
    ],
)
def test_a_wrong_prediction_is_named_with_its_call(body, found):
    answer = json.dumps({**body, "model": {"name": "line", "version": 3}}).encode()
    with impostor(lambda *_: (200, {"X-Model-Version": "3"}, answer)) as address:
        right, wrong = ask(address)

    assert right == 0
    assert wrong[0] == f"GET /stream/[-1.0]: {found}"
    assert wrong[-1].startswith(
        'POST /stream {"instance": "bad"}: expected 400 with application/problem+json, got 200 '
    )


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        pytest.param({}, None, id="right"),
        pytest.param({"prediction": "on time"}, "expected ['late'], got ['on time']", id="another-label"),
        pytest.param({"prediction": 0}, "expected ['late'], got [0]", id="place-of-the-label"),
        pytest.param(
            {"probabilities": [0.75, 0.2500001]},
            "expected probabilities [[0.75, 0.25]], got [[0.75, 0.2500001]]",
            id="another-probability",
        ),
        pytest.param({"probabilities": None}, "expected probabilities [[0.75, 0.25]], got [None]", id="none"),
        pytest.param(
            {"classes": ["on time", "late"]},
            "expected classes ['late', 'on time'], got ['on time', 'late']",
            id="another-order",
        ),
    ],
)
def test_a_classifier_must_answer_its_labels_classes_and_probabilities(changes, found):
    manifest = sealed(punctual(golden=[punctual()[0]["golden"][0]]))
    served_by = {"name": manifest.model, "version": 1}
    right = {"prediction": "late", "probabilities": [0.75, 0.25], "classes": ["late", "on time"], "model": served_by}
    answer = json.dumps({**right, **changes}).encode()

    with impostor(lambda *_: (200, {"X-Model-Version": "1"}, answer)) as address:
        _, wrong = smoke_test.ask(address, "stream", manifest, within_seconds=0.0)

    named = [line.partition(": ")[2] for line in wrong if line.startswith("GET /stream/")]
    assert named == ([] if found is None else [found])


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"null", b'"x"'])
def test_what_is_no_answer_at_all_is_named(body):
    with impostor(lambda *_: (200, {"X-Model-Version": "3"}, body)) as address:
        right, wrong = ask(address, "batch")

    assert right == 0
    assert len(wrong) == 5
    assert all(": expected " in line for line in wrong)


def test_a_function_that_serves_another_model_is_named():
    answer = json.dumps({"prediction": -1.0, "model": {"name": "other", "version": 3}}).encode()
    with impostor(lambda *_: (200, {"X-Model-Version": "3"}, answer)) as address:
        _, wrong = ask(address)

    assert wrong[0].startswith("GET /stream/[-1.0]: expected 200 from {'name': 'line', 'version': 3}, got 200 ")


def test_the_token_goes_to_the_function_and_a_netrc_does_not_replace_it(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    seen: list[str] = []

    class Recorder(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    ask(f"http://127.0.0.1:{server.server_address[1]}", token="abc")
    server.shutdown()
    server.server_close()

    assert seen == ["Bearer abc"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["both=http://x"], "batch or stream, =, and http(s)://HOST, got 'both=http://x'", id="function"),
        pytest.param(["batch=ftp://x"], "batch or stream, =, and http(s)://HOST, got 'batch=ftp://x'", id="scheme"),
        pytest.param(
            ["batch=http://x?a"], "batch or stream, =, and http(s)://HOST, got 'batch=http://x?a'", id="query"
        ),
        pytest.param(["batch=http://x", "--within", "nan"], "a number of seconds, got 'nan'", id="nan"),
        pytest.param([], "the following arguments are required: NAME=ADDRESS", id="nothing"),
    ],
)
def test_wrong_usage_exits_with_two(model, bucket, arguments, message):
    ended = model("smoke", *arguments)

    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].endswith(message)


def test_without_a_model_in_production_there_is_nothing_to_ask_for(model, bucket):
    ended = model("smoke", "batch=http://127.0.0.1:9")

    assert (ended.returncode, ended.stderr) == (2, "linear-regression has no alias production yet\n")


def test_wrong_answers_exit_with_one_and_come_as_json_too(model, production):
    production()

    ended = model("smoke", "batch=http://127.0.0.1:9", "--within", "0", "--json")

    problem = "GET http://127.0.0.1:9/batch: no answer: ConnectionError"
    assert (ended.returncode, ended.stderr) == (1, f"batch: {problem}\n")
    assert json.loads(ended.stdout) == [{"function": "batch", "version": 1, "right": 0, "wrong": [problem]}]
