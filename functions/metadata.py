"""The description of the served model that `GET /` answers. Pure."""

from __future__ import annotations

from typing import Any

from .artifact import Manifest


def metadata(manifest: Manifest, function: str) -> dict[str, Any]:
    """Name, version, inputs, target and metrics of the model that *function* serves."""
    document = manifest.document
    return {
        "function": function,
        "model": {"name": manifest.model, "version": manifest.version},
        "features": [
            {"name": feature.name, "minimum": feature.minimum, "maximum": feature.maximum}
            | ({"redact": True} if feature.redact else {})
            | ({"width": feature.width} if feature.width != "float64" else {})
            for feature in manifest.features
        ],
        "target": document.get("target"),
        "created": document.get("created"),
        "metrics": document.get("metrics"),
    }
