"""./deploy.sh where a project is not as the last run left it: things were deleted by hand, a first release is broken, a
`down` stopped half-way, or the project goes by its number."""

from __future__ import annotations

import pytest

from tests.deploy.test_up import assert_serves, grants, service_accounts
from tests.support.cloud import Project
from tests.support.parts import free_port


@pytest.mark.parametrize("where", ["the environment", "gcloud"])
def test_a_project_given_by_its_number_is_the_same_project(cloud, where):
    project = cloud()
    number = project.state["number"]
    if where == "gcloud":
        project.change(configured_project=number)
    before = len(project.calls())

    said = project.up(**({"PROJECT_ID": number} if where == "the environment" else {}))

    assert f"project {project.id}, region us-central1" in said
    assert project.changes(before) == []


def test_an_account_that_was_deleted_by_hand_is_made_and_gets_its_roles_again(cloud):
    project = cloud()
    assert project.deploy("trigger", "owner/repo", "main").returncode == 0
    expected = grants(project)
    for account in service_accounts(project):
        project.gcloud("iam", "service-accounts", "delete", account)
    assert any(member.startswith("deleted:") for _, _, member, _ in grants(project))

    said = project.up()

    assert grants(project) == expected  # of the trigger's account on the two, too; and none of the deleted ones
    assert "batch: deploying, since its service account was made anew" in said
    assert_serves(project)


@pytest.mark.parametrize(
    "deleted",
    [
        pytest.param(("storage", "rm", "gs://{}-predictions", "--recursive"), id="the-bucket-of-predictions"),
        pytest.param(("storage", "rm", "gs://{}-models", "--recursive"), id="the-bucket-of-models"),
        pytest.param(("logging", "sinks", "delete", "predictions-us-central1"), id="the-sink"),
        pytest.param(("functions", "delete", "stream"), id="a-function"),
    ],
)
def test_whatever_was_deleted_by_hand_is_made_again(cloud, deleted):
    project = cloud()
    expected = grants(project)
    project.gcloud(*(word.format(project.id) for word in deleted))

    project.up()

    assert grants(project) == expected
    assert_serves(project)


def test_a_trigger_that_was_deleted_by_hand_is_made_by_trigger_and_is_no_hindrance_to_down(cloud):
    project = cloud()
    project.deploy("trigger", "owner/repo", "main")
    project.gcloud("builds", "triggers", "delete", "release-us-central1")
    removed = project.state

    assert project.deploy("trigger", "owner/repo", "main").returncode == 0
    assert list(project.state["triggers"]) == ["release-us-central1"]
    project.change(**removed)
    ended = project.deploy("down", "--yes")

    assert ended.returncode == 0, ended.stderr
    assert project.state["accounts"] == []
    assert {member for _, _, member, _ in grants(project) if "model-" in member} == set()


@pytest.mark.parametrize(
    ("match", "do"),
    [
        ("logging sinks delete", "interrupt-after"),
        ("remove-iam-policy-binding", "kill-before"),
        ("functions delete", "interrupt-after"),
        ("accounts delete", "kill-before"),
        pytest.param("logging sinks delete", "kill-before", marks=pytest.mark.sweep),
        pytest.param("remove-iam-policy-binding", "interrupt-after", marks=pytest.mark.sweep),
        pytest.param("functions delete", "kill-before", marks=pytest.mark.sweep),
        pytest.param("accounts delete", "interrupt-after", marks=pytest.mark.sweep),
    ],
)
def test_up_after_a_down_that_stopped_half_way_brings_everything_back(cloud, match, do):
    project = cloud()
    expected = grants(project)
    project.fault({"match": match, "do": do})

    stopped = project.deploy("down", "--yes")
    project.up()

    assert stopped.returncode in {130, -9}
    assert grants(project) == expected
    assert_serves(project)


def broken(cloud) -> Project:
    """A project whose first release does not answer."""
    project = cloud(up=False)
    project.change(next_backends={"stream": [f"http://127.0.0.1:{free_port()}"]})
    ended = project.deploy("up", DEPLOY_WITHIN_SECONDS="1", ALLOW_UNAUTHENTICATED="1")
    assert ended.returncode == 1
    message = "nothing served before at batch and stream, which gets no callers until an up succeeds. Its log: ./deploy.sh logs"
    assert ended.stderr.splitlines()[-1] == f"deploy.sh: the release does not answer as it must (see above); {message}"
    return project


def test_a_first_release_that_is_broken_gets_no_callers_and_no_way_back_leads_to_it(cloud):
    project = broken(cloud)
    assert [project.tags(name) for name in ("batch", "stream")] == [
        {"unproven": "batch-00001-abc"},
        {"unproven": "stream-00001-abc"},
    ]
    assert [who for where, _, who, _ in grants(project) if where.startswith("run")] == []
    refused = project.deploy("grant", "user:a@b.c")
    assert refused.stderr.endswith(
        "batch has not answered as it must yet, and gets no callers before: ./deploy.sh up\n"
    )
    assert project.deploy("rollback").stderr.endswith("there is nothing to roll back to\n")

    project.edit_code()
    said = project.up("--canary", "10", ALLOW_UNAUTHENTICATED="1")  # there is nothing that the other 90 % could go to

    assert "batch: batch-00001-abc never answered as it must, so batch-00002-abc gets all the traffic" in said
    assert [project.traffic(name) for name in ("batch", "stream")] == [
        {"batch-00002-abc": 100},
        {"stream-00002-abc": 100},
    ]
    assert [project.tags(name) for name in ("batch", "stream")] == [{}, {}]
    assert {where for where, _, who, _ in grants(project) if who == "allUsers"} == {
        "run services batch",
        "run services stream",
    }
    assert project.deploy("rollback").stderr.endswith("there is nothing to roll back to\n")


def test_a_first_release_that_answers_after_all_is_healed_by_the_next_up(cloud, deployed):
    project = broken(cloud)
    state = project.state
    state["services"]["stream"]["revisions"]["stream-00001-abc"]["backend"] = deployed.state["backends"]["stream"]
    project.change(**state)

    project.up()

    assert [project.tags(name) for name in ("batch", "stream")] == [{}, {}]
    assert_serves(project)


def test_a_rollback_while_a_release_over_a_broken_first_one_is_under_way_changes_nothing(cloud):
    project = broken(cloud)
    project.edit_code()
    project.fault({"match": "update-traffic batch .*candidate=", "do": "kill-after"})
    project.deploy("up")
    assert project.tags("batch") == {"candidate": "batch-00002-abc", "unproven": "batch-00001-abc"}

    ended = project.deploy("rollback")

    assert ended.returncode == 1
    assert "batch: behind the release stands only batch-00001-abc, which never answered as it must" in ended.stderr
    project.up()
    assert_serves(project)


def test_questions_of_the_cli_are_answered_by_nobody_and_never_waited_for(cloud):
    project = cloud()  # the stand-in refuses every call that might ask

    for value in ("0", "False", ""):
        assert project.deploy("status", CLOUDSDK_CORE_DISABLE_PROMPTS=value).returncode == 0


def test_an_up_right_after_an_interrupted_one_waits_for_the_roles_of_that(cloud):
    project = cloud(up=False)
    project.fault(
        {"match": "logging sinks list", "do": "interrupt-after"},
        {"match": "functions deploy batch", "do": "not-known", "times": 8},
    )

    assert project.deploy("up").returncode == 130
    said = project.up()

    assert said.count("waiting, since a role that was granted a moment ago is not known everywhere yet") == 2
    assert_serves(project)
