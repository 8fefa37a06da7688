"""Request → protocol.read → model → protocol.render → response. Every status code is decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson
import starlette.requests
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from . import router
from .exchange import JSON, Answer, Content, Question, Request, Resource, TooLargeError, WireFormat, problem_json
from .flags import check_predictions, flags
from .loader import Loader
from .metadata import metadata
from .predictor import Predictor
from .router import Route
from .runtimes import Predictions
from .schema import QUOTES, PayloadError, Problem, example, has_texts
from .settings import Settings
from .telemetry import log
from .telemetry.record import Record

_CLIENT_GONE = 499
"""The status in the log when the caller hung up; nobody receives it."""

MOST_PATH_BYTES = 64_000
"""Longest path that is read, percent-encoded as it was sent; see long_addresses.py for the reason."""

LEAST_GZIP_BYTES = 8192
"""Smaller answers are not compressed, whatever the caller takes."""

_MOST_DIGITS = 18
"""Digits of a Content-Length that is believed; they fit 64 bits."""

_MOST_CELLS = 5
"""Cells of an instance that a message spells."""

_HEALTHY, _READY = Content(JSON, b'{"status":"ok"}'), Content(JSON, b'{"status":"ready"}')


class Reply(NamedTuple):
    """Status, content and headers of a response."""

    status: int
    content: Content
    headers: tuple[tuple[str, str], ...] = ()


class _Response(Response):
    """A reply with the version that made it; its headers are written as they go out, without a look through them."""

    def __init__(self, reply: Reply, version: int | None) -> None:
        self.status_code, self.background = reply.status, None
        media_type, self.body = reply.content
        self.raw_headers = [
            (b"content-length", b"%d" % len(self.body)),
            (b"content-type", media_type.encode("latin-1")),
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers),
        ]
        if version is not None:
            self.raw_headers.append((b"x-model-version", b"%d" % version))
        if reply.status == HTTPStatus.NO_CONTENT:
            del self.raw_headers[:2]


class RefusalError(Exception):
    """An answer other than 200, raised where it is decided; *document* is its RFC 9457 body."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        problems: tuple[Problem, ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.status, self.headers = status.value, headers
        self.document: dict[str, Any] = {
            "type": "about:blank",
            "title": status.phrase,
            "status": status.value,
            "detail": detail,
        }
        if problems:
            self.document["errors"] = problems
        super().__init__(detail)

    def reply(self, problem: Callable[[Mapping[str, Any]], Content] = problem_json) -> Reply:
        """The reply to send, written by *problem*, a protocol's own function."""
        return Reply(self.status, problem(self.document), self.headers)


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
            reply = Reply(_CLIENT_GONE, Content(JSON, b""))
        except Exception as error:  # noqa: BLE001 - the caller gets a plain 500, the operator the traceback
            failure = {"stack_trace": record.stack_trace(error)}
            detail = "an error of the function, not of the request"
            reply = RefusalError(HTTPStatus.INTERNAL_SERVER_ERROR, detail).reply()
        if len(reply.content.body) >= LEAST_GZIP_BYTES and "gzip" in headers.get("accept-encoding", ""):
            reply = _deflated(reply, headers)
        if self._settings.cors_origins and "origin" in headers:
            reply = self._allowed(incoming.method, headers, reply)
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
        return _Response(reply, model.manifest.version if model else None)

    def _may_ask(self, headers: Mapping[str, str]) -> bool:
        """Whether a preflight is one of an origin that is listed."""
        if not self._settings.cors_origins:
            return False
        from .cors import is_allowed, is_preflight  # noqa: PLC0415 - most functions are never asked by a page

        return is_preflight("OPTIONS", headers) and is_allowed(headers, self._settings.cors_origins)

    def _allowed(self, method: str, headers: Mapping[str, str], reply: Reply) -> Reply:
        """*reply*, which a page of an origin that is listed may see."""
        from .cors import cors_headers, is_preflight  # noqa: PLC0415 - most functions are never asked by a page

        sent, preflight = dict(reply.headers), is_preflight(method, headers)
        added = cors_headers(headers, self._settings.cors_origins, preflight=preflight)
        if "Vary" in sent and "Vary" in added:
            added["Vary"] = f"{sent['Vary']}, {added['Vary']}"
        return Reply(reply.status, reply.content, tuple({**sent, **added}.items()))

    async def _reply(
        self, incoming: starlette.requests.Request, request: Request, model: Predictor | None, record: Record
    ) -> Reply:
        problem = problem_json
        try:
            _check_length(incoming.scope.get("raw_path") or b"")
            if incoming.method == "OPTIONS" and self._may_ask(request.headers):
                return Reply(HTTPStatus.NO_CONTENT.value, Content(JSON, b""))
            if door := router.door(request.path):
                problem = door.problem
            route = router.route(request.path, incoming.method)
            if route.door and route.resource is not Resource.HEALTH:
                router.check_named(route, self._loaded(model).manifest.model, self._loaded(model).manifest.version)
            if route.resource is not Resource.PREDICTION:
                return Reply(HTTPStatus.OK.value, self._content(route, door, model))
            record.ask()
            protocol = router.protocol_of(route, request.headers)
            problem = protocol.problem
            if route.source != "path":
                body = await self._body(incoming, request.headers)
                request = Request("", request.headers, body)
                if route.source == "json":
                    protocol = router.by_members(protocol, body)
                    problem = protocol.problem
            return Reply(HTTPStatus.OK.value, self._predict(request, route, protocol, self._loaded(model), record))
        except RefusalError as refusal:
            return refusal.reply(problem)
        except router.RoutingError as error:
            return self._misrouted(error, request.path, model).reply(problem)

    def _content(self, route: Route, door: Any, model: Predictor | None) -> Content:
        if door:
            content: Content = door.describe(route.path, model and model.manifest, self._function)
            return content
        match route.resource:
            case Resource.HEALTH:
                return _HEALTHY
            case Resource.READINESS:
                self._loaded(model)
                return _READY
            case Resource.OPENAPI:
                from .openapi import openapi  # noqa: PLC0415 - most processes are never asked for it

                document = openapi(self._loaded(model).manifest, self._function, one=self._one)
                return Content(JSON, orjson.dumps(document))
            case _:
                return Content(JSON, orjson.dumps(metadata(self._loaded(model).manifest, self._function)))

    def _loaded(self, model: Predictor | None) -> Predictor:
        if model is None:
            seconds = self._loader.retry_after_seconds
            raise RefusalError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"no model is loaded yet; try again in {seconds} s",
                headers=(("Retry-After", str(seconds)),),
            )
        return model

    def _misrouted(self, error: router.RoutingError, path: str, model: Predictor | None) -> RefusalError:
        match error:
            case router.MethodError():
                return RefusalError(HTTPStatus.METHOD_NOT_ALLOWED, str(error), headers=(("Allow", error.allowed),))
            case router.MediaTypeError():
                headers = (("Accept-Post", error.accepted),)
                return RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error), headers=headers)
            case _ if str(error):
                return RefusalError(HTTPStatus.NOT_FOUND, str(error))
            case _:
                features = model.manifest.features if model else ()
                value, advice = "0.5" if self._one else "[0.5,0.2,0.6]", ""
                if has_texts(features):
                    cells = ",".join(map(example, features[:_MOST_CELLS])) + (",…" if features[_MOST_CELLS:] else "")
                    value = cells if len(features) == 1 else f"[{cells}]"
                    value, advice = value if self._one else f"[{value}]", f"; {QUOTES}"
                return RefusalError(
                    HTTPStatus.NOT_FOUND,
                    f"nothing is at /{quote(path[:80], errors='replace')}; there are GET /, GET /{value}, POST /,"
                    f" GET /healthz and GET /readyz, each also below /{self._function}{advice}",
                )

    async def _body(self, incoming: starlette.requests.Request, headers: Mapping[str, str]) -> bytes:
        """The body of a POST, refused before it is read whole where its coding or size is wrong."""
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding not in {"identity", "gzip"}:
            raise RefusalError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"Content-Encoding must be gzip or identity, got {quote(coding[:80], safe=' ,')}",
                headers=(("Accept-Encoding", "gzip, identity"),),
            )
        most = self._settings.max_body_bytes
        declared = headers.get("content-length", "")
        chunks: list[bytes] = []
        size = int(declared) if declared.isascii() and declared.isdigit() and len(declared) <= _MOST_DIGITS else 0
        if size <= most:
            size, more = 0, True
            while more and size <= most:
                message = await incoming.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                more = message.get("more_body", False)
        if size > most:
            raise _too_large(most)
        body = b"".join(chunks)
        return _inflated(body, most) if coding == "gzip" else body

    def _predict(
        self, request: Request, route: Route, protocol: WireFormat, model: Predictor, record: Record
    ) -> Content:
        manifest = model.manifest
        record.protocol = router.name_of(protocol, route)
        try:
            record.begin("parse")
            question = protocol.read(
                request._replace(few_cells=model.few_cells),
                manifest.features,
                one=self._one,
                most_bytes=self._settings.max_body_bytes,
                classes=manifest.classes,
            )
            record.begin("predict")
            if question.request_id:
                record.identify(question.request_id)
            if question.rows is None:
                predicted = self._predicted(model, question)
            else:
                from .leniency import answered  # noqa: PLC0415 - most processes are never asked for it

                question, predicted = answered(model, question)
                record.refuse(question.refused)
            _check_probabilities(question, predicted)
        except TooLargeError as error:
            raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _summary(error), error.problems) from None
        except PayloadError as error:
            raise RefusalError(HTTPStatus.BAD_REQUEST, _summary(error), error.problems) from None
        record.begin("render")
        seen = flags(question, manifest.features)
        answer = Answer(
            question,
            predicted.values,
            manifest.model,
            manifest.version,
            seen.warnings,
            seen.flagged,
            manifest.classes,
            predicted.probabilities,
        )
        content = router.writer_of(protocol, route, request.headers).render(answer)
        counts = (seen.outside, seen.unknown, seen.missing)
        chances, places = predicted.probabilities, question.rows
        record.answer(question.table, predicted.values, *counts, probabilities=chances, places=places)
        return content

    @staticmethod
    def _predicted(model: Predictor, question: Question) -> Predictions:
        """The answer of *model*, all finite.

        Raises:
            PayloadError: A row cannot be answered; pointers start at the body.
        """
        try:
            predicted = model.predict(question.table)
        except PayloadError as error:
            problems = (Problem(each.detail, question.pointer(each.pointer)) for each in error.problems)
            raise PayloadError(*problems) from None
        check_predictions(predicted.values, predicted.probabilities, question)
        return predicted


