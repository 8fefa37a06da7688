"""The functions' own format: a body or a path becomes a matrix, or problems with their places; an answer becomes JSON."""

from __future__ import annotations

import json

import numpy as np
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.columns.schema import Feature, PayloadError, Problem
from functions.exchange import Answer, Content, Question, Request, TooLargeError
from functions.protocols import instances

EXAMPLES = settings(deadline=None, derandomize=True)

BMI = (Feature("bmi", -1.0, 1.0),)
TWO = (Feature("age", 0.0, 100.0), Feature("bmi", -1.0, 1.0))
HOSTILE = (Feature("a/b", 0.0, 1.0), Feature('q"', 0.0, 1.0))

MANY = settings(max_examples=300, deadline=None, derandomize=True)

BATCH = '{"instances": [0.5, 0.2]}'
STREAM = '{"instance": 0.5}'
BEYOND = "row 0: 'bmi' must be a finite number, got a number beyond float64 or an infinity"

finite = st.floats(allow_nan=False, allow_infinity=False)


def from_body(body, features, *, one, most_bytes=1 << 20):
    return instances.read(Request("", {}, body), features, one=one, most_bytes=most_bytes)


def from_path(text, features, *, one, most_bytes=1 << 20):
    return instances.read(Request(text, {}), features, one=one, most_bytes=most_bytes)


def rendered(predictions, *, single=False, **changes):
    """The body of an answer of version 7 of a model `m`."""
    question = Question([], np.empty((0, 1)), "/instances", single)
    return instances.render(Answer(question, np.array(predictions), "m", 7, **changes)).body


def problems_of(read, *arguments, **options):
    """The problems for which *read* refuses."""
    with pytest.raises(PayloadError) as caught:
        read(*arguments, **options)
    return caught.value.problems


def values(question):
    return question.table.matrix().tolist()


