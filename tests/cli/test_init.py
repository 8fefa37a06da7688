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
            "gone",
            "--target must be a column of numbers or classes, and no cell of 'gone' is one\n"
            "error few-targets 'gone': must be there in half of the rows or more, found none in 400 rows of 400"
            " (row 0: null; row 1: null; row 2: null; row 3: null; row 4: null; …): look for a join that failed; if"
            " these rows are meant to have none, remove them from the file\n",
            id="empty",
        ),
    ],
)
def test_a_target_that_cannot_be_predicted_is_refused(run, orders, folder, target, message):
    code, _, said = run("init", orders(gone=""), "--target", target)

    assert (code, said, (folder / "orders.toml").exists()) == (2, message, False)


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        pytest.param("none.csv", 1, "FOLDER/none.csv does not exist\n", id="absent"),
        pytest.param("empty.csv", 3, "empty.csv must hold rows below its first line, found none\n", id="no-rows"),
        pytest.param("nothing.csv", 3, "nothing.csv must hold rows, found an empty file\n", id="empty"),
        pytest.param("blank.jsonl", 3, "blank.jsonl must hold rows, found an empty file\n", id="blank-lines"),
    ],
)
def test_a_file_without_rows_makes_no_configuration(run, folder, name, code, message):
    (folder / "empty.csv").write_text("a,y\n")
    (folder / "nothing.csv").write_text("")
    (folder / "blank.jsonl").write_text("\ufeff\n \n")

    ended, _, said = run("init", name, "--target", "y")

    assert (ended, said.replace(str(folder), "FOLDER")) == (code, message)
    assert sorted(path.name for path in folder.iterdir()) == ["blank.jsonl", "empty.csv", "nothing.csv"]


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


@pytest.mark.parametrize(
    ("cells", "found", "advice"),
    [
        pytest.param(
            [f"1,{row:03}" for row in range(ROWS)],
            'must be a number, 400 cells are not (row 0: "1,000"; row 1: "1,001"; row 2: "1,002"; row 3: "1,003"; '
            'row 4: "1,004"; …)',
            "write numbers without separators of thousands: 1000 for 1,000",
            id="thousands",
        ),
        pytest.param(
            ["n/a", "high", *["2,50"] * (ROWS - 2)],
            'must be a number, 400 cells are not (row 0: "n/a"; row 1: "high"; row 2: "2,50"; row 3: "2,50"; '
            'row 4: "2,50"; …)',
            '"n/a" (row 0): if these stand for missing cells, say so: missing = ["n/a"] in [data]; '
            '"high" (row 1): write plain numbers with a decimal point, or remove these rows; '
            '"2,50" (row 2) and 397 more: write decimal points in place of decimal commas',
            id="commas-beside-words",
        ),
        pytest.param(
            [f"{row + 1} CHF" for row in range(ROWS)],
            'must be a number, 400 cells are not (row 0: "1 CHF"; row 1: "2 CHF"; row 2: "3 CHF"; row 3: "4 CHF"; '
            'row 4: "5 CHF"; …)',
            "write the number alone, without sign or unit",
            id="unit",
        ),
    ],
)
def test_a_target_that_is_nearly_numbers_is_told_by_rows_with_what_would_help(
    run, orders, folder, cells, found, advice
):
    code, _, said = run("init", orders(price=cells), "--target", "price")

    assert (code, (folder / "orders.toml").exists()) == (2, False)
    assert said == (
        "--target must be a column of numbers or classes, and no cell of 'price' is one\n"
        f"error not-numeric 'price': {found}: {advice}\n"
    )


def test_a_target_of_names_with_digits_is_not_taken_for_numbers(run, orders, folder):
    code, _, _ = run("init", orders(price=[f"{row % 3}{'abc'[row % 3]}" for row in range(ROWS)]), "--target", "price")

    assert (code, 'task = "classification"' in (folder / "orders.toml").read_text()) == (0, True)


