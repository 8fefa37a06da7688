"""Pages: their elements and words, rows to make them of, and a browser to look at them."""

from __future__ import annotations

import html
import json
import re
import subprocess
from html.parser import HTMLParser

import numpy as np

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


def measured(chromium, folder, page, width):
    """Width of the page and of its content, its height, and the tables whose text is cut off, by their headings."""
    seen = browse(chromium, folder, page, width, "--dump-dom")
    return json.loads(html.unescape(re.search("<title>(.*?)</title>", seen)[1]))


def browse(chromium, folder, page, width, *arguments, dark=False):
    """Show the page as it is in a frame as wide as asked for, since a window cannot be as narrow as a phone."""
    (folder / "frame.html").write_text(
        f"""<!doctype html><title>waiting</title><body style="margin:0">
        <iframe style="border:0;width:{width}px;height:1200px" srcdoc="{html.escape(page)}"
          onload="const all = this.contentDocument.documentElement;
            const cut = [...all.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth);
            document.title = JSON.stringify([all.clientWidth, all.scrollWidth, all.scrollHeight,
              cut.map(e => e.getAttribute('aria-labelledby'))])"></iframe>"""
    )
    return subprocess.run(
        [
            *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
            *(f"--user-data-dir={folder / 'profile'}", f"--blink-settings=preferredColorScheme={0 if dark else 1}"),
            *(f"--window-size={max(500, width)},1200", *arguments, (folder / "frame.html").as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
