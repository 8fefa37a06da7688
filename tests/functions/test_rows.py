"""A line answers few instances without numpy, with the same bits, warnings and refusals as with it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import predictor
from functions.artifact import Manifest
from functions.columns.feature import Feature
from functions.columns.rows import CELLS_BEFORE_NUMPY, Rows
from functions.columns.schema import PayloadError, to_few
from functions.columns.table import Table
from functions.exchange import Answer, Request
from functions.flags import check_predictions, flags
from functions.predictor import Predictor
from functions.protocols import instances
from functions.runtimes.linear import Line
from functions.telemetry.record import Record

NAMES = ("a", "b", "c")
FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = FINITE | st.integers(-(10**400), 10**400) | st.integers(-9, 9) | st.floats(-1, 1)
CELLS = NUMBERS | st.none() | st.booleans() | st.text(max_size=3)
COEFFICIENTS = FINITE | st.floats(-10, 10)


@st.composite
def questions(draw: st.DrawFn, cells: st.SearchStrategy[Any]) -> tuple[Predictor, Any, bool]:
    """A line, a body, and whether one instance is served."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    width = len(names)
    bounds = [sorted(draw(st.tuples(FINITE, FINITE) | st.just((-1.0, 1.0)))) for _ in names]
    features = tuple(
        Feature(name, *limits, redact=draw(st.booleans())) for name, limits in zip(names, bounds, strict=True)
    )
    line = Line(tuple(draw(st.lists(COEFFICIENTS, min_size=width, max_size=width))), draw(COEFFICIENTS))
    listed = st.lists(cells, min_size=width, max_size=width)
    instance = listed | listed.map(lambda row: dict(zip(names, row, strict=True)))
    instance |= st.lists(cells, max_size=4) | st.dictionaries(st.sampled_from((*NAMES, "d")), cells) | cells
    one = draw(st.booleans())
    rows = draw(st.lists(instance, min_size=1, max_size=1 if one else 30))
    body = {"instance": rows[0]} if one and draw(st.booleans()) else {"instances": rows}
    manifest = Manifest({"runtime": "linear"}, "line", 1, features, ())
    return Predictor(manifest, line), body, one


def answered(model: Predictor, body: Any, *, one: bool, few_cells: int) -> tuple[Any, ...]:
    """Everything that leaves the function for *body*: answer and recorded rows, or the problems."""
    features = model.manifest.features
    request = Request("", {}, json.dumps(body).encode(), few_cells)
    try:
        question = instances.read(request, features, one=one, most_bytes=1 << 20)
        assert isinstance(question.table, Rows) == bool(few_cells)
        predicted = model.predict(question.table)
        check_predictions(predicted.values, predicted.probabilities, question)
    except PayloadError as error:
        return error.problems
    seen = flags(question, features)
    content = instances.render(Answer(question, predicted.values, "line", 1, seen.warnings, seen.flagged))
    record = Record("batch", "line", {"x-request-id": "one"}, most_rows=5, clock=lambda: 0)
    record.serve(1, features)
    record.answer(question.table, predicted.values, seen.outside, seen.unknown, seen.missing)
    return content, seen, json.dumps(record.finish(200))


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(question=questions(NUMBERS) | questions(CELLS))
def test_with_and_without_numpy_no_answer_and_no_refusal_differs(question):
    model, body, one = question

    plain, by_numpy = (answered(model, body, one=one, few_cells=few) for few in (10_000, 0))

    assert plain == by_numpy


@given(cells=st.lists(FINITE, min_size=3, max_size=60), coefficients=st.lists(COEFFICIENTS, min_size=3, max_size=3))
def test_a_sum_has_the_bits_of_numpy_s(cells, coefficients):
    rows = [cells[place : place + 3] for place in range(0, len(cells) - 2, 3)]
    line = Line(tuple(coefficients), 0.1)

    plain, by_numpy = line.predict(Rows(rows, 3)).values, line.predict(Table(np.array(rows))).values

    assert np.array(plain).tobytes() == by_numpy.tobytes() or np.isnan(by_numpy).any()
    assert [math.isnan(value) for value in plain] == np.isnan(by_numpy).tolist()


NEAR = st.floats(-2, 2) | FINITE | st.sampled_from([0.0, 5e-324, math.inf, math.nan])


@given(
    pairs=st.lists(st.tuples(NEAR, NEAR.filter(math.isfinite)), min_size=1, max_size=9),
    of_largest=st.sampled_from([1e-9, 1e-12]),
)
def test_golden_answers_are_compared_alike(pairs, of_largest):
    predictions, expected = [list(column) for column in zip(*pairs, strict=True)]

    plain = predictor._plain_distance(predictions, expected, of_largest)

    by_numpy = predictor.distance(np.array(predictions), np.array(expected), of_largest).tolist()
    assert [distance > 1 for distance in plain] == [distance > 1 for distance in by_numpy]


@pytest.mark.parametrize(
    ("features", "instances", "most", "kind"),
    [
        pytest.param([Feature("a")], [[1]] * 8, 8, Rows, id="few"),
        pytest.param([Feature("a")], [[1]] * 9, 8, Table, id="more"),
        pytest.param([Feature("a"), Feature("b")], [[1, 2]] * 5, 8, Table, id="more-by-their-columns"),
        pytest.param([Feature("a", width="float32")], [[1]], 8, Table, id="single-precision"),
        pytest.param([Feature("a", takes_missing=True)], [[1]], 8, Table, id="missing-cells"),
        pytest.param([Feature("a", kind="boolean")], [[1]], 8, Table, id="boolean"),
    ],
)
def test_only_few_complete_numbers_of_double_precision_come_by_rows(features, instances, most, kind):
    assert type(to_few(instances, tuple(features), most)) is kind


def has_numpy(server: Any) -> bool:
    """Whether numpy's library is in the memory of the process that answers."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return "numpy" in Path(f"/proc/{(children or [pid])[0]}/maps").read_text()


def test_a_line_starts_and_answers_few_instances_without_numpy_and_many_with_it(production, serve):
    production()
    server = serve("batch")

    few = server.post({"instances": [0.5, [2.0], {"bmi": -1}]}).json()
    bad = server.post({"instances": [0.5, "x"]})
    described = server.get("/")
    assert not has_numpy(server)
    many = [server.post({"instances": [0.5] * (CELLS_BEFORE_NUMPY // 2 + 1)}).json()["predictions"] for _ in "12"]

    assert has_numpy(server)
    assert (few["predictions"], len(few["warnings"])) == ([2.0, 5.0, -1.0], 1)
    assert (bad.status, described.status) == (400, 200)
    assert many == [[2.0] * (CELLS_BEFORE_NUMPY // 2 + 1)] * 2
