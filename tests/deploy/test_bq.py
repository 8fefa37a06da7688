"""The real `bq` judges, offline, the command lines of deploy.sh: a service on this machine gets its requests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.deploy.test_bigquery import holding
from tests.support.cloud import Project

NAME = {"name": {"location": "path", "required": True, "type": "string", "pattern": "^projects/.*$"}}
PARENT = {"parent": {"location": "path", "required": True, "type": "string", "pattern": "^projects/.*$"}}
QUERY = {key: {"location": "query", "type": "string"} for key in ("connectionId", "updateMask")}
CONNECTIONS = {
    "get": ("GET", "v1/{+name}", NAME),
    "delete": ("DELETE", "v1/{+name}", NAME),
    "patch": ("PATCH", "v1/{+name}", NAME | QUERY),
    "create": ("POST", "v1/{+parent}/connections", PARENT | QUERY),
}
"""The methods of BigQuery's Connection API that are used, as its discovery document spells them."""


class Service(ThreadingHTTPServer):
    """The two APIs: *answers* by method and path, all else is not found; *requests* are kept."""

    daemon_threads = True

    def __init__(self, discovery: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        self.answers: dict[str, Any] = {}
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        methods = {
            name: {
                "httpMethod": method,
                "path": path,
                "id": f"x.{name}",
                "parameters": parameters,
                "response": {"$ref": "Any"},
            }
            | ({"request": {"$ref": "Any"}} if method in {"PATCH", "POST"} else {})
            for name, (method, path, parameters) in CONNECTIONS.items()
        }
        resources = {name: discovery["resources"][name] for name in ("datasets", "jobs", "routines")}
        common = {"rootUrl": self.url, "baseUrl": self.url, "mtlsRootUrl": self.url}
        self.discovery = {
            "v2": {**discovery, **common, "baseUrl": f"{self.url}bigquery/v2/", "resources": resources},
            "v1": {
                **common,
                "name": "bigqueryconnection",
                "version": "v1",
                "servicePath": "",
                "basePath": "",
                "schemas": {"Any": {"id": "Any", "type": "object"}},
                "resources": {
                    "projects": {"resources": {"locations": {"resources": {"connections": {"methods": methods}}}}}
                },
            },
        }
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


class Visit(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        values = dict(parse_qsl(parts.query))
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if "discovery" in parts.path:
            self._answer(200, self.server.discovery[values["version"]])
            return
        words = f"{self.command} {parts.path}"
        self.server.requests.append((words, values, json.loads(body) if body else None))
        missing = {
            "error": {
                "code": 404,
                "message": f"Not found: {parts.path}",
                "errors": [{"reason": "notFound", "message": "Not found: x"}],
            }
        }
        answer = self.server.answers.get(words)
        self._answer(404 if answer is None else 200, missing if answer is None else answer)

    do_POST = do_PATCH = do_DELETE = do_GET

    def _answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


RUN = """
import json, os, sys
lib, api = sys.argv[1:]
sys.path[:0] = [lib, lib + "/third_party"]
import bq
from utils import bq_gcloud_utils
bq_gcloud_utils.load_config()  # kept, so that no line starts gcloud to ask for it
for arguments in json.load(sys.stdin):
    out = os.memfd_create("out")
    pid = os.fork()
    if pid == 0:
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.argv = ["bq.py", f"--api={api}", "--oauth_access_token=t", "--bigqueryrc=/dev/null", *arguments]
        bq.run_main()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.lseek(out, 0, 0)
    print(json.dumps([status, os.read(out, 1 << 20).decode()]), flush=True)
"""
"""Runs command lines of bq, each forked from one start of it and of the gcloud that it asks for its settings."""


@pytest.fixture(scope="module")
def platform(gcloud) -> Path:
    """Where the code of bq stands."""
    root = subprocess.run(
        [gcloud, "info", "--format=value(installation.sdk_root)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=110,
    ).stdout
    found = Path(root.strip()) / "platform" / "bq"
    if not found.is_dir():
        pytest.skip("this Google Cloud CLI has no bq")
    return found


@pytest.fixture(scope="module")
def service(platform) -> Iterator[Service]:
    started = Service(json.loads((platform / "discovery_next" / "bigquery.json").read_text()))
    yield started
    started.shutdown()
    started.server_close()


def run(platform: Path, service: Service, lines: list[list[str]]) -> list[tuple[int, str]]:
    """The exit status and the output of each line."""
    said = subprocess.run(
        [sys.executable, "-c", RUN, platform, service.url.rstrip("/")],
        input=json.dumps(lines), capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    return [tuple(json.loads(line)) for line in said.stdout.splitlines()]


@pytest.fixture(scope="module")
def everything(emulator, deployed, tmp_path_factory) -> Iterator[Project]:
    """A project on which the verb was run in each of its forms."""
    data_sets = {**holding()["datasets"], "more": {"location": "us-central1", "routines": {}}}
    project = Project(
        tmp_path_factory.mktemp("bq"), emulator, like=deployed, bigquery={"datasets": data_sets, "connections": {}}
    )
    for words in (["sales"], ["more"], ["sales", "off"], ["more", "off"]):
        ended = project.deploy("bigquery", *words)
        assert ended.returncode == 0, ended.stderr
    yield project
    project.close()


def shape(line: list[str]) -> str:
    """A command line without what differs from one of its kind to the next."""
    return re.sub(r"=[^ ]*", "=", " ".join(word for word in line if word.startswith("-") or word == line[0]))


@pytest.mark.timeout(240)  # bq takes a second of a processor a line
def test_each_command_line_sends_what_it_is_meant_to(platform, service, everything):
    lines = {shape(call[1:]): call[1:] for call in reversed(everything.calls()) if call[0] == "bq"}
    project, connections = everything.id, f"/v1/projects/{everything.id}/locations/us-central1/connections"
    data_set = f"/bigquery/v2/projects/{project}/datasets"
    connection = {"name": f"{connections[4:]}/batch-us-central1", "description": "d", "cloudResource": {}}
    job = {
        "jobReference": {"projectId": project, "jobId": "j"},
        "status": {"state": "DONE"},
        "configuration": {"query": {}},
    }
    ddl = {"statementType": "CREATE_FUNCTION", "ddlOperationPerformed": "CREATE"}
    service.answers = {
        f"GET {data_set}/sales": {"id": "s", "location": "us-central1", "datasetReference": {}},
        f"GET {data_set}/sales/routines": {"routines": []},
        f"GET {connections}/batch-us-central1": connection,
        f"POST {connections}": connection,
        f"PATCH {connections}/batch-us-central1": connection,
        f"DELETE {connections}/batch-us-central1": {},
        f"DELETE {data_set}/sales/routines/linear_regression": {},
        f"POST /bigquery/v2/projects/{project}/jobs": {**job, "statistics": {"query": ddl}},
    }
    assert {line[0] for line in lines.values()} == {"show", "ls", "mk", "update", "query", "rm"}
    absent = next(key for key in lines if key.startswith("show") and "--routine" in key)

    ended = dict(zip(lines, run(platform, service, list(lines.values())), strict=True))

    assert {key: found for key, found in ended.items() if found[0] != (2 if key == absent else 0)} == {}
    assert " ".join(ended[absent][1].split()).startswith("BigQuery error in show operation: Not found: ")
    sent = {words: (values, body) for words, values, body in service.requests}
    assert set(sent) == {*service.answers, f"GET {data_set}/sales/routines/linear_regression"}
    values, made = sent[f"POST {connections}"]
    assert values["connectionId"] == "batch-us-central1"
    assert made == {"description": "made by deploy.sh; data sets: sales", "cloudResource": {}}
    values, changed = sent[f"PATCH {connections}/batch-us-central1"]
    assert (values["updateMask"], changed["description"]) == ("description", "made by deploy.sh; data sets: sales more")
    _, asked = sent[f"POST /bigquery/v2/projects/{project}/jobs"]
    assert asked["jobReference"]["location"] == "us-central1"
    assert asked["configuration"]["query"]["useLegacySql"] is False
    assert asked["configuration"]["query"]["query"].startswith(f"CREATE OR REPLACE FUNCTION `{project}`.`sales`.")


def test_a_mistyped_option_is_found(platform, service):
    ((status, said),) = run(platform, service, [["mk", "--connection", "--conection_type=CLOUD_RESOURCE", "x"]])

    assert status != 0
    assert "conection_type" in said


def test_what_it_prints_is_what_the_service_answers_as_the_stand_in_has_it(platform, service):
    service.answers["GET /bigquery/v2/projects/p/datasets/d/routines"] = {
        "routines": [{"routineReference": {"routineId": "m"}}]
    }

    ((status, said),) = run(
        platform,
        service,
        [["ls", "--headless", "--project_id=p", "--format=json", "--routines", "--max_results=10000", "p:d"]],
    )

    assert (status, json.loads(said)) == (0, [{"routineReference": {"routineId": "m"}}])
