"""Questions that lose a row that cannot be answered, and not the others. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .columns.schema import Feature, to_table
from .exchange import Question
from .flags import are_finite
from .predictor import Predictor
from .problems import PayloadError, Problem, moved

_PART_ROWS = 64
_MOST_ROUNDS = 16
"""Times that a model is asked again without the rows that it refused; it names 20 at most at a time."""


class Few(NamedTuple):
    """Predictions; see runtimes.Predictions."""

    values: Any
    probabilities: Any


def sift(instances: Sequence[Any], features: Sequence[Feature], root: str) -> Question:
    """The question of those *instances* that fit *features*; of the others it holds a problem each."""
    try:
        table = to_table(instances, features)
        return Question(instances, table, root, single=False, rows=range(len(instances)))
    except PayloadError:  # some row; the walk below finds all of them
        pass
    rows: list[int] = []
    refused: list[Problem] = []
    for start in range(0, len(instances), _PART_ROWS):
        part = instances[start : start + _PART_ROWS]
        if _problem(part, features, 0) is None:
            rows += range(start, start + len(part))
            continue
        for row, instance in enumerate(part, start):
            problem = _problem([instance], features, row)
            if problem is None:
                rows.append(row)
            else:
                refused.append(Problem(problem.detail, root + problem.pointer))
    kept = [instances[row] for row in rows]
    return Question(kept, to_table(kept, features), root, single=False, rows=rows, refused=tuple(refused))


def answered(model: Predictor, question: Question) -> tuple[Question, Any]:
    """The answer of *model*, and *question* without the rows that it cannot answer.

    Raises:
        PayloadError: There are so many of them that they were not all found; pointers start at the body.
    """
    for _ in range(_MOST_ROUNDS):
        if not question.instances:
            return question, Few(np.empty(0), None)
        try:
            predicted: Any = model.predict(question.table)
        except PayloadError as error:
            problems = error.problems
        else:
            wrong = np.flatnonzero(~are_finite(predicted.values, predicted.probabilities)).tolist()
            if not wrong:
                return question, predicted
            problems = tuple(
                Problem(f"row {row}: the prediction for this instance is beyond float64", f"/{row}") for row in wrong
            )
        question = _without(question, problems)
    raise PayloadError(*question.refused[-1:])


def _problem(instances: Sequence[Any], features: Sequence[Feature], row: int) -> Problem | None:
    """The first problem of *instances*, the first of which is *row*; None if there is none."""
    try:
        to_table(instances, features)
    except PayloadError as error:
        return moved(error, row).problems[0]
    return None


def _without(question: Question, problems: Sequence[Problem]) -> Question:
    """*question* without the rows of *problems*, whose pointers start at its instances."""
    gone = {int(problem.pointer[1:].partition("/")[0]): problem for problem in problems}
    rows = question.rows or ()
    refused = [
        Problem(f"row {rows[row]}{problem.detail.removeprefix(f'row {row}')}", question.pointer(problem.pointer))
        for row, problem in gone.items()
    ]
    kept = [row for row in range(len(question.instances)) if row not in gone]
    return question._replace(
        instances=[question.instances[row] for row in kept],
        table=question.table[kept],
        rows=[rows[row] for row in kept],
        refused=(*question.refused, *refused),
    )
