"""The Open Inference Protocol, version 2, over REST: tensors in, tensors out. Pure.

{"inputs": [tensor]} with one tensor of shape [rows, features], or one of [rows] or [rows, 1] for each feature by name
→ {"outputs": [predict]}; a classifier's probabilities are a second tensor, predict_proba

A tensor is {"name", "shape", "datatype", "data"}; `data` is nested or flat, or bytes behind the JSON (see tensors.py).
Texts, levels and times are BYTES, and null or NaN is a missing cell. Metadata name one input a feature. An output comes
as bytes where its parameter `binary_data`, or the request's `binary_data_output`, is true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from ..columns.schema import Feature, Level
from ..exchange import JSON, READ, Answer, Content, Question, Request, Resource, problem_json
from ..problems import PayloadError, Problem, escape, refuse, shown
from . import frames
from .parts.bounds import check_cells, most_rows
from .parts.gaps import cells_with_gaps, rows_with_gaps
from .parts.keys import is_unicode, without_place
from .parts.number_tensors import question_of_numbers
from .parts.outputs import PREDICT, PROBABILITIES, wanted_outputs
from .parts.questions import question_of
from .parts.repeats import refuse_repeats
from .parts.strict_json import decode
from .parts.tensors import Tensor, datatype_of, json_part, tensor_of

_MODEL, _VERSION = "v2/models/{model}", "v2/models/{model}/versions/{version}"
ROUTES = {
    "v2": (Resource.METADATA, READ),
    "v2/health/live": (Resource.HEALTH, READ),
    "v2/health/ready": (Resource.READINESS, READ),
    _MODEL: (Resource.METADATA, READ),
    f"{_MODEL}/ready": (Resource.READINESS, READ),
    f"{_MODEL}/infer": (Resource.PREDICTION, ("POST",)),
    _VERSION: (Resource.METADATA, READ),
    f"{_VERSION}/ready": (Resource.READINESS, READ),
    f"{_VERSION}/infer": (Resource.PREDICTION, ("POST",)),
}
_FORMAT = "the Open Inference Protocol"
_MEMBERS = {"id", "parameters", "inputs", "outputs", "model_name", "model_version"}
"""KServe's client writes the last two, which the path has said."""


def describe(path: str, manifest: Any, function: str) -> Content:
    """The server, the model with its inputs and outputs, or their state."""
    document: dict[str, Any]
    if path == "v2/health/live":
        document = {"live": True}
    elif path == "v2/health/ready":
        document = {"live": True, "ready": True}
    elif path == "v2":
        document = {"name": function, "version": str(manifest.version), "extensions": ["binary_tensor_data"]}
    elif path.endswith("/ready"):
        document = {"name": manifest.model, "ready": True}
    else:
        document = {
            "name": manifest.model,
            "versions": [str(manifest.version)],
            "platform": manifest.document.get("runtime"),
            "inputs": [
                {"name": feature.name, "datatype": _input_datatype(feature), "shape": [-1, 1]}
                for feature in manifest.features
            ],
            "outputs": _outputs(manifest),
        }
    return Content(JSON, orjson.dumps(document))


def read(
    request: Request, features: Sequence[Feature], *, one: bool, most_bytes: int, classes: Sequence[Level] = ()
) -> Question:
    """Read the tensors of *request*.

    Raises:
        TooLargeError: The predictions alone could take more than *most_bytes*.
        PayloadError: No such request, a tensor whose data do not fit its shape or datatype, one that is no feature, or
            cells that do not fit *features*.
    """
    most = most_rows(classes, most_bytes)
    body, binary = json_part(request)
    check_cells(body, len(features), most)
    document: Any = decode(body)
    width = len(features)
    try:
        nan = b"NaN" in body
        wanted, tensors = _parts(document, classes, memoryview(binary), most_cells=most * width, nan=nan)
    except PayloadError as error:
        from .parts.misdirected import from_tensors  # noqa: PLC0415 - only a refusal comes here

        raise from_tensors(error, document, one=one) from None
    question = question_of_numbers(tensors, features, one=one, most=most)
    if question is None and len(tensors) == 1 and (width == 1 or tensors[0].shape[1:] not in {(), (1,)}):
        question = _matrix(tensors[0], features, one=one, most=most, key=request.key)
    elif question is None:
        question = _columns(tensors, features, one=one, most=most, key=request.key)
    refuse_repeats(body, document)
    return question._replace(kept=(document.get("id"), wanted))


def render(answer: Answer) -> Content:
    """Write the answer; what was flagged stands in `parameters`, whose values may only be plain."""
    request_id, wanted = answer.question.kept
    labels: Any = answer.predictions
    rows = len(labels)
    datatype = "FP64" if labels.dtype.kind == "f" else datatype_of(answer.classes)
    if labels.dtype.kind == "O":
        labels = labels.tolist()
        if datatype == "BYTES":
            labels = [label if isinstance(label, str) else orjson.dumps(label).decode() for label in labels]
    outputs = [{"name": PREDICT, "shape": [rows, 1], "datatype": datatype, "data": labels}]
    if answer.probabilities is not None:
        flat = np.ascontiguousarray(answer.probabilities, np.float64).ravel()
        shape = list(answer.probabilities.shape)
        outputs.append({"name": PROBABILITIES, "shape": shape, "datatype": "FP64", "data": flat})
    document: dict[str, Any] = {"model_name": answer.model, "model_version": str(answer.version)}
    if request_id is not None:
        document["id"] = request_id
    document["outputs"] = [output for output in outputs if output["name"] in wanted]
    if answer.flagged:
        texts = "; ".join(warning.detail for warning in answer.warnings)
        document["parameters"] = {"warnings": texts, "warnings_total": answer.flagged}
    if any(wanted.values()):
        from .parts.binary_tensors import with_bytes  # noqa: PLC0415 - most processes are never asked for any

        return with_bytes(document, {name for name, binary in wanted.items() if binary})
    return Content(JSON, orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))


