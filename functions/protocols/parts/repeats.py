"""Names that came twice in a JSON document; parsers keep the last one silently. Pure."""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

from ...columns.arrays import count
from ...problems import MOST_PROBLEMS, PayloadError, Problem, escape, shown
from .strict_json import Repeated, decode_marking_repeats


def refuse_repeats(body: bytes, document: object) -> None:
    """Refuse *body*, which was decoded to *document*, if an object of it has a name twice.

    Each text of *document* has two quotes in *body*. A parser that dropped a name leaves more quotes there; so do
    quotes inside of texts. Only a body with more quotes is read again.

    Raises:
        PayloadError: A name came twice; pointers start at the body.
    """
    quotes = count(body, b'"')
    if quotes == 2 * texts_of(document, quotes // 2):
        return
    problems: list[Problem] = []
    stack: list[tuple[str, Any]] = [("", decode_marking_repeats(body))]
    while stack and len(problems) < MOST_PROBLEMS:
        place, value = stack.pop()
        if isinstance(value, Repeated):
            problems += (Problem(f"{shown(name)} came twice", f"{place}/{escape(name)}") for name in value.names)
        if isinstance(value, dict):
            stack += ((f"{place}/{escape(name)}", each) for name, each in value.items() if type(each) not in _PLAIN)
        elif isinstance(value, list):
            stack += ((f"{place}/{row}", each) for row, each in enumerate(value) if type(each) not in _PLAIN)
    if problems:
        raise PayloadError(*problems[:MOST_PROBLEMS])


_PLAIN = {str, int, float, bool, type(None)}


def texts_of(document: object, enough: float = math.inf) -> int:
    """How many names and texts *document* has, each of which has two quotes where it is written.

    Args:
        enough: None deeper is looked for once so many are found.
    """
    found = 0
    values: list[Any] = [document]
    while values and found < enough:  # all values of one depth
        types = [*map(type, values)]
        found += types.count(str)
        arrays = [value for value in values if type(value) is list] if list in types else []
        objects = [value for value in values if type(value) is dict] if dict in types else []
        found += sum(map(len, objects))
        values = [*chain.from_iterable(arrays), *chain.from_iterable(map(dict.values, objects))]
    return found
