"""Many instances in one body are read as each of them is alone: the same bits, the same refusals."""

from __future__ import annotations

import json

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.columns import arrays
from functions.columns.schema import MOST_PROBLEMS, Feature, PayloadError, Problem
from functions.exchange import Request, TooLargeError
from functions.problems import moved
from functions.protocols import instances
from functions.protocols.parts.bounds import check_cells
from functions.protocols.parts.repeats import texts_of

EXAMPLES = settings(deadline=None, derandomize=True)

BMI = (Feature("bmi", -1.0, 1.0),)
TWO = (Feature("age", 0.0, 100.0), Feature("bmi", -1.0, 1.0))
CITY = (Feature("city", kind="category", levels=("Metz", 'q"', "\\")), Feature("bmi", -1.0, 1.0))

numbers = (
    st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.sampled_from([2**63 - 1, -(2**63), -0.0])
)
odd = st.none() | st.booleans() | st.text(max_size=3) | st.sampled_from([10**400, [], [0.5, 1], {}, {"bmi": 1, "x": 2}])
cells = st.one_of(numbers, numbers, numbers, odd)
rows_of_one = cells | cells.map(lambda cell: [cell]) | cells.map(lambda cell: {"bmi": cell})
rows_of_two = st.tuples(cells, cells).map(list) | st.fixed_dictionaries({"bmi": cells, "age": cells}) | odd


LARGE = b" " * 1024
"""In front of a body it makes one of which more is known than that it is JSON, whether true or false is in it."""


def read(rows, features, before=b""):
    body = before + json.dumps({"instances": rows}).encode()
    return instances.read(Request("", {}, body), features, one=False, most_bytes=1 << 20)


def outcome(rows, features, before=b""):
    """The bits of the matrix that *rows* become, or their problems."""
    try:
        return read(rows, features, before).table.matrix().tobytes()
    except PayloadError as error:
        return error.problems


def slow(rows, features):
    """The same from one row at a time, by Python's own numbers."""
    names, bits, problems = [feature.name for feature in features], [], []
    for number, row in enumerate(rows):
        try:
            read([row], features)
        except PayloadError as error:
            within = (Problem(each.detail, each.pointer.removeprefix("/instances")) for each in error.problems)
            problems += moved(PayloadError(*within), number).problems
            continue
        listed = [row[name] for name in names] if isinstance(row, dict) else row if isinstance(row, list) else [row]
        bits += map(float, listed)
    found = tuple(Problem(each.detail, "/instances" + each.pointer) for each in problems[:MOST_PROBLEMS])
    return found or np.array(bits).tobytes()


@EXAMPLES
@given(rows=st.lists(numbers, min_size=1, max_size=40) | st.lists(rows_of_one, min_size=1, max_size=40))
def test_many_rows_of_one_feature_are_read_as_each_alone(rows):
    assert (outcome(rows, BMI), outcome(rows, BMI, LARGE)) == (slow(rows, BMI),) * 2


@EXAMPLES
@given(rows=st.lists(rows_of_two, min_size=1, max_size=40))
def test_many_rows_of_two_features_are_read_as_each_alone(rows):
    assert (outcome(rows, TWO), outcome(rows, TWO, LARGE)) == (slow(rows, TWO),) * 2


@pytest.mark.parametrize(
    ("row", "pointer", "found"),
    [
        pytest.param("true", "", "true", id="true"),
        pytest.param("[false]", "/0", "false", id="false-in-an-array"),
        pytest.param('{"bmi": true}', "/bmi", "true", id="true-in-an-object"),
        pytest.param("null", "", "null", id="null"),
        pytest.param('"0.5"', "", '"0.5"', id="text"),
        pytest.param("[[0.5]]", "/0", "an array of 1", id="array-in-an-array"),
    ],
)
@pytest.mark.parametrize("others", [pytest.param("0.5", id="values"), pytest.param("[0.5]", id="arrays")])
def test_a_cell_that_is_no_number_is_found_among_a_thousand(row, pointer, found, others):
    body = f'{{"instances": [{f"{others}, " * 1000}{row}]}}'.encode()

    with pytest.raises(PayloadError) as caught:
        instances.read(Request("", {}, body), BMI, one=False, most_bytes=1 << 20)

    assert caught.value.problems == (
        Problem(f"row 1000: 'bmi' must be a number, got {found}", f"/instances/1000{pointer}"),
    )


