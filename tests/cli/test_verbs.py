"""`python -m model`: what each verb prints, with which exit code, for people and for machines."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.cloud import storage

from model.registry.registry import Registry
from tests.support.parts import MODEL, ROOT, free_port, manifest_name, put

FORMATS = (
    "must be sklearn:NAME, or a path or gs:// address that ends in .csv, .jsonl or .parquet, or in one of them and .gz"
)
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


@pytest.fixture
def candidates(tmp_path):
    """Write the shipped configuration with other candidates; gives its path."""

    def candidates(text: str) -> str:
        start, end = CONFIG.index("candidates = ["), CONFIG.index("[gate]")
        (tmp_path / "config.toml").write_text(CONFIG[:start] + text + CONFIG[end:])
        return str(tmp_path / "config.toml")

    return candidates


@dataclass(frozen=True)
class Trained:
    """Two trainings of the shipped data, versions 1 and 2 of a bucket, and what they said."""

    bucket: storage.Bucket
    first: subprocess.CompletedProcess[str]
    second: dict[str, Any]
    """What the second printed with --json."""
    rows: list[str]
    """The objects of training rows after both."""

    def manifest(self, version: int) -> bytes:
        return self.bucket.blob(manifest_name(version)).download_as_bytes()


@pytest.fixture(scope="module")
def trained_twice(model, emulator):
    bucket = emulator.make_bucket()
    environ = {"STORAGE_EMULATOR_HOST": emulator.url, "MODEL_BUCKET": bucket.name}
    first = model("train", **environ)
    second = json.loads(model("train", "--json", **environ).stdout)
    return Trained(bucket, first, second, [blob.name for blob in bucket.list_blobs(prefix="data/")])


@pytest.fixture
def trained(trained_twice, emulator, monkeypatch):
    """The environment points at the bucket of both trainings. Versions 1 and 2 stay; a test may add others."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator.url)
    monkeypatch.setenv("MODEL_BUCKET", trained_twice.bucket.name)
    return trained_twice


def test_train_publishes_a_blessed_version_and_says_what_is_next(trained):
    ended = trained.first

    assert ended.returncode == 0
    assert "blessed: yes" in ended.stdout
    assert ended.stderr == ("version 1 is published and blessed; `python -m model promote` puts it into production\n")
    assert Registry(trained.bucket.name, MODEL).manifest(1).document["blessed"] is True


def test_a_version_says_which_features_are_redacted(model, registry, config):
    model("train", "--config", config(features='[{ name = "bmi", redact = true }, { name = "age" }]'))

    assert {entry["name"]: entry.get("redact") for entry in registry.manifest(1).document["features"]} == {
        "bmi": True,
        "age": None,
    }


def test_the_same_data_and_seed_give_the_same_version_but_for_number_time_and_commit(trained):
    first, second = json.loads(trained.manifest(1)), trained.second

    changing = {"version", "created", "sha256", "memory_bytes"}
    assert {name: value for name, value in first.items() if name not in changing} == {
        name: value for name, value in second.items() if name not in changing
    }


def test_a_version_is_reproduced_from_the_rows_it_was_trained_on(model, trained):
    first = trained.second

    again = json.loads(model("train", "--json", "--data", first["data"]["uri"]).stdout)

    assert {name: again[name] for name in ("data", "linear", "metrics")} == {
        name: first[name] for name in ("data", "linear", "metrics")
    }


