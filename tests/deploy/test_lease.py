"""Runs of ./deploy.sh at the same time follow each other: a lease keeps them apart."""

from __future__ import annotations

import threading
import time

import pytest

from tests.support.cloud import OWNER, Project

LIVELY = {"DEPLOY_PAUSE_SECONDS": "0.1", "DEPLOY_LEASE_SECONDS": "0.2"}
"""A run renews its lease so often that a test sees it, and another waits long enough to see it."""


def wait_for_calls(project: Project, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(project.calls()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def pair(project: Project) -> set[str]:
    """The releases that serve, by their numbers."""
    return {revision.removeprefix(name) for name in ("batch", "stream") for revision in project.traffic(name)}


@pytest.mark.parametrize(
    ("verb", "offset"),
    [
        *(pytest.param("rollback", offset, id=f"rollback-at-{offset}") for offset in (2, 12, 28)),
        pytest.param("up", 24, id="up-at-24"),
        pytest.param("traffic 100", 30, id="traffic-at-30"),
        pytest.param("down --yes", 20, id="down-at-20"),
        *(
            pytest.param(verb, offset, id=f"{verb}-at-{offset}", marks=pytest.mark.sweep)
            for verb, offset in (("rollback", 8), ("rollback", 18), ("rollback", 36), ("up", 4))
        ),
    ],
)
def test_a_release_and_another_run_leave_a_whole_pair_whenever_the_other_begins(cloud, released, verb, offset):
    project = cloud(like=released)
    project.edit_code()
    before = len(project.calls())

    first = project.start("up", **LIVELY)
    wait_for_calls(project, before + offset)
    second = project.end(project.start(*verb.split(), **LIVELY))
    ended = project.end(first)

    assert ended.returncode == 0, ended.stderr
    if verb == "traffic 100":  # the release has it all by then
        assert "no release is under way" in second.stderr
    else:
        assert second.returncode == 0, second.stderr
    if verb == "down --yes":
        assert project.state["functions"] in ({}, project.state["services"])
        assert len(project.state["functions"]) in {0, 2}
    else:
        assert len(pair(project)) == 1
    assert project.lease() is None
    words = [" ".join(call) for call in project.calls()[before:]]
    taken = [place for place, line in enumerate(words) if line.startswith("storage cp") and "/leases/" in line]
    given = [place for place, line in enumerate(words) if line.startswith("storage rm") and "/leases/" in line]
    moved = [place for place, line in enumerate(words) if "--to-revisions" in line]
    assert len(given) == 2
    assert all(taken[0] < place < given[1] for place in moved)
    if offset > taken[0] + 1:
        assert f"deploy.sh up by {OWNER}" in second.stderr
        assert "waiting for another run to end: " in second.stderr


@pytest.mark.parametrize("verb", ["up", "rollback", "down --yes"])
def test_the_lease_of_a_run_that_was_killed_is_taken_over_and_said(cloud, released, verb):
    project = cloud(like=released)
    project.edit_code()
    project.fault({"match": "run services update-traffic", "do": "kill-before"})
    killed = project.deploy("up")
    lease = project.lease()
    assert lease is not None

    ended = project.deploy(*verb.split())

    assert (killed.returncode, ended.returncode) == (-9, 0), ended.stderr
    assert f"taking over from a run that no longer lives: ./deploy.sh up by {OWNER} on " in ended.stderr
    assert lease["holder"] in ended.stderr
    assert project.lease() is None


def test_a_lease_that_nobody_renewed_for_long_is_taken_over_at_once(cloud, released):
    project = cloud(like=released)
    project.fault({"match": "run services update-traffic", "do": "kill-before"})
    project.deploy("rollback")
    state = project.state
    state["written"][f"{project.bucket}/leases/us-central1"]["custom_fields"]["renewed"] = str(int(time.time()) - 1000)
    project.change(**state)
    before = len(project.calls())

    ended = project.deploy("rollback")

    assert ended.returncode == 0, ended.stderr
    looks = [call for call in project.calls()[before:] if call[:3] == ["storage", "objects", "describe"]]
    assert len(looks) == 1


def test_a_run_that_goes_on_is_waited_for_so_long_and_named(cloud, released):
    project = cloud(like=released)
    script = project.checkout / "deploy" / "lease.sh"
    assert "polls_at_most=240 " in script.read_text()
    script.write_text(script.read_text().replace("polls_at_most=240", "polls_at_most=48"))
    project.fault({"match": "run services update-traffic", "do": "kill-before"})
    project.deploy("rollback")
    ended = threading.Event()

    def renew() -> None:
        update = ["storage", "objects", "update", f"gs://{project.bucket}/leases/us-central1"]
        while not ended.wait(0.2):
            project.play(*update, "--update-custom-metadata=a=b")

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        refused = project.deploy("rollback", DEPLOY_PAUSE_SECONDS="0")
    finally:
        ended.set()
        thread.join()

    lease = project.lease()
    assert lease is not None
    assert refused.returncode == 1
    assert refused.stderr.count("waiting for another run to end: ") == 4
    uri = f"gs://{project.bucket}/leases/us-central1"
    assert refused.stderr.splitlines()[-1] == (
        f"deploy.sh: another run has not ended: {lease['holder']}; run this again later, "
        f"or if there is no such run: gcloud storage rm {uri}"
    )


def test_a_run_that_lost_its_lease_moves_no_traffic(cloud):
    project = cloud()
    project.edit_code()
    project.fault({"match": "run services update-traffic stream", "do": "stolen"})

    ended = project.deploy("up")

    assert ended.returncode == 1
    assert "another run has taken over meanwhile: somebody else; the traffic stays where it is" in ended.stderr
    assert pair(project) == {"-00001-abc"}
    assert project.lease() == {"id": "x", "holder": "somebody else"}


@pytest.mark.parametrize("do", ["lost", "interrupt-after", "interrupt-before"])
def test_a_lease_whose_writing_ended_without_an_answer_is_ours_and_given_back(cloud, released, do):
    project = cloud(like=released)
    project.fault({"match": "storage cp .*/leases/", "do": do})

    ended = project.deploy("rollback")

    assert ended.returncode == (0 if do == "lost" else 130), ended.stderr
    assert "waiting" not in ended.stderr
    assert project.lease() is None


def test_who_may_not_write_the_lease_is_told_which_right_is_missing(cloud, released):
    project = cloud(like=released)
    project.fault({"match": "storage cp .*/leases/", "do": "refuse"})

    ended = project.deploy("rollback")

    uri = f"gs://{project.bucket}/leases/us-central1"
    assert ended.returncode == 1
    assert (
        f"the lease {uri} could not be written as {OWNER} (see above); Storage Object User on it is needed"
        in ended.stderr
    )
    assert pair(project) == {"-00002-abc"}


def test_without_its_bucket_a_rollback_still_goes_back(cloud, released):
    project = cloud(like=released)
    project.change(buckets={})

    ended = project.deploy("rollback")

    assert ended.returncode == 0, ended.stderr
    assert f"gs://{project.bucket} is not there, so nothing keeps this run and others apart" in ended.stderr
    assert pair(project) == {"-00001-abc"}


def test_a_dry_run_takes_no_lease(cloud, released):
    project = cloud(like=released)
    before = len(project.calls())

    for verb in ("up", "rollback", "down"):
        assert project.deploy("--dry-run", verb).returncode == 0

    assert not [call for call in project.calls()[before:] if "/leases/" in " ".join(call)]
