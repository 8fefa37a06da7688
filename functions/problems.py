"""Problems with rows: their text, their place, and values as messages show them. Pure.

Errors, by who must act:
    PayloadError    the sender of the rows (a caller of the functions, the owner of a data set)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

MOST_PROBLEMS = 20
"""Number of problems of one body, or of warnings of one answer, that are listed."""

_MOST_SHOWN = 40
_MOST_BITS = 10_000


@dataclass(frozen=True)
class Problem:
    """An error or a warning, and its place: *pointer* is a JSON Pointer (RFC 6901)."""

    detail: str
    pointer: str


class PayloadError(ValueError):
    """Rows, or a whole body, that cannot be used; str() of it is safe to send to the caller."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("; ".join(problem.detail for problem in problems))


def refuse(problems: Iterable[Problem]) -> None:
    """Raise the first MOST_PROBLEMS of *problems*, if there are any; no further ones are made.

    Raises:
        PayloadError: There are.
    """
    first = tuple(islice(problems, MOST_PROBLEMS))
    if first:
        raise PayloadError(*first)


def moved(error: PayloadError, rows: int) -> PayloadError:
    """*error* of a part of a table that begins *rows* rows below the table's first; pointers start at the rows."""
    problems = []
    for problem in error.problems:
        row, slash, rest = problem.pointer[1:].partition("/")
        detail = f"row {int(row) + rows}{problem.detail.removeprefix(f'row {row}')}"
        problems.append(Problem(detail, f"/{int(row) + rows}{slash}{rest}"))
    return PayloadError(*problems)


def pointer(row: int, instance: object, feature: str, column: int) -> str:
    """JSON Pointer, from the list of instances, to where *instance* holds a feature."""
    match instance:
        case list():
            return f"/{row}/{column}"
        case dict() if feature in instance:
            return f"/{row}/{escape(feature)}"
        case _:
            return f"/{row}"


def escape(member: str) -> str:
    """*member* as one reference token of a JSON Pointer, at most 40 characters, encodable as UTF-8."""
    token = member[:_MOST_SHOWN].replace("~", "~0").replace("/", "~1")
    return token.encode("utf-8", "replace").decode()


def shown(value: object) -> str:
    """*value* as JSON, shortened, for a message."""
    match value:
        case list():
            return f"an array of {len(value)}"
        case dict():
            return "an object"
        case float() if math.isnan(value):
            return "NaN"
        case float() if math.isinf(value):
            return "a number beyond float64 or an infinity"
        case int() if value.bit_length() > _MOST_BITS:  # it has more digits than Python prints
            return "a number beyond float64 or an infinity"
        case str():
            value = value[:_MOST_SHOWN] + "…" if len(value) > _MOST_SHOWN else value
    text = json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace").decode()
    return text if len(text) <= _MOST_SHOWN + 4 else f"{text[:_MOST_SHOWN]}…"
