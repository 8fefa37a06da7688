"""python -m model predict with a classifier: the label of every row, and the probability of each class."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

import model
from model.cli.main import main
from model.workflows import predict as predicting
from model.workflows.evaluate import Served

RANDOM = np.random.default_rng(4)
X = pd.DataFrame(RANDOM.normal(size=(900, 2)), columns=["a", "b"])
NOISY = X["a"] + X["b"] + RANDOM.normal(size=900)
TARGETS = {
    "texts": np.where(NOISY > 0.5, "late", "on time"),
    "booleans": (NOISY > 0.5).to_numpy(),
    "numbers": np.digitize(NOISY, [-1, 0.5]) + 3,
}
NEW = X[:50].round(3).assign(id=[f"row {number}" for number in range(50)])


@pytest.fixture(scope="module")
def shop(emulator):
    """Fitted classifiers in a bucket, each a model of its own; gives the environment and the classifiers."""
    environ = {"STORAGE_EMULATOR_HOST": emulator.url, "MODEL_BUCKET": emulator.make_bucket().name}
    fitted = {name: LogisticRegression().fit(X[:500], y[:500]) for name, y in TARGETS.items()}
    fitted["bare"] = LinearSVC().fit(X[:500], TARGETS["texts"][:500])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        patch.setattr("model.workflows.card.card", lambda *_, **__: "<p>not drawn</p>")
        patch.setattr("model.workflows.evaluate._asked", lambda *_: Served(0))
        for name, estimator in fitted.items():
            model.publish(estimator, X[500:], TARGETS.get(name, TARGETS["texts"])[500:], name=name, target="outcome")
    return environ, fitted


@pytest.fixture
def run(shop, monkeypatch, capsysbinary):
    """Run `predict` over one of the models; gives exit code, standard output and what was said."""
    for name, value in shop[0].items():
        monkeypatch.setenv(name, value)

    def run(name, *arguments):
        code = main(["predict", *map(str, arguments), "--model", name, "--version", "1"])
        output, said = capsysbinary.readouterr()
        return code, output.decode(), said.decode()

    return run


@pytest.fixture
def source(tmp_path):
    """A file of new rows."""
    path = tmp_path / "new.csv"
    NEW.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", ["prediction", "probability:late"])
def test_a_file_that_has_a_new_column_already_is_refused(run, tmp_path, name):
    path = tmp_path / "new.csv"
    NEW.assign(**{name: 1}).to_csv(path, index=False)

    code, _, said = run("texts", path)

    assert code == 2
    assert said.endswith(f"new.csv has a column '{name}' already: rename it\n")


def test_rows_that_cannot_be_answered_are_set_aside(run, tmp_path):
    path, output = tmp_path / "new.csv", tmp_path / "out.csv"
    path.write_text("a,b\n1,2\n,2\n0.5,1\n")

    code, _, _ = run("texts", path, "--output", output)

    assert (code, len(pd.read_csv(output))) == (3, 2)
    refused = pd.read_csv(tmp_path / "out.csv.refused.csv")
    assert refused["row"].tolist() == [1]


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_each_row_has_its_label_and_the_probability_of_each_class(run, shop, source, tmp_path, name, ending):
    output, estimator = tmp_path / f"out.{ending}", shop[1][name]

    code, _, _ = run(name, source, "--output", output)

    made = {
        "csv": lambda: pd.read_csv(output),
        "parquet": lambda: pd.read_parquet(output),
        "jsonl": lambda: pd.read_json(output, lines=True),
    }[ending]()
    spelled = [str(label).lower() if name == "booleans" else str(label) for label in estimator.classes_]
    columns = [f"probability:{label}" for label in spelled]
    assert code == 0
    assert [*made.columns] == ["a", "b", "id", "prediction", *columns]
    assert made["prediction"].tolist() == estimator.predict(NEW[["a", "b"]]).tolist()
    assert made[columns].to_numpy() == pytest.approx(estimator.predict_proba(NEW[["a", "b"]]), rel=1e-9)


def test_a_classifier_without_probabilities_has_labels_alone(run, shop, source):
    code, output, _ = run("bare", source)

    made = pd.read_csv(StringIO(output))
    assert (code, [*made.columns]) == (0, ["a", "b", "id", "prediction"])
    assert made["prediction"].tolist() == shop[1]["bare"].predict(NEW[["a", "b"]]).tolist()


def test_rows_of_many_classes_are_asked_in_parts(run, source, monkeypatch):
    _, whole, _ = run("numbers", source)
    monkeypatch.setattr(predicting, "_MOST_ANSWERS", 28)

    code, parts, _ = run("numbers", source)

    assert (code, parts) == (0, whole)


def test_a_file_without_rows_has_the_columns(run, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("a,b\n")

    code, output, _ = run("booleans", path)

    assert (code, output) == (0, "a,b,prediction,probability:false,probability:true\n")
