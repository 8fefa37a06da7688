"""The rows of a large request, divided among processes where a model is slow and there are several processors.

A graph computes its rows in parts of a fixed number, so the parts of all processes are those of one, and so are the
bits. Each process but this one is forked for its block of parts and writes into memory that all of them share; a block
whose process did not end well is computed here, and so are its refusals.
"""

from __future__ import annotations

import math
import mmap
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..artifact import Manifest
from ..columns.table import Table
from ..predictor import Predictor
from ..problems import PayloadError, moved
from ..runtimes import Predictions
from .forked import leave_with, sheltered

WORTH_SECONDS = 0.05
"""Rows that one process would need so long for are divided: a fork of a process with a million rows takes 10 ms."""


class Blocks(NamedTuple):
    """Predictions; see runtimes.Predictions."""

    values: Any
    probabilities: Any


class Divided(NamedTuple):
    """A model whose rows are divided among so many *processes*; otherwise it is *model*."""

    model: Predictor
    processes: int

    @property
    def manifest(self) -> Manifest:
        return self.model.manifest

    @property
    def few_cells(self) -> int:
        return self.model.few_cells

    def predict(self, table: Any) -> Predictions:
        """Predict every row of *table*; see Predictor.predict.

        Raises:
            PayloadError: See there.
        """
        part = getattr(self.model.runtime, "part_rows", 0)
        if self.processes == 1 or not part or not isinstance(table, Table) or len(table) <= part:
            return self.model.predict(table)
        began = time.perf_counter()
        first = self.model.predict(table[:part])
        seconds = time.perf_counter() - began
        parts = math.ceil(len(table) / part)
        if seconds * (parts - 1) < WORTH_SECONDS:
            starts = [part, len(table)]
        else:
            blocks = min(self.processes, parts - 1)
            starts = [part * (1 + (parts - 1) * block // blocks) for block in range(blocks)] + [len(table)]
        return self._joined(table, first, starts)

    def _joined(self, table: Table, first: Predictions, starts: list[int]) -> Predictions:
        """The predictions of all rows, those before ``starts[0]`` being *first*; a block begins at each other start."""
        values, chances = _arrays(len(table), first, self.manifest)
        _put(self.manifest, first, values[: starts[0]], None if chances is None else chances[: starts[0]])

        def block(number: int) -> None:
            rows = slice(starts[number], starts[number + 1])
            try:
                found = self.model.predict(table[rows])
            except PayloadError as error:
                raise moved(error, rows.start) from None
            _put(self.manifest, found, values[rows], None if chances is None else chances[rows])

        others = {number: _forked(block, number) for number in range(1, len(starts) - 1)}
        block(0)
        for number, process in others.items():
            if not _ended_well(process):
                block(number)
        return Blocks(_labels(self.manifest, first, values), chances)


def _arrays(rows: int, first: Predictions, manifest: Manifest) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Room for all predictions and probabilities in memory that forked processes share; a label is its place."""
    kind = np.dtype(np.intp) if manifest.classes else first.values.dtype
    values = np.frombuffer(mmap.mmap(-1, rows * kind.itemsize), kind)
    if first.probabilities is None:
        return values, None
    kind, width = first.probabilities.dtype, first.probabilities.shape[1]
    return values, np.frombuffer(mmap.mmap(-1, rows * width * kind.itemsize), kind).reshape(rows, width)


def _put(manifest: Manifest, found: Predictions, values: NDArray[Any], chances: NDArray[Any] | None) -> None:
    if manifest.classes:
        places = {(type(label), label): place for place, label in enumerate(manifest.classes)}
        values[:] = [places[type(label), label] for label in found.values.tolist()]
    else:
        values[:] = found.values
    if chances is not None:
        chances[:] = found.probabilities


def _labels(manifest: Manifest, first: Predictions, values: NDArray[Any]) -> NDArray[Any]:
    if not manifest.classes:
        return values
    labels = np.empty(len(manifest.classes), first.values.dtype)
    labels[:] = manifest.classes
    return labels.take(values)


def _forked(block: Callable[[int], None], number: int) -> int:
    """The process of one block; 0 where none can be had."""
    parent = os.getpid()
    try:
        process = os.fork()
    except OSError:
        return 0
    if not process:
        code = 1
        try:
            leave_with(parent)
            sheltered()
            block(number)
            code = 0
        finally:
            os._exit(code)
    return process


def _ended_well(process: int) -> bool:
    return bool(process) and os.waitpid(process, 0)[1] == 0
