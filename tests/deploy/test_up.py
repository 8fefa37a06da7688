"""./deploy.sh up, traffic and rollback against a project that stands on this machine (cloud.py): what they converge to,
whatever fails or interrupts them on the way."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.cloud import APIS, OWNER, WRITER, Project, copy_repository
from tests.support.parts import free_port
from tests.support.processes import sweep

INTERRUPTIONS = 42
"""The last call of the first `up`, which gives the lease back and is too late for a Ctrl-C; a test holds that."""

CHANGES = (8, 10, 11, 14, 15, 16, 18, 19, 20, 22, 23, 24, 26, 29, 30, 33, 35, 40, 41)
"""Which of those calls change something: after any other one nothing else is left behind. A test holds that too."""

RELEASE_CHANGES = 20
"""The first call of a release that changes something; after the earlier ones there is nothing to complete."""

RELEASE_INTERRUPTIONS = 43
"""The last call of the `up` of a release, as above; a test holds that."""


def service_accounts(project: Project) -> list[str]:
    return [f"{name}@{project.id}.iam.gserviceaccount.com" for name in ("model-serving", "model-build")]


def grants(project: Project) -> set[tuple[str, str, str, str]]:
    """Where, role, member, condition."""
    return {
        (where, binding["role"], member, binding.get("condition", {}).get("expression", ""))
        for where, bindings in project.state["policies"].items()
        for binding in bindings
        for member in binding["members"]
    }


def assert_serves(project: Project) -> None:
    """Everything is there, all traffic is with the newest release, and the next `up` changes nothing."""
    for name in ("batch", "stream"):
        assert project.traffic(name) == {project.state["services"][name]["latest"]: 100}
    before = len(project.calls())
    said = project.up()
    assert project.changes(before) == []
    assert "everything is as it should be: nothing was changed" in said


def test_an_empty_project_becomes_two_private_functions_that_answer(cloud):
    project = cloud(
        up=False, model=False, backends={}
    )  # what is deployed is started, with the environment that `up` sets

    ended = project.deploy("up", PYTHON_ITSELF="1")

    assert ended.returncode == 0, ended.stderr
    state = project.state
    assert sorted(state["apis"]) == [f"{api}.googleapis.com" for api in APIS]
    assert state["buckets"][project.bucket] == {
        "name": project.bucket,
        "location": "US-CENTRAL1",
        "public_access_prevention": "enforced",
        "uniform_bucket_level_access": True,
        "versioning_enabled": True,
        "lifecycle_config": {
            "rule": [{"action": {"type": "Delete"}, "condition": {"isLive": False, "daysSinceNoncurrentTime": 30}}]
        },
    }
    serving, build = service_accounts(project)
    assert state["accounts"] == [serving, build]
    models = f'resource.name.startsWith("projects/_/buckets/{project.bucket}/objects/linear-regression/")'
    sources = 'resource.name.startsWith("projects/_/buckets/gcf-v2-")'
    assert grants(project) == {
        (f"storage buckets gs://{project.bucket}", "roles/storage.objectViewer", f"serviceAccount:{serving}", models),
        (f"projects {project.id}", "roles/logging.logWriter", f"serviceAccount:{build}", ""),
        (f"projects {project.id}", "roles/artifactregistry.writer", f"serviceAccount:{build}", ""),
        (f"projects {project.id}", "roles/storage.objectViewer", f"serviceAccount:{build}", sources),
        (f"storage buckets gs://{project.id}-predictions", "roles/storage.objectCreator", WRITER, ""),
    }
    assert {
        name: function["serviceConfig"]["serviceAccountEmail"] for name, function in state["functions"].items()
    } == {
        "batch": serving,
        "stream": serving,
    }
    assert "batch: 5 answers as they must be, from version 1\n" in ended.stderr
    assert "stream: 19 answers as they must be, from version 1\n" in ended.stderr
    front = state["front"]
    assert ended.stdout == (
        f"\nbatch   {front}/batch/batch  (batch-00001-abc 100 %)\nstream  {front}/stream/stream  (stream-00001-abc 100 %)\n\n"
        f"curl -g -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" '{front}/batch/batch/[0.5,0.2,0.6]'\n"
        f"curl -g -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" '{front}/stream/stream/0.5'\n"
    )
    assert_serves(project)


def test_what_somebody_changed_by_hand_is_corrected_and_nothing_else(cloud):
    project = cloud()
    state = project.state
    state["apis"].remove("run.googleapis.com")
    state["buckets"][project.bucket]["versioning_enabled"] = False
    state["functions"]["stream"]["serviceConfig"]["availableMemory"] = "4Gi"
    state["policies"]["run services batch"] = [{"role": "roles/run.invoker", "members": ["user:a@b.c", "allUsers"]}]
    project.change(**state)
    before = len(project.calls())

    project.up()

    assert project.changes(before) == [
        "services enable run.googleapis.com",
        f"storage buckets update gs://{project.bucket}",
        "functions deploy batch",
        "functions deploy stream",
        "run services remove-iam-policy-binding batch",
        "run services update-traffic batch",
        "run services update-traffic stream",
        "run services update-traffic batch",
        "run services update-traffic stream",
    ]
    assert project.state["functions"]["stream"]["serviceConfig"]["availableMemory"] == "256Mi"
    assert project.state["policies"]["run services batch"] == [{"role": "roles/run.invoker", "members": ["user:a@b.c"]}]
    assert_serves(project)


def test_a_release_is_tagged_asked_and_only_then_served(cloud):
    project = cloud()
    project.edit_code()
    before = len(project.calls())

    project.up()

    assert project.changes(before) == [
        "functions deploy batch",
        "functions deploy stream",
        "run services update-traffic batch",
        "run services update-traffic stream",
        "run services update-traffic batch",
        "run services update-traffic stream",
    ]
    words = [" ".join(call) for call in project.calls()[before:]]
    tagged = [place for place, line in enumerate(words) if "--set-tags=candidate=" in line]
    asked = [place for place, line in enumerate(words) if "print-identity-token" in line]
    shifted = [place for place, line in enumerate(words) if "--to-revisions=" in line]
    first, *asked = asked  # a token is there before anything is deployed
    assert first < min(tagged)
    assert max(tagged) < min(asked) < min(shifted) < max(asked)  # and asked again where the traffic is
    assert project.tags("batch") == {"previous": "batch-00001-abc"}
    assert_serves(project)


def test_traffic_that_follows_the_newest_revision_is_pinned_before_a_deployment(cloud):
    project = cloud()
    state = project.state
    state["services"]["batch"]["traffic"] = [{"latestRevision": True, "percent": 100}]
    project.change(**state)
    project.edit_code()
    before = len(project.calls())

    project.up()

    assert project.changes(before)[:2] == ["run services update-traffic batch", "functions deploy batch"]
    assert_serves(project)


@pytest.mark.parametrize("broken", ["batch", "stream"])
def test_a_release_that_answers_wrongly_never_gets_traffic(cloud, serve, production, broken):
    project = cloud()
    production(slope=3.0)  # a bucket of its own, whose version 1 is another line
    other = serve(broken)
    project.change(next_backends={broken: [f"http://127.0.0.1:{other.port}"]})
    project.edit_code()
    before = len(project.calls())

    ended = project.deploy("up")

    assert ended.returncode == 1
    assert "the release does not answer as it must (see above); the traffic stays where it was" in ended.stderr
    assert re.search(rf"^{broken}: GET /{broken}/\S+: expected \[-1.0.*\], got \[-2.0", ended.stderr, re.MULTILINE)
    assert not any("--to-revisions=batch-00002-abc" in word for call in project.calls()[before:] for word in call)
    for name in ("batch", "stream"):
        assert project.traffic(name) == {f"{name}-00001-abc": 100}
        assert project.tags(name) == {}


def test_a_release_that_does_not_answer_never_gets_traffic(cloud):
    project = cloud()
    project.change(next_backends={"stream": [f"http://127.0.0.1:{free_port()}"]})
    project.edit_code()

    ended = project.deploy("up", DEPLOY_WITHIN_SECONDS="1")

    assert ended.returncode == 1
    assert "expected 200 from model version 1, got 503 Service Unavailable from version none" in ended.stderr
    assert [project.traffic(name) for name in ("batch", "stream")] == [
        {"batch-00001-abc": 100},
        {"stream-00001-abc": 100},
    ]


def test_a_function_that_cannot_be_deployed_leaves_the_pair_as_it_was(cloud):
    project = cloud()
    project.edit_code()
    project.fault({"match": "functions deploy stream", "do": "fail"})

    ended = project.deploy("up")

    assert ended.returncode == 1
    assert ended.stderr.endswith("deploy.sh: stream was not deployed (see above); the traffic stays where it was\n")
    assert [project.traffic(name) for name in ("batch", "stream")] == [
        {"batch-00001-abc": 100},
        {"stream-00001-abc": 100},
    ]
    project.up()
    assert_serves(project)


@pytest.mark.parametrize("do", ["fail", "lost", "interrupt-before", "interrupt-after"])
def test_when_the_second_function_does_not_take_the_traffic_the_first_gives_it_back(cloud, released, do):
    project = cloud(like=released)
    project.edit_code()
    project.fault({"match": "update-traffic stream .*--to-revisions=stream-00003-abc=100", "do": do})

    ended = project.deploy("up")

    assert ended.returncode == (130 if "interrupt" in do else 1), ended.stderr
    assert "batch: the traffic returns to batch-00002-abc=100" in ended.stderr
    for name in ("batch", "stream"):
        assert project.traffic(name) == {f"{name}-00002-abc": 100}
        assert project.tags(name)["previous"] == f"{name}-00001-abc"
    project.up()
    assert_serves(project)


def test_a_build_that_failed_without_a_word_is_not_taken_for_a_release(cloud):
    project = cloud()
    state = project.state
    state["services"]["batch"]["latest"] = "batch-00002-abc"
    state["services"]["batch"]["revisions"]["batch-00002-abc"] = {"backend": "http://127.0.0.1:9"}
    state["services"]["batch"]["ready"] = "batch-00001-abc"  # until the next deployment
    project.change(**state)

    said = project.up()

    assert "batch: deploying, since revision batch-00002-abc did not get ready" in said
    assert "stream: deploying, since batch was changed by hand" in said
    assert_serves(project)


def test_a_canary_gets_its_share_and_is_finished_by_traffic(cloud):
    project = cloud()
    project.edit_code()

    ended = project.deploy("up", "--canary", "10")

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith(
        "\nA release is under way. To finish it: ./deploy.sh traffic 100. To drop it: ./deploy.sh rollback\n"
    )
    assert project.traffic("batch") == {"batch-00001-abc": 90, "batch-00002-abc": 10}
    assert project.traffic("stream") == {"stream-00001-abc": 90, "stream-00002-abc": 10}

    before = len(project.calls())
    project.up("--canary", "10")
    assert project.changes(before) == []

    ended = project.deploy("traffic", "50")
    assert ended.returncode == 0, ended.stderr
    assert project.traffic("batch") == {"batch-00001-abc": 50, "batch-00002-abc": 50}

    ended = project.deploy("traffic", "100")
    assert ended.returncode == 0, ended.stderr
    assert project.tags("stream") == {"previous": "stream-00001-abc"}
    assert_serves(project)

    ended = project.deploy("traffic", "100")
    assert (ended.returncode, ended.stderr) == (
        1,
        "deploy.sh: no release is under way (no revision is tagged candidate); ./deploy.sh status shows what serves\n",
    )


def test_rollback_drops_a_canary_and_only_that(cloud, released):
    project = cloud(like=released)
    project.edit_code()
    project.up("--canary", "25")

    ended = project.deploy("rollback")

    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    assert project.traffic("batch") == {"batch-00002-abc": 100}
    assert project.tags("batch") == {}


def test_rollback_returns_both_functions_to_what_served_before(cloud, released):
    project = cloud(like=released)

    ended = project.deploy("rollback")

    assert ended.returncode == 0, ended.stderr
    assert "batch: batch-00001-abc serves all traffic\nstream: stream-00001-abc serves all traffic\n" in ended.stderr
    assert [project.traffic(name) for name in ("batch", "stream")] == [
        {"batch-00001-abc": 100},
        {"stream-00001-abc": 100},
    ]

    again = project.deploy("rollback")
    assert again.returncode == 1
    assert again.stderr.endswith("deploy.sh: there is nothing to roll back to\n")

    project.up()  # makes the functions serve this checkout again
    assert_serves(project)


@pytest.mark.parametrize("do", ["interrupt-after", "kill-before", "lost"])
@pytest.mark.parametrize("canary", [True, False], ids=["canary", "released"])
def test_a_rollback_that_was_stopped_half_way_is_completed_by_the_next(cloud, released, do, canary):
    project = cloud(like=released)
    project.edit_code()
    project.up(*(["--canary", "10"] if canary else []))
    project.fault({"match": "update-traffic stream", "do": do})

    stopped = project.deploy("rollback")
    project.deploy("rollback")

    assert stopped.returncode != 0
    for name in ("batch", "stream"):
        assert project.traffic(name) == {f"{name}-00002-abc": 100}


def settled(project: Project) -> dict[str, object]:
    """The resources of a project, whatever its id, and whichever revision serves as long as it is the newest."""
    state = project.state
    standing = {
        "apis": sorted(state["apis"]),
        "buckets": state["buckets"],
        "accounts": sorted(state["accounts"]),
        "sinks": state["sinks"],
        "grants": sorted(grants(project)),
        "functions": {name: function["serviceConfig"] for name, function in state["functions"].items()},
        "newest": {
            name: project.traffic(name) == {service["latest"]: 100} for name, service in state["services"].items()
        },
        "unproven": [name for name in state["services"] if "unproven" in project.tags(name)],
        "pinned": all(
            "latestRevision" not in target
            for name in state["services"]
            for target in state["services"][name]["traffic"]
        ),
    }
    text = json.dumps(standing).replace(state["front"], "FRONT").replace(project.id, "PROJECT")
    return json.loads(re.sub(r'"RELEASE": "[0-9a-f]{16}"', '"RELEASE": ""', text))


@pytest.mark.parametrize("number", sweep([1, *CHANGES, INTERRUPTIONS], every=10))
def test_a_first_up_interrupted_after_any_change_is_completed_by_the_next(cloud, deployed, number):
    changing = [place for place in range(INTERRUPTIONS - 1) if deployed.changes(place) != deployed.changes(place + 1)]
    assert tuple(place + 1 for place in changing) == CHANGES
    project = cloud(up=False)
    project.fault({"at": number, "do": "interrupt-after"})

    ended = project.deploy("up")
    assert project.lease() is None or number == INTERRUPTIONS
    project.fault()
    project.up()

    assert ended.returncode == (0 if number == INTERRUPTIONS else 130)
    assert settled(project) == settled(deployed)


@pytest.mark.parametrize("number", sweep([1, *range(RELEASE_CHANGES - 1, RELEASE_INTERRUPTIONS + 1)], every=10))
def test_a_release_stopped_at_any_call_leaves_a_whole_pair_and_is_completed_by_the_next(cloud, deployed, number):
    project = cloud()
    project.edit_code()
    kill = number % 3 == 2  # not at the second move of traffic: what kills there leaves no way back to take
    project.fault({"at": len(project.calls()) + number, "do": "kill-before" if kill else "interrupt-after"})

    ended = project.deploy("up")
    serving = {next(iter(project.traffic(name))).removeprefix(name) for name in ("batch", "stream")}
    assert project.lease() is None or kill or number == RELEASE_INTERRUPTIONS
    project.fault()
    project.up()

    assert ended.returncode == (0 if number == RELEASE_INTERRUPTIONS else -signal.SIGKILL if kill else 130)
    assert len(serving) == 1
    assert settled(project) == settled(deployed)


@pytest.mark.parametrize(
    ("call", "do"),
    [
        ("projects describe", "refuse"),
        ("services list", "refuse"),
        ("storage buckets list", "refuse"),
        ("service-accounts list", "refuse"),
        ("storage buckets get-iam-policy", "refuse"),
        ("projects get-iam-policy", "fail"),
        ("logging sinks list", "refuse"),
        ("functions list", "refuse"),
        ("functions list", "fail"),
        ("run services list", "refuse"),
        ("run services get-iam-policy", "refuse"),
    ],
)
def test_a_look_that_is_refused_is_no_absence_and_ends_the_script(cloud, call, do):
    project = cloud()
    project.edit_code()
    project.fault({"match": call, "do": do})
    before = len(project.calls())

    ended = project.deploy("up")

    assert ended.returncode == 1
    assert re.search(
        f"deploy.sh: (could not look at .* of {project.id} as {OWNER} \\(see above\\)|project .* not see it)",
        ended.stderr,
    )
    created = [line for line in project.changes(before) if "create" in line or "enable" in line]
    assert created == []
    assert [project.traffic(name) for name in ("batch", "stream")] == [
        {"batch-00001-abc": 100},
        {"stream-00001-abc": 100},
    ]


def test_an_account_that_is_not_known_everywhere_yet_is_waited_for(cloud):
    project = cloud(up=False)
    project.fault({"match": "add-iam-policy-binding", "do": "fail", "times": 3})

    project.up()

    assert_serves(project)


@pytest.mark.parametrize(
    ("match", "do"),
    [
        pytest.param("functions deploy batch", "not-known", id="the-build-account"),
        pytest.param("storage buckets list", "disabled", id="an-api"),
        pytest.param("iam service-accounts create", "disabled", id="an-api-on-a-change"),
    ],
)
def test_a_first_up_waits_until_roles_and_apis_are_known_everywhere(cloud, match, do):
    project = cloud(up=False)
    project.fault({"match": match, "do": do, "times": 8})

    said = project.up()

    assert said.count("waiting, since a") == 2
    assert_serves(project)


def test_a_role_that_is_never_known_ends_it_in_time(cloud):
    project = cloud(up=False)
    project.fault({"match": "functions deploy batch", "do": "not-known", "times": 999})

    ended = project.deploy("up")

    assert (ended.returncode, ended.stderr.count("waiting, since a role")) == (1, 10)
    assert "missing permission on the build service account" in ended.stderr
    assert project.state["functions"] == {}


def test_a_role_that_another_run_was_granting_too_is_granted(cloud):
    project = cloud(up=False)
    project.fault({"match": "projects add-iam-policy-binding", "do": "policy", "times": 8})

    said = project.up()

    assert "waiting, since the platform is busy (1 minutes at most)" in said
    assert_serves(project)


@pytest.mark.parametrize("do", ["busy", "too-many", "in-progress"])
def test_an_update_that_the_platform_is_too_busy_for_is_tried_again(cloud, do):
    project = cloud()
    project.edit_code()
    project.fault({"match": "functions deploy stream", "do": do}, {"match": "update-traffic", "do": do})

    said = project.up()

    assert said.count("waiting, since the platform is busy (1 minutes at most)") == 2
    assert_serves(project)


def test_a_grant_beside_somebody_elses_is_tried_again(cloud):
    project = cloud(up=False)
    project.fault({"match": "projects add-iam-policy-binding", "do": "policy"})

    assert "waiting, since the platform is busy" in project.up()
    assert len(grants(project)) == 5


def test_a_deployment_shows_on_a_terminal_that_it_goes_on_and_is_quiet_in_a_pipe(cloud):
    project = cloud()
    project.edit_code()
    ours, theirs = pty.openpty()

    process = subprocess.Popen(
        [project.checkout / "deploy.sh", "up", "--canary", "10"],
        env=project.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown = ""
    with suppress(OSError), os.fdopen(ours, "rb", buffering=0) as terminal:
        while part := terminal.read(1 << 12):
            shown += part.decode()

    assert process.wait(110) == 0, shown
    assert "\rbatch: deploying, 0 s " in shown
    project.edit_code()
    assert "\r" not in project.up()


def test_a_bucket_with_other_things_gets_no_lifecycle_and_one_with_models_does(cloud):
    project = cloud(up=False)
    bucket = {"name": project.bucket, "location": "US-CENTRAL1"}
    theirs = {project.bucket: {"linear-regression/versions/1/manifest.json": "", "photos/summer.jpg": ""}}
    project.change(buckets={project.bucket: bucket}, objects=theirs, apis=["storage.googleapis.com"])
    before = len(project.calls())

    ended = project.deploy("up")

    message = f"gs://{project.bucket} holds other things (gs://{project.bucket}/photos/), whose old generations a lifecycle would delete; choose another name: MODEL_BUCKET=…"
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, f"deploy.sh: {message}")
    assert [line for line in project.changes(before) if not line.startswith("services enable")] == []

    del theirs[project.bucket]["photos/summer.jpg"]
    project.change(objects=theirs)
    project.up()
    assert "lifecycle_config" in project.state["buckets"][project.bucket]


@pytest.mark.parametrize("verb", ["up", "rollback"])
def test_a_run_that_ends_after_another_moved_the_traffic_says_so(cloud, released, verb):
    project = cloud(like=released)
    if verb == "up":
        project.edit_code()
        moved = "update-traffic stream .*--to-revisions=stream-00003-abc=100"
    else:
        state = project.state
        state["services"]["batch"]["revisions"]["batch-00000-abc"] = state["services"]["batch"]["revisions"][
            "batch-00001-abc"
        ]
        for target in state["services"]["batch"]["traffic"]:
            if target.get("tag") == "previous":
                target["revisionName"] = "batch-00000-abc"
        project.change(**state)
        moved = "update-traffic stream"
    project.fault({"match": moved, "do": "meanwhile"})

    ended = project.deploy(verb)

    assert ended.returncode == 1
    assert (
        "batch: another run moved the traffic meanwhile, to batch-00001-abc=100; the two functions may differ"
        in ended.stderr
    )
    if verb == "up":
        project.up()
        assert_serves(project)


@pytest.mark.parametrize("verb", ["up", "traffic 50"])
def test_without_an_identity_token_it_ends_before_anything_is_changed_and_says_what_to_do(cloud, verb):
    project = cloud()
    project.edit_code()
    if verb != "up":
        project.up("--canary", "10")
    project.change(tokenless=True)
    before = len(project.calls())

    ended = project.deploy(*verb.split(), DEPLOY_WITHIN_SECONDS="100")

    assert ended.returncode == 1
    assert "an account of workforce identity has no identity token: work as a service account" in ended.stderr
    message = f"deploy.sh: no identity token for {OWNER} (see above), without which nobody can ask a release"
    assert ended.stderr.splitlines()[-1] == f"{message}; nothing was deployed"
    assert project.changes(before) == []


@pytest.mark.parametrize(
    ("version", "message"),
    [
        pytest.param("466.0.0", "the Google Cloud CLI must be 481.0.0 or newer, it is 466.0.0: ", id="old"),
        pytest.param("HEAD", "gcloud version must begin with a number like 481.0.0, got 'HEAD'", id="unknown"),
    ],
)
def test_a_cli_that_is_too_old_ends_it_before_the_first_change(cloud, version, message):
    project = cloud(up=False, version=version)

    ended = project.deploy("up")

    assert (ended.returncode, project.changes()) == (1, [])
    assert ended.stderr.splitlines()[-1].startswith(f"deploy.sh: {message}")


def test_an_impersonated_account_does_everything(cloud):
    project = cloud(impersonated="deployer@x.iam.gserviceaccount.com")
    project.edit_code()
    before = len(project.calls())

    said = project.up()

    assert "as deployer@x.iam.gserviceaccount.com\n" in said
    tokens = [call for call in project.calls()[before:] if call[:2] == ["auth", "print-identity-token"]]
    assert all(call[2].startswith("--audiences=") for call in tokens)


@pytest.mark.parametrize("way", ["machine", "own-right"])
def test_a_service_account_has_two_more_ways_to_an_identity_token(cloud, way):
    project = cloud(tokenless=True, account="builder@x.iam.gserviceaccount.com", token="a.b.c")
    project.edit_code()

    with tokens(way) as (address, asked):
        other = "127.0.0.1:9"
        project.up(
            GCE_METADATA_HOST=address if way == "machine" else other,
            CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS=f"http://{address if way == 'own-right' else other}/",
            NO_PROXY="127.0.0.1",
        )

    front = project.state["front"]
    assert asked[1:] == [f"{front}/batch", f"{front}/stream"] * 2  # the first shows that there is a way at all
    assert_traffic_is_new(project)


def assert_traffic_is_new(project: Project) -> None:
    assert [project.traffic(name) for name in ("batch", "stream")] == [
        {"batch-00002-abc": 100},
        {"stream-00002-abc": 100},
    ]


@contextmanager
def tokens(way: str) -> Iterator[tuple[str, list[str]]]:
    """A server that makes identity tokens: its address, and the audiences that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.headers["Metadata-Flavor"] == "Google"
            asked.append(parse_qs(urlsplit(self.path).query)["audience"][0])
            self.answer(b"a.b.c")

        def do_POST(self) -> None:
            assert self.path.endswith("/serviceAccounts/builder@x.iam.gserviceaccount.com:generateIdToken")
            asked.append(json.loads(self.rfile.read(int(self.headers["content-length"])))["audience"])
            self.answer(b'{\n  "token": "a.b.c"\n}\n')

        def answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def test_a_deployment_that_goes_on_in_the_cloud_is_waited_for(cloud):
    project = cloud()
    state = project.state
    state["functions"]["batch"] |= {"state": "DEPLOYING", "rounds": 3}
    project.change(**state)

    said = project.up()

    assert "batch: waiting for a deployment that is under way" in said
    assert_serves(project)


