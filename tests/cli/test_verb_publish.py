"""python -m model publish, and model.publish: a pipeline that was fitted elsewhere becomes a version, or is refused."""

from __future__ import annotations

import copy
import json
import pickle
import re
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import model
from functions.artifact import manifest_name, model_name, report_name
from model.cli.main import main
from model.errors import DataError, ExportError, RegistryError, UsageError
from model.registry.bucket import Bucket
from model.registry.registry import Registry
from model.reports.model_card import with_standing
from model.training.export import register
from model.training.export.registry import answer
from model.workflows.evaluate import Served
from model.workflows.source_rows import snapshot

RANDOM = np.random.default_rng(21)
ROWS = 300
FRAME = pd.DataFrame(
    {
        "age": RANDOM.normal(40, 10, ROWS),
        "colour": RANDOM.choice(["red", "green", "blue"], ROWS),
        "rate": RANDOM.random(ROWS),
    }
)
Y = (FRAME["age"] + 20 * (FRAME["colour"] == "red") + RANDOM.normal(scale=5, size=ROWS)).rename("spent")


class CategoriesAlone(HistGradientBoostingRegressor):
    """Answers a DataFrame alone whose texts are of pandas' type category, as LightGBM and XGBoost do."""

    def predict(self, x):
        if not isinstance(x["colour"].dtype, pd.CategoricalDtype):
            raise TypeError("'colour' must be of type category")
        return super().predict(x)


@register(CategoriesAlone)
def _categories_alone(graph, estimator, frame):
    as_it_is = copy.copy(estimator)
    as_it_is.__class__ = HistGradientBoostingRegressor
    return answer(graph, as_it_is, frame)


def mixed(rows=FRAME):
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["colour"]), (StandardScaler(), ["age", "rate"])
    )
    return make_pipeline(columns, Ridge()).fit(rows[:200], Y[:200])


@pytest.fixture
def shop(bucket, quick):
    """Publish to the model shop without starting functions."""

    def shop(pipeline, x=FRAME[200:], y=Y[200:], **options):
        return model.publish(pipeline, x, y, **{"name": "shop", **options})

    return shop


def test_the_manifest_says_who_fitted_it_and_what_it_takes(shop):
    document = shop(mixed(), training=(FRAME[:200], Y[:200])).document

    assert document["target"] == {"name": "spent"}
    assert (document["data"]["rows"], document["data"]["holdout_rows"], document["data"]["split"]) == (
        300,
        100,
        "given",
    )
    assert [
        (feature["name"], feature.get("kind"), feature.get("missing"), feature.get("unknown"))
        for feature in document["features"]
    ] == [("age", None, None, None), ("colour", "category", True, True), ("rate", None, None, None)]
    assert document["features"][0]["maximum"] == FRAME["age"][:200].max()
    assert document["training"]["steps"] == ["ColumnTransformer", "Ridge"]
    assert "@" in document["training"]["fitted_by"]
    assert document["training"]["training_rows_given"] is True
    assert document["blessed"]


GAP = np.arange(ROWS) % 7 == 3
ROOMS = pd.Series(np.arange(ROWS) % 4)


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(FRAME["colour"].astype("category").mask(GAP), id="categories-with-gaps"),
        pytest.param(FRAME["colour"].astype("string"), id="string"),
        pytest.param(ROOMS.astype("category").mask(GAP), id="categories-of-integers"),
        pytest.param((ROOMS > 1).astype("category"), id="categories-of-booleans"),
        pytest.param(ROOMS.astype("Int64").mask(GAP), id="nullable-integers"),
        pytest.param((ROOMS > 1).astype("boolean").mask(GAP), id="nullable-booleans"),
        pytest.param(ROOMS.astype(object).where(~GAP, None), id="objects-of-integers"),
        pytest.param((ROOMS > 1).astype(object).where(~GAP, np.nan), id="objects-of-booleans"),
        pytest.param(FRAME["colour"].map(np.str_).astype(object), id="texts-of-numpy"),
    ],
)
def test_a_column_of_each_type_of_pandas_is_served_exactly(shop, column):
    rows = FRAME.assign(colour=column)
    y = Y + 3 * ROOMS
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["colour"]), (StandardScaler(), ["age", "rate"])
    )
    pipeline = make_pipeline(columns, Ridge()).fit(rows[:200], y[:200])

    document = shop(pipeline, rows[200:], y[200:], training=(rows[:200], y[:200])).document

    (check,) = [check for check in document["gate"] if check["check"] == "artefact equals estimator"]
    assert check["passed"], check


