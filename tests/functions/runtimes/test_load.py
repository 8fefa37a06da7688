"""A graph is checked before use: what is not sound is an ArtifactError, in bounded time and memory."""

from __future__ import annotations

import base64
import copy
import hashlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.artifact import ArtifactError
from functions.columns.schema import PayloadError, Problem
from functions.runtimes import load
from functions.runtimes.graph.block import pack

EXAMPLES = settings(deadline=None, derandomize=True, max_examples=150)


def graph(steps, arrays=(), *, values=None, columns=2, classes=None, **members):
    """A document of *steps*, and its block."""
    block = pack([np.asarray(array) for array in arrays])
    document = {
        "runtime": "graph",
        "classes": classes,
        "graph": {
            "columns": columns,
            "operators": sorted({step["operator"] for step in steps}),
            "steps": steps,
            "values": len(steps) - 1 if values is None else values,
            "arrays": {"bytes": len(block), "sha256": hashlib.sha256(block).hexdigest()},
            **members,
        },
    }
    return document, block


def step(operator, *inputs, arrays=None, **attributes):
    entry = {"operator": operator, "inputs": list(inputs)}
    if attributes:
        entry["attributes"] = attributes
    if arrays:
        entry["arrays"] = arrays
    return entry


def line():
    steps = [step("matrix", arrays={"columns": 0}), step("linear", 0, arrays={"weights": 1, "bias": 2})]
    return graph(steps, [np.array([0, 1], np.int32), np.array([[2.0], [3.0]]), np.array([1.0])])


def forest(**changes):
    """Two trees: one split and a chain of two."""
    arrays = {
        "sizes": np.array([3, 5], np.int32),
        "feature": np.array([0, -1, -1, 1, 0, -1, -1, -1], np.int16),
        "threshold": np.array([0.5, 1.5, 2.5]),
        "value": np.arange(5.0)[:, None],
        "start": np.zeros(1),
    }
    arrays.update({name: value for name, value in changes.items() if isinstance(value, np.ndarray)})
    names = list(arrays)
    steps = [
        step("matrix", arrays={"columns": len(names)}),
        step("trees", 0, single=False, arrays={name: place for place, name in enumerate(names)}),
    ]
    return graph(steps, [*arrays.values(), np.array([0, 1], np.int32)])


def refusal(document, block):
    with pytest.raises(ArtifactError) as caught:
        load(document, block)
    return str(caught.value)


def changed(document, *path, value):
    other = copy.deepcopy(document)
    place = other
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return other


def test_a_sound_graph_answers():
    assert load(*line()).predict(np.array([[1.0, 1.0], [0.0, 2.0]])).values.tolist() == [6.0, 7.0]
    assert load(*forest()).predict(np.array([[0.0, 9.0], [9.0, 1.0]])).values.tolist() == [2.0, 5.0]


def test_a_block_may_travel_in_the_document():
    document, block = line()
    inside = changed(document, "graph", "arrays", "base64", value=base64.b64encode(block).decode())

    assert load(inside, b"").predict([np.array([1.0]), np.array([1.0])]).values.tolist() == [6.0]


def test_columns_are_numbers_with_nan_or_objects_with_none():
    steps = [
        step("matrix", arrays={"columns": 0}),
        step("impute", 0, arrays={"values": 1}),
        step("reduced", 1, function="sum"),
    ]
    runtime = load(*graph(steps, [np.array([0, 1], np.int32), np.array([10.0, 20.0])]))

    answer = runtime.predict([np.array([1.0, np.nan]), np.array([None, True], object)])

    assert answer.values.tolist() == [21.0, 11.0]
    assert answer.probabilities is None


def test_a_cell_that_is_no_number_is_a_payload_error():
    with pytest.raises(PayloadError, match="row 1: expected a number"):
        load(*line()).predict([np.array([1.0, 2.0]), np.array([1.0, "many"], object)])


def test_a_table_of_another_width_is_refused():
    with pytest.raises(ValueError, match="expected 2 columns, got 3"):
        load(*line()).predict(np.zeros((1, 3)))


def test_no_rows_have_no_answers():
    assert load(*forest()).predict(np.zeros((0, 2))).values.tolist() == []


