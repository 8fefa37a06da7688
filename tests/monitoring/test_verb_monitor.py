"""`python -m model monitor`: what it reads, what it prints, and with which exit code it ends."""

from __future__ import annotations

import gzip
import io
import json
import math
import sys
from datetime import timedelta

import numpy as np
import pytest

from model.cli.main import main
from model.data.statistics import describe_numbers
from tests.support.captured import NOW, entry, lines, request, traffic
from tests.support.parts import MODEL, put
from tests.support.rows import described

X = np.random.default_rng(1).normal(0, 0.3, size=2_000).clip(-1, 1)
TRAINED = {
    "features": described(X.reshape(-1, 1), ["bmi"]),
    "prediction": describe_numbers(1 + 2 * X),
    "data": {"rows": 2_100, "holdout_rows": 100},
    "metrics": {name: {"value": 0.5, "low": 0.4, "high": 0.6} for name in ("r2", "rmse", "mae")},
}


def records(rows=1_000, *, by=0.0, seed=2, **options):
    """Requests of the line 1 + 2 · bmi, moved by so many standard deviations."""
    x = np.random.default_rng(seed).normal(0, 0.3, size=rows).clip(-1, 1) + 0.3 * by
    return list(traffic({"bmi": x}, 1 + 2 * x, **options))


@pytest.fixture
def service(production):
    """A version in production that was trained on X."""
    assert production(**TRAINED) == 1
    return 1


@pytest.fixture
def monitor(service, capsys, tmp_path):
    """Run the verb here on records, or on arguments; gives exit code, output and what was said."""

    def monitor(*given, **options):
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        sources = []
        for number, source in enumerate(given):
            path = tmp_path / f"captured-{number}.jsonl"
            if not isinstance(source, str):
                path.write_bytes(lines(source) if isinstance(source, list) else source)
            sources.append(source if isinstance(source, str) else str(path))
        try:
            code = main(["monitor", *sources, *arguments])
        except SystemExit as ended:
            code = ended.code
        return (code, *capsys.readouterr())

    return monitor


@pytest.fixture
def found(monitor):
    """The document of `--json`, and the exit code."""

    def found(*given, **options):
        code, output, said = monitor(*given, "--json", **options)
        assert (said, code in {0, 3}) == ("", True)
        return json.loads(output), code

    return found


# Sources


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        pytest.param("/nowhere/x.jsonl", 1, "/nowhere/x.jsonl does not exist", id="absent"),
        pytest.param(
            "/usr", 1, "/usr must be a file, found a directory: name the files in it (/usr/*)", id="directory"
        ),
        pytest.param("gs://nobody-s/x", 1, "gs://nobody-s/x does not exist", id="no-bucket"),
        pytest.param("gs://", 1, "gs:// must be gs://BUCKET/PREFIX", id="no-name"),
    ],
)
def test_a_source_that_cannot_be_read_is_named(monitor, source, code, message):
    assert monitor(source) == (code, "", f"{message}\n")


def test_a_prefix_without_objects_that_hold_lines_is_named(monitor, bucket):
    put(bucket, "logs/other.txt", b"x")

    code, _, said = monitor(f"gs://{bucket.name}/logs")

    endings = ".json, .json.gz, .jsonl, .jsonl.gz, .ndjson, .ndjson.gz, .log, .log.gz"
    assert (code, said) == (1, f"gs://{bucket.name}/logs holds no object that ends in {endings}\n")


@pytest.mark.parametrize(
    "option",
    [
        pytest.param({"window": "0"}, id="no-hours"),
        pytest.param({"window": "day"}, id="no-number"),
        pytest.param({"until": "2026-11-20T12:00:00"}, id="naive"),
        pytest.param({"until": "noon"}, id="no-time"),
        pytest.param({"until": "0001-01-01T00:00:00Z"}, id="no-year"),
    ],
)
def test_a_wrong_option_is_wrong_usage(monitor, option):
    code, _, said = monitor([], **option)

    assert (code, f"argument --{next(iter(option))}: " in said) == (2, True)


def test_all_objects_below_a_prefix_are_read_packed_or_not(found, bucket):
    made = [entry(record) for record in records(600)]
    put(bucket, "run/stdout/10:00:00_10:59:59_S0.json", lines(made[:300]))
    put(bucket, "run/stdout/11:00:00_11:59:59_S0.json.gz", gzip.compress(lines(made[300:])))
    put(bucket, "running/stdout.json", b"no line of ours")

    document, code = found(f"gs://{bucket.name}/run")

    assert (document["log"]["rows"], document["log"]["unusable"], code) == (600, {}, 0)
    assert found(f"gs://{bucket.name}/run/stdout/10:00:00_10:59:59_S0.json")[0]["log"]["lines"] == 300


