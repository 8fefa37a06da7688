"""Bodies of CSV and JSON Lines against training files: the same text gives the same table, or both refuse it."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.columns.feature import Feature
from functions.exchange import Request
from functions.problems import PayloadError
from functions.protocols import delimited, json_lines
from model.data.columns import fill
from model.data.files import File, joined
from model.data.quotes import swallowed_rows
from model.data.targets import Target
from model.errors import SourceError
from tests.support.kinds import Functions, price, sealed

WORDS = ("NA", "-", "n/a ")
FEATURES = tuple(
    Feature(kind[0], kind=kind, takes_missing=True, takes_unknown=kind == "category", parts=("year",))
    for kind in ("number", "boolean", "category", "time")
)
NAMES = [feature.name for feature in FEATURES]
REFUSED = "refused"


def told(columns):
    """The cells as Python has them, None for a missing one."""
    return [[None if cell != cell else cell for cell in column.tolist()] for column in columns]  # noqa: PLR0124 - NaN


def by_training(path, text, features=FEATURES):
    """The table that training reads, or REFUSED where it stops."""
    path.write_bytes(text)
    ragged, flaws = [], []
    try:
        table = joined([File(path.name, path)], ragged.append, missing=WORDS).table()
        names = [feature.name for feature in features]
        if sorted(table.names) != sorted(names):
            return REFUSED
        filled = fill(table.read(names), features, Target(""), flaws, texts=table.texts)
        swallowed = table.texts and any(swallowed_rows(path, table.names, {"n"}, table.skipped))
    except (SourceError, ValueError):
        return REFUSED
    if ragged or swallowed or any(flaw.count for flaw in flaws) or not len(filled.x):
        return REFUSED
    return told(filled.x.columns)


def by_function(protocol, text, features=FEATURES):
    request = Request("", {"content-type": "x; header=present"}, text, missing=WORDS)
    try:
        question = protocol.read(request, features, one=False, most_bytes=1 << 20)
    except PayloadError:
        return REFUSED
    return told(question.table.columns)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("rows") / "rows.csv"


MISSING = [*WORDS, "", " ", "\t"]
GOOD = {
    "n": [*MISSING, "3", "+1.5", ".5", "5.", " 2\t", "1e3", "1E-3", "\u00a07", "-0"],
    "b": [*MISSING, "true", "FALSE", " 1 ", "0"],
    "c": [*MISSING, "n/a", "Nice", " Nice", "é", "a,b", "a\nb", "a\r\nb", 'a""b', "#1", "\u2028", "1"],
    "t": [*MISSING, "2025-03-01", " 2025/3/1", "2025-03-01T10:00Z", "2025-03-01T10:00:00,5+01:00 "],
}
"""Cells that a column takes, by its name."""
BAD = ["nan", "inf", "1_0", "0x1", "1,5", "١", "1e400", "yes", "soon", "2025-02-30", 'a"b', "1\n2,true,a,2025-03-01"]


def cells(name):
    return st.integers(0, 19).flatmap(lambda die: st.sampled_from(GOOD[name] if die else BAD))


@st.composite
def texts(draw):
    """CSV, mostly well formed, with quotes, line ends, a mark and a preamble as files have them."""
    names = draw(st.permutations(NAMES))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    rare = st.integers(0, 29).map(lambda die: not die)

    def spelled(cell):
        quoted = '"' + cell.replace('"', '""') + '"'
        if draw(rare):
            return draw(st.sampled_from([quoted + "x", '"' + cell, f" {quoted}"]))
        return quoted if draw(st.booleans()) or not cell.isalnum() else cell

    rows = [[draw(cells(name)) for name in names] for _ in range(draw(st.integers(1, 4)))]
    lines = [",".join(names), *(",".join(map(spelled, row)) + (",x" if draw(rare) else "") for row in rows)]
    for place in draw(st.lists(st.integers(0, len(lines)), max_size=2)):
        lines.insert(place, " " if draw(rare) else "")
    above = draw(st.sampled_from(["", "", "", "sep=,\n", "# note\n", "# a, note\n# b\n"]))
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return (mark + above + end.join(lines) + draw(st.sampled_from(["", end]))).encode()


@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=texts())
@example(text=b'n,b,c,t\n1,true,5" pipe,2025-03-01\n')
@example(text=b"n,b,c,t\n1,true," + b"x" * 200_000 + b",2025-03-01\n")
@example(text=b'n,b,c,t\n1,true,"')
@example(text=b'"')
@example(text="n,b,c,t\n1,true,é,2025-03-01\n".encode("latin-1"))
@example(text="n,b,c,t\n1,true,a,2025-03-01\n".encode("utf-16"))
@example(text=b"n;b;c;t\n1;true;a;2025-03-01\n")
@example(text=b"n,n,c,t\n1,2,a,2025-03-01\n")
@example(text=b"n,b,c,t\n" + b"\n" * 50 + b",,,\n")
def test_a_csv_body_is_the_table_that_training_reads_from_the_same_text(path, text):
    assert by_function(delimited, text) == by_training(path, text)


@pytest.mark.slow
@pytest.mark.parametrize("kind", range(4), ids=NAMES)
@settings(max_examples=80, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_column_of_csv_is_the_column_that_training_reads(path, kind, data):
    strange = st.text(alphabet="019.eE+-naif \t\u2003", max_size=6)
    column = data.draw(st.lists(cells(NAMES[kind]) | strange, min_size=1, max_size=4))
    text = "\n".join([NAMES[kind], *('"' + cell.replace('"', '""') + '"' for cell in column)]).encode()

    assert by_function(delimited, text, FEATURES[kind : kind + 1]) == by_training(path, text, FEATURES[kind : kind + 1])


OF_JSON = {
    "n": st.sampled_from([None, 1, 2.5, -3, "NA", "-", "1", ""]),
    "b": cells("b") | st.sampled_from([True, False, 1, 0, None, 2]),
    "c": cells("c") | st.none(),
    "t": cells("t") | st.none(),
}


@pytest.mark.slow
@settings(max_examples=150, deadline=None, derandomize=True)
@given(rows=st.lists(st.fixed_dictionaries(OF_JSON), min_size=1, max_size=3))
def test_json_lines_are_the_table_that_training_reads_from_the_same_text(path, rows):
    text = "\n".join(map(json.dumps, rows)).encode()

    assert by_function(json_lines, text) == by_training(path.with_suffix(".jsonl"), text)


@pytest.mark.slow
def test_a_third_of_the_texts_that_are_tried_can_be_read(path):
    taken = []

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(text=texts())
    def read(text):
        taken.append(by_training(path, text) != REFUSED)

    read()

    assert sum(taken) >= len(taken) / 3


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('{"n": 1, "b": true, "c": "a", "t": "2025-03-01", "n": 1}', id="number"),
        pytest.param('{"n": 1, "b": true, "c": "a", "c": "a", "t": "2025-03-01"}', id="text"),
    ],
)
def test_a_name_that_came_twice_in_a_line_is_refused_by_both(path, line):
    whole = '{"n": 1, "b": true, "c": "a", "t": "2025-03-01"}'
    file = path.with_suffix(".jsonl")

    assert by_function(json_lines, whole.encode()) == by_training(file, whole.encode()) != REFUSED
    assert by_function(json_lines, line.encode()) == by_training(file, line.encode()) == REFUSED


def test_the_words_for_a_missing_cell_are_those_of_the_manifest():
    model, arrays = price()
    functions = Functions(sealed(({**model, "data": {"missing": ["NA"]}}, arrays)))
    rows = ["age,colour,floor,late,when", "NA,red,2,false,1970-01-01"]

    csv = functions.ask("POST", "/batch", "\n".join(rows).encode(), content_type="text/csv")
    lines = functions.ask(
        "POST", "/batch", b'["NA", "red", 2, false, "1970-01-01"]', content_type="application/x-ndjson"
    )
    by_json = functions.ask("POST", "/batch", b'{"instances": [[null, "red", 2, false, "1970-01-01"]]}')

    assert csv.status_code == 200
    assert csv.body == lines.body == by_json.body
