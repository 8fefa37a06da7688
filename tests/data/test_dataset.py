"""Rows of a source and a configuration, put together."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from model import config
from model.workflows import dataset
from tests.support.parts import ROOT


def test_limits_of_a_float32_column_are_met_by_the_same_digits(tmp_path):
    """0.3 of float32 is more than 0.3."""
    grades = np.resize(np.float32([0.1, 0.3, 0.7, 0.71]), 400)
    pq.write_table(pa.table({"grade": grades, "z": np.arange(400.0)}), tmp_path / "grades.parquet")
    text = (ROOT / "model" / "config.toml").read_text()
    text = text.replace("sklearn:diabetes", str(tmp_path / "grades.parquet")).replace("disease_progression", "z")
    limits = '{ name = "grade", minimum = 0.1, maximum = 0.3 }'
    (tmp_path / "config.toml").write_text(text.replace('{ name = "bmi" }', limits))
    settings = config.read(tmp_path / "config.toml")

    findings = dataset.findings(dataset.read(settings, settings.data.source, None), None)

    assert [(finding.where, finding.count) for finding in findings if finding.code == "out-of-bounds"] == [
        ("grade", 200)
    ]
