"""Importance on pages and in tables: the largest first, bars that end, and what is missing is named."""

from __future__ import annotations

import json

import pytest

from model.cli.tables import importance as table
from model.reports.importance_bars import MOST_SHOWN, importance_bars
from model.reports.page import template
from tests.support.pages import HOSTILE, Page, world
from tests.support.parts import ROOT


def growth(feature, value, low=None, high=None, repeats=5):
    return {"feature": feature, "value": value, "low": low, "high": high, "repeats": repeats}


def manifest(*growths, **members):
    found = {"loss": "log_loss", "rows": 80, "repeats": 5, "seconds": 30.0, "features": list(growths), **members}
    return {"features": [{"name": each["feature"]} for each in growths], "importance": found}


def page(document):
    return Page(str(template("importance.html").module.section(importance_bars(document))))


def test_the_largest_growth_stands_first_and_no_bar_is_longer_than_the_place_for_it():
    document = manifest(growth("idle", -0.1, -0.3, 0.0), growth("b", 1.0, 0.5, 2.0), growth("a", 4.0, 3.0, 5.0))

    bars = importance_bars(document)["bars"]

    assert [(bar["feature"], bar["width"], bar["start"], bar["length"]) for bar in bars] == [
        ("a", 80.0, 60.0, 40.0),
        ("b", 20.0, 10.0, 30.0),
        ("idle", 0.0, 0.0, 0.0),
    ]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param(
            manifest(growth("a", 1.0, 0.5, 2.0), growth(HOSTILE, None, repeats=0)),
            f"Without a figure, since 30 seconds did not suffice or the model did not answer: {HOSTILE}.",
            id="a-feature-is-missing",
        ),
        pytest.param(
            manifest(growth("a", 1.0, 0.5, 2.0, repeats=3)), "some features were shuffled 3 times.", id="fewer-shuffles"
        ),
        pytest.param(
            manifest(growth("a", None, repeats=0), seconds=0.0),
            "No feature was shuffled: the configuration gives no time for it.",
            id="none-wanted",
        ),
        pytest.param(
            manifest(growth("a", 1.0, 0.5, 2.0)), "log loss grows by low high a 1 0.5 2 How much the log loss", id="whole"
        ),
        pytest.param(
            {"features": [{"name": "a"}], "importance": [2.5]},
            "rmse grows by low high a 2.5 – – How much the rmse grows when a feature's cells are shuffled among held-out",
            id="of-a-version-made-before",
        ),
    ],
)  # fmt: skip
def test_the_section_says_what_was_measured_and_what_was_not(document, words):
    assert words in page(document).text
    assert "img" not in page(document).elements


def test_features_beyond_the_first_are_folded_away():
    found = page(manifest(*(growth(f"f{number}", number / 10, 0.0, 9.0) for number in range(MOST_SHOWN + 3))))

    assert "details" in found.elements
    assert "3 more features" in found.text


def test_without_any_figure_there_is_no_section():
    assert importance_bars({"features": [{"name": "a"}]}) is None


def test_the_table_of_show_has_the_features_without_a_figure_last():
    shown = table(manifest(growth("late", None, repeats=0), growth("small", 0.1), growth("large", 3.0)))

    assert list(shown.columns[0].cells) == ["large", "small", "late"]
    assert list(shown.columns[1].cells) == ["3", "0.1", "-"]
    assert shown.columns[1].header == "log loss grows by"


def test_every_version_says_how_much_each_feature_counts(train, model, card):
    made = train(world())

    a, b = made["importance"]["features"]
    assert (made["importance"]["loss"], made["importance"]["rows"]) == ("rmse", made["data"]["holdout_rows"])
    assert a["value"] > b["value"] > b["low"] > 0
    assert "rmse grows by" in model("show", "1")[1]
    assert "Importance of features" in Page(card()).text


def test_a_training_without_enough_time_names_the_features_and_the_setting(model, quick, tmp_path):
    shipped = (ROOT / "model" / "config.toml").read_text()
    (tmp_path / "short.toml").write_text(shipped.replace("importance_seconds = 30.0", "importance_seconds = 1e-9"))

    _, output, said = model("train", "--json", "--config", str(tmp_path / "short.toml"))

    assert json.loads(output)["importance"]["features"] == [growth("bmi", None, repeats=0)]
    assert (
        "1e-09 seconds did not suffice for the importance of features: 1 of 1 features were not shuffled (bmi);"
        " `[training] importance_seconds` is that time"
    ) in said
