"""The most probable classes of an answer, where there are too many classes to name them all. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ...columns.schema import Level
from ...problems import MOST_PROBLEMS, PayloadError, Problem, escape, shown

_PROBABILITY_BYTES = 25
_FLOAT64_BYTES = 8
_EXPECTED = '{"top": 3}'


def top_of(parameters: object, member: str = "parameters") -> int | None:
    """How many classes a request for a classifier asks for by its *member* `parameters`; None for all of them.

    Raises:
        PayloadError: `parameters` is no object, has another member than `top`, or a `top` that is no whole number
            from 1. Pointers start at the body.
    """
    if not isinstance(parameters, dict):
        raise PayloadError(
            Problem(f"'{member}' must be an object like {_EXPECTED}, got {shown(parameters)}", f"/{member}")
        )
    unknown = (name for name in parameters if name != "top")
    problems = [
        Problem(f"unknown parameter {shown(name)}; expected {_EXPECTED}", f"/{member}/{escape(name)}")
        for name in islice(unknown, MOST_PROBLEMS)
    ]
    top = parameters.get("top", 1)
    if type(top) is not int or top < 1:
        problems.append(Problem(f"'top' must be a whole number from 1, got {shown(top)}", f"/{member}/top"))
    if problems:
        raise PayloadError(*problems[:MOST_PROBLEMS])
    return parameters.get("top")


def most_rows(classes: Sequence[Level], top: int, most_bytes: int) -> int:
    """How many rows may be answered with their *top* classes.

    Neither the answer nor, in memory, the probabilities of all classes take more than *most_bytes*; one row always may.
    """
    label = max(len(orjson.dumps(each)) for each in classes)
    written = label + len(",[],[],") + min(top, len(classes)) * (_PROBABILITY_BYTES + label + len(","))
    return max(1, most_bytes // max(written, _FLOAT64_BYTES * len(classes)))


def leading(
    probabilities: NDArray[Any], classes: Sequence[Level], top: int
) -> tuple[list[list[Level]], NDArray[np.float64]]:
    """The *top* most probable classes of each row, and their probabilities in descending order.

    Args:
        probabilities: Array of shape (n_rows, n_classes).

    Returns:
        One list of labels a row, and an array of shape (n_rows, top). The class that stands first in *classes* goes
        first among equally probable ones.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    labels = [[classes[place] for place in row] for row in order.tolist()]
    return labels, np.ascontiguousarray(np.take_along_axis(probabilities, order, axis=1), np.float64)