DOCUMENT, BLOCK = line()
STEPS = DOCUMENT["graph"]["steps"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        pytest.param({}, "runtime: expected one of graph, linear", id="no runtime"),
        pytest.param({"runtime": "pickle"}, "got 'pickle'", id="unknown runtime"),
        pytest.param({"runtime": ["graph"]}, "runtime: expected one of", id="list as runtime"),
        pytest.param({"runtime": "graph"}, "graph is missing", id="no graph"),
        pytest.param(changed(DOCUMENT, "graph", "steps", value=[]), "expected 1 to", id="no steps"),
        pytest.param(changed(DOCUMENT, "graph", "steps", value={}), "steps is missing", id="steps of another type"),
        pytest.param(
            changed(DOCUMENT, "graph", "steps", 0, value=7), "step 0: expected an object", id="number as step"
        ),
        pytest.param(
            changed(DOCUMENT, "graph", "operators", value=["os"]), "know no operator 'os'", id="operator listed"
        ),
        pytest.param(
            changed(DOCUMENT, "graph", "steps", 0, "operator", value="__import__"),
            "know no operator",
            id="operator used",
        ),
        pytest.param(changed(DOCUMENT, "graph", "steps", 1, "inputs", value=[1]), "earlier steps", id="its own input"),
        pytest.param(
            changed(DOCUMENT, "graph", "steps", 1, "inputs", value=[-1]), "earlier steps", id="negative input"
        ),
        pytest.param(
            changed(DOCUMENT, "graph", "steps", 1, "inputs", value=[0.0]), "earlier steps", id="fraction as input"
        ),
        pytest.param(
            changed(DOCUMENT, "graph", "steps", 1, "inputs", value=[True]), "earlier steps", id="boolean input"
        ),
        pytest.param(
            changed(DOCUMENT, "graph", "steps", 1, "inputs", value=[0, 0]), "one matrix", id="too many inputs"
        ),
        pytest.param(changed(DOCUMENT, "graph", "steps", 0, "inputs", value="0"), "earlier steps", id="text as inputs"),
        pytest.param(
            changed(DOCUMENT, "graph", "steps", 1, "arrays", "weights", value=9), "place of one of 3", id="absent array"
        ),
        pytest.param(
            changed(DOCUMENT, "graph", "steps", 1, "arrays", "weights", value=-1),
            "place of one of 3",
            id="negative array",
        ),
        pytest.param(
            changed(DOCUMENT, "graph", "steps", 1, "arrays", "weights", value=[[[]]]),
            "weights is missing",
            id="nested list",
        ),
        pytest.param(
            changed(DOCUMENT, "graph", "steps", 1, "arrays", "weights", value=2), "must have shape (2, any)", id="shape"
        ),
        pytest.param(
            changed(DOCUMENT, "graph", "steps", 1, "arrays", "weights", value=0), "must be of type f4 or f8", id="type"
        ),
        pytest.param(
            changed(DOCUMENT, "graph", "steps", 0, "arrays", "columns", value=2),
            "must be of type i2",
            id="float as index",
        ),
        pytest.param(changed(DOCUMENT, "graph", "columns", value=1), "must lie from 0 to 0", id="index out of bounds"),
        pytest.param(changed(DOCUMENT, "graph", "columns", value=10**30), "graph.columns", id="many columns"),
        pytest.param(
            changed(DOCUMENT, "graph", "steps", 1, "attributes", value={"secret": 1}),
            "unknown parameter",
            id="unknown parameter",
        ),
        pytest.param(changed(DOCUMENT, "graph", "values", value=0), "has width 2", id="values of another width"),
        pytest.param(changed(DOCUMENT, "graph", "values", value=2), "graph.values", id="values of no step"),
        pytest.param(changed(DOCUMENT, "graph", "probabilities", value=1), "graph.probabilities", id="no classes"),
        pytest.param(changed(DOCUMENT, "classes", value=[None]), "classes: expected", id="null as class"),
        pytest.param(changed(DOCUMENT, "graph", "arrays", value=None), "arrays is missing", id="no arrays"),
        pytest.param(changed(DOCUMENT, "graph", "arrays", "sha256", value="0" * 64), "another digest", id="digest"),
        pytest.param(changed(DOCUMENT, "graph", "arrays", "bytes", value=1), "expected 1 bytes", id="size"),
    ],
)
def test_a_document_that_is_not_sound_is_refused(document, message):
    assert message in refusal(document, BLOCK)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"feature": np.array([2, -1, -1, 1, 0, -1, -1, -1], np.int16)}, "must lie from -1 to 1", id="column"
        ),
        pytest.param(
            {"feature": np.array([0, -1, -1, 1, -2, -1, -1, -1], np.int16)}, "must lie from -1", id="negative"
        ),
        pytest.param({"feature": np.array([0, 1, -1, 1, 0, -1, -1, -1], np.int16)}, "behind its parent", id="open end"),
        pytest.param({"feature": np.array([-1, 0, -1, 1, 0, -1, -1, -1], np.int16)}, "behind its parent", id="no root"),
        pytest.param({"feature": np.zeros(8, np.int16)}, "behind its parent", id="no leaves"),
        pytest.param({"feature": np.zeros(8)}, "must be of type", id="floats as columns"),
        pytest.param({"sizes": np.array([3, 4], np.int32)}, "add up to 7", id="short"),
        pytest.param({"sizes": np.array([8, 0], np.int32)}, "must lie from 1", id="empty tree"),
        pytest.param({"sizes": np.array([2**31 - 1, 2**31 - 1], np.int32)}, "add up to 4294967294", id="large"),
        pytest.param({"sizes": np.zeros(0, np.int32)}, "add up to", id="no trees"),
        pytest.param({"threshold": np.array([0.5, np.nan, 2.5])}, "threshold is NaN", id="NaN as threshold"),
        pytest.param({"threshold": np.array([0.5, 2.5])}, "must have shape (3)", id="thresholds"),
        pytest.param({"value": np.full((5, 1), np.inf)}, "not finite", id="infinite value"),
        pytest.param({"value": np.zeros((4, 1))}, "must have shape (5, 1)", id="values"),
        pytest.param({"target": np.array([0, 1], np.int32)}, "must lie from 0 to 0", id="target"),
        pytest.param({"missing_right": np.array([0, 1, 2], np.uint8)}, "must lie from 0 to 1", id="flags"),
        pytest.param(
            {"category": np.array([0, -1, 1], np.int32), "categories_right": np.zeros((1, 257), np.uint8)},
            "must lie from -1 to 0",
            id="set of categories",
        ),
    ],
)
def test_trees_that_are_not_sound_are_refused(changes, message):
    assert message in refusal(*forest(**changes))


