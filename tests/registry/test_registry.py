"""The bucket contract, against the emulator: what is published stays, what moves leaves a history without holes."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions import artifact
from model.errors import MovedOnError, NotFoundError, PromotionError, RegistryError
from model.registry.registry import Moved, Registry
from tests.support import forks
from tests.support.parts import ALIAS, MODEL, ROOT, document, manifest_name, put


def promote(registry, version, reason="test"):
    return registry.promote(version, alias="production", by="test", reason=reason)


def rollback(registry, to=None):
    return registry.rollback(alias="production", to=to, by="test", reason="worse")


def held(registry):
    """The versions in the alias's history, newest first."""
    alias, _ = registry.alias("production")
    return [entry["version"] for entry in alias.history]


def test_a_published_version_is_read_back_whole(registry, bucket):
    published = registry.publish(document(), snapshot=b"rows", dataset="by-hand")

    sha256 = artifact.sha256_of(b"rows")
    uri = f"gs://{bucket.name}/data/by-hand/{sha256}.parquet"
    assert registry.manifest(1) == published
    assert published.document["data"] == {"rows": 10, "holdout_rows": 2, "uri": uri, "sha256": sha256}
    assert bucket.blob(f"data/by-hand/{sha256}.parquet").download_as_bytes() == b"rows"


def test_a_snapshot_that_is_there_already_is_kept_and_shared(registry, bucket, publish):
    publish()
    before = bucket.get_blob(f"data/by-hand/{artifact.sha256_of(b'rows')}.parquet").generation

    publish()

    assert bucket.get_blob(f"data/by-hand/{artifact.sha256_of(b'rows')}.parquet").generation == before
    assert registry.newest() == 2


def test_what_no_reader_would_take_is_not_written(registry, bucket):
    with pytest.raises(
        artifact.ArtifactError, match=r"version 1: linear.coefficients: expected finite numbers, found an array of 0"
    ):
        registry.publish(document(linear={"coefficients": [], "intercept": 0}), snapshot=b"rows", dataset="by-hand")

    assert [blob.name for blob in bucket.list_blobs(prefix=f"{MODEL}/")] == []


def test_four_trainers_at_once_get_four_numbers(registry, bucket):
    trainers = [
        subprocess.Popen([*forks.python(), "-m", "model", "train", "--json"], cwd=ROOT, stdout=subprocess.PIPE)
        for _ in range(4)
    ]

    outputs = [trainer.communicate(timeout=110)[0] for trainer in trainers]

    assert sorted(json.loads(output)["version"] for output in outputs) == [1, 2, 3, 4]
    assert [entry.error for entry in registry.entries()] == [""] * 4
    cards = {version: registry.report(version) for version in range(1, 5)}
    assert all(f"<title>{MODEL} version {version}</title>" in card for version, card in cards.items())


def test_eight_promotions_at_once_are_all_in_the_history(registry, bucket, publish):
    versions = [publish(float(n)) for n in range(8)]

    with ThreadPoolExecutor(8) as pool:
        moves = list(pool.map(lambda version: promote(Registry(bucket.name, MODEL), version), versions))

    assert all(move.changed for move in moves)
    assert sorted(held(registry)) == versions
    assert [move.before for move in sorted(moves, key=lambda move: held(registry)[::-1].index(move.version))] == [
        None,
        *held(registry)[:0:-1],
    ]


def test_eight_promotions_of_one_version_are_one_entry(registry, bucket, publish):
    version = publish()

    with ThreadPoolExecutor(8) as pool:
        moves = list(pool.map(lambda _: promote(Registry(bucket.name, MODEL), version), range(8)))

    assert held(registry) == [version]
    assert [move.changed for move in moves].count(True) == 1


def test_an_entry_says_who_when_and_why(registry, publish):
    version = publish()

    registry.promote(version, alias="production", by="ada@example", reason="better on slices")

    alias, _ = registry.alias("production")
    entry = dict(alias.history[0])
    assert entry.pop("promoted_at").endswith("Z")
    assert entry == {"version": 1, "action": "promote", "by": "ada@example", "reason": "better on slices"}


def test_promoting_what_is_in_production_changes_nothing(registry, production):
    production()

    assert promote(registry, 1) == Moved(version=1, before=1, changed=False)
    assert held(registry) == [1]


