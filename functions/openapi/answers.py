"""Answers and errors as the OpenAPI document describes them: schemas, statuses, headers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ..artifact import Manifest
from .columns import KEY, Schema

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
_PROBLEM = "application/problem+json"
_VERSION = {"X-Model-Version": {"schema": INTEGER, "required": True, "description": "The version that made the answer"}}
_WARNINGS = {"X-Prediction-Warnings": {"schema": INTEGER, "description": "How many values are flagged, if any are"}}
_REFUSALS: dict[str, tuple[str, dict[str, Any]]] = {
    "400": ("The request cannot be answered; each problem has its place", {}),
    "413": ("The request, or the answer to it, is too large", {}),
    "414": ("The path is too long: POST the instances", {}),
    "415": (
        "The media type or the coding of the body is not read",
        {"Accept-Post": {"schema": TEXT}, "Accept-Encoding": {"schema": TEXT}},
    ),
    "500": ("An error of the function", {}),
    "503": (
        "No model is loaded yet",
        {"Retry-After": {"schema": INTEGER, "required": True, "description": "Seconds until it is worth asking again"}},
    ),
}


def answer_schemas(manifest: Manifest, *, one: bool) -> dict[str, Schema]:
    """The component schemas of answers by their names."""
    return {
        "Answer": _answer(manifest, one=one),
        "Replies": _object({"replies": {"type": "array", "items": {**_prediction(manifest)}}}),
        "Inferred": _inferred(),
        "Place": _object({"detail": TEXT, "pointer": {**TEXT, "description": "JSON Pointer into the body"}}),
        "Problem": {
            **_object(
                {**dict.fromkeys(("type", "title", "detail"), TEXT), "status": INTEGER},
                {
                    "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Place"}},
                    "error": {
                        **TEXT,
                        "description": "The same as `detail`, on paths of KServe and the Open Inference Protocol",
                    },
                    "errorMessage": {**TEXT, "description": "The same as `detail`, for BigQuery"},
                },
            ),
        },
    }


def responses(
    answer: Schema,
    words: str,
    refused: Sequence[str],
    *,
    versioned: bool = True,
    predicted: bool = False,
    others: Mapping[str, Schema] = MappingProxyType({}),
) -> dict[str, Any]:
    """The responses of an operation: 200 with *answer*, and *refused*, by their statuses.

    Args:
        versioned: The model's version is in the headers of 200.
        predicted: 200 holds predictions, and their warnings may be counted in its headers.
        others: Schemas of the media types beside JSON that 200 may have.
    """
    content = {name: {"schema": schema} for name, schema in {"application/json": answer, **others}.items()}
    headers = {**(_VERSION if versioned else {}), **(_WARNINGS if predicted else {})}
    good = {"description": words, "content": content, **({"headers": headers} if headers else {})}
    return {"200": good, **{status: {"$ref": f"#/components/responses/Refused{status}"} for status in refused}}


def refusals() -> dict[str, Any]:
    """The component responses that refuse, by their names."""
    return {f"Refused{status}": _refusal(status) for status in _REFUSALS}


def _refusal(status: str) -> dict[str, Any]:
    words, headers = _REFUSALS[status]
    content = {_PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": words, "content": content, **({"headers": headers} if headers else {})}


def _answer(manifest: Manifest, *, one: bool) -> Schema:
    prediction = {"enum": list(manifest.classes)} if manifest.classes else NUMBER
    places = {"type": "array", "items": {"$ref": "#/components/schemas/Place"}}
    several = {"predictions": {"type": "array", "items": prediction}}
    beside: dict[str, Schema] = {
        "keys": {"type": "array", "items": KEY},
        "warnings": {**places, "description": "Values unlike those of training; the first 20"},
        "warnings_total": {**INTEGER, "description": "Their number, where more are flagged than named"},
    }
    if manifest.classes:
        beside["classes"] = {"type": "array", "description": "In the order of `probabilities`"}
    if manifest.classes and manifest.document.get("probabilities"):
        chances: Schema = {"type": "array", "items": NUMBER}
        beside["probabilities"] = {"type": "array", "items": {"anyOf": [NUMBER, chances]} if one else chances}
    model = _object({"name": TEXT, "version": INTEGER})
    forms: list[dict[str, Schema]] = [several, {"prediction": prediction}] if one else [several]
    return {"anyOf": [_object({**form, "model": model}, beside) for form in forms]}


def _prediction(manifest: Manifest) -> Schema:
    """A reply to BigQuery: the prediction, a class's probability, or null."""
    return (
        {"anyOf": [{"enum": [*manifest.classes, None]}, NUMBER]} if manifest.classes else {"type": ["number", "null"]}
    )


def _inferred() -> Schema:
    tensor = {"name": TEXT, "shape": {"type": "array", "items": INTEGER}, "datatype": TEXT}
    output = _object(tensor, {"data": {"type": "array"}, "parameters": {"type": "object"}})
    required = {"model_name": TEXT, "model_version": TEXT, "outputs": {"type": "array", "items": output}}
    return _object(required, {"id": TEXT, "parameters": {"type": "object"}})


def _object(required: Mapping[str, Schema], optional: Mapping[str, Schema] = MappingProxyType({})) -> Schema:
    return {"type": "object", "properties": {**required, **optional}, "required": [*required]}


def described(members: Sequence[str], **constants: Any) -> Schema:
    """An object that has *members*, and some whose values are *constants*."""
    return _object({**{name: {} for name in members}, **{name: {"const": value} for name, value in constants.items()}})
