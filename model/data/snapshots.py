"""The rows of a version as the bucket keeps them: one Parquet file, the same bytes for the same rows."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from functions.columns.schema import Feature, Level
from model.data.rows import Rows

_ROW_GROUP_ROWS = 1 << 20
_TIME = pa.timestamp("us", "UTC")


def snapshot(rows: Rows) -> bytes:
    """*rows* as a Parquet file, each column in the type of its kind; the same rows give the same bytes."""
    columns: dict[str, tuple[Any, pa.DataType]] = {
        feature.name: (rows.x.cells(place), _type(feature)) for place, feature in enumerate(rows.features)
    }
    columns[rows.target] = (
        (rows.targets, _levels_type(rows.classes)) if rows.classes else (rows.y, pa.type_for_alias(rows.target_width))
    )
    columns |= {name: (times, pa.float64()) for name, times in rows.times.items() if name not in rows.names}
    columns |= {name: (kind.cast(pa.string()), pa.string()) for name, kind in rows.kinds.items()}
    columns |= {name: (groups, pa.string()) for name, groups in rows.groups.items()}
    schema = pa.schema([(name, kind) for name, (_, kind) in columns.items()])
    sink = io.BytesIO()
    with pyarrow.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for start in range(0, len(rows.y), _ROW_GROUP_ROWS):
            piece = {
                name: _array(cells[start : start + _ROW_GROUP_ROWS], kind) for name, (cells, kind) in columns.items()
            }
            writer.write_table(pa.table(piece, schema))
    return sink.getvalue()


def _type(feature: Feature) -> pa.DataType:
    match feature.kind:
        case "boolean":
            return pa.bool_()
        case "time":
            return _TIME
        case "category":
            return _levels_type(feature.levels)
    return pa.type_for_alias(feature.width)


def _levels_type(levels: Sequence[Level]) -> pa.DataType:
    forms = {type(level) for level in levels}
    if forms <= {str}:
        return pa.string()
    return pa.bool_() if forms == {bool} else pa.int64() if forms == {int} else pa.float64()


def _array(cells: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(cells, pa.Array):
        return cells
    if cells.dtype == object:
        return pa.array(cells.tolist(), kind)
    missing = np.isnan(cells)
    if kind == _TIME:
        micros = np.round(np.where(missing, 0.0, cells) * 1e6).astype(np.int64)
        return pa.array(micros, pa.int64(), mask=missing).cast(kind)
    if pa.types.is_boolean(kind):
        return pa.array(np.where(missing, 0.0, cells) == 1, mask=missing)
    return pa.array(cells.astype(kind.to_pandas_dtype()), kind, mask=missing if missing.any() else None)
