"""The contract with the bucket: sealed manifests and aliases read back, and nothing else does."""

from __future__ import annotations

import base64
import hashlib
import json
import math

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.artifact import (
    Alias,
    ArtifactError,
    Manifest,
    alias_name,
    canonical,
    data_name,
    emulator_address,
    is_name,
    manifest_name,
    manifest_of,
    parse_alias,
    parse_manifest,
    promoted_manifest,
    render_alias,
    seal,
    sha256_of,
    version_of,
    with_arrays,
)
from functions.columns.schema import Feature
from functions.entries import File, Golden

EXAMPLES = settings(deadline=None, derandomize=True)

ALIAS = "line/aliases/production.json"
FEATURES = "line version 3: manifest: 'features' must list objects with a name of their own, a minimum and a maximum"
GOLDEN = "line version 3: manifest: 'golden' must list objects with an instance and a finite prediction"
DEEP = "[" * 300 + "]" * 300
"""Deeper than orjson writes, less deep than it reads."""


def document(**changes):
    """The manifest, before it is sealed, of prediction = 1 + 2 · age - 3 · bmi."""
    return {
        "model": "line",
        "version": 3,
        "runtime": "linear",
        "linear": {"coefficients": [2.0, -3], "intercept": 1},
        "features": [
            {"name": "age", "minimum": 0, "maximum": 100.5, "mean": 40.0},
            {"name": "bmi", "minimum": -1.0, "maximum": 1.0},
        ],
        "golden": [{"instance": [1, 2], "prediction": -3}, {"instance": [0.0, 0.0], "prediction": 1.0}],
        **changes,
    }


def parsed(**changes):
    return parse_manifest(seal(document(**changes)), "line", 3)


def refusal(read, *arguments):
    """The message with which *read* refuses."""
    with pytest.raises(ArtifactError) as caught:
        read(*arguments)
    return str(caught.value)


# The manifest


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            b"",
            "line version 3: manifest must be JSON, found 0 bytes that are not: "
            "Input is a zero-length, empty document: line 1 column 1 (char 0)",
            id="empty",
        ),
        pytest.param(
            b"\x80\x04N.",
            "line version 3: manifest must be JSON, found 4 bytes that are not: "
            "str is not valid UTF-8: surrogates not allowed: line 1 column 1 (char 0)",
            id="pickle",
        ),
        pytest.param(
            b'{"format":1',
            "line version 3: manifest must be JSON, found 11 bytes that are not: "
            "unexpected end of data: line 1 column 12 (char 11)",
            id="cut-off",
        ),
        pytest.param(b"[1]", "line version 3: manifest must be a JSON object, found an array of 1", id="array"),
        pytest.param(b"null", "line version 3: manifest must be a JSON object, found null", id="null"),
        pytest.param(b"{}", "line version 3: manifest: expected format 1 to 2, found null", id="no-format"),
        pytest.param(b'{"format":0}', "line version 3: manifest: expected format 1 to 2, found 0", id="older-format"),
        pytest.param(
            b'{"format":"1"}', 'line version 3: manifest: expected format 1 to 2, found "1"', id="format-as-text"
        ),
        pytest.param(
            b'{"format":true}', "line version 3: manifest: expected format 1 to 2, found true", id="format-true"
        ),
        pytest.param(
            b'{"format":1.0}', "line version 3: manifest: expected format 1 to 2, found 1.0", id="format-as-float"
        ),
        pytest.param(
            b'{"format":3}',
            "line version 3: manifest has format 3, newer than the 2 this code reads: deploy newer code",
            id="newer-format",
        ),
        pytest.param(
            b'{"format": 1}',
            "line version 3: manifest must be canonical JSON (sorted keys, no blanks), found other bytes",
            id="blanks",
        ),
        pytest.param(
            seal(document()) + b"\n",
            "line version 3: manifest must be canonical JSON (sorted keys, no blanks), found other bytes",
            id="line-feed-at-the-end",
        ),
        pytest.param(
            b'{"model":"line","format":1}',
            "line version 3: manifest must be canonical JSON (sorted keys, no blanks), found other bytes",
            id="unsorted",
        ),
        pytest.param(
            b'{"format":1,"format":1}',
            "line version 3: manifest must be canonical JSON (sorted keys, no blanks), found other bytes",
            id="doubled-member",
        ),
        pytest.param(
            b'{"format":1}',
            "line version 3: manifest: expected sha256 3f0a99256bee, found null",
            id="no-digest",
        ),
    ],
)
def test_bytes_that_are_no_manifest_are_refused(data, message):
    assert refusal(parse_manifest, data, "line", 3) == message


