"""Replies and refusals. Every status code is decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote

from ..columns.schema import MOST_PROBLEMS, QUOTES, Feature, PayloadError, Problem, example, has_texts
from ..exchange import JSON, Content, TooLargeError, problem_json
from .router import MediaTypeError, MethodError, RoutingError

MOST_PATH_BYTES = 64_000
"""Longest path that is read, percent-encoded as it was sent; see long_addresses.py for the reason."""

_CLIENT_GONE = 499
"""The status in the log when the caller hung up; nobody receives it."""

_MOST_CELLS = 5
"""Cells of an instance that a message spells."""


class Reply(NamedTuple):
    """Status, content and headers of a response."""

    status: int
    content: Content
    headers: tuple[tuple[str, str], ...] = ()


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


_OK = HTTPStatus.OK.value
PREFLIGHT = Reply(HTTPStatus.NO_CONTENT.value, Content(JSON, b""))
"""The reply to the preflight of an origin that is listed."""

UNHEARD = Reply(_CLIENT_GONE, Content(JSON, b""))
"""The reply to a caller who hung up."""


def answered(content: Content, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """The reply to a request that is answered by *content*."""
    return Reply(_OK, content, headers)


def unforeseen() -> RefusalError:
    """The caller gets a plain 500, the operator the stack trace."""
    return RefusalError(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of the function, not of the request")


def process_lost(how: str) -> RefusalError:
    """The refusal of a large request whose process ended before its reply, *how* says by which signal or exit code."""
    detail = f"the process that answered this request ended {how}; send the instances in parts, or ask again"
    return RefusalError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=(("Retry-After", "1"),))


def no_memory() -> RefusalError:
    """The refusal of a request that takes more memory than there is."""
    detail = "this request takes more memory than there is; send the instances in parts, or ask again"
    return RefusalError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=(("Retry-After", "1"),))


def no_model(retry_after_seconds: int) -> RefusalError:
    """The refusal while no model is loaded."""
    detail = f"no model is loaded yet; try again in {retry_after_seconds} s"
    headers = (("Retry-After", str(retry_after_seconds)),)
    return RefusalError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=headers)


def too_long_path() -> RefusalError:
    """The refusal of a path beyond MOST_PATH_BYTES."""
    detail = f"the path must hold at most {MOST_PATH_BYTES} bytes, got more; POST the instances as JSON instead"
    return RefusalError(HTTPStatus.REQUEST_URI_TOO_LONG, detail)


def wrong_coding(coding: str) -> RefusalError:
    """The refusal of a body whose Content-Encoding is *coding*."""
    detail = f"Content-Encoding must be gzip, deflate or identity, got {quote(coding[:80], safe=' ,')}"
    headers = (("Accept-Encoding", "gzip, deflate, identity"),)
    return RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, headers=headers)


def too_large_body(most_bytes: int) -> RefusalError:
    """The refusal of a body of more than *most_bytes*."""
    detail = f"the body must hold at most {most_bytes} bytes, got more; send it in parts"
    return RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


def bad_payload(error: PayloadError) -> RefusalError:
    """The refusal of a request for the problems of *error*."""
    large = isinstance(error, TooLargeError)
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if large else HTTPStatus.BAD_REQUEST
    first, *more = error.problems
    least = "at least " if len(error.problems) == MOST_PROBLEMS else ""  # no more of them are looked for
    detail = f"{first.detail} (and {least}{len(more)} more, see errors)" if more else first.detail
    return RefusalError(status, detail, error.problems)


def refusal_for(  # noqa: PLR0911 - one a kind of error
    error: Exception, path: str, function: str, features: Sequence[Feature], *, one: bool
) -> RefusalError | None:
    """The refusal of the request that *error* ended; None where nobody foresaw it.

    Args:
        path: Given from behind the name of the *function*, which takes *one* instance a request.
        features: Those of the model; empty where none is loaded.
    """
    match error:
        case RefusalError():
            return error
        case PayloadError():
            return bad_payload(error)
        case MemoryError():
            return no_memory()
        case MethodError():
            return RefusalError(HTTPStatus.METHOD_NOT_ALLOWED, str(error), headers=(("Allow", error.allowed),))
        case MediaTypeError():
            headers = (("Accept-Post", error.accepted),)
            return RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error), headers=headers)
        case RoutingError():
            return RefusalError(HTTPStatus.NOT_FOUND, str(error) or _directions(path, function, features, one=one))
        case _:
            return None


def _directions(path: str, function: str, features: Sequence[Feature], *, one: bool) -> str:
    value, advice = "0.5" if one else "[0.5,0.2,0.6]", ""
    if has_texts(features):
        cells = ",".join(map(example, features[:_MOST_CELLS])) + (",…" if features[_MOST_CELLS:] else "")
        value = cells if len(features) == 1 else f"[{cells}]"
        value, advice = value if one else f"[{value}]", f"; {QUOTES}"
    return (
        f"nothing is at /{quote(path[:80], errors='replace')}; there are GET /, GET /{value}, POST /,"
        f" GET /docs, GET /openapi.json, GET /healthz and GET /readyz, each also below /{function}{advice}"
    )
