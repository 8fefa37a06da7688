"""Runtime of affine models: a verified manifest becomes predict(matrix)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..artifact import ArtifactError, Manifest
from ..schema import Matrix, PayloadError, to_matrix

TOLERANCE = 1e-9
"""Largest distance between an artefact's prediction and the estimator's, relative to the largest of the set.

Double precision leaves about 1e-13 after a few hundred sums; 1e-9 forgives another machine's rounding and no
other mistake.
"""


@dataclass(frozen=True)
class Predictor:
    """A model that has reproduced its golden predictions."""

    manifest: Manifest

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Predict the target, in its own unit.

        Sums in feature order, never in blocks, so a row's prediction has the same bits alone and in any batch.

        Args:
            matrix: Array of shape (n_instances, n_features), columns in the order of the manifest's features.

        Returns:
            Array of shape (n_instances,). A row whose sum leaves float64 gives an infinity or NaN.
        """
        total = np.full(len(matrix), self.manifest.intercept)
        with np.errstate(over="ignore", invalid="ignore"):
            for column, coefficient in zip(matrix.T, self.manifest.coefficients, strict=True):
                total += column * coefficient
        return total


def load(manifest: Manifest) -> Predictor:
    """Build the predictor of *manifest* and have it reproduce the golden predictions.

    Raises:
        ArtifactError: A golden instance does not fit the features, or its prediction differs.
    """
    where = f"{manifest.model} version {manifest.version}"
    predictor = Predictor(manifest)
    try:
        matrix = to_matrix([instance for instance, _ in manifest.golden], manifest.features)
    except PayloadError as error:
        raise ArtifactError(f"{where}: golden instances do not fit the features: {error}") from error
    expected = np.array([prediction for _, prediction in manifest.golden])
    predictions = predictor.predict(matrix)
    distance = relative_distance(predictions, expected)
    worst = int(distance.argmax())
    if distance[worst] > TOLERANCE:
        raise ArtifactError(
            f"{where}: golden {worst}: expected a prediction of {expected[worst]}, found {predictions[worst]}"
        )
    return predictor


def relative_distance(predictions: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each prediction from the expected one, relative to the largest expected.

    Returns:
        Array of shape (n_instances,); infinite where a prediction is not finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        distance = np.abs(predictions - expected) / (np.abs(expected).max() or 1.0)
    distance[~np.isfinite(distance)] = np.inf
    return distance
