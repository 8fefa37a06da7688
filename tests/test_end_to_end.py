"""The main job with nothing in between: train, publish, promote, serve, replace, roll back."""

from __future__ import annotations

import json

import pytest

from tests.support.parts import until


def test_what_was_trained_is_what_is_answered(model, bucket, serve):
    manifest = json.loads(model("train", "--json").stdout)
    model("promote")
    batch, stream = serve("batch"), serve("stream")
    golden = [(entry["instance"], entry["prediction"]) for entry in manifest["golden"]]

    many = batch.post({"instances": [instance for instance, _ in golden]}).json()["predictions"]
    single = [stream.get(f"/stream/{instance[0]!r}").json()["prediction"] for instance, _ in golden]

    assert many == single
    assert many == pytest.approx([prediction for _, prediction in golden], rel=1e-9)


def test_a_running_function_follows_promotion_and_rollback(model, bucket, serve):
    for _ in range(2):
        model("train")
    model("promote", "1")
    batch = serve("batch", MODEL_REFRESH_SECONDS="0.3")
    served = []

    for verb in (["promote", "2", "--force", "--reason", "the same again"], ["rollback"]):
        served.append(batch.get("/[0.5]").headers["x-model-version"])
        model(*verb)
        until(lambda: batch.get("/[0.5]").headers["x-model-version"] != served[-1])

    assert [*served, batch.get("/[0.5]").headers["x-model-version"]] == ["1", "2", "1"]


def test_a_model_of_several_features_takes_arrays_and_objects(model, bucket, serve, tmp_path):
    rows = [(x % 17, x % 5 + 1000, 3 * (x % 17) - 2 * (x % 5 + 1000) + 7) for x in range(300)]
    (tmp_path / "rows.csv").write_text("age,height,cost\n" + "".join(f"{a},{h},{c}\n" for a, h, c in rows))
    (tmp_path / "config.toml").write_text(
        f"""
        [data]
        source = {json.dumps(str(tmp_path / "rows.csv"))}
        target = "cost"
        holdout = 0.2
        features = [{{ name = "age" }}, {{ name = "height", minimum = 0 }}]
        [training]
        seed = 1
        folds = 3
        candidates = [{{ estimator = "sklearn.linear_model.LinearRegression", scale = true }}]
        [gate]
        min_rows = 200
        min_holdout_rows = 5
        min_r2 = 0.9
        max_r2 = 1.0
        confidence = 0.9
        min_improvement = 0.0
        max_move = 0.25
        slices = 2
        min_slice_rows = 5
        max_slice_ratio = 2.0
        max_slice_loss = 2.0
        """
    )
    trained = model("train", "--config", str(tmp_path / "config.toml"))
    assert trained.returncode == 0, trained.stderr
    model("promote")
    batch = serve("batch")

    answer = batch.post({"instances": [[2, 1001], {"height": 1001, "age": 2}]}).json()
    by_path = batch.get("/batch/[[2,1001]]").json()
    bad = batch.post({"instances": [[1], {"age": 1}, 5]}).json()

    expected = pytest.approx(3 * 2 - 2 * 1001 + 7, rel=1e-9)
    assert answer["predictions"] == [expected, expected]
    assert by_path["predictions"] == [expected]
    assert [(error["detail"], error["pointer"]) for error in bad["errors"]] == [
        ("row 0: must hold 2 numbers (age, height), got 1", "/instances/0"),
        ("row 1: missing feature 'height'", "/instances/1"),
        ("row 2: must be an array of 2 numbers or an object, got 5", "/instances/2"),
    ]
