"""A predictor has reproduced its golden answers; equal predictions lie within 1."""

from __future__ import annotations

import math

import numpy as np
import pytest

from functions.artifact import ArtifactError, Golden, Manifest
from functions.columns.schema import Feature, to_table
from functions.predictor import RELATIVE, build, distance, load
from tests.support.kinds import FEATURES, price, punctual, sealed


def line(*coefficients, intercept=1.0, golden=()):
    """A manifest of prediction = intercept + Σ coefficients · instance, features named a, b, c, …."""
    document = {"runtime": "linear", "linear": {"coefficients": list(coefficients), "intercept": intercept}}
    features = tuple(Feature(chr(ord("a") + place), -1.0, 1.0) for place in range(len(coefficients)))
    return Manifest(document, "line", 3, features, tuple(Golden(*pair) for pair in golden))


def refusal(manifest):
    """The message with which *manifest* is refused."""
    with pytest.raises(ArtifactError) as caught:
        load(manifest)
    return str(caught.value)


@pytest.mark.parametrize(
    ("golden", "message"),
    [
        pytest.param(
            [([0.5, 0.5], 1.6)], "line version 3: golden 0: expected a prediction of 1.6, found 1.5", id="another-value"
        ),
        pytest.param(
            [([1, 0], 3.0), ([0, 1], -1.0)],
            "line version 3: golden 1: expected a prediction of -1.0, found 0.0",
            id="the-second",
        ),
        pytest.param(
            [([0, 0], 1.1), ([1, 0], 9.0), ([2, 0], 5.1)],
            "line version 3: golden 1: expected a prediction of 9.0, found 3.0",
            id="the-furthest-is-named",
        ),
        pytest.param(
            [([0, 0], 0.0)], "line version 3: golden 0: expected a prediction of 0.0, found 1.0", id="zero-expected"
        ),
        pytest.param(
            [([1e308, 0], 1.0)], "line version 3: golden 0: expected a prediction of 1.0, found inf", id="overflow"
        ),
        pytest.param(
            [([1e308, 1.7e308], 1.0)],
            "line version 3: golden 0: expected a prediction of 1.0, found inf",
            id="overflow-beside-others",
        ),
        pytest.param(
            [([0, 0], 1.0), ([1, 0], 3.0 * (1 + 10 * RELATIVE))],
            "line version 3: golden 1: expected a prediction of 3.00000003, found 3.0",
            id="by-ten-tolerances",
        ),
    ],
)
def test_a_golden_prediction_that_is_not_reproduced_is_named(golden, message):
    assert refusal(line(2.0, -1.0, golden=golden)) == message


@pytest.mark.parametrize(
    ("golden", "message"),
    [
        pytest.param(
            [([0, 0], 1.0), ([0], 1.0)],
            "line version 3: golden instances do not fit the features: row 1: must hold 2 numbers (a, b), got 1",
            id="too-narrow",
        ),
        pytest.param(
            [({"a": 0, "c": 0}, 1.0)],
            "line version 3: golden instances do not fit the features: "
            "row 0: unknown feature \"c\"; the features are a, b; row 0: missing feature 'b'",
            id="another-name",
        ),
        pytest.param(
            [([0, "x"], 1.0)],
            "line version 3: golden instances do not fit the features: row 0: 'b' must be a number, got \"x\"",
            id="text",
        ),
    ],
)
def test_golden_instances_that_do_not_fit_the_features_are_refused(golden, message):
    assert refusal(line(2.0, -1.0, golden=golden)) == message


@pytest.mark.parametrize(
    ("intercept", "expected", "message"),
    [
        pytest.param(
            1.0, 5e-324, "line version 3: golden 0: expected a prediction of 5e-324, found 1.0", id="tiny-expected"
        ),
        pytest.param(
            1e308, -1e308, "line version 3: golden 0: expected a prediction of -1e+308, found 1e+308", id="far-apart"
        ),
    ],
)
def test_a_golden_prediction_beyond_measure_is_refused_without_a_warning(intercept, expected, message):
    assert refusal(line(0.0, intercept=intercept, golden=[([0], expected)])) == message


@pytest.mark.parametrize(
    "golden",
    [
        pytest.param([([0.5, 0.5], 1.5), ([0, 0], 1.0)], id="arrays"),
        pytest.param([({"b": 1, "a": 2}, 4.0)], id="object"),
        pytest.param([([0.5, 0.5], 1.5 * (1 + RELATIVE / 10))], id="another-machine-s-rounding"),
        pytest.param([([1000, 0], 2001.0), ([0, 1], 1e-9)], id="measured-by-the-largest"),
    ],
)
def test_a_model_that_reproduces_its_golden_predictions_is_loaded(golden):
    manifest = line(2.0, -1.0, golden=golden)

    assert load(manifest) == build(manifest)