def test_promoting_a_damaged_production_again_mends_it(registry, bucket, production):
    production()
    damaged = json.loads(bucket.blob(ALIAS).download_as_bytes())
    damaged["manifest"]["linear"]["intercept"] = 7
    put(bucket, ALIAS, artifact.canonical(damaged))

    assert promote(registry, 1) == Moved(version=1, before=1, changed=True)

    alias, _ = registry.alias("production")
    assert artifact.promoted_manifest(alias, MODEL) == registry.manifest(1)
    assert alias.lineage() == (1,)


def test_promoting_an_unknown_version_says_which_exist(registry, publish):
    publish()
    publish()

    with pytest.raises(NotFoundError) as raised:
        promote(registry, 9)

    assert str(raised.value) == "linear-regression has no version 9; versions: 2, 1"


def test_promoting_an_unblessed_version_says_what_failed_and_what_is_blessed(registry, publish):
    publish()
    publish(blessed=False)

    with pytest.raises(PromotionError) as raised:
        promote(registry, 2)

    assert str(raised.value) == "linear-regression version 2 is not blessed (failed: r2); blessed versions: 1"
    assert registry.alias("production") == (None, 0)


def test_force_puts_an_unblessed_version_there_and_the_history_says_so(registry, publish):
    publish(blessed=False)

    moved = registry.promote(1, alias="production", by="ada@example", reason="the gate is too strict", force=True)

    alias, _ = registry.alias("production")
    entry = dict(alias.history[0])
    assert moved == Moved(version=1, before=None, changed=True)
    assert entry.pop("promoted_at").endswith("Z")
    assert entry == {
        "version": 1,
        "action": "promote",
        "by": "ada@example",
        "reason": "the gate is too strict",
        "forced": True,
    }
    assert [(entry.aliases, entry.forced) for entry in registry.entries()] == [(("production",), ("production",))]


@pytest.mark.parametrize("reason", ["", "  "])
def test_force_needs_a_reason(registry, publish, reason):
    publish(blessed=False)

    with pytest.raises(PromotionError) as raised:
        registry.promote(1, alias="production", by="test", reason=reason, force=True)

    assert str(raised.value) == "linear-regression version 1 is not blessed: to force it, a reason is needed"
    assert registry.alias("production") == (None, 0)


def test_force_that_was_not_needed_is_not_recorded(registry, publish):
    publish()

    registry.promote(1, alias="production", by="test", reason="", force=True)

    alias, _ = registry.alias("production")
    assert "forced" not in alias.history[0]


def test_force_overrides_the_gate_and_nothing_else(registry, bucket, publish):
    publish(blessed=False)
    damaged = json.loads(bucket.blob(manifest_name(1)).download_as_bytes())
    damaged["linear"]["intercept"] += 1
    put(bucket, manifest_name(1), json.dumps(damaged).encode())

    with pytest.raises(RegistryError, match="manifest must be canonical JSON"):
        registry.promote(1, alias="production", by="test", reason="now", force=True)

    assert registry.alias("production") == (None, 0)


def test_a_forced_version_that_a_rollback_puts_back_still_stands_by_force(registry, publish):
    publish(blessed=False)
    publish()
    registry.promote(1, alias="production", by="test", reason="now", force=True)
    promote(registry, 2)

    rollback(registry)

    assert [(entry.version, entry.forced) for entry in registry.entries()] == [(2, ()), (1, ("production",))]


def test_standing_is_what_all_aliases_say_of_a_version_newest_first(registry, production):
    production()
    production()
    registry.promote(1, alias="staging", by="test", reason="to look at")
    rollback(registry)

    found = [
        (entry["alias"], entry["action"], entry["reason"], entry["forced"], entry["current"])
        for entry in registry.standing(1)
    ]

    assert found == [
        ("production", "rollback", "worse", False, True),
        ("staging", "promote", "to look at", False, True),
        ("production", "promote", "test", False, False),
    ]


def test_a_model_card_is_written_once_and_stays(registry, publish):
    publish()

    assert registry.report(1) is None
    assert registry.publish_report(1, "<p>first</p>") is True
    assert registry.publish_report(1, "<p>second</p>") is False
    assert registry.report(1) == "<p>first</p>"


