"""Hashes stay as they are: published splits rest on them."""

from __future__ import annotations

import numpy as np

from model.data.hashing import mixed, row_hashes, row_keys, text_hashes, words

COLUMNS = [np.array([0.5, -0.0, 0.5]), np.array([1.0, 2.0, 1.0])]
ROWS = [13553964885117105631, 5785745227635367094, 13553964885117105631]


def test_row_hashes_are_those_that_published_splits_were_made_with():
    assert row_hashes(COLUMNS).tolist() == ROWS


def test_row_keys_tell_the_same_rows_apart_by_other_bits():
    keys = row_keys([*map(words, COLUMNS)])

    assert keys[0] == keys[2] != keys[1]
    assert not set(keys.tolist()) & set(row_hashes(COLUMNS).tolist())


def test_zero_and_minus_zero_are_the_same_row():
    zero = [np.array([0.0]), np.array([2.0])]

    assert row_hashes(zero)[0] == row_hashes(COLUMNS)[1]
    assert row_keys([*map(words, zero)])[0] == row_keys([*map(words, COLUMNS)])[1]


def test_texts_have_hashes_of_their_own_wherever_they_stand():
    hashes = text_hashes(["a", "a", "b", "a"])

    assert hashes[0] == hashes[1] == hashes[3] != hashes[2]


def test_each_bit_of_a_number_moves_about_half_of_the_bits_of_the_mixture():
    numbers = np.uint64(1) << np.arange(64, dtype=np.uint64)
    differences = mixed(np.full(64, 7, dtype=np.uint64), numbers) ^ mixed(np.uint64([7]), np.uint64([0]))

    moved = [difference.bit_count() for difference in differences.tolist()]
    assert 24 < np.mean(moved) < 40
    assert min(moved) > 12