def test_a_deeply_nested_manifest_is_refused():
    assert "line version 3: manifest" in refusal(parse_manifest, b'{"format":1,"x":%s}' % DEEP.encode(), "line", 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"model": "m"}, 'line version 3: manifest: expected model "line", found "m"', id="another-model"),
        pytest.param({"model": None}, 'line version 3: manifest: expected model "line", found null', id="no-model"),
        pytest.param({"version": 4}, "line version 3: manifest: expected version 3, found 4", id="another-version"),
        pytest.param({"version": "3"}, 'line version 3: manifest: expected version 3, found "3"', id="version-as-text"),
        pytest.param(
            {"version": 3.0}, "line version 3: manifest: expected version 3, found 3.0", id="version-as-float"
        ),
        pytest.param(
            {"runtime": "onnx"}, 'line version 3: manifest: expected runtime linear or graph, found "onnx"', id="onnx"
        ),
        pytest.param(
            {"runtime": None}, "line version 3: manifest: expected runtime linear or graph, found null", id="no-runtime"
        ),
        pytest.param(
            {"linear": None}, "line version 3: manifest: 'linear' must be an object, found null", id="no-linear"
        ),
        pytest.param(
            {"linear": [2.0, 1.0]},
            "line version 3: manifest: 'linear' must be an object, found an array of 2",
            id="linear-as-array",
        ),
    ],
)
def test_a_manifest_of_something_else_is_refused(changes, message):
    assert refusal(parse_manifest, seal(document(**changes)), "line", 3) == message


AGE = {"name": "age", "minimum": 0, "maximum": 1}


@pytest.mark.parametrize(
    ("features", "found"),
    [
        pytest.param(None, "null", id="missing"),
        pytest.param([], "an array of 0", id="none"),
        pytest.param({"age": [0, 1]}, "an object", id="object"),
        pytest.param(["age"], '"age"', id="names-only"),
        pytest.param([AGE, {"minimum": 0, "maximum": 1}], "an object", id="no-name"),
        pytest.param([{**AGE, "name": 1}], "an object", id="name-as-number"),
        pytest.param([{"name": "age", "maximum": 1}], "an object", id="no-minimum"),
        pytest.param([{**AGE, "maximum": None}], "an object", id="no-maximum"),
        pytest.param([{**AGE, "maximum": "1"}], "an object", id="maximum-as-text"),
        pytest.param([{**AGE, "minimum": math.nan}], "an object", id="nan"),
        pytest.param([AGE, {**AGE, "maximum": 2}], "one name twice", id="doubled"),
    ],
)
def test_features_without_name_and_range_are_refused(features, found):
    assert refusal(parse_manifest, seal(document(features=features)), "line", 3) == f"{FEATURES}, found {found}"


@pytest.mark.parametrize(
    ("redact", "found"),
    [pytest.param("yes", '"yes"', id="text"), pytest.param(1, "1", id="number"), pytest.param(None, "null", id="null")],
)
def test_redact_must_be_true_or_false(redact, found):
    data = seal(document(features=[{**AGE, "redact": redact}]))

    message = f"line version 3: manifest: 'redact' of \"age\" must be true or false, found {found}"
    assert refusal(parse_manifest, data, "line", 3) == message


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        pytest.param("float8", '"float8"', id="unknown"),
        pytest.param(32, "32", id="number"),
        pytest.param(None, "null", id="null"),
        pytest.param(["float32"], "an array of 1", id="array"),
    ],
)
def test_a_width_must_be_one_that_is_known(width, shown):
    data = seal(document(features=[{**AGE, "width": width}]))

    message = f"line version 3: manifest: 'width' of \"age\" must be one of float16, float32, float64, found {shown}"
    assert refusal(parse_manifest, data, "line", 3) == message


def test_features_have_the_width_that_the_manifest_says_and_float64_where_it_is_silent():
    features = parsed(features=[AGE, {**AGE, "name": "bmi", "width": "float32"}]).features

    assert features == (Feature("age", 0.0, 1.0), Feature("bmi", 0.0, 1.0, width="float32"))


def test_features_are_redacted_where_the_manifest_says_so():
    features = parsed(features=[AGE, {**AGE, "name": "bmi", "redact": True}]).features

    assert features == (Feature("age", 0.0, 1.0), Feature("bmi", 0.0, 1.0, redact=True))