def test_the_bucket_of_somebody_else_is_said(cloud):
    project = cloud(up=False, model=False)
    project.change(foreign_buckets=[project.bucket])

    ended = project.deploy("up")

    assert ended.returncode == 1
    assert (
        f"gs://{project.bucket} could not be made (see above); is the name taken? Choose one: MODEL_BUCKET=…"
        in ended.stderr
    )


def test_a_bucket_elsewhere_is_said(cloud):
    project = cloud()
    before = len(project.calls())

    ended = project.deploy("up", REGION="europe-west1")

    message = f"gs://{project.bucket} is in us-central1, and the functions in europe-west1: set REGION=us-central1, or another MODEL_BUCKET"
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, f"deploy.sh: {message}")
    assert project.changes(before) == []


def test_a_function_with_less_memory_than_the_model_takes_is_named(cloud):
    project = cloud(up=False, model=False)
    project.publish(memory_bytes=(300 << 20) + 1)

    said = project.up()

    warning = (
        "stream: WARNING: with the model in production a function took 301 MiB of memory, and STREAM_MEMORY is 256Mi\n"
    )
    assert (said.count("WARNING"), warning in said) == (1, True)
    assert "WARNING" not in project.deploy("--dry-run", "up", STREAM_MEMORY="512Mi").stderr


