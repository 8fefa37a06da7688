"""How many processors a process may use: its affinity, within the quota of its container."""

from __future__ import annotations

import pytest

from functions.processes import cores


@pytest.fixture
def four(monkeypatch, tmp_path):
    """A machine with four processors, whose quota stands in files of *tmp_path*."""
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr(
        cores,
        "_QUOTAS",
        ((str(tmp_path / "cpu.max"), None), (str(tmp_path / "quota"), str(tmp_path / "period"))),
    )
    return tmp_path


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, 4, id="no-quota"),
        pytest.param({"cpu.max": "max 100000\n"}, 4, id="without-bound"),
        pytest.param({"cpu.max": "200000 100000\n"}, 2, id="two"),
        pytest.param({"cpu.max": "150000 100000\n"}, 1, id="one-and-a-half"),
        pytest.param({"cpu.max": "8000 100000\n"}, 1, id="a-part-of-one"),
        pytest.param({"cpu.max": "900000 100000\n"}, 4, id="more-than-there-are"),
        pytest.param({"cpu.max": "what\n"}, 4, id="no-number"),
        pytest.param({"quota": "300000\n", "period": "100000\n"}, 3, id="first-version"),
        pytest.param({"quota": "-1\n", "period": "100000\n"}, 4, id="first-version-without-bound"),
        pytest.param({"quota": "300000\n"}, 4, id="no-period"),
    ],
)
def test_the_quota_bounds_the_affinity(four, files, expected):
    for name, text in files.items():
        (four / name).write_text(text)

    assert cores.cores() == expected
