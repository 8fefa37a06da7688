"""Which rows are held out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from model.data.rows import Rows


def held_out(rows: Rows, share: float) -> NDArray[np.bool_]:
    """Which rows are kept from training: those whose hash falls into the first *share* of all hashes.

    Returns:
        Array of shape (n_rows,).
    """
    return np.asarray(rows.hashes < np.uint64(math.ceil(share * 2**64)))