# The body


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        pytest.param(b"", [(f"the body must be JSON like {BATCH}, got an empty one", "")], id="empty"),
        pytest.param(b" \r\n\t", [(f"the body must be JSON like {BATCH}, got an empty one", "")], id="blank"),
        pytest.param(
            b"bmi=0.5",
            [("not JSON: unexpected character, expected a JSON value: line 1 column 1 (char 0)", "")],
            id="form",
        ),
        pytest.param(
            b'{"instances": [1, 2',
            [("not JSON: unexpected end of data: line 1 column 20 (char 19)", "")],
            id="cut-off",
        ),
        pytest.param(
            b'{"instances": [1,]}',
            [("not JSON: trailing comma is not allowed: line 1 column 17 (char 16)", "")],
            id="trailing-comma",
        ),
        pytest.param(
            b'{"instances": [1]} {}',
            [("not JSON: unexpected content after document: line 1 column 20 (char 19)", "")],
            id="two-documents",
        ),
        pytest.param(
            b'{"instances": [+0.5]}',
            [("not JSON: no digit after sign: line 1 column 16 (char 15)", "")],
            id="plus-is-for-paths",
        ),
        pytest.param(
            b"\xef\xbb\xbf",
            [("not JSON: Input is a zero-length, empty document: line 1 column 1 (char 0)", "")],
            id="byte-order-mark-alone",
        ),
        pytest.param(
            b'\xef\xbb\xbf\xef\xbb\xbf{"instances": [1]}',
            [("not JSON: UTF-8 byte order mark (BOM) is not supported: line 1 column 1 (char 0)", "")],
            id="two-byte-order-marks",
        ),
        pytest.param(
            b'\xef\xbb\xbf{"instances": [1], "instances": [2]}',
            [('member "instances" came twice', "/instances")],
            id="a-name-twice-behind-a-byte-order-mark",
        ),
        pytest.param(
            b'{"instances": ["\xff"]}',
            [("not JSON: str is not valid UTF-8: surrogates not allowed: line 1 column 1 (char 0)", "")],
            id="invalid-utf-8",
        ),
        pytest.param(
            b'{"instances": ' + b"[" * 100_000,
            [("not JSON: depth limit exceeded: line 1 column 1039 (char 1038)", "")],
            id="deep-nesting-cut-off",
        ),
        pytest.param(
            b'{"instances": ' + b"[" * 5000 + b"]" * 5000 + b"}",
            [("not JSON: depth limit exceeded: line 1 column 1039 (char 1038)", "")],
            id="deep-nesting",
        ),
        pytest.param(
            b'{"instances": ' + b"[" * 500 + b"]" * 500 + b"}",
            [("row 0: 'bmi' must be a number, got an array of 1", "/instances/0/0")],
            id="less-deep-nesting",
        ),
        pytest.param(b"[0.5]", [(f"the body must be an object like {BATCH}, got an array of 1", "")], id="array"),
        pytest.param(b"0.5", [(f"the body must be an object like {BATCH}, got 0.5", "")], id="number"),
        pytest.param(b"null", [(f"the body must be an object like {BATCH}, got null", "")], id="null"),
        pytest.param(b"NaN", [(f"the body must be an object like {BATCH}, got NaN", "")], id="nan"),
        pytest.param(b'"instances"', [(f'the body must be an object like {BATCH}, got "instances"', "")], id="string"),
        pytest.param(b"{}", [(f"missing member 'instances'; expected {BATCH}", "")], id="no-member"),
        pytest.param(
            b'{"Instances": [1]}',
            [
                (f'unknown member "Instances"; expected {BATCH}', "/Instances"),
                (f"missing member 'instances'; expected {BATCH}", ""),
            ],
            id="misspelt-member",
        ),
        pytest.param(
            b'{"instances": [1], "a/b~": 1}',
            [(f'unknown member "a/b~"; expected {BATCH}', "/a~1b~0")],
            id="unknown-member",
        ),
        pytest.param(
            b'{"instances": [1], "\\ud800": 1}',
            [(f'unknown member "?"; expected {BATCH}', "/?")],
            id="lone-surrogate-as-member",
        ),
        pytest.param(
            b'{"instance": 1}',
            [
                (f'unknown member "instance"; expected {BATCH}', "/instance"),
                (f"missing member 'instances'; expected {BATCH}", ""),
            ],
            id="stream-s-member",
        ),
        pytest.param(
            b'{"instances": [1], "instance": 1}',
            [(f'unknown member "instance"; expected {BATCH}', "/instance")],
            id="both-members",
        ),
        pytest.param(
            b'{"instances": [1], "parameters": {"alpha": 1}}',
            [
                (
                    "'parameters' must be empty: 'top' shortens the probabilities of classes, and this model is a regression",
                    "/parameters",
                )
            ],
            id="parameters",
        ),
        pytest.param(b'{"instances": 1}', [("'instances' must be an array, got 1", "/instances")], id="bare-number"),
        pytest.param(
            b'{"instances": null}', [("'instances' must be an array, got null", "/instances")], id="bare-null"
        ),
        pytest.param(
            b'{"instances": {"bmi": 1}}', [("'instances' must be an array, got an object", "/instances")], id="columns"
        ),
        pytest.param(
            b'{"instances": []}', [("'instances' must hold at least 1 instance, got 0", "/instances")], id="empty-array"
        ),
    ],
)
def test_a_body_that_batch_cannot_read_is_refused(body, problems):
    assert problems_of(from_body, body, BMI, one=False) == tuple(Problem(*problem) for problem in problems)


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        pytest.param(b"", [(f"the body must be JSON like {STREAM}, got an empty one", "")], id="empty"),
        pytest.param(b"[1]", [(f"the body must be an object like {STREAM}, got an array of 1", "")], id="array"),
        pytest.param(b"{}", [(f"missing member 'instances' or 'instance'; expected {STREAM}", "")], id="no-member"),
        pytest.param(
            b'{"instances": [1], "instance": 1}',
            [("'instances' and 'instance' exclude each other", "")],
            id="both-members",
        ),
        pytest.param(
            b'{"x": 1, "instances": [1], "instance": 1, "parameters": [0]}',
            [
                (f'unknown member "x"; expected {STREAM}', "/x"),
                ("'instances' and 'instance' exclude each other", ""),
                (
                    "'parameters' must be empty: 'top' shortens the probabilities of classes, and this model is a regression",
                    "/parameters",
                ),
            ],
            id="several-wrongs",
        ),
        pytest.param(
            b'{"instances": []}', [("'instances' must hold exactly 1 instance, got 0", "/instances")], id="none"
        ),
        pytest.param(
            b'{"instances": [1, 2]}', [("'instances' must hold exactly 1 instance, got 2", "/instances")], id="two"
        ),
        pytest.param(b'{"instance": null}', [("row 0: 'bmi' must be a number, got null", "/instance")], id="null"),
        pytest.param(b'{"instance": NaN}', [("row 0: 'bmi' must be a finite number, got NaN", "/instance")], id="nan"),
        pytest.param(
            b'{"instance": [null]}', [("row 0: 'bmi' must be a number, got null", "/instance/0")], id="null-in-array"
        ),
        pytest.param(
            b'{"instance": {"bmi": "x"}}',
            [("row 0: 'bmi' must be a number, got \"x\"", "/instance/bmi")],
            id="string-in-object",
        ),
        pytest.param(b'{"instance": [1, 2]}', [("row 0: must hold 1 number (bmi), got 2", "/instance")], id="too-wide"),
        pytest.param(b'{"instance": {}}', [("row 0: missing feature 'bmi'", "/instance")], id="missing-feature"),
        pytest.param(
            b'{"instance": 1, "instance": 2}', [('member "instance" came twice', "/instance")], id="doubled-member"
        ),
        pytest.param(
            b'{"instance": {"bmi": 1, "bmi": 2}}',
            [('row 0: feature "bmi" came twice', "/instance/bmi")],
            id="doubled-feature",
        ),
        pytest.param(
            b'{"instances": [null]}', [("row 0: 'bmi' must be a number, got null", "/instances/0")], id="in-instances"
        ),
    ],
)
def test_a_body_that_stream_cannot_read_is_refused(body, problems):
    assert problems_of(from_body, body, BMI, one=True) == tuple(Problem(*problem) for problem in problems)


