"""From a fitted pipeline to the coefficients that the manifest holds, by asking it for predictions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from functions.predictor import RELATIVE
from functions.schema import Matrix
from model.errors import CandidateError

_STEP = 100.0  # between two predictions, in standard deviations: a long one loses fewer digits
_MOST_ROWS = 2_000  # that prove it here; the gate proves it on all
_POINTS = 200
_DISTANCES = (1.0, 10.0, 1_000.0)  # of those points, in standard deviations: a clipped prediction bends far out


def to_linear(pipeline: Pipeline, x: Matrix) -> dict[str, Any]:
    """The manifest's `linear` of a *pipeline* fitted to *x*: prediction = intercept + Σ coefficients · instance.

    Coefficients of scikit-learn's linear models are taken as they are, and a scaler is multiplied out in exact
    rational arithmetic and rounded once, so a feature with a large mean and a small spread costs no digits here. Any
    other pipeline is asked for predictions around the mean of *x*, and whether they are affine.

    Raises:
        CandidateError: It is not affine.
    """
    linear = _from_attributes(pipeline) or _from_predictions(pipeline, x)
    if linear is None:
        name = type(pipeline[-1]).__name__
        raise CandidateError(f"{name} predicts by more than a sum of coefficients: only affine models can be served")
    coefficients, intercept = linear
    return {"coefficients": [float(value) for value in coefficients], "intercept": float(intercept)}


_Linear = tuple[list[Fraction], Fraction]


def _from_attributes(pipeline: Pipeline) -> _Linear | None:
    """By `coef_` and `intercept_`, where the last step predicts by them and only a StandardScaler stands before it."""
    estimator, steps = pipeline[-1], [step for _, step in pipeline.steps[:-1]]
    if not hasattr(estimator, "coef_") or not hasattr(estimator, "intercept_"):
        return None
    if len(steps) > 1 or not all(type(step) is StandardScaler for step in steps) or not _predicts_by_them(estimator):
        return None
    coefficients = [Fraction(float(value)) for value in np.ravel(estimator.coef_)]
    intercept = Fraction(float(np.ravel(estimator.intercept_)[0]))
    for scaler in steps:
        scales = [Fraction(float(value)) for value in scaler.scale_]
        coefficients = [value / scale for value, scale in zip(coefficients, scales, strict=True)]
        intercept -= sum(value * Fraction(float(mean)) for value, mean in zip(coefficients, scaler.mean_, strict=True))
    return coefficients, intercept


def _predicts_by_them(estimator: Any) -> bool:
    """Whether *estimator* predicts by its coefficients at the origin and at one unit along each feature."""
    width = np.size(estimator.coef_)
    probe = np.vstack([np.zeros(width), np.eye(width)])
    expected = probe @ np.ravel(estimator.coef_) + np.ravel(estimator.intercept_)[0]
    predicted = np.ravel(estimator.predict(probe))
    return bool(np.allclose(predicted, expected, rtol=RELATIVE, atol=RELATIVE * np.abs(expected).max()))


def _from_predictions(pipeline: Pipeline, x: Matrix) -> _Linear | None:
    """By differences of predictions; None where predictions of rows, or of points far out, disagree with them."""
    rng = np.random.default_rng(0)
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread == 0] = 1.0
    steps = np.vstack([centre, centre + _STEP * np.diag(spread)])
    at_centre, *ahead = _predict(pipeline, steps).tolist()
    if not np.isfinite([at_centre, *ahead]).all():
        return None
    widths = steps[1:].diagonal() - centre  # as they came out in float64
    coefficients = [
        (Fraction(value) - Fraction(at_centre)) / Fraction(float(width))
        for value, width in zip(ahead, widths, strict=True)
    ]
    intercept = Fraction(at_centre) - sum(
        value * Fraction(float(mean)) for value, mean in zip(coefficients, centre, strict=True)
    )
    rows = x[rng.permutation(len(x))[:_MOST_ROWS]]
    clouds = [centre + distance * spread * rng.normal(size=(_POINTS, x.shape[1])) for distance in _DISTANCES]
    slopes = np.array([float(value) for value in coefficients])
    for points in (rows, *clouds):
        predicted = _predict(pipeline, points)
        gaps = np.abs(at_centre + (points - centre) @ slopes - predicted)
        if not np.isfinite(gaps).all() or gaps.max() > RELATIVE * (np.abs(predicted).max() or 1.0):
            return None
    return coefficients, intercept


def _predict(pipeline: Pipeline, points: Matrix) -> NDArray[np.float64]:
    """Predictions of *points*, which the pipeline may write into."""
    return np.asarray(np.ravel(pipeline.predict(points.copy())), dtype=np.float64)