@pytest.mark.parametrize(
    ("golden", "found"),
    [
        pytest.param(None, "null", id="missing"),
        pytest.param([], "an array of 0", id="none"),
        pytest.param({"instance": [1, 2]}, "an object", id="object"),
        pytest.param([[1, 2]], "an array of 2", id="arrays"),
        pytest.param([{"prediction": 1.0}], "an object", id="no-instance"),
        pytest.param([{"instance": [1, 2]}], "an object", id="no-prediction"),
        pytest.param([{"instance": [1, 2], "prediction": "1"}], "an object", id="prediction-as-text"),
        pytest.param([{"instance": [1, 2], "prediction": math.inf}], "an object", id="inf"),
    ],
)
def test_golden_without_instance_and_finite_prediction_is_refused(golden, found):
    assert refusal(parse_manifest, seal(document(golden=golden)), "line", 3) == f"{GOLDEN}, found {found}"


def test_a_document_changed_behind_its_digest_is_refused():
    changed = orjson.loads(seal(document(note="a")))
    digest = changed["sha256"]
    changed["note"] = "b"

    found = sha256_of(canonical({name: value for name, value in changed.items() if name != "sha256"}))
    message = f"line version 3: manifest: expected sha256 {found[:12]}, found {digest[:12]}"
    assert refusal(manifest_of, changed, "line", 3) == message


SEALED = seal(document())


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=500)
@given(place=st.integers(0, len(SEALED) - 1), byte=st.integers(0, 255))
def test_one_changed_byte_anywhere_is_refused(place, byte):
    other = byte if byte != SEALED[place] else byte ^ 1
    changed = SEALED[:place] + bytes([other]) + SEALED[place + 1 :]

    with pytest.raises(ArtifactError, match="line version 3: manifest"):
        parse_manifest(changed, "line", 3)


@EXAMPLES
@given(length=st.integers(0, len(SEALED) - 1))
def test_a_manifest_cut_short_is_refused(length):
    with pytest.raises(ArtifactError, match="line version 3: manifest must be JSON"):
        parse_manifest(SEALED[:length], "line", 3)


@EXAMPLES
@given(data=st.binary(max_size=100))
def test_any_other_bytes_are_refused(data):
    with pytest.raises(ArtifactError, match="line version 3: manifest"):
        parse_manifest(data, "line", 3)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        pytest.param("http://localhost:4443", "http://localhost:4443", id="as-it-should-be"),
        pytest.param("https://storage.example/", "https://storage.example", id="slash"),
        pytest.param("localhost:4443", "http://localhost:4443", id="no-scheme"),
        pytest.param(" [::1]:4443// ", "http://[::1]:4443", id="ipv6-slashes-and-blanks"),
    ],
)
def test_the_address_of_an_emulator_is_spelled_as_the_client_needs_it(host, address):
    assert emulator_address(host) == address


def test_a_sealed_manifest_reads_back():
    data = seal(document())

    manifest = parse_manifest(data, "line", 3)

    body = {**document(), "format": 1}
    assert manifest == Manifest(
        document={**body, "sha256": hashlib.sha256(canonical(body)).hexdigest()},
        model="line",
        version=3,
        features=(Feature("age", 0.0, 100.5), Feature("bmi", -1.0, 1.0)),
        golden=(Golden([1, 2], -3.0), Golden([0.0, 0.0], 1.0)),
    )


def test_fields_that_this_code_does_not_know_are_kept():
    future = {"one": [1, {"two": None}], "ü": "é"}

    manifest = parsed(future=future)

    assert manifest.document["future"] == future


