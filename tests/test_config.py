"""config.toml is read strictly: every mistake is named with its place and the expected value."""

from __future__ import annotations

import re

import pytest

from model.config import (
    CANDIDATES,
    CandidateConfig,
    Config,
    ConfigError,
    DataConfig,
    FeatureConfig,
    GateConfig,
    TrainingConfig,
    read,
)
from tests.support.parts import ROOT

GOOD = """
[data]
source = "rows.csv"
target = "y"
holdout = 0.2
features = [{ name = "age", minimum = 0, maximum = 120.5 }, { name = "bmi" }]

[training]
seed = 7
folds = 5
candidates = [{ estimator = "sklearn.linear_model.Ridge", scale = true, grid = { alpha = [0.1, 1] } }]

[gate]
min_rows = 200
min_holdout_rows = 50
min_r2 = 0.1
max_r2 = 0.98
confidence = 0.95
min_improvement = 0.01
max_move = 0.25
slices = 4
min_slice_rows = 10
max_slice_ratio = 2.0
max_slice_loss = 1.25
"""

GATE_READ = GateConfig(
    min_rows=200,
    min_holdout_rows=50,
    min_r2=0.1,
    max_r2=0.98,
    confidence=0.95,
    min_improvement=0.01,
    max_move=0.25,
    slices=4,
    min_slice_rows=10,
    max_slice_ratio=2.0,
    max_slice_loss=1.25,
)

GATE = GOOD[GOOD.index("[gate]") :]
CANDIDATE = '{ estimator = "sklearn.linear_model.Ridge", scale = true, grid = { alpha = [0.1, 1] } }'
FEATURES = '[{ name = "age", minimum = 0, maximum = 120.5 }, { name = "bmi" }]'


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config.toml"


def refusal(path):
    """The message with which the file is refused, without the file's place."""
    with pytest.raises(ConfigError) as caught:
        read(path)
    return str(caught.value).replace(str(path), "FILE")


def changed(path, old, new):
    """Write the good file with *old* replaced by *new*."""
    assert GOOD.count(old) == 1
    path.write_text(GOOD.replace(old, new))
    return path


def test_a_missing_file_is_named(path):
    assert refusal(path) == "FILE cannot be read: No such file or directory"


def test_a_folder_is_no_file(tmp_path):
    assert refusal(tmp_path) == "FILE cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            b"[data", "FILE must be TOML: Expected ']' at the end of a table declaration (at end of document)", id="cut"
        ),
        pytest.param(b'{"data": 1}', "FILE must be TOML: Invalid statement (at line 1, column 1)", id="json"),
        pytest.param(
            b"a = 1\na = 2", "FILE must be TOML: Cannot overwrite a value (at end of document)", id="doubled-key"
        ),
        pytest.param(
            b"\xff\xfe",
            "FILE must be TOML: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
            id="utf-16",
        ),
        pytest.param(b"", "FILE: data is missing", id="empty"),
    ],
)
def test_what_is_no_config_is_refused(path, data, message):
    path.write_bytes(data)

    assert refusal(path) == message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("[data]", "x = 1\n[data]", "x is no key that is known here", id="file"),
        pytest.param("[gate]", "[gates]\n[gate]", "gates is no key that is known here", id="section"),
        pytest.param("seed = 7", "seed = 7\nsed = 7", "training.sed is no key that is known here", id="training"),
        pytest.param("min_r2 = 0.1", "min_r2 = 0.1\nr2 = 1", "gate.r2 is no key that is known here", id="gate"),
        pytest.param('target = "y"', 'target = "y"\nx = 1', "data.x is no key that is known here", id="data"),
        pytest.param(
            '"bmi" }', '"bmi", unit = "x" }', "data.features[1].unit is no key that is known here", id="feature"
        ),
        pytest.param(
            "scale = true",
            "scaled = true",
            "training.candidates[0].scaled is no key that is known here",
            id="candidate",
        ),
    ],
)
def test_an_unknown_key_is_named_at_every_level(path, old, new, message):
    assert refusal(changed(path, old, new)) == f"FILE: {message}"


