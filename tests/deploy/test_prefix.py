"""FUNCTION_PREFIX: models side by side in one project and region. MODEL_CONFIG: the configuration of one of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.cloud import Project

KINDS = (
    "functions",
    "services",
    "accounts",
    "policies",
    "sinks",
    "metrics",
    "alerts",
    "channels",
    "dashboards",
    "triggers",
)


def resources(project: Project, *, prefixed: bool) -> dict[str, Any]:
    """What is there for one of two models, `houses` and the one without a prefix."""
    state = project.state
    found: dict[str, Any] = {}
    for kind in KINDS:
        records = state[kind].items() if isinstance(state[kind], dict) else [(name, {}) for name in state[kind]]
        if kind == "policies":
            records = [
                (where, member)
                for where, bindings in records
                for binding in bindings
                for member in sorted(binding["members"])
            ]
        ours = [(name, record) for name, record in records if ("houses" in json.dumps([name, record])) == prefixed]
        found[kind] = sorted(json.dumps(record) for record in ours)
    return found


def beside(cloud) -> tuple[Project, dict[str, str]]:
    """A project with functions of two models, both watched and released by a trigger; and the settings of the second."""
    project = cloud()
    backends = project.state["backends"]
    project.change(backends={**backends, **{f"houses-{name}": address for name, address in backends.items()}})
    second = {
        "FUNCTION_PREFIX": "houses",
        "MODEL_BUCKET": project.bucket,
        "MONITORING": "on",
        "ALERT_EMAIL": "h@example.com",
    }
    project.up(MONITORING="on", ALERT_EMAIL="a@example.com")
    assert project.deploy("trigger", "owner/repo", "main").returncode == 0
    first = resources(project, prefixed=False)
    project.up(**second)
    assert project.deploy("trigger", "owner/repo", "main", **second).returncode == 0
    assert resources(project, prefixed=False) == first
    return project, second


def test_two_models_stand_side_by_side_and_neither_touches_the_other(cloud):
    project, second = beside(cloud)
    state = project.state
    assert sorted(state["functions"]) == ["batch", "houses-batch", "houses-stream", "stream"]
    assert sorted(account.split("@")[0] for account in state["accounts"]) == [
        *("houses-build", "houses-release", "houses-serving"),
        *("model-build", "model-release", "model-serving"),
    ]
    assert sorted(state["sinks"]) == ["houses-predictions-us-central1", "predictions-us-central1"]
    assert sorted(state["triggers"]) == ["release-houses-us-central1", "release-us-central1"]
    assert "FUNCTION_PREFIX=houses" in state["triggers"]["release-houses-us-central1"]["substitutions"]["_SETTINGS"]
    metric = state["metrics"]["linear-regression-us-central1.houses-requests"]
    assert 'service_name=("houses-batch" OR "houses-stream")' in metric["filter"]
    names = {policy["displayName"] for policy in state["alerts"].values()}
    assert {"linear-regression in us-central1: errors", "linear-regression in us-central1, houses: errors"} <= names

    before = len(project.calls())
    project.up(**second)
    project.up(MONITORING="on", ALERT_EMAIL="a@example.com")
    assert project.changes(before) == []
    lines = project.deploy("status", **second).stdout.splitlines()
    assert lines[3].split()[:2] == ["houses-batch", f"{state['front']}/houses-batch/batch"]

    first = resources(project, prefixed=False)
    ended = project.deploy("down", "--yes", **second)
    assert ended.returncode == 0, ended.stderr
    assert resources(project, prefixed=False) == first
    assert resources(project, prefixed=True) == {kind: [] for kind in KINDS}


def test_down_without_a_prefix_leaves_the_others_alone(cloud):
    project, _ = beside(cloud)
    second = resources(project, prefixed=True)

    ended = project.deploy("down", "--yes", MONITORING="on")

    assert ended.returncode == 0, ended.stderr
    assert resources(project, prefixed=True) == second
    assert resources(project, prefixed=False) == {kind: [] for kind in KINDS}


def test_a_release_and_a_rollback_are_of_the_functions_with_the_prefix(cloud):
    project = cloud()
    backends = project.state["backends"]
    project.change(backends={**backends, **{f"houses-{name}": address for name, address in backends.items()}})
    second = {"FUNCTION_PREFIX": "houses", "MODEL_BUCKET": project.bucket}
    project.up(**second)
    project.edit_code()
    project.up(**second)
    assert project.traffic("houses-batch") == {"houses-batch-00002-abc": 100}
    asked = project.deploy("invoke", "--http", "stream", "0.5", **second)
    assert asked.returncode == 0, asked.stderr

    ended = project.deploy("rollback", **second)

    assert ended.returncode == 0, ended.stderr
    assert [project.traffic(name) for name in ("houses-stream", "stream")] == [
        {"houses-stream-00001-abc": 100},
        {"stream-00001-abc": 100},
    ]


def test_a_configuration_reaches_the_model_and_the_builds(cloud):
    project = cloud()
    config = project.checkout / "models" / "houses.toml"
    config.parent.mkdir()
    config.write_text("[data]\n")
    python = project.checkout / ".venv" / "bin" / "python"
    lines = python.read_text().splitlines()
    python.write_text(
        "\n".join([lines[0], 'if [ "$3" = show ]; then printf %s "$MODEL_CONFIG"; exit; fi', *lines[1:]]) + "\n"
    )
    (project.checkout / ".env").write_text("MODEL_CONFIG=models/houses.toml\n")

    assert project.deploy("model", "show").stdout == str(config)
    assert project.deploy("trigger", "owner/repo", "main").returncode == 0
    assert project.deploy("schedule", "0 3 * * 1", CAPTURE_SINK="off").returncode == 0

    for name in ("release-us-central1", "retrain-us-central1"):
        settings = project.state["triggers"][name]["substitutions"]["_SETTINGS"].split()
        assert "MODEL_CONFIG=models/houses.toml" in settings


@pytest.mark.parametrize(
    "verb", [["trigger", "owner/repo", "main"], ["schedule", "0 3 * * 1"]], ids=["trigger", "schedule"]
)
def test_a_configuration_that_a_build_would_not_have_is_said(cloud, tmp_path, verb):
    project = cloud()
    config = tmp_path / "houses.toml"
    config.write_text("[data]\n")

    ended = project.deploy(*verb, MODEL_CONFIG=str(config))

    assert ended.returncode == 2
    assert f"MODEL_CONFIG must be in the checkout, {project.checkout}, since a build has no other files" in ended.stderr
    assert project.state["triggers"] == {}