def test_a_sealed_document_is_canonical_json():
    data = seal(document())

    assert data == json.dumps(json.loads(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_the_order_of_members_does_not_change_the_seal():
    assert seal(dict(reversed(document().items()))) == seal(document())


def test_sealing_a_sealed_manifest_changes_nothing():
    assert seal(parsed().document) == seal(document())


# Kinds, classes, files

COLOUR = {"name": "colour", "kind": "category", "levels": ["red", 2, True]}
WHEN = {"name": "when", "kind": "time", "minimum": 0, "maximum": 1, "parts": ["hour", "year"]}
BLOCK = {"sha256": "0" * 64, "bytes": 7}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        pytest.param(
            {**AGE, "kind": "text"},
            '\'kind\' of "age" must be one of number, boolean, category, time, found "text"',
            id="kind",
        ),
        pytest.param(
            {**AGE, "kind": None},
            "'kind' of \"age\" must be one of number, boolean, category, time, found null",
            id="no-kind",
        ),
        pytest.param({**AGE, "missing": 1}, "'missing' of \"age\" must be true or false, found 1", id="missing"),
        pytest.param(
            {**COLOUR, "unknown": "no"}, '\'unknown\' of "colour" must be true or false, found "no"', id="unknown"
        ),
        *(
            pytest.param(
                {**AGE, "missing_share": share},
                f"'missing_share' of \"age\" must be a number from 0 to 1, found {found}",
                id=f"share-{found}",
            )
            for share, found in ((-0.1, "-0.1"), (1.5, "1.5"), (True, "true"), ("0", '"0"'), (math.nan, "null"))
        ),
        *(
            pytest.param(
                {**COLOUR, "levels": levels},
                "'levels' of \"colour\" must be a list of at most 1000 different texts, booleans or numbers, "
                f"found {found}",
                id=f"levels-{name}",
            )
            for name, levels, found in (
                ("missing", None, "null"),
                ("text", "red", '"red"'),
                ("twice", ["red", "red"], "an array of 2"),
                ("null", ["red", None], "an array of 2"),
                ("array", [["red"]], "an array of 1"),
                ("1-and-true", [1, True], "an array of 2"),
                ("too-many", list(range(1001)), "an array of 1001"),
            )
        ),
        *(
            pytest.param(
                {**WHEN, "parts": parts},
                "'parts' of \"when\" must list some of year, month, day, weekday, hour, day_of_year, epoch_days, "
                f"found {found}",
                id=f"parts-{found}",
            )
            for parts, found in (
                (None, "null"),
                ([], "an array of 0"),
                (["second"], "an array of 1"),
                ([[]], "an array of 1"),
            )
        ),
    ],
)
def test_a_feature_that_its_kind_does_not_allow_is_refused(entry, message):
    data = seal(document(features=[entry]))

    assert refusal(parse_manifest, data, "line", 3) == f"line version 3: manifest: {message}"


@pytest.mark.parametrize("kind", ["boolean", "time"])
def test_a_kind_with_a_range_needs_both_ends(kind):
    data = seal(document(features=[{**WHEN, "kind": kind, "maximum": None}]))

    assert refusal(parse_manifest, data, "line", 3) == f"{FEATURES}, found an object"


def test_features_of_every_kind_read_back():
    entries = [
        {**AGE, "missing": True, "missing_share": 0.25},
        {**COLOUR, "levels": ["red", 2], "unknown": True, "redact": True},
        {**WHEN, "missing": True},
        {"name": "late", "kind": "boolean", "minimum": 0, "maximum": 1, "missing_share": 0.5},
    ]

    assert parsed(features=entries).features == (
        Feature("age", 0.0, 1.0, takes_missing=True, had_missing=True),
        Feature("colour", redact=True, kind="category", levels=("red", 2), takes_unknown=True),
        Feature("when", 0.0, 1.0, kind="time", takes_missing=True, parts=("hour", "year")),
        Feature("late", 0.0, 1.0, kind="boolean", had_missing=True),
    )


@pytest.mark.parametrize(
    ("classes", "found"),
    [
        pytest.param([], "an array of 0", id="none"),
        pytest.param("late", '"late"', id="text"),
        pytest.param(["late", "late"], "an array of 2", id="twice"),
        pytest.param(["late", None], "an array of 2", id="null"),
        pytest.param([["late"]], "an array of 1", id="array"),
    ],
)
def test_classes_must_be_different_labels(classes, found):
    data = seal(document(runtime="graph", graph={}, classes=classes))

    message = "line version 3: manifest: 'classes' must list different texts, booleans or numbers, found"
    assert refusal(parse_manifest, data, "line", 3) == f"{message} {found}"


def test_a_line_has_no_classes():
    data = seal(document(classes=["late", "on time"]))

    message = "line version 3: manifest: 'classes' must be null for runtime linear, found an array of 2"
    assert refusal(parse_manifest, data, "line", 3) == message


@pytest.mark.parametrize(
    "golden",
    [
        pytest.param({"prediction": 1.0}, id="no-instance"),
        pytest.param({"instance": [1], "prediction": "never"}, id="no-class"),
        pytest.param({"instance": [1], "prediction": True}, id="another-type"),
        pytest.param({"instance": [1], "prediction": ["late"]}, id="array"),
        pytest.param({"instance": [1]}, id="no-prediction"),
    ],
)
def test_a_golden_answer_of_a_classifier_is_one_of_its_labels(golden):
    data = seal(document(runtime="graph", graph={}, classes=["late", 1], golden=[golden]))

    message = "line version 3: manifest: 'golden' must list objects with an instance and a label as prediction, found"
    assert refusal(parse_manifest, data, "line", 3) == f"{message} an object"


