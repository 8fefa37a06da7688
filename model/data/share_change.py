"""The largest change of a share: how far predicted classes moved, and how much of that chance explains. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_TWO = 2


def largest_share_change(
    here: Vector, there: Vector, training: Vector, rows: tuple[float, float], chance: float
) -> tuple[float, float]:
    """The largest change between the shares *here* and *there*, and the limit that chance may reach.

    Both are in standard deviations of training, |p - q| / sqrt(t (1 - t)). The class is one whose change chance does
    not explain, if there is any. Shares of few rows are skewed, so the limit is a normal's quantile with the first term
    of Cornish and Fisher's expansion, and half a row.

    Args:
        here, there, training: Shares; shape (n_classes,).
        rows: How many rows of equal weight say as much as those here, and those there.
        chance: Probability with which the limit may be exceeded without any change.
    """
    from scipy.special import ndtri  # noqa: PLC0415 - other verbs need not wait for it

    whole = sum(rows)
    least = 1 / (whole + 1)
    trained, pooled = (
        np.clip(shares, least, 1 - least) for shares in (training, (rows[0] * here + rows[1] * there) / whole)
    )
    unit = np.sqrt(trained * (1 - trained))
    spread = pooled * (1 - pooled)
    variance = spread * (1 / rows[0] + 1 / rows[1])
    third = spread * (1 - 2 * pooled) * (1 / rows[0] ** 2 - 1 / rows[1] ** 2) * np.sign(here - there)
    compared = len(here) if len(here) > _TWO else 1  # of two classes both move alike
    away = float(ndtri(1 - chance / (2 * compared)))
    limits = (away * np.sqrt(variance) + (away**2 - 1) / 6 * third / variance + 0.5 / rows[0]) / unit
    changes = np.abs(here - there) / unit
    beyond = changes >= limits
    most = int(np.argmax(np.where(beyond, changes, -1.0) if beyond.any() else changes / limits))
    return float(changes[most]), float(limits[most])