@pytest.mark.parametrize(
    ("cell", "detail"),
    [
        pytest.param(b'"0.5"', "row 1: 'bmi' must be a number, got \"0.5\"", id="string"),
        pytest.param(b'"\\ud800"', "row 1: 'bmi' must be a number, got \"?\"", id="lone-surrogate"),
        pytest.param(b"true", "row 1: 'bmi' must be a number, got true", id="true"),
        pytest.param(b"null", "row 1: 'bmi' must be a number, got null", id="null"),
        pytest.param(b"NaN", "row 1: 'bmi' must be a finite number, got NaN", id="nan"),
        pytest.param(b"Infinity", BEYOND.replace("row 0", "row 1"), id="infinity"),
        pytest.param(b"-Infinity", BEYOND.replace("row 0", "row 1"), id="minus-infinity"),
        pytest.param(b"1e400", BEYOND.replace("row 0", "row 1"), id="1e400"),
        pytest.param(b"-1e400", BEYOND.replace("row 0", "row 1"), id="minus-1e400"),
        pytest.param(b"1" + b"0" * 400, BEYOND.replace("row 0", "row 1"), id="integer-of-401-digits"),
        pytest.param(b"9" * 5000, BEYOND.replace("row 0", "row 1"), id="integer-of-5000-digits"),
        pytest.param(b"-" + b"9" * 5000, BEYOND.replace("row 0", "row 1"), id="negative-integer-of-5000-digits"),
    ],
)
@pytest.mark.parametrize(
    ("shape", "place"),
    [
        pytest.param(b'{"instances": [0.5, %s]}', "/instances/1", id="as-number"),
        pytest.param(b'{"instances": [[0.5], [%s]]}', "/instances/1/0", id="in-array"),
        pytest.param(b'{"instances": [{"bmi": 0.5}, {"bmi": %s}]}', "/instances/1/bmi", id="in-object"),
    ],
)
def test_a_bad_cell_is_named_with_its_place_in_the_body(shape, place, cell, detail):
    assert problems_of(from_body, shape % cell, BMI, one=False) == (Problem(detail, place),)


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        pytest.param(
            b'{"instances": [[1, 2], [3]]}',
            [("row 1: must hold 2 numbers (age, bmi), got 1", "/instances/1")],
            id="ragged",
        ),
        pytest.param(
            b'{"instances": [[1, [2]]]}',
            [("row 0: 'bmi' must be a number, got an array of 1", "/instances/0/1")],
            id="nested",
        ),
        pytest.param(
            b'{"instances": [1, 2]}',
            [
                ("row 0: must be an array of 2 numbers or an object, got 1", "/instances/0"),
                ("row 1: must be an array of 2 numbers or an object, got 2", "/instances/1"),
            ],
            id="numbers-for-two-features",
        ),
        pytest.param(
            b'{"instances": [{"age": 1, "bim": 2}]}',
            [
                ('row 0: unknown feature "bim"; the features are age, bmi', "/instances/0/bim"),
                ("row 0: missing feature 'bmi'", "/instances/0"),
            ],
            id="misspelt-feature",
        ),
        pytest.param(
            b'{"instances": [{"age": 1, "bmi": 2, "\\ud800": 3}]}',
            [('row 0: unknown feature "?"; the features are age, bmi', "/instances/0/?")],
            id="lone-surrogate-as-feature",
        ),
    ],
)
def test_an_instance_that_does_not_fit_two_features_is_named(body, problems):
    assert problems_of(from_body, body, TWO, one=False) == tuple(Problem(*problem) for problem in problems)


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        pytest.param(
            b'{"instances": [1], "instances": [2]}', [('member "instances" came twice', "/instances")], id="body"
        ),
        pytest.param(
            b'{"instances": [1], "parameters": {"a": 1}, "parameters": {}}',
            [('member "parameters" came twice', "/parameters")],
            id="parameters-hidden-behind-empty-ones",
        ),
        pytest.param(
            b'{"instances": [1], "inst\\u0061nces": [2]}',
            [('member "instances" came twice', "/instances")],
            id="spelt-with-an-escape",
        ),
        pytest.param(
            b'{"instances": [{"bmi": 0}, 0, {"bmi": 1, "bmi": 1}, {"bmi": 1, "bmi": 2, "bmi": 3}]}',
            [
                ('row 2: feature "bmi" came twice', "/instances/2/bmi"),
                ('row 3: feature "bmi" came twice', "/instances/3/bmi"),
            ],
            id="in-rows-among-many",
        ),
        pytest.param(
            b'{"instances": [{"bmi": 1, "bmi": 1}], "instances": [{"bmi": 1, "bmi": 2}]}',
            [
                ('member "instances" came twice', "/instances"),
                ('row 0: feature "bmi" came twice', "/instances/0/bmi"),
            ],
            id="both",
        ),
        pytest.param(
            b'{"instances": ["x", null], "instances": [1]}',
            [('member "instances" came twice', "/instances")],
            id="the-first-would-not-do",
        ),
        pytest.param(
            b'{"instances": [%s], "instances": [1]}' % (b"9" * 5000),
            [('member "instances" came twice', "/instances")],
            id="the-first-has-a-huge-integer",
        ),
        pytest.param(
            b'{"instances": %s, "instances": [1]}' % (b"[" * 1000 + b"]" * 1000),
            [("a member came twice", "")],
            id="the-first-is-deep",
        ),
        pytest.param(
            b'{"instances": [{"bmi": %s, "bmi": 1}]}' % (b"9" * 5000),
            [('row 0: feature "bmi" came twice', "/instances/0/bmi")],
            id="the-first-cell-is-a-huge-integer",
        ),
    ],
)
def test_a_name_that_came_twice_is_refused(body, problems):
    assert problems_of(from_body, body, BMI, one=False) == tuple(Problem(*problem) for problem in problems)


