"""The description of the served model that `GET /` answers. Pure."""

from __future__ import annotations

from typing import Any

from ..artifact import Manifest
from ..columns.feature import Feature
from ..columns.times import iso


def metadata(manifest: Manifest, function: str) -> dict[str, Any]:
    """Name, version, inputs, target and metrics of the model that *function* serves."""
    document = manifest.document
    return {
        "function": function,
        "status": "alive",  # KServe V1 asks for it here
        "model": {"name": manifest.model, "version": manifest.version},
        "features": [
            {"name": feature.name, **_kind(feature)}
            | ({"missing": True} if feature.takes_missing else {})
            | ({"redact": True} if feature.redact else {})
            | ({"width": feature.width} if feature.width != "float64" else {})
            for feature in manifest.features
        ],
        **({"classes": list(manifest.classes)} if manifest.classes else {}),
        "target": document.get("target"),
        "created": document.get("created"),
        "metrics": document.get("metrics"),
    }


def _kind(feature: Feature) -> dict[str, Any]:
    """The kind, left out for a number, and what training saw: a range or levels, of a redacted category none."""
    match feature.kind:
        case "category":
            levels = {} if feature.redact else {"levels": list(feature.levels)}
            return {"kind": "category", **levels, **({"unknown": True} if feature.takes_unknown else {})}
        case "time":
            ends = {"minimum": iso(feature.minimum), "maximum": iso(feature.maximum)}
            return {"kind": "time", **ends, "parts": list(feature.parts)}
        case "boolean":
            return {"kind": "boolean", "minimum": bool(feature.minimum), "maximum": bool(feature.maximum)}
        case _:
            return {"minimum": feature.minimum, "maximum": feature.maximum}