def test_the_manifest_records_where_it_comes_from(trained):
    document = trained.second

    assert set(document) == {
        *(
            "blessed",
            "comparison",
            "created",
            "data",
            "exactness",
            "features",
            "format",
            "gate",
            "golden",
            "importance",
        ),
        *(
            "line",
            "linear",
            "memory_bytes",
            "metrics",
            "model",
            "model_bytes",
            "prediction",
            "probabilities",
            "residuals",
        ),
        *("runtime", "sha256", "slices", "target", "task", "training", "version"),
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


def test_a_model_that_double_precision_cannot_hold_is_refused_by_the_gate(model, registry, candidates, tmp_path):
    cells = [(1e15 + n, n % 7) for n in range(400)]
    (tmp_path / "far.csv").write_text("bmi,disease_progression\n" + "".join(f"{x},{y + x - 1e15}\n" for x, y in cells))

    path = candidates('candidates = [{ estimator = "sklearn.linear_model.Ridge", scale = true }]\n')

    ended = model("train", "--config", path, "--data", str(tmp_path / "far.csv"))

    assert ended.returncode == 3, ended.stderr
    document = registry.manifest(1).document
    assert "artefact equals estimator" in [check["check"] for check in document["gate"] if not check["passed"]]
    assert [warning["code"] for warning in document["data"]["warnings"]] == ["near-constant"]


# Validation


@pytest.fixture
def rows(tmp_path, config):
    """Write a CSV file of the columns the shipped configuration reads; gives arguments for it."""

    def rows(content: str | bytes) -> list[str]:
        path = tmp_path / "rows.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return ["--data", str(path)]

    return rows


MANY = "bmi,disease_progression\n" + "".join(f"{n / 7},{n % 13 + n / 50}\n" for n in range(400))


def test_validate_says_everything_and_exits_with_three(model, rows, tmp_path):
    broken = MANY.replace("\n1.0,", "\nhigh,", 1) + "7.0,8,9\n3.5,inf\n3.6,\n"

    ended = model("validate", *rows(broken), MODEL_BUCKET="")

    lines = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr) == (3, "")
    assert lines[0].startswith(f"{tmp_path}/rows.csv: 402 rows read, ")
    assert lines[0].endswith(" held out; 3 errors, 1 warning")
    assert lines[2].split() == ["severity", "code", "column", "count", "found", "what", "would", "help"]
    assert [line.split()[:3] for line in lines[3:7]] == [
        ["error", "ragged-row", "1"],
        ["error", "not-numeric", "bmi"],
        ["error", "not-finite", "disease_progression"],
        ["warning", "no-target", "disease_progression"],
    ]
    assert '(row 7: "high")' in lines[4]
    assert lines[-1] == f"not compared with production of {MODEL}: MODEL_BUCKET is not set"


def test_training_stops_at_errors_and_publishes_nothing(model, registry, rows):
    ended = model("train", *rows(MANY.replace("\n1.0,", "\nhigh,", 1)))

    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == (
        "error not-numeric 'bmi': must be a number, 1 cell is not (row 7: \"high\"): "
        "write plain numbers with a decimal point, or remove these rows\n"
    )
    assert registry.entries() == []


def test_validate_has_machine_output(model, rows):
    arguments = rows(MANY + MANY.splitlines()[1] + "\n")

    ended = model("validate", *arguments, "--json", MODEL_BUCKET="")

    report = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert report == {
        "source": arguments[1],
        "rows": 401,
        "holdout_rows": report["holdout_rows"],
        "rows_without_target": 0,
        "errors": 0,
        "warnings": 1,
        "findings": [
            {
                "severity": "warning",
                "code": "duplicated-row",
                "column": None,
                "count": 1,
                "found": "1 row of 401 equals an earlier one",
                "examples": [{"row": 400, "found": "equals row 0"}],
                "fix": "check that no join multiplies rows: a copy on the other side of the split flatters the score",
            }
        ],
        "compared_with": {"version": None, "reason": "MODEL_BUCKET is not set"},
    }


def test_rows_are_compared_with_those_production_was_trained_on(model, bucket, rows):
    before = model("validate").stdout.splitlines()[-1]
    model("train")
    model("promote")

    same = model("validate")
    other = json.loads(model("validate", *rows(MANY), "--json").stdout)
    model("train", *rows(MANY))

    assert before == f"not compared with production of {MODEL}: production has not been set yet"
    assert (same.returncode, same.stdout.splitlines()[-1]) == (0, f"compared with version 1 of {MODEL} in production")
    assert [finding["code"] for finding in other["findings"]] == ["shifted"]
    assert other["compared_with"] == {"version": 1, "reason": None}
    (warning,) = json.loads(model("show", "2", "--json").stdout)["data"]["warnings"]
    assert (warning["code"], warning["column"], warning["count"]) == ("shifted", "bmi", 400)


def test_a_production_that_cannot_be_compared_with_is_said(model, production):
    production()

    ended = model("validate")

    assert ended.returncode == 0
    assert ended.stdout.splitlines()[-1] == (
        f"not compared with production of {MODEL}: its manifest does not tell the quantiles of its training rows"
    )