def test_a_function_of_somebody_else_is_left_alone(cloud):
    project = cloud()
    state = project.state
    state["functions"]["stream"]["labels"] = {}
    project.change(**state)
    before = len(project.calls())

    refused = [project.deploy(*verb) for verb in (["up"], ["rollback"], ["down", "--yes"], ["grant", "user:a@b.c"])]

    message = "function stream in us-central1 was not made by this script, and is left alone; use a FUNCTION_PREFIX, another project, or another REGION with a MODEL_BUCKET there"
    assert [(ended.returncode, ended.stderr.splitlines()[-1]) for ended in refused] == [
        (1, f"deploy.sh: {message}")
    ] * 4
    assert project.changes(before) == []


def test_functions_of_another_model_are_left_alone(cloud):
    project = cloud()
    before = len(project.calls())

    ended, up = project.deploy("rollback", MODEL_NAME="houses"), project.deploy("up", MODEL_NAME="houses")

    message = "function batch in us-central1 serves the model linear-regression, not houses; use a FUNCTION_PREFIX, another project, or another REGION with a MODEL_BUCKET there"
    assert (ended.returncode, ended.stderr) == (1, f"deploy.sh: {message}\n")
    assert (up.returncode, up.stderr.splitlines()[-1]) == (1, f"deploy.sh: {message}")
    assert project.changes(before) == []


