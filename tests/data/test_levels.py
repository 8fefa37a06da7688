"""Categories and missing cells are validated like numbers: with counts, names of levels, and what would help."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from functions.columns.schema import Feature
from functions.columns.table import Table
from model.data.cells import Flaw
from model.data.findings import Example
from model.data.validation import Limits, check, comparable

ROWS = 300
RNG = np.random.default_rng(4)
TOWN = RNG.choice(["Bern", "Chur", "Genf"], ROWS).astype(object)
SIZE = RNG.normal(50, 10, ROWS)
Y = SIZE + RNG.normal(size=ROWS)
HELD = np.arange(ROWS) % 5 == 0
LIMITS = Limits(training_rows=5, rows=200, holdout_rows=50, rows_per_feature=10, warn=0.1, alert=0.3)


def found(town=TOWN, size=SIZE, *, kinds=("category", "number"), redact=False, flaws=(), production=None, more=()):
    """Code, column, count and words of what is wrong with the rows (town, size, …) → y."""
    features = [Feature("town", kind=kinds[0], redact=redact), Feature("size", kind=kinds[1])]
    features += [Feature(f"more{number}", kind="category") for number in range(len(more))]
    findings = check(
        Table([town, size, *more]), Y, HELD, features=features, target="y", flaws=flaws, limits=LIMITS,
        production=production,
    )  # fmt: skip
    return [(finding.code, finding.where, finding.count, finding.found) for finding in findings]


def replaced(cells, **rows):
    """*cells* with others in some rows: r3="x" is row 3."""
    made = cells.copy()
    for row, cell in rows.items():
        made[int(row[1:])] = cell
    return made


def where(cells, mask, other):
    return np.where(mask, np.array(other, cells.dtype), cells)


def test_nothing_is_wrong_with_good_levels():
    assert found() == []


NAMES = np.array([f"n{row:04}" for row in range(ROWS)], object)
EVERY_TENTH = np.arange(ROWS) % 10 == 0
LOUD = sum(town == "Bern" for town in TOWN[::10].tolist())
PLAIN = TOWN.tolist().count("Bern") - LOUD


@pytest.mark.parametrize(
    ("town", "finding"),
    [
        pytest.param(
            NAMES,
            (
                "identifier",
                "town",
                300,
                (
                    "should tell groups of rows apart, found 300 levels in 300 cells: "
                    '"n0000", "n0001", "n0002", "n0003", "n0004", …'
                ),
            ),
            id="identifier",
        ),
        pytest.param(
            np.full(ROWS, "Bern", object),
            ("constant-feature", "town", 300, 'must vary, found "Bern" in every row'),
            id="constant",
        ),
        pytest.param(
            where(np.full(ROWS, "Bern", object), EVERY_TENTH, None),
            ("near-constant", "town", 270, 'should vary, found "Bern" wherever it is not empty'),
            id="one-level-or-none",
        ),
        pytest.param(
            replaced(np.full(ROWS, "Bern", object), **{f"r{row}": "Chur" for row in range(0, 60, 10)}),
            ("near-constant", "town", 294, 'should vary, found "Bern" in 294 of 300 rows'),
            id="nearly-constant",
        ),
        pytest.param(
            replaced(TOWN, r1="Thun", r2="Thun", r3="Olten"),
            (
                "rare-levels",
                "town",
                2,
                'should each stand in 5 rows, found fewer for 2 levels: "Olten" (1), "Thun" (2)',
            ),
            id="rare",
        ),
        pytest.param(
            where(TOWN, (TOWN == "Bern") & EVERY_TENTH, " BERN"),
            (
                "similar-levels",
                "town",
                2,
                f'should differ in more than case and blanks, found "Bern" ({PLAIN}), " BERN" ({LOUD})',
            ),
            id="similar",
        ),
        pytest.param(
            where(TOWN, EVERY_TENTH, "N/A"),
            ("missing-as-text", "town", 30, 'should be empty where a cell is missing, found "N/A" (30)'),
            id="missing-as-text",
        ),
        pytest.param(
            where(TOWN, np.arange(ROWS) % 3 > 0, None),
            ("many-missing", "town", 200, "should hold values, found none in 200 rows of 300"),
            id="mostly-missing",
        ),
        pytest.param(
            np.full(ROWS, None, object),
            ("empty-column", "town", 300, "must hold values, found none in 300 rows"),
            id="empty",
        ),
        pytest.param(
            where(TOWN, ~HELD, None),
            ("empty-column", "town", 240, "must hold values, found none in 240 rows that are trained on"),
            id="empty-in-training",
        ),
    ],
)
def test_a_category_s_fault_is_named_with_its_levels(town, finding):
    assert finding in found(town)


def test_too_many_levels_are_an_error():
    rows = 1_200
    names = np.array([f"n{row % 1_001:04}" for row in range(rows)], object)
    size = RNG.normal(size=rows)
    findings = check(
        Table([names, size]),
        size + RNG.normal(size=rows),
        np.arange(rows) % 5 == 0,
        features=[Feature("name", kind="category"), Feature("size")],
        target="y",
        flaws=[],
        limits=LIMITS,
    )

    (many,) = [finding for finding in findings if finding.where == "name"]
    assert (many.severity, many.code, many.count) == ("error", "too-many-levels", 1_001)
    assert many.found.startswith("must hold at most 1000 levels, found 1001 in 1200 cells: ")


def test_two_categories_that_tell_the_same_are_copies():
    codes = np.array([{"Bern": 3, "Chur": 7, "Genf": 1}[town] for town in TOWN], object)

    copies = [finding for finding in found(more=[codes, replaced(codes, r0=2)]) if finding[0] == "feature-copied"]

    words = "should say something of its own, found each level beside the same one of town"
    assert copies == [("feature-copied", "more0", 1, words)]


@pytest.mark.parametrize(
    "town",
    [
        pytest.param(replaced(TOWN, r1="secret"), id="rare"),
        pytest.param(where(TOWN, EVERY_TENTH, "n/a"), id="missing-as-text"),
        pytest.param(where(TOWN, (TOWN == "Bern") & EVERY_TENTH, "BERN"), id="similar"),
        pytest.param(np.array([f"secret{row}" for row in range(ROWS)], object), id="identifier"),
    ],
)
def test_levels_of_a_redacted_feature_are_counted_and_not_shown(town):
    findings = found(town, redact=True)

    assert findings
    assert not [words for *_, words in findings if '"' in words or "secret" in words]


def test_equal_rows_with_missing_cells_are_copies():
    town, size, y = replaced(TOWN, r7=None, r9=None), replaced(SIZE, r7=np.nan, r9=np.nan), replaced(Y, r9=Y[7])
    findings = check(
        Table([town, size]), y, HELD, features=[Feature("town", kind="category"), Feature("size")], target="y",
        flaws=[], limits=LIMITS,
    )  # fmt: skip

    (finding,) = findings
    assert (finding.code, finding.examples) == ("duplicated-row", (Example(9, "equals row 7"),))


@pytest.mark.parametrize(
    ("kind", "size", "words"),
    [
        pytest.param("boolean", np.ones(ROWS), "must vary, found true in every row", id="boolean"),
        pytest.param("time", np.full(ROWS, 86_400.0), "must vary, found 1970-01-02 in every row", id="date"),
        pytest.param(
            "time", np.full(ROWS, 1.5), "must vary, found 1970-01-01T00:00:01.500000Z in every row", id="time"
        ),
    ],
)
def test_a_constant_is_written_as_its_kind_is(kind, size, words):
    assert found(size=size, kinds=("category", kind)) == [("constant-feature", "size", ROWS, words)]


def test_times_are_no_outliers_and_have_no_scale():
    moments = 1.7e9 + np.arange(ROWS) * 1e-3
    moments[5] = -1e10

    assert found(size=moments, kinds=("category", "time")) == []


@pytest.mark.parametrize(
    ("flaw", "advice"),
    [
        pytest.param(
            Flaw("not-numeric", "size", "must be a number", 2, [Example(0, '"NA"'), Example(1, '"n/a"')]),
            'if these stand for missing cells, say so: missing = ["NA", "n/a"] in [data]',
            id="missing-cells",
        ),
        pytest.param(
            Flaw("not-numeric", "y", "must be a number", ROWS, [Example(0, '"late"')]),
            'say task = "classification" in [training] where it holds classes, or name a column of numbers',
            id="classes-as-texts",
        ),
        pytest.param(
            Flaw("wrong-type", "y", "must be a column of numbers", 1, [Example(None, "bool")]),
            'say task = "classification" in [training] where it holds classes, or name a column of numbers',
            id="booleans",
        ),
    ],
)
def test_the_remedy_fits_what_stands_in_the_cells(flaw, advice):
    findings = check(
        Table([TOWN, SIZE]), Y, HELD, features=[Feature("town", kind="category"), Feature("size")], target="y",
        flaws=[flaw], limits=LIMITS,
    )  # fmt: skip

    assert findings[0].advice == advice


# Against production


def trained_on(town=None, size=None, **town_changes):
    """A manifest of a production with half Bern, half Chur, and sizes like these."""
    return {
        "version": 3,
        "features": [
            {"name": "town", "kind": "category", "levels": ["Bern", "Chur", "Genf"], "shares": [1 / 3] * 3}
            | (town or {})
            | town_changes,
            {
                "name": "size",
                "minimum": 10.0,
                "maximum": 90.0,
                "mean": 50.0,
                "std": 10.0,
                "quantiles": np.quantile(SIZE, np.linspace(0, 1, 11)).tolist(),
            }
            | (size or {}),
        ],
        "data": {"rows": 2_100, "holdout_rows": 100},
    }


def test_rows_like_production_s_have_not_moved():
    assert found(production=trained_on()) == []


@pytest.mark.parametrize(
    ("town", "size", "production", "findings"),
    [
        pytest.param(
            TOWN,
            SIZE,
            trained_on(levels=["Bern", "Chur", "Genf", "Thun"], shares=[0.3, 0.3, 0.3, 0.1]),
            [
                (
                    "levels-changed",
                    "town",
                    1,
                    'should have the levels of production\'s training rows, found none of "Thun"',
                )
            ],
            id="a-level-went",
        ),
        pytest.param(
            replaced(TOWN, **{f"r{row}": "Visp" for row in range(6)}),
            SIZE,
            trained_on(),
            [
                (
                    "levels-changed",
                    "town",
                    1,
                    'should have the levels of production\'s training rows, found new "Visp" (6)',
                )
            ],
            id="a-level-came",
        ),
        pytest.param(
            where(TOWN, EVERY_TENTH, None),
            where(SIZE, np.arange(ROWS) % 4 == 0, np.nan),
            trained_on(missing_share=0.1),
            [
                (
                    "missing-shifted",
                    "size",
                    75,
                    "25.0% of the cells are missing, 0.0% of production's training rows were",
                )
            ],
            id="more-missing",
        ),
        pytest.param(
            TOWN,
            SIZE,
            trained_on(size={"kind": "category", "levels": ["1"], "shares": [1.0]}),
            [
                (
                    "kind-changed",
                    "size",
                    1,
                    "should be of the kind that production was trained on, category, found number",
                )
            ],
            id="another-kind",
        ),
    ],
)
def test_what_moved_from_production_is_named(town, size, production, findings):
    assert found(town, size, production=production) == findings


def test_shares_of_levels_move_by_jensen_shannon():
    expected = jensenshannon([0.9, 0.1, 0.0], [1 / 3] * 3, base=2) ** 2
    town = np.where(np.arange(ROWS) % 10 > 0, "Bern", "Chur").astype(object)

    shifted = [words for code, where, _, words in found(town, production=trained_on()) if code == "shifted"]

    assert shifted == [f'{expected:.2g} bits from production\'s training rows; 90.0% "Bern", was 33.3%']


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        pytest.param({}, "", id="complete"),
        pytest.param({"shares": []}, "its manifest does not tell the quantiles of its training rows", id="no-shares"),
        pytest.param({"levels": None}, "its manifest does not tell the quantiles of its training rows", id="no-levels"),
    ],
)
def test_rows_compare_with_a_manifest_that_tells_levels_and_shares(entry, reason):
    assert comparable(trained_on(entry), ["town"]) == reason


@pytest.mark.parametrize("form", ["%Y/%m/%d", "%d.%m.%Y", "%m/%d/%y %H:%M"])
def test_dates_of_another_form_are_told_how_to_become_times(form):
    days = [(datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=day)).strftime(form) for day in range(1_200)]
    size = RNG.normal(size=len(days))
    findings = check(
        Table([np.array(days, object), size]),
        size + RNG.normal(size=len(days)),
        np.arange(len(days)) % 5 == 0,
        features=[Feature("day", kind="category"), Feature("size")],
        target="y",
        flaws=[],
        limits=LIMITS,
    )

    (day,) = [finding for finding in findings if finding.where == "day"]
    assert day.advice == "write dates as ISO 8601 (2026-11-26): the column is a time then"
