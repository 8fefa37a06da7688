"""`monitor` over a classifier, from its captured lines and a file of labels to the verdict."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, log_loss, recall_score, roc_auc_score

from functions.columns.table import Table
from functions.telemetry.rows import as_json, probabilities_as_json
from model.cli.main import main
from model.errors import SourceError
from model.monitoring import ground_truth
from tests.support.captured import NOW, lines, request, row
from tests.support.classes import configure_orders, orders, write_orders
from tests.support.kinds import Functions
from tests.support.pages import Page
from tests.support.parts import copy_objects

NAMES = ["weight", "distance", "city"]
CLASSES = ["late", "on time"]


class Shop:
    """A classifier in production, and requests to it."""

    def __init__(self, registry, run, folder):
        self.run, self.folder = run, folder
        self.predictor = registry.predictor(registry.manifest(1))

    def log(self, columns, change=lambda line: line):
        """Its lines for the rows of *columns*, each a request of its own."""
        table = Table([np.asarray(columns[name]) for name in NAMES])
        answers = self.predictor.predict(table)
        chances = probabilities_as_json(answers.probabilities, self.predictor.manifest.classes)
        records = []
        for place, (prediction, extra) in enumerate(zip(as_json(answers.values), chances, strict=True)):
            features = {name: columns[name].tolist()[place] for name in NAMES}
            line = row(f"o-{place}", 0, features, NOW, prediction=prediction, function="stream", **extra)
            records += [request(f"o-{place}", NOW, instances=1, captured=1, function="stream"), change(line)]
        path = self.folder / "captured.jsonl"
        path.write_bytes(lines(records))
        self.answers = answers
        return str(path)

    def labels(self, values, name="labels.csv"):
        """A file of labels for all rows of the log."""
        path = self.folder / name
        frame = pd.DataFrame({"request_id": [f"o-{place}" for place in range(len(values))], "outcome": values})
        frame.to_parquet(path) if name.endswith("parquet") else frame.to_csv(path, index=False)
        return str(path)

    def monitor(self, *arguments):
        """Exit code, and the document of `--json`."""
        code, output, said = self.run("monitor", *arguments, "--json")
        assert said == ""
        return code, json.loads(output)


@pytest.fixture
def run(bucket, capfd, tmp_path):
    """Run a verb here; gives exit code, output and what was said."""

    def run(*arguments):
        code = main([*arguments, "--config", str(tmp_path / "config.toml")])
        return (code, *capfd.readouterr())

    return run


@pytest.fixture(scope="module")
def trained(train_once):
    return train_once(lambda folder: ["retrain", "--config", configured(folder)])


def configured(folder):
    """The path of a configuration that trains a logistic regression of late orders."""
    configure_orders(folder / "config.toml", write_orders(folder / "rows.csv", orders()))
    return str(folder / "config.toml")


@pytest.fixture
def shop(trained, bucket, run, registry, tmp_path, quick):
    """Production is version 1, a logistic regression of late orders."""
    configured(tmp_path)
    copy_objects(trained, bucket)
    return Shop(registry, run, tmp_path)


# Labels that cannot be used


@pytest.mark.parametrize(
    ("classes", "cells", "places"),
    [
        pytest.param(["late", "on time"], ["late", " on time ", "Late", "", "late"], [0, 1, 0], id="texts"),
        pytest.param([False, True], ["TRUE", "false", "1", "0", "yes"], [1, 0, 1, 0], id="booleans"),
        pytest.param([1, 2, 3], ["3", "2.0", "01", "4", "x"], [2, 1, 0], id="whole-numbers"),
        pytest.param([0.5, 1.5], ["0.5", "1.50", "1,5", "2", "5e-1"], [0, 1, 0], id="numbers"),
        pytest.param(["1", "02"], ["1", "02", "2", "01", "1.0"], [0, 1], id="texts-of-digits"),
    ],
)
def test_cells_are_read_as_the_class_that_they_spell(tmp_path, classes, cells, places):
    path = tmp_path / "labels.csv"
    rows = [f'r{number},"{cell}"' for number, cell in enumerate(cells)]
    path.write_text("\n".join(["request_id,y", *rows]))

    found = ground_truth.read("labels.csv", path, "y", classes)

    assert (found.values, found.unusable) == (places, len(cells) - len(places))


@pytest.mark.parametrize(
    ("classes", "values", "places"),
    [
        pytest.param([False, True], [True, False], [1, 0], id="booleans"),
        pytest.param([1, 3], [3, 1.0], [1, 0], id="whole-numbers"),
        pytest.param(["1", "3"], [3, 1], [1, 0], id="numbers-for-texts"),
    ],
)
def test_cells_of_their_own_type_are_read(tmp_path, classes, values, places):
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(json.dumps({"request_id": f"r{n}", "y": value}) + "\n" for n, value in enumerate(values)))

    assert ground_truth.read("labels.jsonl", path, "y", classes).values == places


def test_spellings_that_are_no_class_are_named_with_the_nearest_class(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("request_id,y\na,late\nb,Late\nc,Late\nd,delivered\ne,\n")

    found = ground_truth.read("labels.csv", path, "y", CLASSES)

    assert (found.values, found.unusable) == ([0], 4)
    assert found.example == (
        '; label 1: y must be one of "late", "on time", found "Late"; no class is spelled '
        '"Late" in 2 rows (did you mean "late"?), "delivered" in 1 row'
    )


def test_a_file_without_the_target_is_named(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("request_id,late\na,late\n")

    with pytest.raises(SourceError, match=r"labels\.csv must have one column y, found 0; there are request_id, late"):
        ground_truth.read("labels.csv", path, "y", CLASSES)


def test_labels_that_are_spelled_otherwise_are_no_silence(shop):
    columns = orders(400, seed=2)

    code, output, said = shop.run(
        "monitor", shop.log(columns), "--labels", shop.labels([label.upper() for label in columns["outcome"]])
    )

    assert code == 1
    assert 'no class is spelled "ON TIME" in ' in said + output
    assert '(did you mean "on time"?)' in said + output


def test_a_class_whose_labels_are_left_out_is_named_as_live_metrics_say_nothing_of_it(shop):
    columns = orders(400, seed=2)
    labels = ["Late" if label == "late" else label for label in columns["outcome"]]

    _, document = shop.monitor(shop.log(columns), "--labels", shop.labels(labels))

    (finding,) = [entry for entry in document["findings"] if entry["code"] == "labels"]
    assert finding["found"].startswith(f"of 400 labels {labels.count('Late')} cannot be read; ")
    assert finding["found"].endswith('labels of "late" are left out, and live metrics lean to the other classes')
    assert finding["advice"].endswith(
        "write each label as the model's class is spelled: until then no live metric is an improvement"
    )
    assert document["labels"]["lost"] == ["late"]


# The verdict


def test_labels_give_the_metrics_of_the_gate_beside_the_held_out_ones(shop):
    columns = orders(900, seed=3)
    log = shop.log(columns)

    code, document = shop.monitor(log, "--labels", shop.labels(columns["outcome"]))

    (version,) = document["versions"]
    live, held = version["live"]["metrics"], version["held_out"]
    actual, chances = columns["outcome"], shop.answers.probabilities
    right = {
        "log_loss": log_loss(actual, chances, labels=CLASSES),
        "roc_auc": roc_auc_score(actual == "late", chances[:, 0]),
        "accuracy": accuracy_score(actual, shop.answers.values),
        "recall:late": recall_score(actual == "late", shop.answers.values == "late"),
    }
    assert {name: live[name]["value"] for name in right} == pytest.approx(right)
    assert all(live[name]["low"] < right[name] < live[name]["high"] for name in right)
    assert set(live) <= set(held)
    assert held["log_loss"] == shop.predictor.manifest.document["metrics"]["log_loss"]
    assert (code, document["status"], document["labels"]["matched"]) == (0, "ok", 900)
    assert (version["live"]["rows"], version["live"]["measure"]) == (900, "log_loss")


def test_labels_that_the_model_does_not_see_any_more_alert(shop):
    columns = orders(900, seed=4)
    turned = np.where(np.random.default_rng(0).uniform(size=900) < 0.35, "late", columns["outcome"])

    code, document = shop.monitor(shop.log(columns), "--labels", shop.labels(turned, "labels.parquet"))

    assert code == 3
    (finding,) = document["findings"]
    assert (finding["code"], finding["severity"]) == ("live-error", "alert")
    assert finding["found"].startswith("log loss ")


def test_a_world_with_more_late_orders_moves_classes_and_score(shop):
    code, document = shop.monitor(shop.log(orders(1_000, seed=5) | {"weight": orders(1_000, seed=5)["weight"] + 0.5}))

    codes = {(finding["code"], finding["what"]) for finding in document["findings"]}
    assert code == 3
    assert {("input-skew", "version 1, weight"), ("score-skew", "version 1, score of late")} < codes
    assert ("prediction-skew", "version 1, prediction") in codes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"prediction": "Late"}, 'prediction must be one of "late", "on time", found "Late"', id="label"),
        pytest.param({"prediction": 1}, 'prediction must be one of "late", "on time", found 1', id="number"),
        pytest.param({"probabilities": [0.5]}, "probabilities must be 2 numbers, found [0.5]", id="few"),
        pytest.param(
            {"probabilities": [1.5, -0.5]}, "probabilities must lie between 0 and 1, found [1.5,-0.5]", id="beyond"
        ),
        pytest.param({"probabilities": [0.5, 0.4]}, "probabilities must add up to 1, found [0.5,0.4]", id="sum"),
        pytest.param({"classes": ["late", "x"]}, 'classes must name 2 classes, found ["late","x"]', id="classes"),
        pytest.param({"classes": None}, "classes must name 2 classes, found null", id="no-classes"),
    ],
)
def test_a_line_of_another_model_is_left_out_and_named(shop, change, message):
    columns = orders(300, seed=6)

    log = shop.log(columns, lambda line: {**line, **(change if line["request_id"] == "o-0" else {})})
    _, document = shop.monitor(log)

    flaw = document["log"]["unusable"]["malformed"]
    assert (flaw["count"], document["log"]["rows"]) == (1, 299)
    assert flaw["example"].endswith(message)


def test_a_log_of_another_model_is_no_silence(shop):
    log = shop.log(orders(300, seed=6), lambda line: {**line, "prediction": 1.5})

    code, _, said = shop.run("monitor", log)

    assert code == 1
    assert "300 of 300 rows cannot be used" in said


def test_lines_without_probabilities_are_judged_by_their_labels(shop):
    columns = orders(600, seed=7)
    log = shop.log(columns, lambda line: {name: cell for name, cell in line.items() if name != "probabilities"})

    _, document = shop.monitor(log, "--labels", shop.labels(columns["outcome"]))

    (version,) = document["versions"]
    assert (version["live"]["measure"], "log_loss" in version["live"]["metrics"]) == ("error_rate", False)
    assert version["score"]["rows"] == 0


def test_the_screen_shows_classes_and_metrics(shop):
    columns = orders(500, seed=8)

    code, output, _ = shop.run("monitor", shop.log(columns), "--labels", shop.labels(columns["outcome"]))

    words = [line.split() for line in output.splitlines()]
    assert code == 0
    assert {"log_loss", "roc_auc", "calibration_error", "accuracy", "recall:late"} <= {
        word for line in words for word in line
    }
    assert ["version", "class", "predicted", "in", "training"] in words


def test_the_page_shows_classes_the_score_and_reliability_on_labels(shop):
    columns = orders(900, seed=3)
    page = shop.folder / "monitor.html"

    code, document = shop.monitor(shop.log(columns), "--labels", shop.labels(columns["outcome"]), "--report", str(page))

    bins = document["versions"][0]["live"]["reliability"]
    text = Page(page.read_text()).text
    assert code == 0
    assert sum(part["rows"] for part in bins) == 900
    assert np.average([part["observed"] for part in bins], weights=[part["rows"] for part in bins]) == pytest.approx(
        (columns["outcome"] == "late").mean()
    )
    for words in (
        "Reliability on labels",
        "On 900 labels",
        "log loss",
        "score of late training range",
        "recall of late",
    ):
        assert words in text
    assert "change of a share" in text


# Retraining


def test_labelled_rows_give_the_log_loss_as_a_reason(shop):
    columns = orders(900, seed=9)
    columns["outcome"] = np.where(np.random.default_rng(0).uniform(size=900) < 0.35, "late", columns["outcome"])
    path = write_orders(shop.folder / "labelled.csv", columns)

    _, output, _ = shop.run("retrain", "--labelled-rows", str(path), "--json")

    (reason,) = [entry for entry in json.loads(output)["reasons"] if entry["reason"] == "live log loss"]
    assert reason["due"]


def test_labelled_rows_of_one_class_and_of_another_spelling_are_read(shop):
    columns = orders(600, seed=10)
    columns["outcome"] = np.array(["late" if place % 3 else "Late" for place in range(600)], object)
    path = write_orders(shop.folder / "labelled.csv", columns)

    _, output, _ = shop.run("retrain", "--labelled-rows", str(path), "--json")

    (reason,) = [entry for entry in json.loads(output)["reasons"] if entry["reason"] == "live log loss"]
    assert "on 400 labelled rows" in reason["found"]
    assert reason["found"].endswith(
        '200 rows have no class of this version: no class is spelled "Late" (did you mean "late"?)'
    )


def test_captured_lines_with_alerts_are_a_reason(shop):
    columns = orders(1_000, seed=11) | {"weight": orders(1_000, seed=11)["weight"] + 1.0}

    _, output, _ = shop.run("retrain", "--captured", shop.log(columns), "--json")

    (reason,) = [entry for entry in json.loads(output)["reasons"] if entry["reason"] == "alerts of the monitor"]
    assert reason["due"]
    assert "prediction-skew: version 1, prediction: " in reason["found"]


# Baselines


@pytest.fixture
def forest(run, registry, tmp_path, quick):
    """Production is version 1, a forest that knows its training rows by heart."""
    configure_orders(tmp_path / "config.toml", write_orders(tmp_path / "rows.csv", orders(3_000)))
    text = (tmp_path / "config.toml").read_text()
    forest = 'estimator = "sklearn.ensemble.RandomForestClassifier", grid = { min_samples_leaf = [2] }'
    text = text.replace('estimator = "sklearn.linear_model.LogisticRegression"', forest)
    (tmp_path / "config.toml").write_text(text)
    code, output, said = run("retrain")
    assert code == 0, output + said
    return Shop(registry, run, tmp_path)


def test_a_model_that_knows_its_rows_by_heart_is_watched_against_rows_that_it_did_not_see(forest):
    document = forest.predictor.manifest.document

    code, verdict = forest.monitor(forest.log(orders(1_000, seed=12)))

    held = document["data"]["holdout_rows"]
    assert [document["prediction"]["rows"], *(entry["rows"] for entry in document["scores"])] == [held] * 3
    assert (code, verdict["findings"]) == (0, [])


def test_another_model_is_watched_against_the_rows_of_its_training(shop):
    document = shop.predictor.manifest.document

    assert ["rows" in entry for entry in (document["prediction"], *document["scores"])] == [False] * 3


@pytest.mark.parametrize("labels", [pytest.param((True, False), id="booleans"), pytest.param((3, 7), id="numbers")])
def test_lines_of_the_functions_meet_labels_of_their_own_type(run, registry, tmp_path, quick, capfd, labels):
    configure_orders(tmp_path / "config.toml", write_orders(tmp_path / "rows.csv", orders(labels=labels)))
    assert run("retrain")[0] == 0
    manifest, columns = registry.manifest(1), orders(300, seed=13, labels=labels)
    rows = list(zip(*(columns[name].tolist() for name in NAMES), strict=True))
    capfd.readouterr()
    functions = Functions(manifest, capture_rows=300)
    answer = functions.ask("POST", "/batch", json.dumps({"instances": list(map(list, rows))}).encode())
    log = tmp_path / "captured.jsonl"
    log.write_text(capfd.readouterr().out)
    (identity,) = {json.loads(line)["request_id"] for line in log.read_text().splitlines()}
    table = pd.DataFrame({"request_id": identity, "row": range(300), "outcome": columns["outcome"]})
    table.to_csv(tmp_path / "labels.csv", index=False)

    code, document = Shop(registry, run, tmp_path).monitor(str(log), "--labels", str(tmp_path / "labels.csv"))

    (version,) = document["versions"]
    right = np.mean(
        [ours == truth for ours, truth in zip(json.loads(answer.body)["predictions"], columns["outcome"], strict=True)]
    )
    assert (code, document["log"]["rows"], document["labels"]["matched"]) == (0, 300, 300)
    assert version["live"]["metrics"]["accuracy"]["value"] == pytest.approx(right)
    assert [level["level"] for level in version["prediction"]["levels"]] == sorted(labels)