def test_without_its_training_rows_ranges_come_from_the_rows_that_judge(shop):
    document = shop(mixed()).document

    assert document["features"][0]["maximum"] == FRAME["age"][200:].max()
    assert (document["data"]["rows"], document["data"]["holdout_rows"]) == (100, 100)
    assert document["training"]["training_rows_given"] is False
    assert document["blessed"]


def test_a_matrix_is_published_by_places(shop):
    pipeline = make_pipeline(StandardScaler(), Ridge()).fit(FRAME[["age", "rate"]].to_numpy()[:200], Y[:200])

    document = shop(pipeline, FRAME[["age", "rate"]].to_numpy()[200:], Y[200:].tolist()).document

    assert [feature["name"] for feature in document["features"]] == ["x0", "x1"]
    assert (document["runtime"], document["format"], document["target"]["name"]) == ("linear", 1, "target")


def test_the_next_one_is_compared_with_production_on_the_same_rows(shop, bucket):
    weak, strong = (
        make_pipeline(StandardScaler(), Ridge(alpha)).fit(FRAME[["age", "rate"]][:200], Y[:200])
        for alpha in (200.0, 1.0)
    )
    first = shop(weak, FRAME[["age", "rate"]][200:])
    Registry(bucket.name, "shop").promote(first.version, alias="production", by="t", reason="t")

    second = shop(strong, FRAME[["age", "rate"]][200:]).document

    assert second["comparison"]["production"] == 1
    assert second["comparison"]["rows"] == 100
    assert second["comparison"]["improvement"]["value"] > 0


CONFIG = """
[data]
source = "rows.csv"
target = "spent"

[gate]
min_holdout_rows = 20

[[training.candidates]]
estimator = "sklearn.linear_model.Ridge"
"""


@pytest.fixture
def train(shop, bucket, tmp_path, capsys):
    """Train on *rows* after a published production that FRAME[200:] judged; gives the manifest."""

    def train(rows, **options):
        Registry(bucket.name, "shop").promote(shop(mixed(), **options).version, alias="production", by="t", reason="t")
        FRAME.assign(spent=Y).iloc[rows].to_csv(tmp_path / "rows.csv", index=False)
        (tmp_path / "config.toml").write_text(CONFIG)
        capsys.readouterr()
        main(["train", "--model", "shop", "--config", str(tmp_path / "config.toml"), "--json"])
        return json.loads(capsys.readouterr().out)

    return train


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(["cheap", "dear"], id="texts"),
        pytest.param([False, True], id="booleans"),
        pytest.param([1, 2, 3], id="whole-numbers"),
    ],
)
def test_a_classifier_is_published_with_its_labels(shop, labels):
    y = pd.Series(np.array(labels)[np.digitize(Y, [45, 60][: len(labels) - 1])], name="price")
    pipeline = make_pipeline(mixed()[0], LogisticRegression()).fit(FRAME[:200], y[:200])

    document = shop(pipeline, y=y[200:], training=(FRAME[:200], y[:200])).document

    kind = {str: "category", bool: "boolean", int: "number"}[type(labels[0])]
    assert (document["task"], document["target"]) == ("classification", {"name": "price", "kind": kind})
    assert [(type(label), label) for label in document["classes"]] == [(type(label), label) for label in labels]
    assert document["metrics"]["accuracy"]["value"] == (pipeline.predict(FRAME[200:]) == y[200:]).mean()
    assert document["blessed"]


@pytest.mark.parametrize(
    ("wrapped", "threshold"),
    [
        pytest.param(lambda inner: FixedThresholdClassifier(inner, threshold=0.3, pos_label="cheap"), 0.3, id="named"),
        pytest.param(lambda inner: FixedThresholdClassifier(inner, pos_label="cheap"), 0.5, id="usual"),
        pytest.param(
            lambda inner: TunedThresholdClassifierCV(inner, scoring=make_scorer(f1_score, pos_label="cheap"), cv=2),
            None,
            id="tuned",
        ),
    ],
)
def test_the_threshold_of_a_classifier_that_has_one_is_recorded(shop, wrapped, threshold):
    y = (Y > 45).map({True: "dear", False: "cheap"})
    pipeline = wrapped(LogisticRegression()).fit(FRAME[["age"]][:200], y[:200])

    document = shop(pipeline, FRAME[["age"]][200:], y=y[200:]).document

    assert document["threshold"] == {"value": threshold or pipeline.best_threshold_, "positive": "cheap"}


