"""Held-out rows, through the verb that trains: the newest ones where time orders them, and for good the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from model.cli.main import main

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def train(bucket, quick, capsys, tmp_path):
    """Train a line on a file of columns *names* and *target*; gives the version's manifest."""

    def train(cells, names, target, *, split='"rows"', holdout=0.2):
        (tmp_path / "rows.csv").write_text(
            "\n".join([",".join(cells), *map(",".join, zip(*cells.values(), strict=True)), ""])
        )
        (tmp_path / "config.toml").write_text(
            f"""
            [data]
            source = {json.dumps(str(tmp_path / "rows.csv"))}
            target = {json.dumps(target)}
            holdout = {holdout}
            split = {split}
            features = [{", ".join(f"{{ name = {json.dumps(name)} }}" for name in names)}]
            [training]
            seed = 1
            folds = 2
            repeats = 1
            candidates = [{{ estimator = "sklearn.linear_model.LinearRegression" }}]
            [gate]
            min_rows = 2
            min_holdout_rows = 2
            """
        )
        code = main(["train", "--json", "--config", str(tmp_path / "config.toml")])
        output, said = capsys.readouterr()
        assert code in {0, 3}, said
        return json.loads(output)

    return train


def texts(values):
    return [repr(float(value)) for value in values]


def scores(actual, predicted):
    """The metrics of the textbook."""
    errors = predicted - actual
    return {
        "r2": 1 - (errors**2).sum() / ((actual - actual.mean()) ** 2).sum(),
        "rmse": np.sqrt((errors**2).mean()),
        "mae": np.abs(errors).mean(),
        "bias": errors.mean(),
    }


def test_a_random_walk_is_judged_by_its_future(train):
    """A cubic through days that are past runs off; between days that it was trained on it looks like a good model.

    The file holds the days in no order. Its figures are those of a line that is fitted here to the older rows.
    """
    count, source = 400, np.random.default_rng(1)
    walk = source.normal(size=count).cumsum()
    age = np.arange(count) / count
    x = np.column_stack([age, age**2, age**3])
    order = source.permutation(count)
    cells = {
        "at": [(FIRST_DAY + timedelta(days=int(day))).isoformat() for day in order],
        **{name: texts(x[order, place]) for place, name in enumerate("abc")},
        "walk": texts(walk[order]),
    }

    by_time = train(cells, "abc", "walk", split='{ time = "at" }')
    by_rows = train(cells, "abc", "walk")

    old, new = slice(0, 320), slice(320, count)
    design = np.column_stack([x, np.ones(count)])
    predicted = design[new] @ np.linalg.lstsq(design[old], walk[old], rcond=None)[0]
    expected = scores(walk[new], predicted)
    found = {name: by_time["metrics"][name]["value"] for name in expected}
    assert by_time["data"]["split"] == {"time": "at", "from": (FIRST_DAY + timedelta(days=320)).timestamp()}
    assert (by_time["data"]["rows"], by_time["data"]["holdout_rows"]) == (400, 80)
    assert found == pytest.approx(expected, rel=1e-6)
    assert (by_time["features"][0]["maximum"], by_time["features"][0]["minimum"]) == (319 / count, 0)
    assert found["r2"] < 0
    assert by_rows["metrics"]["r2"]["value"] > 0.7


def test_appended_rows_move_no_row(train):
    """Each row has a power of 2 in a column, so that the mean of the training rows tells which ones they are."""

    def trained(count):
        cells = {
            "mark": texts(2.0 ** np.arange(count)),
            "z": texts(np.arange(count) % 7),
            "y": texts(np.arange(count) % 5),
        }
        manifest = train(cells, ["mark", "z"], "y", holdout=0.3)
        rows = manifest["data"]["rows"] - manifest["data"]["holdout_rows"]
        marks = round(manifest["features"][0]["mean"] * rows)
        places = [place for place in range(count) if marks >> place & 1]
        assert len(places) == rows
        return places

    before, after = trained(30), trained(45)

    assert [place for place in after if place < 30] == before
    assert len(after) > len(before)


def test_of_ratings_the_share_that_was_asked_for_is_held_out_and_the_bias_is_no_more_than_chance(train):
    """A version of 20,000 rows of four features of 0 and 1, and a rating from 1 to 5."""
    count, source = 20_000, np.random.default_rng(3)
    x = source.integers(0, 2, size=(count, 4))
    rating = np.clip(1 + x.sum(axis=1) + source.integers(-1, 2, size=count), 1, 5)
    cells = {**{name: texts(x[:, place]) for place, name in enumerate("abcd")}, "rating": texts(rating)}

    manifest = train(cells, "abcd", "rating", holdout=0.1)

    bias = manifest["metrics"]["bias"]
    assert manifest["data"]["holdout_rows"] == pytest.approx(2_000, abs=3 * np.sqrt(count * 0.1 * 0.9))
    assert bias["low"] < 0 < bias["high"]