def test_standard_input_is_a_source(found, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines(records(300)))))

    assert found("-")[0]["log"]["rows"] == 300


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(lines([{"message": "nothing of ours"}]), id="other-lines"),
        pytest.param(lines([{**record, "model": "houses"} for record in records(300)]), id="other-model"),
        pytest.param(lines(records(300, version=7)), id="no-such-version"),
        pytest.param(lines(records(100, by=9)), id="few-rows"),
    ],
)
def test_too_little_is_not_enough_data_and_no_alarm(monitor, found, text):
    assert found(text)[0]["status"] == "not enough data"
    code, output, said = monitor(text)
    assert (code, said) == (0, "")
    assert output.startswith(f"{MODEL}: NOT ENOUGH DATA; 0 alerts, ")


def test_a_version_that_is_not_in_the_bucket_leaves_the_others_alone(found):
    document, code = found(records(600) + records(100, version=7, name="other"))

    assert code == 0
    assert [entry["version"] for entry in document["versions"]] == [1]
    assert [(each["code"], each["value"]) for each in document["findings"]] == [
        ("unknown-version", pytest.approx(1 / 7))
    ]


# The answer


def test_all_is_well(monitor, found):
    made = [*records(2_000, end=NOW - timedelta(hours=24), name="before"), *records(2_000, seed=3)]

    document, code = found(made, until=NOW.isoformat())
    _, output, _ = monitor(made, until=NOW.isoformat())

    assert (document["status"], document["findings"], document["notes"], code) == ("ok", [], [], 0)
    assert set(document) == {
        *("findings", "format", "functions", "labels", "limits", "log", "model", "notes", "production", "series"),
        *("status", "versions", "window"),
    }
    (version,) = document["versions"]
    assert (version["rows"], version["previous_rows"], version["production"]) == (2_000, 2_000, True)
    assert [feature["name"] for feature in version["features"]] == ["bmi"]
    assert 0 < version["features"][0]["skew"]["wasserstein"] < 0.1
    assert 0 < version["features"][0]["drift"]["wasserstein"] < 0.1
    assert document["window"] == {
        "hours": 24.0,
        "from": "2026-11-19T12:00:00Z",
        "until": "2026-11-20T12:00:00Z",
        "previous_from": "2026-11-18T12:00:00Z",
    }
    assert [slot["rows"]["1"] for slot in document["series"]].count(0) == 0
    assert output.splitlines()[0] == f"{MODEL}: OK; 0 alerts, 0 warns; 2026-11-19 12:00:00 to 2026-11-20 12:00:00 UTC"


def test_an_input_that_moved_is_said_first_with_what_to_do_and_ends_with_3(monitor, found):
    made = records(1_000, by=0.5)

    document, code = found(made)
    screen = monitor(made)

    assert (document["status"], code, screen[0]) == ("alert", 3, 3)
    first = document["findings"][0]
    assert set(first) == {"advice", "code", "found", "severity", "threshold", "value", "version", "what"}
    assert (first["severity"], first["code"], first["what"]) == ("alert", "input-skew", "version 1, bmi")
    assert first["value"] == pytest.approx(0.5, abs=0.1)
    head = screen[1].splitlines()
    assert head[0].startswith(f"{MODEL}: ALERT; 2 alerts, 0 warns; ")
    assert head[3].startswith("alert     input-skew       version 1, bmi         0.")


def test_functions_that_fail_are_said_though_no_row_was_captured(found):
    made = [request(f"q{n}", NOW - timedelta(minutes=n), status=503, version=None, instances=0) for n in range(300)]

    document, code = found(made)

    assert (document["status"], code) == ("alert", 3)
    assert [each["code"] for each in document["findings"]] == ["server-errors"]


def test_a_window_is_as_long_as_it_is_told_to_be(found):
    document, _ = found(records(2_400), window="6", until=NOW.isoformat())

    assert (document["versions"][0]["rows"], document["versions"][0]["previous_rows"]) == (600, 600)


def test_labels_tell_whether_the_model_aged(found, tmp_path):
    made = records(600)
    rows = [record for record in made if record["kind"] == "row"]
    noise = np.random.default_rng(4).normal(scale=0.9, size=len(rows))
    cells = [
        f"{row['request_id']},{row['row']},{row['prediction'] + off}" for row, off in zip(rows, noise, strict=True)
    ]
    text = ["request_id,row,disease_progression", *cells, "nobody,0,1", cells[0], "r-0,1,5", "r-0,1,6", "r-0,2,x"]
    (tmp_path / "labels.csv").write_text("\n".join(text))

    document, code = found(made, labels=tmp_path / "labels.csv")

    assert (document["status"], code, [each["code"] for each in document["findings"]]) == ("alert", 3, ["live-error"])
    live = document["versions"][0]["live"]
    assert live["rows"] == 599
    assert live["metrics"]["rmse"]["low"] < 0.9 < live["metrics"]["rmse"]["high"]
    told = document["labels"]
    assert [told[name] for name in ("labels", "matched", "unmatched", "repeated", "conflicting", "unusable")] == [
        *(605, 600, 1, 1, 3, 1)
    ]


