"""config.toml, read strictly: every wrong key, type or value is named with its place and the expected value."""

from __future__ import annotations

import math
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from functions.columns.schema import KINDS, TIME_PARTS
from model.errors import ConfigError

__all__ = ["Config", "ConfigError", "read"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Count = Annotated[int, Field(lt=2**53)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


def _scalar(value: Any) -> Any:
    if type(value) not in {bool, int, float, str} or (type(value) is float and not math.isfinite(value)):
        raise ValueError(f"must be a finite number, a text, true or false, got {value!r:.80}")
    if type(value) is int and abs(value) >= 2**63:
        raise ValueError(f"must be a whole number of 64 bits, got {value!r:.80}")
    return value


Scalar = Annotated[Any, AfterValidator(_scalar)]


def _kind(kind: str | None) -> str | None:
    if kind is not None and kind not in KINDS:
        raise ValueError(f"must be one of {', '.join(KINDS)}, got {kind!r:.80}")
    return kind


def _parts(parts: list[str]) -> list[str]:
    for part in parts:
        if part not in TIME_PARTS:
            raise ValueError(f"must be some of {', '.join(TIME_PARTS)}, got {part!r:.80}")
    if len(set(parts)) < len(parts):
        raise ValueError(f"must name each part once, got {', '.join(parts)}")
    return parts


class FeatureConfig(_Strict):
    """A column that the model reads; rows outside *minimum* … *maximum* (inclusive) are refused.

    Args:
        kind: One of KINDS; found out from the rows where it is left out.
        parts: Of a time: the numbers that the model sees of it, each one of TIME_PARTS.
        minimum, maximum: Of a number; of a time a date or a timestamp, kept in seconds since 1970.
        redact: The functions never log a value of it.
    """

    name: Name
    kind: Annotated[str | None, AfterValidator(_kind)] = None
    parts: Annotated[list[str], Field(min_length=1), AfterValidator(_parts)] | None = None
    minimum: Finite | None = None
    maximum: Finite | None = None
    redact: bool = False

    @model_validator(mode="before")
    @classmethod
    def _dates_as_seconds(cls, feature: Any) -> Any:
        if not isinstance(feature, dict):
            return feature
        moments = {name: _seconds(feature[name]) for name in ("minimum", "maximum") if name in feature}
        for name in moments:
            if isinstance(feature[name], date) and feature.get("kind") != "time":
                raise ValueError(f'{name} {feature[name]} is a date: the feature needs kind = "time"')
        return {**feature, **moments}

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.parts and self.kind != "time":
            raise ValueError('parts are of a time: the feature needs kind = "time"')
        if self.kind in {"category", "boolean"} and (self.minimum, self.maximum) != (None, None):
            raise ValueError(f"a {self.kind} has no minimum and no maximum")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} must not exceed maximum {self.maximum}")
        return self


def _seconds(bound: Any) -> Any:
    """A date or a timestamp of TOML as seconds since 1970, without a zone in UTC; all else as it is."""
    if isinstance(bound, date) and not isinstance(bound, datetime):
        bound = datetime(bound.year, bound.month, bound.day, tzinfo=UTC)
    if isinstance(bound, datetime):
        return (bound if bound.tzinfo else bound.replace(tzinfo=UTC)).timestamp()
    return bound


def _named(feature: Any) -> Any:
    """A feature that is given by its name alone."""
    return {"name": feature} if isinstance(feature, str) else feature


def _distinct(features: list[FeatureConfig]) -> list[FeatureConfig]:
    names = [feature.name for feature in features]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ValueError(f"each feature must be named once, got {', '.join(doubled)} more often")
    return features


class SplitConfig(_Strict):
    """How rows are divided: by themselves, or by the *column* of their group or time."""

    by: Literal["rows", "group", "time"] = "rows"
    column: str = ""


def _split(value: Any) -> Any:
    """A SplitConfig of "rows", { group = … } or { time = … }."""
    match value:
        case "rows" | SplitConfig():
            return SplitConfig() if value == "rows" else value
        case {"group": str(column)} | {"time": str(column)} if len(value) == 1 and column:
            return SplitConfig(by=next(iter(value)), column=column)
    raise ValueError(f'must be "rows", {{ group = "COLUMN" }} or {{ time = "COLUMN" }}, got {value!r:.80}')


_TARGET_KINDS = ("number", "boolean", "category")


class DataConfig(_Strict):
    """Where rows come from; *holdout* is the share of them kept for evaluation, chosen by *split*.

    Args:
        features: Every column that is nothing else, where they are left out.
        missing: Texts that stand for a missing cell, as an empty one does.
        target: Its name, or { name = …, kind = … }, whose kind becomes *target_kind*.
        target_kind: "number", "boolean" or "category"; found out from the rows where it is None.
        key: A column that is no feature, and that comes back beside each prediction.
        rows_per_feature: Training rows for each feature, below which there is a warning.
        max_shift: Counts no more; read so that older files go on working.
    """

    source: Name
    target: Name
    target_kind: Literal["number", "boolean", "category"] | None = None
    holdout: Annotated[float, Field(gt=0, lt=1)] = 0.2
    split: Annotated[SplitConfig, BeforeValidator(_split)] = SplitConfig()
    missing: list[str] = Field(default_factory=list)
    key: Name | None = None
    features: (
        Annotated[
            list[Annotated[FeatureConfig, BeforeValidator(_named)]], Field(min_length=1), AfterValidator(_distinct)
        ]
        | None
    ) = None
    rows_per_feature: Annotated[Count, Field(ge=1)] = 10
    max_shift: Annotated[Finite, Field(gt=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _target_of_a_kind(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        target = data.get("target")
        if "target_kind" in data:
            raise ValueError('the kind stands in the target: { name = "COLUMN", kind = "category" }')
        if not isinstance(target, dict):
            return data
        if set(target) != {"name", "kind"} or target["kind"] not in _TARGET_KINDS:
            expected = f'"COLUMN", or {{ name = "COLUMN", kind = … }} with one of {", ".join(_TARGET_KINDS)}'
            raise ValueError(f"target must be {expected}, got {target!r:.80}")
        return {**data, "target": target["name"], "target_kind": target["kind"]}

    @model_validator(mode="after")
    def _target_is_no_feature(self) -> Self:
        names = {feature.name for feature in self.features or []}
        if self.target in names:
            raise ValueError(f"target '{self.target}' must not be a feature too")
        if self.key == self.target or self.key in names:
            raise ValueError(f"the key '{self.key}' must be no feature and not the target")
        if self.split.column == self.target or (self.split.by == "group" and self.split.column in names):
            raise ValueError(f"the split's column '{self.split.column}' must be no feature and not the target")
        by_time = [feature for feature in self.features or [] if self.split.by == "time"]
        for feature in by_time:
            if feature.name == self.split.column and feature.kind in {"category", "boolean"}:
                raise ValueError(f"the split's column '{feature.name}' must be a time, not a {feature.kind}")
        return self


class CandidateConfig(_Strict):
    """One estimator or pipeline, by import path, and the values to try for its parameters.

    Args:
        estimator: A scikit-learn class; its columns are prepared by their kinds.
        pipeline: `package.module:function`, a function that returns an unfitted pipeline, which prepares them itself.
    """

    estimator: Name | None = None
    pipeline: Name | None = None
    scale: bool = False
    grid: dict[str, Annotated[list[Scalar], Field(min_length=1)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.estimator is None) == (self.pipeline is None):
            raise ValueError("must name either an estimator or a pipeline")
        if self.pipeline is not None and ":" not in self.pipeline:
            raise ValueError(f"pipeline must be package.module:function, like mine.churn:make, got {self.pipeline!r}")
        if self.estimator is not None and ":" in self.estimator:
            raise ValueError(f"{self.estimator!r} is a function of a module: name it as pipeline, not as estimator")
        if self.pipeline is not None and self.scale:
            raise ValueError("scale is for an estimator; a pipeline has its own scaler")
        return self

    @property
    def path(self) -> str:
        """The import path of either."""
        return self.estimator or self.pipeline or ""


def _task(task: str | None) -> str | None:
    if task not in {None, "regression", "classification"}:
        raise ValueError(f'must be "regression" or "classification", got {task!r:.80}')
    return task


CANDIDATES = {
    "regression": (
        CandidateConfig(estimator="sklearn.linear_model.LinearRegression"),
        CandidateConfig(estimator="sklearn.linear_model.Ridge", scale=True, grid={"alpha": [10.0, 1.0, 0.1]}),
        CandidateConfig(estimator="sklearn.ensemble.HistGradientBoostingRegressor"),
    ),
    "classification": (
        CandidateConfig(
            estimator="sklearn.linear_model.LogisticRegression",
            scale=True,
            grid={"C": [0.01, 0.1, 1.0, 10.0], "max_iter": [1000]},
        ),
        CandidateConfig(estimator="sklearn.ensemble.HistGradientBoostingClassifier"),
    ),
}
"""Where none are named, by the task: lines, and the trees that need no preparation. model/config.toml names its own,
since one column has a line."""


class CostConfig(_Strict):
    """The costs of both mistakes, in any one unit: the threshold is chosen by them."""

    false_negative: Annotated[Finite, Field(ge=0)]
    false_positive: Annotated[Finite, Field(ge=0)]

    @model_validator(mode="after")
    def _one_costs(self) -> Self:
        if not (self.false_negative or self.false_positive):
            raise ValueError("false_negative or false_positive must be above 0")
        return self


class ThresholdConfig(_Strict):
    """The probability from which on a row is called positive: a *value* from 0 to 1, or the *cost* that chooses it."""

    value: Annotated[float, Field(gt=0, lt=1)] | None = None
    cost: CostConfig | None = None


def _threshold(threshold: Any) -> Any:
    """The members of a ThresholdConfig, of 0.3 or { cost = { … } }."""
    if isinstance(threshold, ThresholdConfig | None):
        return threshold
    if type(threshold) in {int, float} and 0 < threshold < 1:
        return {"value": float(threshold)}
    if isinstance(threshold, dict) and len(threshold) == 1 and set(threshold) <= {"value", "cost"}:
        return threshold
    raise ValueError(
        "must be a probability between 0 and 1, or { cost = { false_negative = 5, false_positive = 1 } },"
        f" got {threshold!r:.80}"
    )


class TrainingConfig(_Strict):
    """How candidates are compared: by cross-validation over *folds* folds, shuffled by *seed*, *repeats* times.

    Args:
        task: What is learnt; where it is left out, the candidates decide, or without them the target's kind.
        candidates: Those of CANDIDATES where they are left out.
        positive: Label of two that AUC, recall and the threshold are about; by default the rarer one.
        threshold: The probability from which on that label is answered, for two classes; by default the likelier
            label is.
        exporters: Modules that register exporters of classes that are not scikit-learn's.
        importance_seconds: Time for shuffling features on held-out rows.
    """

    task: Annotated[str | None, AfterValidator(_task)] = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 7
    folds: Annotated[int, Field(ge=2, le=100)] = 5
    repeats: Annotated[int, Field(ge=1, le=100)] = 5
    candidates: Annotated[list[CandidateConfig], Field(min_length=1)] = Field(default_factory=list)
    positive: Scalar = None
    threshold: Annotated[ThresholdConfig | None, BeforeValidator(_threshold)] = None
    exporters: list[Name] = Field(default_factory=list)
    importance_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 30.0

    @model_validator(mode="after")
    def _fits_its_task(self) -> Self:
        for key in ("positive", "threshold"):
            if self.task == "regression" and getattr(self, key) is not None:
                raise ValueError(f'{key} is for classes: say task = "classification", or leave {key} out')
        return self


def _recall(recall: Any) -> float | dict[str, float] | None:
    """A share for the positive class, or a share for each label."""
    shares = recall.values() if isinstance(recall, dict) else [] if recall is None else [recall]
    if recall == {} or not all(type(share) in {int, float} and 0 <= share <= 1 for share in shares):
        raise ValueError(
            f"must be a share from 0 to 1, or one for each label like {{ late = 0.8 }}, got {recall!r:.80}"
        )
    if isinstance(recall, dict):
        return {label: float(share) for label, share in recall.items()}
    return None if recall is None else float(recall)


class GateConfig(_Strict):
    """The bounds (inclusive) of a blessed version; config.toml says the purpose of each."""

    min_rows: Annotated[Count, Field(ge=1)] = 200
    min_holdout_rows: Annotated[Count, Field(ge=2)] = 50
    min_r2: Annotated[float, Field(ge=-1, le=1)] = 0.1
    max_r2: Annotated[float, Field(ge=-1, le=1)] = 0.98
    max_rmse: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    max_mae: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    max_bias: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    min_auc: Annotated[float, Field(ge=0, le=1)] = 0.6
    max_auc: Annotated[float, Field(ge=0, le=1)] = 0.995
    max_log_loss: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    max_calibration_error: Annotated[float, Field(gt=0, le=1)] | None = None
    min_recall: Annotated[Any, AfterValidator(_recall)] = None
    confidence: Annotated[float, Field(gt=0.5, le=0.999)] = 0.95
    min_improvement: Annotated[float, Field(ge=0, lt=1)] = 0.01
    max_move: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.25
    slices: Annotated[int, Field(ge=2, le=20)] = 4
    slice_columns: list[Name] = Field(default_factory=list)
    min_slice_rows: Annotated[Count, Field(ge=2)] = 10
    max_slice_ratio: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 2.0
    max_slice_loss: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 1.25
    max_model_bytes: Annotated[Count, Field(ge=1)] = 100_000_000

    @model_validator(mode="after")
    def _can_be_passed(self) -> Self:
        if self.min_r2 > self.max_r2:
            raise ValueError(f"min_r2 {self.min_r2} must not exceed max_r2 {self.max_r2}")
        if self.min_auc > self.max_auc:
            raise ValueError(f"min_auc {self.min_auc} must not exceed max_auc {self.max_auc}")
        return self


class RetrainingConfig(_Strict):
    """The bounds (inclusive) at which `retrain` trains; config.toml says the purpose of each."""

    max_age_days: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0
    new_rows: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1


class MonitoringConfig(_Strict):
    """From where on `monitor` speaks up; config.toml argues each."""

    min_rows: Annotated[Count, Field(ge=50)] = 200
    warn: Annotated[Finite, Field(gt=0, lt=1)] = 0.1
    alert: Annotated[Finite, Field(gt=0, lt=1)] = 0.3
    max_error_share: Annotated[float, Field(gt=0, le=1)] = 0.01
    max_slowdown: Annotated[Finite, Field(gt=1)] = 2.0
    max_p99_seconds: Annotated[Finite, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.warn > self.alert:
            raise ValueError(f"warn {self.warn} must not exceed alert {self.alert}")
        return self


class Config(_Strict):
    """The whole file."""

    data: DataConfig
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    gate: GateConfig = Field(default_factory=GateConfig)
    retraining: RetrainingConfig = Field(default_factory=RetrainingConfig)
    monitoring: MonitoringConfig = Field(default_factory=MonitoringConfig)
    _path: Path | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _target_fits_the_task(self) -> Self:
        if self.training.task == "regression" and self.data.target_kind in {"boolean", "category"}:
            raise ValueError(f'a target of kind {self.data.target_kind} has classes: say task = "classification"')
        return self

    @model_validator(mode="after")
    def _slices_are_not_of_the_target(self) -> Self:
        if self.data.target in self.gate.slice_columns:
            raise ValueError(f"gate.slice_columns must not name the target, '{self.data.target}'")
        return self

    @property
    def name(self) -> str:
        """The file's name, for an advice to change it."""
        return "the configuration" if self._path is None else self._path.name

    def problem(self, text: str) -> ConfigError:
        """The error of a key that does not go with the rows; it begins with the file, as those of `read` do."""
        return ConfigError(text if self._path is None else f"{self._path}: {text}")

    @property
    def kinds(self) -> list[str]:
        """Columns that are read for slices alone, as texts; none where every column is a feature."""
        if self.data.features is None:
            return []
        features = {feature.name for feature in self.data.features}
        return [name for name in dict.fromkeys(self.gate.slice_columns) if name not in features]

    @property
    def remarks(self) -> list[str]:
        """A line for each key that is read and counts no more."""
        if self.data.max_shift is None:
            return []
        levels = f"monitoring.warn ({self.monitoring.warn:g}) and monitoring.alert ({self.monitoring.alert:g})"
        return [f"data.max_shift counts no more: whether a feature moved is decided by {levels}; remove the line"]


def read(path: Path) -> Config:
    """Read *path*; a relative path in it starts at the file's folder.

    Raises:
        ConfigError: It cannot be read, is no TOML, or a key or value is wrong; all problems at once.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # of TOML, or of UTF-8
        raise ConfigError(f"{path} must be TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path} must be TOML: it is nested too deeply") from error
    try:
        config = Config.model_validate(document)
        config._path = path  # noqa: SLF001 - no key of the file
        return _placed(config, path.parent)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {_line(problem)}" for problem in error.errors())) from error


def _placed(config: Config, folder: Path) -> Config:
    """*config* with a source that is found from where the program runs."""
    source = config.data.source
    if "://" in source or source.startswith("sklearn:"):
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"source": str(folder / source)})})


def _line(problem: Any) -> str:
    place = ""
    for step in problem["loc"]:
        place += f"[{step}]" if isinstance(step, int) else f".{step}"
    place = place.removeprefix(".") or "the file"
    match problem["type"]:
        case "extra_forbidden":
            return f"{place} is no key that is known here"
        case "missing":
            return f"{place} is missing"
        case "value_error":
            return f"{place}: {problem['ctx']['error']}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{place}: must be a table like {{ … }}, got {problem['input']!r:.80}"
        case _:
            message = problem["msg"][:1].lower() + problem["msg"][1:]
            return f"{place}: {message}, got {problem['input']!r:.80}"
