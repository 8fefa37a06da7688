"""A page of another origin calls the function in Chromium: where its origin is listed, and nowhere else."""

from __future__ import annotations

import http.server
import json
import os
import sys
import threading

import pytest

from model.registry.registry import Registry
from tests.support.browser import Tab
from tests.support.parts import MODEL, ROOT, Server, document

CALL = """
(async () => {
  try {
    const answer = await fetch(ADDRESS, OPTIONS);
    const text = await answer.text();
    return {status: answer.status, text, version: answer.headers.get("X-Model-Version")};
  } catch (error) {
    return {error: error.name};
  }
})()
"""
POST = {"method": "POST", "headers": {"Content-Type": "application/json", "X-Request-Id": "visit-1"}}
TENSORS = """
(async () => {
  const json = JSON.stringify({
    inputs: [{name: "bmi", shape: [2], datatype: "FP64", parameters: {binary_data_size: 16}}],
    parameters: {binary_data_output: true},
  });
  const headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": String(json.length)};
  const body = new Blob([json, new Float64Array([0.5, -0.5])]);
  const answer = await fetch(ADDRESS, {method: "POST", headers, body});
  const end = Number(answer.headers.get("Inference-Header-Content-Length"));
  return [...new Float64Array((await answer.arrayBuffer()).slice(end))];
})()
"""


class Blank(http.server.BaseHTTPRequestHandler):
    """An empty page, whatever is asked for."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def site():
    """The port of a site; localhost and 127.0.0.1 are two origins of it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Blank)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def listing(emulator, site, tmp_path_factory):
    """Functions that list localhost, nobody, and all."""
    bucket, folder = emulator.make_bucket(), tmp_path_factory.mktemp("cors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", emulator.url)
        registry = Registry(bucket.name, MODEL)
        version = registry.publish(document(), snapshot=b"rows", dataset="by-hand").version
        registry.promote(version, alias="production", by="test", reason="test")
        environ = {**os.environ, "MODEL_BUCKET": bucket.name}
    origins = {"localhost": f"http://localhost:{site}", "nobody": "", "all": "*"}
    source = ROOT / "functions" / "main.py"
    servers = {
        name: Server(folder, "batch", {**environ, "CORS_ORIGINS": listed}, source, sys.executable)
        for name, listed in origins.items()
    }
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture
def page(browser, site):
    """Open a page of the site, of the origin with that host."""
    tabs = []

    def page(host):
        tabs.append(Tab(browser))
        return tabs[-1].go(f"http://{host}:{site}/")

    yield page
    for tab in tabs:
        tab.close()


def called(tab, server, path="/", body=None, *, script=CALL, **options):
    """What a page is given that calls *path*."""
    options = {**options, **({"body": json.dumps(body)} if body is not None else {})}
    address = json.dumps(f"http://127.0.0.1:{server.port}{path}")
    return tab.evaluate(script.replace("ADDRESS", address).replace("OPTIONS", json.dumps(options)))


def methods(server):
    return [line["httpRequest"]["requestMethod"] for line in server.lines() if line.get("kind") == "request"]


@pytest.mark.parametrize(
    ("lists", "host"),
    [
        pytest.param("localhost", "127.0.0.1", id="another-origin"),
        pytest.param("nobody", "localhost", id="none-listed"),
    ],
)
def test_a_page_that_is_not_listed_reads_nothing_and_its_body_never_comes(listing, page, lists, host):
    server, tab = listing[lists], page(host)
    before = methods(server)

    given = [
        called(tab, server, "/[0.5]"),
        called(tab, server, body={"instances": [0.5]}, **POST),
        called(tab, server, "/v2/health/live"),
    ]

    assert given == 3 * [{"error": "TypeError"}]
    assert methods(server)[len(before) :] == ["GET", "OPTIONS", "GET"]


@pytest.mark.parametrize(("lists", "host"), [("localhost", "localhost"), ("all", "127.0.0.1")])
def test_a_page_that_is_listed_reads_answers_and_refusals_behind_a_preflight(listing, page, lists, host):
    server, tab = listing[lists], page(host)
    before = len(server.lines())

    answer = called(tab, server, body={"instances": [0.5]}, **POST)
    refusal = called(tab, server, body={"instances": ["x"]}, **POST)

    assert (answer["status"], answer["version"], json.loads(answer["text"])["predictions"]) == (200, "1", [2.0])
    assert (refusal["status"], json.loads(refusal["text"])["errors"][0]["pointer"]) == (400, "/instances/0")
    requests = [line for line in server.lines()[before:] if line.get("kind") == "request"]
    assert [line["httpRequest"]["status"] for line in requests] == [204, 200, 400]
    assert [line["request_id"] for line in requests[1:]] == ["visit-1", "visit-1"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param("/[0.5]", {"predictions": [2.0], "model": {"name": MODEL, "version": 1}}, id="path"),
        pytest.param("/v2/health/live", {"live": True}, id="health"),
        pytest.param(f"/v1/models/{MODEL}", {"name": MODEL, "ready": True}, id="kserve"),
    ],
)
def test_a_listed_page_reads_every_path(listing, page, path, found):
    answer = called(page("localhost"), listing["localhost"], path)

    assert json.loads(answer["text"]) == found


def test_a_listed_page_sends_and_reads_tensors_as_bytes(listing, page):
    path = f"/v2/models/{MODEL}/infer"

    assert called(page("localhost"), listing["localhost"], path, script=TENSORS) == [2.0, 0.0]