def test_a_doubled_feature_with_an_escaped_quote_is_refused():
    body = b'{"instances": [{"a/b": 1, "q\\"": 2, "a\\/b": 3, "q\\u0022": 4}]}'

    problems = problems_of(from_body, body, HOSTILE, one=False)

    assert problems == (
        Problem('row 0: feature "a/b" came twice', "/instances/0/a~1b"),
        Problem(r'row 0: feature "q\"" came twice', '/instances/0/q"'),
    )


def test_a_feature_with_an_escaped_quote_that_came_once_is_read():
    question = from_body(b'{"instances": [{"a\\/b": 1, "q\\"": 2}]}', HOSTILE, one=False)

    assert values(question) == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("body", "count"),
    [
        pytest.param(b'{"instances": [%s]}' % b",".join([b"null"] * 100), 20, id="cells"),
        pytest.param(b'{"instances": [%s]}' % b",".join([b'{"bmi": 1, "bmi": 2}'] * 100), 20, id="doubled"),
        pytest.param(b'{"instances": [1], %s}' % b",".join(b'"%d": 1' % n for n in range(100)), 20, id="members"),
    ],
)
def test_at_most_twenty_problems_are_listed(body, count):
    assert len(problems_of(from_body, body, BMI, one=False)) == count


@pytest.mark.parametrize(
    ("most_bytes", "most"), [pytest.param(50, 2, id="two-fit"), pytest.param(1, 1, id="one-always-fits")]
)
def test_more_instances_than_an_answer_can_hold_are_too_large(most_bytes, most):
    with pytest.raises(TooLargeError) as caught:
        from_body(b'{"instances": [1, 2, 3]}', BMI, one=False, most_bytes=most_bytes)

    detail = f"'instances' must hold at most {most} instances, got 3; send them in parts"
    assert caught.value.problems == (Problem(detail, "/instances"),)


def test_more_instances_in_a_path_than_an_answer_can_hold_are_too_large():
    with pytest.raises(TooLargeError) as caught:
        from_path("[1,2,3]", BMI, one=False, most_bytes=50)

    detail = "'instances' must hold at most 2 instances, got 3; send them in parts"
    assert caught.value.problems == (Problem(detail, "/instances"),)


def test_as_many_instances_as_an_answer_can_hold_are_read():
    question = from_body(b'{"instances": [1, 2, 3]}', BMI, one=False, most_bytes=75)

    assert values(question) == [[1.0], [2.0], [3.0]]