def test_public_functions_are_asked_for_and_warned_about_each_time(cloud):
    project = cloud(up=False)

    said = [project.up(ALLOW_UNAUTHENTICATED="1"), project.up(ALLOW_UNAUTHENTICATED="1")]

    warning = "batch: WARNING: ALLOW_UNAUTHENTICATED=1: anybody on the internet may call it, and you pay\n"
    assert [warning in text for text in said] == [True, True]
    assert "nothing was changed" in said[1]
    assert project.state["policies"]["run services stream"] == [{"role": "roles/run.invoker", "members": ["allUsers"]}]

    project.up()
    assert project.state["policies"]["run services stream"] == [{"role": "roles/run.invoker", "members": []}]


def test_a_model_that_the_gate_refuses_ends_it_before_anything_is_deployed(cloud):
    project = cloud(up=False, model=False)
    config = project.checkout / "model" / "config.toml"
    config.write_text(config.read_text().replace("min_r2 = 0.1", "min_r2 = 0.9"))

    ended = project.deploy("up")

    assert ended.returncode == 3
    assert "version 1 is published, unblessed: it cannot be promoted" in ended.stderr
    assert project.state["functions"] == {}


def test_a_dry_run_prints_every_change_and_makes_none(cloud):
    project = cloud(up=False, model=False)
    untouched = project.state

    ended = project.deploy("--dry-run", "up")

    assert ended.returncode == 0, ended.stderr
    assert project.state == untouched
    would = [line.removeprefix("would run: ") for line in ended.stderr.splitlines() if line.startswith("would run: ")]
    words = [" ".join(word for word in line.split(" --")[0].split()) for line in would]
    assert words[:3] == [
        "gcloud services enable " + " ".join(f"{api}.googleapis.com" for api in APIS),
        f"gcloud storage buckets create gs://{project.bucket}",
        f"gcloud storage buckets update gs://{project.bucket}",
    ]
    assert words[9:] == [
        f"gcloud storage buckets create gs://{project.id}-predictions",
        f"gcloud storage buckets update gs://{project.id}-predictions",
        f"gcloud logging sinks create predictions-us-central1 storage.googleapis.com/{project.id}-predictions",
        f"gcloud storage buckets add-iam-policy-binding gs://{project.id}-predictions",
        "python -m model train",
        "python -m model promote",
        "gcloud functions deploy batch",
        "gcloud functions deploy stream",
        *["gcloud run services update-traffic batch", "gcloud run services update-traffic stream"]
        * 2,  # before and after
    ]


