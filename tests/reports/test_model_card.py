"""The model card: whole by itself, escaped, and its calls give the answers that it shows."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
import urllib.parse

import numpy as np
import pytest

from functions import artifact
from model.errors import ReportError
from model.registry.registry import Registry
from model.reports import model_card
from tests.support.pages import HOSTILE, Page, world
from tests.support.parts import MODEL, copy_objects, document

CARD = artifact.report_name(MODEL, 1)


def test_a_card_comes_with_every_version(shipped, card):
    pages = [Registry(shipped.bucket.name, MODEL).report(version) for version in (1, 2)]

    for version, page in enumerate(pages, start=1):
        assert f"<title>{MODEL} version {version}</title>" in page
    assert card("2") == pages[1].replace(model_card.STANDING, "")


def test_a_card_says_what_was_made_of_what_and_how_good_it_is(compared, card):
    made = compared.documents[1]

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


def test_a_refused_version_s_card_says_so(shipped, card):
    page = card("2")

    assert "refused by the gate" in Page(page).text
    assert page.count('<tr class="failed">') == 2


def test_a_promotion_by_force_is_shown_with_its_reason(made_shipped, model, bucket, card):
    copy_objects(made_shipped.bucket, bucket)
    model("promote", "2", "--force", "--reason", f"because {HOSTILE}", "--by", "ada@example")

    page = card("2")

    assert f"because {HOSTILE}" in Page(page).text
    assert "Promoted by force: the gate had refused this version." in Page(page).text
    assert "img" not in Page(page).elements


def test_a_card_needs_no_script_and_no_network(compared, card):
    page = Page(card("2"))

    assert page.elements.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "base", "form", "image"})
    assert [name for name, _ in page.attributes if name.startswith("on") or name in {"src", "srcset", "action"}] == []
    addressed = [value for name, value in page.attributes if name in {"href", "xlink:href", "clip-path"}]
    assert addressed
    assert [value for value in addressed if not re.match(r"(#|url\(#)", value)] == []
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_everything_from_the_data_is_escaped(hostile, card):
    page = card()
    parsed = Page(page)

    assert hostile.documents[0]["features"][0]["name"] == HOSTILE
    assert parsed.elements.isdisjoint({"script", "img"})
    assert [name for name, _ in parsed.attributes if name.startswith("on")] == []
    assert HOSTILE in parsed.text
    assert "<b>y</b>" in parsed.text
    assert html.escape(HOSTILE, quote=False).split("&amp;")[0] in page


def test_every_plot_has_words_and_ids_of_its_own(compared, card):
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


def test_a_card_that_is_gone_is_made_again_byte_for_byte(made_compared, bucket, card):
    """A trainer that was killed after the manifest leaves no card."""
    copy_objects(made_compared.bucket, bucket)
    name = artifact.report_name(MODEL, 2)
    published = bucket.blob(name).download_as_bytes()
    bucket.blob(name).delete()

    card("2")

    assert bucket.blob(name).download_as_bytes() == published


def test_a_card_is_made_again_without_the_production_it_was_compared_with(made_compared, bucket, card):
    copy_objects(made_compared.bucket, bucket)
    bucket.blob(artifact.manifest_name(MODEL, 1)).delete()
    bucket.blob(artifact.report_name(MODEL, 2)).delete()

    assert "Against production, version 1" in Page(card("2")).text


@pytest.mark.process
def test_a_manifest_stays_small(made_shipped):
    assert len(artifact.canonical(made_shipped.documents[0])) < 20_000


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

    assert [example.command.split('"')[1] for example in model_card.examples(made)] == [
        "$BATCH/batch/[-1.0,0.0]",
        "$BATCH/batch",
        "$STREAM/stream/-1.0",
    ]


def test_the_file_is_named_after_the_version(shipped, model, tmp_path, monkeypatch):
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
def test_a_browser_opens_on_a_desktop_only(shipped, model, tmp_path, monkeypatch, where, opened):
    display, terminal = where
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


def test_a_card_whose_rows_are_gone_says_which(model, bucket, quick):
    _, output, _ = model("train", "--json")
    quick.undo()
    uri = json.loads(output)["data"]["uri"]
    bucket.blob(uri.split("/", 3)[3]).delete()
    bucket.blob(CARD).delete()

    assert model("report", "1") == (1, "", f"{uri} does not exist\n")


def test_a_file_that_cannot_be_written_is_named(shipped, model, tmp_path):
    assert model("report", "1", "--output", str(tmp_path)) == (1, "", f"{tmp_path} cannot be written: Is a directory\n")


def test_a_manifest_that_lacks_what_a_card_shows_is_named():
    with pytest.raises(ReportError, match=r"^linear-regression version 1: its manifest lacks what a model card"):
        model_card.render({**document(), "model": MODEL, "version": 1}, figures={}, feature_figures=[])
