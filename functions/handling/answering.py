"""The order of a request: route → body → prediction or another resource → reply → log line → response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import starlette.requests
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from ..exchange import MOST_PREDICTION_BYTES, Content, Request, Resource, WireFormat, headers_of, problem_json
from ..loader import Loader
from ..predictor import Predictor
from ..settings import Settings
from ..telemetry import log
from ..telemetry.record import Record
from . import few, router
from .body import read_body
from .prediction import predict
from .replies import (
    MOST_PATH_BYTES,
    PREFLIGHT,
    UNHEARD,
    RefusalError,
    Reply,
    answered,
    no_model,
    refusal_for,
    too_long_path,
    unforeseen,
)
from .resources import problem_of, reply_of
from .response import LEAST_GZIP_BYTES, Response, compressed, may_ask, shared

if TYPE_CHECKING:
    from .asked import Asked
    from .large import Elsewhere

LEAST_BYTES = 4096
"""A smaller body is never answered by a process of its own."""

LEAST_CODED_BYTES = 1024
"""Nor is a smaller one in gzip, which becomes a thousand times as long at most."""


class Endpoint:
    """One deployed function: `batch`, or `stream`, which takes *one* instance a request."""

    def __init__(self, function: str, *, one: bool, loader: Loader, settings: Settings) -> None:
        self._function = function
        self._one = one
        self._loader = loader
        self._settings = settings
        self._most_rows = settings.capture_rows if settings.capture else 0
        self._most_instances = 1 if one else max(1, settings.max_body_bytes // MOST_PREDICTION_BYTES)
        self._elsewhere: Elsewhere | None = None
        places = ((settings.predict_route, f"v1/models/{settings.model}:predict"), (settings.health_route, "readyz"))
        self._paths = {router.below(path, function): asked for path, asked in places if path}
        self._roots = dict.fromkeys(("/", f"/{function}", f"/{function}/"), "")

    async def respond(self, incoming: starlette.requests.Request) -> Response:
        """Answer one request, and log it."""
        scope, settings = incoming.scope, self._settings
        headers = headers_of(scope["headers"])
        record = Record(self._function, settings.model, headers, most_rows=self._most_rows)
        whole = scope["path"]
        path = self._roots.get(whole)
        if path is None:
            path = router.below(whole, self._function)
        reply = await self._reply(incoming, self._paths.get(path, path), headers, record)
        if len(reply.content.body) >= LEAST_GZIP_BYTES:
            reply = await compressed(reply, headers)
        if settings.cors_origins:
            reply = shared(reply, scope["method"], headers, settings.cors_origins)
        status = reply.status
        seconds, fields, common, rows = record.finish(status)
        log.request(
            method=scope["method"],
            path=record.path(whole, path),
            status=status,
            seconds=seconds,
            headers=headers,
            remote_ip=_caller(scope, headers),
            project=settings.project,
            execution_id=settings.log_execution_id,
            fields=fields,
            shared=common,
            rows=rows,
        )
        return Response(reply, record.version)

    async def _reply(
        self, incoming: starlette.requests.Request, path: str, headers: Mapping[str, str], record: Record
    ) -> Reply:
        """The reply to a request for *path*; an error has the member that the protocol gives its errors."""
        scope, problem, model = incoming.scope, None, None
        try:
            if path not in router.ALIVE:
                model = self._loader.fresh() or await self._loader.model()
                if model:
                    served = model.manifest
                    record.serve(served.version, served.features, served.classes)
            if path and len(scope.get("raw_path") or b"") > MOST_PATH_BYTES:
                raise too_long_path()
            if self._settings.cors_origins and may_ask(scope["method"], headers, self._settings.cors_origins):
                return PREFLIGHT
            route = router.route(path, scope["method"])
            if route.resource is not Resource.PREDICTION:
                problem = problem_of(route, headers)
                return self._described(route, path, model, headers)
            record.ask()
            if route.door:
                router.check_named(route, self._loaded(model).manifest.model, self._loaded(model).manifest.version)
            protocol = router.protocol_of(route, headers)
            problem = protocol.problem
            body, most_bytes = b"", self._settings.max_body_bytes
            if route.source != "path":
                path, body = "", await read_body(incoming.receive, headers, most_bytes)
                coded = "content-encoding" in headers
                if route.source == "json" and not coded:
                    protocol = router.by_members(protocol, body)
                    problem = protocol.problem
                if coded or len(body) >= LEAST_BYTES:
                    from .asked import Asked  # noqa: PLC0415 - as below

                    asked = Asked(body, headers, route, protocol, self._loaded(model), record, self._one, most_bytes)
                    return await self._weighed(asked, incoming.receive)
            model = model or self._loaded(model)
            return answered(self._content(path, body, route, protocol, headers=headers, model=model, record=record))
        except ClientDisconnect:
            return UNHEARD
        except Exception as error:  # noqa: BLE001 - an unforeseen one is told to the operator alone
            if problem is None:
                problem = door.problem if (door := router.door(path)) else problem_json
            return self._refused(error, path, model, record).reply(problem)

    def _content(
        self,
        path: str,
        body: bytes,
        route: router.Route,
        protocol: WireFormat,
        *,
        headers: Mapping[str, str],
        model: Predictor,
        record: Record,
    ) -> Content:
        """The answer to a request for a prediction, the short way where it can be gone."""
        source, one = route.source, self._one
        if source in {"json", "path"} and router.is_plain(protocol, headers):
            content = few.answered(path or body, source, model, record, one=one, most=self._most_instances)
            if content:
                return content
        served = model.manifest
        request = Request(path, headers, body, model.few_cells, served.missing, served.key)
        return predict(request, route, protocol, model, record, one=one, most_bytes=self._settings.max_body_bytes)

    def _described(self, route: router.Route, path: str, model: Predictor | None, headers: Mapping[str, str]) -> Reply:
        """The reply to a request for anything but a prediction."""
        manifest = None
        if route.resource is not Resource.HEALTH:
            manifest = self._loaded(model).manifest
            if route.door:
                router.check_named(route, manifest.model, manifest.version)
        return reply_of(route, router.door(path), manifest, self._function, one=self._one, headers=headers)

    def _refused(self, error: Exception, path: str, model: Predictor | None, record: Record) -> RefusalError:
        features = model.manifest.features if model else ()
        refusal = refusal_for(error, path, self._function, features, one=self._one)
        if refusal is None:
            record.fail(error)
            refusal = unforeseen()
        return refusal

    async def _weighed(self, asked: Asked, receive: Receive) -> Reply:
        """The reply, by a process of its own where it would hold the event loop for long."""
        if len(asked.sent) < LEAST_CODED_BYTES:
            return asked.reply()
        if self._elsewhere is None:
            from .large import Elsewhere  # noqa: PLC0415 - a process that gets small bodies alone does without

            self._elsewhere = Elsewhere()
        return await self._elsewhere.reply(asked, receive)

    def _loaded(self, model: Predictor | None) -> Predictor:
        if model is None:
            raise no_model(self._loader.retry_after_seconds)
        return model


def _caller(scope: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    if "x-forwarded-for" in headers and (first := headers["x-forwarded-for"].partition(",")[0]):
        return first
    client = scope.get("client")
    return client[0] if client else ""
