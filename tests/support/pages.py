"""Pages: their elements and words, rows to make them of, and a browser to look at them."""

from __future__ import annotations

from contextlib import contextmanager
from html.parser import HTMLParser

import numpy as np

from tests.support.browser import Tab

HOSTILE = "</script><img src=x onerror=alert(1)>&\"'{{7*7}}$x$"


class Page(HTMLParser):
    """Elements and attributes of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.attributes, self.ids, self.words = set(), [], [], []
        self.feed(page)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_data(self, data):
        self.words.append(data)


def world(**columns):
    a, b, e = np.random.default_rng(1).normal(size=(3, 600))
    return {"a": a, "b": b, "y": 2 * a - b + e, **columns}


def hostile_world():
    """Names that would break out, a name of 200 letters without a blank, and a dozen features more."""
    rng = np.random.default_rng(2)
    names = [HOSTILE, "w" * 200, *(f"feature {number}" for number in range(12))]
    columns = {name: rng.normal(size=600) for name in names}
    return {**columns, "<b>y</b>": 2 * columns[HOSTILE] + rng.normal(size=600)}


def small_hostile_world():
    columns = hostile_world()
    return {name: columns[name] for name in (HOSTILE, "w" * 200, "<b>y</b>")}


def measured(browser, folder, page, width):
    """Width of the page and of its content, its height, and the tables whose text is cut off, by their headings."""
    with shown(browser, folder, page, width) as tab:
        return tab.evaluate(
            """(() => {
              const all = document.documentElement;
              const cut = [...all.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth);
              return [all.clientWidth, all.scrollWidth, all.scrollHeight, cut.map(e => e.getAttribute('aria-labelledby'))];
            })()"""
        )


@contextmanager
def shown(browser, folder, page, width, *, dark=False):
    """The page in a tab as wide as asked for."""
    (folder / "page.html").write_text(page)
    tab = Tab(browser, width, dark=dark, height=1200)
    try:
        yield tab.go((folder / "page.html").as_uri())
    finally:
        tab.close()
