"""formatting.py: numbers, times and texts as people read them."""

from __future__ import annotations

import pytest

from model import formatting


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(None, "-", id="absent"),
        pytest.param(0.472563, "0.4726", id="four-figures"),
        pytest.param(53940, "53940", id="count"),
        pytest.param(53940.0, "53940", id="float-count"),
        pytest.param(53940.26, "53940", id="large"),
        pytest.param(1.5e15, "1.5e+15", id="huge"),
        pytest.param(-1e-7, "-1e-07", id="tiny"),
        pytest.param(True, "True", id="boolean"),
    ],
)
def test_a_number_has_four_figures_and_a_count_all(value, text):
    assert formatting.number(value) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(formatting.number(None, "unknown"), "unknown", id="absent-number"),
        pytest.param(formatting.interval(54.2, 51, None), "54.2 [51, -]", id="interval"),
        pytest.param(formatting.short(0.12345), "0.12", id="short"),
        pytest.param(formatting.short(0.0004), "0", id="short-zero"),
        pytest.param(formatting.short(None), "-", id="short-absent"),
        pytest.param(formatting.percent(0.12345), "12.3 %", id="percent"),
        pytest.param(formatting.percent(None), "-", id="percent-absent"),
        pytest.param(formatting.milliseconds(0.01234), "12.3 ms", id="milliseconds"),
        pytest.param(formatting.duration(0.5), "500 ms", id="below-a-second"),
        pytest.param(formatting.duration(1.5), "1.5 s", id="above-a-second"),
        pytest.param(formatting.counted(1, "row"), "1 row", id="one"),
        pytest.param(formatting.counted(0, "row"), "0 rows", id="none"),
        pytest.param(formatting.counted(2, "entry", "entries"), "2 entries", id="other-plural"),
        pytest.param(formatting.to_the_second("2026-11-24T18:00:01.123Z"), "2026-11-24 18:00:01", id="time"),
        pytest.param(formatting.typographic("-"), "–", id="page-absent"),
        pytest.param(formatting.typographic("-1.5 %"), "−1.5\N{NO-BREAK SPACE}%", id="page-percent"),
        pytest.param(formatting.typographic("1e-07"), "1e-07", id="page-exponent"),
        pytest.param(formatting.shortened("x" * 501), "x" * 499 + "…", id="shortened"),
        pytest.param(formatting.plain("a\x1b[2Jb\nc"), "a?[2Jb?c", id="plain"),
    ],
)
def test_each_kind_of_figure_has_one_form(text, expected):
    assert text == expected
