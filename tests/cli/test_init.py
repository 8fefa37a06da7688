"""`init` writes a configuration that is accepted as it is, and says what it doubts; nothing is overwritten."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from model import config
from model.cli.main import main

RNG = np.random.default_rng(3)
ROWS = 400
ORDERS = pd.DataFrame({
    "id": np.arange(ROWS) + 1000,
    "size": RNG.normal(50, 10, ROWS),
    "rooms": RNG.integers(1, 6, ROWS),
    "town": RNG.choice(["Bern", "Chur"], ROWS),
    "new": RNG.choice([True, False], ROWS),
    "sold": pd.Timestamp("2024-01-01") + pd.to_timedelta(RNG.integers(0, 400, ROWS), "D"),
    "note": [f"note {row}" for row in range(ROWS)],
    "country": "CH",
    "price": RNG.normal(100, 10, ROWS),
})  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder that the verb runs in, without a bucket."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MODEL_BUCKET", raising=False)
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    """Run a verb; gives its exit code and what it printed."""

    def run(*arguments):
        code = main(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def orders(folder):
    """Write the orders, some cells changed, as CSV."""

    def orders(**columns):
        ORDERS.assign(**columns).to_csv(folder / "orders.csv", index=False)
        return "orders.csv"

    return orders


def test_a_configuration_that_is_there_is_not_overwritten(run, orders, folder):
    (folder / "orders.toml").write_text("mine")

    code, _, said = run("init", orders(), "--target", "price")

    assert (code, said) == (2, "orders.toml is there already: name another file with --output, or remove it\n")
    assert (folder / "orders.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param(
            "Pric", "--target must be a column of orders.csv, got 'Pric'; there is 'price'\n", id="another-spelling"
        ),
        pytest.param(
            "town",
            "--target must be a column of numbers, found \"Bern\" in 'town': classes cannot be predicted yet\n",
            id="texts",
        ),
    ],
)
def test_a_target_that_cannot_be_predicted_is_refused(run, orders, folder, target, message):
    code, _, said = run("init", orders(town="Bern"), "--target", target)

    assert (code, said, (folder / "orders.toml").exists()) == (2, message, False)


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        pytest.param("none.csv", 1, "FOLDER/none.csv does not exist\n", id="absent"),
        pytest.param("empty.csv", 3, "empty.csv must hold rows below its first line, found none\n", id="no-rows"),
    ],
)
def test_a_file_without_rows_makes_no_configuration(run, folder, name, code, message):
    (folder / "empty.csv").write_text("a,y\n")

    ended, _, said = run("init", name, "--target", "y")

    assert (ended, said.replace(str(folder), "FOLDER")) == (code, message)
    assert sorted(path.name for path in folder.iterdir()) == ["empty.csv"]


def test_a_file_of_which_nothing_can_be_learnt_makes_no_configuration(run, folder):
    ORDERS[["id", "country", "price"]].to_csv(folder / "orders.csv", index=False)

    code, _, said = run("init", "orders.csv", "--target", "price")

    assert (code, (folder / "orders.toml").exists()) == (3, False)
    assert said == (
        "orders.csv must hold a column to learn 'price' from, found none: 'id' counts the rows; "
        "'country' constant-feature: must vary, found \"CH\" in every row\n"
    )


def test_what_is_written_names_every_feature_with_its_kind_and_leaves_out_what_teaches_nothing(run, orders, folder):
    code, printed, _ = run("init", orders(), "--target", "price", "--json")

    assert code == 0
    written = json.loads(printed)
    assert written["kinds"] == {
        "size": "number",
        "rooms": "number",
        "town": "category",
        "new": "boolean",
        "sold": "time",
    }
    assert list(written["left_out"]) == ["id", "note", "country"]
    settings = config.read(folder / "orders.toml")
    assert [(feature.name, feature.kind, feature.parts) for feature in settings.data.features or []] == [
        ("size", "number", None),
        ("rooms", "number", None),
        ("town", "category", None),
        ("new", "boolean", None),
        ("sold", "time", ["epoch_days", "month", "weekday"]),
    ]
    assert (settings.data.source, settings.data.target) == (str(folder / "orders.csv"), "price")


def test_what_is_written_is_accepted_as_it_is(run, orders):
    run("init", orders(), "--target", "price")

    code, printed, said = run("validate", "--config", "orders.toml")

    assert (code, said) == (0, "")
    assert printed.startswith(f"orders.csv: {ROWS} rows read, ")


def test_doubts_stand_beside_their_feature_as_comments(run, orders, folder):
    size = ORDERS["size"].where(ORDERS.index % 10 > 0)
    run("init", orders(town=np.where(ORDERS.index < 3, "bern", ORDERS["town"]), size=size), "--target", "price")

    text = (folder / "orders.toml").read_text()

    assert '  # similar-levels: should differ in more than case and blanks, found "Bern"' in text
    assert '# 1 to 5, 5 whole numbers: if they are names, kind = "category"' in text
    assert "40 missing" in text
    assert '# split = { time = "sold" }' in text
    assert '# { name = "id", kind = "number" },  # left out, counts the rows' in text


def test_words_for_a_missing_cell_among_numbers_are_named(run, orders, folder):
    size = ORDERS["size"].astype(str).where(ORDERS.index % 10 > 0, "NA")
    run("init", orders(size=size), "--target", "price")

    settings = config.read(folder / "orders.toml")

    assert settings.data.missing == ["NA"]
    assert run("validate", "--config", "orders.toml")[0] == 0


def test_names_and_levels_of_any_characters_are_written_as_toml(run, orders, folder):
    strange = 'a "b"\\ é\x7f\t#'
    ORDERS.assign(**{strange: RNG.choice(["x\x7f\n", 'y"'], ROWS)}).to_csv(folder / "orders.csv", index=False)

    assert run("init", "orders.csv", "--target", "price")[0] == 0

    assert strange in [feature.name for feature in config.read(folder / "orders.toml").data.features or []]


def test_a_source_is_named_as_seen_from_the_configuration(run, orders, folder):
    (folder / "made").mkdir()

    run("init", orders(), "--target", "price", "--output", "made/first.toml")

    assert 'source = "../orders.csv"' in (folder / "made" / "first.toml").read_text()
    assert run("validate", "--config", "made/first.toml")[0] == 0