@pytest.mark.parametrize(
    "probabilities",
    [
        pytest.param([1.0], id="too-few"),
        pytest.param([0.5, "0.5"], id="text"),
        pytest.param([0.5, math.nan], id="nan"),
        pytest.param(0.5, id="number"),
    ],
)
def test_golden_probabilities_are_one_number_a_class(probabilities):
    golden = {"instance": [1], "prediction": "late", "probabilities": probabilities}
    data = seal(document(runtime="graph", graph={}, classes=["late", 1], golden=[golden]))

    assert "line version 3: manifest: 'golden' must give one probability a class" in refusal(
        parse_manifest, data, "line", 3
    )


def test_golden_answers_of_a_classifier_read_back():
    golden = [{"instance": [None], "prediction": "late", "probabilities": [1, 0]}, {"instance": ["x"], "prediction": 1}]

    manifest = parsed(runtime="graph", graph={}, classes=["late", 1], golden=golden)

    assert manifest.classes == ("late", 1)
    assert manifest.golden == (Golden([None], "late", (1.0, 0.0)), Golden(["x"], 1))


@pytest.mark.parametrize(
    ("files", "found"),
    [
        pytest.param([], "an array of 0", id="array"),
        pytest.param({"model.bin": None}, 'null as sha256 of "model.bin"', id="nothing"),
        pytest.param(
            {"model.bin": {**BLOCK, "sha256": "0" * 63}}, f'"{"0" * 40}…" as sha256 of "model.bin"', id="digest"
        ),
        pytest.param({"model.bin": {**BLOCK, "bytes": 0}}, '0 as bytes of "model.bin"', id="empty"),
        pytest.param({"model.bin": {**BLOCK, "bytes": -1}}, '-1 as bytes of "model.bin"', id="negative"),
        pytest.param({"model.bin": {**BLOCK, "bytes": 1.5}}, '1.5 as bytes of "model.bin"', id="float"),
        pytest.param({"model.bin": {**BLOCK, "bytes": (1 << 30) + 1}}, '1073741825 as bytes of "model.bin"', id="huge"),
    ],
)
def test_a_file_without_digest_and_size_is_refused(files, found):
    data = seal(document(files=files))

    message = "line version 3: manifest: 'files' must name a sha256 and at most 1073741824 bytes for each object, found"
    assert refusal(parse_manifest, data, "line", 3) == f"{message} {found}"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(None, (), id="none"),
        pytest.param({"rows": 7}, (), id="older"),
        pytest.param({"missing": ["NA", ""]}, ("NA", ""), id="words"),
    ],
)
def test_the_words_for_a_missing_cell_read_back(data, expected):
    assert parsed(data=data).missing == expected


def test_words_for_a_missing_cell_that_are_no_texts_are_refused():
    with pytest.raises(ArtifactError, match="'missing' of 'data' must list texts, found an array of 1"):
        parsed(data={"missing": [1]})


def test_files_read_back():
    assert parsed(files={"model.bin": BLOCK}).files == {"model.bin": File("0" * 64, 7)}


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        pytest.param({}, 1, id="a-line-over-numbers"),
        pytest.param({"features": [{**AGE, "missing_share": 0.0, "missing": False}]}, 1, id="nothing-missing"),
        pytest.param({"features": [{**AGE, "missing_share": 0.1}]}, 2, id="missing-cells"),
        pytest.param({"features": [{**AGE, "missing": True}]}, 2, id="takes-missing-cells"),
        pytest.param({"features": [{**AGE, "kind": "boolean"}]}, 2, id="boolean"),
        pytest.param({"features": [AGE, COLOUR]}, 2, id="category"),
        pytest.param({"runtime": "graph", "graph": {}}, 2, id="graph"),
        pytest.param({"files": {"model.bin": BLOCK}}, 2, id="files"),
    ],
)
def test_a_manifest_gets_the_lowest_format_that_suffices(changes, number):
    assert orjson.loads(seal(document(**changes)))["format"] == number


def graph_of(arrays: bytes):
    return {"runtime": "graph", "graph": {"arrays": {"bytes": len(arrays), "sha256": sha256_of(arrays)}}}


def test_arrays_up_to_256_kib_travel_inside_the_manifest():
    arrays = b"a" * (256 * 1024)

    made, beside = with_arrays(graph_of(arrays), arrays)

    assert beside == b""
    assert base64.b64decode(made["graph"]["arrays"].pop("base64")) == arrays
    assert made == graph_of(arrays)


