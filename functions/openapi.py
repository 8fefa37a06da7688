"""The OpenAPI 3.1 document of the served model: its columns, examples that work, answers and errors. Pure."""

from __future__ import annotations

from typing import Any

from .artifact import Manifest
from .feature import Feature
from .times import iso

_NUMBER, _TEXT = {"type": "number"}, {"type": "string"}


def openapi(manifest: Manifest, function: str, *, one: bool) -> dict[str, Any]:
    """The document of *function*, which takes *one* instance a request or many."""
    schemas = _schemas(manifest, one=one)
    answer = {"$ref": "#/components/schemas/Answer"}
    predicted = {
        "200": _response("The predictions, with warnings of values unlike those of training", answer),
        **{status: _problem(words) for status, words in _REFUSALS.items()},
    }
    request = _request({"$ref": "#/components/schemas/Request"}, manifest, one=one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": manifest.model,
            "version": str(manifest.version),
            "description": f"Predictions of {manifest.model}, version {manifest.version}, by the function {function}.",
        },
        "servers": [{"url": "/"}, {"url": f"/{function}"}],
        "paths": {
            "/": {
                "get": _get("describe", "The model, its features and metrics", {"type": "object"}),
                "post": {
                    "operationId": "predict",
                    "summary": "Predict one instance" if one else "Predict instances",
                    "requestBody": request,
                    "responses": predicted,
                },
            },
            f"/v1/models/{manifest.model}:predict": {
                "post": {
                    "operationId": "predictV1",
                    "summary": "The same, as Vertex AI and KServe ask",
                    "requestBody": request,
                    "responses": predicted,
                }
            },
            "/healthz": {"get": _get("health", "Whether the process answers", _status("ok"))},
            "/readyz": {"get": _get("readiness", "Whether a model is loaded", _status("ready"))},
        },
        "components": {"schemas": schemas},
    }


_REFUSALS = {
    "400": "The request cannot be answered; each problem has its place",
    "413": "The request, or the answer to it, is too large",
    "415": "The media type or the coding of the body is not read",
    "503": "No model is loaded yet",
}


def _schemas(manifest: Manifest, *, one: bool) -> dict[str, Any]:
    features = manifest.features
    cells = [_cell(feature) for feature in features]
    required = [feature.name for feature in features if not (feature.had_missing and feature.takes_missing)]
    forms: list[dict[str, Any]] = [
        {
            "type": "array",
            "prefixItems": cells,
            "minItems": len(features),
            "maxItems": len(features),
            "description": ", ".join(feature.name for feature in features),
        },
        {
            "type": "object",
            "properties": {feature.name: cell for feature, cell in zip(features, cells, strict=True)},
            "required": required,
            "additionalProperties": False,
        },
    ]
    if len(features) == 1:
        forms.append(cells[0])
    instance = {"$ref": "#/components/schemas/Instance"}
    instances = {"type": "array", "items": instance, "minItems": 1, **({"maxItems": 1} if one else {})}
    many: dict[str, Any] = {"properties": {"instances": instances}, "required": ["instances"]}
    single: dict[str, Any] = {"properties": {"instance": instance}, "required": ["instance"]}
    for form in (many, single):
        form.update(type="object", additionalProperties=False)
        if manifest.classes:
            top = {"type": "object", "properties": {"top": {"type": "integer", "minimum": 1}}}
            form["properties"]["parameters"] = {**top, "additionalProperties": False}
    many["properties"]["keys"] = {"type": "array", "items": {"type": ["string", "number", "boolean"]}}
    return {
        "Instance": {"anyOf": forms},
        "Request": {"oneOf": [many, single]} if one else many,
        "Answer": _answer(manifest, one=one),
        "Place": {
            "type": "object",
            "properties": {"detail": _TEXT, "pointer": {**_TEXT, "description": "JSON Pointer into the body"}},
            "required": ["detail", "pointer"],
        },
        "Problem": {
            "type": "object",
            "properties": {
                **dict.fromkeys(("type", "title", "detail"), _TEXT),
                "status": {"type": "integer"},
                "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Place"}},
            },
            "required": ["type", "title", "status", "detail"],
        },
    }


def _answer(manifest: Manifest, *, one: bool) -> dict[str, Any]:
    prediction = {"enum": list(manifest.classes)} if manifest.classes else _NUMBER
    model = {
        "type": "object",
        "properties": {"name": _TEXT, "version": {"type": "integer"}},
        "required": ["name", "version"],
    }
    properties: dict[str, Any] = {
        "predictions": {"type": "array", "items": prediction},
        "keys": {"type": "array"},
        "model": model,
        "warnings": {"type": "array", "items": {"$ref": "#/components/schemas/Place"}},
        "warnings_total": {"type": "integer"},
    }
    if one:
        properties["prediction"] = prediction
    if manifest.classes:
        properties |= {"probabilities": {"type": "array"}, "classes": {"type": "array"}}
    return {"type": "object", "properties": properties, "required": ["model"]}


def _cell(feature: Feature) -> dict[str, Any]:
    schema: dict[str, Any]
    match feature.kind:
        case "category":
            schema = {"description": f"{feature.name}, a category"}
            kinds = {"a text": "string", "a number": "number", "true or false": "boolean"}
            types = sorted({"string", *(kinds[name] for name in feature.level_types)})
            if feature.takes_unknown or feature.redact:
                schema["type"] = types + (["null"] if feature.takes_missing else [])
                schema |= {} if feature.redact else {"examples": list(feature.levels[:5])}
            else:
                schema["enum"] = [*feature.levels, *([None] if feature.takes_missing else [])]
            return schema
        case "time":
            ends = f"from {iso(feature.minimum)} to {iso(feature.maximum)}"
            schema = {"type": "string", "description": f"{feature.name}, an ISO 8601 date or time; training {ends}"}
        case "boolean":
            schema = {"type": "boolean", "description": feature.name}
        case _:
            ends = f"from {feature.minimum} to {feature.maximum}"
            schema = {"type": "number", "description": f"{feature.name}; training {ends}"}
    if feature.takes_missing:
        schema["type"] = [schema["type"], "null"]
    return schema


def _example(feature: Feature) -> Any:
    """A cell that the model takes, of no row; None where it would tell a level of a redacted feature."""
    match feature.kind:
        case "category":
            return None if feature.redact or not feature.levels else feature.levels[0]
        case "time":
            return iso(feature.minimum)
        case "boolean":
            return bool(feature.minimum)
        case _:
            middle = feature.minimum / 2 + feature.maximum / 2
            return middle if abs(middle) != float("inf") else 0.5


def _request(schema: dict[str, Any], manifest: Manifest, *, one: bool) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": schema}
    row = {feature.name: _example(feature) for feature in manifest.features}
    if all(row[feature.name] is not None or feature.takes_missing for feature in manifest.features):
        media["example"] = {"instance": row} if one else {"instances": [row]}
    return {"required": True, "content": {"application/json": media}}


def _get(operation: str, summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    responses = {"200": _response(summary, schema)}
    if operation != "health":
        responses["503"] = _problem(_REFUSALS["503"])
    return {"operationId": operation, "summary": summary, "responses": responses}


def _response(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problem(description: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}


def _status(word: str) -> dict[str, Any]:
    return {"type": "object", "properties": {"status": {"const": word}}, "required": ["status"]}
