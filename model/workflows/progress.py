"""The ways in which a workflow speaks while it works: lines for a person, and progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass


def _no_steps(_text: str, _total: int | None) -> AbstractContextManager[Callable[[], None]]:
    return nullcontext(lambda: None)


def _no_bytes(_sources: Sequence[str]) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(lambda _size: None)


@dataclass(frozen=True)
class Talk:
    """Silent by default.

    Args:
        say: Takes a line that a person should read and no table shows.
        progress: Takes the name of a step and its length, None where it is not known; yields the function that
            advances it by one.
        reading: Takes the sources to be read; yields the function that takes the number of bytes read.
    """

    say: Callable[[str], None] = lambda _text: None
    progress: Callable[[str, int | None], AbstractContextManager[Callable[[], None]]] = _no_steps
    reading: Callable[[Sequence[str]], AbstractContextManager[Callable[[int], None]]] = _no_bytes

    def step(self, text: str) -> AbstractContextManager[Callable[[], None]]:
        """Progress of a step of unknown length."""
        return self.progress(text, None)