@pytest.mark.parametrize(
    ("old", "message"),
    [
        pytest.param('source = "rows.csv"', "data.source is missing", id="source"),
        pytest.param('target = "y"', "data.target is missing", id="target"),
        pytest.param(
            'estimator = "sklearn.linear_model.Ridge", ',
            "training.candidates[0]: must name either an estimator or a pipeline",
            id="estimator",
        ),
        pytest.param('name = "age", ', "data.features[0].name is missing", id="name"),
    ],
)
def test_what_is_missing_is_named(path, old, message):
    assert refusal(changed(path, old, "")) == f"FILE: {message}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            'source = "rows.csv"', "source = 1", "data.source: input should be a valid string, got 1", id="source"
        ),
        pytest.param(
            "holdout = 0.2",
            'holdout = "a fifth"',
            "data.holdout: input should be a valid number, got 'a fifth'",
            id="text",
        ),
        pytest.param(
            "holdout = 0.2", "holdout = true", "data.holdout: input should be a valid number, got True", id="bool"
        ),
        pytest.param(
            "seed = 7", 'seed = "7"', "training.seed: input should be a valid integer, got '7'", id="seed-text"
        ),
        pytest.param(
            "seed = 7", "seed = 7.0", "training.seed: input should be a valid integer, got 7.0", id="seed-float"
        ),
        pytest.param(
            "seed = 7", "seed = true", "training.seed: input should be a valid integer, got True", id="seed-bool"
        ),
        pytest.param(
            "minimum = 0,",
            "minimum = '0',",
            "data.features[0].minimum: input should be a valid number, got '0'",
            id="minimum",
        ),
        pytest.param(
            '"bmi" }',
            '"bmi", redact = "yes" }',
            "data.features[1].redact: input should be a valid boolean, got 'yes'",
            id="redact",
        ),
        pytest.param(
            "scale = true",
            "scale = 1",
            "training.candidates[0].scale: input should be a valid boolean, got 1",
            id="scale",
        ),
        pytest.param(
            "alpha = [0.1, 1]",
            "alpha = 0.1",
            "training.candidates[0].grid.alpha: input should be a valid list, got 0.1",
            id="grid",
        ),
        pytest.param(FEATURES, '"bmi"', "data.features: input should be a valid list, got 'bmi'", id="features"),
    ],
)
def test_a_wrong_type_is_named_with_what_was_expected(path, old, new, message):
    assert refusal(changed(path, old, new)) == f"FILE: {message}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            "holdout = 0.2", "holdout = 0", "data.holdout: input should be greater than 0, got 0", id="holdout-none"
        ),
        pytest.param(
            "holdout = 0.2", "holdout = 1.0", "data.holdout: input should be less than 1, got 1.0", id="holdout-all"
        ),
        pytest.param(
            "holdout = 0.2", "holdout = nan", "data.holdout: input should be less than 1, got nan", id="holdout-nan"
        ),
        pytest.param(
            "seed = 7",
            "seed = -1",
            "training.seed: input should be greater than or equal to 0, got -1",
            id="seed-minus",
        ),
        pytest.param(
            "seed = 7",
            "seed = 4294967296",
            "training.seed: input should be less than 4294967296, got 4294967296",
            id="seed-beyond-32-bits",
        ),
        pytest.param(
            "folds = 5",
            "folds = 5\nrepeats = 0",
            "training.repeats: input should be greater than or equal to 1, got 0",
            id="no-repeats",
        ),
        pytest.param(
            "folds = 5",
            "folds = 5\nrepeats = 101",
            "training.repeats: input should be less than or equal to 100, got 101",
            id="many-repeats",
        ),
        pytest.param(
            "holdout = 0.2",
            "holdout = 0.2\nrows_per_feature = 0",
            "data.rows_per_feature: input should be greater than or equal to 1, got 0",
            id="no-rows-a-feature",
        ),
        pytest.param(
            "holdout = 0.2",
            "holdout = 0.2\nmax_shift = 0",
            "data.max_shift: input should be greater than 0, got 0",
            id="no-shift",
        ),
        pytest.param(
            "holdout = 0.2",
            "holdout = 0.2\nmax_shift = inf",
            "data.max_shift: input should be a finite number, got inf",
            id="any-shift",
        ),
        pytest.param(
            "folds = 5", "folds = 1", "training.folds: input should be greater than or equal to 2, got 1", id="one-fold"
        ),
        pytest.param(
            "folds = 5",
            "folds = 101",
            "training.folds: input should be less than or equal to 100, got 101",
            id="many-folds",
        ),
        pytest.param(
            "min_rows = 200",
            "min_rows = 0",
            "gate.min_rows: input should be greater than or equal to 1, got 0",
            id="no-rows",
        ),
        pytest.param(
            "min_holdout_rows = 50",
            "min_holdout_rows = 1",
            "gate.min_holdout_rows: input should be greater than or equal to 2, got 1",
            id="one-held-out-row",
        ),
        pytest.param(
            "min_r2 = 0.1",
            "min_r2 = 1.1",
            "gate.min_r2: input should be less than or equal to 1, got 1.1",
            id="r2-above",
        ),
        pytest.param(
            "min_r2 = 0.1",
            "min_r2 = -1.1",
            "gate.min_r2: input should be greater than or equal to -1, got -1.1",
            id="r2-below",
        ),
        pytest.param(
            "min_r2 = 0.1", "min_r2 = nan", "gate.min_r2: input should be less than or equal to 1, got nan", id="r2-nan"
        ),
        pytest.param(
            "confidence = 0.95",
            "confidence = 95",
            "gate.confidence: input should be less than or equal to 0.999, got 95",
            id="confidence-in-percent",
        ),
        pytest.param(
            "max_r2 = 0.98",
            "max_r2 = 0.09",
            "gate: min_r2 0.1 must not exceed max_r2 0.09",
            id="r2-that-cannot-be-passed",
        ),
        pytest.param(
            "max_r2 = 0.98",
            "max_r2 = 0.98\nmin_auc = 0.9\nmax_auc = 0.8",
            "gate: min_auc 0.9 must not exceed max_auc 0.8",
            id="auc-that-cannot-be-passed",
        ),
        pytest.param(
            "max_r2 = 0.98",
            "max_r2 = 0.98\nmin_recall = { late = 80 }",
            "gate.min_recall: must be a share from 0 to 1, or one for each label like { late = 0.8 }, got {'late': 80}",
            id="recall-in-percent",
        ),
        pytest.param(
            "max_r2 = 0.98",
            "max_r2 = 0.98\nmin_recall = true",
            "gate.min_recall: must be a share from 0 to 1, or one for each label like { late = 0.8 }, got True",
            id="recall-that-is-no-number",
        ),
        pytest.param(
            "max_slice_loss = 1.25",
            "max_slice_loss = 0.99",
            "gate.max_slice_loss: input should be greater than or equal to 1, got 0.99",
            id="slices-better-than-the-whole",
        ),
        pytest.param(
            "slices = 4", "slices = 1", "gate.slices: input should be greater than or equal to 2, got 1", id="one-slice"
        ),
        pytest.param(
            "max_move = 0.25", "max_move = 0", "gate.max_move: input should be greater than 0, got 0", id="no-move"
        ),
        pytest.param(
            "[0.1, 1]",
            "[100000000000000000000]",
            "training.candidates[0].grid.alpha[0]: must be a whole number of 64 bits, got 100000000000000000000",
            id="grid-beyond-64-bits",
        ),
        pytest.param(
            "min_rows = 200",
            "min_rows = 100000000000000000000",
            "gate.min_rows: input should be less than 9007199254740992, got 100000000000000000000",
            id="count-beyond-53-bits",
        ),
        pytest.param(
            "slices = 4",
            "slices = 4\nmax_rmse = inf",
            "gate.max_rmse: input should be a finite number, got inf",
            id="no-bound-at-all",
        ),
        pytest.param(
            'target = "y"',
            'target = { name = "y", kind = "time" }',
            'data: target must be "COLUMN", or { name = "COLUMN", kind = … } with one of number, boolean, category, got'
            " {'name': 'y', 'kind': 'time'}",
            id="target-of-a-time",
        ),
        pytest.param(
            'target = "y"',
            'target = "y"\ntarget_kind = "number"',
            'data: the kind stands in the target: { name = "COLUMN", kind = "category" }',
            id="kind-beside-the-target",
        ),
        pytest.param(
            'target = "y"',
            'target = "y"\nkey = "y"',
            "data: the key 'y' must be no feature and not the target",
            id="key-of-the-target",
        ),
        pytest.param(
            "slices = 4",
            'slices = 4\nslice_columns = ["y"]',
            "the file: gate.slice_columns must not name the target, 'y'",
            id="slices-of-the-target",
        ),
        pytest.param(
            "confidence = 0.95",
            "confidence = 0.5",
            "gate.confidence: input should be greater than 0.5, got 0.5",
            id="confidence-of-a-coin",
        ),
        pytest.param(
            "maximum = 120.5",
            "maximum = inf",
            "data.features[0].maximum: input should be a finite number, got inf",
            id="maximum-inf",
        ),
        pytest.param(
            'target = "y"',
            'target = ""',
            "data.target: string should have at least 1 character, got ''",
            id="empty-name",
        ),
        pytest.param(
            'target = "y"',
            f'target = "{"y" * 201}"',
            f"data.target: string should have at most 200 characters, got '{'y' * 79}",
            id="long-name",
        ),
        pytest.param(
            FEATURES,
            "[]",
            "data.features: list should have at least 1 item after validation, not 0, got []",
            id="no-features",
        ),
        pytest.param(
            CANDIDATE,
            "",
            "training.candidates: list should have at least 1 item after validation, not 0, got []",
            id="no-candidates",
        ),
        pytest.param(
            "[0.1, 1]",
            "[]",
            "training.candidates[0].grid.alpha: list should have at least 1 item after validation, not 0, got []",
            id="empty-grid",
        ),
    ],
)
def test_a_value_out_of_bounds_is_named_with_the_bound(path, old, new, message):
    assert refusal(changed(path, old, new)) == f"FILE: {message}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            'name = "bmi"',
            'name = "age"',
            "data.features: each feature must be named once, got age more often",
            id="doubled-feature",
        ),
        pytest.param(
            FEATURES,
            '[{ name = "b" }, { name = "a" }, { name = "b" }, { name = "c" }, { name = "a" }]',
            "data.features: each feature must be named once, got a, b more often",
            id="two-doubled-features",
        ),
        pytest.param('target = "y"', 'target = "bmi"', "data: target 'bmi' must not be a feature too", id="target"),
        pytest.param(
            "minimum = 0,",
            "minimum = 121,",
            "data.features[0]: minimum 121.0 must not exceed maximum 120.5",
            id="minimum-above-maximum",
        ),
    ],
)
def test_values_that_contradict_each_other_are_named(path, old, new, message):
    assert refusal(changed(path, old, new)) == f"FILE: {message}"