def test_a_tree_of_too_many_levels_is_refused():
    splits = 5000
    feature = np.tile([0, -1], splits)
    chain = np.concatenate([[0], np.ravel(np.column_stack([np.zeros(splits - 1), np.full(splits - 1, -1)])), [-1, -1]])
    document, block = forest(
        sizes=np.array([len(chain)], np.int32),
        feature=chain.astype(np.int16),
        threshold=np.zeros(splits),
        value=np.zeros((splits + 1, 1)),
    )

    assert len(feature)
    assert "more than 4096 levels" in refusal(document, block)


def test_widths_that_double_step_by_step_are_refused():
    steps = [step("matrix", arrays={"columns": 0}), *(step("concatenate", place, place) for place in range(60))]
    document, block = graph(steps, [np.array([0, 1], np.int32)])

    assert "width of 1048576" not in refusal(document, block)
    assert "it must lie from 1 to" in refusal(document, block)


def test_rows_that_take_too_much_memory_are_refused():
    steps = [step("matrix", arrays={"columns": 0}), *(step("concatenate", place, place) for place in range(18))]
    wide = len(steps) - 1
    steps += [step("concatenate", wide) for _ in range(40)]
    document, block = graph(steps, [np.array([0, 1], np.int32)])

    assert "a row takes" in refusal(document, block)


