"""Vertex AI and KServe V1: {"instances": [instance, …]}, or "inputs" in its place → {"predictions": […]}. Pure.

Vertex AI asks at the paths that AIP_PREDICT_ROUTE and AIP_HEALTH_ROUTE name. The body is the functions' own; so is the
answer, in which further members are allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ..columns.schema import Feature, Level
from ..exchange import JSON, READ, Answer, Content, Question, Request, Resource, problem_json
from . import frames, instances

ROUTES = {
    "v1/models": (Resource.METADATA, READ),
    "v1/models/{model}": (Resource.METADATA, READ),
    "v1/models/{model}:predict": (Resource.PREDICTION, ("POST",)),
}


def describe(path: str, manifest: Any, function: str) -> Content:
    """The list of models, or the state of the one that is served."""
    if path == "v1/models":
        return Content(JSON, orjson.dumps({"models": [manifest.model]}))
    return Content(JSON, orjson.dumps({"name": manifest.model, "ready": True}))


def read(
    request: Request, features: Sequence[Feature], *, one: bool, most_bytes: int, classes: Sequence[Level] = ()
) -> Question:
    """Read `instances` as the functions' own protocol does; `inputs` are the same by KServe's other name.

    Raises:
        PayloadError: See instances.read and frames.read.
    """
    return frames.read(request, features, one=one, most_bytes=most_bytes, classes=classes)


def render(answer: Answer) -> Content:
    """Write the answer as the functions' own protocol does."""
    return instances.render(answer)


def problem(document: Mapping[str, Any]) -> Content:
    """Write a problem document with KServe's member `error`."""
    return problem_json({**document, "error": document["detail"]})
