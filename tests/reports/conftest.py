"""Versions to make pages of."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest

from model.cli.main import main
from tests.support import captured
from tests.support.parts import ROOT


@pytest.fixture
def model(bucket, capsys):
    """Run a verb here; gives exit code, standard output and standard error."""

    def model(*arguments):
        code = main(arguments)
        return (code, *capsys.readouterr())

    return model


@pytest.fixture
def card(model, tmp_path):
    """Write the model card of a version to a file; gives its text."""

    def card(version="1"):
        path = tmp_path / "card.html"
        assert model("report", version, "--output", str(path)) == (0, f"{path}\n", "")
        return path.read_text()

    return card


@pytest.fixture
def train(model, tmp_path):
    """Train on rows made here, with the shipped gate."""

    def train(rows, *, target="y", alpha=0.0):
        head = ",".join('"' + name.replace('"', '""') + '"' for name in rows)
        lines = [",".join(map(repr, map(float, cells))) for cells in zip(*rows.values(), strict=True)]
        (tmp_path / "rows.csv").write_text("\n".join([head, *lines, ""]))
        features = ", ".join(f"{{ name = {json.dumps(name)} }}" for name in rows if name != target)
        shipped = (ROOT / "model" / "config.toml").read_text()
        (tmp_path / "config.toml").write_text(
            f"""
            [data]
            source = {json.dumps(str(tmp_path / "rows.csv"))}
            target = {json.dumps(target)}
            holdout = 0.2
            features = [{features}]
            [training]
            seed = 7
            folds = 5
            candidates = [
              {{ estimator = "sklearn.linear_model.Ridge", scale = true, grid = {{ alpha = [{alpha}, {alpha + 1}] }} }},
            ]
            """
            + shipped[shipped.index("[gate]") :]
        )
        _, output, said = model("train", "--json", "--config", str(tmp_path / "config.toml"))
        assert output, said
        return json.loads(output)

    return train


@pytest.fixture
def monitored(train, model, registry, tmp_path):
    """Train on columns, capture requests of them that moved, and give the page of `monitor`."""

    def monitored(columns, target, *, rows=400, by=1.0):
        made = train(columns, target=target)
        registry.promote(1, alias="production", by="test", reason="test", force=True)
        features = {name: np.asarray(cells[:rows]) + by for name, cells in columns.items() if name != target}
        predictions = np.asarray(columns[target][:rows])
        before = captured.traffic(features, predictions, end=captured.NOW - timedelta(hours=24), name="before")
        lines = captured.lines([*before, *captured.traffic(features, predictions, name="now")])
        (tmp_path / "captured.jsonl").write_bytes(lines + captured.lines([b"<script>alert(1)</script>"]))
        until = ("--until", captured.NOW.isoformat(), "--config", str(tmp_path / "config.toml"))
        path = tmp_path / "monitor.html"
        code, _, said = model("monitor", str(tmp_path / "captured.jsonl"), "--report", str(path), *until)
        assert (code, said) == (3, "")
        assert made["version"] == 1
        return path.read_text()

    return monitored
