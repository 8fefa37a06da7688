"""Bodies of requests that work, of no row of the data, one or more for each form. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from ..artifact import Manifest
from ..columns.feature import Feature
from .bodies import tensor_type
from .columns import example_row


def json_examples(manifest: Manifest, *, one: bool, calls: bool) -> dict[str, Any]:
    """Bodies of JSON by a name for each, all answered with 200; none where a level of them may not be told."""
    cells, features = example_row(manifest.features), manifest.features
    if cells is None:
        return {}
    names = [feature.name for feature in features]
    named = dict(zip(names, cells, strict=True))
    rows = [cells] if one else [cells, cells]
    examples: dict[str, Any] = {
        "objects": {"instances": [named]},
        "arrays": {"instances": rows},
        "keys": {"instances": rows, "keys": ["first", "second"][: len(rows)]},
        "dataframe_split": {"dataframe_split": {"columns": names, "data": rows}},
        "dataframe_records": {"dataframe_records": [named]},
        "columns": {"inputs": {name: [value] * len(rows) for name, value in named.items()}},
        "bare": rows,
    }
    if one:
        examples = {"instance": {"instance": named}, **examples}
    if manifest.classes and manifest.document.get("probabilities"):
        examples["top"] = {"instances": [named], "parameters": {"top": 1}}
    if calls:
        context = {"mode": "strict", "output": "prediction"}
        examples["bigquery"] = {"requestId": "1", "calls": rows, "userDefinedContext": context}
    return {name: {"value": value} for name, value in examples.items()}


def inference_examples(manifest: Manifest) -> dict[str, Any]:
    """Bodies of the Open Inference Protocol by a name for each."""
    cells, features = example_row(manifest.features), manifest.features
    if cells is None:
        return {}
    datatypes = [datatype.get("const", "FP64") for datatype, _ in map(tensor_type, features)]
    tensors = [
        {"name": feature.name, "shape": [1, 1], "datatype": datatype, "data": [_in_tensor(value, datatype)]}
        for feature, datatype, value in zip(features, datatypes, cells, strict=True)
    ]
    examples = {"features": {"id": "1", "inputs": tensors}}
    if all(feature.kind == "number" for feature in features):
        whole = {"name": "input-0", "shape": [1, len(features)], "datatype": "FP64", "data": cells}
        examples["matrix"] = {"inputs": [whole], "outputs": [{"name": "predict"}]}
    return {name: {"value": value} for name, value in examples.items()}


def _in_tensor(value: Any, datatype: str) -> Any:
    return json.dumps(value) if datatype == "BYTES" and not isinstance(value, str | None) else value


def csv_example(features: Sequence[Feature]) -> str | None:
    """A header line and a row, which is answered with 200."""
    cells = example_row(features)
    if cells is None:
        return None
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(feature.name for feature in features)
    writer.writerow(json.dumps(value) if type(value) is bool else value for value in cells)
    return out.getvalue()


def line_example(features: Sequence[Feature]) -> str | None:
    """A line of JSON, which is answered with 200."""
    cells = example_row(features)
    if cells is None:
        return None
    return (
        json.dumps({each.name: value for each, value in zip(features, cells, strict=True)}, ensure_ascii=False) + "\n"
    )