def problem(document: Mapping[str, Any]) -> Content:
    """Write a problem document with the protocol's member `error`."""
    return problem_json({**document, "error": document["detail"]})


def _outputs(manifest: Any) -> list[dict[str, Any]]:
    classes = manifest.classes
    outputs = [{"name": PREDICT, "datatype": datatype_of(classes) if classes else "FP64", "shape": [-1, 1]}]
    if classes and manifest.document.get("probabilities"):
        outputs.append({"name": PROBABILITIES, "datatype": "FP64", "shape": [-1, len(classes)]})
    return outputs


def _input_datatype(feature: Feature) -> str:
    match feature.kind:
        case "category":
            return datatype_of(feature.levels)
        case "time":
            return "BYTES"
        case "boolean":
            return "BOOL"
        case _:
            return "FP64"


def _parts(
    document: Any, classes: Sequence[Level], rest: memoryview, *, most_cells: int, nan: bool
) -> tuple[dict[str, bool], list[Tensor]]:
    """The outputs that *document* asks for, and its tensors; *rest* are the bytes behind the JSON."""
    inputs = document.get("inputs") if isinstance(document, dict) else document
    if not isinstance(document, dict) or not isinstance(inputs, list) or not inputs:
        found = "no 'inputs'" if isinstance(document, dict) and "inputs" not in document else shown(inputs)
        raise PayloadError(Problem(f'the body must be like {{"inputs": [tensor]}}, got {found}', "/inputs"))
    _check_members(document)
    wanted = wanted_outputs(document.get("outputs"), document.get("parameters") or {}, classes)
    tensors = []
    for place, entry in enumerate(inputs):
        tensor, rest = tensor_of(entry, f"/inputs/{place}", rest, most_cells=most_cells, nan=nan)
        tensors.append(tensor)
    if rest:
        raise PayloadError(Problem(f"{len(rest)} bytes follow the last tensor's data", ""))
    return wanted, tensors


def _check_members(document: Mapping[str, Any]) -> None:
    refuse(
        Problem(f"unknown member {shown(name)}; expected id, parameters, inputs and outputs", f"/{escape(name)}")
        for name in document
        if name not in _MEMBERS
    )
    problems = []
    if not isinstance(document.get("id"), str | None) or not is_unicode(document.get("id")):
        problems.append(Problem(f"'id' must be a text, got {shown(document['id'])}", "/id"))
    if not isinstance(document.get("parameters"), dict | None):
        problems.append(Problem(f"'parameters' must be an object, got {shown(document['parameters'])}", "/parameters"))
    refuse(problems)


def _matrix(tensor: Tensor, features: Sequence[Feature], *, one: bool, most: int, key: str) -> Question:
    """The question of a tensor of shape [rows, features]; of one feature also [rows]."""
    width = len(features)
    if key and tensor.shape[1:] == (width + 1,):
        raise PayloadError(Problem(without_place(key, _FORMAT), f"{tensor.place}/shape"))
    _check_shape(tensor, (width,), width)
    cells = tensor.listed()
    rows = [cells[start : start + width] for start in range(0, len(cells), width)]
    if tensor.nan:
        rows = rows_with_gaps(rows, features)

    def pointer(relative: str) -> str:
        row, _, column = relative[1:].partition("/")
        return tensor.pointer(int(row) * width + int(column or 0))

    return question_of(rows, features, root=tensor.place, single=False, one=one, most=most, place=pointer)


def _columns(tensors: Sequence[Tensor], features: Sequence[Feature], *, one: bool, most: int, key: str) -> Question:
    """The question of one tensor a feature, each of shape [rows] or [rows, 1]."""
    columns: dict[str, Tensor] = {}
    known = {feature.name: feature for feature in features}
    for tensor in tensors:
        if key and tensor.name == key:
            raise PayloadError(Problem(without_place(key, _FORMAT), tensor.place))
        if tensor.name in columns:
            raise PayloadError(Problem(f"input {shown(tensor.name)} came twice", tensor.place))
        columns[tensor.name] = tensor
        if tensor.name in known:
            _check_shape(tensor, (1,), len(features))
    return frames.by_columns(
        {
            name: cells_with_gaps(tensor.listed(), known.get(name)) if tensor.nan else tensor.listed()
            for name, tensor in columns.items()
        },
        features,
        lambda name: columns[name].place if name in columns else "/inputs",
        root="/inputs",
        one=one,
        most=most,
        cell=lambda name, row: columns[name].pointer(row) if name in columns else "/inputs",
    )


def _check_shape(tensor: Tensor, rest: tuple[int, ...], width: int) -> None:
    if tensor.shape[1:] in {rest, ()} and (tensor.shape[1:] or rest == (1,)):
        return
    every = f"one tensor of shape [rows, {width}], or one" if width > 1 else "a tensor"
    expected = f"{every} of shape [rows] or [rows, 1] for each feature"
    raise PayloadError(
        Problem(f"expected {expected}, got {shown(tensor.name)} of {list(tensor.shape)}", f"{tensor.place}/shape")
    )
