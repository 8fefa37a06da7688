"""python -m model predict: every row of a file in order, and those that cannot be answered beside it with the reason."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import model
from model.cli.main import main
from model.workflows import predict as predicting
from model.workflows.evaluate import Served

RANDOM = np.random.default_rng(4)
ROWS = 260
FRAME = pd.DataFrame(
    {
        "age": RANDOM.normal(40, 10, ROWS).round(2),
        "colour": RANDOM.choice(["red", "green", "blue"], ROWS),
        "member": RANDOM.random(ROWS) < 0.5,
    }
)
Y = FRAME["age"] + 5.0 * (FRAME["colour"] == "red") + FRAME["member"] + RANDOM.normal(size=ROWS)
PIPELINE = make_pipeline(
    make_column_transformer((OneHotEncoder(sparse_output=False), ["colour", "member"]), remainder="passthrough"),
    Ridge(),
).fit(FRAME[:200], Y[:200])
NEW = FRAME[200:210].reset_index(drop=True).assign(id=[f"row {number}" for number in range(10)])


@pytest.fixture(scope="module")
def shop(emulator):
    """The published pipeline as version 1 of the model shop; gives the environment that it is found by."""
    environ = {"STORAGE_EMULATOR_HOST": emulator.url, "MODEL_BUCKET": emulator.make_bucket().name}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        patch.setattr("model.workflows.card.card", lambda *_, **__: "<p>not drawn</p>")
        patch.setattr("model.workflows.evaluate._asked", lambda *_: Served(0))
        model.publish(PIPELINE, FRAME[200:], Y[200:], name="shop", target="spent")
    return environ


@pytest.fixture
def run(shop, monkeypatch, capsysbinary):
    """Run `predict` over the published pipeline; gives exit code, standard output and what was said."""
    for name, value in shop.items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        code = main(["predict", *map(str, arguments), "--model", "shop", "--version", "1"])
        output, said = capsysbinary.readouterr()
        return code, output.decode(), said.decode()

    return run


def write(frame, path):
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".parquet":
            frame.to_parquet(path, index=False)
        case ".jsonl":
            frame.to_json(path, orient="records", lines=True)
        case ".gz":
            frame.to_csv(path, index=False, compression="gzip")
    return path


READ = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".jsonl": lambda path: pd.read_json(path, lines=True)}


@pytest.mark.parametrize("kind", [".csv", ".parquet", ".jsonl", ".csv.gz"])
@pytest.mark.parametrize("output", [".csv", ".parquet", ".jsonl"])
def test_every_row_keeps_its_place_and_its_columns_and_gets_the_estimator_s_answer(run, tmp_path, kind, output):
    target = tmp_path / f"out{output}"

    code, _, said = run(write(NEW, tmp_path / f"new{kind}"), "--output", target)

    found = READ[output](target)
    assert (code, said) == (0, "10 rows predicted by shop version 1\n")
    assert list(found.columns) == ["age", "colour", "member", "id", "prediction"]
    assert found["id"].tolist() == NEW["id"].tolist()
    assert found["prediction"].tolist() == pytest.approx(PIPELINE.predict(NEW).tolist(), rel=1e-9)
    assert not (tmp_path / f"out{output}.refused.csv").exists()


def test_rows_that_cannot_be_answered_are_set_aside_in_order_with_their_reasons(run, tmp_path):
    lines = write(NEW, tmp_path / "new.csv").read_text().splitlines()
    lines[2] = lines[2].replace(lines[2].split(",")[0], "old")
    lines[4] += ",more"
    lines[5] = lines[5].replace(lines[5].split(",")[1], "mauve")
    lines[7] = "," + lines[7].partition(",")[2]
    (tmp_path / "new.csv").write_text("\n".join([*lines, ""]))

    code, _, said = run(tmp_path / "new.csv", "--output", tmp_path / "out.csv")

    assert code == 3
    refused = tmp_path / "out.csv.refused.csv"
    assert said == f"6 rows predicted by shop version 1, 4 rows set aside in {refused}\n"
    assert refused.read_text().splitlines() == [
        "row,reason",
        '1,"\'age\' must be a number, got ""old"""',
        '3,"must hold 4 cells, as the first line does, got 5; a cell that holds a comma stands in double quotes"',
        '4,"\'colour\' must be one of {}, got ""mauve"""'.format(
            ", ".join(
                FRAME["colour"][200:].value_counts().sort_index().sort_values(ascending=False, kind="stable").index
            )
        ),
        "6,\"'age' is missing, and the model answers no row without it\"",
    ]
    assert pd.read_csv(tmp_path / "out.csv")["id"].tolist() == [f"row {row}" for row in (0, 2, 5, 7, 8, 9)]


def test_without_an_output_rows_go_to_standard_output_and_reasons_are_said(run, tmp_path):
    code, output, said = run(write(NEW.assign(age=["x", *NEW["age"][1:]]), tmp_path / "new.csv"))

    assert code == 3
    assert output.splitlines()[0] == "age,colour,member,id,prediction"
    assert len(output.splitlines()) == 1 + 9
    assert said.splitlines() == [
        "row 0: 'age' must be a number, got \"x\"",
        "9 rows predicted by shop version 1, 1 row set aside",
    ]


def test_the_summary_is_json_where_rows_go_to_a_file(run, tmp_path):
    code, output, _ = run(write(NEW, tmp_path / "new.csv"), "--output", tmp_path / "out.csv", "--json")

    assert code == 0
    assert json.loads(output) == {
        "model": "shop",
        "version": 1,
        "rows": 10,
        "refused": 0,
        "output": str(tmp_path / "out.csv"),
        "refused_output": None,
    }