def test_larger_arrays_travel_beside_it():
    arrays = b"a" * (256 * 1024 + 1)
    exported = graph_of(arrays)

    made, beside = with_arrays(exported, arrays)

    assert (made, beside) == (
        {**exported, "files": {"model.bin": {"sha256": sha256_of(arrays), "bytes": len(arrays)}}},
        arrays,
    )


def test_a_model_without_arrays_travels_as_it_is():
    exported = {"runtime": "linear", "linear": {}}

    assert with_arrays(exported, b"") == (exported, b"")


# The alias


def entry(version, action="promote", **more):
    return {"version": version, "action": action, **more}


def alias_bytes(**changes):
    """The bytes of an alias that points at version 3, changed behind its back."""
    return orjson.dumps({**orjson.loads(render_alias(parsed(), [entry(3), entry(2)])), **changes})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            b"x",
            f"{ALIAS} must be JSON, found 1 bytes that are not: "
            "unexpected character, expected a JSON value: line 1 column 1 (char 0)",
            id="not-json",
        ),
        pytest.param(b"[]", f"{ALIAS} must be a JSON object, found an array of 0", id="array"),
        pytest.param(b"{}", f"{ALIAS}: expected format 1, found null", id="no-format"),
        pytest.param(
            alias_bytes(format=2),
            f"{ALIAS} has format 2, newer than the 1 this code reads: deploy newer code",
            id="newer-format",
        ),
        pytest.param(
            alias_bytes(version=0), f"{ALIAS}: 'version' must be a whole number from 1, found 0", id="version-zero"
        ),
        pytest.param(
            alias_bytes(version="3"),
            f"{ALIAS}: 'version' must be a whole number from 1, found \"3\"",
            id="version-text",
        ),
        pytest.param(
            alias_bytes(version=True),
            f"{ALIAS}: 'version' must be a whole number from 1, found true",
            id="version-true",
        ),
        pytest.param(
            alias_bytes(manifest_sha256=None),
            f"{ALIAS}: 'manifest_sha256' must be text and 'manifest' an object",
            id="no-digest",
        ),
        pytest.param(
            alias_bytes(manifest=[]),
            f"{ALIAS}: 'manifest_sha256' must be text and 'manifest' an object",
            id="manifest-as-array",
        ),
        pytest.param(
            alias_bytes(history=None),
            f"{ALIAS}: 'history' must list at least one object with a 'version'",
            id="no-history",
        ),
        pytest.param(
            alias_bytes(history=[]),
            f"{ALIAS}: 'history' must list at least one object with a 'version'",
            id="empty-history",
        ),
        pytest.param(
            alias_bytes(history=[3, 2]),
            f"{ALIAS}: 'history' must list at least one object with a 'version'",
            id="history-of-numbers",
        ),
        pytest.param(
            alias_bytes(history=[entry(3), {}]),
            f"{ALIAS}: 'history' must list at least one object with a 'version'",
            id="entry-without-version",
        ),
        pytest.param(
            alias_bytes(history=[entry(3), entry("2")]),
            f"{ALIAS}: 'history' must list at least one object with a 'version'",
            id="entry-with-version-as-text",
        ),
        pytest.param(
            alias_bytes(history=[entry(2)]),
            f"{ALIAS}: expected history[0].version 3, found 2",
            id="history-of-another-version",
        ),
    ],
)
def test_bytes_that_are_no_alias_are_refused(data, message):
    assert refusal(parse_alias, data, ALIAS) == message


def test_a_manifest_that_is_not_the_one_the_alias_names_is_refused():
    alias = parse_alias(alias_bytes(manifest_sha256="0" * 64), ALIAS)

    found = sha256_of(seal(document()))[:12]
    message = f"line version 3: manifest in the alias: expected sha256 000000000000, found {found}"
    assert refusal(promoted_manifest, alias, "line") == message


def test_a_manifest_changed_inside_the_alias_is_refused():
    alias = parse_alias(alias_bytes(manifest={**parsed().document, "note": "changed"}), ALIAS)

    expected = sha256_of(seal(document()))[:12]
    found = sha256_of(canonical({**parsed().document, "note": "changed"}))[:12]
    message = f"line version 3: manifest in the alias: expected sha256 {expected}, found {found}"
    assert refusal(promoted_manifest, alias, "line") == message


def test_another_version_s_manifest_inside_the_alias_is_refused():
    alias = parse_alias(alias_bytes(version=4, history=[entry(4)]), ALIAS)

    assert refusal(promoted_manifest, alias, "line") == "line version 4: manifest: expected version 4, found 3"


def test_another_model_s_manifest_inside_the_alias_is_refused():
    alias = parse_alias(alias_bytes(), ALIAS)

    assert (
        refusal(promoted_manifest, alias, "curve") == 'curve version 3: manifest: expected model "curve", found "line"'
    )


