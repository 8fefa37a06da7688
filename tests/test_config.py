"""config.toml is read strictly: each mistake is named with its place."""

from __future__ import annotations

import pytest
from parts import ROOT

from model import config

SHIPPED = ROOT / "model" / "config.toml"


def test_the_shipped_file_reads():
    read = config.read(SHIPPED)

    assert (read.data.source, read.data.target) == ("sklearn:diabetes", "disease_progression")
    assert [feature.name for feature in read.data.features] == ["bmi"]
    assert len(read.training.candidates) == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            "seed = 7", "sede = 7", "training.seed is missing\ntraining.sede is no key that is known here", id="key"
        ),
        pytest.param("[gate]", "[gates]", "gate is missing\ngates is no key that is known here", id="section"),
        pytest.param("seed = 7", 'seed = "7"', "training.seed: input should be a valid integer, got '7'", id="type"),
        pytest.param(
            "folds = 5", "folds = 1", "training.folds: input should be greater than or equal to 2, got 1", id="bound"
        ),
        pytest.param(
            "holdout = 0.2", "holdout = 1.0", "data.holdout: input should be less than 1, got 1.0", id="share"
        ),
        pytest.param(
            "min_r2 = 0.1",
            "min_r2 = nan",
            "gate.min_r2: input should be less than or equal to 1, got nan",
            id="nan",
        ),
        pytest.param(
            'name = "bmi" }',
            'name = "bmi", nullable = true }',
            "data.features[0].nullable is no key that is known here",
            id="nested",
        ),
        pytest.param(
            'name = "bmi" }',
            'name = "bmi", minimum = 2, maximum = 1 }',
            "data.features[0]: minimum 2.0 must not exceed maximum 1.0",
            id="bounds-crossed",
        ),
        pytest.param(
            '[{ name = "bmi" }]',
            '[{ name = "bmi" }, { name = "bmi" }]',
            "data.features: each feature must be named once, got bmi more often",
            id="doubled-feature",
        ),
        pytest.param(
            'name = "bmi"',
            'name = "disease_progression"',
            "data: target 'disease_progression' must not be a feature too",
            id="target-as-feature",
        ),
        pytest.param("alpha = [0.1, 1.0, 10.0]", "alpha = []", None, id="empty-grid"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, old, new, message):
    path = tmp_path / "config.toml"
    text = SHIPPED.read_text()
    assert old in text
    path.write_text(text.replace(old, new))

    with pytest.raises(config.ConfigError) as raised:
        config.read(path)

    if message is None:
        assert str(raised.value).startswith(
            f"{path}: training.candidates[1].grid.alpha: list should have at least 1 item"
        )
    else:
        assert str(raised.value) == "\n".join(f"{path}: {line}" for line in message.split("\n"))


def test_a_file_that_is_no_toml_or_not_there_is_named(tmp_path):
    (tmp_path / "bad.toml").write_bytes(b"[data\xff")

    with pytest.raises(config.ConfigError, match=r"bad\.toml must be TOML: "):
        config.read(tmp_path / "bad.toml")
    with pytest.raises(config.ConfigError, match=r"absent\.toml cannot be read: No such file or directory$"):
        config.read(tmp_path / "absent.toml")
