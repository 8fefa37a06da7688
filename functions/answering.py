"""The order of a request: route → body → prediction or another resource → reply → log line → response."""

from __future__ import annotations

import starlette.requests
from starlette.requests import ClientDisconnect

from . import router
from .body import read_body
from .exchange import Request, Resource, problem_json
from .loader import Loader
from .prediction import predict
from .predictor import Predictor
from .replies import (
    MOST_PATH_BYTES,
    PREFLIGHT,
    UNHEARD,
    RefusalError,
    Reply,
    answered,
    bad_payload,
    misrouted,
    no_model,
    too_long_path,
    unforeseen,
)
from .resources import reply_of
from .response import Response, compressed, may_ask, shared
from .schema import PayloadError
from .settings import Settings
from .telemetry import log
from .telemetry.record import Record


class Endpoint:
    """One deployed function: `batch`, or `stream`, which takes *one* instance a request."""

    def __init__(self, function: str, *, one: bool, loader: Loader, settings: Settings) -> None:
        self._function = function
        self._one = one
        self._loader = loader
        self._settings = settings
        self._most_rows = settings.capture_rows if settings.capture else 0
        places = ((settings.predict_route, f"v1/models/{settings.model}:predict"), (settings.health_route, "readyz"))
        self._paths = {router.below(path, function): asked for path, asked in places if path}

    async def respond(self, incoming: starlette.requests.Request) -> Response:
        """Answer one request, and log it."""
        scope = incoming.scope
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        record = Record(self._function, self._settings.model, headers, most_rows=self._most_rows)
        path = router.below(scope["path"], self._function)
        asked = self._paths.get(path, path)
        model: Predictor | None = None
        failure: dict[str, str] = {}
        try:
            if asked not in router.ALIVE:
                model = await self._loader.model()
                if model:
                    record.serve(model.manifest.version, model.manifest.features, model.manifest.classes)
            reply = await self._reply(incoming, Request(asked, headers), model, record)
        except ClientDisconnect:
            reply = UNHEARD
        except Exception as error:  # noqa: BLE001 - the caller gets a plain 500, the operator the traceback
            failure = {"stack_trace": record.stack_trace(error)}
            reply = unforeseen().reply()
        reply = compressed(reply, headers)
        reply = shared(reply, incoming.method, headers, self._settings.cors_origins)
        finished = record.finish(reply.status)
        log.request(
            method=incoming.method,
            path=record.path(scope["path"], path),
            status=reply.status,
            seconds=finished.seconds,
            headers=headers,
            remote_ip=headers.get("x-forwarded-for", "").partition(",")[0] or _peer(incoming),
            project=self._settings.project,
            execution_id=self._settings.log_execution_id,
            fields={**finished.request, **failure},
            shared=finished.shared,
            rows=finished.rows,
        )
        return Response(reply, model.manifest.version if model else None)

    async def _reply(
        self, incoming: starlette.requests.Request, request: Request, model: Predictor | None, record: Record
    ) -> Reply:
        problem = problem_json
        try:
            if len(incoming.scope.get("raw_path") or b"") > MOST_PATH_BYTES:
                raise too_long_path()
            if may_ask(incoming.method, request.headers, self._settings.cors_origins):
                return PREFLIGHT
            if door := router.door(request.path):
                problem = door.problem
            route = router.route(request.path, incoming.method)
            if route.door and route.resource is not Resource.HEALTH:
                router.check_named(route, self._loaded(model).manifest.model, self._loaded(model).manifest.version)
            if route.resource is not Resource.PREDICTION:
                manifest = None if route.resource is Resource.HEALTH else self._loaded(model).manifest
                return reply_of(route, door, manifest, self._function, one=self._one, headers=request.headers)
            record.ask()
            protocol = router.protocol_of(route, request.headers)
            problem = protocol.problem
            most_bytes = self._settings.max_body_bytes
            if route.source != "path":
                body = await read_body(incoming.receive, request.headers, most_bytes)
                request = Request("", request.headers, body)
                if route.source == "json":
                    protocol = router.by_members(protocol, body)
                    problem = protocol.problem
            answerer = self._loaded(model)
            return answered(predict(request, route, protocol, answerer, record, one=self._one, most_bytes=most_bytes))
        except RefusalError as refusal:
            return refusal.reply(problem)
        except PayloadError as error:
            return bad_payload(error).reply(problem)
        except router.RoutingError as error:
            features = model.manifest.features if model else ()
            return misrouted(error, request.path, self._function, features, one=self._one).reply(problem)

    def _loaded(self, model: Predictor | None) -> Predictor:
        if model is None:
            raise no_model(self._loader.retry_after_seconds)
        return model


def _peer(incoming: starlette.requests.Request) -> str:
    return incoming.client.host if incoming.client else ""
