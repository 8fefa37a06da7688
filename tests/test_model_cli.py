"""`python -m model`: what each verb prints, with which exit code, for people and for machines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from parts import MODEL, ROOT, free_port, manifest_name, put

CONFIG = (ROOT / "model" / "config.toml").read_text()


@pytest.fixture
def config(tmp_path):
    """Write the shipped configuration with replacements; gives its path."""

    def config(**replacements: str) -> str:
        text = CONFIG
        for old, new in replacements.items():
            line = next(line for line in text.splitlines() if line.startswith(f"{old} = "))
            text = text.replace(line, f"{old} = {new}")
        path = tmp_path / "config.toml"
        path.write_text(text)
        return str(path)

    return config


def test_train_publishes_a_blessed_version_and_says_what_is_next(model, registry):
    ended = model("train")

    assert ended.returncode == 0
    assert "blessed: yes" in ended.stdout
    assert ended.stderr == ("version 1 is published and blessed; `python -m model promote` puts it into production\n")
    assert registry.manifest(1).document["blessed"] is True


def test_the_same_data_and_seed_give_the_same_version_but_for_number_time_and_commit(model, bucket):
    first, second = (json.loads(model("train", "--json").stdout) for _ in range(2))

    changing = {"version", "created", "sha256"}
    assert {name: value for name, value in first.items() if name not in changing} == {
        name: value for name, value in second.items() if name not in changing
    }


def test_a_version_is_reproduced_from_the_rows_it_was_trained_on(model, bucket):
    first = json.loads(model("train", "--json").stdout)

    again = json.loads(model("train", "--json", "--data", first["data"]["uri"]).stdout)

    assert {name: again[name] for name in ("data", "linear", "metrics")} == {
        name: first[name] for name in ("data", "linear", "metrics")
    }


def test_the_manifest_records_where_it_comes_from(model, bucket):
    document = json.loads(model("train", "--json").stdout)

    assert set(document) == {
        *("blessed", "comparison", "created", "data", "features", "format", "gate", "golden", "linear", "metrics"),
        *("model", "residuals", "runtime", "sha256", "slices", "target", "training", "version"),
    }
    assert (document["data"]["rows"], document["data"]["holdout_rows"]) == (442, 82)
    assert [entry["check"] for entry in document["gate"] if not entry["passed"]] == []
    assert len(document["training"]["candidates_tried"]) == 6
    assert set(document["training"]["packages"]) == {"numpy", "scikit-learn", "scipy"}


def test_a_version_the_gate_refuses_is_published_unblessed_and_exits_with_three(model, registry, config):
    ended = model("train", "--config", config(min_r2="0.9"))

    assert ended.returncode == 3
    assert "r2                                 NO" in ended.stdout
    assert ended.stderr == "version 1 is published, unblessed: it cannot be promoted\n"
    assert registry.manifest(1).document["blessed"] is False

    refused = model("promote")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr == f"{MODEL} version 1 is not blessed (failed: r2); there are no blessed versions\n"


def test_a_model_that_double_precision_cannot_hold_is_refused_by_the_gate(model, registry, tmp_path):
    cells = [(1e15 + n, n % 7) for n in range(400)]
    (tmp_path / "far.csv").write_text("bmi,disease_progression\n" + "".join(f"{x},{y + x - 1e15}\n" for x, y in cells))

    ended = model("train", "--data", str(tmp_path / "far.csv"))

    assert ended.returncode == 3, ended.stderr
    failed = [check["check"] for check in registry.manifest(1).document["gate"] if not check["passed"]]
    assert failed == ["r2 not too good to be true", "artefact equals estimator"]


def test_promote_and_rollback_say_what_moved(model, publish):
    publish()
    publish()

    said = [
        model("promote", "1").stdout,
        model("promote").stdout,
        model("promote").stdout,
        model("rollback", "--reason", "2 is worse").stdout,
    ]

    assert said == [
        "promoted: production is version 1\n",
        "promoted: production is version 2 (was 1)\n",
        "production already is version 2: nothing changed\n",
        "rolled back: production is version 1 (was 2)\n",
    ]
    history = json.loads(model("history", "--json").stdout)
    assert [(entry["version"], entry.get("action"), entry["reason"]) for entry in history] == [
        (1, "rollback", "2 is worse"),
        (2, "promote", ""),
        (1, "promote", ""),
    ]


@pytest.mark.parametrize("reason", [[], ["--reason", ""], ["--reason", " "]])
def test_force_without_a_reason_is_wrong_usage(model, publish, reason):
    publish(blessed=False)

    ended = model("promote", "--force", *reason)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "--force needs --reason TEXT: why a version that the gate refused is put there\n"


def test_a_promotion_by_force_is_shown_wherever_the_version_is(model, publish):
    publish(blessed=False)

    forced = model("promote", "--force", "--reason", "it must", "--by", "ada")

    assert (forced.returncode, forced.stdout) == (0, "promoted: production is version 1\n")
    assert model("versions").stdout.splitlines()[1].endswith("  no       production (forced)")
    assert json.loads(model("versions", "--json").stdout)[0]["forced"] == ["production"]
    assert model("history").stdout.splitlines()[1].endswith("  promote (forced)  ada  it must")
    assert json.loads(model("history", "--json").stdout)[0]["forced"] is True
    shown = model("show", "1").stdout.splitlines()
    assert shown[-3:-1] == ["", "alias             promoted             action            by   reason"]
    assert shown[-1].startswith("production (now)  ")
    assert shown[-1].endswith("  promote (forced)  ada  it must")


def test_rollback_at_the_oldest_exits_with_three(model, production):
    production()

    ended = model("rollback")

    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == "production holds version 1, the oldest it ever held: nothing to roll back to\n"


def test_moves_have_machine_output(model, publish):
    publish()

    moved = json.loads(model("promote", "--json", "--alias", "staging").stdout)

    assert moved == {"alias": "staging", "version": 1, "before": None, "changed": True}


def test_versions_is_a_table(model, bucket, production, publish):
    production()
    publish(blessed=False)
    put(bucket, manifest_name(3), b"{}")

    lines = model("versions").stdout.splitlines()

    assert lines[0].split() == ["version", "created", "r2", "blessed", "aliases"]
    assert lines[1].split("  ")[0] == "3"
    assert f"{MODEL} version 3: manifest: expected format 1, found null" in lines[1]
    assert lines[2].split()[3:] == ["0.5", "no"]
    assert lines[3].split()[3:] == ["0.5", "yes", "production"]


def test_versions_has_machine_output(model, registry, production):
    production()

    entries = json.loads(model("versions", "--json").stdout)

    document = registry.manifest(1).document
    assert entries == [
        {
            "version": 1,
            "created": document["created"],
            "metrics": document["metrics"],
            "blessed": True,
            "aliases": ["production"],
            "forced": [],
            "error": None,
        }
    ]


def test_an_empty_registry_says_how_to_begin(model, bucket):
    assert model("versions").stderr == "no versions yet; `python -m model train` makes one\n"
    assert model("versions", "--json").stdout == "[]\n"
    assert model("history").stderr == "production has not been set yet\n"
    promoted = model("promote")
    assert promoted.returncode == 2
    assert promoted.stderr == f"{MODEL} has no versions in gs://{bucket.name}; `python -m model train` makes one\n"


def test_show_prints_one_version_and_json_the_manifest(model, registry, publish):
    publish()

    shown, machine = model("show", "1"), model("show", "1", "--json")

    assert "estimator   by hand" in shown.stdout
    assert json.loads(machine.stdout) == registry.manifest(1).document


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["show", "9"], 2, f"{MODEL} has no version 9; versions: 1", id="unknown-version"),
        pytest.param(
            ["versions", "--model", "../x"],
            2,
            "--model must be lower-case letters, digits, '.', '_' or '-', got '../x'",
            id="model-name",
        ),
        pytest.param(
            ["promote", "1", "--alias", "A"],
            2,
            "--alias must be lower-case letters, digits, '.', '_' or '-', got 'A'",
            id="alias-name",
        ),
        pytest.param(
            ["versions", "--bucket", ""],
            2,
            "MODEL_BUCKET must name the bucket (for a local run: `. .local/env`), it is not set",
            id="no-bucket",
        ),
        pytest.param(
            ["train", "--config", "/nowhere.toml"],
            2,
            "/nowhere.toml cannot be read: No such file or directory",
            id="no-config",
        ),
        pytest.param(["train", "--data", "/nowhere.csv"], 1, "/nowhere.csv does not exist", id="no-data"),
        pytest.param(["train", "--data", "gs://nowhere/x.csv"], 1, "gs://nowhere/x.csv does not exist", id="no-object"),
        pytest.param(["train", "--data", "gs://"], 1, "gs:// must be gs://BUCKET/NAME", id="no-name"),
        pytest.param(
            ["train", "--data", "https://x/y.csv"],
            1,
            "https://x/y.csv must be sklearn:NAME, or a path or gs:// address that ends in .csv or .parquet",
            id="https",
        ),
        pytest.param(
            ["versions", "--bucket", "-"],
            1,
            "gs://-/: Bucket names must start and end with a number or letter.",
            id="bucket-name",
        ),
        pytest.param(["train", "--bucket", "missing"], 1, "gs://missing does not exist", id="no-such-bucket"),
        pytest.param(
            ["train", "--data", "sklearn:linnerud"],
            3,
            "column 'bmi' must be there once, found 0; there are Chins, Situps, Jumps, Weight, Waist, Pulse",
            id="no-column",
        ),
    ],
)
def test_what_goes_wrong_is_one_clear_line(model, publish, arguments, code, message):
    publish()

    ended = model(*arguments)

    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "", f"{message}\n")


@pytest.mark.parametrize("version", ["0", "-1", "x", "1.5", "²", "9" * 40])
def test_a_version_is_a_whole_number(model, bucket, version):
    ended = model("promote", "--", version)

    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].endswith(f"a version is a whole number from 1, got '{version}'")


@pytest.mark.parametrize("reason", ["two\nlines", "\x1b[31m", "\udcff", "x" * 501])
def test_a_reason_is_one_printable_line(model, production, reason):
    production()

    ended = model("rollback", "--reason", reason)

    assert ended.returncode == 2
    assert "one line of at most 500 printable characters, got " in ended.stderr


def test_markup_in_a_reason_is_shown_as_it_is(model, publish):
    publish()
    model("promote", "--reason", "[red]x[/nope] :smile:", "--by", "[b]")

    assert model("history").stdout.splitlines()[1].endswith("promote  [b]  [red]x[/nope] :smile:")


def test_output_that_cannot_be_written_is_one_line(model, production):
    production()
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "model", "versions"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False
        )

    assert (ended.returncode, ended.stderr) == (1, b"no output: No space left on device\n")


def test_a_python_without_the_requirements_is_told_where_they_are(bucket):
    bare = [sys.executable, "-S", "-m", "model", "versions"]
    ended = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True, check=False)

    wanted = "numpy is not there for this Python; do `. .local/env` first, which ./deploy.sh local writes\n"
    assert (ended.returncode, ended.stderr) == (1, wanted)


def test_no_rows_on_one_side_is_the_datas_fault(model, bucket, tmp_path):
    (tmp_path / "one.csv").write_text("bmi,disease_progression\n1,2\n")

    ended = model("train", "--data", str(tmp_path / "one.csv"))

    assert ended.returncode == 3
    assert ended.stderr.startswith("at least 5 training rows (training.folds) and 1 held-out row are needed, got ")


def test_a_bucket_out_of_reach_is_one_line(model, monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{free_port()}")

    ended = model("versions", "--bucket", "any")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"gs://any/{MODEL}/aliases/ cannot be reached: ")
    assert len(ended.stderr.splitlines()) == 1
