"""Wire formats to a float64 matrix and back. Pure.

Errors, by who must act:
    PayloadError          the caller: see schema.py
     └─ TooLargeError     the caller, who must send less at a time
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ..schema import MOST_PROBLEMS, Feature, Matrix, PayloadError, Problem, escape, outside, pointer, shown, to_matrix

__all__ = ["PayloadError", "Problem", "Request", "TooLargeError"]

MOST_PREDICTION_BYTES = 25
"""A float64 as JSON, and the comma behind it: -1.7976931348623157e+308 has 24 characters."""

_PATH_NUMBER = re.compile(r"(?<![\w.+-])[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.+-])", re.ASCII)
_COMMAS_BESIDE_CELLS = 1000
_MOST_DIAGNOSED_BYTES = 1 << 20
"""Up to this size a body that orjson refuses is read again by the standard library, to say what is wrong in it."""


@dataclass(frozen=True)
class Request:
    """What a caller asks: *matrix* has shape (n_instances, n_features); *root* points at *instances* in the body."""

    instances: Sequence[Any]
    matrix: Matrix
    root: str
    single: bool


class TooLargeError(PayloadError):
    """More instances than one answer can hold predictions for."""


class _Doubled(dict[str, Any]):
    """A JSON object in which some members came twice: those in *names*."""

    names: list[str]


def from_body(body: bytes, features: Sequence[Feature], *, one: bool, most_bytes: int) -> Request:
    """Read a JSON body: `{"instances": […]}` or, where *one* instance is served, `{"instance": …}`.

    Raises:
        TooLargeError: The predictions alone could take more than *most_bytes*.
        PayloadError: Not JSON, a wrong member, a wrong number of instances, or instances that do not fit
            *features*; up to MOST_PROBLEMS problems with JSON Pointers into the body.
    """
    if not body.strip():
        raise PayloadError(Problem(f"the body must be JSON like {_example(features, one=one)}, got an empty one", ""))
    _check_cells(body, len(features), most_bytes)
    document = _decode(body)
    members = ("instances", "instance") if one else ("instances",)
    if not isinstance(document, dict):
        raise PayloadError(
            Problem(f"the body must be an object like {_example(features, one=one)}, got {shown(document)}", "")
        )
    _check_members(document, members, _example(features, one=one))
    single = "instance" in document
    root = "/instance" if single else "/instances"
    instances = [document["instance"]] if single else document["instances"]
    request = _request(instances, features, root=root, single=single, one=one, most_bytes=most_bytes)
    _check_doubled(body, request, members=len(document))
    return request


def from_path(text: str, features: Sequence[Feature], *, one: bool, most_bytes: int) -> Request:
    """Read what stands in a GET path, already percent-decoded: an instance where *one* is served, else an array.

    Beyond JSON, numbers may have a leading `+`, leading zeros, or nothing on one side of the point.

    Raises:
        PayloadError: As for `from_body`; pointers are those of the same request sent as a body.
    """
    spelled = (text if '"' in text else _PATH_NUMBER.sub(_json_number, text)).encode("utf-8", "replace")
    value = _decode(spelled)
    if one:
        request = _request([value], features, root="/instance", single=True, one=True, most_bytes=most_bytes)
    elif isinstance(value, list):
        request = _request(value, features, root="/instances", single=False, one=False, most_bytes=most_bytes)
    else:
        raise PayloadError(Problem(f"the path must hold an array of instances, got {shown(value)}", "/instances"))
    _check_doubled(spelled, request, members=0)
    return request


def warnings_of(request: Request, features: Sequence[Feature]) -> tuple[list[Problem], dict[str, int]]:
    """Flag the values outside the training range: the first MOST_PROBLEMS, and how many there are by feature."""
    cells = outside(request.matrix, features)
    listed = []
    for row, column in cells[:MOST_PROBLEMS].tolist():
        feature = features[column]
        value = float(request.matrix[row, column])
        within = f"[{feature.minimum!r}, {feature.maximum!r}]"
        detail = f"row {row}: '{feature.name}' = {value!r} is outside the training range {within}"
        listed.append(Problem(detail, _absolute(request, pointer(row, request.instances[row], feature.name, column))))
    counts = np.bincount(cells[:, 1], minlength=len(features)).tolist() if len(cells) else []
    return listed, {feature.name: count for feature, count in zip(features, counts, strict=False) if count}


def check_predictions(predictions: NDArray[np.float64], request: Request) -> None:
    """Refuse predictions that are no finite number.

    Raises:
        PayloadError: The pointers say which instances are too large for this model.
    """
    beyond = np.flatnonzero(~np.isfinite(predictions))
    if beyond.size:
        raise PayloadError(
            *(
                Problem(f"row {row}: the prediction for this instance is beyond float64", _absolute(request, f"/{row}"))
                for row in beyond[:MOST_PROBLEMS].tolist()
            )
        )


def render(
    predictions: NDArray[np.float64], *, single: bool, model: str, version: int, warnings: list[Problem], flagged: int
) -> bytes:
    """The JSON answer; `warnings` is there only when a value was flagged, `warnings_total` only when some are cut."""
    answer: dict[str, Any] = {"prediction": float(predictions[0])} if single else {"predictions": predictions}
    answer["model"] = {"name": model, "version": version}
    if warnings:
        answer["warnings"] = warnings
    if flagged > len(warnings):
        answer["warnings_total"] = flagged
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def _request(
    instances: object, features: Sequence[Feature], *, root: str, single: bool, one: bool, most_bytes: int
) -> Request:
    if not isinstance(instances, list):
        raise PayloadError(Problem(f"'instances' must be an array, got {shown(instances)}", root))
    if not instances or (one and len(instances) != 1):
        wanted = "exactly 1 instance" if one else "at least 1 instance"
        raise PayloadError(Problem(f"'instances' must hold {wanted}, got {len(instances)}", root))
    most = _most_instances(most_bytes)
    if len(instances) > most:
        detail = f"'instances' must hold at most {most} instances, got {len(instances)}; send them in parts"
        raise TooLargeError(Problem(detail, root))
    request = Request(instances, np.empty((0, len(features))), root, single)
    try:
        matrix = to_matrix(instances, features)
    except PayloadError as error:
        located = (Problem(problem.detail, _absolute(request, problem.pointer)) for problem in error.problems)
        raise PayloadError(*located) from None
    return Request(instances, matrix, root, single)


def _absolute(request: Request, relative: str) -> str:
    """Pointer into the body. A single instance stands at the root itself, not at index 0 below it."""
    return request.root + (relative.removeprefix("/0") if request.single else relative)


def _example(features: Sequence[Feature], *, one: bool) -> str:
    if len(features) == 1:
        return '{"instance": 0.5}' if one else '{"instances": [0.5, 0.2]}'
    row = f"[{', '.join(feature.name for feature in features)}]"
    return f'{{"instance": {row}}}' if one else f'{{"instances": [{row}, …]}}'


def _check_cells(body: bytes, width: int, most_bytes: int) -> None:
    """Refuse, before it is parsed, a body with more commas than the most cells that could be answered.

    Parsed, a body takes up to forty times its size; its commas are counted in a thousandth of the time.
    """
    most = _most_instances(most_bytes)
    if body.count(b",") > most * width + _COMMAS_BESIDE_CELLS:
        wanted = f"at most {most} instances of {width} values" if width > 1 else f"at most {most} instances"
        raise TooLargeError(Problem(f"the body must hold {wanted}, got more; send them in parts", ""))


def _most_instances(most_bytes: int) -> int:
    return max(1, most_bytes // MOST_PREDICTION_BYTES)


def _check_members(document: dict[str, Any], members: tuple[str, ...], example: str) -> None:
    unknown = (name for name in document if name not in members and name != "parameters")
    problems = [
        Problem(f"unknown member {shown(name)}; expected {example}", f"/{escape(name)}")
        for name in islice(unknown, MOST_PROBLEMS)
    ]
    given = [name for name in members if name in document]
    if not given:
        names = " or ".join(f"'{name}'" for name in members)
        problems.append(Problem(f"missing member {names}; expected {example}", ""))
    if len(given) > 1:
        problems.append(Problem("'instances' and 'instance' exclude each other", ""))
    if document.get("parameters"):
        problems.append(Problem("'parameters' must be empty: this model takes none", "/parameters"))
    if problems:
        raise PayloadError(*problems[:MOST_PROBLEMS])


def _decode(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        refusal = PayloadError(Problem(f"not JSON: {error}", ""))
    if len(body) > _MOST_DIAGNOSED_BYTES:
        raise refusal
    try:  # NaN, Infinity and numbers beyond float64 deserve a pointer, so read them and let the schema say where
        return json.loads(body.decode("utf-8"), parse_int=_lenient_int)
    except (ValueError, RecursionError):
        raise refusal from None


def _lenient_int(digits: str) -> int | float:
    return int(digits) if len(digits) < 19 else float(digits)  # noqa: PLR2004 - always fits 64 bits


def _check_doubled(body: bytes, request: Request, *, members: int) -> None:
    """Refuse a name that came twice; parsers keep the last one silently.

    After all other checks the only strings in *body* are names, two quotes each: of the instances' features, and of
    *members* around them, 0 where the body is the instances themselves. Only a body with more quotes is read again.
    """
    names = members + sum(len(row) for row in request.instances if type(row) is dict)
    if body.count(b'"') == 2 * names:
        return
    try:
        again = json.loads(body, object_pairs_hook=_members, parse_int=_lenient_int)
    except RecursionError:  # only what was dropped as a double can nest so deeply
        raise PayloadError(Problem("a member came twice", "")) from None
    problems: list[Problem] = []
    if members:
        twice = again.names if isinstance(again, _Doubled) else []
        problems += (Problem(f"member {shown(name)} came twice", f"/{escape(name)}") for name in twice)
        again = again[request.root[1:]]
    for row, instance in enumerate([again] if request.single else again):
        if isinstance(instance, _Doubled):
            problems += (
                Problem(f"row {row}: feature {shown(name)} came twice", _absolute(request, f"/{row}/{escape(name)}"))
                for name in instance.names
            )
    if problems:
        raise PayloadError(*problems[:MOST_PROBLEMS])


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    doubled = _Doubled(made)
    doubled.names = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
    return doubled


def _json_number(token: re.Match[str]) -> str:
    sign = "-" if token[0].startswith("-") else ""
    mantissa, mark, exponent = token[0].lstrip("+-").lower().partition("e")
    whole, point, fraction = mantissa.partition(".")
    return sign + (whole.lstrip("0") or "0") + (point + fraction if fraction else "") + mark + exponent