def test_a_dry_run_of_a_release_prints_every_change_and_makes_none(cloud):
    project = cloud()
    project.edit_code()
    untouched = project.state

    ended = project.deploy("--dry-run", "up", "--canary", "5")

    assert ended.returncode == 0, ended.stderr
    assert project.state == untouched
    would = [line for line in ended.stderr.splitlines() if line.startswith("would run: ")]
    assert [re.findall(r"(?:deploy|update-traffic) \w+|--set-tags=\S+|--to-revisions=\S+", line) for line in would] == [
        ["deploy batch"],
        ["deploy stream"],
        ["update-traffic batch", "--set-tags=candidate=batch-NEW"],
        ["update-traffic stream", "--set-tags=candidate=stream-NEW"],
        ["update-traffic batch", "--set-tags=candidate=batch-NEW", "--to-revisions=batch-00001-abc=95\\,batch-NEW=5"],
        [
            "update-traffic stream",
            "--set-tags=candidate=stream-NEW",
            "--to-revisions=stream-00001-abc=95\\,stream-NEW=5",
        ],
    ]


def test_a_release_is_of_both_functions_and_so_is_its_rollback(cloud, released):
    project = cloud(like=released)

    project.up(BATCH_MEMORY="4Gi")
    project.deploy("rollback", BATCH_MEMORY="4Gi")

    assert [project.traffic(name) for name in ("batch", "stream")] == [
        {"batch-00002-abc": 100},
        {"stream-00002-abc": 100},
    ]


