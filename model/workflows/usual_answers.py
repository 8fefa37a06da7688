"""Whether the answers to training rows are a version's usual ones: they are not where it knows the rows by heart.

A forest answers the rows that it was trained on nearly as they are labelled, and others with less certainty: monitored
against the former, rows of the same world would look moved. Where the held-out rows are answered in another way, the
baseline of predictions and scores is theirs, and says of how many rows it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.data import drift
from model.training.asking import Answers

_FEWEST_HELD = 50
_FAR = 0.05  # half of the distance from which on the monitor warns
_CHANCE = 0.2  # a wrong yes only means fewer rows in the baseline

Mask = NDArray[np.bool_]


def are_usual(described: Mapping[str, Any], held: Answers, trained: int) -> bool:
    """Whether answers to *held*, rows that training did not see, are spread as the manifest *described* has them.

    Args:
        described: A manifest's `classes`, `probabilities`, `positive`, `prediction` and `scores`, of *trained* rows.
        held: As a model is asked.
    """
    if len(held) < _FEWEST_HELD:
        return True
    columns = [held[:, 0]]
    if drift.score({**described}) is not None:
        place = described["classes"].index(described["positive"]) if "positive" in described else None
        columns.append(held[:, 1:].max(axis=1) if place is None else held[:, 1 + place])
    for entry, values in zip(drift.columns({**described, "features": []}), columns, strict=True):
        there = values[~np.isnan(values)]
        counts = drift.counts_between(there, drift.edges(entry))
        distances = drift.against_training(entry, counts, there, trained, _CHANCE)
        if drift.movement(distances, warn=_FAR, alert=1.0).level != drift.OK:
            return False
    return True