def test_a_manifest_of_a_newer_format_inside_the_alias_is_refused_by_name():
    alias = parse_alias(alias_bytes(manifest={**parsed().document, "format": 3}), ALIAS)

    message = "line version 3: manifest has format 3, newer than the 2 this code reads: deploy newer code"
    assert refusal(promoted_manifest, alias, "line") == message


def test_a_manifest_with_a_wrong_digest_of_its_own_inside_the_alias_is_refused():
    manifest = {**parsed().document, "sha256": "0" * 64}
    alias = parse_alias(alias_bytes(manifest=manifest, manifest_sha256=sha256_of(canonical(manifest))), ALIAS)

    expected = parsed().document["sha256"][:12]
    message = f"line version 3: manifest: expected sha256 {expected}, found 000000000000"
    assert refusal(promoted_manifest, alias, "line") == message


def test_a_deeply_nested_manifest_inside_the_alias_is_refused():
    data = alias_bytes(manifest={}).replace(b'"manifest":{}', b'"manifest":{"format":1,"x":%s}' % DEEP.encode())
    alias = parse_alias(data, ALIAS)

    assert "line version 3: manifest" in refusal(promoted_manifest, alias, "line")


def test_an_alias_reads_back_with_the_manifest_it_carries():
    manifest = parsed(future="kept")
    history = (entry(3, by="me", promoted_at="2026-01-02T03:04:05Z", reason="é"), entry(2, "rollback"))

    alias = parse_alias(render_alias(manifest, history), ALIAS)

    assert alias == Alias(3, sha256_of(seal(document(future="kept"))), manifest.document, history)
    assert promoted_manifest(alias, "line") == manifest


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=300)
@given(place=st.integers(0), flip=st.integers(1, 255))
def test_one_changed_byte_in_an_alias_never_gives_another_manifest(place, flip):
    data = bytearray(render_alias(parsed(), [entry(3)]))
    data[place % len(data)] ^= flip

    try:
        manifest = promoted_manifest(parse_alias(bytes(data), ALIAS), "line")
    except ArtifactError:
        manifest = parsed()

    assert manifest == parsed()


@pytest.mark.parametrize(
    ("oldest_first", "lineage"),
    [
        pytest.param([entry(1)], (1,), id="first-promotion"),
        pytest.param([entry(1), entry(2), entry(3)], (3, 2, 1), id="promotions"),
        pytest.param([entry(1), entry(2), entry(3), entry(2, "rollback")], (2, 1), id="rollback"),
        pytest.param(
            [entry(1), entry(2), entry(3), entry(2, "rollback"), entry(1, "rollback")], (1,), id="rollback-again"
        ),
        pytest.param(
            [entry(1), entry(2), entry(3), entry(4), entry(2, "rollback")], (2, 1), id="rollback-of-several-steps"
        ),
        pytest.param([entry(1), entry(2), entry(1, "rollback"), entry(3)], (3, 1), id="promotion-behind-a-rollback"),
        pytest.param(
            [entry(1), entry(2), entry(1, "rollback"), entry(3), entry(1, "rollback")],
            (1,),
            id="rollback-of-the-promotion-behind-a-rollback",
        ),
        pytest.param(
            [entry(1), entry(2), entry(1, "rollback"), entry(2)],
            (2, 1),
            id="promotion-of-a-version-that-was-rolled-back",
        ),
        pytest.param([entry(1), entry(2), entry(3), entry(1)], (1, 3, 2, 1), id="promotion-of-an-older-version"),
        pytest.param(
            [entry(1), entry(2), entry(3), entry(1), entry(3, "rollback")],
            (3, 2, 1),
            id="rollback-of-the-promotion-of-an-older-version",
        ),
        pytest.param(
            [entry(1), entry(2), entry(1), entry(3), entry(1, "rollback")],
            (1, 2, 1),
            id="rollback-to-the-nearest-of-two-promotions-of-a-version",
        ),
        pytest.param([entry(1), entry(2), entry(2)], (2, 1), id="promotion-of-the-current-version-again"),
        pytest.param(
            [entry(1), entry(2), entry(2), entry(1, "rollback")],
            (1,),
            id="rollback-of-a-version-promoted-twice-in-a-row",
        ),
        pytest.param([entry(2), entry(1, "rollback")], (1, 2), id="rollback-to-what-was-never-promoted"),
        pytest.param([{"version": 1}, {"version": 2}], (2, 1), id="entries-without-action-are-promotions"),
    ],
)
def test_the_lineage_is_the_current_version_and_those_it_replaced(oldest_first, lineage):
    history = tuple(reversed(oldest_first))

    assert Alias(history[0]["version"], "", {}, history).lineage() == lineage


