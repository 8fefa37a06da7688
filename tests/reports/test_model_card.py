"""The model card and the monitor's page: whole by themselves, escaped, and they fit a screen and a phone."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
from datetime import timedelta
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from functions import artifact
from model.cli.main import main
from model.errors import ReportError
from model.reports import model_card as report
from tests.support import captured
from tests.support.parts import MODEL, ROOT, document

HOSTILE = "</script><img src=x onerror=alert(1)>&\"'{{7*7}}$x$"
CARD = artifact.report_name(MODEL, 1)


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


@pytest.fixture
def model(bucket, capsys):
    """Run a verb here; gives exit code, output, and what was said."""

    def model(*arguments):
        code = main(arguments)
        return (code, *capsys.readouterr())

    return model


@pytest.fixture
def card(model, tmp_path):
    """Write the model card of a version to a file; gives its text."""

    def card(version="1"):
        path = tmp_path / "card.html"
        assert model("report", version, "--output", str(path)) == (0, f"{path}\n", "")
        return path.read_text()

    return card


@pytest.fixture
def train(model, tmp_path):
    """Train on rows made here, with the shipped gate."""

    def train(rows, *, target="y", alpha=0.0):
        head = ",".join('"' + name.replace('"', '""') + '"' for name in rows)
        lines = [",".join(map(repr, map(float, cells))) for cells in zip(*rows.values(), strict=True)]
        (tmp_path / "rows.csv").write_text("\n".join([head, *lines, ""]))
        features = ", ".join(f"{{ name = {json.dumps(name)} }}" for name in rows if name != target)
        shipped = (ROOT / "model" / "config.toml").read_text()
        (tmp_path / "config.toml").write_text(
            f"""
            [data]
            source = {json.dumps(str(tmp_path / "rows.csv"))}
            target = {json.dumps(target)}
            holdout = 0.2
            features = [{features}]
            [training]
            seed = 7
            folds = 5
            candidates = [
              {{ estimator = "sklearn.linear_model.Ridge", scale = true, grid = {{ alpha = [{alpha}, {alpha + 1}] }} }},
            ]
            """
            + shipped[shipped.index("[gate]") :]
        )
        _, output, said = model("train", "--json", "--config", str(tmp_path / "config.toml"))
        assert output, said
        return json.loads(output)

    return train


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


def test_a_card_comes_with_every_version(model, registry, card):
    model("train")

    page = registry.report(1)

    assert f"<title>{MODEL} version 1</title>" in page
    assert card() == page.replace(report.STANDING, "")


def test_a_card_says_what_was_made_of_what_and_how_good_it_is(train, model, card):
    train(world(), alpha=600.0)
    model("promote")
    made = train(world())

    text = Page(card("2")).text

    assert "blessed by the gate" in text
    for check in made["gate"]:
        assert check["check"] in text
    for name in made["metrics"]:
        assert name.replace("_", " ") in text
    for fact in (
        made["created"].replace("T", " ")[:19] + " UTC",
        made["data"]["uri"],
        "sklearn.linear_model.Ridge",
        f"{made['data']['holdout_rows']} of 600 rows",
        "Against production, version 1",
        f"Saved squared error {100 * made['comparison']['improvement']['value']:.3g} %",
        f"training range {made['features'][0]['minimum']:.4g}".replace("-", "−"),
        "alpha=0.0",
        "alpha=1.0",
        "slope of actual against predicted",
        "by production's",
        made["sha256"],
    ):
        assert fact in text


def test_a_refused_version_s_card_says_so(model, card):
    model("train")
    model("promote")
    model("train")

    page = card("2")

    assert "refused by the gate" in Page(page).text
    assert page.count('<tr class="failed">') == 2


def test_a_promotion_by_force_is_shown_with_its_reason(model, card):
    model("train")
    model("promote")
    model("train")
    model("promote", "--force", "--reason", f"because {HOSTILE}", "--by", "ada@example")

    page = card("2")

    assert f"because {HOSTILE}" in Page(page).text
    assert "Promoted by force: the gate had refused this version." in Page(page).text
    assert "img" not in Page(page).elements


def test_a_card_needs_no_script_and_no_network(train, card):
    train(world())

    page = Page(card())

    assert page.elements.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "base", "form", "image"})
    assert [name for name, _ in page.attributes if name.startswith("on") or name in {"src", "srcset", "action"}] == []
    addressed = [value for name, value in page.attributes if name in {"href", "xlink:href", "clip-path"}]
    assert addressed
    assert [value for value in addressed if not re.match(r"(#|url\(#)", value)] == []
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_everything_from_the_data_is_escaped(train, card):
    made = train(hostile_world(), target="<b>y</b>")

    page = card()
    parsed = Page(page)

    assert made["features"][0]["name"] == HOSTILE
    assert parsed.elements.isdisjoint({"script", "img"})
    assert [name for name, _ in parsed.attributes if name.startswith("on")] == []
    assert HOSTILE in parsed.text
    assert "<b>y</b>" in parsed.text
    assert html.escape(HOSTILE, quote=False).split("&amp;")[0] in page


def test_every_plot_has_words_and_ids_of_its_own(train, model, card):
    train(world(), alpha=600.0)
    model("promote")
    train(world())

    page = card("2")
    parsed = Page(page)

    assert page.count("<svg ") == page.count('role="img" aria-label="') == 7
    assert len(parsed.ids) == len(set(parsed.ids))
    assert "<text" in page
    assert "actual − predicted" in parsed.text


def test_many_rows_make_no_bigger_page(train, card):
    a, e = np.random.default_rng(1).normal(size=(2, 30_000))
    train({"a": a, "y": a + e})

    assert len(card()) < 1_000_000


def test_a_card_that_is_gone_is_made_again_byte_for_byte(train, model, bucket, registry, card):
    """What a trainer that was killed after the manifest left undone."""
    train(world(), alpha=600.0)
    model("promote")
    train(world())
    name = artifact.report_name(MODEL, 2)
    published = bucket.blob(name).download_as_bytes()
    bucket.blob(name).delete()

    card("2")

    assert bucket.blob(name).download_as_bytes() == published


def test_a_card_is_made_again_without_the_production_it_was_compared_with(train, model, bucket, card):
    train(world(), alpha=600.0)
    model("promote")
    train(world())
    bucket.blob(artifact.manifest_name(MODEL, 1)).delete()
    bucket.blob(artifact.report_name(MODEL, 2)).delete()

    assert "Against production, version 1" in Page(card("2")).text


def test_a_manifest_stays_small(model, bucket):
    _, output, _ = model("train", "--json")

    assert len(artifact.canonical(json.loads(output))) < 20_000


def test_the_calls_of_the_card_give_the_answers_it_shows(train, model, serve, card, tmp_path):
    """Run by bash as they are printed, with a gcloud that hands out a token."""
    made = train(world(**{"it's": np.random.default_rng(3).normal(size=600)}))
    model("promote")
    (tmp_path / "gcloud").write_text("#!/bin/sh\necho token\n")
    (tmp_path / "gcloud").chmod(0o755)
    environ = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "BATCH": f"http://127.0.0.1:{serve('batch').port}",
        "STREAM": f"http://127.0.0.1:{serve('stream').port}",
    }
    shown = re.findall(r"<pre>(.*?)\n(.*?)</pre>", card())

    for command, answer in shown:
        ended = subprocess.run(
            ["bash", "-c", html.unescape(command)], env=environ, capture_output=True, text=True, check=True
        )
        found, wanted = json.loads(ended.stdout), json.loads(html.unescape(answer))
        assert found["model"] == wanted["model"] == {"name": MODEL, "version": 1}
        for name in wanted:
            assert name == "model" or found[name] == pytest.approx(wanted[name], rel=1e-9)

    assert len(shown) == 3
    assert made["features"][-1]["name"] == "it's"


def test_one_feature_is_called_by_bare_numbers():
    made = {**document(), "model": MODEL, "version": 3}

    assert [call["command"].split('"')[1] for call in report.calls(made)] == [
        "$BATCH/batch/[-1.0,0.0]",
        "$BATCH/batch",
        "$STREAM/stream/-1.0",
    ]


def test_the_file_is_named_after_the_version(model, tmp_path, monkeypatch):
    model("train")
    monkeypatch.chdir(tmp_path)

    code, output, said = model("report", "1", "--json")

    path = tmp_path / f"{MODEL}-1.html"
    assert (code, json.loads(output), said) == (0, {"version": 1, "path": str(path)}, "")
    assert path.exists()


@pytest.mark.parametrize(
    ("where", "opened"),
    [
        pytest.param((":0", True), 1, id="a-terminal-on-a-desktop"),
        pytest.param(("", True), 0, id="a-terminal-without-a-screen"),
        pytest.param((":0", False), 0, id="a-pipe"),
    ],
)
def test_a_browser_opens_on_a_desktop_only(model, tmp_path, monkeypatch, where, opened):
    display, terminal = where
    model("train")
    seen = []
    monkeypatch.setattr("webbrowser.open", seen.append)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", display)

    model("report", "1", "--output", str(tmp_path / "a b.html"))

    assert seen == [f"file://{urllib.parse.quote(str(tmp_path))}/a%20b.html"] * opened


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["9"], 2, f"{MODEL} has no version 9; versions: 1", id="no-such-version"),
        pytest.param(
            ["1"],
            1,
            f"{MODEL} version 1 does not say which rows it kept aside: no model card can be made of it",
            id="made-by-hand",
        ),
    ],
)
def test_a_card_that_cannot_be_made_is_one_clear_line(model, publish, arguments, code, message):
    publish()

    assert model("report", *arguments) == (code, "", f"{message}\n")


def test_a_card_whose_rows_are_gone_says_which(model, bucket):
    _, output, _ = model("train", "--json")
    uri = json.loads(output)["data"]["uri"]
    bucket.blob(uri.split("/", 3)[3]).delete()
    bucket.blob(CARD).delete()

    assert model("report", "1") == (1, "", f"{uri} does not exist\n")


def test_a_file_that_cannot_be_written_is_named(model, tmp_path):
    model("train")

    assert model("report", "1", "--output", str(tmp_path)) == (1, "", f"{tmp_path} cannot be written: Is a directory\n")


def test_a_manifest_that_lacks_what_a_card_shows_is_named():
    with pytest.raises(ReportError, match=r"^linear-regression version 1: its manifest lacks what a model card"):
        report.render({**document(), "model": MODEL, "version": 1}, figures={}, feature_figures=[])


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
    page = (ROOT / "model" / "templates" / "style.css").read_text()
    colours = dict(re.findall(r"--([\w-]+):#(\w+)", re.findall(r":root\{[^}]*\}", page)[theme]))

    dark, light = sorted((luminance(colours[text]), luminance(colours[behind])))

    assert (light + 0.05) / (dark + 0.05) >= 4.5


# What the monitor found


@pytest.fixture
def monitored(train, model, registry, tmp_path):
    """Train on columns, capture requests of them that moved, and give the page of what `monitor` found."""

    def monitored(columns, target, *, rows=400, by=1.0):
        made = train(columns, target=target)
        registry.promote(1, alias="production", by="test", reason="test", force=True)
        features = {name: np.asarray(cells[:rows]) + by for name, cells in columns.items() if name != target}
        predictions = np.asarray(columns[target][:rows])
        before = captured.traffic(features, predictions, end=captured.NOW - timedelta(hours=24), name="before")
        lines = captured.lines([*before, *captured.traffic(features, predictions, name="now")])
        (tmp_path / "captured.jsonl").write_bytes(lines + captured.lines([b"<script>alert(1)</script>"]))
        until = ("--until", captured.NOW.isoformat(), "--config", str(tmp_path / "config.toml"))
        path = tmp_path / "monitor.html"
        code, _, said = model("monitor", str(tmp_path / "captured.jsonl"), "--report", str(path), *until)
        assert (code, said) == (3, "")
        assert made["version"] == 1
        return path.read_text()

    return monitored


def test_the_monitor_s_page_says_what_to_do_and_shows_every_figure(monitored):
    page = monitored(world(), "y")

    text = Page(page).text
    for part in ("alert", "input-skew", "What to do", "Version 1, in production", "Over time", "Requests", "The log"):
        assert part in text
    assert "check the unit and what fills it" in text
    assert page.count("<svg ") == page.count('role="img" aria-label="') == 6
    assert len(Page(page).ids) == len(set(Page(page).ids))


def test_the_monitor_s_page_is_whole_by_itself_and_escapes_what_it_read(monitored):
    parsed = Page(monitored(small_hostile_world(), "<b>y</b>"))

    assert parsed.elements.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "base", "form", "image"})
    assert [name for name, _ in parsed.attributes if name.startswith("on") or name in {"src", "srcset", "action"}] == []
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in parsed.attributes
    assert HOSTILE in parsed.text
    assert "<script>alert(1)</script>" in parsed.text


def test_the_monitor_s_page_of_nothing_is_a_page(model, production, tmp_path):
    production()
    (tmp_path / "captured.jsonl").write_bytes(b"")

    arguments = (str(tmp_path / "captured.jsonl"), "--report", str(tmp_path / "monitor.html"))

    assert model("monitor", *arguments)[0] == 0
    assert "There are too few rows to tell." in Page((tmp_path / "monitor.html").read_text()).text


# In a browser


@pytest.fixture(scope="session")
def chromium():
    """Chromium's path. Without one these tests are skipped, but on CI they fail: there nobody would notice."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        wanted = "chromium must be on PATH to look at the model card (on Debian and Ubuntu: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(wanted)
        pytest.skip(wanted)
    return found