def test_all_mistakes_are_named_at_once(path):
    path.write_text(GOOD.replace("seed = 7", "sed = 7").replace("folds = 5", "folds = 1").replace("0.95", "95"))

    assert refusal(path).splitlines() == [
        "FILE: training.folds: input should be greater than or equal to 2, got 1",
        "FILE: training.sed is no key that is known here",
        "FILE: gate.confidence: input should be less than or equal to 0.999, got 95",
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("gate = 1\n" + GOOD.replace(GATE, ""), "gate", id="section"),
        pytest.param(GOOD.replace(FEATURES, "[1]"), "data.features[0]", id="feature"),
        pytest.param(GOOD.replace(CANDIDATE, '"sklearn.linear_model.Ridge"'), "training.candidates[0]", id="candidate"),
    ],
)
def test_what_must_be_a_table_is_called_a_table(path, text, place):
    path.write_text(text)

    message = refusal(path)

    assert message.startswith(f"FILE: {place}: ")
    assert ("table" in message, "dictionary" in message, "Config" in message) == (True, False, False)


@pytest.mark.parametrize(
    "value", [pytest.param("[1]", id="array"), pytest.param("nan", id="nan"), pytest.param("{}", id="table")]
)
def test_a_value_of_a_grid_that_is_no_scalar_is_named_once(path, value):
    message = refusal(changed(path, "[0.1, 1]", f"[{value}]"))

    assert message.count("\n") == 0
    assert message.startswith("FILE: training.candidates[0].grid.alpha[0]: ")