@pytest.mark.parametrize("value", [pytest.param("true", id="true"), pytest.param("[true]", id="array-of-true")])
def test_the_value_of_a_large_body_that_stream_reads_is_no_number(value):
    body = LARGE + f'{{"instance": {value}}}'.encode()

    with pytest.raises(PayloadError, match="'bmi' must be a number, got true"):
        instances.read(Request("", {}, body), BMI, one=True, most_bytes=1 << 20)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([0.5, None], id="none"),
        pytest.param([0.5, "0.5"], id="text"),
        pytest.param([0.5, [0.5]], id="array"),
        pytest.param([0.5, {}], id="object"),
        pytest.param([10**400, 0.5], id="int-beyond-float64"),
    ],
)
def test_a_value_that_is_no_number_of_float64_becomes_none(values):
    with pytest.raises(ValueError, match="a cell is no number of float64"):
        arrays.doubles(values)


@EXAMPLES
@given(values=st.lists(numbers | st.floats()))
def test_numbers_become_the_floats_that_python_makes_of_them(values):
    assert arrays.doubles(values).tobytes() == np.array([*map(float, values)]).tobytes()


def written(pairs):
    """An object of JSON that may have a name twice."""
    return "{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in pairs) + "}"


city = st.sampled_from(["Metz", 'q"', "\\"])
row_of_names = st.tuples(
    st.lists(city.map(lambda level: ("city", level)), min_size=1, max_size=2),
    st.lists(numbers.map(lambda number: ("bmi", number)), min_size=1, max_size=2),
).map(lambda pair: [*pair[0], *pair[1]])


@EXAMPLES
@given(rows=st.lists(row_of_names | st.tuples(city, numbers), min_size=1, max_size=30), keys=st.booleans())
def test_a_name_that_came_twice_is_found_in_any_row_and_beside_any_text(rows, keys):
    texts = [written(row) if isinstance(row, list) else json.dumps(row) for row in rows]
    beside = f',"keys":{json.dumps([chr(34) * row for row in range(len(rows))])}' if keys else ""
    body = f'{{"instances":[{",".join(texts)}]{beside}}}'.encode()
    twice = [
        f"/instances/{place}/{name}"
        for place, row in enumerate(rows)
        if isinstance(row, list)
        for name in dict.fromkeys(name for name, _ in row)
        if [name for name, _ in row].count(name) > 1
    ]

    try:
        instances.read(Request("", {}, body), CITY, one=False, most_bytes=1 << 20)
        found = []
    except PayloadError as error:
        found = [problem.pointer for problem in error.problems]

    assert found == twice[:MOST_PROBLEMS]


@EXAMPLES
@given(blocks=st.lists(st.tuples(st.sampled_from([b",", b'"', b"1"]), st.integers(0, 1 << 18)), max_size=6))
def test_a_large_body_is_counted_as_python_counts(blocks):
    body = b"".join(byte * times for byte, times in blocks)

    assert (arrays.imported(), arrays.count(body, b",")) == (True, body.count(b","))


def test_commas_in_texts_do_not_count_as_cells():
    body = orjson.dumps({"instances": ["," * 5000]})

    check_cells(body, 1, 10)


def test_more_cells_than_can_be_answered_are_refused_unread():
    with pytest.raises(TooLargeError) as caught:
        check_cells(b"[" + b"1," * 2000, 1, 10)

    assert caught.value.problems == (
        Problem("the body must hold at most 10 instances, got more; send them in parts", ""),
    )


def texts_in(value):
    """How many names and texts *value* has, one value after the other."""
    if isinstance(value, dict):
        return len(value) + sum(map(texts_in, value.values()))
    return sum(map(texts_in, value)) if isinstance(value, list) else isinstance(value, str)


documents = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=40,
)


@EXAMPLES
@given(document=documents)
def test_texts_are_counted_however_deep_they_are(document):
    texts = texts_in(document)

    assert (texts_of(document), texts_of(document, texts)) == (texts, texts)
