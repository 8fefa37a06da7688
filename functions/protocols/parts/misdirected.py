"""Bodies of another format than their address or type says: which one they look like, and where it is taken. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...columns.schema import Feature
from ...exchange import Request
from ...problems import PayloadError, Problem
from .strict_json import decode

_V1 = "/v1/models/MODEL:predict"
_OTHERS = {
    **dict.fromkeys(("instances", "instance"), "a request of KServe V1 and Vertex AI"),
    **dict.fromkeys(("dataframe_split", "dataframe_records"), "a table as MLflow sends it"),
    "calls": "a call of BigQuery",
    "inputs": "TensorFlow's inputs",
}
"""Formats by the member that tells them, beside the tensors of the Open Inference Protocol."""

_AS_JSON = "this looks like one JSON document: send it with the header Content-Type: application/json"
_BYTE_ORDER_MARK, _BEFORE_JSON = b"\xef\xbb\xbf", b"\xef\xbb\xbf \t\r\n"
_HEAD_BYTES, _MOST_READ_BYTES = 1 << 16, 1 << 20
"""The part of a body that is looked at for its format, and the longest one that is read as JSON for it."""


def to_tensors(error: PayloadError, document: object) -> PayloadError:
    """*error* of a *document* that was not sent to infer, with the address that takes it where it holds tensors."""
    if "datatype" not in _first_input(document):
        return error
    told = "this looks like a request of the Open Inference Protocol, which /v2/models/MODEL/infer takes"
    return PayloadError(Problem(told, "/inputs"))


def from_tensors(error: PayloadError, document: object, *, one: bool) -> PayloadError:
    """*error* of a *document* that was sent to infer, with the address that takes it where it holds no tensors.

    Args:
        one: The function takes one instance: it is `stream`.
    """
    if not {"shape", "datatype"}.isdisjoint(_first_input(document)):
        return error
    members = {name for name, value in document.items() if value != []} if isinstance(document, dict) else set()
    looks = "an array of instances" if isinstance(document, list) and document else ""
    looks = next((told for member, told in _OTHERS.items() if member in members), looks)
    if not looks:
        return error
    own = "/stream" if one else "/batch"
    takes = f"{own} takes" if "calls" in members else f"{own} and {_V1} take"
    return _with(error, f"this looks like {looks}, which {takes}")


def from_lines(error: PayloadError, rows: list[Any]) -> PayloadError:
    """*error* of lines of JSON that hold *rows*, with the type to send them as where they are one document."""
    is_one = len(rows) == 1 and isinstance(rows[0], dict) and not _OTHERS.keys().isdisjoint(rows[0])
    return _with(error, _AS_JSON) if is_one else error


def from_csv(error: PayloadError, body: bytes) -> PayloadError:
    """*error* of the header of CSV in *body*, with the type to send it as where it is JSON."""
    return _with(error, _AS_JSON) if body[:100].lstrip(_BEFORE_JSON)[:1] in {b"{", b"["} else error


def other_type(error: PayloadError, request: Request, features: Sequence[Feature], *, one: bool) -> PayloadError:
    """*error* of a *request* whose body is no JSON, with the type to send it as where that can be told.

    Args:
        features: Those of the model; a line of CSV that names one is a header.
        one: As above.
    """
    if "not JSON: " not in error.problems[0].detail:
        return error
    body = request.body.removeprefix(_BYTE_ORDER_MARK)
    head = body[:_HEAD_BYTES].split(b"\n")
    if body.startswith(b"\x93NUMPY"):
        kind = "numpy's format", "application/x-npy"
    elif not {feature.name.encode() for feature in features}.isdisjoint(
        cell.strip(b' "\r') for cell in head[0].split(b",")
    ):
        kind = "CSV", "text/csv"
    elif error.problems[0].detail.startswith("not JSON: ") and head[1:] and _is_line(head[0]):
        kind = "JSON Lines", "application/x-ndjson"
    elif len(body) <= _MOST_READ_BYTES and _is_json(body):
        return _with(error, _AS_JSON)
    else:
        return error
    own = "/stream" if one else "/batch"
    return _with(error, f"this looks like {kind[0]}, which {own} takes with the header Content-Type: {kind[1]}")


def _is_line(text: bytes) -> bool:
    """Whether *text* is JSON, and no whole document of another format."""
    return _is_json(text) and not any(b'"%s"' % name.encode() in text for name in _OTHERS)


def _is_json(text: bytes) -> bool:
    try:
        decode(text)
    except PayloadError:
        return False
    return True


def _first_input(document: object) -> dict[str, Any]:
    inputs = document.get("inputs") if isinstance(document, dict) else None
    first = inputs[0] if isinstance(inputs, list) and inputs else None
    return first if isinstance(first, dict) else {}


def _with(error: PayloadError, advice: str) -> PayloadError:
    """The first problem of *error*, and *advice* behind it."""
    first = error.problems[0]
    return type(error)(Problem(f"{first.detail}; {advice}", first.pointer))