@pytest.mark.parametrize(
    ("rows", "options", "judges", "trained"),
    [
        pytest.param(slice(0, 300), {}, range(100, 101), range(140, 180), id="rows-that-judged-it-train-nobody"),
        pytest.param(
            slice(0, 300), {"training": (FRAME[:150], Y[:150])}, range(101, 131), range(140, 180), id="new-rows-too"
        ),
        pytest.param(slice(180, 300), {}, range(10, 40), range(80, 110), id="but-for-most-of-the-rows"),
    ],
)
def test_a_training_after_a_published_production_is_judged_beside_it(train, rows, options, judges, trained):
    document = train(rows, **options)

    assert document["comparison"]["production"] == 1
    assert document["comparison"]["rows"] in judges
    assert document["data"]["rows"] - document["data"]["holdout_rows"] in trained


def test_a_training_without_rows_that_are_new_to_production_says_why_and_what_helps(train):
    document = train(slice(0, 200))

    (line,) = (check for check in document["gate"] if check["check"] == "held-out rows new to production")
    assert line == {
        "check": "held-out rows new to production",
        "passed": False,
        "value": 0,
        "threshold": 20,
        "note": "production was fitted elsewhere, and 0 of these rows are known to be new to it and to this version: add"
        " rows that judged it to the data; `promote --force --reason TEXT` promotes without a comparison",
    }


@pytest.mark.parametrize(
    ("pipeline", "x", "y", "error", "message"),
    [
        pytest.param(
            lambda: LogisticRegression().fit(FRAME[["age"]], (Y > 40).map({True: "dear", False: "cheap"})),
            FRAME[["age"]],
            Y > 40,
            DataError,
            'y must hold one of the pipeline\'s classes, "cheap", "dear", found ',
            id="labels-of-another-type",
        ),
        pytest.param(
            LogisticRegression,
            FRAME[["age"]],
            Y > 40,
            UsageError,
            "the pipeline is not fitted: expected a fitted classifier of one target",
            id="unfitted-classifier",
        ),
        pytest.param(
            lambda: KMeans(2, n_init=1).fit(FRAME[["age"]]),
            FRAME[["age"]],
            Y,
            UsageError,
            "KMeans predicts neither numbers nor classes",
            id="cluster",
        ),
        pytest.param(
            mixed,
            FRAME.assign(colour=pd.cut(FRAME["age"], 4)),
            Y,
            UsageError,
            "column 'colour' must hold numbers, booleans or texts, found Interval",
            id="intervals",
        ),
        pytest.param(lambda: "model.joblib", FRAME, Y, UsageError, "expected a fitted scikit-learn", id="a-path"),
        pytest.param(
            mixed, FRAME[["age"]], Y, UsageError, "the pipeline was fitted to 'colour', and X has", id="column"
        ),
        pytest.param(mixed, FRAME, Y[:7], UsageError, "X has 300 rows, and y has 7", id="lengths"),
        pytest.param(mixed, FRAME, Y.where(Y > 40), DataError, "y must hold finite numbers, found nan", id="no-target"),
        pytest.param(mixed, FRAME, Y.astype(str) + "x", UsageError, "y must hold numbers, found", id="texts"),
        pytest.param(
            lambda: make_pipeline(FunctionTransformer(lambda x: x + 1), Ridge()).fit(FRAME[["age"]], Y),
            FRAME[["age"]],
            Y,
            ExportError,
            "step 'functiontransformer': FunctionTransformer: the function",
            id="a-function-of-one-s-own",
        ),
        pytest.param(Ridge, FRAME[["age"]], Y, UsageError, "the pipeline cannot answer the rows", id="not-fitted"),
        pytest.param(
            lambda: make_pipeline(
                FunctionTransformer(lambda x: x.apply(lambda column: column.astype("category").cat.codes)), Ridge()
            ).fit(FRAME[["colour"]], Y),
            FRAME[["colour"]].assign(colour=FRAME["colour"].astype(pd.CategoricalDtype(["red", "blue", "green"]))),
            Y,
            ExportError,
            "the function",
            id="codes-of-pandas",
        ),
    ],
)
def test_a_pipeline_that_cannot_be_published_is_refused_with_the_reason(shop, pipeline, x, y, error, message):
    with pytest.raises(error) as caught:
        shop(pipeline(), x, y)

    assert message in str(caught.value)


