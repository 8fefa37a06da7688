"""Functions that answer in float32 to the last bit as the C library does, for models that compute in float32.

Numbers come and go as float64 that float32 holds exactly.
"""

from __future__ import annotations

import numpy as np

from .step import Values

_PARTS = 32
_CUBIC, _SQUARE, _SLOPE = (
    float.fromhex("0x1.c6af84b912394p-5") / _PARTS**3,
    float.fromhex("0x1.ebfce50fac4f3p-3") / _PARTS**2,
    float.fromhex("0x1.62e42ff0c52d6p-1") / _PARTS,
)
_PARTS_OF_LN_2 = float.fromhex("0x1.71547652b82fep+0") * _PARTS


def exp_single(z: Values) -> Values:
    """The C library's expf, after glibc's sysdeps/ieee754/flt-32/e_expf.c: a cubic between 32nd powers of two."""
    scaled = np.clip(z, -200, 200) * _PARTS_OF_LN_2
    whole = np.rint(scaled)
    rest = scaled - whole
    power = (_CUBIC * rest + _SQUARE) * (rest * rest) + (_SLOPE * rest + 1)
    return _rounded(power * np.exp2(whole / _PARTS))


def softmax_single(z: Values) -> Values:
    """Softmax of each row as XGBoost computes it: float32 but for the sum, which goes in float64 from the first on."""
    e = exp_single(_rounded(z - z.max(axis=1, keepdims=True)))
    total = np.add.accumulate(e, axis=1)[:, -1:]
    return _rounded(e / _rounded(total))


def _rounded(z: Values) -> Values:
    with np.errstate(over="ignore"):
        return z.astype(np.float32).astype(np.float64)
