"""The headers that are decoded, against those that the code reads."""

from __future__ import annotations

import re

import pytest

from functions.exchange import HEADERS, headers_of
from tests.support.parts import ROOT

READ = {
    name
    for path in (ROOT / "functions").rglob("*.py")
    if path.parent.name != "storage"
    for pair in re.findall(r'headers(?:\.get\(|\[)"([a-z-]+)"|"([a-z-]+)" (?:not )?in headers(?!\.)', path.read_text())
    for name in pair
    if name
}


def test_the_names_are_found_in_the_code():
    assert {"content-type", "origin", "x-forwarded-for"} <= READ


@pytest.mark.parametrize("name", sorted(READ))
def test_every_header_that_the_code_reads_is_decoded(name):
    assert name in HEADERS.values()


def test_other_headers_are_left_out_and_the_last_of_a_name_counts():
    raw = [(b"host", b"x"), (b"accept", b"text/csv"), (b"user-agent", b"\xe9"), (b"accept", b"*/*")]

    assert headers_of(raw) == {"accept": "*/*", "user-agent": "é"}
