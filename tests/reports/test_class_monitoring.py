"""The monitor's page of a classifier: class shares, the score, metrics on labels beside those held out, reliability."""

from __future__ import annotations

from model.reports.class_plots import reliability_diagram
from model.reports.monitoring_page import MOST_RECALLS, Figures, live_metrics, render, worst_columns
from tests.support.classes_seen import class_document
from tests.support.pages import HOSTILE, Page

BINS = [{"low": 0.0, "high": 0.5, "rows": 40, "predicted": 0.2, "observed": 0.3}]


def test_shares_of_classes_and_the_score_stand_beside_training():
    figures = Figures(columns={3: {3: '<svg id="drawn"></svg>'}})

    page = render(class_document(), figures)

    text = Page(page).text
    assert f"late 10 % 25 % {HOSTILE} 90 % 75 %" in text
    assert "score training range shaded" in text
    assert '<svg id="drawn">' in page
    assert "change of a share" in text
    assert Page(page).elements.isdisjoint({"script", "img"})


def test_metrics_on_labels_stand_beside_those_held_out_with_their_intervals():
    text = Page(render(class_document(), Figures())).text

    assert "On 800 labels" in text
    assert "log loss 0.52 0.47 0.58 0.4 0.35 0.45" in text
    assert "recall of late 0.41 0.33 0.49 – – –" in text
    assert "f1" not in text


def test_recalls_of_many_classes_are_left_out():
    document = class_document()["versions"][0]
    score = {"value": 0.5, "low": 0.4, "high": 0.6}
    document["live"]["metrics"] |= {f"recall:{number}": score for number in range(MOST_RECALLS)}

    assert [metric["name"] for metric in live_metrics(document)] == ["log loss", "roc auc", "accuracy"]


def test_reliability_is_drawn_where_labels_have_probabilities():
    figures = Figures(reliability={3: reliability_diagram(BINS, "reliability-3")})

    with_labels, without = render(class_document(), figures), render(class_document(), Figures())

    assert "Reliability on labels" in Page(with_labels).text
    assert 'id="reliability-3-' in with_labels
    assert "Reliability" not in Page(without).text


def test_labels_of_booleans_are_written_as_callers_get_them():
    text = Page(render(class_document(positive=True), Figures())).text

    assert "true 10 % 25 %" in text


def test_predicted_classes_that_moved_stand_first():
    document = class_document()["versions"][0]

    assert worst_columns([*document["features"], document["prediction"]]) == [2, 0, 1]
