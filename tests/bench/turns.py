"""Works that are measured in turns, so that whatever else the machine does meets all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from tests.bench import progress

PART_SECONDS = 270.0
"""A part of the benchmark begins nothing later: so it ends within five minutes."""

Result = TypeVar("Result")


class Budget:
    """The time that is left for a part; it runs from now on."""

    def __init__(self, seconds: float = PART_SECONDS, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Seconds; 0 when it is over."""
        return max(0.0, self._end - self._clock())


def in_turns(
    works: Mapping[str, Callable[[], Result]],
    rounds: int,
    *,
    most_seconds: float = float("inf"),
    least: int = 2,
    failed: dict[str, Exception] | None = None,
) -> dict[str, list[Result]]:
    """Do each work once a round, forth and back.

    No round after *least* begins that would end later than *most_seconds*, if it took as long as the mean of those before.

    Args:
        failed: Takes the error of each work that fails; it is not done again, and has no results. Without it an error
            ends all.
    """
    results: dict[str, list[Result]] = {name: [] for name in works}
    began = time.perf_counter()
    for number in range(rounds):
        if number >= max(least, 1) and (time.perf_counter() - began) * (number + 1) / number > most_seconds:
            break
        order = list(results)
        for name in order if number % 2 else reversed(order):
            progress.say(f"round {number + 1}: {name}")
            try:
                results[name].append(works[name]())
            except Exception as error:
                if failed is None:
                    raise
                failed[name] = error
                del results[name]
    return results


def seconds_of(work: Callable[[], object], times: int = 1, *, most_seconds: float = 0.3) -> float:
    """The median duration of *work*, done *times* times, or until *most_seconds* are over."""
    durations: list[float] = []
    while len(durations) < times and (not durations or sum(durations) < most_seconds):
        began = time.perf_counter()
        work()
        durations.append(time.perf_counter() - began)
    return statistics.median(durations)