@pytest.mark.parametrize(
    ("found", "expected", "distances"),
    [
        pytest.param([1.0, 2.0], [1.0, 2.0], [0.0, 0.0], id="equal"),
        pytest.param([1.5, 4.0], [1.0, 4.0], [0.5e9, 0.0], id="relative-to-the-value"),
        pytest.param([-1.0], [-2.0], [0.5e9], id="negative"),
        pytest.param([2.0**-40, 1024.0], [0.0, 1024.0], [2.0**-50 * 1e12, 0.0], id="relative-to-the-largest"),
        pytest.param([0.0, 0.25], [0.0, 0.0], [0.0, 0.25e12], id="absolute-where-all-are-zero"),
        pytest.param([5e-324], [5e-324], [0.0], id="equal-below-any-bound"),
        pytest.param([math.inf, 1.0], [1.0, 1.0], [math.inf, 0.0], id="inf"),
        pytest.param([-math.inf, 1.0], [1.0, 1.0], [math.inf, 0.0], id="minus-inf"),
        pytest.param([math.nan, 1.0], [1.0, 1.0], [math.inf, 0.0], id="nan"),
        pytest.param([1.0, 1.0], [math.nan, 1.0], [math.inf, 0.0], id="nan-expected"),
        pytest.param([1.0, 1.5], [math.inf, 1.0], [math.inf, 0.5e9], id="inf-expected"),
    ],
)
def test_the_distance_of_numbers_is_1_where_they_are_just_equal(found, expected, distances):
    measured = distance(np.array(found), np.array(expected))

    assert measured == pytest.approx(distances, rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(["late", "early"], ["late", "late"], id="texts"),
        pytest.param([1, 2], [1, 1], id="whole-numbers"),
        pytest.param([True, False], [True, True], id="booleans"),
    ],
)
def test_labels_are_equal_or_not(found, expected):
    assert distance(np.array(found), np.array(expected)).tolist() == [0.0, math.inf]


def test_no_predictions_have_no_distance():
    assert distance(np.empty(0), np.empty(0)).tolist() == []


def spoilt(changes, block=None):
    """The message with which the classifier is refused after *changes* of its document, or with another *block*."""
    body, arrays = punctual()
    manifest = sealed(({**body, **changes}, arrays))
    with pytest.raises(ArtifactError) as caught:
        load(manifest, block or b"")
    return str(caught.value)


INSTANCE = [1, "red", 1, False, "1970-01-01"]


@pytest.mark.parametrize(
    ("golden", "reason"),
    [
        pytest.param(
            {"instance": INSTANCE, "prediction": "on time"},
            "golden 0: expected a prediction of on time, found late",
            id="another-label",
        ),
        pytest.param(
            {"instance": INSTANCE, "prediction": "late", "probabilities": [0.75, 0.25 + 1e-9]},
            "golden 0: expected other probabilities than the model gives",
            id="other-probabilities",
        ),
        pytest.param(
            {"instance": [1, "red", 3, False, "1970-01-01"], "prediction": "late"},
            "golden instances do not fit the features: row 0: 'floor' must be one of 1, 2, got 3",
            id="an-unknown-level",
        ),
    ],
)
def test_a_golden_answer_of_a_classifier_that_is_not_reproduced_is_named(golden, reason):
    assert spoilt({"golden": [golden]}) == f"linear-regression version 1: {reason}"


def test_probabilities_that_the_model_does_not_give_are_refused():
    body, arrays = punctual()
    del body["graph"]["probabilities"]
    golden = [{"instance": INSTANCE, "prediction": "late", "probabilities": [0.75, 0.25]}]

    with pytest.raises(ArtifactError, match="golden 0: expected other probabilities than the model gives"):
        load(sealed(({**body, "golden": golden}, arrays)))


def test_arrays_that_the_manifest_does_not_name_are_refused():
    assert spoilt({}, b"bytes") == "linear-regression version 1: expected no model.bin, found 5 bytes"


def test_features_that_are_fewer_than_the_model_s_columns_are_refused():
    golden = [{"instance": INSTANCE[:4], "prediction": "late"}]

    assert spoilt({"features": FEATURES[:4], "golden": golden}) == (
        "linear-regression version 1: the features do not fit the model: expected 5 columns, got 4"
    )


def test_a_golden_instance_that_the_model_cannot_answer_is_refused():
    features = [{**feature, "unknown": True} if feature["name"] == "floor" else feature for feature in FEATURES]
    body, arrays = price(features=features)
    body["golden"] = [{"instance": [1, "red", 3, False, "1970-01-01"], "prediction": 1.0}]

    with pytest.raises(
        ArtifactError, match=r"golden instances cannot be answered: row 0: the model cannot answer a level"
    ):
        load(sealed((body, arrays)))


def test_a_model_answers_a_table_with_the_same_bits_alone_and_in_a_batch():
    predictor = load(sealed(price()))
    rows = [
        [place / 7, ("red", "green", None)[place % 3], 1 + place % 2, place % 5 == 0, "1970-01-01T05:00Z"]
        for place in range(40)
    ]

    batch = predictor.predict(to_table(rows, predictor.manifest.features)).values

    alone = [predictor.predict(to_table([row], predictor.manifest.features)).values for row in rows]
    assert batch.tobytes() == np.concatenate(alone).tobytes()
    assert batch[:2].tolist() == [0.0 + 1 + 10 + 100 + 5, 1 / 7 + 5 + 20 + 0 + 5]


def test_versions_of_format_1_are_compared_as_they_were_when_they_were_published():
    """Strong cancellation: 1e-10 of the largest is far from a small value, and was equal then."""
    golden = [([1.0], 1e6), ([0.0], 1e-5)]
    made = line(1e6 - 1e-5, intercept=1e-5 + 1e-4, golden=golden)

    assert load(made._replace(document={**made.document, "format": 1}))
    assert "golden 1" in refusal(made._replace(document={**made.document, "format": 2}))
