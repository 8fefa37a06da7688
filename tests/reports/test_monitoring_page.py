"""The monitor's page: whole by itself, escaped, and it shows every figure."""

from __future__ import annotations

from tests.support.pages import HOSTILE, Page, small_hostile_world, world


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
