"""Entry points `batch` and `stream`: request → payload → model → answer. Every status code is decided here."""

from __future__ import annotations

import gc
import os

# numpy would start threads for a BLAS that is not used here, in the process that is about to fork.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Imports allocate much and free little: without the collector's passes over it all, google.cloud.storage takes half
# the time. What they made is frozen below, so no later pass walks it either, in this process or in its fork.
gc.disable()

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import functions_framework.aio
import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from . import settings
from .loader import Loader, Predictor, fetch
from .protocols import instances as payload
from .protocols.instances import PayloadError, Problem, TooLargeError
from .telemetry import log as telemetry
from .telemetry.record import Record

gc.freeze()
gc.enable()

try:
    _settings = settings.read(os.environ)
except settings.SettingsError as error:
    sys.exit(str(error))

# Loaded here, before the port opens and before the framework forks: the first request finds the model in memory.
_loader = Loader(
    partial(fetch, _settings.bucket),
    model=_settings.model,
    alias=_settings.alias,
    version=_settings.version,
    refresh_seconds=_settings.refresh_seconds,
    report=telemetry.event,
)
_loader.load()

_JSON = "application/json"
_PROBLEM = "application/problem+json"
_READ = ("GET", "HEAD")
_VALUE_STARTS = frozenset('[{"+-.0123456789 \t')
_VALUE_WORDS = frozenset({"nan", "null", "true", "false", "infinity", "inf"})


@dataclass(frozen=True)
class _Answer:
    """A response before it is one."""

    status: int
    body: bytes
    media_type: str = _JSON
    headers: tuple[tuple[str, str], ...] = ()


class _RefusalError(Exception):
    """An answer other than 200, thrown from wherever it is decided."""

    def __init__(
        self, status: HTTPStatus, detail: str, problems: tuple[Problem, ...] = (), headers: tuple[Any, ...] = ()
    ):
        body: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
        if problems:
            body["errors"] = problems
        self.answer = _Answer(status.value, orjson.dumps(body), _PROBLEM, headers)
        super().__init__(detail)


@functions_framework.aio.http
async def batch(request: Request) -> Response:
    """Predictions for many instances."""
    return await _serve(request, "batch", one=False)


@functions_framework.aio.http
async def stream(request: Request) -> Response:
    """The prediction for one instance."""
    return await _serve(request, "stream", one=True)


async def _serve(request: Request, function: str, *, one: bool) -> Response:
    received = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]}
    most_rows = _settings.capture_rows if _settings.capture else 0
    record = Record(function, _settings.model, received, most_rows=most_rows)
    model: Predictor | None = None
    failure: dict[str, str] = {}
    rest = _below(request.scope["path"], function)
    try:
        if rest != "healthz":
            model = await _loader.model()
            if model:
                record.serve(model.manifest.version, model.manifest.features)
        answer = await _answer(request, received, model, record, rest, one=one)
    except _RefusalError as refused:
        answer = refused.answer
    except ClientDisconnect:
        answer = _Answer(499, b"")  # nobody is left to read it; the log line tells
    except Exception as error:  # noqa: BLE001 - the caller gets a plain 500, the operator the traceback
        failure = {"stack_trace": record.stack_trace(error)}
        answer = _RefusalError(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of the function, not of the request").answer
    version = model.manifest.version if model else None
    headers = dict(answer.headers)
    if version:
        headers["X-Model-Version"] = str(version)
    finished = record.finish(answer.status)
    telemetry.request(
        method=request.method,
        path=record.path(request.scope["path"], rest),
        status=answer.status,
        seconds=finished.seconds,
        headers=received,
        remote_ip=received.get("x-forwarded-for", "").partition(",")[0] or _peer(request),
        project=_settings.project,
        execution_id=_settings.log_execution_id,
        fields={**finished.request, **failure},
        shared=finished.shared,
        rows=finished.rows,
    )
    return Response(answer.body, answer.status, headers, answer.media_type)


async def _answer(
    request: Request, received: Mapping[str, str], model: Predictor | None, record: Record, rest: str, *, one: bool
) -> _Answer:
    if rest == "healthz":
        _allow(request, _READ)
        return _Answer(200, b'{"status":"ok"}')
    if rest == "readyz":
        _allow(request, _READ)
        _loaded(model)
        return _Answer(200, b'{"status":"ready"}')
    if rest == "":
        _allow(request, (*_READ, "POST"))
        if request.method != "POST":
            return _Answer(200, orjson.dumps(_metadata(_loaded(model), record.function)))
        record.ask()
        body = await _body(request, received)
        return _predict(_loaded(model), partial(payload.from_body, body), record, "json", one=one)
    if rest[0] in _VALUE_STARTS or rest.lower() in _VALUE_WORDS:
        _allow(request, _READ)
        record.ask()
        return _predict(_loaded(model), partial(payload.from_path, rest), record, "path", one=one)
    value = "0.5" if one else "[0.5,0.2,0.6]"
    raise _RefusalError(
        HTTPStatus.NOT_FOUND,
        f"nothing is at /{quote(rest[:80], errors='replace')}; there are GET /, GET /{value}, POST /, GET /healthz"
        f" and GET /readyz, each also below /{record.function}",
    )


def _below(path: str, function: str) -> str:
    """What follows the function's name in *path*: the function's own host strips the name, run.app does not."""
    first, _, rest = path.removeprefix("/").partition("/")
    return rest if first == function else path.removeprefix("/")


def _allow(request: Request, methods: tuple[str, ...]) -> None:
    if request.method not in methods:
        allowed = ", ".join(methods)
        raise _RefusalError(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"the method must be one of {allowed} here, got {request.method}",
            headers=(("Allow", allowed),),
        )


def _loaded(model: Predictor | None) -> Predictor:
    if model is None:
        after = _loader.retry_after_seconds
        raise _RefusalError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"no model is loaded yet; try again in {after} s",
            headers=(("Retry-After", str(after)),),
        )
    return model