def test_rows_of_the_training_data_do_not_travel_where_a_column_is_redacted(shop):
    near = KNeighborsRegressor().fit(FRAME[["age", "rate"]][:200], Y[:200])

    with pytest.raises(ExportError, match="rows of the training data travel with it, and age must not"):
        shop(near, FRAME[["age", "rate"]][200:], redact=["age"])

    assert shop(near, FRAME[["age", "rate"]][200:]).document["keeps_rows"] is True


def test_golden_instances_of_a_redacted_column_are_nobody_s(shop):
    document = shop(mixed(), redact=["age"]).document

    ages = [entry["instance"][0] for entry in document["golden"]]
    assert len(ages) >= 8
    assert len(set(ages) & set(FRAME["age"])) <= 2  # the smallest and the largest, which the range tells anyway


def test_levels_of_a_redacted_column_stand_in_no_slice(shop):
    document = shop(mixed(), redact=["colour"]).document

    assert {part["column"] for part in document["slices"]} == {"age", "rate"}


@pytest.mark.parametrize(
    "changes", [pytest.param({"bucket": None}, id="bucket"), pytest.param({"name": "My Shop"}, id="name")]
)
def test_a_bucket_and_a_name_are_needed(shop, monkeypatch, changes):
    monkeypatch.delenv("MODEL_BUCKET", raising=False)

    with pytest.raises(UsageError, match="must"):
        shop(mixed(), **{"bucket": "b", **changes})


# Arrays beside the manifest


def test_arrays_are_written_before_the_manifest_and_a_number_with_another_s_arrays_is_left_alone(
    shop, bucket, monkeypatch
):
    monkeypatch.setattr("functions.artifact.MOST_INLINE_BYTES", 10)
    bucket.blob(model_name("shop", 1)).upload_from_string(b"of a publisher that has died")
    order = []
    write = Bucket.write
    monkeypatch.setattr(Bucket, "write", lambda self, name, *a, **k: order.append(name) or write(self, name, *a, **k))

    made = shop(mixed())

    assert made.version == 2
    assert [name for name in order if "versions" in name and "report" not in name] == [
        model_name("shop", 1),
        model_name("shop", 2),
        manifest_name("shop", 2),
    ]
    assert Registry(bucket.name, "shop").predictor(made).manifest.version == 2


def test_a_version_whose_arrays_are_gone_is_not_promoted(shop, bucket, monkeypatch):
    monkeypatch.setattr("functions.artifact.MOST_INLINE_BYTES", 10)
    shop(mixed())
    bucket.blob(model_name("shop", 1)).delete()

    with pytest.raises(RegistryError, match=r"shop/versions/1/model\.bin does not exist, and version 1 needs it"):
        Registry(bucket.name, "shop").promote(1, alias="production", by="t", reason="t")


# From a shell


@pytest.fixture
def files(tmp_path):
    """The pipeline and its rows in files."""
    joblib.dump(mixed(), tmp_path / "pipeline.joblib")
    FRAME[200:].assign(spent=Y).to_parquet(tmp_path / "holdout.parquet")
    FRAME[:200].assign(spent=Y).to_csv(tmp_path / "training.csv", index=False)
    return tmp_path


def publish(folder, *arguments):
    options = ["--data", folder / "holdout.parquet", "--target", "spent", "--model", "shop", *arguments]
    return main(["publish", str(folder / "pipeline.joblib"), *map(str, options)])


def test_a_file_is_published_from_a_shell(bucket, quick, files, capsys):
    code = publish(files, "--training", files / "training.csv", "--by", "ada", "--json")

    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (document["data"]["rows"], document["data"]["holdout_rows"]) == (300, 100)
    assert document["training"]["fitted_by"] == "ada"
    assert document["training"]["training_rows_given"] is True


