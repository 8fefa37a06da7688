"""Bodies of requests as JSON Schema describes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from ..artifact import Manifest
from ..columns.feature import Feature
from ..protocols.parts.tensors import datatype_of
from .columns import KEY, Schema, cell, cell_of, may_be_left_out, row

INSTANCE: Schema = {"$ref": "#/components/schemas/Instance"}
_NUMBER_TEXT = r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"
_NOTHING: Schema = {"type": ["object", "null"], "maxProperties": 0}
_INT64 = 2**63


def body_schemas(manifest: Manifest, *, one: bool) -> dict[str, Schema]:
    """The component schemas of requests by their names; examples.py has a body of each."""
    features = manifest.features
    rows: Schema = {"minItems": 1, **({"maxItems": 1} if one else {})}
    instances: Schema = {"type": "array", "items": INSTANCE, **rows}
    top: Schema = {"properties": {"top": {"type": "integer", "minimum": 1}}, "additionalProperties": False}
    has_top = bool(manifest.classes) and bool(manifest.document.get("probabilities"))
    parameters: Schema = {"type": ["object", "null"], **top} if has_top else _NOTHING
    keys: Schema = {
        "type": ["array", "null"],
        "items": {"type": ["string", "number", "boolean"]},
        "description": "One an instance; they come back beside the predictions",
        **rows,
    }
    columns = {"type": "array", "prefixItems": [{"const": feature.name} for feature in features]}
    exactly = {"minItems": len(features), "maxItems": len(features)}
    by_column = {
        "type": "object",
        "properties": {
            feature.name: {"type": "array", "items": cell_of(place), **rows} for place, feature in enumerate(features)
        }
        | ({manifest.key: {"type": "array", "items": KEY, **rows}} if manifest.key else {}),
        "required": [feature.name for feature in features if not may_be_left_out(feature)],
        "additionalProperties": False,
        "description": "Columns of one length",
    }
    single = [_object({"instance": INSTANCE}, parameters=parameters)] if one else []
    own = [_object({"instances": instances}, keys=keys, parameters=parameters), *single]
    frame = _object(
        {"data": {"type": "array", "items": row(features), **rows}, "columns": {**columns, **exactly}}, index={}
    )
    unnamed = _object({"data": instances}, index={}, columns={"type": "null"})
    tables = {
        "dataframe_split": {"anyOf": [frame, unnamed]},
        "dataframe_records": instances,
        "inputs": {"anyOf": [instances, by_column]},
    }
    beside = [{"params": parameters, "parameters": _NOTHING}]
    if has_top:
        beside.append({"params": _NOTHING, "parameters": parameters})
    frames = [_object({name: table}, **names) for name, table in tables.items() for names in beside]
    frames.append(instances)
    return {
        "Request": {"anyOf": own},
        "Table": {"anyOf": frames, "description": "A table as pandas and MLflow write it, columns in any order"},
        "Calls": _calls(manifest, rows),
        "Inference": _inference(manifest, rows),
    }


def _object(required: Mapping[str, Schema], **optional: Schema) -> Schema:
    properties = {**required, **optional}
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


def _calls(manifest: Manifest, rows: Schema) -> Schema:
    """A call of BigQuery's, lenient or strict."""
    features = manifest.features
    shape = {"type": "array", "minItems": len(features), "maxItems": len(features)}
    text = {"type": "string", "pattern": _NUMBER_TEXT}
    arguments = [
        {"anyOf": [cell_of(place), text]} if feature.kind == "number" else cell_of(place)
        for place, feature in enumerate(features)
    ]
    labels = [each if isinstance(each, str) else orjson.dumps(each).decode() for each in manifest.classes]
    chances = [f"probability:{label}" for label in labels] if manifest.document.get("probabilities") else []
    output = {"enum": ["prediction", *chances]}
    told: dict[str, Schema] = {name: {} for name in ("requestId", "caller", "sessionUser")}
    told |= {name: {"type": "null"} for name in ("parameters", "keys")}
    lenient = {"properties": {"mode": {"const": "lenient"}, "output": output}, "additionalProperties": False}
    strict = {"properties": {"mode": {"const": "strict"}, "output": output}, "additionalProperties": False}
    return {
        "description": "A call of a BigQuery remote function; a lenient one replies null to a row that does not fit",
        "anyOf": [
            {
                "type": "object",
                "properties": {
                    **told,
                    "userDefinedContext": {"type": ["object", "null"], **lenient},
                    "calls": {"type": "array", "items": shape, **rows},
                },
                "required": ["calls"],
            },
            {
                "type": "object",
                "properties": {
                    **told,
                    "userDefinedContext": {"type": "object", "required": ["mode"], **strict},
                    "calls": {"type": "array", "items": {**shape, "prefixItems": arguments}, **rows},
                },
                "required": ["userDefinedContext", "calls"],
            },
        ],
    }