def test_validate_reads_a_bucket_that_is_not_the_models(model, bucket):
    put(bucket, "folder/rows.csv", MANY.encode())

    ended = model("validate", "--data", f"gs://{bucket.name}/folder/rows.csv", MODEL_BUCKET="")

    assert ended.returncode == 0
    assert ended.stdout.splitlines()[0].startswith(f"gs://{bucket.name}/folder/rows.csv: 400 rows read, ")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["--data", "/nowhere.csv"], 1, "/nowhere.csv does not exist", id="no-file"),
        pytest.param(["--data", "gs://nowhere/x.csv"], 1, "gs://nowhere/x.csv does not exist", id="no-object"),
        pytest.param(["--data", "gs://"], 1, f"gs:// {FORMATS}", id="no-name"),
        pytest.param(
            ["--data", "sklearn:california_housing"],
            1,
            "sklearn:california_housing is no bundled set; there are diabetes and linnerud, and of classes breast_cancer, "
            "iris, wine",
            id="not-bundled",
        ),
        pytest.param(
            ["--config", "/nowhere.toml"], 2, "/nowhere.toml cannot be read: No such file or directory", id="no-config"
        ),
    ],
)
def test_what_cannot_be_validated_is_one_clear_line(model, bucket, arguments, code, message):
    ended = model("validate", *arguments, MODEL_BUCKET="")

    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "", f"{message}\n")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"", 3, id="empty"),
        pytest.param(bytes(range(256)) * 99, 1, id="binary"),
        pytest.param(MANY.encode("utf-16"), 1, id="utf-16"),
        pytest.param(MANY.replace(",", ";").encode(), 1, id="semicolons"),
        pytest.param(b'bmi,disease_progression\n1,"' + b"x" * 9_000_000, 1, id="open-quote"),
        pytest.param(MANY.replace(".", ",").encode(), 3, id="decimal-commas"),
        pytest.param(MANY.replace("disease", "dis\xe9ase").encode("latin-1"), 1, id="latin-1-names"),
        pytest.param(b"bmi,disease_progression\n", 3, id="header-only"),
        pytest.param(b"\xef\xbb\xbf" + MANY.encode(), 0, id="byte-order-mark"),
    ],
)
def test_a_file_of_any_kind_gets_an_answer_and_no_traceback(model, rows, content, code):
    ended = model("validate", *rows(content), MODEL_BUCKET="")

    assert (ended.returncode, "Traceback" in ended.stderr) == (code, False)
    assert len(ended.stderr.splitlines()) == (1 if code == 1 or not content else 0)


# Candidates


def test_warnings_about_the_data_and_all_candidates_are_recorded_with_the_choice_marked(trained):
    document = trained.second

    assert document["data"]["warnings"] == []  # two pairs of equal rows, as few different values have them
    tried = document["training"]["candidates_tried"]
    assert [entry["rmse"] for entry in tried] == sorted(entry["rmse"] for entry in tried)
    (chosen,) = [entry for entry in tried if entry["chosen"]]
    assert (chosen["estimator"], chosen["scale"], chosen["parameters"]) == (
        "sklearn.linear_model.LinearRegression",
        False,
        {},
    )
    assert chosen["rmse"] <= tried[0]["rmse"] + tried[0]["rmse_se"]
    assert (document["training"]["folds"], document["training"]["repeats"]) == (5, 5)


def test_the_table_shows_what_was_tried_with_spread_and_choice(trained):
    lines = trained.first.stdout.splitlines()

    start = next(number for number, line in enumerate(lines) if line.startswith("candidate"))
    assert lines[start].split() == ["candidate", "rmse", "std", "se"]
    assert [line.split()[-1] for line in lines[start + 1 : start + 7]].count("chosen") == 1
    assert not any(line.startswith("warnings ") for line in lines)


NO_METRIC = (
    "step 'regressor': KNeighborsRegressor: metric='canberra'; "
    "expected euclidean, manhattan, chebyshev, minkowski, cosine or haversine"
)

CANDIDATES = """candidates = [
  { estimator = "sklearn.linear_model.LinearRegression" },
  { estimator = "sklearn.svm.SVR", grid = { C = [1000.0] } },
]
"""


