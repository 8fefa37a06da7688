"""The monitor's page: whole by itself, escaped, and it shows every figure."""

from __future__ import annotations

import pytest

from tests.support.pages import HOSTILE, Page


@pytest.mark.process
def test_the_monitor_s_page_says_what_to_do_and_shows_every_figure(monitored):
    text = Page(monitored).text

    for part in ("alert", "input-skew", "What to do", "Version 1, in production", "Over time", "Requests", "The log"):
        assert part in text
    assert "check the unit and what fills it" in text
    assert monitored.count("<svg ") == monitored.count('role="img" aria-label="') == 6
    assert len(Page(monitored).ids) == len(set(Page(monitored).ids))


@pytest.mark.process
def test_the_monitor_s_page_is_whole_by_itself_and_escapes_what_it_read(hostile_monitored):
    parsed = Page(hostile_monitored)

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