async def _body(request: Request, headers: Mapping[str, str]) -> bytes:
    """The body of a POST, refused before it is read whole when its type or size is wrong."""
    kind, _, rest = headers.get("content-type", _JSON).partition(";")
    charset = dict(part.strip().lower().partition("=")[::2] for part in rest.split(";")).get("charset", "utf-8")
    if kind.strip().lower() != _JSON or charset.strip('"') not in {"utf-8", "utf8"}:
        raise _RefusalError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Type must be {_JSON} in UTF-8, got {quote(headers['content-type'][:80], safe=' /;=+-')}",
            headers=(("Accept-Post", _JSON),),
        )
    coding = headers.get("content-encoding", "identity")
    if coding.strip().lower() != "identity":
        raise _RefusalError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Encoding must be identity, got {quote(coding[:80], safe=' ,')}",
            headers=(("Accept-Encoding", "identity"),),
        )
    most = _settings.max_body_bytes
    declared = headers.get("content-length", "")
    received: list[bytes] = []
    size = int(declared) if re.fullmatch("[0-9]{1,18}", declared) else 0
    if size <= most:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                break
            received.append(chunk)
    if size > most:
        raise _RefusalError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body must hold at most {most} bytes, got more; send it in parts",
        )
    return b"".join(received)


def _predict(model: Predictor, read: Any, record: Record, protocol: str, *, one: bool) -> _Answer:
    features = model.manifest.features
    record.protocol = protocol
    try:
        record.begin("parse")
        request: payload.Request = read(features, one=one, most_bytes=_settings.max_body_bytes)
        record.begin("predict")
        predictions = model.predict(request.matrix)
        payload.check_predictions(predictions, request)
    except TooLargeError as error:
        raise _RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _summary(error), error.problems) from None
    except PayloadError as error:
        raise _RefusalError(HTTPStatus.BAD_REQUEST, _summary(error), error.problems) from None
    record.begin("render")
    warnings, outside = payload.warnings_of(request, features)
    body = payload.render(
        predictions,
        single=request.single,
        model=model.manifest.model,
        version=model.manifest.version,
        warnings=warnings,
        flagged=sum(outside.values()),
    )
    record.answer(request.matrix, predictions, outside)
    return _Answer(200, body)


def _summary(error: PayloadError) -> str:
    first, *more = error.problems
    return f"{first.detail} (and {len(more)} more, see errors)" if more else first.detail


def _metadata(model: Predictor, function: str) -> dict[str, Any]:
    manifest = model.manifest
    document = manifest.document
    return {
        "function": function,
        "model": {"name": manifest.model, "version": manifest.version},
        "features": [
            {"name": feature.name, "minimum": feature.minimum, "maximum": feature.maximum}
            | ({"redact": True} if feature.redact else {})
            for feature in manifest.features
        ],
        "target": document.get("target"),
        "created": document.get("created"),
        "metrics": document.get("metrics"),
    }


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""