@pytest.mark.parametrize(
    ("frame", "arguments", "code", "message"),
    [
        pytest.param(NEW.drop(columns=["age"]), [], 1, "must have the column 'age' once, found 0", id="no-feature"),
        pytest.param(NEW.assign(prediction=1), [], 2, "has a column 'prediction' already", id="name-taken"),
        pytest.param(NEW, ["--json"], 2, "--json needs --output FILE", id="two-outputs"),
        pytest.param(NEW, ["--output", "out.xlsx"], 2, "out.xlsx must end in .csv, .parquet, .jsonl", id="ending"),
        pytest.param(
            NEW, ["--output", "/nowhere/out.csv"], 1, "/nowhere/out.csv cannot be written: No such", id="folder"
        ),
    ],
)
def test_a_file_that_cannot_be_predicted_is_refused(run, tmp_path, frame, arguments, code, message):
    found, output, said = run(write(frame, tmp_path / "new.csv"), *arguments)

    assert (found, output) == (code, "")
    assert message in said


@pytest.fixture(scope="module")
def gaps(shop):
    """The same pipeline with an imputer as version 1 of the model gaps: each feature may be missing."""
    frame = FRAME.astype({"colour": object, "member": object})
    frame.loc[::9, "age"] = np.nan
    frame.loc[::7, "colour"] = np.nan
    pipeline = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False)), ["colour"]),
            (SimpleImputer(), ["age"]),
        ),
        Ridge(),
    ).fit(frame[["age", "colour"]][:200], Y[:200])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in shop.items():
            patch.setenv(name, value)
        patch.setattr("model.workflows.card.card", lambda *_, **__: "<p>not drawn</p>")
        patch.setattr("model.workflows.evaluate._asked", lambda *_: Served(0))
        model.publish(pipeline, frame[["age", "colour"]][200:], Y[200:], name="gaps", target="spent")


@pytest.mark.parametrize(("ending", "nowhere"), [(".csv", ""), (".parquet", ""), (".jsonl", ", a member of no row")])
def test_a_feature_whose_whole_column_is_absent_is_named_although_cells_of_it_may_be_missing(
    gaps, run, tmp_path, capsysbinary, ending, nowhere
):
    path = write(NEW.rename(columns={"age": "Agee", "colour": "hue"}), tmp_path / f"new{ending}")

    code = main(["predict", str(path), "--model", "gaps", "--version", "1"])

    output, said = capsysbinary.readouterr()
    empty = "a column of empty cells is filled in"
    assert (code, output) == (1, b"")
    assert said.decode().splitlines() == [
        f"{path} must have the column 'age' once, found 0{nowhere}; there is 'Agee'; {empty}",
        f"{path} must have the column 'colour' once, found 0{nowhere}; there are Agee, hue, member, id; {empty}",
    ]


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_a_column_of_empty_cells_is_filled_in(gaps, run, tmp_path, capsysbinary, ending):
    path = write(NEW.assign(age=None), tmp_path / f"new{ending}")

    code = main(["predict", str(path), "--model", "gaps", "--version", "1", "--output", str(tmp_path / "out.csv")])

    assert code == 0
    assert len(pd.read_csv(tmp_path / "out.csv")) == len(NEW)


def test_rows_are_read_and_written_piece_by_piece(run, tmp_path, monkeypatch):
    monkeypatch.setattr("model.data.formats.BLOCK_BYTES", 1000)
    monkeypatch.setattr(predicting, "BLOCK_BYTES", 1000)
    seen = []
    values = predicting._values
    monkeypatch.setattr(predicting, "_values", lambda *given: seen.append(len(given[1])) or values(*given))
    many = pd.concat([NEW] * 30, ignore_index=True)
    lines = write(many, tmp_path / "new.csv").read_text().splitlines()
    lines[100] += ",more"
    lines[250] = "x" + lines[250]
    (tmp_path / "new.csv").write_text("\n".join([*lines, ""]))

    code, _, _ = run(tmp_path / "new.csv", "--output", tmp_path / "out.csv")

    assert code == 3
    assert len(seen) > 5
    assert sum(seen) == 299
    refused = pd.read_csv(tmp_path / "out.csv.refused.csv")
    assert refused["row"].tolist() == [99, 249]
    assert pd.read_csv(tmp_path / "out.csv")["id"].tolist() == many["id"].drop([99, 249]).tolist()


def test_texts_that_stand_for_a_missing_cell_are_those_that_the_model_was_trained_with(
    shop, monkeypatch, tmp_path, capsysbinary
):
    for name, value in shop.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("model.workflows.card.card", lambda *_, **__: "<p>not drawn</p>")
    monkeypatch.setattr("model.workflows.evaluate._asked", lambda *_: Served(0))
    rows = FRAME.assign(spent=Y).astype(object)
    rows.loc[::9, "colour"] = rows.loc[::7, "age"] = "NA"
    write(rows, tmp_path / "rows.csv")
    write(rows.replace("NA", None), tmp_path / "empty.csv")
    config = tmp_path / "rows.toml"
    config.write_text(
        '[data]\nsource = "rows.csv"\ntarget = "spent"\nmissing = ["NA"]\n[training]\nrepeats = 1\n'
        'candidates = [{ estimator = "sklearn.linear_model.Ridge" }]\n'
    )
    main(["train", "--config", str(config), "--model", "words"])

    codes, outputs = [], []
    for name in ("rows.csv", "empty.csv"):
        capsysbinary.readouterr()
        codes.append(
            main(
                [
                    "predict",
                    str(tmp_path / name),
                    "--model",
                    "words",
                    "--version",
                    "1",
                    "--output",
                    str(tmp_path / f"out-{name}"),
                ]
            )
        )
        outputs.append(pd.read_csv(tmp_path / f"out-{name}")["prediction"].tolist())

    assert codes == [0, 0]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) == ROWS
