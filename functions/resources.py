"""What is read of a function besides predictions: its health, its readiness, its model, its interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from .exchange import JSON, Content, Resource
from .metadata import metadata

if TYPE_CHECKING:
    from .router import Route

_HEALTHY, _READY = Content(JSON, b'{"status":"ok"}'), Content(JSON, b'{"status":"ready"}')


def content_of(route: Route, door: Any, manifest: Any, function: str, *, one: bool) -> Content:
    """The content of the resource at *route*.

    Args:
        door: The protocol whose path it is; None for the functions' own paths.
        manifest: That of the loaded model; None for HEALTH alone.
        function: `batch` or `stream`, which takes *one* instance a request.
    """
    if door:
        content: Content = door.describe(route.path, manifest, function)
        return content
    match route.resource:
        case Resource.HEALTH:
            return _HEALTHY
        case Resource.READINESS:
            return _READY
        case Resource.OPENAPI:
            from .openapi import openapi  # noqa: PLC0415 - most processes are never asked for it

            return Content(JSON, orjson.dumps(openapi(manifest, function, one=one)))
        case _:
            return Content(JSON, orjson.dumps(metadata(manifest, function)))
