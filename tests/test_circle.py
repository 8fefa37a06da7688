"""The whole circle: serve, the world moves, the monitor sees it, retrain answers it under load; poison stays out."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest

from model.cli.main import main
from tests.support.parts import until
from tests.support.worlds import configure, world, write_rows


@pytest.fixture
def run(bucket, capsys, tmp_path):
    """Run a verb in this process, which saves the imports; gives exit code, the document of --json, and standard error."""

    def run(verb, *arguments):
        code = main([verb, *map(str, arguments), "--json", "--config", str(tmp_path / "config.toml")])
        output, said = capsys.readouterr()
        return code, json.loads(output) if output else None, said

    return run


def send(stream, rows, name):
    """One request an instance, as callers send them; gives the ids under which the labels come later."""
    ids = [f"{name}-{number}" for number in range(len(rows["a"]))]
    for request_id, a, b in zip(ids, rows["a"].tolist(), rows["b"].tolist(), strict=True):
        answer = stream.post({"instance": {"a": a, "b": b}}, "/stream", X_Request_Id=request_id)
        assert answer.status == 200
    return ids


def label(path, ids, rows):
    lines = [f"{request_id},{y!r}" for request_id, y in zip(ids, rows["y"].tolist(), strict=True)]
    path.write_text("\n".join(["request_id,y", *lines, ""]))
    return path


def live_rmse(report, version):
    """The error on labels that arrived, in the target's unit."""
    (found,) = [entry for entry in report["versions"] if entry["version"] == version]
    return found["live"]["metrics"]["rmse"]["value"]


def test_the_whole_circle(run, serve, registry, tmp_path):
    rows = write_rows(tmp_path / "rows.csv", world(1000))
    configure(tmp_path / "config.toml", rows)
    assert run("retrain")[1]["decision"] == "promoted"
    stream = serve("stream", MODEL_REFRESH_SECONDS="0.2")

    # The world moves: other inputs, and another relation. The labels come later.
    moved = world(600, seed=2, slope=2.8, shift=0.75)
    ids = send(stream, moved, "moved")
    labels = label(tmp_path / "labels.csv", ids, moved)
    captured = stream.path

    code, report, _ = run("monitor", captured, "--labels", labels)
    assert (code, report["status"]) == (3, "alert")
    alerts = [(finding["code"], finding["what"]) for finding in report["findings"] if finding["severity"] == "alert"]
    assert {("input-skew", "version 1, a"), ("live-error", "version 1")} <= set(alerts)
    before = live_rmse(report, 1)

    # Retrain takes the verdict, learns from the rows that arrived, and promotes, while the functions are under load.
    write_rows(rows, moved)
    statuses, seen, stop = set(), [], threading.Event()

    def load():
        while not stop.is_set():
            answer = stream.get("/stream/[0.5,0.5]")
            statuses.add(answer.status)
            seen.append(answer.headers["x-model-version"])

    callers = [threading.Thread(target=load) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        code, decision, said = run("retrain", "--captured", captured, "--labels", labels)
        until(lambda: seen[-1] == "2")
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    assert (code, decision["decision"], decision["version"]) == (0, "promoted", 2), said
    assert "alerts of the monitor" in [reason["reason"] for reason in decision["reasons"] if reason["due"]]
    assert statuses == {200}
    assert set(seen) == {"1", "2"}

    # The same world again: the new version errs less.
    later = world(600, seed=3, slope=2.8, shift=0.75)
    ids += send(stream, later, "later")
    labels = label(tmp_path / "labels.csv", ids, {"y": np.concatenate([moved["y"], later["y"]])})
    _, report, _ = run("monitor", captured, "--labels", labels)
    assert live_rmse(report, 2) < 0.85 * before

    # Poison arrives: the gate keeps it out, and the functions go on with the version they have.
    poison = world(600, seed=4, slope=2.8, shift=0.75)
    write_rows(rows, poison | {"y": 30 - 5 * poison["y"]})
    production = registry.alias("production")
    code, decision, _ = run("retrain", "--force")
    assert (code, decision["decision"]) == (3, "rejected")
    assert registry.alias("production") == production
    assert stream.get("/stream/[0.5,0.5]").headers["x-model-version"] == "2"
