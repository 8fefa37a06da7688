"""Every code has its advice, and the README explains the same codes."""

from __future__ import annotations

import re

from model.monitoring.findings import ADVICE
from tests.support.parts import ROOT


def test_every_code_has_its_advice_and_is_explained_in_the_readme():
    readme = (ROOT / "model/monitoring/README.md").read_text()
    table = readme.partition("| code | ")[2]

    assert re.findall(r"(?m)^\| `([a-z-]+)` \|", table) == list(ADVICE)
