"""The functions' own format: instances as JSON in a body, or as a value in the path of a GET. Pure.

{"instances": [instance, …]}  →  {"predictions": [number, …], "model": {…}}
{"instance": instance}        →  {"prediction": number, "model": {…}}       where one instance is served

With {"keys": [key, …]} beside the instances, the answer has the same "keys" beside the predictions; so it has the
members of the instances that the model's key column names, and "key" beside one prediction.

A classifier's predictions are labels; "probabilities" stand beside them, in the order of "classes". With
{"parameters": {"top": n}} beside the instances, "probabilities" and "classes" hold the n most probable classes of each
row, in descending order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from ..columns.schema import MOST_PROBLEMS, Feature, Level, PayloadError, Problem, escape, example, shown
from ..exchange import JSON, Answer, Content, Question, Request, problem_json
from .parts.bounds import check_cells, most_rows, most_unread, most_with_top
from .parts.path_values import path_value
from .parts.questions import question_of
from .parts.row_names import check_names
from .parts.strict_json import decode, may_hold_booleans

if TYPE_CHECKING:
    import numpy as np
else:
    from ..columns.arrays import np

_NOTHING: tuple[Any, ...] = (None, {})
_BESIDE = ("parameters", "keys")
"""Members that may stand beside the instances."""

NO_PARAMETERS = "'{}' must be empty: 'top' shortens the probabilities of classes, and this model is a regression"


def read(
    request: Request,
    features: Sequence[Feature],
    *,
    one: bool,
    most_bytes: int,
    classes: Sequence[Level] = (),
) -> Question:
    """Read the path of *request*, or its body where the path is empty.

    A path holds an instance where *one* instance is served, else an array of instances; see path_values.

    Raises:
        TooLargeError: The predictions alone could take more than *most_bytes*.
        PayloadError: Not JSON, a wrong member, a wrong number of instances, or instances that do not fit *features*;
            up to MOST_PROBLEMS problems. Pointers for a path are those of the same request sent as a body.
    """
    most = most_rows(classes, most_bytes)
    if request.path:
        return _read_path(request, features, one=one, most=most)
    body, key = request.body, request.key
    if not body or body.isspace():
        raise PayloadError(Problem(f"the body must be JSON like {_example(features, one=one)}, got an empty one", ""))
    check_cells(body, len(features) + bool(key), most_unread(body, classes, most_bytes) if classes else most)
    document = decode(body)
    if not isinstance(document, dict):
        expected = _example(features, one=one)
        raise PayloadError(Problem(f"the body must be an object like {expected}, got {shown(document)}", ""))
    if len(document) != 1 or "instances" not in document:
        _check_members(document, features, one=one, takes_parameters=bool(classes))
    parameters = document.get("parameters")
    top = None if parameters in _NOTHING else _top(parameters)
    if top:
        most = most_with_top(classes, top, most_bytes)
    single = "instance" in document
    root = "/instance" if single else "/instances"
    instances = [document["instance"]] if single else document["instances"]
    question = question_of(
        instances,
        features,
        root=root,
        single=single,
        one=one,
        most=most,
        few_cells=request.few_cells,
        key=key,
        booleans=single or may_hold_booleans(body),
    )
    members = len(document) + len(parameters or ()) + (_strings_of_keys(instances, question.keys, key) if key else 0)
    keys = document.get("keys")
    if keys is not None:
        if question.keys is not None:
            raise PayloadError(Problem(f"'keys' and members {shown(key)} exclude each other; leave one out", "/keys"))
        from .parts.keys import keys_of  # noqa: PLC0415 - most processes are never asked for it

        question = question._replace(keys=keys_of(keys, len(question.instances)))
    texts = [*map(type, keys)].count(str) if keys else 0
    check_names(body, question, features, members=members + texts)
    return question._replace(top=top) if top else question


def render(answer: Answer) -> Content:
    """Write the answer; `warnings` is present only if a value was flagged, `warnings_total` only if some are cut."""
    question, labels, model, version, warnings, flagged, every, shares = answer
    classes: Any = every
    if not isinstance(labels, list) and labels.dtype.kind == "O":
        labels = labels.tolist()
    single = question.single
    document: dict[str, Any] = {"prediction": labels[0]} if single else {"predictions": labels}
    if question.keys is not None:
        document |= {"key": question.keys[0]} if single else {"keys": question.keys}
    if shares is not None:
        shares = np.ascontiguousarray(shares, np.float64)
        if question.top:
            from .parts.leading import leading  # noqa: PLC0415 - most processes are never asked for it

            labels_by_row, shares = leading(shares, classes, question.top)
            classes = labels_by_row[0] if single else labels_by_row
        document["probabilities"] = shares[0] if single else shares
    if classes:
        document["classes"] = classes
    document["model"] = {"name": model, "version": version}
    if warnings:
        document["warnings"] = warnings
    if flagged > len(warnings):
        document["warnings_total"] = flagged
    return Content(JSON, orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))


def problem(document: Mapping[str, Any]) -> Content:
    """Write a problem document; this format adds no member of its own."""
    return problem_json(document)


def _read_path(request: Request, features: Sequence[Feature], *, one: bool, most: int) -> Question:
    spelled, value = path_value(request.path, features)
    if not one and not isinstance(value, list):
        raise PayloadError(Problem(f"the path must hold an array of instances, got {shown(value)}", "/instances"))
    question = question_of(
        [value] if one else value,
        features,
        root="/instance" if one else "/instances",
        single=one,
        one=one,
        most=most,
        few_cells=request.few_cells,
        key=request.key,
    )
    check_names(spelled, question, features, members=0)
    return question


def _strings_of_keys(instances: Sequence[Any], keys: Sequence[Any] | None, key: str) -> int:
    """How many names and texts of the column *key* were taken out of *instances* as *keys*."""
    if keys is None:
        return 0
    return sum(type(row) is dict and key in row for row in instances) + [*map(type, keys)].count(str)


def _example(features: Sequence[Feature], *, one: bool) -> str:
    if len(features) == 1:
        value = example(features[0])
        more = "0.2" if value == "0.5" else "…"
        return f'{{"instance": {value}}}' if one else f'{{"instances": [{value}, {more}]}}'
    from ..columns.naming import listed  # noqa: PLC0415 - only a refusal comes here

    row = f"[{listed([feature.name for feature in features])}]"
    return f'{{"instance": {row}}}' if one else f'{{"instances": [{row}, …]}}'


def _top(parameters: object) -> int | None:
    from .parts.leading import top_of  # noqa: PLC0415 - most processes are never asked for it

    return top_of(parameters)


def _check_members(document: dict[str, Any], features: Sequence[Feature], *, one: bool, takes_parameters: bool) -> None:
    members, example = ("instances", "instance") if one else ("instances",), _example(features, one=one)
    unknown = (name for name in document if name not in members and name not in _BESIDE)
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
    if "keys" in document and "instances" not in document:
        problems.append(Problem("'keys' stand beside 'instances' alone", "/keys"))
    if document.get("parameters") not in _NOTHING and not takes_parameters:
        problems.append(Problem(NO_PARAMETERS.format("parameters"), "/parameters"))
    if problems:
        raise PayloadError(*problems[:MOST_PROBLEMS])