def test_labels_that_cannot_be_read_end_it(monitor, tmp_path):
    (tmp_path / "labels.csv").write_text("id,y\n")

    code, _, said = monitor(records(10), labels=tmp_path / "labels.csv")

    wanted = "must have one column request_id, found 0; there are id, y"
    assert (code, said) == (1, f"{tmp_path / 'labels.csv'} {wanted}\n")


def test_versions_that_tell_no_distribution_are_said_to_be_unknown(production, capsys, tmp_path):
    production()
    (tmp_path / "captured.jsonl").write_bytes(lines(records(300)))

    code = main(["monitor", str(tmp_path / "captured.jsonl")])

    assert code == 0
    assert "version 1, bmi: its training distribution is not known for this version" in capsys.readouterr().out


def test_a_page_that_cannot_be_written_is_named(monitor, tmp_path):
    code, output, said = monitor(records(10), report=tmp_path)

    assert (code, output, said) == (1, "", f"{tmp_path} cannot be written: Is a directory\n")


def test_a_process_ends_with_3_and_is_quiet_in_a_pipe(service, model, tmp_path):
    (tmp_path / "captured.jsonl").write_bytes(lines(records(300, by=2)))

    ended = model("monitor", str(tmp_path / "captured.jsonl"), "--json")

    assert (ended.returncode, ended.stderr) == (3, "")
    assert json.loads(ended.stdout)["status"] == "alert"


def test_what_train_publishes_is_what_monitor_compares_with(bucket, registry, capsys, tmp_path):
    assert main(["train"]) == 0
    told = registry.manifest(1).document
    capsys.readouterr()
    means = np.repeat(told["features"][0]["fiftieths"], 10)
    made = list(traffic({"bmi": means}, np.repeat(told["prediction"]["fiftieths"], 10)))
    (tmp_path / "captured.jsonl").write_bytes(lines(made))

    assert main(["monitor", str(tmp_path / "captured.jsonl"), "--json"]) == 0
    (version,) = json.loads(capsys.readouterr().out)["versions"]
    assert version["features"][0]["skew"]["wasserstein"] < 0.01
    assert version["prediction"]["skew"]["wasserstein"] < 0.01


def test_a_capped_sample_counts_for_all_instances_of_its_request(found):
    """500 requests of one row as in training, and 2 of 20,000 rows whose predictions moved, 20 of each captured."""
    usual = list(traffic({"bmi": X[:500]}, 1 + 2 * X[:500], size=1))
    moved = [
        {**record, **({"instances": 20_000} if record["kind"] == "request" else {})}
        for record in traffic({"bmi": X[:40]}, 1 + 2 * X[:40] + 2.5 * 0.6, size=20, name="large")
    ]

    document, code = found([*usual, *moved])

    (version,) = document["versions"]
    assert (document["status"], code) == ("alert", 3)
    assert [finding["code"] for finding in document["findings"]] == ["prediction-skew"]
    assert version["prediction"]["skew"]["wasserstein"] == pytest.approx(2.5, abs=0.3)
    assert version["prediction"]["serving"]["mean"] == pytest.approx(1 + 2.5 * 0.6, abs=0.3)
    assert document["notes"][1].startswith("version 1: 540 rows stand for 40500 instances, ")
    assert document["notes"][1].endswith("; they say as much as 41 that count alike")


def test_a_label_counts_for_all_instances_of_its_row(found, tmp_path):
    """300 rows without error that stand for themselves, and 300 with errors of 0.9 that stand for 100 each.

    By hand: 100 times 300 squares of 0.81 in 30300 are an rmse of 0.8955, where 0.6364 is that of rows alike.
    The lines of the second requests come behind their rows, as they may in an export.
    """
    usual = records(300, size=1)
    heavy = [
        {**record, **({"instances": 1000} if record["kind"] == "request" else {})}
        for record in records(300, size=10, name="heavy", seed=3)
    ]
    heavy.sort(key=lambda record: record["kind"] == "request")
    cells = [
        f"{record['request_id']},{record['row']},{record['prediction'] + (0.9 if made is heavy else 0)}"
        for made in (usual, heavy)
        for record in made
        if record["kind"] == "row"
    ]
    (tmp_path / "labels.csv").write_text("\n".join(["request_id,row,disease_progression", *cells]))

    document, code = found([*usual, *heavy], labels=tmp_path / "labels.csv")

    live = document["versions"][0]["live"]
    figures = {name: score["value"] for name, score in live["metrics"].items()}
    assert (live["rows"], live["instances"], code) == (600, 30_300, 3)
    assert live["effective_rows"] == pytest.approx(30_300**2 / (300 + 300 * 100**2))
    assert figures["rmse"] == pytest.approx(math.sqrt(30_000 * 0.81 / 30_300))
    assert (figures["mae"], figures["bias"]) == pytest.approx((30_000 * 0.9 / 30_300, -30_000 * 0.9 / 30_300))
    (error,) = [finding for finding in document["findings"] if finding["code"] == "live-error"]
    assert "on 600 labels for 30300 instances, which say as much as 306 alike; held out" in error["found"]