@pytest.mark.parametrize("ending", [pytest.param(ending, id=ending) for ending in ("csv.gz", "jsonl", "parquet")])
def test_files_of_a_pattern_are_one_table_without_missing_words_and_rows_without_a_target(
    bucket, quick, files, capsys, ending
):
    pieces = FRAME[200:].assign(spent=Y), FRAME[100:200].assign(spent=Y)
    pieces[0].loc[[203, 205], "spent"] = np.nan
    pieces[0].loc[[204], "colour"] = "unknown"
    for number, piece in enumerate(pieces):
        path = files / f"part-{number}.{ending}"
        match ending:
            case "csv.gz":
                piece.to_csv(path, index=False)
            case "jsonl":
                piece.to_json(path, orient="records", lines=True, double_precision=15)
            case _:
                piece.to_parquet(path)
    (files / "config.toml").write_text('[data]\nsource = "rows.csv"\ntarget = "spent"\nmissing = ["unknown"]\n')

    code = publish(files, "--data", files / f"part-*.{ending}", "--config", files / "config.toml", "--json")

    output, said = capsys.readouterr()
    document = json.loads(output)
    assert (code, document["data"]["rows"], document["data"]["missing"]) == (0, 198, ["unknown"])
    assert sorted(document["features"][1]["levels"]) == ["blue", "green", "red"]
    assert [warning["code"] for warning in document["data"]["warnings"]] == ["no-target", "few-rows"]
    assert "none in 2 rows of 200, which are left out (row 3: null; row 5: null)" in said


def test_numbers_of_json_lines_are_those_of_the_file_to_the_last_bit(bucket, quick, files, capsys):
    rows = FRAME[200:].assign(spent=Y).to_dict("records")
    (files / "holdout.jsonl").write_text("\n".join(map(json.dumps, rows)))

    assert publish(files, "--data", files / "holdout.jsonl", "--json") == 0

    document = json.loads(capsys.readouterr().out)
    kept = snapshot(Registry(bucket.name, "shop"), document)
    assert kept.x.cells(0).tolist() == FRAME["age"][200:].tolist()
    assert kept.y.tolist() == Y[200:].tolist()


@pytest.mark.parametrize("ending", [pytest.param(ending, id=ending) for ending in ("csv", "parquet")])
def test_texts_are_of_the_type_category_where_the_pipeline_was_fitted_to_those(bucket, quick, files, capsys, ending):
    typed = FRAME.astype({"colour": "category"})
    pipeline = make_pipeline(FunctionTransformer(), CategoriesAlone()).fit(typed[:200], Y[:200])
    joblib.dump(pipeline, files / "pipeline.joblib")
    rows = typed[200:].assign(spent=Y)
    rows.to_csv(files / "rows.csv", index=False)
    rows.to_parquet(files / "rows.parquet")

    code = publish(files, "--data", files / f"rows.{ending}", "--training", files / "training.csv", "--json")

    assert (code, json.loads(capsys.readouterr().out)["features"][1]["kind"]) == (0, "category")


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(["cheap", "dear"], id="texts"),
        pytest.param([False, True], id="booleans"),
        pytest.param([0, 1], id="whole-numbers"),
    ],
)
def test_a_classifier_is_published_from_a_shell(bucket, quick, files, capsys, labels):
    y = pd.Series(np.array(labels)[(Y > 45).astype(int)])
    joblib.dump(make_pipeline(mixed()[0], LogisticRegression()).fit(FRAME[:200], y[:200]), files / "pipeline.joblib")
    FRAME[200:].assign(spent=y).to_csv(files / "rows.csv", index=False)

    code = publish(files, "--data", files / "rows.csv", "--json")

    document = json.loads(capsys.readouterr().out)
    assert (code, document["classes"], document["probabilities"]) == (0, labels, True)


def test_a_column_keeps_the_kind_that_the_configuration_names(bucket, quick, files, capsys):
    coded = FRAME.assign(colour=FRAME["colour"].map({"red": "01", "green": "02", "blue": "10"}))
    joblib.dump(mixed(coded), files / "pipeline.joblib")
    coded[200:].assign(spent=Y).to_csv(files / "rows.csv", index=False)
    (files / "config.toml").write_text(
        '[data]\nsource = "rows.csv"\ntarget = "spent"\nfeatures = [{ name = "colour", kind = "category" }]\n'
    )

    code = publish(files, "--data", files / "rows.csv", "--config", files / "config.toml", "--json")

    assert (code, sorted(json.loads(capsys.readouterr().out)["features"][1]["levels"])) == (0, ["01", "02", "10"])


