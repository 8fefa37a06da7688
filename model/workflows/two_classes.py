"""A target of two classes: which one is positive."""

from __future__ import annotations

import numpy as np

from functions.schema import Level, shown
from model.data.rows import Rows
from model.data.split import Sides
from model.errors import ConfigError
from model.evaluation.answers import label_name

_TWO = 2
_MOST_NAMED = 10


def positive_of(rows: Rows, sides: Sides, label: Level | None) -> int | None:
    """The place of the positive class: that of *label*, or of the rarer one among training rows; None but for two.

    Raises:
        ConfigError: *label* is none of them, or there are not two.
    """
    if label is None:
        if len(rows.classes) != _TWO:
            return None
        counts = np.bincount(rows.y[sides.seen].astype(np.intp), minlength=_TWO)
        return int(counts[1] <= counts[0])
    names = ", ".join(shown(one) for one in rows.classes[:_MOST_NAMED])
    if len(rows.classes) != _TWO:
        found = f"{len(rows.classes)}: {names}" if rows.classes else "numbers"
        raise ConfigError(f"training.positive is for two classes, '{rows.target}' has {found}")
    places = [place for place, one in enumerate(rows.classes) if (type(one), one) == (type(label), label)] or [
        place for place, one in enumerate(rows.classes) if label_name(one) == label
    ]
    if not places:
        raise ConfigError(f"training.positive must be one of the classes {names}, got {shown(label)}")
    return places[0]