def test_a_better_candidate_that_cannot_be_served_is_passed_over_and_named(model, bucket, candidates, tmp_path):
    curve = "".join(f"{n / 7},{(n / 100 - 2) ** 2 + n % 13 / 50}\n" for n in range(400))
    (tmp_path / "curve.csv").write_text(f"bmi,disease_progression\n{curve}")

    near = CANDIDATES.replace("svm.SVR", "neighbors.KNeighborsRegressor").replace(
        "C = [1000.0]", 'metric = ["canberra"]'
    )

    ended = model("train", "--config", candidates(near), "--data", str(tmp_path / "curve.csv"))

    assert "sklearn.neighbors.KNeighborsRegressor metric=canberra" in ended.stdout
    first, *_ = ended.stderr.splitlines()
    assert first.startswith("warning: sklearn.neighbors.KNeighborsRegressor metric=canberra scored better (")
    assert first.endswith(f"and is passed over: {NO_METRIC}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            CANDIDATES.replace("LinearRegression", "LogisticRegression"),
            "FILE: training.candidates[0]: sklearn.linear_model.LogisticRegression learns a classification, and "
            "training.task a regression",
            id="no-regressor",
        ),
        pytest.param(
            CANDIDATES.replace("C =", "c ="),
            "FILE: training.candidates[1].grid.c: sklearn.svm.SVR has no such parameter; it has C, cache_size, coef0, "
            "degree, epsilon, gamma, kernel, max_iter, shrinking, tol, verbose",
            id="no-parameter",
        ),
        pytest.param(
            CANDIDATES.replace("1000.0", "-1.0"),
            "FILE: training.candidates[1].grid: The 'C' parameter of SVR must be a float in the range (0.0, inf]. Got "
            "-1.0 instead.",
            id="wrong-value",
        ),
        pytest.param(
            'candidates = [{ estimator = "sklearn.neighbors.KNeighborsRegressor", grid = { metric = ["canberra"] } }]\n',
            "none of training.candidates can be served:\n"
            f"sklearn.neighbors.KNeighborsRegressor metric=canberra: {NO_METRIC}",
            id="none-served",
        ),
    ],
)
def test_a_candidate_that_cannot_be_used_is_named_with_its_place(model, bucket, candidates, text, message):
    path = candidates(text)

    ended = model("train", "--config", path)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.replace(path, "FILE") == f"{message}\n"


def test_the_same_data_and_seed_give_the_same_bytes_but_for_number_time_and_digest(trained):
    assert masked(trained.manifest(1)) == masked(trained.manifest(2))
    assert len(trained.rows) == 1


def masked(manifest: bytes) -> bytes:
    """*manifest* without what may differ from one training to the next."""
    own = rb'"created":"[^"]+"|"version":\d+,?|"git_commit":"[^"]+"|"memory_bytes":\d+|(?<=[^_])"sha256":"[0-9a-f]{64}","slices"'
    return re.sub(own, b"", manifest)


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
    assert f"{MODEL} version 3: manifest: expected format 1 to 2, found null" in lines[1]
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
        pytest.param(["train", "--data", "gs://"], 1, f"gs:// {FORMATS}", id="no-name"),
        pytest.param(
            ["train", "--data", "https://x/y.csv"],
            1,
            f"https://x/y.csv {FORMATS}",
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
            "\n".join(
                f"error missing-column '{name}': must be there once, found 0; there are Chins, Situps, Jumps, Weight, "
                "Waist, Pulse: name the column in config.toml as the file does, or add it to the data"
                for name in ("bmi", "disease_progression")
            ),
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

    wanted = "rich is not there for this Python; do `. .local/env` first, which ./deploy.sh local writes\n"
    assert (ended.returncode, ended.stderr) == (1, wanted)


def test_no_rows_on_one_side_is_the_datas_fault(model, bucket, tmp_path):
    (tmp_path / "one.csv").write_text("bmi,disease_progression\n1,2\n")

    ended = model("train", "--data", str(tmp_path / "one.csv"))

    assert ended.returncode == 3
    wanted = "at least 5 training rows (training.folds) and 1 held-out row are needed"
    assert ended.stderr.startswith(f"error too-few-rows: {wanted}, found ")


def test_a_bucket_out_of_reach_is_one_line(model, monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{free_port()}")

    ended = model("versions", "--bucket", "any")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"gs://any/{MODEL}/aliases/ cannot be reached: ")
    assert len(ended.stderr.splitlines()) == 1


def test_a_closed_output_does_not_undo_what_was_done(publish, registry):
    publish()

    ended = subprocess.run(
        ["bash", "-c", '"$0" -m model promote >&-', sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert registry.alias("production")[0].version == 1


def test_what_a_terminal_cannot_show_is_escaped(model, trained):
    shown = model("show", "1", PYTHONIOENCODING="ascii")

    assert (shown.returncode, shown.stderr) == (0, "")
    assert "\\u2026" in shown.stdout


def test_a_candidate_that_talks_does_not_disturb_what_programs_read(model, bucket, candidates):
    path = candidates(
        'candidates = [{ estimator = "sklearn.linear_model.SGDRegressor", scale = true, grid = { verbose = [1] } }]\n'
    )

    ended = model("train", "--json", "--config", path)

    assert json.loads(ended.stdout)["version"] == 1


def test_labels_without_captured_lines_are_refused_and_the_other_flag_is_named(model, tmp_path):
    ended = model("retrain", "--labels", str(tmp_path / "labels.csv"))

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "--labels needs --captured: it takes the keys of captured predictions (request_id, row) and what became true;"
        " rows with features and target are given as --labelled-rows\n"
    )