@pytest.mark.parametrize(
    ("cells", "lines"),
    [
        pytest.param(
            ["on time", "on time", "late", "n/a"],
            [
                'missing = ["n/a"]  # these stand among numbers, and for a missing cell',
                'task = "classification"',
                'positive = "late"  # AUC, recall and a threshold are about it; the rarer class unless named',
            ],
            id="texts",
        ),
        pytest.param(
            ["true", "false", "FALSE", ""],
            [
                'task = "classification"',
                "positive = true  # AUC, recall and a threshold are about it; the rarer class unless named",
            ],
            id="booleans",
        ),
        pytest.param(["a", "b", "c", "d"], ['task = "classification"'], id="four-classes"),
        pytest.param(["1", "2", "3", "4.5"], ['task = "regression"'], id="numbers"),
        pytest.param(
            ["1", "2", "3", "3"],
            ['task = "regression"  # "classification" where the few whole numbers are names or grades'],
            id="grades",
        ),
    ],
)
def test_the_target_s_kind_decides_the_task(run, orders, folder, cells, lines):
    code, _, _ = run("init", orders(price=cells * (ROWS // 4)), "--target", "price")

    written = (folder / "orders.toml").read_text().splitlines()
    assert code == 0
    assert [line for line in written if line.startswith(("missing", "task", "positive"))] == lines
    assert run("validate", "--config", "orders.toml")[0] == 0


def test_rows_without_a_target_are_left_out_and_said(run, orders, folder):
    price = ORDERS["price"].astype(str).mask(ORDERS.index == 3, "n/a").mask(ORDERS.index == 7, "")

    code, printed, said = run("init", orders(price=price), "--target", "price")

    assert code == 0
    assert printed.startswith("orders.toml: 398 rows of orders.csv")
    assert (
        "warning no-target 'price': should be there in every row, found none in 2 rows of 400, which are left out "
        "(row 3: null; row 7: null): nothing can be learnt of them; fill the cells in where the outcome is known\n"
    ) in said
    code, printed, _ = run("validate", "--config", "orders.toml", "--json")
    report = json.loads(printed)
    assert (code, report["rows"], report["rows_without_target"]) == (0, 398, 2)
    assert "400 rows read, 2 without a target left out, " in run("validate", "--config", "orders.toml")[1]


def test_rows_are_numbered_as_in_the_file_behind_one_without_a_target(run, orders):
    price = ORDERS["price"].mask(ORDERS.index == 0)
    run("init", orders(price=price, size=ORDERS["size"].mask(ORDERS.index == 9, 1e6)), "--target", "price")

    code, printed, _ = run("validate", "--config", "orders.toml")

    assert (code, "found row 9 far outside: size 1000000" in printed) == (0, True)


def test_a_target_that_most_rows_lack_is_an_error(run, orders):
    run("init", orders(price=ORDERS["price"].where(ORDERS.index % 2 == 0)), "--target", "price")
    assert run("validate", "--config", "orders.toml")[0] == 0

    orders(price=ORDERS["price"].where(ORDERS.index % 2 == 0).mask(ORDERS.index == 0))
    code, printed, _ = run("validate", "--config", "orders.toml")

    assert code == 3
    assert "must be there in half of the rows or more, found none in 201 rows of 400" in printed


@pytest.mark.parametrize(
    ("dates", "told"),
    [
        pytest.param("%m/%d/%Y", "found dates as texts, the month first: ", id="month-first"),
        pytest.param("%d.%m.%Y", "found dates as texts, the day first: ", id="day-first"),
        pytest.param("%m/%m/%Y", "found dates as texts, in which day and month may be either: ", id="either"),
    ],
)
def test_dates_of_another_order_are_doubted_by_name(run, orders, dates, told):
    sold = (pd.Timestamp("2024-01-01") + pd.to_timedelta(ORDERS.index % 60, "D")).strftime(dates)

    code, _, said = run("init", orders(sold=sold), "--target", "price")

    (line,) = [line for line in said.splitlines() if "'sold'" in line]
    assert (code, told in line) == (0, True)
    assert line.endswith("write dates as ISO 8601 (2026-11-26): the column is a time then")


def test_dates_with_the_year_first_are_times(run, orders):
    run("init", orders(sold=ORDERS["sold"].dt.strftime("%Y/%m/%d")), "--target", "price")

    assert run("validate", "--config", "orders.toml")[0] == 0
    kinds = json.loads(run("init", "orders.csv", "--target", "price", "--output", "b.toml", "--json")[1])["kinds"]
    assert kinds["sold"] == "time"


def test_the_commands_that_are_next_name_the_configuration_and_the_model(run, folder):
    ORDERS.to_csv(folder / "My Orders.csv", index=False)

    assert run("init", "My Orders.csv", "--target", "price")[2].splitlines()[-2:] == [
        "look it through, then `python -m model validate --config 'My Orders.toml' --model my-orders`",
        (
            "once MODEL_BUCKET is set (for a local run: `. .local/env`), `python -m model train "
            "--config 'My Orders.toml' --model my-orders` trains model my-orders"
        ),
    ]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_texts_declared_as_numbers_are_advised_to_be_categories_also_beside_empty_cells(run, folder, ending):
    rows = ORDERS.assign(town=ORDERS["town"].where(ORDERS.index % 5 > 0))
    getattr(rows, f"to_{ending}")(folder / f"orders.{ending}", index=False)
    (folder / "orders.toml").write_text(
        f'[data]\nsource = "orders.{ending}"\ntarget = "price"\nfeatures = ["size", {{ name = "town", kind = "number" }}]\n'
    )

    code, printed, _ = run("validate", "--config", "orders.toml", "--json")

    (finding,) = [entry for entry in json.loads(printed)["findings"] if entry["severity"] == "error"]
    assert (code, finding["column"]) == (3, "town")
    assert finding["fix"] == 'the column holds texts: say kind = "category" in data.features, or take it out there'


def test_whole_numbers_of_classes_carry_the_remedy_and_none_stands_apart(run, orders, folder):
    grades = np.array([0, 1, 2, 9])[np.arange(ROWS) % 4]

    _, _, said = run("init", orders(price=grades), "--target", "price")

    assert "repeated-extreme" not in said
    (comment,) = [line for line in (folder / "orders.toml").read_text().splitlines() if "whole-target" in line]
    assert comment == (
        "# whole-target: should be an amount, found 4 whole numbers: 0, 1, 2, 9; "
        'say task = "classification" in [training] where they are names or grades'
    )


def test_a_feature_of_the_configuration_that_is_nearly_a_column_is_named(run, orders, folder):
    (folder / "orders.toml").write_text(
        f'[data]\nsource = "{orders()}"\ntarget = "price"\nfeatures = ["siez", "zzz"]\n'
    )

    code, printed, _ = run("validate", "--config", "orders.toml")

    assert code == 3
    assert "must be there once, found 0; there is 'size' " in printed
    assert printed.count("name the column in orders.toml as the file does, or add it to the data") == 2
    assert "must be there once, found 0; there are id, size, rooms, town, new, sold, note, country, price " in printed
