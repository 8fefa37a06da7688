"""Any scikit-learn model over columns of every kind: from a file, and from a notebook, to answers of real functions."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_limits

import model as offline
from functions.artifact import model_name
from model.cli.main import main
from model.training import candidates
from model.workflows import train

RANDOM = np.random.default_rng(12)
ROWS = 400
FRAME = pd.DataFrame(
    {
        "carat": np.where(RANDOM.random(ROWS) < 0.1, np.nan, RANDOM.gamma(2.0, 0.4, ROWS)),
        "cut": pd.Series(RANDOM.choice(["fair", "good", "ideal"], ROWS), dtype=object).where(RANDOM.random(ROWS) > 0.1),
        "certified": RANDOM.random(ROWS) < 0.5,
        "sold": (pd.Timestamp("2026-01-01") + pd.to_timedelta(RANDOM.integers(0, 300, ROWS), unit="D")).astype(str),
    }
)
PRICE = (
    3 * FRAME["carat"].fillna(0.5)
    + 2.0 * (FRAME["cut"] == "ideal")
    + FRAME["certified"]
    + pd.to_datetime(FRAME["sold"]).dt.month / 4
    + RANDOM.normal(scale=0.3, size=ROWS)
).rename("price")

CONFIG = """
[data]
source = "diamonds.csv"
target = "price"
features = ["carat", "cut", "certified", {{ name = "sold", kind = "time", parts = ["month", "weekday"] }}]
[training]
repeats = 1
folds = 2
candidates = [{{ estimator = "sklearn.ensemble.HistGradientBoostingRegressor", grid = {{ max_iter = [{rounds}] }} }}]
[gate]
max_r2 = 1.0
max_slice_ratio = 9.0
"""


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def instances(frame):
    """Rows as a caller sends them: null for a missing cell."""
    return [
        {name: None if pd.isna(cell) else cell for name, cell in row.items()}
        for row in json.loads(frame.to_json(orient="records", double_precision=15))
    ]


def strange(frame):
    """Rows with a level that training never saw, and with each cell missing in turn."""
    rows = [frame.iloc[[0]].assign(cut="never seen")]
    rows += [frame.iloc[[1]].astype(object).assign(**{name: None}) for name in ("carat", "cut")]
    return pd.concat([frame.astype(object), *rows], ignore_index=True)


def test_a_file_of_mixed_columns_is_trained_on_and_answered_as_the_estimator_answers(
    bucket, serve, tmp_path, monkeypatch
):
    fitted = []

    def fit(trial, table, y, **options):
        fitted.append((candidates.fit(trial, table, y, **options), options["features"], trial))
        return fitted[-1][0]

    monkeypatch.setattr(train, "fit", fit)
    FRAME.assign(price=PRICE).to_csv(tmp_path / "diamonds.csv", index=False)
    (tmp_path / "diamonds.toml").write_text(CONFIG.format(rounds=30))
    options = ["--config", str(tmp_path / "diamonds.toml")]
    assert main(["train", *options]) == 0
    assert main(["promote", *options]) == 0

    sent = instances(strange(FRAME[:20]))
    answer = serve("batch").post({"instances": sent}).json()

    (estimator, features, trial), *_ = fitted
    assert [feature.kind for feature in features] == ["number", "category", "boolean", "time"]
    columns = pd.DataFrame(sent)
    sold = pd.to_datetime(columns["sold"])
    asked = pd.DataFrame(
        {
            "carat": columns["carat"].astype(float),
            "cut": columns["cut"].astype(object).where(columns["cut"].notna(), np.nan),
            "certified": columns["certified"].astype(float),
            "sold.month": sold.dt.month.astype(float),
            "sold.weekday": sold.dt.day_of_week.astype(float),
        }
    )
    assert trial.columns(features) == list(asked.columns)
    assert answer["predictions"] == pytest.approx(estimator.predict(asked).tolist(), rel=1e-9)
    assert any("cut" in warning["detail"] for warning in answer["warnings"])


@pytest.mark.parametrize("rounds", [pytest.param(30, id="arrays-inside"), pytest.param(450, id="arrays-beside")])
def test_a_pipeline_from_a_notebook_is_published_and_answered_as_it_answers(bucket, serve, rounds):
    steps = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["cut"]), remainder="passthrough"
    )
    x = FRAME.drop(columns=["sold"])
    boosting = HistGradientBoostingRegressor(max_iter=rounds, min_samples_leaf=2, random_state=0)
    pipeline = make_pipeline(steps, boosting).fit(x[:300], PRICE[:300])

    made = offline.publish(pipeline, x[300:], PRICE[300:], name="diamonds", training=(x[:300], PRICE[:300]))

    assert made.document["blessed"], [check for check in made.document["gate"] if not check["passed"]]
    beside = bucket.get_blob(model_name("diamonds", 1))
    assert (beside is not None) == (rounds == 450) == ("files" in made.document)
    main(["promote", "--model", "diamonds"])
    stream = serve("stream", MODEL_NAME="diamonds")
    rows = strange(x[300:310])
    answers = [stream.post({"instance": row}, "/stream").json()["prediction"] for row in instances(rows)]
    asked = rows.astype({"carat": float, "certified": bool})
    asked["cut"] = asked["cut"].where(asked["cut"].notna(), np.nan)
    assert answers == pytest.approx(pipeline.predict(asked).tolist(), rel=1e-9)
