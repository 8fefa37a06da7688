"""A log, or labels, that cannot be trusted are a finding."""

from __future__ import annotations

import pytest

from model.monitoring.captured import LogCounts, Unusable
from model.monitoring.labels import LabelCounts
from tests.support.verdicts import WIDE, brief, judge, judged, moved
from tests.support.windows import window


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"unusable": {"not-json": Unusable(1, "f line 9: …")}}, None, id="one-line"),
        pytest.param({"unusable": {"not-json": Unusable(20, "f line 9: …")}}, "not-json", id="not-json"),
        pytest.param({"unusable": {"bad-time": Unusable(20, "f line 9: …")}}, "bad-time", id="bad-time"),
        pytest.param({"unusable": {"unknown-version": Unusable(500, "f line 9: …")}}, "unknown-version", id="version"),
        pytest.param({"duplicates": 100}, "duplicates", id="duplicates"),
        pytest.param({"incomplete_requests": 100}, "lost-rows", id="lost-rows"),
        pytest.param({"incomplete_requests": None}, None, id="nobody-can-tell"),
    ],
)
def test_a_log_that_cannot_be_trusted_is_a_finding(changes, code):
    document = judged(window(WIDE, moved(0)), log=LogCounts(lines=1_000, rows=1_000, requests=1_000, **changes))

    assert [found["code"] for found in document["findings"]] == ([code] if code else [])
    assert document["status"] == ("warn" if code else "ok")


def test_labels_that_meet_no_row_are_a_finding():
    labels = LabelCounts(
        "l.csv", labels=100, matched=40, unmatched=60, repeated=0, conflicting=0, unusable=0, example=""
    )

    (found,) = judge(labels=labels)["findings"]

    assert brief(judge(labels=labels)) == [("warn", "labels", "labels")]
    assert found["found"] == "of 100 labels 60 match no row"
    assert found["advice"] == "these labels were not used: check that request_id and row are those of the log"


@pytest.mark.parametrize(
    ("counts", "found", "advice"),
    [
        pytest.param(
            {"matched": 70, "unusable": 30, "example": "; label 0: …", "lost": ("late",)},
            'of 100 labels 30 cannot be read; label 0: …; labels of "late" are left out, and live metrics lean to the '
            "other classes",
            "write each label as the model's class is spelled: until then no live metric is an improvement",
            id="spelling",
        ),
        pytest.param(
            {"matched": 70, "unusable": 30, "example": "; label 0: …"},
            "of 100 labels 30 cannot be read; label 0: …",
            "repair the rows that cannot be read",
            id="unreadable",
        ),
        pytest.param(
            {"matched": 100, "conflicting": 4},
            "of 100 labels 4 contradict each other",
            "give each request_id and row one label",
            id="contradiction",
        ),
        pytest.param(
            {"matched": 70, "unmatched": 10, "conflicting": 20},
            "of 100 labels 10 match no row, 20 contradict each other",
            "give each request_id and row one label; check that request_id and row are those of the log",
            id="two-reasons",
        ),
    ],
)
def test_the_advice_about_labels_is_about_their_own_reason(counts, found, advice):
    none = {"unmatched": 0, "repeated": 0, "conflicting": 0, "unusable": 0, "example": ""}

    (finding,) = judge(labels=LabelCounts("l.csv", labels=100, **(none | counts)))["findings"]

    assert (finding["found"], finding["advice"]) == (found, f"these labels were not used: {advice}")
