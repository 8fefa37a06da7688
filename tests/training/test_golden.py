"""Golden instances hold cells as a person would write them in a request."""

from __future__ import annotations

import json

import numpy as np

from functions.columns.schema import Feature
from functions.columns.table import Table
from model.training.golden import golden


def test_whole_numbers_are_written_without_a_point():
    cells = np.array([[2008.0], [0.5], [-3.0], [1e300]])
    answers = np.arange(4.0)[:, None]

    written = golden(lambda table: table.matrix() * 0, Table(cells), [Feature("year")], answers)

    assert json.dumps([entry["instance"] for entry in written]) == "[[2008], [0.5], [-3], [1e+300]]"
