"""Answers of a classifier: the place of each label among the classes, and the probabilities where it has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.evaluation.resampling import Vector

Label = bool | int | float | str

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Classified:
    """The answers to some rows.

    Args:
        places: Places of the labels among the classes, in their order; shape (n_rows,).
        probabilities: Shape (n_rows, n_classes); None for a classifier without.
    """

    places: Places
    probabilities: Vector | None = None

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, rows: NDArray[Any] | slice) -> Classified:
        """The answers to *rows*, a mask, indices or a slice."""
        return Classified(self.places[rows], None if self.probabilities is None else self.probabilities[rows])

    def without_probabilities(self) -> Classified:
        """The labels alone."""
        return Classified(self.places)


def label_name(label: Label) -> str:
    """A label as names of metrics and the configuration spell it: true, 3, late."""
    return str(label).lower() if isinstance(label, bool) else str(label)
