"""The page behind a proxy of another origin and path, as before a private function."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deploy.open import Proxy, Tokens
from tests.support.browser import Tab

PREFIX = "/teams/a b/models/"
PUBLIC = "https://europe-west1-my-project.cloudfunctions.net/batch"


class Handler(BaseHTTPRequestHandler):
    """Passes what is below PREFIX on to the function, with the address that the function has for others."""

    def do_GET(self):
        self._pass_on(None)

    def do_POST(self):
        self._pass_on(self.rfile.read(int(self.headers["content-length"])))

    def _pass_on(self, body):
        path = self.path.removeprefix(PREFIX.replace(" ", "%20"))
        kept = {
            "accept": self.headers["accept"],
            "content-type": self.headers["content-type"] or "",
            **self.server.added,
        }
        answer = self.server.behind.ask(self.command, f"/{path}", body, **kept)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def proxy(pages):
    """Start a proxy that adds headers to each request; gives its origin."""
    running = []

    def proxy(**added: str) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.behind, server.added = pages("price").server, added
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield proxy
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("below", "called"), [("batch", "batch"), ("batch/docs", "batch"), ("docs", ""), ("", "")])
def test_the_page_calls_the_address_that_it_came_from(proxy, browser, below, called):
    base = proxy() + PREFIX.replace(" ", "%20")
    tab = Tab(browser).go(base + below)

    tab.click("#predict")
    tab.until("document.querySelector('#said').textContent")

    assert tab.text("#said") == "disease_progression:\n36"
    assert tab.requests() == [("GET", base + below), ("POST", base + called)]
    assert tab.text("#snippet").startswith(f"curl '{base}{called}' \\\n")
    links = tab.evaluate("[...document.querySelectorAll('footer a')].map(link => link.href)")
    assert links == [f"{base}{called}{'/' if called else ''}{path}" for path in ("openapi.json", "readyz")]
    assert tab.complaints() == []
    tab.close()


def test_a_proxy_s_page_names_the_function_s_own_address_with_a_token(proxy, browser):
    tab = Tab(browser).go(proxy(x_function_address=PUBLIC) + PREFIX)

    text = tab.text("#snippet")

    assert text.startswith(
        f"curl '{PUBLIC}' \\\n  -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" \\\n"
    )
    tab.click("#tab-1")
    assert tab.text("#snippet").startswith("gcloud functions call batch --gen2 --region=europe-west1 \\\n")
    tab.close()


def test_open_shows_the_page_of_a_private_function_and_passes_its_calls_on(pages, browser):
    function = pages("price").address
    proxy = Proxy(function, 0, Tokens(lambda: "token"), lambda _: None)
    threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    address = f"http://127.0.0.1:{proxy.server_address[1]}/"
    tab = Tab(browser).go(address)

    tab.click("#predict")
    tab.until("document.querySelector('#said').textContent")

    assert tab.text("#said") == "disease_progression:\n36"
    assert (tab.complaints(), tab.requests()) == ([], [("GET", address), ("POST", address)])
    assert tab.text("#snippet").startswith(f"curl '{function}' \\\n  -H \"Authorization: Bearer")
    tab.close()
    proxy.shutdown()
    proxy.server_close()
