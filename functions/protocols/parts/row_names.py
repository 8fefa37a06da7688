"""Names that came twice in or beside the instances of a body; parsers keep the last one silently. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from ...columns.arrays import count
from ...columns.schema import MOST_PROBLEMS, Feature, PayloadError, Problem, escape, has_texts, shown
from ...exchange import Question
from .strict_json import Repeated, decode_marking_repeats


def check_names(body: bytes, question: Question, features: Sequence[Feature], *, members: int) -> None:
    """Refuse a name that came twice.

    After all other checks, the only strings in *body* are names and texts of instances, with two quotes each, and the
    names of the *members* around them (0 where the body is the instances themselves). A parser that dropped a name
    leaves more quotes in the body; so do quotes inside of texts. Only a body with more quotes is read again, and the
    instances are walked only where there are quotes beside those of the members.

    Raises:
        PayloadError: A name came twice; pointers start at the body.
    """
    quotes = count(body, b'"')
    if quotes == 2 * members or quotes == 2 * (members + _strings(question.instances, texts=has_texts(features))):
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


def _strings(instances: Sequence[Any], *, texts: bool) -> int:
    """How many names, and cells that are *texts*, valid instances have."""
    forms = {*map(type, instances)}
    if forms == {dict}:
        names = sum(map(len, instances))
        return names + (_texts(chain.from_iterable(map(dict.values, instances))) if texts else 0)
    if dict in forms:
        return sum(_strings([instance], texts=texts) for instance in instances)
    if not texts:
        return 0
    if forms == {list}:
        return _texts(chain.from_iterable(instances))
    return sum(_strings([instance], texts=texts) for instance in instances) if list in forms else _texts(instances)


def _texts(cells: Iterable[Any]) -> int:
    return list(map(type, cells)).count(str)