def browse(chromium, folder, page, width, *arguments, dark=False):
    """Show the page as it is in a frame as wide as asked for, since a window cannot be as narrow as a phone."""
    (folder / "frame.html").write_text(
        f"""<!doctype html><title>waiting</title><body style="margin:0">
        <iframe style="border:0;width:{width}px;height:1200px" srcdoc="{html.escape(page)}"
          onload="const all = this.contentDocument.documentElement;
            document.title = JSON.stringify([all.clientWidth, all.scrollWidth, all.scrollHeight])"></iframe>"""
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


@pytest.mark.parametrize("width", [pytest.param(1280, id="screen"), pytest.param(390, id="phone")])
def test_nothing_overflows_sideways(chromium, train, card, tmp_path, width):
    """With names of 200 letters, tags in names, and 14 features."""
    train(hostile_world(), target="<b>y</b>")

    seen = browse(chromium, tmp_path, card(), width, "--dump-dom")

    client, scroll, height = json.loads(html.unescape(re.search("<title>(.*?)</title>", seen)[1]))
    assert (client, scroll) == (width, width)
    assert height > 3_000


@pytest.mark.parametrize("width", [pytest.param(1280, id="screen"), pytest.param(390, id="phone")])
def test_nothing_of_the_monitor_s_page_overflows_sideways(chromium, monitored, tmp_path, width):
    seen = browse(chromium, tmp_path, monitored(small_hostile_world(), "<b>y</b>"), width, "--dump-dom")

    client, scroll, height = json.loads(html.unescape(re.search("<title>(.*?)</title>", seen)[1]))
    assert (client, scroll) == (width, width)
    assert height > 2_000


@pytest.mark.parametrize("dark", [pytest.param(False, id="light"), pytest.param(True, id="dark")])
@pytest.mark.parametrize("width", [pytest.param(1280, id="screen"), pytest.param(390, id="phone")])
def test_a_screenshot_shows_a_page_in_the_reader_s_theme(chromium, model, tmp_path, width, dark):
    model("train")
    model("report", "1", "--output", str(tmp_path / "card.html"))

    page = (tmp_path / "card.html").read_text()
    browse(chromium, tmp_path, page, width, f"--screenshot={tmp_path / 'card.png'}", dark=dark)

    grey = np.asarray(Image.open(tmp_path / "card.png").convert("L"), dtype=float)[:, :width]
    paper = np.median(grey)
    assert (paper < 60) if dark else (paper > 230)
    assert 0.02 < (np.abs(grey - paper) > 60).mean() < 0.5
    assert (np.abs(grey - paper).max(axis=1) > 60).mean() > 0.2
