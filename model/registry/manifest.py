"""A manifest as the offline side reads it: verified as serving verifies it, with the record for people beside it."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from functions import artifact
from functions.artifact import ArtifactError, Manifest
from model.errors import RegistryError


def parsed(content: bytes, model: str, version: int) -> Manifest:
    """The manifest of *version* from the bytes of its object.

    Raises:
        RegistryError: It does not verify.
    """
    try:
        manifest = artifact.parse_manifest(content, model, version)
        _Record.model_validate(manifest.document)
    except ArtifactError as error:
        raise RegistryError(str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise RegistryError(f"{model} version {version}: manifest: '{key}': {first['msg']}") from error
    return manifest


class _Score(BaseModel):
    value: float | None
    low: float | None
    high: float | None


class _Check(BaseModel):
    check: str
    passed: bool
    value: float | None
    threshold: float


class _Data(BaseModel):
    uri: str = Field(pattern="^gs://[^/]+/.+")
    rows: int
    holdout_rows: int


class _Training(BaseModel):
    estimator: str
    parameters: dict[str, Any]
    git_commit: str | None


class _Target(BaseModel):
    name: str


class _Record(BaseModel):
    """The members of a manifest that people read; the functions do not need them."""

    created: AwareDatetime
    target: _Target
    data: _Data
    training: _Training
    metrics: dict[str, _Score]
    gate: list[_Check]
    blessed: bool = Field(strict=True)
