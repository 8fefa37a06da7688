"""./deploy.sh takes settings from the environment and .env, and refuses wrong ones before it looks or changes."""

from __future__ import annotations

import pytest

from tests.support.cloud import OWNER


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        pytest.param(
            {"PROJECT_ID": "My Project"},
            "PROJECT_ID must be the id of a project, 6 to 30 lower-case letters, digits or '-', or its number, got 'My Project'",
            id="blank",
        ),
        pytest.param({"REGION": "us"}, "REGION must be a region, like us-central1, got 'us'", id="region"),
        pytest.param(
            {"MODEL_BUCKET": "gs://x"}, "MODEL_BUCKET must be the name of a bucket, got 'gs://x'", id="bucket"
        ),
        pytest.param({"BATCH_MEMORY": "2GB"}, "BATCH_MEMORY must be a size like 512Mi or 2Gi, got '2GB'", id="unit"),
        pytest.param(
            {"STREAM_CONCURRENCY": "0"}, "STREAM_CONCURRENCY must be a whole number from 1 to 1000, got '0'", id="zero"
        ),
        pytest.param(
            {"STREAM_TIMEOUT_SECONDS": "3601"},
            "STREAM_TIMEOUT_SECONDS must be whole seconds from 1 to 3600, got '3601'",
            id="timeout",
        ),
        pytest.param({"BATCH_CPU": "3"}, "BATCH_CPU must be 1, 2, 4, 6 or 8, got '3'", id="cpu"),
        pytest.param(
            {"BATCH_MIN_INSTANCES": "11"},
            "BATCH_MIN_INSTANCES must be at most BATCH_MAX_INSTANCES (10), got 11",
            id="more-than-most",
        ),
        pytest.param(
            {"BATCH_MAX_BODY_BYTES": "99999999"},
            "BATCH_MAX_BODY_BYTES must be at most 33554432, which is what the platform takes, got 99999999",
            id="body",
        ),
        pytest.param(
            {"ALLOW_UNAUTHENTICATED": "yes"}, "ALLOW_UNAUTHENTICATED must be 0 or 1, got 'yes'", id="unauthenticated"
        ),
        pytest.param(
            {"ALERT_EMAIL": "ops at example.com"},
            "ALERT_EMAIL must be an address like somebody@example.com, got 'ops at example.com'",
            id="email",
        ),
        pytest.param(
            {"FUNCTION_PREFIX": "Houses_1"},
            "FUNCTION_PREFIX must be 1 to 20 lower-case letters, digits or '-', from a letter on, got 'Houses_1'",
            id="prefix",
        ),
        pytest.param(
            {"FUNCTION_PREFIX": "h" * 21},  # the names of service accounts have 30 characters at most
            f"FUNCTION_PREFIX must be 1 to 20 lower-case letters, digits or '-', from a letter on, got '{'h' * 21}'",
            id="prefix-too-long",
        ),
        pytest.param(
            {"FUNCTION_PREFIX": "model"},
            "FUNCTION_PREFIX must not be model, which begins the names that are used without one, got 'model'",
            id="prefix-of-all",
        ),
        pytest.param(
            {"FUNCTION_PREFIX": "h" * 20, "MODEL_NAME": "m" * 63, "MONITORING": "on"},
            "FUNCTION_PREFIX, MODEL_NAME and REGION must have at most 85 characters together, since metrics are named after them",
            id="metric-too-long",
        ),
        pytest.param(
            {"MODEL_CONFIG": "/nowhere/houses.toml"},
            "MODEL_CONFIG must be a file, there is none at /nowhere/houses.toml",
            id="config",
        ),
        pytest.param({"CAPTURE_SINK": "gcs"}, "CAPTURE_SINK must be bucket, bigquery or off, got 'gcs'", id="sink"),
        pytest.param(
            {"LABELS": "a file.csv"},
            "LABELS must be a path or gs:// address, without blanks, got 'a file.csv'",
            id="labels",
        ),
        pytest.param(
            {"MODEL_NAME": "a$(touch hacked)"},
            "MODEL_NAME must be lower-case letters, digits, '.', '_' or '-', got 'a$(touch hacked)'",
            id="hostile",
        ),
        pytest.param(
            {"REGION": "us-central1\nBATCH_CPU=2"},
            "REGION must be a region, like us-central1, got $'us-central1\\nBATCH_CPU=2'",
            id="two-lines",
        ),
        pytest.param(
            {"BATCH_MEMROY": "2Gi"},
            "BATCH_MEMROY, in the environment, is no setting of a deployment; unset it, or see the README for those there are",
            id="unknown",
        ),
        pytest.param(
            {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:9"},
            "STORAGE_EMULATOR_HOST is set (by .local/env?), which leads away from the real bucket; use another terminal",
            id="emulator",
        ),
    ],
)
def test_what_is_wrong_in_the_environment_is_named_before_gcloud_is_called(cloud, environ, message):
    project = cloud(up=False, model=False)

    ended = project.deploy("up", **environ)

    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"deploy.sh: {message}\n")
    assert project.calls() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("REGION us-east1\n", ".env, line 1: must be NAME=VALUE, without blanks around =", id="no-equals"),
        pytest.param(
            "# one\n\nREGOIN=us-east1\n",
            "REGOIN, in .env, is no setting of a deployment; the README has a table of those there are",
            id="unknown",
        ),
        pytest.param("REGION=us-east1\nREGION=us-west1\n", ".env, line 2: REGION stands there twice", id="twice"),
        pytest.param(
            "REGION=\n REGION='mars'", "REGION must be a region, like us-central1, got 'mars' (in .env)", id="value"
        ),
        pytest.param(
            "MODEL_NAME=$(touch hacked)\n",
            "MODEL_NAME must be lower-case letters, digits, '.', '_' or '-', got '$(touch hacked)' (in .env)",
            id="run",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_line(cloud, text, message):
    project = cloud(up=False, model=False)
    (project.checkout / ".env").write_text(text)

    ended = project.deploy("status")

    if "=\n REGION" in text:
        message = ".env, line 2: REGION stands there twice"
    assert (ended.returncode, ended.stderr) == (2, f"deploy.sh: {message}\n")
    assert project.calls() == []
    assert not (project.checkout / "hacked").exists()


@pytest.mark.parametrize("verb", ["local", "test", "lock"])
def test_a_verb_of_this_machine_makes_no_dry_run(cloud, verb):
    ended = cloud(up=False, model=False).deploy("--dry-run", verb)

    message = f"--dry-run is for the verbs on Google Cloud, {verb} is none"
    assert (ended.returncode, ended.stderr) == (2, f"deploy.sh: {message} (./deploy.sh help)\n")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("example.org", id="no-scheme"),
        pytest.param("https://example.org/", id="path"),
        pytest.param("https://Example.org", id="upper-case"),
        pytest.param("https://a.org, https://b.org", id="blank"),
        pytest.param("https://a.org,", id="comma"),
        pytest.param("https://a.org|MODEL_NAME=x", id="separator"),
        pytest.param("*,https://a.org", id="all-and-one"),
    ],
)
@pytest.mark.parametrize("verb", ["up", "local"])
def test_origins_that_are_none_are_named_before_anything_happens(cloud, verb, value):
    project = cloud(up=False, model=False)

    ended = project.deploy(verb, CORS_ORIGINS=value)

    message = (
        f"deploy.sh: CORS_ORIGINS must be origins like https://example.org, separated by commas, or *, got '{value}'\n"
    )
    assert (ended.returncode, ended.stderr, project.calls()) == (2, message, [])


