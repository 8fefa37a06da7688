"""The card of a classifier: two classes with a threshold, many classes, labels alone; its calls give its answers."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess

import numpy as np
import pytest

from functions import artifact
from tests.support.pages import HOSTILE, Page, measured
from tests.support.parts import MODEL

LOGISTIC = "sklearn.linear_model.LogisticRegression"


@pytest.fixture
def train_classes(unasked, model, tmp_path):
    """Train a classifier on rows of two columns and a label."""

    def train(labels, *, estimator=LOGISTIC, training="", names=("a", "b"), rows=600):
        rng = np.random.default_rng(4)
        cells = rng.normal(size=(rows, 2))
        scores = np.outer(cells[:, 0], np.linspace(-2, 2, len(labels))) + rng.gumbel(size=(rows, len(labels)))
        chosen = [labels[place] for place in scores.argmax(axis=1)]
        lines = [
            {**dict(zip(names, row, strict=True)), "label": own}
            for row, own in zip(cells.tolist(), chosen, strict=True)
        ]
        (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
        (tmp_path / "config.toml").write_text(
            f"""
            [data]
            source = {json.dumps(str(tmp_path / "rows.jsonl"))}
            target = "label"
            [training]
            task = "classification"
            repeats = 1
            {training}
            candidates = [{{ estimator = "{estimator}" }}]
            """
        )
        _, output, said = model("train", "--json", "--config", str(tmp_path / "config.toml"))
        assert output, said
        assert "card" not in said
        return json.loads(output)

    return train


def figures(page):
    return [re.sub(r"<[^>]+>", "", caption).strip() for caption in re.findall(r"<figcaption>(.*?)</figcaption>", page)]


def test_a_card_of_two_classes_has_its_plots_and_marks_the_threshold(train_classes, card):
    made = train_classes(["late", "on time"], training='positive = "late"\nthreshold = 0.3')

    page = card()

    text = Page(page).text
    assert figures(page)[:4] == [
        "Reliability probability of late",
        "Score by class positive is late; answered where shaded",
        "ROC the dot is the threshold's",
        "Precision and recall the dot is the threshold's",
    ]
    assert page.count("<svg ") == page.count('role="img" aria-label="') == 6
    assert "late is answered from a probability of 0.3 on" in text
    (right, wrong), _ = made["confusion"]
    assert f"late {right} {wrong} {right + wrong}" in text
    assert "ROC AUC on held-out rows" in text
    assert "log loss grows by" in text
    assert "log loss in cross-validation" in text
    assert "by the expected" in text


def test_a_card_of_several_classes_ranks_each_against_the_rest(train_classes, card):
    train_classes([1, 2, 3, 4, 5, 6, 7], rows=900)

    page = card()

    assert figures(page)[:3] == [
        "Reliability probability of the likeliest class",
        "ROC dots are the labels'",
        "Precision and recall dots are the labels'",
    ]
    assert page.count('class="swatch') == 12
    assert "drawn are the 6 commonest classes" in Page(page).text


def test_a_classifier_without_probabilities_has_its_labels_alone(train_classes, card):
    train_classes([True, False], estimator="sklearn.linear_model.RidgeClassifier")

    page = card()

    assert "This classifier gives no probabilities: it is judged by its labels alone." in Page(page).text
    assert "error rate grows by" in Page(page).text
    assert "actual, by predicted false true rows" in Page(page).text
    assert [caption.partition(" training range")[0] for caption in figures(page)] == ["a", "b"]


def test_no_table_of_a_classifier_s_card_is_cut_off(train_classes, card, browser, tmp_path):
    train_classes(["late", "early or never", "on time"], names=("w" * 200, "b"))
    page = card()

    (screen, phone) = (measured(browser, tmp_path, page, width) for width in (1200, 400))

    assert (screen[:2], screen[3]) == ([1200, 1200], [])
    assert (phone[:2], phone[3]) == ([400, 400], [])


def test_labels_from_the_data_are_escaped(train_classes, card):
    train_classes([HOSTILE, "<b>other</b>"], names=(HOSTILE + "1", "b"), training=f"positive = {json.dumps(HOSTILE)}")

    parsed = Page(card())

    assert parsed.elements.isdisjoint({"script", "img", "link"})
    assert "<b>other</b>" in parsed.text
    assert f"positive is {HOSTILE}" in parsed.text


def test_a_classifier_s_card_is_made_again_byte_for_byte_beside_the_production_it_was_compared_with(
    train_classes, model, bucket, card, quick
):
    train_classes(["late", "on time"])
    model("promote", "--force", "--reason", "test")
    quick.undo()
    train_classes(["late", "on time"], training="threshold = 0.4")
    name = artifact.report_name(MODEL, 2)
    published = bucket.blob(name).download_as_bytes()
    bucket.blob(name).delete()

    text = Page(card("2")).text

    assert bucket.blob(name).download_as_bytes() == published
    assert "Against production, version 1" in text
    assert "Saved log loss 0 %" in text
    assert "log loss of production" in text


def test_the_calls_of_a_classifier_s_card_give_the_answers_it_shows(train_classes, model, serve, card, tmp_path):
    train_classes([1, 2, 3])
    model("promote", "--force", "--reason", "test")
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
        chances, told = (np.array(each.pop("probabilities")) for each in (found, wanted))
        assert chances == pytest.approx(told, rel=1e-9)
        assert {name: found[name] for name in wanted} == wanted

    assert len(shown) == 3
