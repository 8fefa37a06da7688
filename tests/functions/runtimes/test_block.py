"""A block of arrays comes back as it was, and one that is not sound is an ArtifactError before anything is allocated."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from functions.artifact import ArtifactError
from functions.runtimes.graph.block import pack, unpack

EXAMPLES = settings(deadline=None, derandomize=True, max_examples=60)
TYPES = st.sampled_from(["<f8", "<f4", "<i4", "<i2", "|u1"])


def block(header, rest=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    start = b"ARRAYS\x01\n" + len(text).to_bytes(8, "little") + text
    return start + bytes(-len(start) % 8) + rest


@EXAMPLES
@given(
    st.lists(
        TYPES.flatmap(
            lambda kind: arrays_of.arrays(kind, arrays_of.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))
        ),
        max_size=5,
    )
)
def test_arrays_come_back_as_they_were(arrays):
    read = unpack(pack(arrays))

    assert [array.dtype for array in read] == [array.dtype for array in arrays]
    assert [array.shape for array in read] == [array.shape for array in arrays]
    assert [array.tobytes() for array in read] == [array.tobytes() for array in arrays]


def test_arrays_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        unpack(pack([np.zeros(3)]))[0][0] = 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "does not start like one", id="empty"),
        pytest.param(b"\x80\x04pickle" * 4, "does not start like one", id="another file"),
        pytest.param(b"ARRAYS\x01\n", "does not start like one", id="no length"),
        pytest.param(
            b"ARRAYS\x01\n" + b"\xff" * 8, "a header of 18446744073709551615 bytes in a block of 16", id="long header"
        ),
        pytest.param(block(b"{"), "the header is not JSON", id="broken header"),
        pytest.param(block(b"[" * 100_000), "the header is not JSON", id="deep header"),
        pytest.param(block({"f8": 1}), "the header is not a list", id="object"),
        pytest.param(block([["O", [1]]], bytes(8)), "array 0: expected a type", id="objects"),
        pytest.param(block([["f8", [-1]]], bytes(8)), "array 0: expected a type", id="negative axis"),
        pytest.param(block([["f8", [1.0]]], bytes(8)), "array 0: expected a type", id="fraction"),
        pytest.param(block([["f8", [True]]], bytes(8)), "array 0: expected a type", id="boolean axis"),
        pytest.param(block([["f8", [1, 1, 1, 1]]], bytes(8)), "array 0: expected a type", id="axes"),
        pytest.param(block([["f8"]], bytes(8)), "array 0: expected a type", id="no shape"),
        pytest.param(block([["f8", [1 << 20, 1 << 20, 1 << 20]]], bytes(8)), "array 0 ends at byte", id="terabytes"),
        pytest.param(block([["f8", [10**400]]], bytes(8)), "array 0: expected a type", id="huge axis"),
        pytest.param(block([["f8", [2]]], bytes(8)), "array 0 ends at byte", id="truncated"),
        pytest.param(block([["f8", [0]]] * 200_000), "more than 2097152", id="many arrays"),
        pytest.param(block([["f8", [1]]], bytes(9)), "they end at byte", id="left over"),
    ],
)
def test_a_block_that_is_not_sound_is_refused(data, message):
    with pytest.raises(ArtifactError, match=r"^arrays: ") as caught:
        unpack(data)

    assert message in str(caught.value)


@EXAMPLES
@given(st.binary(max_size=200))
def test_any_bytes_are_arrays_or_an_artifact_error(data):
    for candidate in (data, b"ARRAYS\x01\n" + data, block(data)):
        with contextlib.suppress(ArtifactError):
            unpack(candidate)