@pytest.mark.parametrize(
    ("open_to_all", "warned"), [pytest.param("0", True, id="private"), pytest.param("1", False, id="public")]
)
def test_origins_reach_both_functions_and_private_ones_warn_of_preflights(cloud, open_to_all, warned):
    project = cloud()
    origins = "https://example.org,http://localhost:3000,https://[::1]:8443"

    said = project.up(CORS_ORIGINS=origins, ALLOW_UNAUTHENTICATED=open_to_all)

    configured = {name: function["serviceConfig"] for name, function in project.state["functions"].items()}
    assert [one["environmentVariables"]["CORS_ORIGINS"] for one in configured.values()] == [origins, origins]
    assert ("a browser's preflight has no token, and is refused before it reaches them" in said) == warned


def test_what_only_looks_like_a_setting_does_not_stand_in_the_way_of_a_rollback(cloud, released):
    ended = cloud(like=released).deploy("rollback", BATCH_SIZE="64")

    assert ended.returncode == 0, ended.stderr


def test_the_file_sets_and_the_environment_overrides(cloud):
    project = cloud()
    lines = [
        "# ours",
        "",
        " export STREAM_MEMORY='512Mi' ",
        'BATCH_MEMORY="1Gi"  \r',
        "BATCH_CPU=2",
        "MODEL_REFRESH_SECONDS=5",
    ]
    (project.checkout / ".env").write_text("\n".join(lines))

    project.up(BATCH_CPU="4")

    configured = {name: function["serviceConfig"] for name, function in project.state["functions"].items()}
    assert (configured["stream"]["availableMemory"], configured["stream"]["availableCpu"]) == ("512Mi", "1")
    assert (configured["batch"]["availableMemory"], configured["batch"]["availableCpu"]) == ("1Gi", "4")
    assert configured["batch"]["environmentVariables"]["MODEL_REFRESH_SECONDS"] == "5"