def test_times_of_a_file_become_the_parts_that_the_pipeline_was_fitted_to(bucket, quick, files, capsys):
    dated = FRAME.assign(at=pd.date_range("2026-01-01T00:00:00.123", periods=ROWS, freq="7h", tz="UTC"))
    made = model.time_parts(dated[["age", "at"]], at=["hour", "epoch_days"])
    joblib.dump(make_pipeline(StandardScaler(), Ridge()).fit(made[:200], Y[:200]), files / "pipeline.joblib")
    dated[200:].assign(spent=Y).to_csv(files / "rows.csv", index=False)

    assert publish(files, "--data", files / "rows.csv", "--json") == 0

    document = json.loads(capsys.readouterr().out)
    assert document["features"][1]["parts"] == ["hour", "epoch_days"]
    assert snapshot(Registry(bucket.name, "shop"), document).x.cells(1)[0] == dated["at"][200].timestamp()


def test_another_scikit_learn_is_named(bucket, quick, files, capsys, monkeypatch):
    def load(path):
        warnings.warn(
            InconsistentVersionWarning(
                estimator_name="Ridge", current_sklearn_version="1.9.1", original_sklearn_version="1.7.0"
            ),
            stacklevel=2,
        )
        return mixed()

    monkeypatch.setattr(joblib, "load", load)

    code = publish(files, "--json")

    output, said = capsys.readouterr()
    assert code == 0
    assert json.loads(output)["training"]["fitted_with"] == {"scikit-learn": "1.7.0"}
    assert "warning: fitted with scikit-learn 1.7.0, and this environment has scikit-learn 1.9" in said


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(
            ["--target", "price"], 2, "has no column 'price', the target; it has age, colour, rate, spent", id="target"
        ),
        pytest.param(
            ["--data", "rows.xlsx"],
            1,
            "rows.xlsx must be sklearn:NAME, or a path or gs:// address that ends in .csv",
            id="ending",
        ),
        pytest.param(["--data", "nowhere.csv"], 1, "nowhere.csv does not exist", id="absent"),
        pytest.param(
            ["--data", "narrow.csv"], 2, "fitted to 'age', and there is no such column; there are", id="column"
        ),
        pytest.param(["--data", "few.csv"], 3, "few-targets 'spent': must be there in half of the rows", id="few"),
        pytest.param(["--data", "wrong.csv"], 3, "not-numeric 'spent': must be a number, 1 cell is not", id="cell"),
        pytest.param(["--data", "part-*.csv"], 1, "part-1.csv must have the columns of", id="files-differ"),
        pytest.param(["--target", "age"], 2, "the pipeline was fitted to 'age', which is the target", id="feature"),
    ],
)
def test_rows_that_cannot_be_read_are_named(bucket, files, capsys, monkeypatch, arguments, code, message):
    monkeypatch.chdir(files)
    rows = FRAME[200:].assign(spent=Y)
    rows.drop(columns="age").to_csv("narrow.csv", index=False)
    rows.assign(spent=Y.where(FRAME.index < 240)).to_csv("few.csv", index=False)
    rows.astype({"spent": object}).replace({"spent": {Y[203]: "much"}}).to_csv("wrong.csv", index=False)
    rows.to_csv("part-0.csv", index=False)
    rows.assign(more=1).to_csv("part-1.csv", index=False)

    assert publish(files, *arguments) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"age,spent\n1,2\n", "must be a joblib or pickle file, and is none", id="csv"),
        pytest.param(b"x,y\n1,2\n", "must be a joblib or pickle file, and is none", id="csv-like-zlib"),
        pytest.param(b"PAR1....", "must be a joblib or pickle file, and is none", id="parquet"),
        pytest.param(b"", "must be a joblib or pickle file, found an empty file", id="empty"),
        pytest.param(pickle.dumps([1, 2])[:-3], "cannot be loaded: ", id="cut-short"),
        pytest.param(b"cnowhere.at_all\nPipeline\n.", "cannot be loaded: ModuleNotFoundError: ", id="no-module"),
    ],
)
def test_a_file_that_is_no_pipeline_is_named(bucket, files, capsys, content, message):
    (files / "pipeline.joblib").write_bytes(content)

    assert publish(files) == 1
    assert f"{files / 'pipeline.joblib'} {message}" in capsys.readouterr().err


