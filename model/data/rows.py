"""Rows of a data set: the features' columns, the target, and what rows are split by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from functions.columns.schema import Feature, Level
from functions.columns.table import Table
from model.data.cells import Flaw
from model.data.hashing import Keys, occurrences, row_hashes, spread_out

Vector: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Rows of a data set.

    A cell that cannot be used is missing, as is a whole column that is not there; *flaws* say why.

    Args:
        features: The columns that the model sees, as these rows have them: kind, levels, missing cells, width; and the
            bounds that were asked for.
        x: Those columns, in their order.
        y: The target in its unit, or the place of its class; NaN where it is not known; shape (n_rows,).
        kinds: Columns of texts beside, in which rows are looked at apart.
        groups, times: Columns that rows are split by: texts, and seconds since 1970.
        target_width: The width of the target's numbers, one of WIDTHS.
        classes: The target's labels in ascending order; none where it is a number.
        numbers: The number of each row in its source, from 0, where rows were left out; None where none were.
    """

    dataset: str
    features: tuple[Feature, ...]
    target: str
    x: Table
    y: Vector
    flaws: tuple[Flaw, ...] = ()
    kinds: Mapping[str, pa.DictionaryArray] = field(default_factory=dict)
    groups: Mapping[str, pa.StringArray] = field(default_factory=dict)
    times: Mapping[str, Vector] = field(default_factory=dict)
    target_width: str = "float64"
    classes: tuple[Level, ...] = ()
    numbers: NDArray[np.int64] | None = None

    @property
    def without_target(self) -> int:
        """How many rows were left out since they have no target."""
        return sum(flaw.count for flaw in self.flaws if flaw.code == "no-target")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(feature.name for feature in self.features)

    @property
    def targets(self) -> NDArray[Any]:
        """The target's numbers, or labels as objects, None for a missing one: places change as classes appear."""
        if not self.classes:
            return self.y
        labels = np.array([*self.classes, None], object)
        return np.asarray(labels[np.where(np.isnan(self.y), len(self.classes), self.y).astype(np.intp)])

    @property
    def task(self) -> str:
        """What is learnt of them: "classification" or "regression"."""
        return "classification" if self.classes else "regression"

    @property
    def labels(self) -> NDArray[Any]:
        """The target as estimators are fitted to it: numbers, or labels in an array of their type, texts as objects.

        Rows without a target have no label: there must be none.
        """
        if not self.classes:
            return self.y
        texts = isinstance(self.classes[0], str)
        return np.asarray(np.array(self.classes, object if texts else None)[self.y.astype(np.intp)])

    @property
    def class_counts(self) -> dict[Level, int]:
        """How many rows each class has."""
        places = self.y[~np.isnan(self.y)].astype(np.intp) if self.classes else np.empty(0, np.intp)
        return dict(zip(self.classes, np.bincount(places, minlength=len(self.classes)).tolist(), strict=True))

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
        """64 bits of BLAKE2b over each row's values in order of column names; shape (n_rows,).

        Neither the row's place, nor other rows, nor the order of features matters; equal rows have equal hashes.
        """
        columns = {**dict(zip(self.names, self.x.columns, strict=True)), self.target: self.targets}
        return row_hashes([columns[name] for name in sorted(columns)])

    @cached_property
    def keys(self) -> Keys:
        """A key for each row's content and how many equal rows stand before it; the first keeps its `hashes`."""
        return spread_out(self.hashes, occurrences(self.hashes))