def test_a_failed_release_leaves_the_canary_before_it_as_it_was(cloud, released):
    project = cloud(like=released)
    project.edit_code()
    project.up("--canary", "60")
    before = [(project.traffic(name), project.tags(name)) for name in ("batch", "stream")]
    project.change(next_backends={"batch": [f"http://127.0.0.1:{free_port()}"]})
    project.edit_code()

    ended = project.deploy("up", DEPLOY_WITHIN_SECONDS="1")

    assert ended.returncode == 1
    assert [(project.traffic(name), project.tags(name)) for name in ("batch", "stream")] == before

    project.edit_code()
    project.up()  # and what is released over a canary returns to what served before that
    project.deploy("rollback")
    assert project.traffic("batch") == {"batch-00002-abc": 100}


def test_traffic_of_a_release_that_has_all_of_it_already_is_said(cloud):
    project = cloud()
    project.edit_code()
    project.up("--canary", "10")
    state = project.state
    for name in ("batch", "stream"):
        state["services"][name]["traffic"] = [
            {"revisionName": f"{name}-00002-abc", "percent": 100, "tag": "candidate"},
            {"revisionName": f"{name}-00001-abc", "tag": "debug"},
        ]
    project.change(**state)

    ended = project.deploy("traffic", "10")

    message = "batch: batch-00002-abc has all the traffic already; ./deploy.sh traffic 100 finishes the release"
    assert (ended.returncode, ended.stderr) == (1, f"deploy.sh: {message}\n")
    assert project.deploy("traffic", "100").returncode == 0
    assert project.tags("batch") == {"debug": "batch-00001-abc"}  # somebody else's, and kept


