"""A plot that cannot be drawn is left out and said, and the verb goes on."""

from __future__ import annotations

import numpy as np
import pytest

from model.reports import card_plots
from model.reports.figure import attempt
from tests.support.pages import Page, world


def test_a_plot_that_fails_is_one_line_and_no_svg():
    lines = []

    def draw(number):
        raise ValueError(f"no axis holds {number}\nmore")

    assert attempt(lines.append, "feature a", draw, 7) == ""
    assert lines == ["the plot of feature a is left out: no axis holds 7"]


def test_a_plot_that_is_drawn_says_nothing():
    lines = []

    svg = attempt(lines.append, "x", card_plots.feature_histogram, 0, np.arange(9.0), np.arange(3.0), 0.0, 8.0)

    assert svg.startswith("<svg ")
    assert lines == []


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(lambda x: 2.0**60 + np.round(1000 * x), id="near-2-to-60"),
        pytest.param(lambda x: 1.7e18 + np.round(1e3 * x), id="nanoseconds-of-a-second"),
        pytest.param(lambda x: 1e90 * np.abs(x), id="huge"),
        pytest.param(lambda x: 1e-90 * x, id="tiny"),
    ],
)
def test_a_column_that_no_plot_holds_is_trained_on_and_gets_its_card(train, card, column):
    rows = world()
    made = train({"a": rows["a"], "far": column(rows["b"]), "y": rows["y"]})

    text = Page(card()).text

    assert made["version"] == 1
    assert "far" in text


def test_the_card_names_the_column_whose_plot_is_left_out(train, card):
    rows = world()
    train({"a": rows["a"], "far": 2.0**60 + 256 * np.round(rows["b"]), "y": rows["y"]})

    assert "No plot holds the values of far." in Page(card()).text
