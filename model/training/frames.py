"""A DataFrame as the table of features that a pipeline of a user's own was fitted to, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from functions.columns.schema import MOST_LEVELS, TIME_PARTS, Feature
from functions.columns.table import Table
from functions.columns.times import parse, parts
from model.errors import DataError, UsageError
from model.training.inputs import as_input, columns_of


@dataclass(frozen=True)
class Framed:
    """Rows of a DataFrame by the features that a pipeline needs.

    Args:
        dtypes: Of columns whose cells pandas or the pipeline may tell apart by their type; None where a gap is None.
    """

    table: Table
    features: tuple[Feature, ...]
    dtypes: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(feature.name for feature in self.features)

    def columns(self, *, named: bool) -> list[str] | None:
        """Names of the columns as `export` needs them; *named* where the pipeline was fitted to a DataFrame."""
        return columns_of(self.features, named=named)

    def input(self, table: Table, columns: Sequence[str] | None) -> Any:
        """*table* as the pipeline was given its rows: levels in a column of their own type."""
        frame = as_input(table, self.features, named=columns is not None)
        if columns is None:
            return frame.copy()
        for name, dtype in self.dtypes.items():
            frame[name] = _none_for_nan(frame[name]) if dtype is None else _typed(frame[name], dtype)
        return frame


def framed(
    frame: pd.DataFrame,
    wanted: Sequence[str] | None,
    *,
    redact: Collection[str] = (),
    seconds: Collection[str] = (),
) -> Framed:
    """The columns of *frame* that a pipeline needs, in its order.

    Kinds come from the types: numbers, booleans, and levels of texts. A column of times is taken where the pipeline was
    fitted to parts of it (`ordered_at.year`, as `time_parts` makes them).

    Args:
        wanted: Names of the columns that the pipeline was fitted to; None where it saw a matrix.
        redact: Features that no log and no page may show.
        seconds: Columns of times that hold seconds since 1970.

    Raises:
        UsageError: A column is missing, or of a type that no model can be asked with.
        DataError: A column has too many levels, or a number that is not finite.
    """
    doubled = [str(name) for name in frame.columns[frame.columns.duplicated()]]
    if doubled:
        raise UsageError(f"X must name each column once, got {', '.join(doubled)} more often")
    frame = frame.rename(columns=str)
    names = [*map(str, frame.columns)] if wanted is None else list(wanted)
    features, columns, dtypes = [], [], {}
    for feature in _named(names, frame):
        series = frame[feature.name]
        kind = feature.kind if feature.kind == "time" else _kind(series)
        cells = series.to_numpy(np.float64) if feature.name in seconds else _cells(series, kind)
        missing = np.array([cell is None for cell in cells]) if kind == "category" else np.isnan(cells)
        made = replace(
            feature, kind=kind, had_missing=bool(missing.any()), redact=feature.name in redact, width=_width(series)
        )
        if kind == "category":
            made = replace(made, levels=_levels(cells, feature.name))
        if kind != "time" and (isinstance(series.dtype, pd.CategoricalDtype) or series.dtype == object):
            dtypes[feature.name] = None if _has_none(series) else series.dtype
        features.append(made)
        columns.append(cells)
    unknown = [name for name in redact if name not in {feature.name for feature in features}]
    if unknown:
        raise UsageError(f"redact names {', '.join(unknown)}, which the pipeline does not read")
    table = Table(columns)
    return Framed(Table(table.matrix()) if table.numeric else table, tuple(features), dtypes)


def stacked(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """*frames* one below the other; a column of categories in each stays one, with the levels of all."""
    if len(frames) == 1:
        return frames[0]
    whole = pd.concat(frames, ignore_index=True)
    for name, *columns in zip(frames[0], *([frame.get(name) for name in frames[0]] for frame in frames), strict=True):
        if all(column is not None and isinstance(column.dtype, pd.CategoricalDtype) for column in columns):
            with suppress(TypeError):  # levels of two types, or in two orders: they become objects
                whole[name] = types.union_categoricals(columns)
    return whole


def time_parts(frame: pd.DataFrame, **times: Sequence[str]) -> pd.DataFrame:
    """*frame* with the parts of its times in their place, as the functions make them of a time that they are sent.

    A pipeline that is fitted to them can be published: `time_parts(orders, ordered_at=["year", "weekday"])`.

    Args:
        times: For each column of times its parts: year, month, day, weekday, hour, day_of_year, epoch_days.
    """
    for name, chosen in times.items():
        if name not in frame.columns or not chosen or not set(chosen) <= {*TIME_PARTS}:
            raise UsageError(f"{name!r} must be a column, with some of {', '.join(TIME_PARTS)} as its parts")
    columns: dict[str, Any] = {}
    for name in frame.columns:
        if name in times:
            numbers = parts(_seconds(frame[name]), times[name])
            columns |= {f"{name}.{part}": column for part, column in zip(times[name], numbers, strict=True)}
        else:
            columns[name] = frame[name].to_numpy() if frame[name].dtype.kind in "fiub" else frame[name].array
    return pd.DataFrame(columns, index=frame.index)


def _named(names: Sequence[str], frame: pd.DataFrame) -> list[Feature]:
    """A feature for each column that is there, and one time for the parts that follow each other."""
    features: list[Feature] = []
    for name in names:
        if name in frame.columns:
            if types.is_datetime64_any_dtype(frame[name].dtype):
                raise UsageError(
                    f"{name!r} is a column of times, which no pipeline is asked with: fit it to parts of it"
                    f" ({name}.year, …); `model.time_parts` makes them"
                )
            features.append(Feature(name))
            continue
        column, _, part = name.rpartition(".")
        if part not in TIME_PARTS or column not in frame.columns:
            raise UsageError(f"the pipeline was fitted to {name!r}, and X has no such column; it has {_listed(frame)}")
        if features and features[-1].name == column:
            features[-1] = replace(features[-1], parts=(*features[-1].parts, part))
        elif any(feature.name == column for feature in features):
            raise UsageError(f"the parts of {column!r} must stand together among the pipeline's columns")
        else:
            features.append(Feature(column, kind="time", parts=(part,)))
    return features


def _kind(series: pd.Series) -> str:
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        _check_types(series.name, dtype.categories.tolist(), {str, bool, int, float})
        return "category"
    if types.is_bool_dtype(dtype):
        return "boolean"
    if types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype):
        return "number"
    found = _check_types(series.name, series[series.notna()].tolist(), {str, bool, int, float})
    return "number" if found <= {int, float} else "category"


def _check_types(name: Any, cells: Sequence[Any], expected: set[type]) -> set[type]:
    """The types of *cells*, numpy's as Python's.

    Raises:
        UsageError: One is not among *expected*.
    """
    found = {type(_plain(cell)) for cell in cells}
    if strange := sorted(kind.__name__ for kind in found - expected):
        raise UsageError(f"column {name!r} must hold numbers, booleans or texts, found {', '.join(strange)}")
    return found


def _plain(cell: Any) -> Any:
    return cell.item() if isinstance(cell, np.generic) else cell


def _cells(series: pd.Series, kind: str) -> NDArray[Any]:
    if kind == "time":
        return _seconds(series)
    if kind == "category":
        cells = np.empty(len(series), object)
        cells[:] = [
            None if gap else _plain(cell)
            for cell, gap in zip(series.astype(object).tolist(), series.isna().tolist(), strict=True)
        ]
        return cells
    numbers: NDArray[Any] = pd.to_numeric(series).to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(numbers).any():
        raise DataError(f"column {series.name!r} must hold finite numbers, found an infinity")
    return numbers


def _seconds(series: pd.Series) -> NDArray[np.float64]:
    """Times as seconds since 1970; texts in ISO 8601, and timestamps, without a zone in UTC."""
    if types.is_datetime64_any_dtype(series.dtype):
        moments = pd.to_datetime(series, utc=True)
        seconds: NDArray[np.float64] = (moments - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(np.float64)
        return seconds
    found = [np.nan if gap else parse(str(cell)) for cell, gap in zip(series.tolist(), series.isna(), strict=True)]
    if None in found:
        raise UsageError(
            f"column {series.name!r} must hold times in ISO 8601, got {series.tolist()[found.index(None)]!r:.60}"
        )
    return np.array(found, np.float64)


def _levels(cells: NDArray[Any], name: str) -> tuple[Any, ...]:
    counts = Counter(cell for cell in cells.tolist() if cell is not None)
    if len(counts) > MOST_LEVELS:
        raise DataError(f"column {name!r} has {len(counts)} levels; a category may have {MOST_LEVELS}")
    return tuple(level for level, _ in counts.most_common())


def _width(series: pd.Series) -> str:
    return str(series.dtype) if str(series.dtype) in {"float16", "float32"} else "float64"


def _has_none(series: pd.Series) -> bool:
    """Whether a missing cell is None in all places: scikit-learn takes None and NaN for two levels."""
    gaps = series[series.isna()].tolist() if series.dtype == object else []
    return bool(gaps) and all(gap is None for gap in gaps)


def _none_for_nan(series: pd.Series) -> pd.Series:
    return pd.Series([None if gap else cell for cell, gap in zip(series, series.isna(), strict=True)], dtype=object)


def _typed(series: pd.Series, dtype: Any) -> pd.Series:
    """*series* in its own type; a level that the type does not know is one more, no missing cell."""
    if isinstance(dtype, pd.CategoricalDtype):
        new = pd.Index(series.dropna().unique()).difference(dtype.categories, sort=False)
        if len(new):
            dtype = pd.CategoricalDtype([*dtype.categories, *new], ordered=dtype.ordered)
    return series.astype(dtype)


def _listed(frame: pd.DataFrame) -> str:
    return ", ".join(map(str, frame.columns))[:300]
