"""Captured answers of several classes: scores, and probabilities of which a line holds the most probable ones."""

from __future__ import annotations

import numpy as np
import pytest

from functions.telemetry.rows import MOST_CLASSES as MOST_LOGGED
from functions.telemetry.rows import probabilities_as_json
from model.monitoring import log_reader as reader
from model.monitoring.class_rows import MOST_CLASSES
from model.monitoring.labels import keyed
from model.monitoring.windows import Layout
from tests.support.captured import NOW, lines, request, row
from tests.support.parts import MODEL

MANY = tuple(f"c{place:02d}" for place in range(14))
THREE = (3, 7, 12)


def layout(classes, positive=None, *, scored=True):
    """A classifier over one number."""
    edges = (np.array([0.0]), np.arange(float(len(classes))), *([np.array([0.5])] if scored else []))
    return Layout(("a",), np.array([-1.0]), np.array([1.0]), edges, classes=classes, positive=positive)


def records(classes, chances, predictions=None, change=lambda line: line):
    """A request with a row for each line of *chances*."""
    extra = probabilities_as_json(np.asarray(chances), classes)
    labels = [classes[place] for place in np.argmax(chances, axis=1)] if predictions is None else predictions
    rows = [
        change(row("r", place, {"a": 0.5}, prediction=label, **own))
        for place, (label, own) in enumerate(zip(labels, extra, strict=True))
    ]
    return [request("r", instances=len(rows), captured=len(rows)), *rows]


def read(given, how, labels=None):
    return reader.read(
        [("source", [lines(given)])],
        model=MODEL,
        layout_of=lambda _: how,
        window_seconds=86_400.0,
        now=NOW.timestamp() + 3600,
        labels=labels,
    )


def drawn(classes, rows=40, seed=1):
    chances = np.random.default_rng(seed).dirichlet(np.ones(len(classes)), rows)
    return np.round(chances, 6)


def order_of(labels):
    """The rows of the request r in the order of the keys of *labels*."""
    keys = {int(keyed(["r"], [row], [0.0]).keys[0]): row for row in range(len(labels.keys))}
    return [keys[int(key)] for key in labels.keys]


def test_readers_and_writers_agree_on_how_many_classes_a_line_names():
    assert MOST_CLASSES == MOST_LOGGED


def test_labels_count_by_their_place_and_the_score_is_that_of_the_likeliest():
    chances = np.array([[0.2, 0.7, 0.1], [0.5, 0.4, 0.1], [0.1, 0.1, 0.8], [0.3, 0.3, 0.4]])

    window = read(records(THREE, chances), layout(THREE)).window(1)

    assert window.counts[1].tolist() == [0, 1, 0, 1, 0, 2, 0]
    assert sorted(window.sample[:, 2].tolist()) == [0.4, 0.5, 0.7, 0.8]


def test_whole_numbers_that_became_floats_on_the_way_are_the_same_labels():
    given = records(THREE, drawn(THREE), change=lambda line: {**line, "prediction": float(line["prediction"])})

    found = read(given, layout(THREE))

    assert (found.log.rows, found.log.unusable) == (40, {})


def test_the_score_of_the_positive_class_is_found_by_its_name():
    def turned(line):
        return {**line, "classes": line["classes"][::-1], "probabilities": line["probabilities"][::-1]}

    window = read(records(("a", "b"), [[0.9, 0.1]], change=turned), layout(("a", "b"), positive=1)).window(1)

    assert window.sample[:, 2].tolist() == [0.1]


def test_of_many_classes_what_a_line_does_not_name_is_shared_equally():
    chances = drawn(MANY)
    labels = keyed(["r"] * 40, list(range(40)), [0.0] * 40, MANY)

    joined = read(records(MANY, chances), layout(MANY), labels).joined[1]

    chances = chances[order_of(labels)]
    made = joined.chances.matrix(len(MANY))
    named = np.sort(chances, axis=1)[:, -MOST_CLASSES:]
    assert made.sum(axis=1) == pytest.approx(np.ones(40), abs=1e-4)
    assert np.sort(made, axis=1)[:, -MOST_CLASSES:] == pytest.approx(named)
    assert made.max(axis=1) == pytest.approx(chances.max(axis=1))
    rest = np.sort(made, axis=1)[:, : len(MANY) - MOST_CLASSES]
    assert rest == pytest.approx(np.repeat((1 - named.sum(axis=1, keepdims=True)) / 4, 4, axis=1), abs=1e-9)


def test_labels_meet_predictions_and_probabilities_of_their_own_row():
    chances = drawn(THREE)
    actual = np.random.default_rng(2).integers(0, 3, 40)
    labels = keyed(["r"] * 40, list(range(40)), actual.astype(float), THREE)

    joined = read(records(THREE, chances), layout(THREE), labels).joined[1]

    order = order_of(labels)
    assert joined.actual.tolist() == actual[order].tolist()
    assert joined.predicted.tolist() == np.argmax(chances, axis=1)[order].tolist()
    assert joined.chances.matrix(3) == pytest.approx(chances[order])


def test_labels_of_another_version_are_taken_by_name():
    labels = keyed(["r"] * 3, [0, 1, 2], [0.0, 1.0, 2.0], ("a", "b", "c"))
    given = records(("c", "a"), [[0.6, 0.4], [0.3, 0.7], [0.5, 0.5]])

    joined = read(given, layout(("c", "a"), positive=0), labels).joined[1]

    assert sorted(joined.actual.tolist()) == [0.0, 1.0]  # no class is called b there


def test_labels_of_classes_say_nothing_of_a_regression():
    labels = keyed(["r"], [0], [0.0], ("a", "b"))
    numbers = Layout(("a",), np.array([-1.0]), np.array([1.0]), (np.array([0.0]), np.array([0.5])))

    found = read([request("r", instances=1, captured=1), row("r", 0, {"a": 0.5}, prediction=1.0)], numbers, labels)

    assert (found.matched, found.joined) == (1, {})


def test_a_classifier_without_probabilities_has_no_score():
    given = records(THREE, drawn(THREE), change=lambda line: {k: v for k, v in line.items() if k != "probabilities"})

    found = read(given, layout(THREE, scored=False), keyed(["r"], [0], [0.0], THREE))

    assert (found.window(1).sample.shape[1], found.joined[1].chances) == (2, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"prediction": "x"}, 'prediction must be one of "c00", "c01", ', id="label"),
        pytest.param({"prediction": True}, "found true", id="boolean"),
        pytest.param({"prediction": None}, "prediction must be a number, or a label, found null", id="null"),
        pytest.param({"probabilities": "0.5"}, 'probabilities must be 10 numbers, found "0.5"', id="text"),
        pytest.param({"probabilities": [True] * 10}, "probabilities must be 10 numbers, found [true", id="booleans"),
        pytest.param({"classes": ["c01"] * 10}, "classes must name 10 classes, found [", id="doubled"),
        pytest.param({"classes": [["c01"]] * 10}, "classes must name 10 classes, found [", id="nested"),
    ],
)
def test_a_member_of_another_kind_leaves_its_row_out_and_is_named(change, message):
    given = records(MANY, drawn(MANY))
    given[1] = {**given[1], **change}

    found = read(given, layout(MANY))

    flaw = found.log.unusable["malformed"]
    assert (flaw.count, found.log.rows) == (1, 39)
    assert message in flaw.example
