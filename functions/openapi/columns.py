"""Columns of the model as JSON Schema describes them: a cell by its kind, an instance, and a row that works. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..columns.feature import Feature
from ..columns.times import iso

Schema = dict[str, Any]

_TYPES: dict[type, str] = {str: "string", bool: "boolean", int: "number", float: "number"}


KEY: Schema = {"type": ["string", "number", "boolean", "null"], "description": "It comes back beside the prediction"}


def column_schemas(features: Sequence[Feature], key: str) -> dict[str, Schema]:
    """The component schemas of cells, by numbers from 0, and that of an instance.

    An instance is an array in feature order, or an object by feature name, which may have the column *key* too; of one
    feature also its cell.
    """
    cells = {f"Cell{place}": cell(feature) for place, feature in enumerate(features)}
    named = {
        "type": "object",
        "properties": {
            **{feature.name: cell_of(place) for place, feature in enumerate(features)},
            **({key: KEY} if key else {}),
        },
        "required": [feature.name for feature in features if not may_be_left_out(feature)],
        "additionalProperties": False,
    }
    forms = [row(features), named]
    return {**cells, "Instance": {"anyOf": [*forms, cell_of(0)] if len(features) == 1 else forms}}


def cell_of(place: int) -> Schema:
    """The reference to the schema of a cell of the feature at *place*."""
    return {"$ref": f"#/components/schemas/Cell{place}"}


def row(features: Sequence[Feature]) -> Schema:
    """An array of cells in feature order."""
    return {
        "type": "array",
        "prefixItems": [cell_of(place) for place in range(len(features))],
        "minItems": len(features),
        "maxItems": len(features),
        "description": ", ".join(feature.name for feature in features),
    }


def may_be_left_out(feature: Feature) -> bool:
    """Whether an object without *feature* has a missing cell there, in place of being refused."""
    return feature.had_missing and feature.takes_missing


def cell(feature: Feature) -> Schema:
    """A cell of *feature*, its training range or levels in words."""
    match feature.kind:
        case "category":
            return _level(feature)
        case "time":
            ends = f"from {iso(feature.minimum)} to {iso(feature.maximum)}"
            words = f"{feature.name}, an ISO 8601 date or time; training {ends}"
            return _described(words, [_typed(feature, "string", format=each) for each in ("date-time", "date")])
        case "boolean":
            return {"enum": [True, False, 0, 1, *_null(feature)], "description": feature.name}
        case _:
            ends = f"from {feature.minimum} to {feature.maximum}"
            return {**_typed(feature, "number"), "description": f"{feature.name}; training {ends}"}


def example_row(features: Sequence[Feature]) -> list[Any] | None:
    """Cells that the model takes, of no row; None where they would tell a level of a redacted feature."""
    cells = [_example(feature) for feature in features]
    return cells if all(c is not None or f.takes_missing for c, f in zip(cells, features, strict=True)) else None


def _level(feature: Feature) -> Schema:
    """A level in its own JSON type; a number or a boolean may be spelled as a text."""
    words = f"{feature.name}, a category"
    kinds = {_TYPES[type(level)] for level in feature.levels} or {"string"}
    spelled = [json.dumps(level) for level in feature.levels if not isinstance(level, str)]
    if feature.redact:
        return {**_typed(feature, *sorted({"string", *kinds})), "description": words}
    if not feature.takes_unknown:
        return {"enum": [*feature.levels, *spelled, *_null(feature)], "description": words}
    known = _typed(feature, *sorted(kinds)) | {"examples": list(feature.levels[:5])}
    if "string" in kinds or not spelled:
        return {**known, "description": words}
    return _described(words, [known, {"enum": spelled}])


def _example(feature: Feature) -> Any:
    match feature.kind:
        case "category":
            return None if feature.redact or not feature.levels else feature.levels[0]
        case "time":
            return iso(feature.minimum)
        case "boolean":
            return bool(feature.minimum)
        case _:
            middle = feature.minimum / 2 + feature.maximum / 2
            return middle if abs(middle) < float("inf") else 0.5


def _described(words: str, forms: list[Schema]) -> Schema:
    return {"anyOf": forms, "description": words}


def _typed(feature: Feature, *types: str, **more: Any) -> Schema:
    every = [*types, "null"] if feature.takes_missing else list(types)
    return {"type": every if len(every) > 1 else every[0], **more}


def _null(feature: Feature) -> list[None]:
    return [None] if feature.takes_missing else []
