"""Everything that was read of captured lines: rows and requests by slot, joined labels, and the count of the lines."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from model.monitoring.class_rows import Chances
from model.monitoring.request_counts import SlotRequests
from model.monitoring.windows import MOST_SAMPLED, SLOTS, Period, SlotRows, Window, joined

Vector = NDArray[np.float64]


@dataclass
class Unusable:
    """Lines or rows that cannot be used for one reason: *count*, and the first with its place as an *example*."""

    count: int
    example: str


@dataclass
class LogCounts:
    """The log in numbers.

    Args:
        rows, requests: Those that count: of the model, usable, and each once.
        duplicates, duplicated_requests: Lines that came again.
        other_lines, other_models: Lines of another kind, or of another model.
        after, older: Lines after the window, or before both windows.
        incomplete_requests: Requests with fewer row lines than they captured; None if too many were open to tell.
        without_request: Requests of which only row lines came.
        rows_without_request: Rows that count as one instance each, since the line of their request did not come.
        unusable: By the finding's code.
    """

    lines: int = 0
    bytes: int = 0
    rows: int = 0
    requests: int = 0
    duplicates: int = 0
    duplicated_requests: int = 0
    other_lines: int = 0
    other_models: int = 0
    after: int = 0
    older: int = 0
    without_request: int = 0
    rows_without_request: int = 0
    incomplete_requests: int | None = 0
    unusable: dict[str, Unusable] = field(default_factory=dict)


@dataclass(frozen=True)
class Joined:
    """Labels that met a row of one version; arrays of shape (n_labels,).

    Args:
        actual, predicted: Numbers; of a classifier the places of labels among the classes of the version.
        weights: Instances that the row of each label stands for.
        chances: The probabilities of a classifier that has any.
    """

    actual: Vector
    predicted: Vector
    weights: Vector
    chances: Chances | None = None


@dataclass
class Captured:
    """Figures of all lines.

    Args:
        slot_seconds, last: A slot's length, and the last slot of the window, counted from *origin*.
        most: Rows of a window that are sampled.
        rows: By version and slot.
        requests: By function, version and slot.
        joined: By version.
        matched, unmatched: Labels that met a row, and that met none.
        unread: A reason for each source of which nearly nothing could be read.
    """

    slot_seconds: float
    origin: float
    most: int = field(default_factory=lambda: MOST_SAMPLED)
    last: int | None = None
    log: LogCounts = field(default_factory=LogCounts)
    rows: dict[tuple[int, int], SlotRows] = field(default_factory=dict)
    requests: dict[tuple[str, int | None, int], SlotRequests] = field(default_factory=dict)
    joined: dict[int, Joined] = field(default_factory=dict)
    matched: int = 0
    unmatched: int = 0
    unread: list[str] = field(default_factory=list)

    @property
    def period(self) -> Period:
        """The window."""
        until = None if self.last is None else self.origin + (self.last + 1) * self.slot_seconds
        return Period(self.slot_seconds, SLOTS, until)

    def versions(self) -> list[int]:
        """Versions that have rows in one of the windows, each once."""
        return list(dict.fromkeys(version for version, _ in self.rows))

    def window(self, version: int, *, back: int = 0) -> Window:
        """Rows of *version* in the window, or in the one *back* windows before."""
        last = (self.last or 0) - back * SLOTS
        layout = next(part.layout for (owner, _), part in self.rows.items() if owner == version)
        slots = {
            slot - self._first: part
            for (owner, slot), part in self.rows.items()
            if owner == version and last - SLOTS < slot <= last
        }
        return joined(slots, layout, self.most)

    def requests_by_slot(self) -> list[SlotRequests]:
        """Requests of both windows; slots count from 0 at the begin of the one before."""
        return [replace(part, slot=part.slot - self._first) for part in self.requests.values()]

    @property
    def _first(self) -> int:
        return (self.last or 0) - 2 * SLOTS + 1