def _inference(manifest: Manifest, rows: Schema) -> Schema:
    """A request of the Open Inference Protocol whose data stand in the JSON."""
    features = manifest.features
    flags = {name: {"type": "boolean"} for name in ("binary_data", "binary_data_output")}
    free: Schema = {"type": ["object", "null"]}
    shape = {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "maxItems": 2}

    def tensor(name: Schema, datatype: Schema, item: Schema) -> Schema:
        data = {"type": "array", "items": item, **rows}
        required = {"name": name, "shape": shape, "datatype": datatype, "data": data}
        return {"type": "object", "properties": {**required, "parameters": free}, "required": [*required]}

    names = [{"const": each.name} if len(features) > 1 else {"type": "string"} for each in features]
    by_feature = [tensor(name, *tensor_type(each)) for name, each in zip(names, features, strict=True)]
    forms = [{"prefixItems": by_feature, "minItems": len(features), "maxItems": len(features)}]
    if len(features) > 1 and all(feature.kind == "number" for feature in features):
        whole = tensor({"type": "string"}, {"enum": ["FP64", "FP32", "FP16"]}, cell(features[0]))
        whole["properties"]["data"] = {"type": "array", "items": {"type": "number"}, "minItems": len(features)}
        forms.append({"prefixItems": [whole], "minItems": 1, "maxItems": 1})
    answered = ["predict", "predict_proba"] if manifest.classes else ["predict"]
    outputs = {
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "properties": {
                "name": {"enum": answered},
                "parameters": {"type": ["object", "null"], "properties": {"binary_data": flags["binary_data"]}},
            },
            "required": ["name"],
        },
    }
    asked_for = {"binary_data_output": flags["binary_data_output"], "top": {"type": "null"}}
    asked = {"type": ["object", "null"], "properties": asked_for}
    return {
        **_object(
            {"inputs": {"type": "array", "anyOf": forms}},
            id={"type": ["string", "null"]},
            parameters=asked,
            outputs=outputs,
            model_name={},
            model_version={},
        ),
        "description": (
            "One tensor a feature, in any order, of shape [rows] or [rows, 1]; or one of shape [rows, features]."
            " Data are nested or flat, in every datatype that fits; `shape` gives their number"
        ),
    }


def tensor_type(feature: Feature) -> tuple[Schema, Schema]:
    """The datatype of a tensor of *feature*, and an item of its data, as schemas."""
    null = ["null"] if feature.takes_missing else []
    match feature.kind:
        case "category":
            datatype = datatype_of(feature.levels)
            item = cell(feature)
            if datatype == "INT64" and feature.takes_unknown:
                item = {"type": ["integer", *null], "minimum": -_INT64, "maximum": _INT64 - 1}
            elif datatype != "BYTES" and "enum" in item:
                item = {"enum": [*feature.levels, *([None] if null else [])]}
            return {"const": datatype}, item
        case "time":
            return {"const": "BYTES"}, cell(feature)
        case "boolean":
            return {"const": "BOOL"}, {"type": ["boolean", *null]}
        case _:
            return {"enum": ["FP64", "FP32", "FP16"]}, cell(feature)