@pytest.mark.parametrize(
    ("state", "environ", "status", "message"),
    [
        pytest.param({"account": ""}, {}, 1, "gcloud has no account; sign in: gcloud auth login", id="no-account"),
        pytest.param(
            {"configured_project": ""},
            {},
            2,
            "PROJECT_ID is not set, and gcloud has no project; gcloud config set project …",
            id="no-project",
        ),
        pytest.param(
            {},
            {"PROJECT_ID": "somebody-elses"},
            1,
            f"project somebody-elses does not exist, or {OWNER} may not see it",
            id="absent-project",
        ),
        pytest.param(
            {},
            {"MODEL_BUCKET": "models", "CAPTURE_BUCKET": "models"},
            2,
            "CAPTURE_BUCKET must be another bucket than MODEL_BUCKET, since it forgets after days; both are models",
            id="one-bucket",
        ),
        pytest.param(
            {},
            {"GCLOUD": "/nowhere/gcloud"},
            1,
            "/nowhere/gcloud is not on this machine; install the Google Cloud CLI,"
            " https://cloud.google.com/sdk/docs/install (GCLOUD=…)",
            id="no-gcloud",
        ),
    ],
)
@pytest.mark.parametrize("verb", [["up"], ["status"], ["invoke", "stream", "0.5"], ["down", "--yes"]], ids=" ".join)
def test_without_somebody_and_somewhere_to_work_for_nothing_begins(cloud, verb, state, environ, status, message):
    project = cloud(up=False, model=False, **state)

    ended = project.deploy(*verb, **environ)

    assert (ended.returncode, ended.stdout) == (status, "")
    assert ended.stderr.splitlines()[-1] == f"deploy.sh: {message}"
    assert project.changes() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["up", "--canary"],
            "up takes --canary and a percentage from 1 to 99, or nothing, got: --canary (--dry-run comes before the verb)",
            id="none",
        ),
        pytest.param(
            ["up", "--canary", "100"],
            "up takes --canary and a percentage from 1 to 99, or nothing, got: --canary 100 (--dry-run comes before the verb)",
            id="all",
        ),
        pytest.param(
            ["up", "now"],
            "up takes --canary and a percentage from 1 to 99, or nothing, got: now (--dry-run comes before the verb)",
            id="word",
        ),
        pytest.param(["traffic"], "traffic takes a percentage from 1 to 100, got: ", id="traffic-nothing"),
        pytest.param(["traffic", "101"], "traffic takes a percentage from 1 to 100, got: 101", id="traffic-too-much"),
        pytest.param(
            ["rollback", "2"],
            "rollback takes no arguments, got: 2 (for the model: ./deploy.sh model rollback)",
            id="rollback",
        ),
        pytest.param(
            ["invoke", "both", "1"], "invoke takes [--http] batch|stream and instances, got: both 1", id="invoke-who"
        ),
        pytest.param(
            ["invoke", "batch"], "invoke takes [--http] batch|stream and instances, got: batch", id="invoke-what"
        ),
        pytest.param(["logs", "all"], "logs takes batch, stream or nothing, got: all", id="logs"),
        pytest.param(["status", "batch"], "status takes no arguments, got: batch", id="status"),
        pytest.param(
            ["grant", "allUsers"],
            "grant takes user:…, group:…, serviceAccount:… or domain:…, got: 'allUsers'; for everybody: ALLOW_UNAUTHENTICATED=1 ./deploy.sh up",
            id="everybody",
        ),
        pytest.param(
            ["revoke", "user:a b"],
            r"revoke takes user:…, group:…, serviceAccount:… or domain:…, got: 'user:a b'; for everybody: ALLOW_UNAUTHENTICATED=1 ./deploy.sh up",
            id="member",
        ),
        pytest.param(
            ["trigger", "repo", "main"], r"trigger takes OWNER/REPO and BRANCH, got: 'repo main'", id="trigger"
        ),
        pytest.param(["trigger", "o/r", ".*;x"], r"trigger takes OWNER/REPO and BRANCH, got: 'o/r .*;x'", id="branch"),
        pytest.param(["down", "everything"], "down takes --with-bucket and --yes, got: everything", id="down"),
        pytest.param(
            ["schedule", "0 3 * *"],
            "schedule takes a cron expression of five fields (minute, hour, day of the month, month, day of the week), like '0 3 * * 1', got: '0 3 * *'",
            id="schedule",
        ),
        pytest.param(
            ["schedule", "0", "3", "*", "*", "1"],
            "schedule takes a cron expression in one word, off, or nothing, got: '0 3 * * 1'",
            id="schedule-unquoted",
        ),
        pytest.param(["retrain", "now"], "retrain takes no arguments, got: 'now'", id="retrain"),
        pytest.param(["--dry-run"], "a verb is missing", id="dry-run-alone"),
    ],
)
def test_wrong_arguments_are_said_before_anything_is_looked_at(cloud, arguments, message):
    project = cloud(up=False, model=False)

    ended = project.deploy(*arguments)

    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"deploy.sh: {message} (./deploy.sh help)\n")
    assert project.calls() == []
