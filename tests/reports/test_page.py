"""Pages fit a screen and a phone, in the reader's theme, with the contrast that WCAG asks for."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from model.reports import monitoring_page
from tests.support.classes_seen import class_document
from tests.support.pages import measured, shown
from tests.support.parts import ROOT


def luminance(colour):
    digits = colour if len(colour) == 6 else "".join(2 * digit for digit in colour)
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    "theme", [pytest.param(0, id="light"), pytest.param(1, id="dark"), pytest.param(2, id="print")]
)
@pytest.mark.parametrize(
    ("text", "behind"),
    [
        *((text, behind) for text in ("ink", "muted") for behind in ("paper", "shade")),
        *((text, "paper") for text in ("yes", "no", "ours", "theirs")),
        ("yes", "yes-bg"),
        ("no", "no-bg"),
        ("ink", "no-bg"),
    ],
)
def test_colours_have_the_contrast_that_wcag_asks_of_text(theme, text, behind):
    page = (ROOT / "model" / "reports" / "templates" / "style.css").read_text()
    colours = dict(re.findall(r"--([\w-]+):#(\w+)", re.findall(r":root\{[^}]*\}", page)[theme]))

    dark, light = sorted((luminance(colours[text]), luminance(colours[behind])))

    assert (light + 0.05) / (dark + 0.05) >= 4.5


@pytest.mark.parametrize("width", [pytest.param(1280, id="screen"), pytest.param(390, id="phone")])
def test_nothing_overflows_sideways_and_no_table_is_cut_off(browser, hostile, card, tmp_path, width):
    """With names of 200 letters, tags in names, and 14 features."""
    client, scroll, height, cut = measured(browser, tmp_path, card(), width)

    assert (client, scroll, cut) == (width, width, [])
    assert height > 3_000


@pytest.mark.process
@pytest.mark.parametrize("width", [pytest.param(1280, id="screen"), pytest.param(390, id="phone")])
def test_nothing_of_the_monitor_s_page_overflows_sideways_and_no_table_is_cut_off(
    browser, hostile_monitored, tmp_path, width
):
    client, scroll, height, cut = measured(browser, tmp_path, hostile_monitored, width)

    assert (client, scroll, cut) == (width, width, [])
    assert height > 2_000


@pytest.mark.process
@pytest.mark.parametrize("width", [pytest.param(1280, id="screen"), pytest.param(390, id="phone")])
def test_nothing_of_a_classifier_s_page_overflows_sideways_and_no_table_is_cut_off(browser, tmp_path, width):
    page = monitoring_page.render(class_document(), monitoring_page.Figures())

    client, scroll, height, cut = measured(browser, tmp_path, page, width)

    assert (client, scroll, cut) == (width, width, [])
    assert height > 1_000


@pytest.mark.parametrize("dark", [pytest.param(False, id="light"), pytest.param(True, id="dark")])
@pytest.mark.parametrize("width", [pytest.param(1280, id="screen"), pytest.param(390, id="phone")])
def test_a_screenshot_shows_a_page_in_the_reader_s_theme(browser, shipped, card, tmp_path, width, dark):
    with shown(browser, tmp_path, card("2"), width, dark=dark) as tab:
        tab.screenshot(tmp_path / "card.png", whole=False)

    grey = np.asarray(Image.open(tmp_path / "card.png").convert("L"), dtype=float)
    assert grey.shape == (1200, width)
    paper = np.median(grey)
    assert (paper < 60) if dark else (paper > 230)
    assert 0.02 < (np.abs(grey - paper) > 60).mean() < 0.5
    assert (np.abs(grey - paper).max(axis=1) > 60).mean() > 0.2
