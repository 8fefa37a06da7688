"""The contract with the bucket: what verifies, what is refused and how, and what a history means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import MODEL, document

from functions import artifact
from functions.artifact import Alias, ArtifactError

BODY = {**document(), "model": MODEL, "version": 1, "created": "2026-01-01T00:00:00.000Z"}
SEALED = artifact.seal(BODY)


def parse(data=None, **changes):
    return artifact.parse_manifest(artifact.seal({**BODY, **changes}) if data is None else data, MODEL, 1)


def test_a_sealed_manifest_is_read_back_with_what_this_code_does_not_know():
    manifest = parse(future={"field": [1, 2]})

    assert (manifest.model, manifest.version, manifest.coefficients, manifest.intercept) == (MODEL, 1, (2.0,), 1.0)
    assert manifest.document["future"] == {"field": [1, 2]}


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(position, change):
    damaged = bytearray(SEALED)
    damaged[position] ^= change

    with pytest.raises(ArtifactError):
        parse(bytes(damaged))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"model": "other"}, 'expected model "linear-regression", found "other"', id="model"),
        pytest.param({"version": 2}, "expected version 1, found 2", id="version"),
        pytest.param({"version": True}, "expected version 1, found true", id="bool-version"),
        pytest.param({"runtime": "pickle"}, 'expected runtime "linear", found "pickle"', id="runtime"),
        pytest.param({"linear": []}, "'linear' must be an object, found an array of 0", id="linear"),
        pytest.param(
            {"linear": {"coefficients": [1, 2], "intercept": 0}},
            "'linear.coefficients' must be 1 finite numbers, one a feature, found an array of 2",
            id="coefficients",
        ),
        pytest.param(
            {"linear": {"coefficients": [True], "intercept": 0}},
            "'linear.coefficients' must be 1 finite numbers, one a feature, found an array of 1",
            id="bool-coefficient",
        ),
        pytest.param(
            {"linear": {"coefficients": [1], "intercept": None}},
            "'linear.intercept' must be a finite number, found null",
            id="intercept",
        ),
        pytest.param(
            {"features": []},
            "'features' must list objects with a name of their own, a minimum and a maximum, found an array of 0",
            id="no-features",
        ),
        pytest.param(
            {"features": [{"name": "bmi", "minimum": 0}]},
            "'features' must list objects with a name of their own, a minimum and a maximum, found an object",
            id="feature",
        ),
        pytest.param(
            {"features": [{"name": "bmi", "minimum": 0, "maximum": 1}] * 2},
            "'features' must list objects with a name of their own, a minimum and a maximum, found one name twice",
            id="doubled-feature",
            marks=(),
        ),
        pytest.param(
            {"golden": []},
            "'golden' must list objects with an instance and a finite prediction, found an array of 0",
            id="no-golden",
        ),
        pytest.param(
            {"golden": [{"instance": [1]}]},
            "'golden' must list objects with an instance and a finite prediction, found an object",
            id="golden",
        ),
    ],
)
def test_a_manifest_that_cannot_serve_is_refused_with_expectation_and_find(changes, message):
    with pytest.raises(ArtifactError) as raised:
        parse(**changes)

    assert str(raised.value) == f"linear-regression version 1: manifest: {message}"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"[]", "manifest must be a JSON object, found an array of 0", id="array"),
        pytest.param(b"{}", "manifest: expected format 1, found null", id="no-format"),
        pytest.param(
            b'{"format":2}', "manifest has format 2, newer than the 1 this code reads: deploy newer code", id="newer"
        ),
        pytest.param(
            b'{"format": 1}', "manifest must be canonical JSON (sorted keys, no blanks), found other bytes", id="blank"
        ),
    ],
)
def test_bytes_that_are_no_manifest_are_refused(data, message):
    with pytest.raises(ArtifactError) as raised:
        parse(data)

    assert str(raised.value) == f"linear-regression version 1: {message}"


def test_an_alias_carries_the_manifest_it_points_at():
    manifest = parse()

    alias = artifact.parse_alias(artifact.render_alias(manifest, [{"version": 1, "reason": "first"}]), "alias.json")

    assert alias.history == ({"version": 1, "reason": "first"},)
    assert artifact.promoted_manifest(alias, MODEL) == manifest


def history(*steps: str) -> Alias:
    """An alias of promotions ("3") and rollbacks ("<1"), oldest first."""
    entries = [
        {"version": int(step.lstrip("<")), **({"action": "rollback"} if step.startswith("<") else {})} for step in steps
    ]
    return Alias(entries[-1]["version"], "", {}, tuple(reversed(entries)))


@pytest.mark.parametrize(
    ("steps", "lineage"),
    [
        pytest.param(["1"], (1,), id="first"),
        pytest.param(["1", "2", "3"], (3, 2, 1), id="promotions"),
        pytest.param(["1", "2", "3", "<2"], (2, 1), id="rollback"),
        pytest.param(["1", "2", "3", "<2", "<1"], (1,), id="again"),
        pytest.param(["1", "2", "3", "<1"], (1,), id="far-back"),
        pytest.param(["1", "2", "<1", "3"], (3, 1), id="promotion-after-rollback"),
        pytest.param(["1", "2", "1"], (1, 2, 1), id="promoted-again"),
        pytest.param(["1", "2", "1", "<2"], (2, 1), id="back-from-promoted-again"),
        pytest.param(["2", "<1"], (1, 2), id="rollback-to-the-unknown"),
    ],
)
def test_lineage_is_what_stands_behind_the_current_version(steps, lineage):
    assert history(*steps).lineage() == lineage


@pytest.mark.parametrize(
    ("text", "good"),
    [
        *((text, True) for text in ("a", "linear-regression", "a.b_c-1", "0", "x" * 63)),
        *((text, False) for text in ("", "A", "-a", "a-", "a/b", "..", "a b", "ä", "x" * 64, "a\n", ".a")),
    ],
)
def test_names_are_plain(text, good):
    assert artifact.is_name(text) is good


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("m/versions/12/manifest.json", 12),
        ("m/versions/0/manifest.json", None),
        ("m/versions/01/manifest.json", None),
        ("m/versions/1/report.html", None),
        ("mm/versions/1/manifest.json", None),
        ("m/versions/1/manifest.json\n", None),
    ],
)
def test_only_a_manifest_makes_a_version(name, version):
    assert artifact.version_of("m", name) == version
