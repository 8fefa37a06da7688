"""From instances, as any protocol decoded them, to the question that a model is asked. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .exchange import Question, TooLargeError
from .rows import Rows
from .schema import Feature, PayloadError, Problem, shown, to_few


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
    key: str = "",
) -> Question:
    """The question of *instances*, which stand at *root* in the body; see Question for *place*, Request for *key*.

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
    keys = None
    try:
        if key:
            from .keys import taken  # noqa: PLC0415 - few models have such a column

            instances, keys = taken(instances, key)
        table = to_few(instances, features, few_cells)
    except PayloadError as error:
        absolute = Question(instances, Rows([], 0), root, single, place=place).pointer
        raise PayloadError(*(Problem(each.detail, absolute(each.pointer)) for each in error.problems)) from None
    return Question(instances, table, root, single, place=place, keys=keys)


def _label(root: str) -> str:
    return {"": "the body", "/instance": "'instances'"}.get(root) or f"'{root[1:]}'"