def test_a_whole_file_is_read(path):
    path.write_text(GOOD)

    assert (
        read(path).model_dump()
        == Config(
            data=DataConfig(
                source=str(path.parent / "rows.csv"),
                target="y",
                holdout=0.2,
                features=[FeatureConfig(name="age", minimum=0.0, maximum=120.5), FeatureConfig(name="bmi")],
            ),
            training=TrainingConfig(
                seed=7,
                folds=5,
                candidates=[
                    CandidateConfig(estimator="sklearn.linear_model.Ridge", scale=True, grid={"alpha": [0.1, 1]})
                ],
            ),
            gate=GATE_READ,
        ).model_dump()
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("maximum = 120.5", "maximum = 0", id="minimum-equals-maximum"),
        pytest.param("folds = 5", "folds = 2", id="fewest-folds"),
        pytest.param("folds = 5", "folds = 100", id="most-folds"),
        pytest.param("seed = 7", "seed = 4294967295", id="largest-seed"),
        pytest.param("seed = 7", "seed = 0", id="smallest-seed"),
        pytest.param("min_r2 = 0.1", "min_r2 = 0.98", id="least-r2-equals-most"),
        pytest.param("max_r2 = 0.98", "max_r2 = 1", id="highest-r2"),
        pytest.param("confidence = 0.95", "confidence = 0.999", id="highest-confidence"),
        pytest.param("min_improvement = 0.01", "min_improvement = 0", id="any-improvement"),
        pytest.param("max_slice_ratio = 2.0", "max_slice_ratio = 1", id="lowest-slice-ratio"),
        pytest.param("slices = 4", "slices = 2\nmax_rmse = 70\nmax_mae = 60\nmax_bias = 0", id="bounds-in-units"),
        pytest.param("slices = 4", 'slices = 4\nslice_columns = ["age"]', id="slices-by-value"),
        pytest.param("min_r2 = 0.1", "min_r2 = -1", id="lowest-r2"),
        pytest.param("min_rows = 200", "min_rows = 1", id="fewest-rows"),
        pytest.param("min_holdout_rows = 50", "min_holdout_rows = 2", id="fewest-held-out-rows"),
        pytest.param("scale = true, ", "", id="scale-is-optional"),
        pytest.param(", grid = { alpha = [0.1, 1] }", "", id="grid-is-optional"),
    ],
)
def test_bounds_are_inclusive_where_they_can_be(path, old, new):
    assert isinstance(read(changed(path, old, new)), Config)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        pytest.param("0.1, 10.0", [0.1, 10.0], id="floats"),
        pytest.param("1, 2", [1, 2], id="integers"),
        pytest.param("true, false", [True, False], id="bools"),
        pytest.param('"l1", "l2"', ["l1", "l2"], id="texts"),
        pytest.param('0.5, 1, true, "auto"', [0.5, 1, True, "auto"], id="mixed"),
    ],
)
def test_values_of_a_grid_keep_their_type(path, values, found):
    config = read(changed(path, "0.1, 1]", f"{values}]"))

    grid = config.training.candidates[0].grid["alpha"]
    assert [(type(value), value) for value in grid] == [(type(value), value) for value in found]


