"""./deploy.sh on day two: ask, look, let in, keep out, hook up, take down."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.cloud import OWNER, Project
from tests.support.processes import sweep


def invokers(project: Project) -> list[str]:
    """Who may call each of the functions; the same for both."""
    found = [
        sorted(
            member
            for binding in project.state["policies"].get(f"run services {name}", [])
            if binding["role"] == "roles/run.invoker"
            for member in binding["members"]
        )
        for name in ("batch", "stream")
    ]
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(
    ("arguments", "answers"),
    [
        pytest.param(["batch", "[0.5,0.2,0.6]"], [{"predictions": [2.0, 1.4, 2.2]}], id="batch"),
        pytest.param(["stream", "0.5"], [{"prediction": 2.0}], id="stream"),
        pytest.param(["stream", '{"bmi": 0.5}'], [{"prediction": 2.0}], id="object"),
        pytest.param(["--http", "batch", "[0.5, [0.2], 0.6]"], [{"predictions": [2.0, 1.4, 2.2]}] * 2, id="http-batch"),
        pytest.param(["--http", "stream", '{"bmi": 0.5}'], [{"prediction": 2.0}] * 2, id="http-object"),
    ],
)
def test_invoke_brings_predictions(cloud, arguments, answers):
    project = cloud()

    ended = project.deploy("invoke", *arguments)

    model = {"name": "linear-regression", "version": 1}
    assert ended.returncode == 0, ended.stderr
    assert [json.loads(line) for line in ended.stdout.splitlines()] == [
        {**answer, "model": model} for answer in answers
    ]


@pytest.mark.parametrize(
    "instances",
    [
        "' '\"; touch hacked; $(touch hacked) `touch hacked` * ?",
        "ä €/../%2e%2e",
        "@/etc/passwd",
        "-d",
        '{"a": "b c"}\n',
    ],
)
@pytest.mark.parametrize("option", [[], ["--http"]], ids=["gcloud", "http"])
def test_hostile_instances_get_the_answer_of_the_function_and_nothing_else(cloud, option, instances):
    project = cloud()

    ended = project.deploy("invoke", *option, "stream", instances)

    assert ended.returncode == 1
    answers = (ended.stdout + ended.stderr).replace("ERROR: (gcloud.functions.call) HTTPError 400: ", "").splitlines()
    assert [json.loads(line)["status"] for line in answers if line.startswith("{")] in ([400], [400, 400], [404, 400])
    assert not list(project.checkout.parent.rglob("hacked"))


def test_model_runs_on_the_bucket_of_the_project_with_the_account_of_gcloud(cloud):
    project = cloud()

    ended = project.deploy("model", "show", "1", "--json")
    refused = project.deploy("model", "show", "7")

    assert json.loads(ended.stdout)["version"] == 1
    assert (refused.returncode, refused.stderr) == (2, "linear-regression has no version 7; versions: 1\n")
    assert ["auth", "print-access-token"] in project.calls()


def test_the_history_names_the_account_and_messages_name_what_was_typed(cloud):
    project = cloud(up=False, model=False)  # a bucket of its own, since this promotes
    project.make_bucket()

    trained = project.deploy("model", "train")
    project.deploy("model", "promote", "--reason", "better")

    assert "`./deploy.sh model promote` puts it into production" in trained.stderr
    newest = json.loads(project.deploy("model", "history", "--json").stdout)[0]
    assert (newest["version"], newest["by"], newest["reason"]) == (1, OWNER, "better")


def test_model_in_a_dry_run_only_reads(cloud):
    project = cloud()

    shown = project.deploy("--dry-run", "model", "history", "--json")
    ended = project.deploy("--dry-run", "model", "rollback", "--reason", "a b")

    assert len(json.loads(shown.stdout)) == 1
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        0,
        "",
        "would run: ./deploy.sh model rollback --reason a\\ b\n",
    )


def test_status_is_one_screen(cloud):
    project = cloud(
        log=[
            {
                "timestamp": "2026-11-24T01:02:03.456789Z",
                "resource": {"labels": {"service_name": "stream"}},
                "severity": "ERROR",
                "jsonPayload": {"message": "version 1 goes on serving"},
            }
        ]
    )
    project.edit_code()
    project.up("--canary", "10")

    ended = project.deploy("status")

    front = project.state["front"]
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[:11] == [
        f"project  {project.id}, region us-central1, as {OWNER}",
        f"bucket   gs://{project.bucket}, model linear-regression",
        "",
        f"batch    {front}/batch/batch  ACTIVE",
        "          10 %  batch-00002-abc  deployed 2026-11-24T02:00:00 (candidate)",
        "          90 %  batch-00001-abc  deployed 2026-11-24T01:00:00",
        "",
        f"stream   {front}/stream/stream  ACTIVE",
        "          10 %  stream-00002-abc  deployed 2026-11-24T02:00:00 (candidate)",
        "          90 %  stream-00001-abc  deployed 2026-11-24T01:00:00",
        "",
    ]
    assert lines[11:16] == [
        "SQL      none; ./deploy.sh bigquery DATASET makes it",
        f"capture  storage.googleapis.com/{project.id}-predictions, by the sink predictions-us-central1",
        "schedule none; ./deploy.sh schedule '0 3 * * 1' retrains on Mondays at 3:00 UTC",
        "alerts   none; MONITORING is off",
        "",
    ]
    assert lines[16].split() == ["version", "promoted", "action", "by", "reason"]
    assert lines[18:] == [
        "",
        "errors of the last day, newest first:",
        "2026-11-24 01:02:03  stream  ERROR  version 1 goes on serving  ",
    ]


def test_status_after_a_rollback_shows_what_does_not_serve(cloud, released):
    project = cloud(like=released)
    project.deploy("rollback")

    lines = project.deploy("status").stdout.splitlines()

    assert lines[4:6] == [
        "           0 %  batch-00002-abc  deployed 2026-11-24T02:00:00 (newest, does not serve)",
        "         100 %  batch-00001-abc  deployed 2026-11-24T01:00:00",
    ]
    assert lines[-1] == "none in the last day"


def test_status_of_an_empty_project_says_what_to_do(cloud):
    project = cloud(up=False)

    ended = project.deploy("status")

    off = "cloudfunctions, run, storage, iam, logging"
    assert ended.returncode == 0
    assert ended.stdout.splitlines()[2:] == [
        f"APIs     {off} off, without which nothing can be seen; ./deploy.sh up enables them"
    ]

    ended = project.deploy("down", "--yes")

    said = f"of {project.id} nothing can be seen, and so nothing removed: APIs are off ({off}); ./deploy.sh up enables them"
    assert (ended.returncode, ended.stderr) == (1, f"deploy.sh: {said}\n")


def test_logs_are_those_of_the_function_that_was_named(cloud):
    project = cloud()

    for arguments in ([], ["stream"]):
        assert project.deploy("logs", *arguments).returncode == 0

    both, one = (call[-1] for call in project.calls() if call[:2] == ["logging", "read"])
    place = 'resource.type="cloud_run_revision" resource.labels.location="us-central1"'
    assert both == f'{place} resource.labels.service_name=("batch" OR "stream") '
    assert one == f'{place} resource.labels.service_name=("stream") '


def test_who_may_call_is_granted_once_and_revoked(cloud):
    project = cloud()
    member = "serviceAccount:caller@elsewhere.iam.gserviceaccount.com"
    project.change(accounts=[*project.state["accounts"], member.split(":")[1]])

    said = [
        project.deploy(*verb).stderr for verb in (["grant", member], ["grant", member], ["grant", "group:team@x.org"])
    ]
    assert invokers(project) == ["group:team@x.org", member]
    assert said[1] == "nothing to grant: that is so already\n"

    said = [project.deploy("revoke", member).stderr for _ in range(2)]
    assert invokers(project) == ["group:team@x.org"]
    assert said[1] == "nothing to revoke: that is so already\n"


def test_a_trigger_runs_on_a_push_with_the_settings_and_an_account_that_has_what_it_needs(cloud):
    project = cloud()
    arguments = ["trigger", "owner/re.po", "release-1.0"]

    ended = project.deploy(*arguments, STREAM_MEMORY="512Mi")

    assert ended.returncode == 0, ended.stderr
    account = f"model-release@{project.id}.iam.gserviceaccount.com"
    settings = f"PROJECT_ID={project.id} MODEL_BUCKET={project.bucket} STREAM_MEMORY=512Mi"
    assert project.state["triggers"] == {
        "release-us-central1": {
            "name": "release-us-central1",
            "github": {"owner": "owner", "name": "re.po", "push": {"branch": "^release-1\\.0$"}},
            "serviceAccount": f"projects/{project.id}/serviceAccounts/{account}",
            "substitutions": {"_SETTINGS": settings},
        }
    }
    roles = {
        (where.split()[0], binding["role"].removeprefix("roles/"))
        for where, bindings in project.state["policies"].items()
        for binding in bindings
        if f"serviceAccount:{account}" in binding["members"]
    }
    assert roles == {
        ("projects", "logging.logWriter"),
        ("projects", "browser"),
        ("projects", "iam.securityReviewer"),
        ("projects", "serviceusage.serviceUsageConsumer"),
        ("projects", "cloudfunctions.developer"),
        ("projects", "run.developer"),
        ("iam", "iam.serviceAccountUser"),
        ("iam", "iam.serviceAccountOpenIdTokenCreator"),
        ("storage", "storage.objectViewer"),
        ("storage", "storage.objectUser"),  # of the lease
        ("run", "run.invoker"),
    }

    before = len(project.calls())
    project.deploy(*arguments, STREAM_MEMORY="512Mi")
    assert project.changes(before) == []
    project.deploy(*arguments)
    assert project.changes(before) == ["builds triggers delete release-us-central1", "builds triggers create github"]


def test_a_repository_that_is_not_connected_is_said(cloud):
    project = cloud(connected=False)

    ended = project.deploy("trigger", "owner/repo", "main")

    page = f"https://console.cloud.google.com/cloud-build/triggers;region=us-central1/connect?project={project.id}"
    assert ended.returncode == 1
    assert ended.stderr.endswith(
        f"deploy.sh: Cloud Build must be connected to owner/repo first, once, by hand: {page}\n"
    )


def test_the_account_of_a_trigger_can_release_with_tokens_for_each_function(cloud):
    project = cloud()
    project.deploy("trigger", "owner/repo", "main")
    project.change(account=f"model-release@{project.id}.iam.gserviceaccount.com")
    project.edit_code()
    before = len(project.calls())

    project.up()

    front = project.state["front"]
    tokens = [call[2:] for call in project.calls()[before:] if call[:2] == ["auth", "print-identity-token"]]
    assert tokens[1:] == [[f"--audiences={front}/batch"], [f"--audiences={front}/stream"]] * 2
    needed = {"functions deploy batch", "functions deploy stream"}
    needed |= {f"run services update-traffic {name}" for name in ("batch", "stream")}
    assert set(project.changes(before)) == needed  # nothing that its roles do not allow
    assert not any("--no-allow-unauthenticated" in call for call in project.calls()[before:])


def test_down_asks_and_takes_no_for_an_answer(cloud):
    project = cloud()
    untouched = project.state

    ended = [project.deploy("down", stdin=text) for text in ("", "y\n", "yes\n")]

    said = "deploy.sh: nothing was removed (--yes goes on without asking)\n"
    assert [(run.returncode, run.stderr.endswith(said)) for run in ended] == [(1, True)] * 3
    assert project.state == untouched


def test_down_removes_what_up_and_trigger_made_and_keeps_the_bucket(cloud):
    project = cloud()
    project.deploy("trigger", "owner/repo", "main")
    project.change(accounts=[*project.state["accounts"], "another@x.iam.gserviceaccount.com"])

    ended = project.deploy("down", stdin=f"{project.id}\n")

    assert ended.returncode == 0, ended.stderr
    state = project.state
    assert (state["functions"], state["services"], state["triggers"]) == ({}, {}, {})
    assert state["accounts"] == ["another@x.iam.gserviceaccount.com"]
    assert [binding for bindings in state["policies"].values() for binding in bindings if binding["members"]] == []
    assert list(state["buckets"]) == [project.bucket, f"{project.id}-predictions"]

    again = project.deploy("down", "--yes")
    assert (again.returncode, again.stderr) == (0, "nothing is there to remove\n")

    project.up()  # and back
    assert sorted(project.state["functions"]) == ["batch", "stream"]


def test_down_keeps_the_accounts_that_functions_in_another_region_run_as(cloud):
    elsewhere = "projects/p/locations/europe-west1/functions/batch"
    project = cloud(elsewhere=[elsewhere])
    accounts = project.state["accounts"]

    ended = project.deploy("down", "--yes")

    assert ended.returncode == 0, ended.stderr
    assert "and keeps the service accounts, which serve elsewhere: batch in europe-west1\n" in ended.stderr
    assert (project.state["functions"], project.state["accounts"]) == ({}, accounts)


def test_down_with_bucket_says_so_in_capitals(cloud):
    project = cloud()

    ended = project.deploy("down", "--with-bucket", "--yes")

    assert f"  bucket gs://{project.bucket} WITH EVERY MODEL, ITS HISTORY AND ITS DATA\n" in ended.stderr
    assert project.state["buckets"] == {}


@pytest.mark.parametrize("number", sweep(range(1, 33), every=11))
def test_down_interrupted_after_any_call_is_completed_by_the_next(cloud, number):
    project = cloud()
    project.fault({"at": number, "do": "interrupt-after"})

    ended = project.deploy("down", "--with-bucket", "--yes")
    project.fault()
    again = project.deploy("down", "--with-bucket", "--yes")

    assert (ended.returncode, again.returncode) == (0 if number == 32 else 130, 0)
    state = project.state
    assert [state[kind] for kind in ("functions", "accounts", "buckets")] == [{}, [], {}]


@pytest.mark.parametrize(
    "verb", [["rollback"], ["grant", "user:a@b.c"], ["trigger", "o/r", "main"], ["down", "--with-bucket"]], ids=" ".join
)
def test_a_dry_run_of_any_verb_changes_nothing(cloud, released, verb):
    project = cloud(like=released)
    untouched = project.state

    ended = project.deploy("--dry-run", *verb)

    assert ended.returncode == 0, ended.stderr
    assert "would run: gcloud " in ended.stderr
    assert "serves all traffic" not in ended.stderr
    assert ("would serve all traffic" in ended.stderr) == (verb == ["rollback"])
    assert project.state == untouched


@pytest.mark.parametrize("verb", [["up"], ["invoke", "--http", "stream", "0.5"], ["model", "history"]], ids=" ".join)
def test_no_trace_shows_a_token(cloud, verb):
    project = cloud()

    ended = subprocess.run(
        ["bash", "-x", project.checkout / "deploy.sh", *verb],
        env=project.environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "secret-token-of-the-account" not in ended.stdout + ended.stderr
    assert not any("secret" in word for call in project.calls() for word in call)


def test_who_is_spelled_or_conditioned_in_another_way_is_revoked_too(cloud):
    project = cloud()
    condition = {"expression": "request.time < timestamp('2030-01-01T00:00:00Z')", "title": "only-what-it-needs"}
    bindings = [{"role": "roles/run.invoker", "members": ["user:Ann@x.org"], "condition": condition}]
    project.change(
        policies={**project.state["policies"], **{f"run services {name}": bindings for name in ("batch", "stream")}}
    )

    ended = project.deploy("revoke", "user:ann@X.org")

    assert ended.returncode == 0, ended.stderr
    assert invokers(project) == []


def test_a_trigger_of_somebody_else_is_left_alone(cloud):
    theirs = {"name": "release-us-central1", "serviceAccount": "projects/p/serviceAccounts/other@x", "github": {}}
    project = cloud(triggers={"release-us-central1": theirs})

    ended = [project.deploy(*verb) for verb in (["trigger", "owner/repo", "main"], ["down", "--yes"])]

    message = "deploy.sh: trigger release-us-central1 in us-central1 was not made by this script, and is left alone"
    assert [(run.returncode, run.stderr.splitlines()[-1]) for run in ended] == [(1, message)] * 2
    assert project.state["triggers"] == {"release-us-central1": theirs}


def test_answers_that_take_long_are_waited_for(cloud):
    project = cloud()
    project.fault({"match": "functions list", "do": "slow"}, {"match": "run services list", "do": "slow"})

    assert "nothing was changed" in project.up()