def _check_probabilities(question: Question, predicted: Predictions) -> None:
    if predicted.probabilities is not None or not len(predicted.values):
        return
    if question.top:
        raise PayloadError(Problem("'top' shortens probabilities, and this model gives none", "/parameters/top"))
    if question.needs:
        raise PayloadError(Problem("a probability is asked for, and this model gives none", question.needs))


def _too_large(most: int) -> RefusalError:
    detail = f"the body must hold at most {most} bytes, got more; send it in parts"
    return RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


def _inflated(body: bytes, most: int) -> bytes:
    from .coding import TooLongError, inflate  # noqa: PLC0415 - most processes are never asked for it

    try:
        return inflate(body, most)
    except TooLongError:
        raise _too_large(most) from None
    except PayloadError as error:
        raise RefusalError(HTTPStatus.BAD_REQUEST, _summary(error), error.problems) from None


def _deflated(reply: Reply, headers: Mapping[str, str]) -> Reply:
    """*reply* in gzip, where the caller takes it."""
    from .coding import deflate, takes_gzip  # noqa: PLC0415 - most processes never send so much

    if not takes_gzip(headers):
        return reply
    content = Content(reply.content.media_type, deflate(reply.content.body))
    return Reply(reply.status, content, (*reply.headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")))


def _check_length(raw_path: bytes) -> None:
    if len(raw_path) > MOST_PATH_BYTES:
        raise RefusalError(
            HTTPStatus.REQUEST_URI_TOO_LONG,
            f"the path must hold at most {MOST_PATH_BYTES} bytes, got more; POST the instances as JSON instead",
        )


def _summary(error: PayloadError) -> str:
    first, *more = error.problems
    return f"{first.detail} (and {len(more)} more, see errors)" if more else first.detail


def _peer(incoming: starlette.requests.Request) -> str:
    return incoming.client.host if incoming.client else ""