def test_rollback_goes_back_one_version_at_a_time(registry, production):
    production()
    production()
    production()

    moves = [rollback(registry), rollback(registry)]

    assert moves == [Moved(version=2, before=3, changed=True), Moved(version=1, before=2, changed=True)]
    assert held(registry) == [1, 2, 3, 2, 1]


def test_rollback_at_the_oldest_says_so(registry, production):
    production()
    production()
    rollback(registry)

    with pytest.raises(PromotionError) as raised:
        rollback(registry)

    assert str(raised.value) == "production holds version 1, the oldest it ever held: nothing to roll back to"


def test_rollback_to_a_named_version_skips_those_between(registry, production):
    production()
    production()
    production()

    assert rollback(registry, to=1) == Moved(version=1, before=3, changed=True)


def test_rollback_to_what_does_not_stand_behind_says_what_does(registry, production):
    production()
    production()
    production()
    rollback(registry)

    with pytest.raises(PromotionError) as raised:
        rollback(registry, to=3)

    assert str(raised.value) == (
        "version 3 does not stand behind version 2 in production (those that do: 1); `promote 3` puts it there"
    )


def test_rollback_to_an_unknown_version_says_which_exist(registry, production):
    production()

    with pytest.raises(NotFoundError) as raised:
        rollback(registry, to=9)

    assert str(raised.value) == "linear-regression has no version 9; versions: 1"


def test_rollback_before_any_promotion_says_how_to_promote(registry):
    with pytest.raises(NotFoundError) as raised:
        rollback(registry)

    assert str(raised.value) == "linear-regression has no alias production yet; `python -m model promote` makes it"


def test_after_a_rollback_a_promotion_starts_a_new_line(registry, production):
    production()
    production()
    rollback(registry)
    production()

    assert rollback(registry) == Moved(version=1, before=3, changed=True)


def sealed(**changes):
    body = {**document(), "model": MODEL, "version": 1, "created": "2026-01-01T00:00:00.000Z", **changes}
    return artifact.seal(body)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            sealed().replace(b'"rows":10', b'"rows":11'),
            r"linear-regression version 1: manifest: expected sha256 [0-9a-f]{12}, found [0-9a-f]{12}",
            id="one-byte",
        ),
        pytest.param(
            artifact.canonical({**json.loads(sealed()), "format": 3}),
            r"linear-regression version 1: manifest has format 3, newer than the 2 this code reads: deploy newer code",
            id="newer-format",
        ),
        pytest.param(
            sealed(version=2), r"linear-regression version 1: manifest: expected version 1, found 2", id="other-version"
        ),
        pytest.param(
            sealed(model="other"),
            r'linear-regression version 1: manifest: expected model "linear-regression", found "other"',
            id="other-model",
        ),
        pytest.param(
            sealed()[:-1],
            r"linear-regression version 1: manifest must be JSON, found \d+ bytes that are not: .*",
            id="cut",
        ),
        pytest.param(
            sealed(data={"rows": 1, "holdout_rows": 1}),
            r"linear-regression version 1: manifest: 'data.uri': Field required",
            id="no-data",
        ),
        pytest.param(
            sealed(data={"rows": 1, "holdout_rows": 1, "uri": "gs://x/y"}, blessed="yes"),
            r"linear-regression version 1: manifest: 'blessed': Input should be a valid boolean",
            id="blessed-by-text",
        ),
        pytest.param(b"", r"linear-regression version 1: manifest must be JSON, found 0 bytes .*", id="empty"),
        pytest.param(
            sealed(
                golden=[{"instance": [0.5], "prediction": 2.1}], data={"rows": 1, "holdout_rows": 1, "uri": "gs://x/y"}
            ),
            r"linear-regression version 1: golden 0: expected a prediction of 2.1, found 2.0",
            id="golden",
        ),
    ],
)
def test_a_manifest_that_does_not_verify_is_not_promoted(registry, bucket, data, message):
    put(bucket, manifest_name(1), data)

    with pytest.raises(RegistryError, match=f"^{message}$"):
        promote(registry, 1)

    assert registry.alias("production") == (None, 0)


