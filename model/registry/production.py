"""The model that an alias holds, verified as the functions verify it."""

from __future__ import annotations

from functions import artifact, predictor
from functions.artifact import Alias, ArtifactError, Manifest
from functions.predictor import Predictor
from model.errors import RegistryError
from model.registry.bucket import Bucket


def verified_manifest(promoted: Alias, model: str) -> Manifest:
    """The manifest that *promoted* carries.

    Raises:
        RegistryError: It does not verify.
    """
    try:
        return artifact.promoted_manifest(promoted, model)
    except ArtifactError as error:
        raise RegistryError(str(error)) from error


def verified_predictor(manifest: Manifest, bucket: Bucket) -> Predictor:
    """The model of *manifest*, with its arrays in *bucket*, once it has reproduced its golden answers.

    Raises:
        RegistryError: It does not, or its arrays cannot be read.
    """
    try:
        return predictor.load(manifest, arrays(manifest, bucket))
    except ArtifactError as error:
        raise RegistryError(str(error)) from error


def arrays(manifest: Manifest, bucket: Bucket) -> bytes:
    """The arrays beside *manifest*; empty where it holds them itself, or needs none.

    Raises:
        RegistryError: They are not there, or cannot be read.
    """
    if artifact.ARRAYS not in manifest.files:
        return b""
    name = artifact.model_name(manifest.model, manifest.version)
    content, _ = bucket.read(name)
    if content is None:
        raise RegistryError(f"gs://{bucket.name}/{name} does not exist, and version {manifest.version} needs it")
    return content
