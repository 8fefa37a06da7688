"""Everything that is wrong with a data set is said at once, worst first, with counts, rows and what would help."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.columns.schema import Feature
from functions.columns.table import Table
from model.data.cells import Flaw
from model.data.findings import Example, line
from model.data.validation import Limits, check, comparable
from tests.support.rows import described

ROWS = 300
SOURCE = np.random.default_rng(1)
A, B, NOISE = SOURCE.normal(size=ROWS), SOURCE.normal(50, 10, size=ROWS), SOURCE.normal(size=ROWS)
Y = A + NOISE
HELD = np.arange(ROWS) % 5 == 0

LIMITS = {"training_rows": 5, "rows": 200, "holdout_rows": 50, "rows_per_feature": 10, "warn": 0.1, "alert": 0.3}


def found(
    a=A,
    b=B,
    y=Y,
    *,
    held=HELD,
    bounds=(-math.inf, math.inf),
    flaws=(),
    groups=None,
    production=None,
    classes=(),
    **limits,
):
    """The faults of the rows (a, b) → y."""
    return check(
        Table(np.column_stack([a, b])),
        np.asarray(y, float),
        held,
        features=[Feature("a", *bounds), Feature("b", -math.inf, math.inf)],
        target="y",
        flaws=flaws,
        limits=Limits(**{**LIMITS, **limits}),
        groups=groups,
        production=production,
        classes=classes,
    )


def brief(findings):
    return [(finding.severity, finding.code, finding.where, finding.count, finding.found) for finding in findings]


def flaw(code, column="a", expected="must be a number", count=1, *examples):
    return Flaw(code, column, expected, count, list(examples))


def changed(cells, **values):
    """*cells* with others in some rows: r3=7.0 is row 3."""
    made = np.array(cells)
    for row, value in values.items():
        made[int(row[1:])] = value
    return made


def test_nothing_is_wrong_with_good_rows():
    assert found() == []


# Faults that reading met


@pytest.mark.parametrize(
    ("met", "message"),
    [
        pytest.param(
            flaw("missing-column", "a", "must be there once", 1, Example(None, "0; there are b, y")),
            "error missing-column 'a': must be there once, found 0; there are b, y: "
            "name the column in the configuration as the file does, or add it to the data",
            id="missing",
        ),
        pytest.param(
            flaw("doubled-column", "a", "must be there once", 1, Example(None, "2; there are a, a, b, y")),
            "error doubled-column 'a': must be there once, found 2; there are a, a, b, y: "
            "keep one of the columns, or rename the others",
            id="doubled",
        ),
        pytest.param(
            flaw("wrong-type", "a", "must be a column of numbers", 1, Example(None, "date32[day]")),
            "error wrong-type 'a': must be a column of numbers, found date32[day]: "
            "write the column as integers or as float64",
            id="type",
        ),
        pytest.param(
            flaw("ragged-row", None, "must hold 3 cells, as the first line does", 1, Example(4, '2 in "1,2"')),
            "error ragged-row: must hold 3 cells, as the first line does, 1 row does not "
            '(row 4: 2 in "1,2"): quote cells that hold commas or line ends, and write decimal points',
            id="ragged",
        ),
        pytest.param(
            flaw("not-numeric", "a", "must be a number", 1, Example(4, '"x"')),
            "error not-numeric 'a': must be a number, 1 cell is not "
            '(row 4: "x"): write plain numbers with a decimal point, or remove these rows',
            id="text",
        ),
        pytest.param(
            flaw("not-numeric", "a", "must be a number", 2, Example(4, '"1,5"'), Example(5, '"-2,0"')),
            "error not-numeric 'a': must be a number, 2 cells are not "
            '(row 4: "1,5"; row 5: "-2,0"): write decimal points in place of decimal commas',
            id="decimal-commas",
        ),
        pytest.param(
            flaw("not-numeric", "a", "must be a number", 1, Example(4, '"1\\\\xb5"')),
            "error not-numeric 'a': must be a number, 1 cell is not "
            '(row 4: "1\\\\xb5"): save the file as UTF-8, it may be Latin-1, and write plain numbers',
            id="latin-1",
        ),
        pytest.param(
            flaw("empty-cell", "a", "must be a number", 9, *[Example(row, "null") for row in range(5)]),
            "error empty-cell 'a': must be a number, 9 cells are not "
            "(row 0: null; row 1: null; row 2: null; row 3: null; row 4: null; …): "
            "fill the cells in, or remove these rows",
            id="empty",
        ),
        pytest.param(
            flaw("not-finite", "a", "must be a finite number", 1, Example(7, "NaN")),
            "error not-finite 'a': must be a finite number, 1 cell is not "
            "(row 7: NaN): find out what divides by zero or overflows upstream, or remove these rows",
            id="not-finite",
        ),
    ],
)
def test_what_reading_met_is_an_error_with_its_place_and_what_would_help(met, message):
    assert [line(finding) for finding in found(flaws=[met])] == [message]


def test_a_column_of_texts_is_called_so_and_no_lack_of_rows_hides_it():
    texts = flaw("not-numeric", "a", "must be a number", ROWS, *[Example(row, '"x"') for row in range(5)])

    (finding,) = found(np.full(ROWS, math.nan), flaws=[texts])

    assert finding.advice == 'the column holds texts: say kind = "category" in data.features, or take it out there'


def test_rows_that_could_not_be_read_are_no_lack_of_rows():
    ragged = flaw("ragged-row", None, "must hold 3 cells, as the first line does", 9, Example(0, '2 in "1,2"'))

    (finding,) = found([], [], [], held=np.zeros(0, dtype=bool), flaws=[ragged])

    assert finding.code == "ragged-row"


def test_a_column_that_cannot_be_used_has_one_finding_and_the_others_are_still_looked_at():
    lost = flaw("missing-column", "a", "must be there once", 1, Example(None, "0; there are b, y"))

    findings = found(np.full(ROWS, math.nan), np.full(ROWS, 3.0), flaws=[lost])

    assert [(finding.code, finding.where) for finding in findings] == [
        ("missing-column", "a"),
        ("constant-feature", "b"),
    ]


def test_all_is_said_at_once_worst_first():
    findings = found(
        changed(A, r7=math.nan, r8=99.0, r9=-99.0, r12=A[11]),
        changed(np.full(ROWS, 5.0), r1=6.0, r2=6.0),
        changed(Y, r12=Y[11]),
        bounds=(-10.0, 10.0),
        flaws=[flaw("empty-cell", "a", "must be a number", 1, Example(7, "null"))],
        rows=1000,
    )

    assert brief(findings) == [
        ("error", "empty-cell", "a", 1, "must be a number, 1 cell is not"),
        ("error", "out-of-bounds", "a", 2, "must be within [-10.0, 10.0], 2 cells are not"),
        ("warning", "few-rows", None, 300, "300 rows where 1000 are wanted (gate.min_rows)"),
        ("warning", "near-constant", "b", 298, "should vary, found 5.0 in 298 of 300 rows"),
        ("warning", "duplicated-row", None, 1, "1 row of 300 equals an earlier one"),
    ]
    assert [finding.examples for finding in findings[1::3]] == [
        (Example(8, "99.0"), Example(9, "-99.0")),
        (Example(12, "equals row 11"),),
    ]


# Too few


@pytest.mark.parametrize(
    ("rows", "held", "line"),
    [
        pytest.param(0, [], ("error", "no-rows", None, 0, "must hold at least 1 row, found none"), id="none"),
        pytest.param(
            6,
            [0, 1],
            (
                *("error", "too-few-rows", None, 6),
                "at least 5 training rows (training.folds) and 1 held-out row are needed, found 4 and 2",
            ),
            id="fewer-than-folds",
        ),
        pytest.param(
            9,
            [],
            (
                *("error", "too-few-rows", None, 9),
                "at least 5 training rows (training.folds) and 1 held-out row are needed, found 9 and 0",
            ),
            id="none-held-out",
        ),
        pytest.param(
            25,
            [0, 1, 2, 3, 4, 5],
            (
                *("warning", "few-rows", None, 25),
                "; ".join(
                    [
                        "25 rows where 200 are wanted (gate.min_rows)",
                        "6 held-out rows where 50 are wanted (gate.min_holdout_rows)",
                        "19 training rows where 20 are wanted (data.rows_per_feature for each feature)",
                    ]
                ),
            ),
            id="fewer-than-the-gate-wants",
        ),
    ],
)
def test_too_few_rows_are_counted_and_what_is_wanted_is_named(rows, held, line):
    mask = np.isin(np.arange(rows), held)

    assert brief(found(A[:rows], B[:rows], Y[:rows], held=mask)) == [line]


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param({"rows": 300}, id="rows"),
        pytest.param({"holdout_rows": 60}, id="held-out"),
        pytest.param({"rows_per_feature": 120}, id="a-feature"),
        pytest.param({"training_rows": 240}, id="training"),
    ],
)
def test_as_many_rows_as_wanted_are_enough(limits):
    assert found(**limits) == []


def test_a_few_groups_are_too_few_to_train_on():
    groups = (np.arange(ROWS) % 4).astype(np.uint64)

    findings = found(held=groups == 0, groups=groups)

    assert brief(findings)[0] == (
        *("error", "too-few-rows", None, 300),
        "at least 5 different training groups (training.folds) are needed, found 3",
    )


# Bounds


def test_bounds_are_inclusive():
    assert found(bounds=(float(A.min()), float(A.max()))) == []


@pytest.mark.parametrize("row", [pytest.param(row, id=f"row-{row}") for row in (0, 299)])
@pytest.mark.parametrize("value", [pytest.param(value, id=str(value)) for value in (-10.000001, 10.000001, 1e90)])
def test_a_cell_out_of_bounds_is_named_by_its_row(row, value):
    (finding,) = found(changed(A, **{f"r{row}": value}), bounds=(-10.0, 10.0))

    assert (finding.code, finding.where, finding.count) == ("out-of-bounds", "a", 1)
    assert finding.examples == (Example(row, str(value)),)


# Columns that say little


def test_a_constant_feature_and_a_constant_target_are_errors():
    assert brief(found(b=np.full(ROWS, 5.0), y=np.full(ROWS, 2.0))) == [
        ("error", "constant-target", "y", 300, "must vary, found 2.0 in every row"),
        ("error", "constant-feature", "b", 300, "must vary, found 5.0 in every row"),
    ]


def test_a_class_of_one_label_is_constant_and_is_not_where_cells_of_it_cannot_be_used():
    one = np.zeros(ROWS)
    other_types = flaw("not-a-level", "y", "must be a text", 2, Example(3, "1"))

    assert brief(found(y=one, classes=("ok",))) == [
        ("error", "constant-target", "y", ROWS, 'must vary, found "ok" in every row')
    ]
    assert [finding.code for finding in found(y=one, classes=("ok",), flaws=[other_types])] == ["not-a-level"]


def test_classes_are_no_amounts_and_a_feature_that_tells_them_all_is_an_error():
    y = (B > 50).astype(float)

    assert found(y=y, classes=("cold", "warm"), class_rows=5) == []
    assert [finding.code for finding in found(a=y + 3, y=y, classes=("cold", "warm"))] == ["target-copied"]


@pytest.mark.parametrize(
    ("others", "nearly"),
    [pytest.param(15, True, id="95-to-5"), pytest.param(16, False, id="more-than-5-percent")],
)
def test_a_feature_that_hardly_ever_varies_is_nearly_constant(others, nearly):
    findings = found(b=np.where(np.arange(ROWS) < others, 1.0, 0.0))

    expected = [("warning", "near-constant", "b", 285, "should vary, found 0.0 in 285 of 300 rows")]
    assert brief(findings) == (expected if nearly else [])


def test_a_feature_with_a_common_value_and_many_others_is_not_nearly_constant():
    assert found(b=np.where(np.arange(ROWS) < 200, 0.0, B)) == []


@pytest.mark.parametrize(("mean", "nearly"), [pytest.param(1e5, False, id="1e5"), pytest.param(1e8, True, id="1e8")])
def test_a_spread_too_small_for_double_precision_is_nearly_constant(mean, nearly):
    findings = found(b=A * 10 + mean + NOISE)

    assert [finding.code for finding in findings] == (["near-constant"] if nearly else [])
    assert all("a standard deviation of " in finding.found for finding in findings)


# Copies


@pytest.mark.parametrize(
    ("b", "relation"),
    [
        pytest.param(A, "b = a", id="same"),
        pytest.param(A * 1.8 + 32, "b = 1.8 · a + 32", id="another-unit"),
        pytest.param(-A, "b = -1 · a", id="sign"),
        pytest.param(A * 1e-9 - 5e-9, "b = 1e-09 · a - 5e-09", id="small"),
        pytest.param(A.astype(np.float32).astype(float), "b = a", id="rounded-to-float32"),
    ],
)
def test_a_feature_that_copies_another_is_a_warning(b, relation):
    assert brief(found(b=b)) == [
        ("warning", "feature-copied", "b", 1, f"should say something of its own, found {relation}")
    ]


@pytest.mark.parametrize(
    ("b", "y", "line"),
    [
        pytest.param(B, A, ("a", "y = a"), id="feature"),
        pytest.param(B, 2 * B + 3, ("b", "y = 2 · b + 3"), id="line-through-one"),
    ],
)
def test_a_target_that_a_feature_gives_away_is_an_error(b, y, line):
    column, relation = line

    assert brief(found(b=b, y=y)) == [
        ("error", "target-copied", column, 1, f"must not give the target away, found {relation}")
    ]


def test_every_copy_of_the_target_and_of_a_feature_is_named_once():
    assert [(finding.code, finding.where) for finding in found(b=2 * A, y=3 * A)] == [
        ("target-copied", "a"),
        ("feature-copied", "b"),
    ]


@pytest.mark.parametrize(
    "b",
    [
        pytest.param(A + 1e-4 * NOISE, id="with-noise"),
        pytest.param(np.round(A, 2), id="rounded"),
        pytest.param(A**2, id="square"),
        pytest.param(np.where(np.arange(ROWS) == 5, A + 1, A), id="but-one-row"),
    ],
)
def test_what_is_only_like_a_copy_is_none(b):
    assert found(b=b) == []


def test_a_copy_is_a_copy_whatever_cells_are_missing():
    a, b = changed(A, r3=math.nan), changed(2 * A, r9=math.nan)

    assert [finding.code for finding in found(a, b)] == ["feature-copied"]


def test_copies_are_found_in_many_rows():
    x = np.zeros(30_000)
    x[12_345] = 1.0  # beside the rows that are sampled
    y = np.random.default_rng(0).normal(size=30_000)

    findings = found(x, 3 * x + 1, y, held=np.arange(30_000) % 5 == 0)

    assert ("feature-copied", "b") in [(finding.code, finding.where) for finding in findings]


# Equal rows, and both sides of the split


def test_duplicated_rows_are_counted_beyond_the_first_and_named_with_it():
    pick = np.where(np.arange(ROWS) < 8, 8, np.arange(ROWS))

    findings = found(A[pick], B[pick], Y[pick], held=np.arange(ROWS) >= 240)

    assert brief(findings) == [("warning", "duplicated-row", None, 8, "8 rows of 300 equal an earlier one")]
    assert findings[0].examples == tuple(Example(row, f"equals row {row - 1}") for row in range(1, 6))


def test_rows_that_differ_in_one_column_only_are_no_duplicates():
    pick = np.where(np.arange(ROWS) < 8, 8, np.arange(ROWS))

    assert found(A[pick], B[pick], Y) == []
    assert found(A[pick], B, Y[pick]) == []


def test_a_copy_on_the_other_side_of_the_split_is_said():
    findings = found(
        changed(A, r4=A[0], r7=A[3]), changed(B, r4=B[0], r7=B[3]), changed(Y, r4=Y[0], r7=Y[3])
    )  # row 0 is held out, rows 3, 4 and 7 are not

    assert brief(findings) == [
        (
            *("warning", "duplicated-row", None, 2),
            "2 rows of 300 equal an earlier one, 1 of them on the other side of the hold-out split",
        )
    ]
    assert findings[0].examples == (Example(4, "equals row 0"), Example(7, "equals row 3"))


@pytest.mark.parametrize("values", [pytest.param(values, id=f"{values}-values") for values in (2, 3, 5)])
def test_equal_rows_are_natural_where_columns_have_few_values(values):
    source = np.random.default_rng(values)
    a, b, y = source.integers(0, values, size=(3, ROWS)).astype(float)

    assert [finding.code for finding in found(a, b, y)] == ["whole-target"]


def test_rows_that_a_join_multiplied_are_said():
    pick = np.arange(ROWS) // 3

    (finding,) = found(A[pick], B[pick], Y[pick])

    assert (finding.code, finding.count) == ("duplicated-row", 200)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(cells=st.lists(st.tuples(*[st.sampled_from([0.0, -0.0, 1.0, 2.5])] * 3), min_size=20, max_size=200))
def test_only_equal_rows_with_a_value_of_their_own_are_counted(cells):
    table = np.array(cells) + 0.0

    findings = found(table[:, 0], table[:, 1], table[:, 2], held=np.arange(len(cells)) % 2 == 0)

    different, times = np.unique(table, axis=0, return_counts=True)
    alone = [any((different[:, place] == row[place]).sum() == 1 for place in range(3)) for row in different]
    copies = int(((times - 1) * alone).sum()) if len(cells) <= 10 * len(different) else 0
    assert sum(finding.count for finding in findings if finding.code == "duplicated-row") == copies


# Shift


def trained_on(a=A, b=B, *, rows=None, version=3):
    """The manifest of a production that was trained on these."""
    count = len(a) if rows is None else rows
    return {
        "version": version,
        "features": described(np.column_stack([a, b]), ["a", "b"]),
        "data": {"rows": count + 50, "holdout_rows": 50},
    }


def shifted(a, production, **limits):
    b = np.random.default_rng(8).normal(50, 10, size=len(a))
    y = np.random.default_rng(9).normal(size=len(a))
    findings = found(a, b, y, held=np.arange(len(a)) % 5 == 0, production=production, **limits)
    return [finding for finding in findings if finding.code == "shifted"]


MANY = np.random.default_rng(2).normal(size=5000)
PRODUCTION = trained_on(MANY, np.random.default_rng(3).normal(50, 10, size=5000))


@pytest.mark.parametrize(
    "a",
    [
        pytest.param(MANY, id="the-same"),
        pytest.param(np.random.default_rng(4).normal(size=5000), id="others-of-the-kind"),
        pytest.param(np.random.default_rng(4).normal(size=60), id="a-few-of-the-kind"),
        pytest.param(np.random.default_rng(4).normal(0.05, size=5000), id="hardly-moved"),
    ],
)
def test_rows_of_the_same_kind_have_not_shifted(a):
    assert shifted(a, PRODUCTION) == []


@pytest.mark.parametrize(
    "a",
    [
        pytest.param(MANY + 0.5, id="moved"),
        pytest.param(MANY * 2, id="wider"),
        pytest.param(MANY / 2, id="narrower"),
        pytest.param(MANY * 1000, id="another-unit"),
        pytest.param(np.abs(MANY), id="one-side"),
    ],
)
def test_rows_that_fall_otherwise_have_shifted(a):
    (finding,) = shifted(a, PRODUCTION)

    assert (finding.severity, finding.where, finding.count) == ("warning", "a", 5000)
    assert " from production's training rows; mean " in finding.found
    assert finding.value >= finding.limit


def test_a_shift_is_told_with_both_means():
    (finding,) = shifted(MANY + 0.5, PRODUCTION)

    now, was = MANY.mean() + 0.5, MANY.mean()
    assert finding.found == (f"0.5 standard deviations from production's training rows; mean {now:.4g}, was {was:.4g}")
    assert (round(finding.value, 2), finding.limit) == (0.5, 0.3)


def test_the_limits_are_those_that_are_configured():
    (finding,) = shifted(MANY + 0.25, PRODUCTION)

    assert finding.limit == 0.1
    assert shifted(MANY + 0.25, PRODUCTION, warn=0.3) == []


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [
        pytest.param(0.01, 0.01, False, id="rare"),
        pytest.param(0.35, 0.35, False, id="some"),
        pytest.param(0.5, 0.5, False, id="half"),
        pytest.param(0.02, 0.5, True, id="from-rare-to-half"),
    ],
)
def test_a_feature_of_two_values_shifts_when_their_shares_do(before, now, moved):
    source = np.random.default_rng(6)
    production = trained_on((source.random(5000) < before).astype(float), B[np.arange(5000) % ROWS])

    assert bool(shifted((source.random(5000) < now).astype(float), production)) is moved


def test_whole_numbers_that_stay_as_they_were_have_not_shifted():
    source = np.random.default_rng(7)
    production = trained_on(source.integers(0, 10, size=5000).astype(float), B[np.arange(5000) % ROWS])

    assert shifted(source.integers(0, 10, size=5000).astype(float), production) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pairs", "most"),
    [pytest.param(100, 0, id="100-pairs"), pytest.param(200, 2, id="200-pairs", marks=pytest.mark.sweep)],
)
def test_chance_alone_rarely_is_a_shift(pairs, most):
    """Pairs of few rows without any shift, each compared in two features: 1 alarm in 1000 is expected.

    Were it 1 in 100, 100 pairs would be without an alarm in 13 runs of 100, and 200 pairs have at most 2 in 24.
    """
    source = np.random.default_rng(12)
    alarms = 0
    for _ in range(pairs):  # draws, not cases
        production = trained_on(source.normal(size=150), source.normal(50, 10, size=150))
        alarms += len(shifted(source.normal(size=150), production, warn=0.001, alert=0.001))

    assert alarms <= most


@pytest.mark.parametrize(
    ("production", "reason"),
    [
        pytest.param(trained_on(), "", id="comparable"),
        pytest.param(
            {**trained_on(), "features": [{"name": "c", "quantiles": [0, 1, 2]}]},
            "it has other features: c",
            id="other-features",
        ),
        pytest.param(
            {**trained_on(), "features": [{"name": "a"}]},
            "its manifest does not tell the quantiles of its training rows",
            id="no-quantiles",
        ),
        pytest.param(
            {**trained_on(), "features": [{"name": "a", "quantiles": [-1.0, 1.0]}]},
            "its manifest does not tell the quantiles of its training rows",
            id="a-range-only",
        ),
        pytest.param(
            {**trained_on(), "features": [{"name": "a", "quantiles": ["x", 1, 2]}]},
            "its manifest does not tell the quantiles of its training rows",
            id="no-numbers",
        ),
        pytest.param(
            {**trained_on(), "data": {}},
            "its manifest does not tell the quantiles of its training rows",
            id="no-row-counts",
        ),
    ],
)
def test_why_production_cannot_be_compared_with_is_said(production, reason):
    assert comparable(production, ["a", "b"]) == reason


@pytest.mark.parametrize(
    ("changes", "column", "told"),
    [
        pytest.param({"a": np.array(A) * 1e200}, "a", "must lie within ±1e+100, found ", id="large-feature"),
        pytest.param({"y": np.array(Y) * 1e200}, "y", "must lie within ±1e+100, found ", id="large-target"),
        pytest.param({"a": np.array(A) * 1e-160}, "a", "must spread over 1e-100 at least, found ", id="tiny-feature"),
    ],
)
def test_a_column_that_leaves_float64_when_it_is_computed_with_is_an_error(changes, column, told):
    (finding,) = [finding for finding in found(**changes) if finding.code == "beyond-scale"]

    assert (finding.severity, finding.where, finding.found[: len(told)]) == ("error", column, told)


# Values that seldom come about honestly


def test_a_repeated_extreme_that_stands_apart_is_a_warning_with_its_count():
    least = A[np.arange(ROWS) % 12 > 0].min()

    findings = found(np.where(np.arange(ROWS) % 12 == 0, -999.0, A))

    assert brief(findings) == [
        (
            *("warning", "repeated-extreme", "a", 25),
            f"should be a value like the others, found -999 in 25 cells, nothing between it and {least:.10g}",
        )
    ]


def test_a_row_of_totals_is_one_warning_about_the_whole_row():
    a, b, y = ([*cells[:-1], float(cells[:-1].sum())] for cells in (np.abs(A), B, np.abs(Y)))

    (finding,) = found(np.array(a), np.array(b), y)

    assert (finding.code, finding.where, finding.count) == ("far-row", None, 1)
    assert finding.found.startswith("should lie among the others, found row 299 far outside: a ")
    assert finding.found.endswith(" (the sum of all others)")
