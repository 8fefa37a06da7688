"""The whole circle of a classifier: train, serve, answer on both functions, watch with labels, train again, serve that."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from functions.artifact import Document
from model.cli.main import main
from tests.support.parts import until

SHOPS = ("bern", "genf", "uri")


def world(rows, *, seed, flip=False):
    """Orders of which about a third are late, those from uri above all; where *flip*, the wait tells the opposite."""
    source = np.random.default_rng(seed)
    wait, shop = source.normal(size=rows), source.choice(SHOPS, rows)
    score = (-2 if flip else 2) * wait + 1.5 * (shop == "uri") - 1.2 + source.logistic(size=rows)
    return pd.DataFrame({"wait": wait, "shop": shop, "state": np.where(score > 0, "late", "on time")})


@pytest.fixture
def run(bucket, capsys, tmp_path):
    """Run a verb in this process, which saves the imports; gives exit code, the document of --json, and standard error."""

    def run(verb, *arguments):
        config = str(tmp_path / "orders.toml")
        code = main([verb, *map(str, arguments), "--json", *([] if verb == "init" else ["--config", config])])
        output, said = capsys.readouterr()
        return code, json.loads(output) if output else None, said

    return run


def send(batch, orders, name):
    """Requests of 100 orders each; gives the answers, and the labels that come later under the requests' ids."""
    answers, labels = [], []
    for start in range(0, len(orders), 100):
        part = orders[start : start + 100]
        request_id = f"{name}-{start}"
        instances = part[["wait", "shop"]].to_dict("records")
        answer = batch.post({"instances": instances}, "/batch", X_Request_Id=request_id)
        assert answer.status == 200
        answers.append(json.loads(answer.body))
        labels += [f"{request_id},{row},{state}" for row, state in enumerate(part["state"])]
    return answers, "\n".join(["request_id,row,state", *labels, ""])


def live(report: Document, version: int, metric: str) -> Document:
    (found,) = [entry for entry in report["versions"] if entry["version"] == version]
    return found["live"]["metrics"][metric]


@pytest.mark.timeout(240)
def test_the_whole_circle_of_a_classifier(run, serve, registry, tmp_path):
    rows = tmp_path / "orders.csv"
    world(1000, seed=1).to_csv(rows, index=False)
    assert run("init", rows, "--target", "state", "--output", tmp_path / "orders.toml")[0] == 0
    text = (tmp_path / "orders.toml").read_text()
    chosen = 'repeats = 1\nthreshold = 0.4\ncandidates = [{ estimator = "sklearn.linear_model.LogisticRegression" }]'
    (tmp_path / "orders.toml").write_text(f"{text}{chosen}\n")
    assert run("validate")[1]["errors"] == 0

    code, decision, said = run("retrain")
    assert (code, decision["decision"]) == (0, "promoted"), said

    # Both functions give the label from the threshold on, and the same probabilities.
    stream, batch = (serve(name, MODEL_REFRESH_SECONDS="0.2", CAPTURE_ROWS="100") for name in ("stream", "batch"))
    moved = world(600, seed=2, flip=True)
    answers, labels = send(batch, moved, "moved")
    (tmp_path / "labels.csv").write_text(labels)
    first = json.loads(stream.post({"instance": moved.iloc[0][["wait", "shop"]].to_dict()}, "/stream").body)
    assert (first["classes"], first["model"]["version"]) == (["late", "on time"], 1)
    assert first["probabilities"] == answers[0]["probabilities"][0]
    for answer in answers:
        late = np.array(answer["probabilities"])[:, 0] >= 0.4
        assert answer["predictions"] == np.where(late, "late", "on time").tolist()

    # The world has turned round: the labels say so.
    code, report, said = run("monitor", batch.path, "--labels", tmp_path / "labels.csv")
    assert (code, report["status"]) == (3, "alert"), said
    assert ("live-error", "version 1") in [
        (finding["code"], finding["what"]) for finding in report["findings"] if finding["severity"] == "alert"
    ]
    before = live(report, 1, "log_loss")["value"]
    assert before > registry.manifest(1).document["metrics"]["log_loss"]["high"]
    assert live(report, 1, "roc_auc")["high"] < 0.5

    # Retrain takes the verdict, learns the new world, and is promoted; the functions follow.
    pd.concat([world(400, seed=3, flip=True), moved]).to_csv(rows, index=False)
    code, decision, said = run("retrain", "--captured", batch.path, "--labels", tmp_path / "labels.csv")
    assert (code, decision["decision"], decision["version"]) == (0, "promoted", 2), said
    assert "alerts of the monitor" in [reason["reason"] for reason in decision["reasons"] if reason["due"]]
    until(lambda: batch.get("/batch/[[0.0,%22uri%22]]").headers["x-model-version"] == "2")
    later = world(600, seed=4, flip=True)
    _, more = send(batch, later, "later")
    (tmp_path / "labels.csv").write_text(labels + more.partition("\n")[2])

    _, report, _ = run("monitor", batch.path, "--labels", tmp_path / "labels.csv")
    assert live(report, 2, "log_loss")["value"] < 0.6 * before
    assert live(report, 2, "roc_auc")["low"] > 0.7
