"""The real Google Cloud CLI judges, offline, the command lines, the formats and the upload."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.page.page import SCRIPTS
from tests.support.cloud import Project
from tests.support.parts import ROOT
from tests.support.standin import gcloud as standin


def ask(gcloud: str, *arguments: object) -> str:
    return subprocess.run(
        [gcloud, *map(str, arguments)], capture_output=True, text=True, check=True, timeout=110
    ).stdout


TOGETHER = """
import io, json, sys
lib = sys.argv[1]
sys.path[:0] = [lib, lib + "/third_party"]
from googlecloudsdk import gcloud_main
from googlecloudsdk.core import log
cli = gcloud_main.CreateCLI([])
gcloud_main.CreateCLI = lambda _: cli
printed = []
for arguments in json.load(sys.stdin):
    out = io.StringIO()
    log.Reset(stdout=out)
    cli.Execute(arguments)
    printed.append(out.getvalue())
json.dump(printed, sys.stdout)
"""
"""Runs command lines with one start of the CLI, whose linter starts it twice a line otherwise."""


def run_with(lib: Path, program: str, *arguments: object, **options: Any) -> str:
    """Run a Python program that imports the CLI."""
    said = subprocess.run(
        [shutil.which("python3"), "-c", program, lib, *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=100, **options,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    return said.stdout


def ask_together(lib: Path, lines: list[list[str]]) -> list[str]:
    """What each line prints."""
    return json.loads(run_with(lib, TOGETHER, input=json.dumps(lines)))


@pytest.fixture(scope="module")
def lib(gcloud) -> Path:
    """Where the code of the CLI stands."""
    return Path(ask(gcloud, "info", "--format=value(installation.sdk_root)").strip()) / "lib"


@pytest.fixture(scope="module")
def everything(emulator, deployed, tmp_path_factory) -> Iterator[Project]:
    """A project on which every verb was run, in every form that issues a command line of its own."""
    bigquery = {"datasets": {"sales": {"location": "us-central1", "routines": {}}}, "connections": {}}
    backends = deployed.state["backends"]
    project = Project(tmp_path_factory.mktemp("everything"), emulator, backends=backends, bigquery=bigquery)
    project.publish()
    project.up(MONITORING="on", ALERT_EMAIL="a@b.co")
    project.edit_code()
    edit_templates(project)
    project.up("--canary", "10", MONITORING="on", ALERT_EMAIL="c@d.co", DEPLOY_LEASE_SECONDS="0.2")
    project.stub_verbs((0, '{"status": "ok"}'), (0, '{"decision": "nothing to do"}'))
    for verb in (
        ["traffic", "100"],
        ["rollback"],
        ["invoke", "batch", '[0.5, {"bmi": 0.2}]'],
        ["invoke", "--http", "stream", "0.5"],
        ["model", "history"],
        ["status"],
        ["logs", "batch"],
        ["grant", "user:a@b.c"],
        ["revoke", "user:a@b.c"],
        ["bigquery", "sales"],
        ["trigger", "owner/repo", "main"],
        ["schedule", "0 3 * * 1"],
        ["retrain"],
    ):
        ended = project.deploy(*verb)
        assert ended.returncode == 0, ended.stderr
    tamper(project)
    assert project.deploy("schedule", "0 4 * * 1").returncode == 0
    assert project.deploy("schedule", "off").returncode == 0
    project.up(ALLOW_UNAUTHENTICATED="1", CAPTURE_SINK="bigquery")
    project.up(CAPTURE_SINK="off")
    project.change(account=f"model-release@{project.id}.iam.gserviceaccount.com")
    project.up()
    assert project.deploy("trigger", "owner/repo", "other").returncode == 0
    assert project.deploy("down", "--with-bucket", "--yes").returncode == 0
    yield project
    project.close()


def edit_templates(project: Project) -> None:
    """Make every template of what watches another one."""
    for path in (project.checkout / "deploy" / "monitoring").rglob("*.json"):
        path.write_text(path.read_text().replace("{", "{ ", 1))


def tamper(project: Project) -> None:
    """Change by hand what only a change by hand makes different."""
    state = project.state
    state["jobs"]["retrain-us-central1"]["state"] = "PAUSED"
    for role in state["roles"].values():
        role["deleted"] = True
    for name in ("models", "predictions"):
        del state["buckets"][f"{project.id}-{name}"]["lifecycle_config"]
    project.change(**{**state, "datasets": ["predictions"], "apis": [*state["apis"], "bigquery.googleapis.com"]})


def written_commands() -> set[str]:
    """The words of every gcloud command that stands in the scripts, as far as they are literal."""
    lines = [line for path in (ROOT / "deploy").glob("*.sh") for line in path.read_text().splitlines()]
    issued = re.compile(
        r'(?:^\s*|\bdo |\bthen |\|\| |&& |\$\()(?:look|change|persist|"\$gcloud") ((?:[a-z][a-z-]* )*[a-z][a-z-]*)'
    )
    return {found[1] for line in lines if (found := issued.search(line))}


def same_lease(word: str) -> str:
    """Without what differs from lease to lease, since each line takes the linter a while."""
    return re.sub(r"(generation-match=|renewed=)\d+|(\bid=|holder=)[^;]+", r"\1\g<2>1", word)


def quoted(word: str) -> str:
    """As a person quotes: the linter takes a quoted --option for the value of the one before."""
    name, equals, value = word.partition("=")
    return f"{name}={shlex.quote(value)}" if word.startswith("--") and equals else shlex.quote(word)


def test_every_command_line_is_valid_and_every_command_was_tried(lib, everything, tmp_path):
    issued = [call for call in everything.calls() if call[0] != "bq"]  # that has a test of its own
    calls = {" ".join(["gcloud", *(quoted(same_lease(word)) for word in call)]) for call in issued}
    tried = {" ".join(word for word in call if not word.startswith("-")) for call in everything.calls()}
    wrong = "gcloud run services update-traffic batch --to-revisoins=a=100"
    commands = tmp_path / "commands.json"
    commands.write_text(json.dumps([{"command_string": line} for line in [*sorted(calls), wrong]]))

    (printed,) = ask_together(lib, [["meta", "lint-gcloud-commands", f"--commands-file={commands}"]])

    *found, mistyped = json.loads(printed)
    assert [(entry["command_string"], entry["error_message"]) for entry in found if not entry["success"]] == []
    assert len(found) == len(calls)
    assert (mistyped["success"], mistyped["error_type"]) == (False, "UnrecognizedArgumentsError")
    written = {words for words in written_commands() if not words.startswith("bq")}
    assert {"functions deploy", "run services update-traffic", "auth print-identity-token"} <= written
    assert {words for words in written if not any(line.startswith(words) for line in tried)} == set()


RECORDS: list[dict[str, Any]] = [
    {
        "metadata": {"name": "batch"},
        "spec": {"template": {"spec": {"containers": [{"env": [{"name": "RELEASE", "value": "0f"}]}]}}},
        "status": {
            "url": "https://batch",
            "latestReadyRevisionName": "batch-2",
            "traffic": [{"revisionName": "batch-1", "percent": 100}, {"revisionName": "batch-2", "tag": "candidate"}],
        },
    },
    {"metadata": {"name": "bare"}, "status": {"traffic": []}},
    {"metadata": {"name": "follows"}, "status": {"traffic": [{"latestRevision": True, "percent": 100}]}},
    {"name": "projects/p/locations/r/functions/batch", "state": "ACTIVE", "labels": {"made-by": "deploy-sh"}},
    {"serviceConfig": {"timeoutSeconds": 60, "environmentVariables": {"MODEL_NAME": "a"}}, "buildConfig": None},
    {
        "name": "bucket",
        "location": "US",
        "versioning_enabled": True,
        "uniform_bucket_level_access": False,
        "lifecycle_config": {"rule": [{"action": {"type": "Delete"}, "condition": {"isLive": False}}]},
    },
    {
        "bindings": [
            {"role": "r", "members": ["a", "b"]},
            {"role": "s", "members": ["c"], "condition": {"expression": 'x("y")'}},
        ]
    },
    {"bindings": []},
    {"etag": "no bindings"},
    {"config": {"name": "run.googleapis.com"}},
    {"email": "a@b.c", "account": "d@e.f", "lifecycleState": "ACTIVE"},
    {"timestamp": "2026-11-24T01:02:03.456789Z", "severity": "ERROR", "jsonPayload": {"message": "m"}},
    {
        "name": "projects/p/alertPolicies/7",
        "userLabels": {"made-by": "deploy-sh", "digest": "0f"},
        "labels": {"made-by": "deploy-sh", "email_address": "a@b.co"},
        "displayName": "m in r: errors",
        "etag": "x",
        "description": "d (deploy.sh 0f)",
    },
    {
        "name": "s",
        "destination": "d",
        "filter": 'a="b"',
        "writerIdentity": "w",
        "bigqueryOptions": {"usePartitionedTables": True},
    },
    {"name": "s", "disabled": True, "deleted": True, "id": "p:d"},
    {
        "name": "projects/p/locations/r/jobs/j",
        "schedule": "0 3 * * 1",
        "timeZone": "Etc/UTC",
        "state": "ENABLED",
        "httpTarget": {"uri": "u", "oauthToken": {"serviceAccountEmail": "a@b.c"}},
        "scheduleTime": "2026-11-30T03:00:00Z",
        "status": {"code": 7},
    },
    {"lifecycle_config": {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 90}}]}},
    {"name": "t", "sourceToBuild": {"uri": "u", "ref": "refs/heads/b"}, "substitutions": {"_VERB": "retrain"}},
    {
        "name": "t",
        "github": {"owner": "o", "name": "n", "push": {"branch": "^b$"}},
        "substitutions": {"_SETTINGS": "A=b C=d"},
    },
]


def test_what_the_scripts_parse_is_printed_by_the_stand_in_as_by_gcloud(lib, everything, tmp_path):
    printing = {
        tuple(word for word in call if word.startswith(("--flatten=", "--format=")))
        for call in everything.calls()
        if call[0] != "bq"
    }
    printing = sorted(options for options in printing if options and not options[-1].endswith("=none"))
    records = tmp_path / "records.json"
    records.write_text(json.dumps(RECORDS))

    expected = ask_together(lib, [["meta", "list-from-json", str(records), *options] for options in printing])

    found = [
        standin.render(RECORDS, dict(option.removeprefix("--").split("=", 1) for option in options))
        for options in printing
    ]
    differing = {key: pair for key, *pair in zip(printing, found, expected, strict=True) if pair[0] != pair[1]}

    assert differing == {}
    assert len(printing) > 8


DISPLAYED = """
import io, json, sys
lib = sys.argv[1]
sys.path[:0] = [lib, lib + "/third_party"]
from googlecloudsdk import gcloud_main
from googlecloudsdk.core.resource import resource_printer, resource_projection_spec
commands = gcloud_main.CreateCLI([]).top_element
printed = []
for words, wanted, records in json.load(sys.stdin):
    info = commands.LoadSubElementByPath(words).ai.display_info
    defaults = resource_projection_spec.ProjectionSpec(symbols=info.transforms, aliases=info.aliases)
    out = io.StringIO()
    printer = resource_printer.Printer(f"{info.format or ''} {wanted}".strip(), defaults=defaults, out=out)
    for record in records:
        printer.AddRecord(record)
    printer.Finish()
    printed.append(out.getvalue())
