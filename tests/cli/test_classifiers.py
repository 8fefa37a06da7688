"""A target of classes goes the way of one of numbers: from a file to a judged version whose labels keep their type."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from functions.predictor import build
from model.cli.main import main
from model.registry.registry import Registry
from tests.support.kinds import Functions

ROWS = 600
RANDOM = np.random.default_rng(5)
A, B = RANDOM.normal(size=(2, ROWS))
SCORE = A - B / 2 + RANDOM.logistic(size=ROWS) / 2
TWO = (SCORE > 0.6).astype(int)
THREE = np.digitize(SCORE, [-0.8, 0.6])
LOGISTIC = "sklearn.linear_model.LogisticRegression"


@pytest.fixture
def train(bucket, quick, tmp_path, capsys):
    """Train the model shop on a file with this *target*; gives exit code, manifest and standard error."""

    def train(target, *lines, estimator=LOGISTIC, a=A):
        path = tmp_path / "rows.csv"
        pd.DataFrame({"a": a, "b": B, "state": target}).to_csv(path, index=False)
        (tmp_path / "config.toml").write_text(
            "\n".join(
                [
                    f'[data]\nsource = "rows.csv"\ntarget = "state"\n[training]\nrepeats = 1\n{"".join(lines)}',
                    f'candidates = [{{ estimator = "{estimator}", scale = true }}]' if estimator else "",
                ]
            )
        )
        capsys.readouterr()
        code = main(["train", "--model", "shop", "--config", str(tmp_path / "config.toml"), "--json"])
        output, said = capsys.readouterr()
        return code, json.loads(output) if output else {}, said

    return train


@pytest.fixture
def promoted(train, bucket):
    """Train and promote; gives the manifest."""

    def promoted(*arguments, **options):
        _, document, _ = train(*arguments, **options)
        Registry(bucket.name, "shop").promote(document["version"], alias="production", by="t", reason="t")
        return document

    return promoted


@pytest.mark.parametrize(
    ("target", "lines", "classes", "kind"),
    [
        pytest.param(np.array(["ok", "late"])[TWO], [], ["late", "ok"], "category", id="texts"),
        pytest.param(TWO == 1, [], [False, True], "boolean", id="booleans"),
        pytest.param(TWO * 2 + 1, ['task = "classification"\n'], [1, 3], "number", id="whole-numbers"),
        pytest.param(THREE - 1, ['task = "classification"\n'], [-1, 0, 1], "number", id="three-numbers"),
        pytest.param(np.array(["c", "a", "b"])[THREE], [], ["a", "b", "c"], "category", id="three-texts"),
    ],
)
def test_labels_keep_their_type_from_the_file_to_the_answer(train, bucket, target, lines, classes, kind):
    code, document, said = train(target, *lines)

    assert code == 0, said
    assert document["task"] == "classification"
    assert [(type(label), label) for label in document["classes"]] == [(type(label), label) for label in classes]
    assert (document["target"], document["probabilities"]) == ({"name": "state", "kind": kind}, True)
    answers = build(Registry(bucket.name, "shop").manifest(1)).predict(np.column_stack([A, B]))
    assert {type(label) for label in answers.values.tolist()} == {type(classes[0])}
    assert (answers.values == target).mean() > 0.6
    assert {type(entry["prediction"]) for entry in document["golden"]} == {type(classes[0])}


def test_metrics_are_those_of_rows_that_the_estimator_did_not_see(train):
    _, document, _ = train(np.array(["ok", "late"])[TWO])

    confusion = np.array(document["confusion"])
    assert confusion.sum() == document["data"]["holdout_rows"]
    assert document["metrics"]["accuracy"]["value"] == np.trace(confusion) / confusion.sum()
    assert document["metrics"]["recall:late"]["value"] == confusion[0, 0] / confusion[0].sum()
    assert document["positive"] == "late"
    assert sum(part["rows"] for part in document["reliability"]) == confusion.sum()
    assert document["prediction"]["shares"] == pytest.approx([0.27, 0.73], abs=0.05)
    scaled = StandardScaler().fit_transform(np.column_stack([A, B]))
    fitted = LogisticRegression().fit(scaled, TWO).predict_proba(scaled)
    assert document["metrics"]["log_loss"]["value"] == pytest.approx(log_loss(TWO, fitted), rel=0.15)
    (constant,) = (line for line in document["gate"] if line["check"] == "log_loss below that of the class shares")
    assert constant["threshold"] == pytest.approx(
        log_loss(TWO, np.tile([1 - TWO.mean(), TWO.mean()], (ROWS, 1))), rel=0.1
    )


@pytest.mark.parametrize(
    ("target", "lines", "message"),
    [
        pytest.param(
            np.array(["ok", "late"])[TWO],
            'positive = "Late"\n',
            'training.positive must be one of the classes "late", "ok", got "Late"',
            id="label-that-is-not-there",
        ),
        pytest.param(
            np.array(["a", "b", "c"])[THREE],
            'positive = "b"\n',
            'training.positive is for two classes, \'state\' has 3: "a", "b", "c"',
            id="positive-of-three",
        ),
        pytest.param(
            np.array(["a", "b", "c"])[THREE],
            "threshold = 0.3\n",
            'training.threshold is for two classes, \'state\' has 3: "a", "b", "c"',
            id="threshold-of-three",
        ),
    ],
)
def test_keys_for_two_classes_are_refused_where_there_are_not_two(train, capsys, tmp_path, target, lines, message):
    path = tmp_path / "config.toml"

    code, document, said = train(target, lines)
    validated = main(["validate", "--model", "shop", "--config", str(path)])
    output, told = capsys.readouterr()

    assert (code, document, said) == (2, {}, f"{path}: {message}\n")
    assert (validated, told) == (2, f"{path}: {message}\n")
    assert f"{ROWS} rows read" in output


def test_validate_says_both_what_is_wrong_with_rows_and_with_keys_for_two_classes(train, capsys, tmp_path):
    path = tmp_path / "config.toml"
    train(np.array(["ok", "late"])[TWO], 'positive = "Late"\n', a=["high", *A[1:]])

    code = main(["validate", "--config", str(path)])

    output, told = capsys.readouterr()
    message = 'training.positive must be one of the classes "late", "ok", got "Late"'
    assert (code, told) == (3, f"{path}: {message}\n")
    assert "not-numeric" in output


@pytest.mark.parametrize("lines", ['positive = "late"\n', 'positive = "ok"\nthreshold = 0.3\n', "threshold = 0.3\n"])
def test_validate_lets_keys_for_two_classes_pass_where_there_are_two(train, capsys, tmp_path, lines):
    train(np.array(["ok", "late"])[TWO], lines)

    code = main(["validate", "--config", str(tmp_path / "config.toml")])

    assert (code, capsys.readouterr().err) == (0, "")


@pytest.mark.parametrize(
    ("target", "lines", "finding"),
    [
        pytest.param(
            SCORE,
            'task = "classification"\n',
            "error not-classes 'state': must hold labels, found 600 different numbers, ",
            id="fractions",
        ),
        pytest.param(
            TWO + 2**53,
            'task = "classification"\n',
            "error blurred-classes 'state': must hold labels below 2^53 in size, ",
            id="two-labels-read-as-one",
        ),
        pytest.param(
            np.full(ROWS, "ok"),
            "",
            "error constant-target 'state': must vary, found \"ok\" in every row",
            id="one-class",
        ),
        pytest.param(
            np.where(np.arange(ROWS) < 4, "rare", np.array(["ok", "late"])[TWO]),
            "",
            "error few-of-class 'state': each class must have 5 training rows (training.folds), found ",
            id="class-of-four-rows",
        ),
        pytest.param(
            [f"name {row}" for row in range(ROWS - 1)] + ["name 0"],
            "",
            "error few-of-class 'state': each class must have 5 training rows (training.folds), found ",
            id="names",
        ),
    ],
)
def test_a_target_that_cannot_be_learnt_as_classes_stops_training(train, target, lines, finding):
    code, document, said = train(target, lines)

    assert (code, document) == (3, {})
    assert finding in said


def test_a_target_of_two_numbers_that_is_learnt_as_an_amount_is_a_warning_of_the_version(train):
    _, document, _ = train(TWO, estimator="sklearn.linear_model.Ridge")

    assert document["task"] == "regression"
    assert [warning["code"] for warning in document["data"]["warnings"]] == ["whole-target"]


def test_a_threshold_moves_labels_and_leaves_probabilities(train, bucket):
    _, plain, _ = train(TWO == 1)
    _, moved, _ = train(TWO == 1, "threshold = { cost = { false_negative = 9, false_positive = 1 } }\n")

    threshold = moved["threshold"]
    assert (threshold["positive"], threshold["cost"]) == (True, {"false_negative": 9.0, "false_positive": 1.0})
    assert 0.02 < threshold["value"] < 0.25  # of calibrated probabilities a tenth is best
    same = {name for name, score in plain["metrics"].items() if score == moved["metrics"][name]}
    assert {"log_loss", "brier", "roc_auc", "average_precision"} <= same
    assert moved["metrics"]["recall:true"]["value"] > plain["metrics"]["recall:true"]["value"]
    answers = build(Registry(bucket.name, "shop").manifest(2)).predict(np.column_stack([A, B]))
    assert ((answers.probabilities[:, 1] >= threshold["value"]) == answers.values).all()


def test_a_classifier_that_saves_log_loss_beats_production(train, promoted):
    promoted(TWO == 1, a=RANDOM.normal(size=ROWS))  # a tells nothing yet

    better, after, _ = train(TWO == 1)

    assert (better, after["comparison"]["loss"]) == (0, "log_loss")
    assert after["comparison"]["improvement"]["low"] > 0.01


def test_the_same_classifier_again_saves_nothing(train, promoted):
    promoted(TWO == 1)

    code, document, _ = train(TWO == 1)

    assert code == 3
    assert document["comparison"]["improvement"] == {"value": 0, "low": 0, "high": 0}
    assert [line["check"] for line in document["gate"] if not line["passed"]] == [
        "log loss saved against production",
        "confidence of being better",
    ]


def test_classes_that_production_does_not_have_are_named_and_nothing_else_is_compared(train, promoted):
    promoted(np.array(["ok", "late"])[TWO])

    code, document, _ = train(np.array(["ok", "late", "lost"])[THREE])

    lines = {line["check"]: line for line in document["gate"]}
    assert code == 3
    assert lines["classes that differ from production's"] == {
        "check": "classes that differ from production's",
        "passed": False,
        "value": 1,
        "threshold": 0,
        "note": "added: lost",
    }
    assert "held-out rows new to production" not in lines


def test_a_classifier_without_probabilities_is_judged_by_wrong_labels_and_the_record_says_so(train, promoted):
    promoted(TWO == 1)

    _, document, _ = train(TWO == 1, estimator="sklearn.svm.LinearSVC")

    assert document["probabilities"] is False
    assert "log_loss" not in document["metrics"]
    assert (document["comparison"]["loss"], document["comparison"]["judged"]) == (
        "error_rate",
        "by wrong labels, since this version has no probabilities",
    )
    lines = {line["check"]: line for line in document["gate"]}
    assert lines["error rate below that of the commonest class"]["passed"]
    assert lines["error rate saved against production"]["note"] == document["comparison"]["judged"]
    assert document["blessed"] is False


def test_tables_show_the_metrics_of_classes(train, capsys):
    train(TWO == 1)

    main(["versions", "--model", "shop"])
    main(["show", "1", "--model", "shop"])

    output = capsys.readouterr().out
    header, first, *_ = output.splitlines()
    assert header.split() == ["version", "created", "log_loss", "roc_auc", "accuracy", "blessed", "aliases"]
    assert "rmse" not in output
    assert "classes     false, true; positive is true" in output
    assert first.split()[0] == "1"


@pytest.mark.parametrize(
    ("target", "estimator", "check"),
    [
        pytest.param(TWO == 1, "DummyClassifier", "log_loss below that of the class shares", id="two-classes"),
        pytest.param(
            np.array(["a", "b", "c"])[THREE], "DummyClassifier", "log_loss below that of the class shares", id="three"
        ),
        pytest.param(SCORE, "DummyRegressor", "rmse below that of the mean", id="numbers"),
    ],
)
def test_the_best_constant_is_not_better_than_itself_by_rounding(train, target, estimator, check):
    _, document, _ = train(target, estimator=f"sklearn.dummy.{estimator}")

    (line,) = (line for line in document["gate"] if line["check"] == check)
    assert line["value"] == pytest.approx(line["threshold"], rel=1e-12)
    assert not line["passed"]


def test_where_a_candidate_gives_no_probabilities_all_are_compared_by_wrong_labels_and_it_is_said(train):
    second = ', scale = true }, { estimator = "sklearn.svm.LinearSVC"'

    code, document, said = train(
        TWO == 1, estimator=f'{LOGISTIC}"{second}, grid = {{ C = [0.5] }} }}, {{ estimator = "{LOGISTIC}'
    )

    assert code == 0
    assert "candidates are compared by wrong labels, since not all of them give probabilities\n" in said
    assert all("error_rate" in tried for tried in document["training"]["candidates_tried"])


def test_a_key_codes_and_words_of_the_configuration_hold_when_the_version_is_served(bucket, quick, tmp_path, capsys):
    codes = np.where(TWO == 1, "01", "02")
    a = [f"{cell:.6f}" if row % 50 else "NA" for row, cell in enumerate(A)]
    pd.DataFrame({"order": range(ROWS), "a": a, "b": B, "state": codes}).to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "config.toml").write_text(
        '[data]\nsource = "rows.csv"\ntarget = { name = "state", kind = "category" }\nkey = "order"\nmissing = ["NA"]\n'
        f'[training]\ntask = "classification"\nrepeats = 1\ncandidates = [{{ estimator = "{LOGISTIC}", scale = true }}]\n'
    )

    code = main(["train", "--model", "shop", "--config", str(tmp_path / "config.toml"), "--json"])

    manifest = Registry(bucket.name, "shop").manifest(1)
    assert (code, manifest.classes, manifest.document["target"]["kind"]) == (0, ("01", "02"), "category")
    assert ([feature.name for feature in manifest.features], manifest.key, manifest.missing) == (
        ["a", "b"],
        "order",
        ("NA",),
    )
    body = b"order,b,a\n7,-3,3\n8,3,NA\n"
    answer = Functions(manifest).ask("POST", "/batch", body, content_type="text/csv")
    assert (json.loads(answer.body)["keys"], json.loads(answer.body)["predictions"]) == (["7", "8"], ["01", "02"])
