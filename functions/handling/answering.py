"""The order of a request: route → body → prediction or another resource → reply → log line → response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import starlette.requests
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from ..exchange import Request, Resource, headers_of, problem_json
from ..loader import Loader
from ..predictor import Predictor
from ..settings import Settings
from ..telemetry import log
from ..telemetry.record import Record
from . import router
from .body import read_body
from .prediction import predict
from .replies import (
    MOST_PATH_BYTES,
    PREFLIGHT,
    UNHEARD,
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
        self._elsewhere: Elsewhere | None = None
        places = ((settings.predict_route, f"v1/models/{settings.model}:predict"), (settings.health_route, "readyz"))
        self._paths = {router.below(path, function): asked for path, asked in places if path}

    async def respond(self, incoming: starlette.requests.Request) -> Response:
        """Answer one request, and log it."""
        scope, settings = incoming.scope, self._settings
        headers = headers_of(scope["headers"])
        record = Record(self._function, settings.model, headers, most_rows=self._most_rows)
        path = router.below(scope["path"], self._function)
        reply = await self._reply(incoming, self._paths.get(path, path), headers, record)
        if len(reply.content.body) >= LEAST_GZIP_BYTES:
            reply = await compressed(reply, headers)
        if settings.cors_origins:
            reply = shared(reply, scope["method"], headers, settings.cors_origins)
        finished = record.finish(reply.status)
        log.request(
            method=scope["method"],
            path=record.path(scope["path"], path),
            status=reply.status,
            seconds=finished.seconds,
            headers=headers,
            remote_ip=headers.get("x-forwarded-for", "").partition(",")[0] or _peer(scope),
            project=settings.project,
            execution_id=settings.log_execution_id,
            fields=finished.request,
            shared=finished.shared,
            rows=finished.rows,
        )
        return Response(reply, record.version)

    async def _reply(
        self, incoming: starlette.requests.Request, path: str, headers: Mapping[str, str], record: Record
    ) -> Reply:
        """The reply to a request for *path*; an error has the member that the protocol gives its errors."""
        problem, model = problem_json, None
        try:
            if door := router.door(path):
                problem = door.problem
            if path not in router.ALIVE:
                model = await self._model(record)
            if len(incoming.scope.get("raw_path") or b"") > MOST_PATH_BYTES:
                raise too_long_path()
            if self._settings.cors_origins and may_ask(incoming.method, headers, self._settings.cors_origins):
                return PREFLIGHT
            route = router.route(path, incoming.scope["method"])
            if route.door and route.resource is not Resource.HEALTH:
                router.check_named(route, self._loaded(model).manifest.model, self._loaded(model).manifest.version)
            if route.resource is not Resource.PREDICTION:
                problem = problem_of(route, headers) or problem
                manifest = None if route.resource is Resource.HEALTH else self._loaded(model).manifest
                return reply_of(route, door, manifest, self._function, one=self._one, headers=headers)
            record.ask()
            protocol = router.protocol_of(route, headers)
            problem = protocol.problem
            body, most_bytes = b"", self._settings.max_body_bytes
            if route.source != "path":
                path, body = "", await read_body(incoming.receive, headers, most_bytes)
                if route.source == "json" and "content-encoding" not in headers:
                    protocol = router.by_members(protocol, body)
                    problem = protocol.problem
                if len(body) >= LEAST_BYTES or "content-encoding" in headers:
                    from .asked import Asked  # noqa: PLC0415 - as below

                    asked = Asked(body, headers, route, protocol, self._loaded(model), record, self._one, most_bytes)
                    return await self._weighed(asked, incoming.receive)
            answerer = self._loaded(model)
            served = answerer.manifest
            request = Request(path, headers, body, answerer.few_cells, served.missing, served.key)
            return answered(predict(request, route, protocol, answerer, record, one=self._one, most_bytes=most_bytes))
        except ClientDisconnect:
            return UNHEARD
        except Exception as error:  # noqa: BLE001 - an unforeseen one is told to the operator alone
            features = model.manifest.features if model else ()
            refusal = refusal_for(error, path, self._function, features, one=self._one)
            if refusal is None:
                record.fail(error)
                refusal = unforeseen()
            return refusal.reply(problem)

    async def _model(self, record: Record) -> Predictor | None:
        model = await self._loader.model()
        if model:
            record.serve(model.manifest.version, model.manifest.features, model.manifest.classes)
        return model

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


def _peer(scope: Mapping[str, Any]) -> str:
    client = scope.get("client")
    return client[0] if client else ""