def test_shapes_of_terabytes_are_refused_without_memory():
    document, _ = line()
    header = b'[["f8",[1048576,1048576,1048576]]]'
    block = b"ARRAYS\x01\n" + len(header).to_bytes(8, "little") + header
    document = changed(
        document, "graph", "arrays", value={"bytes": len(block), "sha256": hashlib.sha256(block).hexdigest()}
    )
    tracemalloc.start()
    refusal(document, block)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 1_000_000


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value, path=()):
    """Paths to everything inside *value*."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield from places(inner, (*path, name))


SOUND = [line(), forest()]


@EXAMPLES
@given(st.data())
def test_a_document_with_anything_in_any_place_is_refused_or_answers(data):
    document, block = data.draw(st.sampled_from(SOUND))
    path = data.draw(st.sampled_from([path for path in places(document) if path]))
    mutant = changed(document, *path, value=data.draw(json_values))
    _refused_or_answers(mutant, block)


@EXAMPLES
@given(st.data())
def test_a_block_with_changed_bytes_is_refused_or_answers(data):
    document, block = data.draw(st.sampled_from(SOUND))
    mutant = bytearray(block)
    for _ in range(data.draw(st.integers(1, 4))):
        mutant[data.draw(st.integers(0, len(mutant) - 1))] = data.draw(st.integers(0, 255))
    entry = {"bytes": len(mutant), "sha256": hashlib.sha256(mutant).hexdigest()}
    _refused_or_answers(changed(document, "graph", "arrays", value=entry), bytes(mutant))


def _refused_or_answers(document, block):
    try:
        runtime = load(document, block)
    except ArtifactError:
        return
    try:
        answer = runtime.predict(np.array([[0.0, 1.0], [2.0, -3.0]]))
    except (PayloadError, ValueError):
        return
    assert len(answer.values) == 2


@pytest.mark.parametrize(
    ("linear", "message"),
    [
        pytest.param(None, "linear: expected", id="absent"),
        pytest.param({"coefficients": [], "intercept": 0.0}, "linear.coefficients", id="none"),
        pytest.param({"coefficients": ["1"], "intercept": 0.0}, "expected finite numbers", id="text"),
        pytest.param({"coefficients": [1.0], "intercept": float("nan")}, "expected a finite number", id="NaN"),
        pytest.param({"coefficients": [10**400], "intercept": 0}, "expected finite numbers", id="huge"),
        pytest.param({"coefficients": [True], "intercept": 0}, "expected finite numbers", id="boolean"),
    ],
)
def test_a_line_that_is_not_sound_is_refused(linear, message):
    assert message in refusal({"runtime": "linear", "linear": linear}, b"")


def test_a_line_answers_in_feature_order_and_refuses_gaps():
    runtime = load({"runtime": "linear", "linear": {"coefficients": [1.0, 2.0], "intercept": 0.5}}, b"")

    assert runtime.predict(np.array([[1.0, 1.0]])).values.tolist() == [3.5]
    with pytest.raises(PayloadError, match="row 1: the model cannot answer a missing or infinite number"):
        runtime.predict([np.array([1.0, np.nan]), np.array([0.0, 0.0])])


def test_a_row_that_cannot_be_answered_is_named_in_any_part_of_a_large_table():
    document, block = graph(
        [
            step("cells", column=0),
            step("lookup", 0, arrays={"table": 0}, keys=["red"]),
        ],
        [np.array([[2.0]])],
    )
    rows = load(document, block).part_rows + 3
    cells = np.full(rows, "red", object)
    cells[-2] = "green"

    with pytest.raises(PayloadError) as caught:
        load(document, block).predict([cells, np.zeros(rows)])

    row = rows - 2
    detail = f"row {row}: the model cannot answer a level that training did not see"
    assert caught.value.problems == (Problem(detail, f"/{row}"),)


def test_a_row_without_a_neighbour_is_named_in_any_part_of_a_large_table(monkeypatch):
    monkeypatch.setattr("functions.runtimes.graph.neighbours._CELLS", 4)
    document, block = graph(
        [
            step("matrix", arrays={"columns": 0}),
            step(
                "within_radius",
                0,
                arrays={"rows": 1, "values": 2},
                metric="euclidean",
                radius=1.0,
                by_distance=False,
            ),
        ],
        [np.array([0, 1], np.int32), np.zeros((2, 2)), np.ones((2, 1))],
    )
    rows = np.zeros((9, 2))
    rows[7] = 5.0

    with pytest.raises(PayloadError) as caught:
        load(document, block).predict(rows)

    assert caught.value.problems == (Problem("row 7: no training row lies within the radius", "/7"),)