def test_a_version_whose_rows_were_erased_is_promoted_and_rolled_back_to(registry, bucket, production, publish):
    """Serving needs the manifest alone."""
    production()
    publish(2.0, blessed=False)
    for blob in bucket.list_blobs(prefix="data/"):
        blob.delete()

    forced = registry.promote(2, alias="production", by="test", reason="erased", force=True)
    back = rollback(registry)
    again = registry.promote(1, alias="staging", by="test", reason="")

    assert [move.version for move in (forced, back, again)] == [2, 1, 1]


def test_a_corrupt_alias_is_named_and_left_alone(registry, bucket, publish):
    publish()
    put(bucket, ALIAS, b"{}")

    with pytest.raises(RegistryError) as raised:
        promote(registry, 1)

    assert str(raised.value) == f"{ALIAS}: expected format 1, found null"
    assert bucket.blob(ALIAS).download_as_bytes() == b"{}"


def test_the_list_names_aliases_and_what_does_not_verify(registry, bucket, production):
    production()
    put(bucket, manifest_name(2), b"[]")
    put(bucket, f"{MODEL}/versions/02/manifest.json", b"no version")
    put(bucket, f"{MODEL}/versions/3/report.html", b"no manifest")

    entries = [(entry.version, entry.error, entry.aliases) for entry in registry.entries()]

    assert entries == [
        (2, "linear-regression version 2: manifest must be a JSON object, found an array of 0", ()),
        (1, "", ("production",)),
    ]


# The version that the gate compared with


def against(alias):
    return {"comparison": {"production": alias.version, "manifest_sha256": alias.manifest_sha256}}


def test_a_version_judged_against_what_production_still_holds_is_promoted(registry, production, publish):
    production()
    version = publish(3.0, **against(registry.alias("production")[0]))

    assert promote(registry, version) == Moved(version=2, before=1, changed=True)


@pytest.mark.parametrize(
    ("compared", "what"),
    [
        pytest.param({"production": None}, "nothing", id="with-nothing"),
        pytest.param({"production": 1, "manifest_sha256": "of another"}, "version 1", id="with-an-earlier-one"),
    ],
)
def test_a_version_judged_against_what_production_no_longer_holds_is_refused(
    registry, production, publish, compared, what
):
    version = publish(3.0, comparison=compared)
    production()

    with pytest.raises(MovedOnError) as raised:
        promote(registry, version)

    assert str(raised.value) == (
        f"linear-regression version 1 was compared with {what}, and production holds version 2 now: train again to"
        " compare with it, or give --force and --reason"
    )
    assert registry.alias("production")[0].version == 2


def test_a_former_production_is_promoted_by_a_rollback_and_the_refusal_says_so(registry, production, publish):
    version = publish(3.0, comparison={"production": None, "note": "nothing yet"})
    promote(registry, version)
    production()

    with pytest.raises(MovedOnError) as raised:
        promote(registry, version)

    assert str(raised.value) == (
        "linear-regression version 1 was compared with nothing, and production holds version 2 now: it was in production"
        " before, and `python -m model rollback --to 1` puts it back"
    )


def test_a_version_judged_against_production_is_no_first_version_of_another_alias(registry, production, publish):
    production()
    version = publish(3.0, **against(registry.alias("production")[0]))

    with pytest.raises(MovedOnError, match="was compared with version 1, and staging holds none now"):
        registry.promote(version, alias="staging", by="test", reason="")


def test_force_overrides_the_comparison_and_the_history_says_so(registry, production, publish):
    version = publish(3.0, comparison={"production": None})
    production()

    registry.promote(version, alias="production", by="test", reason="it is better, believe me", force=True)

    assert registry.alias("production")[0].history[0]["forced"] is True


def test_what_production_holds_already_needs_no_comparison(registry, publish):
    version = publish(comparison={"production": None})
    promote(registry, version)

    assert promote(registry, version) == Moved(version=1, before=1, changed=False)


def test_of_versions_judged_against_the_same_production_one_is_promoted(registry, bucket, production, publish):
    production()
    compared = against(registry.alias("production")[0])
    versions = [publish(slope, **compared) for slope in (3.0, 4.0, 5.0, 6.0)]

    def attempt(version):
        try:
            return promote(Registry(bucket.name, MODEL), version).changed
        except MovedOnError:
            return None

    with ThreadPoolExecutor(4) as pool:
        moved = list(pool.map(attempt, versions))

    assert sorted(moved, key=str) == [None, None, None, True]
    assert registry.alias("production")[0].version == versions[moved.index(True)]