json.dump(printed, sys.stdout)
"""
"""Prints records as a command would: the format of its own table stands before the one that is asked for."""


def test_the_table_of_a_command_changes_the_fields_that_the_scripts_read_as_in_the_stand_in(lib, everything):
    cases = {}
    for call in everything.calls():
        flags = dict(
            option.removeprefix("--").split("=", 1) for option in call if option.startswith("--") and "=" in option
        )
        words = [word for word in call if not word.startswith("-")]
        if flags.get("format", "").startswith("value") and "flatten" not in flags:
            last = {"list", "describe", "read", "get", "version"}
            end = next(place for place, word in enumerate(words) if word in last) + 1
            cases[" ".join(words[:end]), flags["format"]] = words[:end]

    asked = [(words, wanted, RECORDS) for (_, wanted), words in cases.items()]
    expected = json.loads(run_with(lib, DISPLAYED, input=json.dumps(asked)))

    found = [standin.render(RECORDS, {"format": wanted}, standin.shortened(words)) for words, wanted, _ in asked]
    assert {key: pair for key, *pair in zip(cases, found, expected, strict=True) if pair[0] != pair[1]} == {}
    assert ("functions list", "value[separator='|'](name.segment(3),name.segment(5),labels.made-by)") in cases


def test_what_is_uploaded_is_the_code_and_its_requirements(gcloud, tmp_path):
    shutil.copytree(ROOT / "functions", tmp_path / "functions")
    (tmp_path / "functions" / "__pycache__").mkdir(exist_ok=True)
    (tmp_path / "functions" / "__pycache__" / "main.pyc").write_bytes(b"")
    assert (tmp_path / "functions" / "README.md").exists()

    listed = ask(gcloud, "meta", "list-files-for-upload", tmp_path / "functions").split()

    code = {str(path.relative_to(ROOT / "functions")) for path in (ROOT / "functions").rglob("*.py")}
    page = {f"page/{name}" for name in ("page.html", "page.css", *SCRIPTS)}
    assert set(listed) == code | page | {"requirements.txt"}
    uploaded = subprocess.run(
        ["bash", "-c", 'root=$1; source "$root/deploy/functions.sh"; uploaded_files', "-", ROOT],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {name.removeprefix("./") for name in uploaded.stdout.split("\0")[:-1]} == set(listed)


MESSAGES = """
import glob, json, sys
lib, folder = sys.argv[1:]
sys.path[:0] = [lib, lib + "/third_party"]
from apitools.base.py import encoding
from googlecloudsdk.generated_clients.apis.logging.v2 import logging_v2_messages as logging
from googlecloudsdk.generated_clients.apis.monitoring.v1 import monitoring_v1_messages as dashboards
from googlecloudsdk.generated_clients.apis.monitoring.v3 import monitoring_v3_messages as alerts
kinds = {"metrics/*": logging.LogMetric, "dashboard": dashboards.Dashboard, "alerts/*": alerts.AlertPolicy}
for pattern, kind in kinds.items():
    for path in sorted(glob.glob(f"{folder}/{pattern}.json")):
        sent = json.load(open(path))
        kept = json.loads(encoding.MessageToJson(encoding.PyValueToMessage(kind, sent)))
        print(path.rsplit("/", 1)[1], "as sent" if kept == sent else f"{sent} became {kept}")
"""


def test_what_watches_is_spelled_as_the_api_spells_it(lib):
    """Whatever a message of the API does not know, or is of another type, gets lost or raises."""
    folder = ROOT / "deploy" / "monitoring"

    lines = run_with(lib, MESSAGES, folder).splitlines()

    assert [line for line in lines if not line.endswith(" as sent")] == []
    assert len(lines) == len(list(folder.rglob("*.json")))
