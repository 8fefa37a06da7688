"""Bodies of another format than their address or type says: which one they look like, and where it is taken. Pure."""

from __future__ import annotations

from typing import Any

from ...problems import PayloadError, Problem

_V1 = "/v1/models/MODEL:predict"
_OTHERS = {
    **dict.fromkeys(("instances", "instance"), "a request of KServe V1 and Vertex AI"),
    **dict.fromkeys(("dataframe_split", "dataframe_records"), "a table as MLflow sends it"),
    "calls": "a call of BigQuery",
    "inputs": "TensorFlow's inputs",
}
"""Formats by the member that tells them, beside the tensors of the Open Inference Protocol."""

_AS_JSON = "this looks like one JSON document: send it with the header Content-Type: application/json"
_BEFORE_JSON = b"\xef\xbb\xbf \t\r\n"


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


def _first_input(document: object) -> dict[str, Any]:
    inputs = document.get("inputs") if isinstance(document, dict) else None
    first = inputs[0] if isinstance(inputs, list) and inputs else None
    return first if isinstance(first, dict) else {}


def _with(error: PayloadError, advice: str) -> PayloadError:
    """The first problem of *error*, and *advice* behind it."""
    first = error.problems[0]
    return type(error)(Problem(f"{first.detail}; {advice}", first.pointer))
