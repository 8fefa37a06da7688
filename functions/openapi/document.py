"""The OpenAPI 3.1 document of the served model: its paths, columns, examples that work, answers and errors. Pure."""

from __future__ import annotations

from typing import Any

from ..artifact import Manifest
from .answers import answer_schemas, refusals
from .bodies import body_schemas
from .columns import column_schemas
from .paths import paths


def openapi(manifest: Manifest, function: str, *, one: bool) -> dict[str, Any]:
    """The document of *function*, which takes *one* instance a request or many."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": manifest.model,
            "version": str(manifest.version),
            "description": f"Predictions of {manifest.model}, version {manifest.version}, by the function {function}.",
        },
        "servers": [{"url": "/"}, {"url": f"/{function}"}],
        "paths": paths(manifest, one=one),
        "components": {
            "responses": refusals(),
            "schemas": {
                **column_schemas(manifest.features, manifest.key),
                **body_schemas(manifest, one=one),
                **answer_schemas(manifest, one=one),
            },
        },
    }
