"""Tables of how often something happens by chance: lines that are drawn again and again, each in a process, until the time is over.

A line is drawn with the seeds 1, 2, 3, …: one draw of all lines, then the next. So BENCH_DRAWS=5 has all lines once before
any has its second draw.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from tests.bench import progress
from tests.bench.record import Part, Sheet
from tests.bench.turns import Budget

TIMES = int(os.environ.get("BENCH_DRAWS", "1"))
"""How often each line is drawn, if time allows; the documents' figures are of more than one."""

_FOR_PROCESSES = {
    "OPENBLAS_NUM_THREADS": "1",  # they share the cores
    "OMP_NUM_THREADS": "1",
    # glibc keeps the memory of large arrays for the next ones: the draws of the gate take half of the time
    "MALLOC_MMAP_THRESHOLD_": "33000000",
    "MALLOC_TRIM_THRESHOLD_": "1000000000",
}

Counts = NDArray[np.int64]
"""Shape (n_cells, 1 + n_counted): how many were looked at, and how many of them were counted."""


@dataclass(frozen=True)
class DrawnLine:
    """A line of a table.

    Args:
        names: The cells that say what it is of.
        draw: Counts of a seed; it goes to another process, so it is a function of a module, or a partial of one.
    """

    names: tuple[str, ...]
    draw: Callable[[int], Counts]


@dataclass(frozen=True)
class DrawnTable:
    """A table of shares in percent.

    Args:
        named: The columns of the lines' names.
        counted: The columns of what was drawn; a second count stands in brackets.
        form: How a share is written, a format of Python's.
    """

    named: tuple[str, ...]
    counted: tuple[str, ...]
    lines: tuple[DrawnLine, ...]
    form: str = ".0f"
    caption: str = ""

    def sheet(self, sums: Mapping[DrawnLine, Counts]) -> Sheet:
        """The lines that were drawn, each with the number of its draws, the least of its cells."""
        rows = [
            (*line.names, f"{sums[line][:, 0].min():,}", *(self._cell(cell) for cell in sums[line]))
            for line in self.lines
            if line in sums
        ]
        return Sheet((*self.named, "draws", *self.counted), tuple(rows), self.caption)

    def title(self, line: DrawnLine) -> str:
        """The line's names, each behind its column's."""
        return ", ".join(f"{column} {name}" for column, name in zip(self.named, line.names, strict=True))

    def _cell(self, cell: Counts) -> str:
        first, *second = (f"{100 * count / cell[0]:{self.form}} %" for count in cell[1:])
        return f"{first} ({second[0]})" if second else first


def part(tables: Sequence[DrawnTable]) -> Part:
    """All tables, as far as their lines are drawn until the time of a part is over."""
    processes = os.cpu_count() or 1
    before = dict(os.environ)
    os.environ |= _FOR_PROCESSES
    try:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            return drawn(tables, TIMES, Budget(), pool, processes)
    finally:
        os.environ.clear()
        os.environ.update(before)


def drawn(tables: Sequence[DrawnTable], times: int, budget: Budget, pool: Executor, at_once: int) -> Part:
    """As `part`, in the processes of *pool*."""
    titles = {line: table.title(line) for table in tables for line in table.lines}
    lines = list(titles)
    waiting = deque((seed, line) for seed in range(1, times + 1) for line in lines)
    running: dict[Future[Counts], DrawnLine] = {}
    sums: dict[DrawnLine, Counts] = {}
    draws: Counter[DrawnLine] = Counter()
    while running or (waiting and budget.left()):
        while waiting and len(running) < at_once and budget.left():
            seed, line = waiting.popleft()
            progress.say(f"draw {seed} of {times}: {titles[line]}")
            running[pool.submit(line.draw, seed)] = line
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            line = running.pop(future)
            sums[line] = sums[line] + future.result() if line in sums else future.result()
            draws[line] += 1
    remarks = []
    if missing := [titles[line] for line in lines if not draws[line]]:
        remarks.append(f"left out, since the time was over: {'; '.join(missing)}")
    if few := sum(0 < draws[line] < times for line in lines):
        remarks.append(
            f"the time was over before {few} of {len(lines)} lines had all of their {times} draws: see `draws`"
        )
    return Part(sheets=tuple(table.sheet(sums) for table in tables), remarks=tuple(remarks))
