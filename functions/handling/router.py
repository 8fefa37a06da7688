"""(path, method, Content-Type) → the resource that is asked for, and the protocol that reads it.

`replies` decides the status of each error:
    RoutingError
     ├─ NoResourceError    nothing is at this path
     ├─ MethodError        the resource does not take this method
     └─ MediaTypeError     no protocol reads this type of body
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple, cast
from urllib.parse import quote

from ..exchange import JSON, READ, Resource, WireFormat
from ..problems import shown

BODY_TYPES = {
    JSON: "instances",
    "text/plain": "instances",
    "text/csv": "delimited",
    "application/x-ndjson": "json_lines",
    "application/jsonl": "json_lines",
    "application/x-npy": "npy",
}
"""Module of protocols/ by the media type of a body."""

_ANSWER_TYPES = {**BODY_TYPES, "*/*": "instances", "application/*": "instances"}
_FORM = "application/x-www-form-urlencoded"

ALIVE = frozenset({"healthz", "v2/health/live"})
"""Paths that are answered without a look at the model."""

_DOORS = {"v1": "kserve", "v2": "open_inference"}
"""Module of protocols/ with paths of its own, by their first part."""

_FIRST_NAMES = {
    **dict.fromkeys((b"instances", b"instance"), "instances"),
    **dict.fromkeys((b"calls", b"requestId", b"caller", b"sessionUser", b"userDefinedContext"), "bigquery"),
}
"""Module of protocols/ by the first name in a JSON body; frames for all others."""
_PLAIN_STARTS = (b'{"instances"', b'{"instance"')
_MOST_FIRST_BYTES, _BEFORE_NAME, _NAME_AND_REST = 64, b"\xef\xbb\xbf{ \t\r\n", 2
_PLAIN_ACCEPT = frozenset({"*/*", JSON})
_FOLLOW_ACCEPT = frozenset({"path", "json", "frames", "delimited", "json_lines", "npy"})
_JSON_LENGTH = "inference-header-content-length"
"""The header of a body of JSON with bytes behind it, whatever Content-Type says."""

_VALUE_STARTS = frozenset('[{"+-.0123456789 \t')
_VALUE_WORDS = frozenset({"nan", "null", "true", "false", "infinity", "inf"})


class Route(NamedTuple):
    """A resource, and what the path says of it.

    Attributes:
        source: For a prediction: the part of the request that holds the instances, `path` or `json`; or the protocol.
        door: Module of protocols/ that the path belongs to; None for the functions' own paths.
        path: The key of that module's ROUTES.
        model, version: The ones that the path names.
    """

    resource: Resource
    source: str | None = None
    door: str | None = None
    path: str = ""
    model: str | None = None
    version: str | None = None


_HEALTH, _READINESS, _METADATA = Route(Resource.HEALTH), Route(Resource.READINESS), Route(Resource.METADATA)
_BY_PATH, _BY_BODY = Route(Resource.PREDICTION, "path"), Route(Resource.PREDICTION, "json")
_FIXED = {
    "healthz": _HEALTH,
    "readyz": _READINESS,
    "ping": _READINESS,
    "openapi.json": Route(Resource.OPENAPI),
    "docs": Route(Resource.PAGE),
}
_imported: dict[str, WireFormat] = {}


class RoutingError(Exception):
    """A request that leads nowhere."""


class NoResourceError(RoutingError):
    """Nothing is at this path; the message, where there is one, says what is elsewhere."""


class MethodError(RoutingError):
    """The resource does not take this method; it takes those that are *allowed*."""

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        self.allowed = ", ".join(allowed)
        super().__init__(f"the method must be one of {self.allowed} here, got {method}")


class MediaTypeError(RoutingError):
    """No protocol reads this type of body; those in *accepted* are read."""

    def __init__(self, content_type: str, types: Sequence[str]) -> None:
        self.accepted = ", ".join(types)
        shown_type = quote(content_type[:80], safe=" /;=+-")
        advice = f"; a form holds no JSON: send the same body with the header Content-Type: {JSON}"
        form = advice if content_type.strip().lower().startswith(_FORM) else ""
        super().__init__(f"Content-Type must be one of {self.accepted} in UTF-8, got {shown_type}{form}")


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
        if method == "POST":
            return _BY_BODY
        _check_method(method, (*READ, "POST"))
        return _METADATA
    if path in _FIXED:
        _check_method(method, READ)
        return _FIXED[path]
    if path == "invocations":
        _check_method(method, ("POST",))
        return _BY_BODY
    if path[0] in _VALUE_STARTS or path.lower() in _VALUE_WORDS:
        _check_method(method, READ)
        return _BY_PATH
    name = _DOORS.get(path.partition("/")[0])
    if name:
        return _by_table(name, path, method)
    raise NoResourceError


def door(path: str) -> Any:
    """The protocol whose own paths *path* is among, as it may be without being any of them; None for all others."""
    name = _DOORS.get(path.partition("/")[0])
    return name and _protocol(name)


def check_named(asked: Route, model: str, version: int) -> None:
    """Refuse a path that names another model or version than the one that is served.

    Raises:
        NoResourceError: It does.
    """
    if asked.model not in {None, model}:
        raise NoResourceError(f"no model {shown(asked.model)} is served here; there is {model}")
    if asked.version not in {None, str(version)}:
        raise NoResourceError(f"no version {shown(asked.version)} of {model} is served here; there is {version}")


def protocol_of(asked: Route, headers: Mapping[str, str]) -> WireFormat:
    """The protocol that reads the instances of a request for a prediction; imported when it is first used.

    A body without a Content-Type is taken for JSON.

    Raises:
        MediaTypeError: No protocol reads the request's Content-Type.
    """
    content_type = headers.get("content-type", JSON)
    if asked is _BY_PATH or (content_type == JSON and asked.door is None):
        return _imported.get("instances") or _protocol("instances")
    if content_type == JSON and _JSON_LENGTH not in headers:
        return _protocol(cast("str", asked.door))
    kind, _, parameters = content_type.partition(";")
    charset = dict(part.strip().lower().partition("=")[::2] for part in parameters.split(";")).get("charset", "utf-8")
    name = BODY_TYPES.get(kind.strip().lower())
    if asked.door and _JSON_LENGTH in headers:
        return _protocol(asked.door)
    if asked.door and name != "instances":
        raise MediaTypeError(content_type, [each for each, name in BODY_TYPES.items() if name == "instances"])
    if name is None or charset.strip('"') not in {"utf-8", "utf8"}:
        raise MediaTypeError(content_type, [*BODY_TYPES])
    return _protocol(asked.door or name)


def is_plain(protocol: WireFormat, headers: Mapping[str, str]) -> bool:
    """Whether *protocol*, which reads a request, is the functions' own JSON, and writes the answer too."""
    return protocol is _imported.get("instances") and headers.get("accept", "*/*") in _PLAIN_ACCEPT