def test_rows_are_needed(bucket, files, capsys):
    assert main(["publish", str(files / "pipeline.joblib"), "--model", "shop"]) == 2
    assert "--data must name rows that the pipeline was not fitted to" in capsys.readouterr().err


def test_models_of_a_bucket_are_listed(shop, bucket, capsys):
    shop(mixed())
    shop(mixed(), name="other")
    Registry(bucket.name, "other").promote(1, alias="production", by="t", reason="t")

    code = main(["models", "--json"])

    assert code == 0
    assert json.loads(capsys.readouterr().out) == [
        {"name": "other", "versions": 1, "newest": 1, "aliases": {"production": 1}},
        {"name": "shop", "versions": 1, "newest": 1, "aliases": {}},
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "output"),
    [
        pytest.param(["versions"], 0, "", id="versions"),
        pytest.param(["versions", "--json"], 0, "[]\n", id="versions-as-json"),
        pytest.param(["history"], 0, "", id="history"),
        pytest.param(["show", "1"], 2, "", id="show"),
        pytest.param(["promote"], 2, "", id="promote"),
        pytest.param(["rollback"], 2, "", id="rollback"),
        pytest.param(["predict", "rows.csv"], 2, "", id="predict"),
        pytest.param(["predict", "rows.csv", "--version", "1"], 2, "", id="predict-by-a-version"),
    ],
)
def test_a_model_that_is_not_in_the_bucket_is_said_with_those_that_are(bucket, capsys, arguments, code, output):
    for name in ("another", "churn"):
        bucket.blob(f"{name}/versions/1/manifest.json").upload_from_string("{}")

    assert main([*arguments, "--model", "chrun"]) == code

    printed = capsys.readouterr()
    there = f"there is no model chrun in gs://{bucket.name}; there are churn, another\n"
    assert (printed.out, printed.err) == (output, there)


def test_a_model_that_is_there_without_its_alias_is_said_so(bucket, capsys):
    bucket.blob("churn/versions/1/manifest.json").upload_from_string("{}")

    assert main(["history", "--model", "churn"]) == 0
    assert capsys.readouterr().err == "production has not been set yet\n"


# What becomes of it


def test_its_card_is_made_again_from_the_bucket_and_shows_levels_and_importance(shop, bucket, quick, tmp_path):
    quick.undo()
    quick.setattr("model.workflows.evaluate._asked", lambda *_: Served(0))
    made = shop(mixed(), training=(FRAME[:200], Y[:200]))
    published = Registry(bucket.name, "shop").report(made.version)
    bucket.blob(report_name("shop", 1)).delete()

    assert main(["report", "1", "--model", "shop", "--output", str(tmp_path / "card.html")]) == 0

    page = (tmp_path / "card.html").read_text()
    assert with_standing(published, []) == page
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "colour training rows share" in text
    assert "rmse grows by" in text
    assert "fitted by" in text
    assert "unknown levels" in text
    assert page.count("<svg") >= 5


def test_no_page_shows_a_level_of_a_redacted_column(shop, bucket, quick):
    quick.undo()
    quick.setattr("model.workflows.evaluate._asked", lambda *_: Served(0))
    shop(mixed(), redact=["colour"])

    page = Registry(bucket.name, "shop").report(1) or ""

    assert "colour" in page
    assert not re.search(r"\b(green|blue)\b", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))


def test_a_line_and_a_graph_follow_each_other_in_the_alias_and_back(shop, bucket, capsys):
    line = make_pipeline(StandardScaler(), Ridge()).fit(FRAME[["age", "rate"]][:200], Y[:200])
    shop(line, FRAME[["age", "rate"]][200:])
    shop(mixed())
    store = Registry(bucket.name, "shop")
    store.promote(1, alias="production", by="t", reason="t")

    forced = store.promote(2, alias="production", by="t", reason="other columns", force=True)
    back = store.rollback(alias="production", to=None, by="t", reason="t")

    assert (forced.version, forced.before, back.version, back.before) == (2, 1, 1, 2)
    assert main(["show", "2", "--model", "shop"]) == 0
    assert "sklearn.pipeline.Pipeline" in capsys.readouterr().out