@pytest.mark.parametrize("do", ["fail", "interrupt-after"])
def test_traffic_returns_even_when_nobody_reads_what_is_said(cloud, do):
    project = cloud()
    project.edit_code()
    project.fault({"match": "update-traffic stream .*--to-revisions=stream-00002-abc=100", "do": do})

    subprocess.run(
        ["bash", "-c", f"{shlex.quote(str(project.checkout / 'deploy.sh'))} up 2>&1 >/dev/null | head -n 1"],
        env=project.environ,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
        capture_output=True,
    )

    assert [project.traffic(name) for name in ("batch", "stream")] == [
        {"batch-00001-abc": 100},
        {"stream-00001-abc": 100},
    ]


def test_a_function_of_the_first_generation_is_somebody_elses(cloud):
    project = cloud()
    state = project.state
    del state["functions"]["batch"]["state"]
    state["functions"]["batch"] |= {"status": "ACTIVE", "environment": "GEN_1", "labels": {}}
    project.change(**state)
    before = len(project.calls())

    ended = [project.deploy(*verb) for verb in (["up"], ["down", "--yes"])]

    assert [run.returncode for run in ended] == [1, 1]
    assert project.changes(before) == []


def test_files_that_cannot_be_read_are_no_release(cloud):
    project = cloud()
    (project.checkout / "functions" / "gone.py").symlink_to("nowhere")
    before = len(project.calls())

    ended = project.deploy("up")

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "deploy.sh: the files of functions/ could not be read (see above)"
    assert project.changes(before) == []