@pytest.mark.parametrize(
    ("body", "matrix"),
    [
        pytest.param(b'{"instances": [0.5, -1, 0]}', [[0.5], [-1.0], [0.0]], id="numbers"),
        pytest.param(b'{"instances": [[0.5], [-1]]}', [[0.5], [-1.0]], id="arrays"),
        pytest.param(b'{"instances": [{"bmi": 0.5}, {"bm\\u0069": -1}]}', [[0.5], [-1.0]], id="objects"),
        pytest.param(b'{"instances": [0.5, [1], {"bmi": 2}]}', [[0.5], [1.0], [2.0]], id="mixed"),
        pytest.param(b' {"instances" : [ 5e-1 ]}\n', [[0.5]], id="blanks-and-exponent"),
        pytest.param(b'\xef\xbb\xbf{"instances": [0.5]}', [[0.5]], id="byte-order-mark"),
        pytest.param(b'\xef\xbb\xbf\r\n{"instances": [{"bmi": 0.5}]}', [[0.5]], id="byte-order-mark-and-blanks"),
        pytest.param(b'{"instances": [1], "parameters": {}}', [[1.0]], id="empty-parameters"),
        pytest.param(b'{"parameters": null, "instances": [1]}', [[1.0]], id="null-parameters"),
        pytest.param(b'{"instances": [18446744073709551616]}', [[2.0**64]], id="integer-beyond-64-bits"),
        pytest.param(b'{"instances": [1e-400]}', [[0.0]], id="underflow"),
    ],
)
def test_batch_reads_instances(body, matrix):
    question = from_body(body, BMI, one=False)

    assert (values(question), question.table.matrix().dtype, question.root, question.single) == (
        matrix,
        np.float64,
        "/instances",
        False,
    )


@pytest.mark.parametrize(
    ("body", "root", "single"),
    [
        pytest.param(b'{"instance": 0.5}', "/instance", True, id="number"),
        pytest.param(b'{"instance": [0.5]}', "/instance", True, id="array"),
        pytest.param(b'{"instance": {"bmi": 0.5}}', "/instance", True, id="object"),
        pytest.param(b'{"instances": [0.5]}', "/instances", False, id="instances-of-one"),
        pytest.param(b'{"instances": [[0.5]], "parameters": {}}', "/instances", False, id="empty-parameters"),
    ],
)
def test_stream_reads_one_instance(body, root, single):
    question = from_body(body, BMI, one=True)

    assert (values(question), question.root, question.single) == ([[0.5]], root, single)


# The path


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("0.5", 0.5, id="plain"),
        pytest.param("1", 1.0, id="whole"),
        pytest.param("-0.5", -0.5, id="minus"),
        pytest.param("+0.5", 0.5, id="plus"),
        pytest.param(".5", 0.5, id="nothing-before-the-point"),
        pytest.param("-.5", -0.5, id="minus-point"),
        pytest.param("+.5", 0.5, id="plus-point"),
        pytest.param("5.", 5.0, id="nothing-behind-the-point"),
        pytest.param("5e-1", 0.5, id="exponent"),
        pytest.param("5E-1", 0.5, id="upper-exponent"),
        pytest.param("+.05e+1", 0.5, id="plus-everywhere"),
        pytest.param("5.e-1", 0.5, id="bare-point-and-exponent"),
        pytest.param("1e05", 1e5, id="exponent-with-zero"),
        pytest.param("  0.5\t", 0.5, id="blanks"),
        pytest.param("1e-400", 0.0, id="underflow"),
        pytest.param("1.7976931348623157e308", 1.7976931348623157e308, id="largest"),
    ],
)
def test_a_number_in_a_path_may_have_a_plus_or_a_bare_point(text, number):
    single = from_path(text, BMI, one=True)
    several = from_path(f"[{text},{text}]", BMI, one=False)

    assert (values(single), single.root, single.single) == ([[number]], "/instance", True)
    assert (values(several), several.root, several.single) == ([[number], [number]], "/instances", False)


@pytest.mark.parametrize(
    ("text", "features", "matrix"),
    [
        pytest.param("[0.5,0.2,0.6]", BMI, [[0.5], [0.2], [0.6]], id="numbers"),
        pytest.param("[ 1 , 2 ]", BMI, [[1.0], [2.0]], id="blanks"),
        pytest.param("[[0.5],.2]", BMI, [[0.5], [0.2]], id="arrays"),
        pytest.param('[{"bmi":0.5}, 1]', BMI, [[0.5], [1.0]], id="objects"),
        pytest.param("[[40,.5],[+50,-1e-1]]", TWO, [[40.0, 0.5], [50.0, -0.1]], id="arrays-of-two"),
        pytest.param('[{"bmi":0.5,"age":40}]', TWO, [[40.0, 0.5]], id="object-of-two"),
    ],
)
def test_batch_reads_an_array_in_the_path(text, features, matrix):
    assert values(from_path(text, features, one=False)) == matrix


