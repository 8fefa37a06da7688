"""(path, method, Content-Type) → the resource that is asked for, and the protocol that reads it.

`answering` decides the status of each error:
    RoutingError
     ├─ NoResourceError    nothing is at this path
     ├─ MethodError        the resource does not take this method
     └─ MediaTypeError     no protocol reads this type of body
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from importlib import import_module
from typing import NamedTuple, cast
from urllib.parse import quote

from .exchange import JSON, WireFormat

BODY_TYPES = {JSON: "instances"}
"""Module of protocols/ by the media type of a body."""

_READ = ("GET", "HEAD")
_VALUE_STARTS = frozenset('[{"+-.0123456789 \t')
_VALUE_WORDS = frozenset({"nan", "null", "true", "false", "infinity", "inf"})


class Resource(Enum):
    """The resources of a function."""

    HEALTH = auto()
    READINESS = auto()
    METADATA = auto()
    PREDICTION = auto()


class Route(NamedTuple):
    """A resource; for a prediction, *source* is the part of the request that holds the instances: `path` or `json`."""

    resource: Resource
    source: str | None = None


_HEALTH, _READINESS, _METADATA = Route(Resource.HEALTH), Route(Resource.READINESS), Route(Resource.METADATA)
_BY_PATH, _BY_BODY = Route(Resource.PREDICTION, "path"), Route(Resource.PREDICTION, "json")
_imported: dict[str, WireFormat] = {}


class RoutingError(Exception):
    """A request that leads nowhere."""


class NoResourceError(RoutingError):
    """Nothing is at this path."""


class MethodError(RoutingError):
    """The resource does not take this method; it takes those that are *allowed*."""

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        self.allowed = ", ".join(allowed)
        super().__init__(f"the method must be one of {self.allowed} here, got {method}")


class MediaTypeError(RoutingError):
    """No protocol reads this type of body; those in *accepted* are read."""

    def __init__(self, content_type: str) -> None:
        self.accepted = ", ".join(BODY_TYPES)
        shown = quote(content_type[:80], safe=" /;=+-")
        super().__init__(f"Content-Type must be {self.accepted} in UTF-8, got {shown}")


def below(path: str, function: str) -> str:
    """The part of *path* behind the function's name: the function's own host strips the name, run.app does not."""
    first, _, rest = path.removeprefix("/").partition("/")
    return rest if first == function else path.removeprefix("/")


def route(path: str, method: str) -> Route:
    """Find the resource at *path*, which is given from behind the function's name.

    Raises:
        NoResourceError: There is none.
        MethodError: There is one, and it does not take *method*.
    """
    if path == "":
        _check_method(method, (*_READ, "POST"))
        return _BY_BODY if method == "POST" else _METADATA
    if path == "healthz":
        _check_method(method, _READ)
        return _HEALTH
    if path == "readyz":
        _check_method(method, _READ)
        return _READINESS
    if path[0] in _VALUE_STARTS or path.lower() in _VALUE_WORDS:
        _check_method(method, _READ)
        return _BY_PATH
    raise NoResourceError


def protocol_of(asked: Route, headers: Mapping[str, str]) -> WireFormat:
    """The protocol that reads the instances of a request for a prediction; imported when it is first used.

    A body without a Content-Type is taken for JSON. Every answer is JSON so far, whatever `Accept` says.

    Raises:
        MediaTypeError: No protocol reads the request's Content-Type.
    """
    if asked is _BY_PATH:
        return _protocol("instances")
    content_type = headers.get("content-type", JSON)
    kind, _, parameters = content_type.partition(";")
    charset = dict(part.strip().lower().partition("=")[::2] for part in parameters.split(";")).get("charset", "utf-8")
    name = BODY_TYPES.get(kind.strip().lower())
    if name is None or charset.strip('"') not in {"utf-8", "utf8"}:
        raise MediaTypeError(content_type)
    return _protocol(name)


def _check_method(method: str, allowed: tuple[str, ...]) -> None:
    if method not in allowed:
        raise MethodError(method, allowed)


def _protocol(name: str) -> WireFormat:
    if name not in _imported:
        _imported[name] = cast("WireFormat", import_module(f".protocols.{name}", __package__))
    return _imported[name]