@EXAMPLES
@given(
    moves=st.lists(
        st.one_of(
            st.tuples(st.just("promote"), st.integers(1, 5)),
            st.tuples(st.just("rollback"), st.integers(1, 5)),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_the_lineage_of_any_history_starts_with_the_current_version(moves):
    history = tuple(entry(version, action) for action, version in reversed(moves))

    lineage = Alias(history[0]["version"], "", {}, history).lineage()

    assert lineage[0] == history[0]["version"]


@EXAMPLES
@given(versions=st.lists(st.integers(1, 9), min_size=2, max_size=10))
def test_a_rollback_undoes_a_promotion(versions):
    before = tuple(entry(version) for version in reversed(versions))
    there_and_back = (entry(before[0]["version"], "rollback"), entry(10), *before)

    assert Alias(10, "", {}, there_and_back).lineage() == Alias(10, "", {}, before).lineage()


# Names


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a", id="letter"),
        pytest.param("0", id="digit"),
        pytest.param("linear-regression", id="hyphen"),
        pytest.param("a.b", id="point"),
        pytest.param("a_b", id="underscore"),
        pytest.param("a..b", id="two-points"),
        pytest.param("a" * 63, id="63-characters"),
    ],
)
def test_a_good_name_is_a_name(name):
    assert is_name(name) is True


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("a" * 64, id="64-characters"),
        pytest.param("A", id="upper-case"),
        pytest.param("é", id="accent"),
        pytest.param("٣", id="arabic-digit"),
        pytest.param(".", id="point"),
        pytest.param("..", id="two-points"),
        pytest.param(".a", id="point-first"),
        pytest.param("a.", id="point-last"),
        pytest.param("-a", id="hyphen-first"),
        pytest.param("a-", id="hyphen-last"),
        pytest.param("_a", id="underscore-first"),
        pytest.param("a_", id="underscore-last"),
        pytest.param("a/b", id="slash"),
        pytest.param("../a", id="way-up"),
        pytest.param("a b", id="blank"),
        pytest.param(" a", id="blank-first"),
        pytest.param("a\n", id="line-feed-last"),
        pytest.param("a\x00", id="nul"),
        pytest.param("a%2fb", id="percent"),
        pytest.param("a*", id="star"),
        pytest.param("\ud800", id="lone-surrogate"),
    ],
)
def test_a_malformed_name_is_no_name(name):
    assert is_name(name) is False


@pytest.mark.parametrize(
    ("name", "version"),
    [
        pytest.param("line/versions/1/manifest.json", 1, id="first"),
        pytest.param("line/versions/120/manifest.json", 120, id="three-digits"),
        pytest.param("line/versions/0/manifest.json", None, id="zero"),
        pytest.param("line/versions/01/manifest.json", None, id="leading-zero"),
        pytest.param("line/versions/-1/manifest.json", None, id="negative"),
        pytest.param("line/versions/x/manifest.json", None, id="word"),
        pytest.param("line/versions/١/manifest.json", None, id="arabic-digit"),
        pytest.param("line/versions//manifest.json", None, id="nothing"),
        pytest.param("line/versions/1/report.html", None, id="another-object"),
        pytest.param("line/versions/1/manifest.json/x", None, id="below"),
        pytest.param("line/versions/1/manifest.json\n", None, id="line-feed-last"),
        pytest.param("line/versions/1/manifestxjson", None, id="point-is-a-point"),
        pytest.param("curve/versions/1/manifest.json", None, id="another-model"),
        pytest.param("on/line/versions/1/manifest.json", None, id="below-another-folder"),
        pytest.param("line/aliases/production.json", None, id="alias"),
    ],
)
def test_the_version_of_an_object_is_read_from_its_name(name, version):
    assert version_of("line", name) == version


def test_a_point_in_a_model_s_name_is_a_point():
    assert version_of("a.b", "a-b/versions/1/manifest.json") is None


@EXAMPLES
@given(version=st.integers(1, 10**9))
def test_a_manifest_s_name_gives_its_version_back(version):
    assert version_of("a.b", manifest_name("a.b", version)) == version


def test_objects_have_the_names_of_the_contract():
    assert (manifest_name("line", 3), alias_name("line", "production"), data_name("diabetes", "ab12")) == (
        "line/versions/3/manifest.json",
        ALIAS,
        "data/diabetes/ab12.parquet",
    )