@pytest.mark.parametrize(
    ("text", "features", "matrix"),
    [
        pytest.param("[0.5]", BMI, [[0.5]], id="array-of-one"),
        pytest.param("[40,.5]", TWO, [[40.0, 0.5]], id="array-of-two"),
        pytest.param('{"bmi":0.5,"age":40}', TWO, [[40.0, 0.5]], id="object"),
    ],
)
def test_stream_reads_an_instance_in_the_path(text, features, matrix):
    question = from_path(text, features, one=True)

    assert (values(question), question.single) == (matrix, True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("0.5", ("the path must hold an array of instances, got 0.5", "/instances"), id="number"),
        pytest.param(
            '{"bmi":1}', ("the path must hold an array of instances, got an object", "/instances"), id="object"
        ),
        pytest.param("null", ("the path must hold an array of instances, got null", "/instances"), id="null"),
        pytest.param("NaN", ("the path must hold an array of instances, got NaN", "/instances"), id="nan"),
        pytest.param("[]", ("'instances' must hold at least 1 instance, got 0", "/instances"), id="empty-array"),
        pytest.param("[1,NaN]", ("row 1: 'bmi' must be a finite number, got NaN", "/instances/1"), id="nan-in-array"),
        pytest.param("[1e400]", (BEYOND, "/instances/0"), id="1e400"),
        pytest.param("[-Infinity]", (BEYOND, "/instances/0"), id="minus-infinity"),
        pytest.param(f"[{'9' * 5000}]", (BEYOND, "/instances/0"), id="integer-of-5000-digits"),
        pytest.param("[1,true]", ("row 1: 'bmi' must be a number, got true", "/instances/1"), id="true"),
        pytest.param('["1"]', ("row 0: 'bmi' must be a number, got \"1\"", "/instances/0"), id="string"),
        pytest.param("[[1,2]]", ("row 0: must hold 1 number (bmi), got 2", "/instances/0"), id="too-wide"),
        pytest.param(
            "[" * 5000 + "]" * 5000,
            ("not JSON: depth limit exceeded: line 1 column 1026 (char 1025)", ""),
            id="deep-nesting",
        ),
        pytest.param(
            '[{"bmi":1,"bmi":2}]', ('row 0: feature "bmi" came twice', "/instances/0/bmi"), id="doubled-feature"
        ),
    ],
)
def test_a_path_that_batch_cannot_read_is_refused(text, problem):
    assert problems_of(from_path, text, BMI, one=False) == (Problem(*problem),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("NaN", ("row 0: 'bmi' must be a finite number, got NaN", "/instance"), id="nan"),
        pytest.param("[NaN]", ("row 0: 'bmi' must be a finite number, got NaN", "/instance/0"), id="nan-in-array"),
        pytest.param("null", ("row 0: 'bmi' must be a number, got null", "/instance"), id="null"),
        pytest.param("1e400", (BEYOND, "/instance"), id="1e400"),
        pytest.param('"5"', ("row 0: 'bmi' must be a number, got \"5\"", "/instance"), id="string"),
        pytest.param("[0.5,0.2]", ("row 0: must hold 1 number (bmi), got 2", "/instance"), id="array-of-two"),
        pytest.param("[]", ("row 0: must hold 1 number (bmi), got 0", "/instance"), id="empty-array"),
        pytest.param('[{"bmi":1}]', ("row 0: 'bmi' must be a number, got an object", "/instance/0"), id="instances"),
        pytest.param(
            '{"age":1,"bmi":2}',
            ('row 0: unknown feature "age"; the feature is bmi', "/instance/age"),
            id="unknown-feature",
        ),
        pytest.param("{}", ("row 0: missing feature 'bmi'", "/instance"), id="missing-feature"),
        pytest.param('{"bmi":1,"bmi":2}', ('row 0: feature "bmi" came twice', "/instance/bmi"), id="doubled-feature"),
    ],
)
def test_a_path_that_stream_cannot_read_is_refused(text, problem):
    assert problems_of(from_path, text, BMI, one=True) == (Problem(*problem),)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("abc", id="word"),
        pytest.param(".", id="point"),
        pytest.param("-", id="minus"),
        pytest.param("+", id="plus"),
        pytest.param("--1", id="two-minus"),
        pytest.param("+-1", id="plus-minus"),
        pytest.param("- 1", id="minus-blank"),
        pytest.param("1e", id="exponent-without-digits"),
        pytest.param("1.2.3", id="two-points"),
        pytest.param("1,2", id="no-brackets"),
        pytest.param("[1,,2]", id="nothing-between-commas"),
        pytest.param("[1;2]", id="semicolon"),
        pytest.param("[1", id="cut-off"),
        pytest.param("1_000", id="underscore"),
        pytest.param("0x10", id="hexadecimal"),
        pytest.param("inf", id="inf"),
        pytest.param("١", id="arabic-digit"),
        pytest.param("５", id="fullwidth-digit"),
        pytest.param("5 5", id="two-numbers"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param("\x00", id="nul"),
        pytest.param("1+2", id="sum"),
        pytest.param("-1+1", id="sum-with-minus"),
        pytest.param("1e3+4", id="sum-behind-exponent"),
        pytest.param("1.5+3", id="sum-behind-fraction"),
        pytest.param("5.+3", id="sum-behind-bare-point"),
        pytest.param("1..5", id="two-points-together"),
        pytest.param("1+.5", id="sum-with-bare-point"),
        pytest.param("[1+2]", id="sum-in-array"),
    ],
)
@pytest.mark.parametrize("one", [pytest.param(True, id="stream"), pytest.param(False, id="batch")])
def test_text_that_is_no_value_is_not_json(text, one):
    (problem,) = problems_of(from_path, text, BMI, one=one)

    assert (problem.detail[:10], problem.pointer) == ("not JSON: ", "")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("[0,05]", "05", id="decimal-comma-in-an-array"),
        pytest.param("[0.5,0,06]", "06", id="decimal-comma-among-points"),
        pytest.param("[[1,5],[0,05]]", "05", id="decimal-comma-in-a-row"),
        pytest.param("[1.000,05]", "05", id="thousands-point-and-decimal-comma"),
        pytest.param("[-0,+05]", "+05", id="plus"),
        pytest.param("[1,-05]", "-05", id="minus"),
        pytest.param("[1,05e-1]", "05e-1", id="exponent"),
        pytest.param("[00.5]", "00.5", id="zeros-before-a-point"),
        pytest.param("005", "005", id="single"),
        pytest.param("-00.50", "-00.50", id="single-minus"),
        pytest.param("00", "00", id="only-zeros"),
    ],
)
@pytest.mark.parametrize("one", [pytest.param(True, id="stream"), pytest.param(False, id="batch")])
def test_a_leading_zero_in_a_path_is_refused_with_a_word_about_decimal_commas(text, number, one):
    problems = problems_of(from_path, text, BMI, one=one)

    detail = f'not JSON: the number "{number}" has a leading zero; decimals have a point (0.05), and a comma separates values'
    assert problems == (Problem(detail, ""),)


