"""Environments of clients: made once, anew where their list changed, skipped where they cannot be had."""

from __future__ import annotations

import pytest

from tests.support.environments import python_with


@pytest.mark.process
def test_packages_that_cannot_be_had_skip_a_test_with_the_reason(tmp_path):
    (tmp_path / "odd.txt").write_text("--no-index\nthere-is-no-such-package==1.0\n")

    with pytest.raises(pytest.skip.Exception, match=r"^odd could not be installed: .*there-is-no-such-package"):
        python_with("odd", folder=tmp_path / "made", lists=tmp_path)


@pytest.mark.process
def test_an_environment_is_made_once_and_anew_where_its_list_changed(tmp_path):
    (tmp_path / "none.txt").write_text("# nothing\n")
    mark = tmp_path / "made" / "none" / "mark"
    kept = []
    for change in ("", "", "# more\n"):
        (tmp_path / "none.txt").write_text((tmp_path / "none.txt").read_text() + change)
        python_with("none", folder=tmp_path / "made", lists=tmp_path)
        kept.append(mark.exists())
        mark.touch()

    assert kept == [False, True, False]