def test_limits_that_are_not_given_have_their_defaults(path):
    path.write_text(GOOD)

    config = read(path)

    assert (config.data.rows_per_feature, config.data.max_shift, config.training.repeats) == (10, None, 5)


def test_limits_can_be_given(path):
    text = GOOD.replace("holdout = 0.2", "holdout = 0.2\nrows_per_feature = 20\nmax_shift = 0.25")
    path.write_text(text.replace("folds = 5", "folds = 5\nrepeats = 1"))

    config = read(path)

    assert (config.data.rows_per_feature, config.data.max_shift, config.training.repeats) == (20, 0.25, 1)


def test_the_shipped_file_is_the_reference_problem():
    config = read(ROOT / "model" / "config.toml")

    assert config.data == DataConfig(
        source="sklearn:diabetes", target="disease_progression", holdout=0.2, features=[FeatureConfig(name="bmi")]
    )
    assert (config.training.seed, config.training.folds, config.training.repeats) == (7, 5, 5)
    assert [candidate.estimator.rpartition(".")[2] for candidate in config.training.candidates] == [
        "LinearRegression",
        "Ridge",
        "SGDRegressor",
    ]
    assert config.gate == GATE_READ


def test_two_lines_are_a_configuration_with_the_defaults_that_the_shipped_file_argues(path):
    path.write_text('[data]\nsource = "orders.csv"\ntarget = "late"\n')

    found, shipped = read(path), read(ROOT / "model" / "config.toml")

    assert found.data == DataConfig(source=str(path.parent / "orders.csv"), target="late", holdout=shipped.data.holdout)
    same = {"task": "regression", "candidates": shipped.training.candidates}
    assert found.training.model_copy(update=same) == shipped.training
    assert (found.gate, found.retraining, found.monitoring) == (shipped.gate, shipped.retraining, shipped.monitoring)