@pytest.mark.parametrize("text", ["0,5", "-0,05", ",5", "+1,5", "1.000,5", " 0,5 "])
@pytest.mark.parametrize("one", [pytest.param(True, id="stream"), pytest.param(False, id="batch")])
def test_a_comma_outside_an_array_is_refused_by_name(text, one):
    problems = problems_of(from_path, text, BMI, one=one)

    detail = f'not JSON: "{text}" has a comma outside an array; decimals have a point (0.5), and an array has brackets ([0.5,1])'
    assert problems == (Problem(detail, ""),)


# The answer


WARNING = Problem("row 0: 'bmi' = 2.0 is outside the training range [-1.0, 1.0]", "/instances/0")
WARNED = {"detail": WARNING.detail, "pointer": WARNING.pointer}


@pytest.mark.parametrize(
    ("predictions", "changes", "answer"),
    [
        pytest.param(
            [2.0, 1.5],
            {"single": False, "warnings": [], "flagged": 0},
            {"predictions": [2.0, 1.5], "model": {"name": "m", "version": 7}},
            id="several",
        ),
        pytest.param(
            [2.0],
            {"single": False, "warnings": [], "flagged": 0},
            {"predictions": [2.0], "model": {"name": "m", "version": 7}},
            id="instances-of-one",
        ),
        pytest.param(
            [2.0],
            {"single": True, "warnings": [], "flagged": 0},
            {"prediction": 2.0, "model": {"name": "m", "version": 7}},
            id="single",
        ),
        pytest.param(
            [2.0],
            {"single": True, "warnings": [WARNING], "flagged": 1},
            {"prediction": 2.0, "model": {"name": "m", "version": 7}, "warnings": [WARNED]},
            id="warnings",
        ),
        pytest.param(
            [2.0, 3.0],
            {"single": False, "warnings": [WARNING], "flagged": 21},
            {
                "predictions": [2.0, 3.0],
                "model": {"name": "m", "version": 7},
                "warnings": [WARNED],
                "warnings_total": 21,
            },
            id="warnings-cut",
        ),
    ],
)
def test_an_answer_holds_predictions_model_and_warnings(predictions, changes, answer):
    assert json.loads(rendered(predictions, **changes)) == answer


