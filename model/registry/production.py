"""The model that an alias holds, verified as the functions verify it."""

from __future__ import annotations

from functions import artifact, predictor
from functions.artifact import Alias, ArtifactError, Manifest
from functions.predictor import Predictor
from model.errors import RegistryError


def verified_manifest(promoted: Alias, model: str) -> Manifest:
    """The manifest that *promoted* carries.

    Raises:
        RegistryError: It does not verify.
    """
    try:
        return artifact.promoted_manifest(promoted, model)
    except ArtifactError as error:
        raise RegistryError(str(error)) from error


def verified_predictor(manifest: Manifest) -> Predictor:
    """The model of *manifest*, once it has reproduced its golden predictions.

    Raises:
        RegistryError: It does not.
    """
    try:
        return predictor.load(manifest)
    except ArtifactError as error:
        raise RegistryError(str(error)) from error