# Columns


def test_features_that_are_left_out_are_all_columns(path):
    config = read(changed(path, f"features = {FEATURES}\n", ""))

    assert (config.data.features, config.kinds) == (None, [])


def test_a_feature_may_be_given_by_its_name_alone(path):
    config = read(changed(path, FEATURES, '["age", { name = "sex", kind = "category" }]'))

    assert config.data.features == [FeatureConfig(name="age"), FeatureConfig(name="sex", kind="category")]


def test_a_time_has_parts_and_bounds_that_are_dates(path):
    bounds = "minimum = 2020-01-01, maximum = 2020-01-01T02:00:00+01:00"
    feature = f'{{ name = "at", kind = "time", parts = ["weekday", "hour"], {bounds} }}'

    (found,) = read(changed(path, FEATURES, f"[{feature}]")).data.features

    assert (found.parts, found.minimum, found.maximum) == (["weekday", "hour"], 1577836800.0, 1577840400.0)


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        pytest.param(
            'kind = "text"', "kind: must be one of number, boolean, category, time, got 'text'", id="unknown-kind"
        ),
        pytest.param("kind = 1", "kind: input should be a valid string, got 1", id="kind-of-another-type"),
        pytest.param(
            'kind = "time", parts = ["minute"]',
            "parts: must be some of year, month, day, weekday, hour, day_of_year, epoch_days, got 'minute'",
            id="unknown-part",
        ),
        pytest.param(
            'kind = "time", parts = ["hour", "hour"]', "parts: must name each part once, got hour, hour", id="twice"
        ),
        pytest.param(
            'kind = "time", parts = []',
            "parts: list should have at least 1 item after validation, not 0, got []",
            id="no-parts",
        ),
        pytest.param('parts = ["hour"]', 'parts are of a time: the feature needs kind = "time"', id="parts-of-no-time"),
        pytest.param('kind = "category", minimum = 1', "a category has no minimum and no maximum", id="bounds"),
        pytest.param(
            "minimum = 2020-01-01",
            'minimum 2020-01-01 is a date: the feature needs kind = "time"',
            id="date-of-no-time",
        ),
        pytest.param(
            'kind = "time", minimum = 2020-01-02, maximum = 2020-01-01',
            "minimum 1577923200.0 must not exceed maximum 1577836800.0",
            id="dates-in-disorder",
        ),
    ],
)
def test_a_feature_that_does_not_fit_its_kind_is_refused(path, feature, message):
    found = refusal(changed(path, FEATURES, f'[{{ name = "a", {feature} }}]'))

    place, _, detail = found.removeprefix("FILE: data.features[0]").partition(" ")
    assert f"{place.strip('.:')}: {detail}".removeprefix(": ") == message