def test_labels_of_few_heavy_rows_are_too_few(found, tmp_path):
    """500 labels, 40 of which stand for a thousand instances each, say as much as 41."""
    made = [
        *records(460, size=1),
        *(
            {**record, **({"instances": 20_000} if record["kind"] == "request" else {})}
            for record in records(40, size=20, name="heavy", seed=3)
        ),
    ]
    cells = [f"{row['request_id']},{row['row']},{row['prediction'] + 9}" for row in made if row["kind"] == "row"]
    (tmp_path / "labels.csv").write_text("\n".join(["request_id,row,disease_progression", *cells]))

    document, _ = found(made, labels=tmp_path / "labels.csv")

    assert "live-error" not in [finding["code"] for finding in document["findings"]]
    message = "500 labels for 40460 instances, which say as much as 41 alike, 200 are needed to judge the error"
    assert f"version 1: {message}" in document["notes"]


def test_rows_without_their_requests_are_said_to_count_once(found):
    document, _ = found([record for record in records(300) if record["kind"] == "row"])

    assert document["notes"][0] == "300 rows came without the line of their request: each counts as one instance"


def test_a_source_that_cannot_be_read_is_no_yes(monitor):
    code, output, said = monitor(b"\x00\xff\x89PNG" * 500)

    assert code == 1
    assert "NOT ENOUGH DATA" in output
    assert "captured-0.jsonl: 1 of 1 lines cannot be used; line 1: must be one JSON object" in said


def test_an_alert_is_said_though_another_source_cannot_be_read(monitor):
    code, output, _ = monitor(records(1_000, by=1), b"no log of ours\n" * 50)

    assert (code, "ALERT" in output) == (3, True)


def test_labels_that_contradict_each_other_are_counted_once(monitor, tmp_path):
    made = records(300)
    rows = [record for record in made if record["kind"] == "row"]
    cells = [f"{row['request_id']},{row['row']},{value}" for row in rows for value in (1, 2)]
    cells += [f"nobody,0,{value}" for value in (1, 2)]
    (tmp_path / "labels.csv").write_text("\n".join(["request_id,row,disease_progression", *cells, ""]))

    code, _, said = monitor(made, labels=tmp_path / "labels.csv")

    total = 2 * len(rows) + 2
    unused = f"{total} of {total} labels are not used: {total} contradict each other"
    assert (code, said) == (1, f"{tmp_path / 'labels.csv'}: {unused}\n")


@pytest.mark.parametrize(("kept", "code"), [pytest.param(500, 0, id="some"), pytest.param(700, 1, id="most")])
def test_labels_of_which_most_cannot_be_used_are_no_yes(monitor, tmp_path, kept, code):
    made = records(1_200)
    cells = [f"{made[1]['request_id']}-{n},1" for n in range(kept)]
    rows = [record for record in made if record["kind"] == "row"][:600]
    cells += [f"{row['request_id']},{row['row']},{row['prediction'] + 0.4}" for row in rows]
    text = "request_id,row,disease_progression\n" + "\n".join(cells).replace("-0-", ",") + "\n"
    (tmp_path / "labels.csv").write_text(text)

    ended, _, said = monitor(made, labels=tmp_path / "labels.csv")

    assert (ended, said.startswith(f"{tmp_path / 'labels.csv'}: {kept} of {kept + 600} labels are not used")) == (
        code,
        code == 1,
    )


def test_the_target_is_named_by_the_version_in_production(production, monitor, tmp_path):
    production(**{**TRAINED, "target": {"name": "price"}})
    made = records(600)
    rows = [record for record in made if record["kind"] == "row"]
    cells = [f"{row['request_id']},{row['row']},{row['prediction']}" for row in rows]
    (tmp_path / "labels.csv").write_text("request_id,row,price\n" + "\n".join(cells) + "\n")

    code, output, said = monitor(made, labels=tmp_path / "labels.csv")

    assert (code, said, "labels: 600 of 600" in output) == (0, "", True)
