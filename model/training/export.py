"""From a fitted pipeline to the coefficients that the manifest holds."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from model.errors import CandidateError


def to_linear(pipeline: Pipeline) -> dict[str, Any]:
    """The manifest's `linear` of a fitted *pipeline*: prediction = intercept + Σ coefficients · instance.

    A scaler is multiplied out in exact rational arithmetic and rounded once, so a feature with a large mean and a
    small spread costs no digits here. The gate proves on all rows that double precision holds the rest.

    Raises:
        CandidateError: The estimator has no coefficients, or predicts by more than them, so it is not affine.
    """
    estimator = pipeline[-1]
    name = type(estimator).__name__
    if not hasattr(estimator, "coef_") or not hasattr(estimator, "intercept_"):
        raise CandidateError(f"{name} has no coef_ and intercept_: only affine models can be served")
    if not _is_affine(pipeline, np.size(estimator.coef_)):
        raise CandidateError(f"{name} predicts by more than intercept_ + coef_ · x: only affine models can be served")
    coefficients = [Fraction(float(value)) for value in np.ravel(estimator.coef_)]
    intercept = Fraction(float(np.ravel(estimator.intercept_)[0]))
    if len(pipeline) > 1:
        scaler = pipeline[0]
        scales = [Fraction(float(value)) for value in scaler.scale_]
        coefficients = [value / scale for value, scale in zip(coefficients, scales, strict=True)]
        intercept -= sum(value * Fraction(float(mean)) for value, mean in zip(coefficients, scaler.mean_, strict=True))
    return {"coefficients": [float(value) for value in coefficients], "intercept": float(intercept)}


def _is_affine(pipeline: Pipeline, width: int) -> bool:
    """Whether the last step predicts by its coefficients at the origin and at one unit along each feature."""
    estimator = pipeline[-1]
    probe = np.vstack([np.zeros(width), np.eye(width)])
    expected = probe @ np.ravel(estimator.coef_) + np.ravel(estimator.intercept_)[0]
    return bool(
        np.allclose(np.ravel(estimator.predict(probe)), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    )