@EXAMPLES
@given(predictions=st.lists(finite, min_size=1, max_size=50))
def test_predictions_read_back_are_the_predictions(predictions):
    body = rendered(predictions)

    assert np.array(json.loads(body)["predictions"]).tobytes() == np.array(predictions).tobytes()


@EXAMPLES
@given(prediction=finite)
def test_a_single_prediction_read_back_is_the_prediction(prediction):
    body = rendered([prediction], single=True)

    assert np.float64(json.loads(body)["prediction"]).tobytes() == np.float64(prediction).tobytes()


@EXAMPLES
@given(predictions=st.lists(finite, min_size=1, max_size=50))
def test_no_prediction_takes_more_bytes_than_were_reckoned(predictions):
    body = rendered(predictions)

    assert len(body) <= len(b'{"predictions":[],"model":{"name":"m","version":7}}') + 25 * len(predictions)


def test_a_problem_document_is_written_as_it_is():
    document = {"type": "about:blank", "status": 400, "errors": [WARNING]}

    assert instances.problem(document) == Content(
        "application/problem+json",
        b'{"type":"about:blank","status":400,"errors":[{"detail":"%s","pointer":"/instances/0"}]}'
        % WARNING.detail.encode(),
    )


# Anything


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from([10**400, -(10**30), 1e308, "bmi", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["bmi", "age", "instances", "instance", "parameters", "a/b~", '"', "\ud800"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)

bodies = st.one_of(
    st.binary(max_size=200),
    json_like.map(lambda value: json.dumps(value).encode()),
    json_like.map(lambda value: json.dumps({"instances": value}).encode()),
    st.lists(json_like, max_size=5).map(lambda value: json.dumps({"instances": value}).encode()),
    json_like.map(lambda value: json.dumps({"instance": value}).encode()),
    st.tuples(json_like, json_like).map(
        lambda pair: b'{"instances": %s, "instances": %s}' % tuple(json.dumps(value).encode() for value in pair)
    ),
    st.text(alphabet='{}[]",:0123456789.eE+-truefalsn \\u', max_size=60).map(str.encode),
)


def outcome(read, *arguments, **options):
    """The question that *read* makes, or the problems for which it refuses."""
    try:
        return read(*arguments, **options)
    except PayloadError as error:
        return error.problems


def is_whole(result):
    """A finite matrix, or problems that can be sent."""
    if isinstance(result, Question):
        return len(result.table.matrix()) == len(result.instances) > 0 and bool(
            np.isfinite(result.table.matrix()).all()
        )
    return 0 < len(result) <= 20 and isinstance(orjson.dumps(result), bytes)


@pytest.mark.slow
@pytest.mark.parametrize("one", [pytest.param(True, id="stream"), pytest.param(False, id="batch")])
@pytest.mark.parametrize("features", [pytest.param(BMI, id="one-feature"), pytest.param(TWO, id="two-features")])
@MANY
@given(body=bodies)
@example(body=b'{"instances": ' + b"[" * 100_000)
@example(body=b'{"instances": [' + b"9" * 100_000 + b"]}")
@example(body=b'{"instances": [{"' + b"x" * 100_000 + b'": 1}]}')
@example(body=b'{"instances": [{"\\ud800": 1, "\\ud800": 1}]}')
@example(body=b'{"instances": [NaN' + b" " * (1 << 20) + b"]}")
@example(body='{"instances": [1]}'.encode("utf-16"))
def test_any_body_gives_a_question_or_problems_that_can_be_sent(features, one, body):
    assert is_whole(outcome(from_body, body, features, one=one))


@pytest.mark.slow
@pytest.mark.parametrize("one", [pytest.param(True, id="stream"), pytest.param(False, id="batch")])
@MANY
@given(
    text=st.text(max_size=60)
    | st.text(alphabet='[]0123456789.eE+-,{}":nulaNtrfs ', max_size=60)
    | json_like.map(json.dumps)
)
@example(text="[" * 60_000)
@example(text="1" * 60_000)
@example(text="[" + "1e999," * 10_000)
@example(text="\ud800")
def test_any_path_gives_a_question_or_problems_that_can_be_sent(one, text):
    assert is_whole(outcome(from_path, text, BMI, one=one))


@EXAMPLES
@given(instances=st.lists(finite, min_size=1, max_size=20))
def test_a_path_and_a_body_of_the_same_instances_are_one_matrix(instances):
    text = json.dumps(instances)

    by_path = from_path(text, BMI, one=False)

    by_body = from_body(b'{"instances": %s}' % text.encode(), BMI, one=False)
    assert by_path.table.matrix().tobytes() == by_body.table.matrix().tobytes() == np.array(instances).tobytes()