@pytest.mark.process
def test_a_release_is_every_uploaded_file_in_sub_folders_too_and_nothing_else(tmp_path):
    copy_repository(tmp_path)
    script = """
        root=$1 functions=(batch stream); . "$root/deploy/functions.sh"
        describe_wanted() { arguments=(a) variables=b; }
        name_release && echo "$digest"
        """

    def digest() -> str:
        return subprocess.run(
            ["bash", "-euc", script, "-", tmp_path], capture_output=True, text=True, check=True
        ).stdout

    first = digest()
    (tmp_path / "functions" / "README.md").write_text("other words")
    assert digest() == first
    path = tmp_path / "functions" / "runtimes" / "linear.py"
    path.write_text(path.read_text() + "# changed\n")
    assert digest() != first


def test_a_setting_that_the_platform_spells_in_another_way_is_the_same(cloud):
    project = cloud()
    state = project.state
    state["functions"]["batch"]["serviceConfig"]["availableMemory"] = "2048Mi"
    project.change(**state)

    assert_serves(project)


def test_a_region_that_does_not_answer_is_no_absence(cloud):
    project = cloud(warning="WARNING: The following regions were fully or partially unreachable for query: us-central1")

    ended = project.deploy("down", "--yes")

    assert ended.returncode == 1
    assert f"deploy.sh: could not look at functions list of {project.id} as {OWNER} (see above)\n" in ended.stderr
    assert project.changes() == []


@pytest.mark.parametrize("name", ["LC_ALL", "LANG"])
def test_letters_are_those_of_google_in_any_locale(cloud, name):
    ended = cloud(up=False, model=False).deploy("up", MODEL_NAME="häuser", **{name: "de_DE.UTF-8"})

    assert ended.returncode == 2
    assert "MODEL_NAME must be lower-case letters, digits, '.', '_' or '-', got 'häuser'" in ended.stderr


def test_a_split_with_the_newest_revision_is_pinned_as_it_is(cloud):
    project = cloud()
    state = project.state
    state["services"]["batch"]["revisions"]["batch-00000-abc"] = state["services"]["batch"]["revisions"][
        "batch-00001-abc"
    ]
    state["services"]["batch"]["traffic"] = [
        {"revisionName": "batch-00000-abc", "percent": 90},
        {"latestRevision": True, "percent": 10},
    ]
    project.change(**state)
    project.edit_code()
    project.fault({"match": "functions deploy batch", "do": "fail"})

    ended = project.deploy("up")

    assert ended.returncode == 1
    assert project.traffic("batch") == {"batch-00000-abc": 90, "batch-00001-abc": 10}