def writer_of(protocol: WireFormat, asked: Route, headers: Mapping[str, str]) -> WireFormat:
    """The protocol that writes the answer to what *protocol* read.

    The functions' own answers are as `Accept` asks for, else JSON; another protocol's are its own.
    """
    accept = headers.get("accept", "*/*")
    if asked.door or name_of(protocol, asked) not in _FOLLOW_ACCEPT:
        return protocol
    if accept in _PLAIN_ACCEPT:
        return _protocol("instances")
    chosen, most = "instances", 0.0
    for part in accept.lower().split(","):
        kind, *parameters = part.replace(" ", "").split(";")
        share = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        quality = float(share) if re.fullmatch(r"[0-9](\.[0-9]{0,3})?", share, re.ASCII) else 0.0
        if kind in _ANSWER_TYPES and quality > most:
            chosen, most = _ANSWER_TYPES[kind], quality
    return _protocol(chosen)


def by_members(protocol: WireFormat, body: bytes) -> WireFormat:
    """The protocol of a JSON *body* by the first name in it, where *protocol* is the functions' own; else *protocol*.

    No format begins with a name of another one, but for names that `frames` leads on from.
    """
    if body.startswith(_PLAIN_STARTS) or protocol is not _imported.get("instances"):
        return protocol
    before, *name = body[:_MOST_FIRST_BYTES].split(b'"', 2)
    if len(name) != _NAME_AND_REST or before.strip(_BEFORE_NAME):
        return _protocol("frames") if before.lstrip(_BEFORE_NAME)[:1] == b"[" else protocol
    return _protocol(_FIRST_NAMES.get(name[0], "frames"))


def name_of(protocol: WireFormat, asked: Route) -> str:
    """How the log names the format of a request: `path`, `json`, or the protocol's module."""
    if protocol is _imported.get("instances"):
        return asked.source or ""
    return cast("ModuleType", protocol).__name__.rpartition(".")[2]


def _by_table(name: str, path: str, method: str) -> Route:
    """The route of a protocol with paths of its own."""
    routes = cast("Any", _protocol(name)).ROUTES
    for template, (resource, methods) in routes.items():
        if found := _pattern(template).fullmatch(path.removesuffix("/")):
            _check_method(method, methods)
            source = name if resource is Resource.PREDICTION else None
            return Route(resource, source, name, template, **found.groupdict())
    there = ", ".join(f"{methods[0]} /{template}" for template, (_, methods) in routes.items())
    raise NoResourceError(f"nothing is at /{quote(path[:80], errors='replace')}; there are {there}")


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/:]+)", re.escape(template)))


def _check_method(method: str, allowed: tuple[str, ...]) -> None:
    if method not in allowed:
        raise MethodError(method, allowed)


def _protocol(name: str) -> WireFormat:
    if name not in _imported:
        _imported[name] = cast("WireFormat", import_module(f"..protocols.{name}", __package__))
    return _imported[name]
