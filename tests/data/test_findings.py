"""A finding reads well in a line, and keeps its JSON form."""

from __future__ import annotations

from model.data.findings import Example, Finding, as_document, line

FINDING = Finding(
    *("warning", "near-constant", "a", "should vary", "check the source"), count=3, examples=(Example(7, "0.0"),)
)


def test_a_finding_is_a_line_with_its_column_its_places_and_what_would_help():
    assert line(FINDING) == "warning near-constant 'a': should vary (row 7: 0.0; …): check the source"


def test_a_finding_about_whole_rows_names_no_column():
    assert line(Finding("error", "no-rows", None, "found none", "add rows")) == "error no-rows: found none: add rows"


def test_a_finding_of_validation_has_the_members_that_other_programs_read():
    assert as_document(FINDING) == {
        "severity": "warning",
        "code": "near-constant",
        "column": "a",
        "count": 3,
        "found": "should vary",
        "examples": [{"row": 7, "found": "0.0"}],
        "fix": "check the source",
    }
