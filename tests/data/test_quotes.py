"""A stray quote that swallows rows is named with its row and line; honest free text over several lines is not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.data.quotes import SwallowedRows, swallowed_rows

NAMES, NUMBERS = ("size", "rooms", "note", "price"), {"size", "rooms", "price"}


def swallowed(tmp_path, text, skipped=0, *, names=NAMES, numbers=NUMBERS):
    path = tmp_path / "rows.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(swallowed_rows(path, names, numbers, skipped))


def lines(count, **changed):
    """A header and rows, each with its line; r3='…' is the line of row 3."""
    rows = [changed.get(f"r{row}", f"{row}.5,{row % 4},x,{1000 + row}") for row in range(count)]
    return "\n".join([",".join(NAMES), *rows, ""])


@pytest.mark.parametrize("apart", [pytest.param(apart, id=f"{apart}-rows") for apart in (1, 2, 50)])
def test_two_stray_quotes_are_one_row_that_holds_others(tmp_path, apart):
    text = lines(100, r41='1.5,2,"as new,1000', **{f"r{41 + apart}": '1.5,2,as new",1000'})

    assert swallowed(tmp_path, text) == [SwallowedRows(41, 43, apart, '1.5,2,"as new,1000')]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        pytest.param('1.5,2,"as new,1000', '1.5,2,"as new,1000', id="where-a-cell-begins"),
        pytest.param('1.5,2,5" pipe,1000', '1.5,2,5" pipe,1000', id="within-a-cell"),
    ],
)
def test_a_quote_that_is_never_closed_is_named(tmp_path, line, text):
    assert swallowed(tmp_path, lines(100, r7=line)) == [SwallowedRows(7, 9, None, text)]


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param('"two\nlines"', id="lines"),
        pytest.param('"two, with\ncommas, and more, all in one"', id="as-many-cells"),
        pytest.param('"she said ""no""\n\nand left"', id="quotes-in-quotes"),
        pytest.param('"1,2,3\n4,5"', id="numbers-of-another-width"),
        pytest.param('"6"" pipe"', id="inches"),
        pytest.param('""', id="empty"),
    ],
)
def test_honest_text_over_several_lines_is_no_stray_quote(tmp_path, cell):
    assert swallowed(tmp_path, lines(100, r7=f"1.5,2,{cell},1000", r8=f"1.5,2,{cell},1000")) == []


@pytest.mark.parametrize("end", [pytest.param("\r\n", id="windows"), pytest.param("\r", id="old")])
def test_line_ends_of_any_system_count_alike(tmp_path, end):
    text = lines(20, r4='1.5,2,"x,1000', r6='1.5,2,x",1000').replace("\n", end)

    assert swallowed(tmp_path, text) == [SwallowedRows(4, 6, 2, '1.5,2,"x,1000')]


def test_lines_above_the_header_and_empty_lines_are_no_rows(tmp_path):
    text = "sep=,\n" + lines(20, r4='\n\n1.5,2,"x,1000', r6='1.5,2,x",1000')

    assert swallowed(tmp_path, text, skipped=1) == [SwallowedRows(4, 9, 2, '1.5,2,"x,1000')]


def test_rows_far_down_are_counted_through_blocks_without_a_quote(tmp_path):
    text = lines(200_000, r9='1.5,2,"x, y",1000', r150000='1.5,2,"x,1000', r150001='1.5,2,x",1000')

    assert swallowed(tmp_path, text) == [SwallowedRows(150_000, 150_002, 1, '1.5,2,"x,1000')]


@settings(deadline=None, derandomize=True, max_examples=50)
@given(notes=st.lists(st.text(alphabet='ab,"\n ', max_size=12), min_size=1, max_size=30))
def test_text_that_is_quoted_as_it_should_be_is_never_named(tmp_path_factory, notes):
    quoted = ['"' + note.replace('"', '""') + '"' for note in notes]
    path = tmp_path_factory.mktemp("quotes") / "rows.csv"
    path.write_text("\n".join([",".join(NAMES), *(f"1.5,2,{note},3" for note in quoted), ""]))

    assert list(swallowed_rows(path, NAMES, NUMBERS, 0)) == []


def test_text_over_two_lines_in_the_first_column_is_no_row_that_was_swallowed(tmp_path):
    text = 'address,size,price\n"Main St 1\nBern",5,100\n"Main St 2\n3000 Bern",6,120\n'

    assert swallowed(tmp_path, text, numbers={"price"}, names=["address", "size", "price"]) == []


def test_a_row_that_a_quote_in_the_first_column_swallowed_is_found(tmp_path):
    text = 'address,size,price\n"Main St 1,5,100\nMain St 2",6,120\n'

    (found,) = swallowed(tmp_path, text, numbers={"price"}, names=["address", "size", "price"])

    assert (found.row, found.lines) == (0, 1)
