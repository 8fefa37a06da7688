"""The functions' own format: instances as JSON in a body, or as a value in the path of a GET. Pure.

{"instances": [instance, …]}  →  {"predictions": [number, …], "model": {…}}
{"instance": instance}        →  {"prediction": number, "model": {…}}       where one instance is served

With {"keys": [key, …]} beside the instances, the answer has the same "keys" beside the predictions.

A classifier's predictions are labels; "probabilities" stand beside them, in the order of "classes". With
{"parameters": {"top": n}} beside the instances, "probabilities" and "classes" hold the n most probable classes of each
row, in descending order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import orjson

from ..exchange import JSON, Answer, Content, Question, Request, TooLargeError, problem_json
from ..rows import Rows
from ..schema import (
    MOST_PROBLEMS,
    QUOTES,
    Feature,
    Level,
    PayloadError,
    Problem,
    escape,
    example,
    has_texts,
    shown,
    to_few,
)
from ..strict_json import Repeated, decode, decode_marking_repeats

if TYPE_CHECKING:
    import numpy as np
else:
    from ..arrays import np

MOST_PREDICTION_BYTES = 25
"""Bytes of a float64 as JSON with its comma: -1.7976931348623157e+308 has 24 characters."""

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_NUMBER = r"(?<![\w.+-])[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.+-])"
_PATH_NUMBER = re.compile(_NUMBER, re.ASCII)
_PATH_TOKEN = f"{_STRING}|{_NUMBER}"  # compiled by the first text that comes, as _STRING
_BARE_COMMA = re.compile(r"\s*[+-]?[\d.]*,\d+\s*", re.ASCII)
_POINT_AND_COMMA = "decimals have a point (0.05), and a comma separates values"
_POINT_AND_BRACKETS = "decimals have a point (0.5), and an array has brackets ([0.5,1])"
_COMMAS_BESIDE_CELLS = 1000
_BESIDE = ("parameters", "keys")
"""Members that may stand beside the instances."""


def read(
    request: Request,
    features: Sequence[Feature],
    *,
    one: bool,
    most_bytes: int,
    classes: Sequence[Level] = (),
) -> Question:
    """Read the path of *request*, or its body where the path is empty.

    A path holds an instance where *one* instance is served, else an array of instances. Beyond JSON, its numbers may
    have a leading `+`, or no digit on one side of the point. Nothing is guessed: `0,05` is no decimal, nor 0 and 5.

    Raises:
        TooLargeError: The predictions alone could take more than *most_bytes*.
        PayloadError: Not JSON, a wrong member, a wrong number of instances, or instances that do not fit *features*;
            up to MOST_PROBLEMS problems. Pointers for a path are those of the same request sent as a body.
    """
    most = most_rows(classes, most_bytes)
    if request.path:
        return _read_path(request.path, features, one=one, most=most, few_cells=request.few_cells)
    return _read_body(
        request.body,
        features,
        one=one,
        most=most,
        most_bytes=most_bytes,
        classes=classes,
        few_cells=request.few_cells,
    )


def render(answer: Answer) -> Content:
    """Write the answer; `warnings` is present only if a value was flagged, `warnings_total` only if some are cut."""
    labels: Any = answer.predictions
    if not isinstance(labels, list) and labels.dtype.kind == "O":
        labels = labels.tolist()
    single = answer.question.single
    document: dict[str, Any] = {"prediction": labels[0]} if single else {"predictions": labels}
    if answer.question.keys is not None:
        document["keys"] = answer.question.keys
    classes: Any = answer.classes
    if answer.probabilities is not None:
        shares = np.ascontiguousarray(answer.probabilities, np.float64)
        if answer.question.top:
            from ..leading import leading  # noqa: PLC0415 - most processes are never asked for it

            labels_by_row, shares = leading(shares, classes, answer.question.top)
            classes = labels_by_row[0] if single else labels_by_row
        document["probabilities"] = shares[0] if single else shares
    if classes:
        document["classes"] = classes
    document["model"] = {"name": answer.model, "version": answer.version}
    if answer.warnings:
        document["warnings"] = answer.warnings
    if answer.flagged > len(answer.warnings):
        document["warnings_total"] = answer.flagged
    return Content(JSON, orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))


def most_rows(classes: Sequence[Level], most_bytes: int) -> int:
    """How many instances may be asked about, so that the predictions take no more than *most_bytes*."""
    return max(1, most_bytes // (_label_bytes(tuple(classes)) if classes else MOST_PREDICTION_BYTES))


def problem(document: Mapping[str, Any]) -> Content:
    """Write a problem document; this format adds no member of its own."""
    return problem_json(document)


def question_of(
    instances: object,
    features: Sequence[Feature],
    *,
    root: str,
    single: bool,
    one: bool,
    most: int,
    place: Callable[[str], str] | None = None,
    few_cells: int = 0,
) -> Question:
    """The question of *instances*, which stand at *root* in the body; see Question for *place*.

    Raises:
        TooLargeError: There are more than *most*.
        PayloadError: No array, a wrong number of instances, or ones that do not fit *features*.
    """
    if not isinstance(instances, list):
        raise PayloadError(Problem(f"{_label(root)} must be an array, got {shown(instances)}", root))
    if not instances or (one and len(instances) != 1):
        number = "exactly 1 instance" if one else "at least 1 instance"
        raise PayloadError(Problem(f"{_label(root)} must hold {number}, got {len(instances)}", root))
    if len(instances) > most:
        detail = f"{_label(root)} must hold at most {most} instances, got {len(instances)}; send them in parts"
        raise TooLargeError(Problem(detail, root))
    try:
        table = to_few(instances, features, few_cells)
    except PayloadError as error:
        absolute = Question(instances, Rows([], 0), root, single, place=place).pointer
        raise PayloadError(*(Problem(each.detail, absolute(each.pointer)) for each in error.problems)) from None
    return Question(instances, table, root, single, place=place)


def check_cells(body: bytes, width: int, most: int) -> None:
    """Refuse, before it is parsed, a body with more commas than the most cells that could be answered.

    A parsed body takes up to forty times its size; counting its commas takes a thousandth of the time. Commas in texts
    do not count; they are left out only where they could matter.
    """
    commas = most * width + _COMMAS_BESIDE_CELLS
    if body.count(b",") > commas and re.sub(_STRING.encode(), b"", body, flags=re.DOTALL).count(b",") > commas:
        rows = f"at most {most} instances of {width} values" if width > 1 else f"at most {most} instances"
        raise TooLargeError(Problem(f"the body must hold {rows}, got more; send them in parts", ""))


def _read_body(
    body: bytes,
    features: Sequence[Feature],
    *,
    one: bool,
    most: int,
    most_bytes: int,
    classes: Sequence[Level],
    few_cells: int,
) -> Question:
    example = _example(features, one=one)
    if not body.strip():
        raise PayloadError(Problem(f"the body must be JSON like {example}, got an empty one", ""))
    check_cells(body, len(features), most_unread(body, classes, most_bytes))
    document = decode(body)
    if not isinstance(document, dict):
        raise PayloadError(Problem(f"the body must be an object like {example}, got {shown(document)}", ""))
    _check_members(
        document, ("instances", "instance") if one else ("instances",), example, takes_parameters=bool(classes)
    )
    parameters = document.get("parameters") or {}
    top = _top(parameters) if parameters else None
    if top:
        most = _most_with_top(classes, top, most_bytes)
    single = "instance" in document
    root = "/instance" if single else "/instances"
    instances = [document["instance"]] if single else document["instances"]
    question = question_of(instances, features, root=root, single=single, one=one, most=most, few_cells=few_cells)
    keys = document.get("keys")
    if keys is not None:
        from ..keys import keys_of  # noqa: PLC0415 - most processes are never asked for it

        question = question._replace(keys=keys_of(keys, len(question.instances)))
    texts = [*map(type, keys)].count(str) if keys else 0
    _check_repeats(body, question, features, members=len(document) + len(parameters) + texts)
    return question._replace(top=top) if top else question


def _read_path(text: str, features: Sequence[Feature], *, one: bool, most: int, few_cells: int) -> Question:
    if _BARE_COMMA.fullmatch(text):
        raise PayloadError(Problem(f"not JSON: {shown(text)} has a comma outside an array; {_POINT_AND_BRACKETS}", ""))
    if '"' in text:
        text = re.sub(_PATH_TOKEN, _json_number, text, flags=re.ASCII | re.DOTALL)
    else:
        text = _PATH_NUMBER.sub(_json_number, text)
    spelled = text.encode("utf-8", "replace")
    value = _decoded(spelled, features)
    if one:
        question = question_of(
            [value], features, root="/instance", single=True, one=True, most=most, few_cells=few_cells
        )
    elif isinstance(value, list):
        question = question_of(
            value, features, root="/instances", single=False, one=False, most=most, few_cells=few_cells
        )
    else:
        raise PayloadError(Problem(f"the path must hold an array of instances, got {shown(value)}", "/instances"))
    _check_repeats(spelled, question, features, members=0)
    return question


def _label(root: str) -> str:
    return {"": "the body", "/instance": "'instances'"}.get(root) or f"'{root[1:]}'"


def _decoded(spelled: bytes, features: Sequence[Feature]) -> object:
    try:
        return decode(spelled)
    except PayloadError as error:
        if not has_texts(features):
            raise
        (problem,) = error.problems
        raise PayloadError(Problem(f"{problem.detail}; {QUOTES}", problem.pointer)) from None


def _example(features: Sequence[Feature], *, one: bool) -> str:
    if len(features) == 1:
        value = example(features[0])
        more = "0.2" if value == "0.5" else "…"
        return f'{{"instance": {value}}}' if one else f'{{"instances": [{value}, {more}]}}'
    row = f"[{', '.join(feature.name for feature in features)}]"
    return f'{{"instance": {row}}}' if one else f'{{"instances": [{row}, …]}}'


def most_unread(body: bytes, classes: Sequence[Level], most_bytes: int) -> int:
    """The most rows that *body* may hold before it is read: `parameters` in it may shorten their answers."""
    if classes and b'"parameters"' in body:
        return _most_with_top(classes, 1, most_bytes)
    return most_rows(classes, most_bytes)


def _top(parameters: object) -> int | None:
    from ..leading import top_of  # noqa: PLC0415 - most processes are never asked for it

    return top_of(parameters)


def _most_with_top(classes: Sequence[Level], top: int, most_bytes: int) -> int:
    from ..leading import most_rows  # noqa: PLC0415 - most processes are never asked for it

    return most_rows(classes, top, most_bytes)


@lru_cache(maxsize=4)
def _label_bytes(classes: tuple[Level, ...]) -> int:
    """The most bytes of a label and the probabilities of all classes."""
    label = max(len(orjson.dumps(label)) for label in classes)
    return label + len(",[]") + MOST_PREDICTION_BYTES * len(classes)


def _check_members(document: dict[str, Any], members: tuple[str, ...], example: str, *, takes_parameters: bool) -> None:
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
    if document.get("parameters") and not takes_parameters:
        problems.append(Problem("'parameters' must be empty: this model takes none", "/parameters"))
    if problems:
        raise PayloadError(*problems[:MOST_PROBLEMS])


def _check_repeats(body: bytes, question: Question, features: Sequence[Feature], *, members: int) -> None:
    """Refuse a name that came twice; parsers keep the last one silently.

    After all other checks, the only strings in *body* are names and texts of instances, with two quotes each, and the
    names of the *members* around them (0 where the body is the instances themselves). A parser that dropped a name
    leaves more quotes in the body; so do quotes inside of texts. Only a body with more quotes is read again.
    """
    names = members + sum(len(row) for row in question.instances if type(row) is dict)
    if body.count(b'"') == 2 * (names + (_texts(question.instances) if has_texts(features) else 0)):
        return
    document = decode_marking_repeats(body)
    problems: list[Problem] = []
    if members:
        repeated = document.names if isinstance(document, Repeated) else []
        problems += (Problem(f"member {shown(name)} came twice", f"/{escape(name)}") for name in repeated)
        if isinstance(parameters := document.get("parameters"), Repeated):
            problems += (
                Problem(f"parameter {shown(name)} came twice", f"/parameters/{escape(name)}")
                for name in parameters.names
            )
        document = document[question.root[1:]]
    for row, instance in enumerate([document] if question.single else document):
        if isinstance(instance, Repeated):
            problems += (
                Problem(f"row {row}: feature {shown(name)} came twice", question.pointer(f"/{row}/{escape(name)}"))
                for name in instance.names
            )
    if problems:
        raise PayloadError(*problems[:MOST_PROBLEMS])


def _texts(instances: Sequence[Any]) -> int:
    """How many texts the cells of valid instances are."""
    forms = {*map(type, instances)}
    if forms == {list}:
        cells: Iterable[Any] = chain.from_iterable(instances)
    elif forms == {dict}:
        cells = chain.from_iterable(instance.values() for instance in instances)
    elif forms.isdisjoint({list, dict}):
        cells = instances
    else:
        return sum(_texts([instance]) for instance in instances)
    return list(map(type, cells)).count(str)


def _json_number(token: re.Match[str]) -> str:
    if token[0].startswith('"'):
        return token[0]
    sign = "-" if token[0].startswith("-") else ""
    mantissa, mark, exponent = token[0].lstrip("+-").lower().partition("e")
    whole, point, fraction = mantissa.partition(".")
    if len(whole) > 1 and whole.startswith("0"):
        raise PayloadError(
            Problem(f"not JSON: the number {shown(token[0])} has a leading zero; {_POINT_AND_COMMA}", "")
        )
    return sign + (whole or "0") + (point + fraction if fraction else "") + mark + exponent
