"""What is read of a function besides predictions: its health, its readiness, its model, its interface, its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from ..exchange import JSON, Content, Resource
from .metadata import metadata
from .replies import Reply, answered

if TYPE_CHECKING:
    from .router import Route

_HEALTHY, _READY = Content(JSON, b'{"status":"ok"}'), Content(JSON, b'{"status":"ready"}')
_BY_ACCEPT = (("Vary", "Accept"),)


def reply_of(route: Route, door: Any, manifest: Any, function: str, *, one: bool, headers: Mapping[str, str]) -> Reply:
    """The reply to a request for the resource at *route*, whose *headers* have names in lower case.

    Args:
        door: The protocol whose path it is; None for the functions' own paths.
        manifest: That of the loaded model; None for HEALTH alone.
        function: `batch` or `stream`, which takes *one* instance a request.
    """
    if door:
        return answered(door.describe(route.path, manifest, function))
    if _is_page(route, headers):
        from ..page import page  # noqa: PLC0415 - most processes are never asked by a browser

        return answered(page.page(manifest, function, one=one, headers=headers), page.headers())
    varies = _BY_ACCEPT if route.resource is Resource.METADATA else ()
    return answered(_content(route.resource, manifest, function, one=one), varies)


def problem_of(route: Route, headers: Mapping[str, str]) -> Any:
    """The function that writes a problem document for the reader of a page; None for all other resources."""
    if not _is_page(route, headers):
        return None
    from ..page import page  # noqa: PLC0415 - as above

    return page.problem


def _content(resource: Resource, manifest: Any, function: str, *, one: bool) -> Content:
    match resource:
        case Resource.HEALTH:
            return _HEALTHY
        case Resource.READINESS:
            return _READY
        case Resource.OPENAPI:
            from ..openapi.document import openapi  # noqa: PLC0415 - most processes are never asked for it

            return Content(JSON, orjson.dumps(openapi(manifest, function, one=one)))
        case _:
            return Content(JSON, orjson.dumps(metadata(manifest, function)))


def _is_page(route: Route, headers: Mapping[str, str]) -> bool:
    if route.door or route.resource is not Resource.METADATA:
        return route.resource is Resource.PAGE
    accept = headers.get("accept", "").lower()
    if "text/" not in accept:
        return False
    from ..page.page import is_wanted  # noqa: PLC0415 - as above

    return is_wanted(accept)
