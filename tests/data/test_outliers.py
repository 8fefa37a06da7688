"""Codes for missing values and rows of totals are named; heavy tails are not."""

from __future__ import annotations

import numpy as np
import pytest

from model.data.outliers import FarRow, Repeated, far_rows, repeated_extremes

SIZES = np.random.default_rng(0).uniform(30, 200, size=400).round(1)
PRICES = (60_000 + 1_900 * SIZES + np.random.default_rng(1).normal(0, 20_000, size=400)).round(2)


def with_code(cells, code, every):
    return np.where(np.arange(len(cells)) % every == 0, code, cells)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        pytest.param(SIZES, -999.0, id="-999"),
        pytest.param(SIZES, -1.0, id="-1"),
        pytest.param(SIZES, 9999.0, id="9999"),
        pytest.param(PRICES, -1.0, id="-1-in-prices"),
        pytest.param(np.random.default_rng(2).integers(18, 91, size=400), -1.0, id="-1-among-ages"),
        pytest.param(np.random.default_rng(2).integers(18, 91, size=400), 999.0, id="999-among-ages"),
        pytest.param(np.random.default_rng(2).integers(1, 8, size=400), -999.0, id="-999-among-few-values"),
        pytest.param(np.random.default_rng(2).lognormal(0, 1, size=400), -1.0, id="-1-beside-a-heavy-tail"),
        pytest.param(SIZES, 123456.0, id="any-value-far-apart"),
    ],
)
@pytest.mark.parametrize("every", [pytest.param(every, id=f"one-in-{every}") for every in (12, 100)])
def test_a_code_for_missing_values_is_named_with_its_count(cells, code, every):
    cells = np.asarray(cells, float)
    others = np.delete(cells, np.arange(0, 400, every))

    (found,) = repeated_extremes(with_code(cells, code, every))

    nearest = float(others.min() if code < others.min() else others.max())
    assert found == Repeated(code, -(-400 // every), nearest, 0)


@pytest.mark.parametrize("every", [pytest.param(every, id=f"one-in-{every}") for every in (2, 3)])
def test_codes_at_both_ends_are_both_named(every):
    cells = with_code(with_code(SIZES, -99999.0, 10 * every), 99999.0, 7 * every)

    assert [found.value for found in repeated_extremes(cells)] == [-99999.0, 99999.0]


def test_a_row_of_totals_is_named_once_with_all_its_columns():
    columns = {"size": np.append(SIZES, SIZES.sum()), "price": np.append(PRICES, PRICES.sum())}

    (found,) = far_rows(columns)

    assert found == FarRow(400, {"size": SIZES.sum(), "price": PRICES.sum()}, total=True)


def test_a_cell_in_another_unit_is_named_by_its_row():
    cells = SIZES.copy()
    cells[7] = 1e6

    assert far_rows({"size": cells, "price": PRICES}) == [FarRow(7, {"size": 1e6}, total=False)]


HONEST = {
    "normal": lambda source, count: source.normal(size=count),
    "uniform": lambda source, count: source.random(count),
    "exponential": lambda source, count: source.exponential(size=count),
    "lognormal": lambda source, count: source.lognormal(0, 2, count),
    "pareto": lambda source, count: source.pareto(1.5, count),
    "cauchy": lambda source, count: source.standard_cauchy(count),
    "student": lambda source, count: source.standard_t(3, count),
    "counts": lambda source, count: source.poisson(3, count),
    "rare-counts": lambda source, count: source.poisson(0.1, count),
    "zipf": lambda source, count: source.zipf(2, count),
    "binary": lambda source, count: source.integers(0, 2, count),
    "rare-binary": lambda source, count: source.random(count) < 0.01,
    "signs": lambda source, count: source.integers(-1, 2, count),
    "ratings": lambda source, count: source.integers(1, 6, count),
    "mostly-zero": lambda source, count: np.where(source.random(count) < 0.8, 0, source.lognormal(5, 1, count)),
    "capped": lambda source, count: np.minimum(source.lognormal(0, 1, count), 2),
    "money": lambda source, count: source.lognormal(3, 1, count).round(2),
    "degrees": lambda source, count: source.normal(5, 8, count).round(1),
    "two-kinds": lambda source, count: np.where(
        source.random(count) < 0.02, source.normal(30, 3, count), source.normal(size=count)
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("rows", [pytest.param(rows, id=f"{rows}-rows") for rows in (200, 2000)])
def test_honest_columns_are_rarely_named(rows):
    """19 distributions with 40 sets each: no repeated value, and a far row in at most one of a hundred."""
    repeated, far = 0, 0
    for number, draw in enumerate(HONEST.values()):
        for seed in range(40):
            cells = np.asarray(draw(np.random.default_rng([number, seed, rows]), rows), float)
            repeated += bool(repeated_extremes(cells))
            far += bool(far_rows({"x": cells}))

    assert repeated == 0
    assert far <= 0.01 * 19 * 40