@pytest.mark.parametrize(
    ("source", "found"),
    [
        pytest.param("rows.csv", "FOLDER/rows.csv", id="beside-it"),
        pytest.param("../rows.csv", "FOLDER/../rows.csv", id="above"),
        pytest.param("/data/rows.csv", "/data/rows.csv", id="absolute"),
        pytest.param("gs://bucket/rows.csv", "gs://bucket/rows.csv", id="bucket"),
        pytest.param("sklearn:diabetes", "sklearn:diabetes", id="bundled"),
    ],
)
def test_a_relative_source_starts_at_the_file_s_folder(path, source, found):
    config = read(changed(path, "rows.csv", source))

    assert config.data.source == found.replace("FOLDER", str(path.parent))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        pytest.param(
            'task = "ranking"',
            'training.task: must be "regression" or "classification", got \'ranking\'',
            id="unknown-task",
        ),
        pytest.param(
            'task = "regression"\npositive = "late"',
            'training: positive is for classes: say task = "classification", or leave positive out',
            id="positive-of-numbers",
        ),
        pytest.param(
            'task = "regression"\nthreshold = 0.3',
            'training: threshold is for classes: say task = "classification", or leave threshold out',
            id="threshold-of-numbers",
        ),
        pytest.param(
            "threshold = 1.5",
            "training.threshold: must be a probability between 0 and 1, or"
            " { cost = { false_negative = 5, false_positive = 1 } }, got 1.5",
            id="threshold-above-1",
        ),
        pytest.param(
            "threshold = true",
            "training.threshold: must be a probability between 0 and 1, or"
            " { cost = { false_negative = 5, false_positive = 1 } }, got True",
            id="threshold-that-is-no-number",
        ),
        pytest.param(
            "threshold = { cost = { false_negative = 5 } }",
            "training.threshold.cost.false_positive is missing",
            id="cost-of-one-mistake",
        ),
        pytest.param(
            "threshold = { cost = { false_negative = 0, false_positive = 0.0 } }",
            "training.threshold.cost: false_negative or false_positive must be above 0",
            id="no-cost",
        ),
        pytest.param(
            "positive = 2026-11-26",
            "training.positive: must be a finite number, a text, true or false, got datetime.date(2026, 11, 26)",
            id="positive-that-is-no-label",
        ),
    ],
)
def test_keys_that_do_not_fit_the_task_are_refused(path, task, message):
    assert refusal(changed(path, "seed = 7", f"seed = 7\n{task}")) == f"FILE: {message}"


def test_a_classifier_s_keys_are_read(path):
    keys = 'task = "classification"\npositive = true\nthreshold = { cost = { false_negative = 5, false_positive = 1 } }'

    training = read(changed(path, "seed = 7", f"seed = 7\n{keys}")).training

    assert (training.task, training.positive, training.threshold.value) == ("classification", True, None)
    assert training.threshold.cost.model_dump() == {"false_negative": 5.0, "false_positive": 1.0}


# Monitoring


def test_without_a_section_monitoring_has_the_defaults_that_the_shipped_file_argues(path):
    path.write_text(GOOD)

    assert read(path).monitoring == read(ROOT / "model" / "config.toml").monitoring


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("min_rows = 10", "min_rows: input should be greater than or equal to 50, got 10", id="min-rows"),
        pytest.param("warn = 0.0", "warn: input should be greater than 0, got 0.0", id="warn"),
        pytest.param("warn = 0.5", " warn 0.5 must not exceed alert 0.3", id="order"),
        pytest.param("alert = nan", "alert: input should be a finite number, got nan", id="alert"),
        pytest.param("max_error_share = 2.0", "max_error_share: input should be less than or equal to 1", id="share"),
        pytest.param("max_slowdown = 1.0", "max_slowdown: input should be greater than 1, got 1.0", id="slowdown"),
        pytest.param("max_p99_seconds = true", "max_p99_seconds: input should be a valid number", id="p99"),
        pytest.param("drift = 1", "drift is no key that is known here", id="unknown"),
    ],
)
def test_a_wrong_line_of_monitoring_is_named(path, line, message):
    path.write_text(f"{GOOD}[monitoring]\n{line}\n")

    assert message in refusal(path)


