"""Models over columns of every kind, as manifests written by hand, and the functions in this process that serve them."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import numpy as np
from starlette.requests import Request as Incoming
from starlette.responses import Response

from functions import artifact, predictor
from functions.artifact import Manifest
from functions.handling.answering import Endpoint
from functions.predictor import Predictor
from functions.runtimes.graph.block import pack
from functions.settings import Settings
from tests.support.parts import MODEL, document

FEATURES: list[dict[str, Any]] = [
    {"name": "age", "minimum": 0.0, "maximum": 50.0, "missing": True, "missing_share": 0.1},
    {
        "name": "colour",
        "kind": "category",
        "levels": ["red", "blue"],
        "shares": [0.6, 0.4],
        "missing": True,
        "missing_share": 0.0,
        "unknown": True,
    },
    {"name": "floor", "kind": "category", "levels": [1, 2], "shares": [0.5, 0.5]},
    {"name": "late", "kind": "boolean", "minimum": 0, "maximum": 0},
    {"name": "when", "kind": "time", "minimum": 0.0, "maximum": 86400.0, "parts": ["hour"]},
]
"""A number, two categories, a boolean and a time; only the first two are answered where they are missing."""


def step(operator: str, *inputs: int, arrays: dict[str, int] | None = None, **attributes: Any) -> dict[str, Any]:
    return {"operator": operator, "inputs": list(inputs), "attributes": attributes, "arrays": arrays or {}}


def graph(steps: list[dict[str, Any]], blocks: list[Any], **members: Any) -> tuple[dict[str, Any], bytes]:
    """The manifest's `graph`, over five columns, and its arrays."""
    block = pack([np.asarray(array) for array in blocks])
    return {
        "columns": 5,
        "operators": sorted({entry["operator"] for entry in steps}),
        "steps": steps,
        "values": len(steps) - 1,
        "arrays": {"bytes": len(block), "sha256": hashlib.sha256(block).hexdigest()},
        **members,
    }, block


def price(**changes: Any) -> tuple[dict[str, Any], bytes]:
    """A regression: age (0 if missing) + colour (1 red, 2 blue, 5 unknown, 7 missing) + 10 floor + 100 late + hour."""
    steps = [
        step("cells", column=0),
        step("fill", 0, value=[0]),
        step("number", 1),
        step("cells", column=1),
        step("lookup", 3, arrays={"table": 0}, keys=["red", "blue"], unknown=2, missing=3),
        step("cells", column=2),
        step("lookup", 5, arrays={"table": 1}, keys=[1, 2]),
        step("matrix", arrays={"columns": 2}),
        step("concatenate", 2, 4, 6, 7),
        step("linear", 8, arrays={"weights": 3, "bias": 4}),
    ]
    arrays = [
        np.array([[1.0], [2.0], [5.0], [7.0]]),
        np.array([[10.0], [20.0]]),
        np.array([3, 4], np.int32),
        np.array([[1.0], [1.0], [1.0], [100.0], [1.0]]),
        np.array([0.0]),
    ]
    made, block = graph(steps, arrays)
    golden = [
        {"instance": [3.0, "red", 2, True, "1970-01-01T05:00:00Z"], "prediction": 3.0 + 1 + 20 + 100 + 5},
        {"instance": [None, None, 1, False, "1970-01-01"], "prediction": 0.0 + 7 + 10},
        {"instance": [1.5, "green", 1, False, "1970-01-01"], "prediction": 1.5 + 5 + 10},
    ]
    body = document(runtime="graph", linear=None, graph=made, features=FEATURES, golden=golden)
    return {**body, **changes}, block


def punctual(**changes: Any) -> tuple[dict[str, Any], bytes]:
    """A classifier by the colour alone, with labels "late" and "on time"."""
    steps = [
        step("cells", column=1),
        step("lookup", 0, arrays={"table": 0}, keys=["red", "blue"], unknown=2, missing=3),
        step("reduced", 1, function="argmax"),
    ]
    made, block = graph(steps, [np.array([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5], [0.0, 1.0]])], probabilities=1)
    golden = [
        {"instance": [1, "red", 1, False, "1970-01-01"], "prediction": "late", "probabilities": [0.75, 0.25]},
        {"instance": [1, None, 1, False, "1970-01-01"], "prediction": "on time", "probabilities": [0.0, 1.0]},
    ]
    task = {"classes": ["late", "on time"], "task": "classification", "probabilities": True}
    body = document(runtime="graph", linear=None, graph=made, features=FEATURES, golden=golden, **task)
    return {**body, **changes}, block


def many_classes(probabilities: int | None = 1) -> tuple[dict[str, Any], bytes]:
    """A classifier with twelve labels, "c00" to "c11", by the colour alone; red is "c05", with ties behind it."""
    labels = [f"c{place:02d}" for place in range(12)]
    red = [0.01] * 12
    red[5], red[2], red[9], red[0] = 0.5, 0.15, 0.15, 0.12
    steps = [
        step("cells", column=1),
        step("lookup", 0, arrays={"table": 0}, keys=["red", "blue"], unknown=2, missing=3),
        step("reduced", 1, function="argmax"),
    ]
    more = {} if probabilities is None else {"probabilities": probabilities}
    made, block = graph(steps, [np.array([red, red[::-1], red, red])], **more)
    golden = [{"instance": [1, "red", 1, False, "1970-01-01"], "prediction": "c05"}]
    task = {"classes": labels, "task": "classification", "probabilities": probabilities is not None}
    return document(runtime="graph", linear=None, graph=made, features=FEATURES, golden=golden, **task), block


def sealed(made: tuple[dict[str, Any], bytes], version: int = 1) -> Manifest:
    """The manifest of a model whose arrays travel inside of it."""
    body, beside = artifact.with_arrays(*made)
    assert beside == b""
    whole = artifact.seal({**body, "model": MODEL, "version": version, "created": "now"})
    return artifact.parse_manifest(whole, MODEL, version)


class Loaded:
    """A loader that holds one model."""

    retry_after_seconds = 1

    def __init__(self, model: Predictor) -> None:
        self._model = model

    def fresh(self) -> Predictor:
        return self._model


class Functions:
    """Both functions over one model, in this process."""

    def __init__(self, manifest: Manifest, **settings: Any) -> None:
        loaded: Any = Loaded(predictor.load(manifest))
        self._endpoints = {
            name: Endpoint(name, one=name == "stream", loader=loaded, settings=Settings("models", **settings))
            for name in ("batch", "stream")
        }

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        """The response of the function that *path*, which is percent-decoded, begins with.

        Names in *headers* have `_` for `-`.
        """
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
            "raw_path": path.encode("utf-8", "replace"),
        }

        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> dict[str, Any]:
            """The body, and then nothing, since the caller stays."""
            return next(messages, None) or await asyncio.Event().wait()

        endpoint = self._endpoints[path.split("/")[1]]
        return asyncio.run(endpoint.respond(Incoming(scope, receive)))
