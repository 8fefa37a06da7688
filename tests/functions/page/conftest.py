"""Models whose pages are looked at, as real functions, and a browser."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from functions import artifact
from tests.support.browser import Tab
from tests.support.kinds import FEATURES, many_classes, price, punctual
from tests.support.pages import HOSTILE
from tests.support.parts import ROOT, Server, document, put

NAMES = {
    "age": HOSTILE,
    "colour": "__proto__",
    "floor": "a'b\"c\\d`e\n$(touch pwned) %s {x}\u2028\u202e\x00 größe 😀",
    "late": "<!--<script>",
    "when": "*/ -- '; DROP TABLE x; --",
}
"""Names of columns that would break out of HTML, JSON, shells, Python, JavaScript and SQL."""

LEVELS = {"red": HOSTILE, "blue": "b'l\"u\\e\n</script>"}
CLASSES = {"late": HOSTILE, "on time": "<!--"}


def renamed(made: tuple[dict[str, Any], bytes], *names: dict[str, str]) -> tuple[dict[str, Any], bytes]:
    """The same model with other names of columns, levels and classes."""
    body, block = made
    text = json.dumps(body)
    for old, new in (pair for each in names for pair in each.items()):
        text = text.replace(json.dumps(old), json.dumps(new))
    return json.loads(text), block


def hostile() -> tuple[dict[str, Any], bytes]:
    body, block = renamed(price(), LEVELS)
    features = [{**entry, "name": NAMES[entry["name"]]} for entry in body["features"]]
    return {**body, "features": features, "target": {"name": "<b>price</b>"}}, block


def wide() -> tuple[dict[str, Any], bytes]:
    """300 columns, of which only the first counts."""
    features = [
        {"name": f"measurement {place} at a station with a name as long as this one", "minimum": 0.0, "maximum": 9.0}
        for place in range(300)
    ]
    line = {"coefficients": [1.0, *([0.0] * 299)], "intercept": 0.5}
    return document(linear=line, features=features, golden=[{"instance": [0.0] * 300, "prediction": 0.5}]), b""


def deep() -> tuple[dict[str, Any], bytes]:
    """Ten categories of 1,000 levels beside the columns of `price`."""
    body, block = price()
    levels = [f"level {number:03d} <i>" for number in range(1000)]
    levels[5] = "on\ntwo lines"
    more = [
        {"name": f"category {place}", "kind": "category", "levels": levels, "shares": [0.001] * 1000, "unknown": True}
        for place in range(10)
    ]
    more[1]["missing"] = True
    golden = [{**each, "instance": [*each["instance"], *([levels[0]] * 10)]} for each in body["golden"]]
    graph = {**body["graph"], "columns": 15}
    return {**body, "features": body["features"] + more, "golden": golden, "graph": graph}, block


def spread() -> dict[str, Any]:
    """What training keeps of the predictions 0, 1, …, 100."""
    deciles = [10.0 * step for step in range(11)]
    return {"quantiles": deciles, "fiftieths": [2.0 * part + 1 for part in range(50)]}


MODELS = {
    "line": lambda: (document(prediction=spread()), b""),
    "price": lambda: price(prediction=spread()),
    "punctual": lambda: punctual(threshold={"positive": "late", "value": 0.3}),
    "many": many_classes,
    "bare": lambda: many_classes(probabilities=None),
    "redacted": lambda: price(features=[{**each, "redact": True} for each in FEATURES]),
    "hostile": hostile,
    "hostile-classes": lambda: renamed(punctual(), CLASSES),
    "wide": wide,
    "deep": deep,
}


@dataclass
class Served:
    """A function, its model, and the address of its page."""

    server: Server
    document: dict[str, Any]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/{self.server.function}"

    def predicted(self, instance: Any) -> Any:
        """The function's own answer to one instance."""
        body = {"instance": instance} if self.server.function == "stream" else {"instances": [instance]}
        answer = self.server.post(body, f"/{self.server.function}")
        assert answer.status == 200, answer.body
        return answer.json()


@pytest.fixture(scope="module")
def pages(emulator, tmp_path_factory):
    """Start a function over a model of MODELS, once; gives it."""
    folder, running = tmp_path_factory.mktemp("pages"), {}

    def pages(name: str, function: str = "batch") -> Served:
        if (name, function) not in running:
            made, block = MODELS[name]()
            body, beside = artifact.with_arrays(made, block)
            assert beside == b""
            bucket = emulator.make_bucket()
            whole = {**body, "model": name, "version": 1, "created": "2026-11-26T10:00:00Z"}
            manifest = artifact.parse_manifest(artifact.seal(whole), name, 1)
            put(bucket, artifact.alias_name(name, "production"), artifact.render_alias(manifest, [{"version": 1}]))
            environ = {
                **os.environ,
                "MODEL_BUCKET": bucket.name,
                "MODEL_NAME": name,
                "STORAGE_EMULATOR_HOST": emulator.url,
            }
            source = ROOT / "functions" / "main.py"
            running[name, function] = Served(Server(folder, function, environ, source, sys.executable), whole)
        return running[name, function]

    yield pages
    for served in running.values():
        served.server.stop()


@pytest.fixture
def visit(browser, pages):
    """Open the page of a model of MODELS."""

    tabs = []

    def visit(name: str, function: str = "batch", *, width: int = 1200, dark: bool = False, below: str = "") -> Tab:
        tabs.append(Tab(browser, width, dark=dark))
        return tabs[-1].go(pages(name, function).address + below)

    yield visit
    for tab in tabs:
        tab.close()