def test_a_byte_order_mark_is_skipped(tmp_path, path):
    marked = tmp_path / "marked.toml"
    marked.write_bytes(b"\xef\xbb\xbf" + (ROOT / "model" / "config.toml").read_bytes())

    assert read(marked).model_dump() == read(ROOT / "model" / "config.toml").model_dump()


def test_a_file_nested_too_deeply_is_refused(tmp_path):
    (tmp_path / "deep.toml").write_text("x = " + "[" * 5000)

    with pytest.raises(ConfigError, match=r"must be TOML: it is nested too deeply$"):
        read(tmp_path / "deep.toml")


def test_a_key_that_counts_no_more_is_read_and_remarked_on(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(GOOD.replace("holdout = 0.2", "holdout = 0.2\nmax_shift = 0.25"))

    (remark,) = read(path).remarks
    assert remark == (
        "data.max_shift counts no more: whether a feature moved is decided by monitoring.warn (0.1) and "
        "monitoring.alert (0.3); remove the line"
    )


@pytest.mark.parametrize(
    ("line", "by", "column"),
    [
        pytest.param("", "rows", "", id="left-out"),
        pytest.param('split = "rows"', "rows", "", id="rows"),
        pytest.param('split = { group = "customer" }', "group", "customer", id="group"),
        pytest.param('split = { time = "ordered_at" }', "time", "ordered_at", id="time"),
    ],
)
def test_a_split_goes_by_rows_by_a_group_or_by_time(tmp_path, line, by, column):
    path = tmp_path / "config.toml"
    path.write_text(GOOD.replace("holdout = 0.2", f"holdout = 0.2\n{line}"))

    split = read(path).data.split
    assert (split.by, split.column) == (by, column)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param(
            'split = "time"',
            'data.split: must be "rows", { group = "COLUMN" } or { time = "COLUMN" }, got \'time\'',
            id="no-column",
        ),
        pytest.param(
            'split = { group = "a", time = "b" }',
            'data.split: must be "rows", { group = "COLUMN" } or { time = "COLUMN" }, '
            "got {'group': 'a', 'time': 'b'}",
            id="both",
        ),
    ],
)
def test_a_split_of_another_form_is_refused(tmp_path, line, message):
    path = tmp_path / "config.toml"
    path.write_text(GOOD.replace("holdout = 0.2", f"holdout = 0.2\n{line}"))

    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: {message}"


def test_the_split_s_column_is_no_feature(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(GOOD.replace("holdout = 0.2", 'holdout = 0.2\nsplit = { group = "bmi" }'))

    with pytest.raises(ConfigError, match="the split's column 'bmi' must be no feature and not the target"):
        read(path)


def test_the_time_that_a_split_goes_by_may_be_a_feature(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(GOOD.replace("holdout = 0.2", 'holdout = 0.2\nsplit = { time = "bmi" }'))

    assert read(path).data.split.column == "bmi"


@pytest.mark.parametrize(
    ("task", "names"),
    [
        pytest.param("regression", ["LinearRegression", "Ridge", "HistGradientBoostingRegressor"], id="numbers"),
        pytest.param("classification", ["LogisticRegression", "HistGradientBoostingClassifier"], id="classes"),
    ],
)
def test_lines_and_trees_are_tried_where_no_candidates_are_named(tmp_path, task, names):
    path = tmp_path / "config.toml"
    path.write_text('[data]\nsource = "rows.csv"\ntarget = "y"\n')

    assert read(path).training.candidates == []
    assert [candidate.path.rpartition(".")[2] for candidate in CANDIDATES[task]] == names


def test_the_shipped_file_shows_every_key_that_may_be_given():
    text = (ROOT / "model" / "config.toml").read_text()
    sections = {name: field.default_factory or field.annotation for name, field in Config.model_fields.items()}
    keys = [(name, key) for name, section in sections.items() for key in section.model_fields]

    gone = {("data", "max_shift"), ("data", "target_kind")}  # counts no more; stands in the target
    missing = [key for key in keys if key not in gone and not re.search(rf"^(# )?{key[1]} = ", text, re.MULTILINE)]
    assert missing == []
