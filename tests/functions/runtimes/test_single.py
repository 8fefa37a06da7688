"""Functions in float32 beside the C library's, bit for bit."""

from __future__ import annotations

import ctypes
import platform

import numpy as np
import pytest

from functions.runtimes.graph.single import exp_single, softmax_single

SOURCE = np.random.default_rng(0)
NUMBERS = np.concatenate(
    [
        SOURCE.normal(size=20_000) * 3,
        SOURCE.uniform(-110, 95, 20_000),
        [0.0, -0.0, 88.7, -88.7, 1e-30, np.inf, -np.inf, np.nan],
    ]
).astype(np.float32)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library rounds otherwise")
def test_the_exponential_has_the_bits_of_the_c_library():
    expf = ctypes.CDLL("libm.so.6").expf
    expf.restype, expf.argtypes = ctypes.c_float, [ctypes.c_float]

    expected = np.array([expf(number) for number in NUMBERS.tolist()])

    assert np.array_equal(exp_single(NUMBERS.astype(float)), expected, equal_nan=True)


def test_softmax_rounds_each_exponential_the_sum_and_each_share():
    rows = np.array([[0.0, 1.0, -2.0], [100.0, -100.0, 0.0]])

    shares = softmax_single(rows)

    single = np.exp(rows - rows.max(axis=1, keepdims=True)).astype(np.float32)
    assert np.allclose(shares, single / single.sum(axis=1, keepdims=True), rtol=2e-7, atol=0)
    assert np.array_equal(shares, shares.astype(np.float32))
