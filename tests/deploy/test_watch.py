"""The resources beside the functions: capture of predictions, alerts, and the schedule that retrains."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import numpy as np
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from deploy.outcome import outcome
from model.cli.main import main
from tests.support.captured import entry, lines, traffic
from tests.support.cloud import WRITER, Project
from tests.support.parts import ROOT

WATCHED = {"MONITORING": "on", "ALERT_EMAIL": "ops@example.com"}


@pytest.fixture(scope="module")
def watched(emulator, deployed, tmp_path_factory) -> Iterator[Project]:
    """A project with metrics, alerts and a schedule. An answer got lost on the way, and metrics were not known at once."""
    project = Project(tmp_path_factory.mktemp("watched"), emulator, like=deployed)
    project.fault({"match": "monitoring dashboards create", "do": "lost"})
    assert project.deploy("up", **WATCHED).returncode == 1
    project.fault({"match": "monitoring policies create", "do": "early", "times": 2})
    said = project.up(**WATCHED)
    assert said.count("watching: waiting until the new metrics are known, ten minutes at most") == 1
    for verb in (["trigger", "owner/repo", "release-1.0"], ["schedule", "0 3 * * 1"]):
        ended = project.deploy(*verb)
        assert ended.returncode == 0, ended.stderr
    yield project
    project.close()


def roles(project: Project, name: str) -> set[tuple[str, str, str]]:
    """The roles of an account: kind and name, role, condition."""
    member = name if ":" in name else f"serviceAccount:{name}@{project.id}.iam.gserviceaccount.com"
    return {
        (where, binding["role"].removeprefix("roles/"), binding.get("condition", {}).get("expression", ""))
        for where, bindings in project.state["policies"].items()
        for binding in bindings
        if member in binding["members"]
    }


def test_predictions_are_captured_in_a_bucket_that_forgets_and_only_the_sink_writes_there(deployed):
    state, bucket = deployed.state, f"{deployed.id}-predictions"

    assert state["buckets"][bucket] == {
        "name": bucket,
        "location": "US-CENTRAL1",
        "public_access_prevention": "enforced",
        "uniform_bucket_level_access": True,
        "lifecycle_config": {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 90}}]},
    }
    assert state["sinks"] == {
        "predictions-us-central1": {
            "name": "predictions-us-central1",
            "writerIdentity": WRITER,
            "destination": f"storage.googleapis.com/{bucket}",
            "filter": 'resource.type="cloud_run_revision" resource.labels.location="us-central1"'
            ' resource.labels.service_name=("batch" OR "stream")'
            f' logName="projects/{deployed.id}/logs/run.googleapis.com%2Fstdout"'
            ' jsonPayload.kind=("request" OR "row") jsonPayload.model="linear-regression"',
        }
    }
    assert roles(deployed, WRITER) == {(f"storage buckets gs://{bucket}", "storage.objectCreator", "")}
    captures = {
        name: {key: text for key, text in function["serviceConfig"]["environmentVariables"].items() if "CAPTURE" in key}
        for name, function in state["functions"].items()
    }
    assert captures == {
        "batch": {"CAPTURE": "on", "CAPTURE_ROWS": "20"},
        "stream": {"CAPTURE": "on", "CAPTURE_ROWS": "1"},
    }


def test_a_dataset_is_made_by_hand_and_then_written_to_and_nothing_captured_is_deleted(cloud):
    project = cloud()
    bucket = f"{project.id}-predictions"
    before = len(project.calls())

    ended = project.deploy("up", CAPTURE_SINK="bigquery")

    made = f"bq --location=us-central1 mk --dataset --default_partition_expiration=7776000 {project.id}:predictions"
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, made)
    assert project.changes(before) == []

    project.change(datasets=["predictions"], apis=[*project.state["apis"], "bigquery.googleapis.com"])
    project.up(CAPTURE_SINK="bigquery")

    sink = project.state["sinks"]["predictions-us-central1"]
    dataset = f"projects/{project.id}/datasets/predictions"
    only = f'resource.name == "{dataset}" || resource.name.startsWith("{dataset}/")'
    assert (sink["destination"], sink["bigqueryOptions"]) == (
        f"bigquery.googleapis.com/{dataset}",
        {"usePartitionedTables": True},
    )
    assert roles(project, WRITER) == {(f"projects {project.id}", "bigquery.dataEditor", only)}

    project.up(CAPTURE_SINK="off")

    assert (project.state["sinks"], roles(project, WRITER)) == ({}, set())
    assert bucket in project.state["buckets"]


def test_a_bucket_that_holds_other_things_never_gets_a_lifecycle(cloud):
    theirs = {"name": "theirs", "location": "US-CENTRAL1"}
    project = cloud(objects={"theirs": {"thesis.pdf": ""}})
    project.change(buckets={**project.state["buckets"], "theirs": theirs})
    before = len(project.calls())

    ended = project.deploy("up", CAPTURE_BUCKET="theirs")

    message = (
        "gs://theirs holds objects and keeps them, so it is for something else; choose another name: CAPTURE_BUCKET=…"
    )
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, f"deploy.sh: {message}")
    assert project.changes(before) == []


def test_what_watches_is_made_once_and_its_metrics_are_waited_for(watched):
    state = watched.state
    kinds = ["drift", "errors-4xx", "errors-5xx", "instances", "latency", "out-of-range", "predictions", "requests"]

    assert sorted(state["metrics"]) == [f"linear-regression-us-central1-{kind}" for kind in [*kinds, "retraining"]]
    assert sorted(policy["displayName"] for policy in state["alerts"].values()) == [
        f"linear-regression in us-central1: {name}" for name in ("drift", "errors", "latency", "retraining")
    ]
    (channel,) = state["channels"]
    assert state["channels"][channel]["labels"] == {"email_address": "ops@example.com"}
    assert {tuple(policy["notificationChannels"]) for policy in state["alerts"].values()} == {(channel,)}
    assert len(state["dashboards"]) == 1
    assert "@" not in re.sub("ops@example.com|@project", "", json.dumps([state["metrics"], state["dashboards"]]))


def test_every_alert_stands_on_a_metric_that_is_made_and_says_what_to_do(watched):
    made = {f"logging.googleapis.com/user/{name}" for name in watched.state["metrics"]}
    alerts = watched.state["alerts"].values()

    assert set(re.findall(r"logging\.googleapis\.com/user/[^\"\\]+", json.dumps(list(alerts)))) <= made
    assert all(" 1. " in alert["documentation"]["content"] for alert in alerts)
    names = {name.rsplit("/", 1)[1].replace("-", "_") for name in made}
    shown = set(re.findall(r"logging_googleapis_com:user_(\w+)", json.dumps(watched.state["dashboards"])))
    assert {re.sub("_(bucket|sum)$", "", name) for name in shown} == names


def test_what_differs_from_its_file_is_changed_and_nothing_else(cloud, watched):
    project = cloud(like=watched)
    folder = project.checkout / "deploy" / "monitoring"
    for path, old, new in (
        ("alerts/errors.json", "0.05", "0.02"),
        ("metrics/latency.json", "1.4", "1.2"),
        ("dashboard.json", "median", "half"),
    ):
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new))
    before = len(project.calls())

    project.up(**WATCHED)

    words = [re.sub(r" projects/\S+", "", line) for line in project.changes(before)]
    assert words == [
        "logging metrics update linear-regression-us-central1-latency",
        "monitoring dashboards update",
        "alpha monitoring policies update",
    ]

    before = len(project.calls())
    project.up("--canary", "1", **{**WATCHED, "ALERT_EMAIL": "other@example.com", "ALERT_SILENCE": "on"})

    words = [re.sub(r" projects/\S+", "", line) for line in project.changes(before)]
    changed, made = ("alpha monitoring policies update", "alpha monitoring policies create")
    assert words == [
        "beta monitoring channels create",
        *[changed] * 4,
        made,
        "beta monitoring channels delete",
    ]


def test_monitoring_is_taken_down_by_the_setting_and_nobody_elses_with_it(cloud, watched):
    theirs = {"name": "a", "displayName": "linear-regression in us-central1: mine", "notificationChannels": []}
    project = cloud(like=watched)
    project.change(
        alerts={**project.state["alerts"], "a": theirs}, metrics={**project.state["metrics"], "b": {"name": "b"}}
    )

    project.up(MONITORING="off")

    state = project.state
    assert [state[kind] for kind in ("dashboards", "channels", "alerts", "metrics")] == [
        {},
        {},
        {"a": theirs},
        {"b": {"name": "b"}},
    ]


def test_what_watched_a_former_model_goes_with_the_first_up_of_another(cloud, watched):
    """Its functions are gone, removed by hand."""
    project = cloud(like=watched, functions={}, services={})
    kinds = ("alerts", "channels", "dashboards", "metrics")
    old = {kind: len(project.state[kind]) for kind in kinds}
    theirs = {"name": "a", "displayName": "linear-regression in us-central1: mine", "notificationChannels": []}
    project.change(alerts={**project.state["alerts"], "a": theirs})
    # The other model is in production, and the functions answer as it does.
    python = project.checkout / ".venv" / "bin" / "python"
    python.write_text("#!/usr/bin/env bash\nif [ \"$3\" = history ]; then echo '[1]'; fi\n")

    said = project.up(MODEL_NAME="houses", **WATCHED)

    state = project.state
    assert {kind: len(state[kind]) for kind in kinds} == {**old, "alerts": old["alerts"] + 1}
    assert state["alerts"].pop("a") == theirs
    names = [made["displayName"] for kind in kinds[:3] for made in state[kind].values()] + list(state["metrics"])
    assert [name for name in names if not name.startswith("houses")] == []
    assert "watching: removing the alert linear-regression/errors\n" in said
    assert "watching: removing the dashboard linear-regression in us-central1\n" in said
    before = len(project.calls())
    project.up(MODEL_NAME="houses", **WATCHED)
    assert project.changes(before) == []


def test_a_schedule_starts_a_build_that_may_retrain_and_nothing_else(watched):
    state = watched.state
    account = f"model-retrain@{watched.id}.iam.gserviceaccount.com"

    assert state["triggers"]["retrain-us-central1"] == {
        "name": "retrain-us-central1",
        "sourceToBuild": {"uri": "https://github.com/owner/repo", "ref": "refs/heads/release-1.0"},
        "serviceAccount": f"projects/{watched.id}/serviceAccounts/{account}",
        "substitutions": {"_SETTINGS": f"PROJECT_ID={watched.id} MODEL_BUCKET={watched.bucket}", "_VERB": "retrain"},
    }
    (job,) = state["jobs"].values()
    run = f"projects/{watched.id}/locations/us-central1/triggers/retrain-us-central1:run"
    starter = f"model-schedule@{watched.id}.iam.gserviceaccount.com"
    assert (job["schedule"], job["timeZone"]) == ("0 3 * * 1", "Etc/UTC")
    assert job["httpTarget"] == {
        "uri": f"https://cloudbuild.googleapis.com/v1/{run}",
        "oauthToken": {"serviceAccountEmail": starter},
    }
    objects = f"projects/_/buckets/{watched.bucket}/objects"
    ours, rows = (f'resource.name.startsWith("{objects}/{prefix}/")' for prefix in ("linear-regression", "data"))
    aliases = f'resource.name.startsWith("{objects}/linear-regression/aliases/")'
    bucket = f'resource.name == "projects/_/buckets/{watched.bucket}"'
    assert roles(watched, "model-retrain") == {
        (f"projects {watched.id}", "logging.logWriter", ""),
        (f"projects {watched.id}", "browser", ""),
        (f"projects {watched.id}", "serviceusage.serviceUsageConsumer", ""),
        (f"storage buckets gs://{watched.bucket}", "storage.objectViewer", f"{bucket} || {ours} || {rows}"),
        (f"storage buckets gs://{watched.bucket}", "storage.objectCreator", ours),
        (f"storage buckets gs://{watched.bucket}", "storage.objectUser", f"{aliases} || {rows}"),
        (f"storage buckets gs://{watched.id}-predictions", "storage.objectViewer", ""),
    }
    role = f"projects/{watched.id}/roles/modelRetrainStarter"
    assert roles(watched, "model-schedule") == {
        (f"projects {watched.id}", role, ""),
        (f"iam service-accounts {account}", "iam.serviceAccountUser", ""),
    }
    assert state["roles"] == {role: {"permissions": "cloudbuild.builds.create"}}


def test_a_schedule_is_shown_changed_only_where_it_differs_and_removed(cloud, watched):
    project = cloud(like=watched)
    before = len(project.calls())

    ended = [project.deploy(*verb) for verb in (["schedule", "0 3 * * 1"], ["schedule"])]

    dry = project.deploy("--dry-run", "schedule", "0 4 * * 1")
    assert project.changes(before) == []
    assert "would run: gcloud scheduler jobs update http retrain-us-central1" in dry.stderr
    assert ended[0].stderr == "scheduled already: nothing was changed\n"
    assert ended[1].stdout == "schedule 0 3 * * 1 (UTC), enabled; next ?, last never\n"

    lines = project.deploy("status", MONITORING="on").stdout.splitlines()
    assert lines[9:13] == [
        "SQL      none; ./deploy.sh bigquery DATASET makes it",
        f"capture  storage.googleapis.com/{project.id}-predictions, by the sink predictions-us-central1",
        "schedule 0 3 * * 1 (UTC), enabled; next ?, last never",
        "alerts   drift, errors, latency, retraining, to ops@example.com",
    ]

    project.deploy("schedule", "*/30 4 * jan-mar mon")
    project.deploy("schedule", "off")

    assert project.changes(before) == [
        "scheduler jobs update http retrain-us-central1",
        "scheduler jobs delete retrain-us-central1",
    ]


def test_a_schedule_takes_its_code_from_where_releases_come_from(cloud):
    project = cloud()
    before = len(project.calls())

    ended = project.deploy("schedule", "@daily"), project.deploy("schedule", "0 3 * * 1")

    said = "a retraining takes its code from where releases come from, and there is no trigger yet: ./deploy.sh trigger OWNER/REPO BRANCH"
    assert [run.returncode for run in ended] == [2, 1]
    assert ended[1].stderr == f"deploy.sh: {said}\n"
    assert project.changes(before) == []


@pytest.mark.process
def test_cron_expressions_are_taken_or_refused_by_field():
    taken = ["0 3 * * 1", "*/15 0-6/2 1,15 jan-jun,12 mon-fri", "59 23 31 12 7", "08 09 * * SUN"]
    refused = {
        "60 3 * * 1": "the minute must be * or numbers from 0 to 59",
        "0 24 * * 1": "the hour must be * or numbers from 0 to 23",
        "0 3 0 * 1": "the day of the month must be * or numbers from 1 to 31",
        "0 3 * 13 1": "the month must be * or numbers from 1 to 12",
        "0 3 * * 8": "the day of the week must be * or numbers from 0 to 7",
        "0 5-3 * * 1": "the hour must be * or numbers from 0 to 23",
        "0 3, * * 1": "the hour must be * or numbers from 0 to 23",
        "0/5 3 * * 1": "the minute must be * or numbers from 0 to 59",
        "*/0 3 * * 1": "the minute must be * or numbers from 0 to 59",
        "*/90 3 * * 1": "the minute must be * or numbers from 0 to 59",
        "0 3 * * sunmon": "the day of the week must be * or numbers from 0 to 7",
        "0 3 * jan1 *": "the month must be * or numbers from 1 to 12",
        "0 3 * mon *": "the month must be * or numbers from 1 to 12",
        "0 3 * * 1;x": "the day of the week must be * or numbers from 0 to 7",
        "@weekly": "schedule takes a cron expression of five fields",
        "0 3 * * 1 2026": "schedule takes a cron expression of five fields",
    }
    script = """
        . "$1/deploy/settings.sh"; . "$1/deploy/cron.sh"
        usage_error() { printf '%s\\n' "$1"; exit; }
        for cron in "${@:2}"; do (check_cron "$cron" && echo taken); done"""

    ended = subprocess.run(
        ["bash", "-euc", script, "-", ROOT, *taken, *refused], capture_output=True, text=True, check=True
    )

    said = ended.stdout.splitlines()
    assert said[: len(taken)] == ["taken"] * len(taken)
    assert [
        wanted for wanted, text in zip(refused.values(), said[len(taken) :], strict=True) if wanted not in text
    ] == []


@pytest.mark.parametrize(
    ("monitor", "retrain", "status", "severity", "outcome"),
    [
        pytest.param((3, "alert"), (0, "promoted"), 0, "WARNING", ["alert", "done"], id="drift-and-a-better-model"),
        pytest.param((0, "ok"), (3, "rejected"), 3, "WARNING", ["ok", "rejected"], id="rejected"),
        pytest.param((1, ""), (0, "nothing to do"), 1, "WARNING", ["failed", "done"], id="the-monitor-fails"),
        pytest.param((1, ""), (3, "rejected"), 3, "WARNING", ["failed", "rejected"], id="both-say-no"),
    ],
)
def test_a_retraining_leaves_a_report_and_an_entry_whatever_it_decides(
    cloud, monitor, retrain, status, severity, outcome
):
    project = cloud()
    findings = [{"feature": "age", "status": "warn"}, {"feature": "bmi", "status": "alert"}]
    seen = json.dumps({"status": monitor[1], "findings": findings}) if monitor[1] else "cut off {"
    decided = json.dumps({"decision": retrain[1], "version": 2, "reason": "why"})
    calls = project.stub_verbs((monitor[0], seen), (retrain[0], decided))

    ended = project.deploy("retrain", LABELS="gs://labels/rows.csv")

    assert ended.returncode == status, ended.stderr
    captured = f"gs://{project.id}-predictions/run.googleapis.com/stdout/"
    report = project.checkout / ".local" / "retrain" / "report.html"
    known = "" if monitor[0] == 1 else f" --captured {captured} --labels gs://labels/rows.csv"
    assert calls.read_text().splitlines() == [
        f"monitor {captured} --json --report {report} --labels gs://labels/rows.csv",
        f"retrain{known} --json",
    ]
    (entry,) = project.state["entries"]
    payload = entry["jsonPayload"]
    assert (entry["log"], entry["severity"]) == ("model-retraining", severity)
    assert [payload["status"], payload["outcome"]] == outcome
    assert (payload["decision"], payload["version"], payload["reason"]) == (retrain[1], 2, "why")
    assert json.loads(ended.stdout) == payload
    reports = project.state["objects"].get(project.bucket, {})
    if monitor[0] == 1:
        assert (reports, payload["report"]) == ({}, None)
        assert "monitor: it failed (see above, exit status 1); the data alone decide\n" in ended.stderr
    else:
        ((name, text),) = reports.items()
        assert re.fullmatch(r"linear-regression/monitoring/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.html", name)
        assert (text, payload["report"]) == ("<p>drift</p>\n", f"gs://{project.bucket}/{name}")
        assert payload["worst_finding"] == {"feature": "bmi", "status": "alert"}


def test_a_retraining_with_nothing_in_place_of_the_verbs(cloud, monkeypatch):
    """Inputs moved by a standard deviation alert; the data hold no row that is new, so nothing is trained."""
    project = cloud(up=False)  # with a bucket of its own
    project.up()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", project.state["emulator"])
    monkeypatch.setenv("MODEL_BUCKET", project.bucket)
    assert main(["train"]) == 3  # what is there was made by hand, and does not say what it kept aside
    assert main(["promote", "--force", "--reason", "to begin with"]) == 0
    client = storage.Client(credentials=AnonymousCredentials(), project="test")
    bucket = client.bucket(f"{project.id}-predictions")
    moved = np.random.default_rng(1).normal(0.05, 0.05, size=400)
    drifted = map(entry, traffic({"bmi": moved.tolist()}, (150 + 950 * moved).tolist(), version=2))
    bucket.blob("run.googleapis.com/stdout/2026/11/24/x.json").upload_from_string(lines(drifted))

    ended = project.deploy("retrain")

    said = json.loads(ended.stdout)
    assert ended.returncode == 0, ended.stderr
    assert (said["status"], said["outcome"], said["decision"], said["version"]) == (
        "alert",
        "done",
        "nothing to do",
        None,
    )
    assert said["worst_finding"]["code"] == "input-skew"
    assert said["reason"].startswith("input-skew: version 2, bmi: ")
    ((_, page),) = project.state["objects"][project.bucket].items()
    assert "input-skew" in page


def test_without_a_bucket_of_predictions_the_data_alone_decide(cloud):
    project = cloud()
    calls = project.stub_verbs((0, "{}"), (0, "{}"))

    ended = project.deploy("retrain", CAPTURE_SINK="off")

    assert (ended.returncode, calls.read_text()) == (0, "retrain --json\n")
    (entry,) = project.state["entries"]
    assert (entry["severity"], entry["jsonPayload"]["status"]) == ("INFO", "not asked")


@pytest.mark.parametrize(
    ("call", "retrain", "status", "told"),
    [
        pytest.param("storage cp", 0, 1, ["alert"], id="report"),
        pytest.param("logging write", 0, 1, [], id="entry"),
        pytest.param("logging write", 3, 3, [], id="entry-of-a-rejection"),
    ],
)
def test_what_cannot_be_kept_or_told_is_no_success_and_hides_no_drift(cloud, call, retrain, status, told):
    project = cloud()
    project.stub_verbs((3, '{"status": "alert"}'), (retrain, "{}"))
    project.fault({"match": call, "do": "refuse"})

    ended = project.deploy("retrain")

    assert ended.returncode == status, ended.stderr
    assert "could not be " in ended.stderr
    assert [entry["jsonPayload"]["status"] for entry in project.state["entries"]] == told


def test_a_retraining_that_ends_early_is_told_of_too(cloud):
    project = cloud()
    (project.checkout / ".local" / "venv.lock").mkdir(parents=True)  # no environment can be made

    ended = project.deploy("retrain")

    assert ended.returncode == 1
    (entry,) = project.state["entries"]
    assert (entry["severity"], entry["jsonPayload"]["outcome"]) == ("ERROR", "failed")


def test_a_dry_run_of_retrain_runs_nothing(cloud):
    project = cloud()
    calls = project.stub_verbs((0, "{}"), (0, "{}"))

    ended = project.deploy("--dry-run", "retrain", CAPTURE_SINK="bucket")

    assert (ended.returncode, ended.stdout, calls.exists()) == (0, "", False)
    assert [line.split(" --")[0].rsplit(" gs://")[0] for line in ended.stderr.splitlines()][::2] == [
        "would run: python -m model monitor",
        "would run: python -m model retrain",
    ]
    assert project.state["objects"] == {}


def test_down_removes_what_watches_and_retrains_and_keeps_what_was_captured(cloud, watched):
    project = cloud(like=watched)

    ended = project.deploy("down", "--yes")

    assert ended.returncode == 0, ended.stderr
    state = project.state
    gone = ("functions", "triggers", "jobs", "sinks", "metrics", "dashboards", "alerts", "channels")
    assert [state[kind] for kind in gone] == [{}] * len(gone)
    assert state["accounts"] == []
    assert [binding for bindings in state["policies"].values() for binding in bindings if binding["members"]] == []
    assert sorted(state["buckets"]) == [f"{project.id}-models", f"{project.id}-predictions"]
    assert project.deploy("down", "--yes").stderr == "nothing is there to remove\n"


@pytest.mark.parametrize(
    ("arguments", "status", "severity", "said"),
    [
        pytest.param((0, 0), "ok", "INFO", "done", id="fine"),
        pytest.param((3, 0), "alert", "WARNING", "done", id="drift"),
        pytest.param((0, 3), "ok", "WARNING", "rejected", id="rejected"),
        pytest.param((0, 1), "ok", "ERROR", "failed", id="failed"),
        pytest.param((-1, 0), "not asked", "INFO", "done", id="nothing-captured"),
        pytest.param((2, 2), "failed", "ERROR", "failed", id="both"),
    ],
)
def test_what_came_of_it_is_said_by_the_exit_statuses_where_nothing_was_printed(arguments, status, severity, said):
    found, entry = outcome(
        {}, {}, monitor_status=arguments[0], retrain_status=arguments[1], model="m", region="r", report=""
    )

    assert (found, entry["status"], entry["outcome"], entry["decision"]) == (severity, status, said, said)
    assert entry["message"] == f"retraining of m: {said}; monitor: {status}"


def test_what_is_long_is_cut_and_what_is_no_list_is_no_finding():
    long = {"status": "warn", "values": list(range(9999))}

    _, entry = outcome(
        {"status": "warn", "findings": [long]},
        {"reason": "x" * 9999, "version": "2"},
        monitor_status=0,
        retrain_status=0,
        model="m",
        region="r",
        report="gs://b/r.html",
    )
    _, other = outcome({"findings": "none"}, {}, monitor_status=0, retrain_status=0, model="m", region="r", report="")

    assert (len(entry["worst_finding"]), len(entry["reason"])) == (4001, 4001)
    assert (entry["version"], entry["report"], other["worst_finding"]) == (None, "gs://b/r.html", None)
