"""The paths of a function and their operations, as the router knows them. Pure."""

from __future__ import annotations

from typing import Any

from ..artifact import Manifest
from .answers import described, responses
from .bodies import INSTANCE
from .columns import Schema, example_row
from .examples import csv_example, inference_examples, json_examples, line_example

_BODY = ("400", "413", "415", "500", "503")
_SEEN = "The predictions, with warnings of values unlike those of training"
_BINARY = (
    "Data of tensors may stand as bytes behind the JSON; then the header Inference-Header-Content-Length gives the"
    " length of the JSON, and binary_data_size among a tensor's parameters that of its data"
)
_TEXT: Schema = {"type": "string"}
_TABLES: dict[str, Schema] = {"text/csv": _TEXT, "application/x-ndjson": _TEXT, "application/x-npy": {}}
"""What `Accept` may ask for beside JSON."""


def paths(manifest: Manifest, *, one: bool) -> dict[str, Any]:
    """The paths, each with the methods that it takes."""
    model, version = manifest.model, str(manifest.version)
    own = _post("predict", "Predict one instance" if one else "Predict instances", _own_body(manifest, one=one))
    read = {
        "/": ("describe", "The model, its features and metrics", described(["model", "features"], status="alive")),
        "/readyz": ("readiness", "Whether a model is loaded", described([], status="ready")),
        "/ping": ("ping", "The same, as SageMaker asks", described([], status="ready")),
        "/openapi.json": ("openapi", "This document", described(["info", "paths"], openapi="3.1.0")),
        "/v1/models": ("modelsV1", "The models, as KServe asks", described([], models=[model])),
        f"/v1/models/{model}": ("modelV1", "Whether it is ready", described([], name=model, ready=True)),
        "/v2": (
            "serverV2",
            "The server, as the Open Inference Protocol asks",
            described(["name", "version", "extensions"]),
        ),
        "/v2/health/ready": ("readinessV2", "Whether a model is loaded", described([], live=True, ready=True)),
    }
    table: dict[str, Any] = {path: _get(*told) for path, told in read.items()}
    table["/"]["get"]["responses"]["200"]["content"]["text/html"] = {"schema": _TEXT}
    table["/"]["post"] = own
    table["/docs"] = _page()
    table["/healthz"] = _get("health", "Whether the process answers", described([], status="ok"), alive=True)
    table["/v2/health/live"] = _get("healthV2", "Whether the process answers", described([], live=True), alive=True)
    table["/{values}"] = _by_path(manifest, one=one)
    table["/invocations"] = {"post": {**own, "operationId": "invocations", "summary": "The same, as SageMaker asks"}}
    kserve = _post("predictV1", "The same, as Vertex AI and KServe ask", _json_body(manifest, one=one))
    table[f"/v1/models/{model}:predict"] = {"post": kserve}
    for root, name in ((f"/v2/models/{model}", "V2"), (f"/v2/models/{model}/versions/{version}", "VersionV2")):
        tensors = described(["inputs", "outputs", "platform"], name=model, versions=[version])
        table[root] = _get(f"model{name}", "The model's tensors", tensors)
        table[f"{root}/ready"] = _get(f"ready{name}", "Whether it is ready", described([], name=model, ready=True))
        table[f"{root}/infer"] = {"post": _infer(f"infer{name}", manifest)}
    return table


def _get(operation: str, words: str, schema: Schema, *, alive: bool = False) -> dict[str, Any]:
    """GET and HEAD of a path; one that only tells that the process is *alive* needs no model."""
    answers = responses(schema, words, ["500"] if alive else ["500", "503"], versioned=not alive)
    return _read({"operationId": operation, "summary": words, "responses": answers})


def _page() -> dict[str, Any]:
    answers = responses(_TEXT, "A page of the model, with a form that asks it", ("500", "503"))
    answers["200"]["content"] = {"text/html": {"schema": _TEXT}}
    return _read({"operationId": "page", "summary": "A page of the model for people", "responses": answers})


def _read(get: dict[str, Any]) -> dict[str, Any]:
    heads = {
        status: {name: member for name, member in each.items() if name != "content"}
        for status, each in get["responses"].items()
    }
    head = {**get, "operationId": f"{get['operationId']}Head", "summary": "Its status and headers", "responses": heads}
    return {"get": get, "head": head}


def _by_path(manifest: Manifest, *, one: bool) -> dict[str, Any]:
    schema = INSTANCE if one else {"type": "array", "items": INSTANCE, "minItems": 1}
    cells, content = example_row(manifest.features), dict[str, Any](schema=schema)
    if cells is not None:
        content["example"] = cells if one else [cells]
    values = {
        "name": "values",
        "in": "path",
        "required": True,
        "content": {"application/json": content},
        "description": "One instance as JSON" if one else "An array of instances as JSON",
    }
    answer = {"$ref": "#/components/schemas/Answer"}
    answers = responses(answer, _SEEN, ("400", "413", "414", "500", "503"), predicted=True, others=_TABLES)
    operation = {"operationId": "predictPath", "summary": "Predict what the path holds", "responses": answers}
    return _read({**operation, "parameters": [values]})


def _post(operation: str, words: str, content: dict[str, Any]) -> dict[str, Any]:
    answer = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Answer", "Replies")]}
    if operation == "predictV1":
        answers = responses({"$ref": "#/components/schemas/Answer"}, _SEEN, _BODY, predicted=True)
    else:
        answers = responses(answer, _SEEN, _BODY, predicted=True, others=_TABLES)
    body = {"required": True, "content": content}
    return {"operationId": operation, "summary": words, "requestBody": body, "responses": answers}


def _infer(operation: str, manifest: Manifest) -> dict[str, Any]:
    content = {
        "application/json": _media({"$ref": "#/components/schemas/Inference"}, inference_examples(manifest)),
        "application/octet-stream": {"schema": {}},
    }
    inferred = {"$ref": "#/components/schemas/Inferred"}
    answers = responses(
        inferred, "The outputs that are asked for", _BODY, predicted=True, others={"application/octet-stream": {}}
    )
    return {
        "operationId": operation,
        "summary": "Predict tensors, as the Open Inference Protocol asks",
        "requestBody": {"required": True, "content": content, "description": _BINARY},
        "responses": answers,
    }


def _json_body(manifest: Manifest, *, one: bool) -> dict[str, Any]:
    forms = [{"$ref": f"#/components/schemas/{name}"} for name in ("Request", "Table")]
    return {"application/json": _media({"anyOf": forms}, json_examples(manifest, one=one, calls=False))}


def _own_body(manifest: Manifest, *, one: bool) -> dict[str, Any]:
    forms = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Request", "Table", "Calls")]}
    examples = json_examples(manifest, one=one, calls=True)
    row, line = csv_example(manifest.features), line_example(manifest.features)
    plain = {"type": "string", "contentMediaType": "application/json", "contentSchema": forms}
    content = {
        "application/json": _media(forms, examples),
        "text/plain": {"schema": plain},
        "text/csv": _media({**_TEXT, "description": "A row a line, below a header"}, row and {"row": {"value": row}}),
        **dict.fromkeys(
            ("application/x-ndjson", "application/jsonl"),
            _media({**_TEXT, "description": "An instance a line"}, line and {"line": {"value": line}}),
        ),
    }
    if all(feature.kind in {"number", "boolean"} for feature in manifest.features):
        content["application/x-npy"] = {"schema": {}}
    return content


def _media(schema: Schema, examples: Any) -> dict[str, Any]:
    return {"schema": schema, **({"examples": examples} if examples else {})}
