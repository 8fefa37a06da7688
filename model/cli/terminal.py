"""The terminal: results to standard output, talk and progress to standard error."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from model.formatting import plain
from model.workflows.progress import Talk

_errors = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def say(text: object) -> None:
    """A message to standard error, with every line made harmless for a terminal."""
    for line in str(text).splitlines():
        _errors.print(plain(line))


def show(*parts: Any) -> None:
    """Tables and lines to standard output, as wide as the terminal, or as wide as they are in a pipe."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 1000  # a pipe has no edge to wrap at
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def show_json(value: Any) -> None:
    """One JSON document to standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


@contextlib.contextmanager
def progress(text: str, total: int | None) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, nothing in a pipe; yields the function that advances it by one.

    The bar moves to and fro where *total* is None.
    """
    counts = (MofNCompleteColumn(),) if total is not None else ()
    with _bar(TextColumn("{task.description}"), BarColumn(), *counts, TimeElapsedColumn()) as bar:
        task = bar.add_task(text, total=total)
        yield lambda: bar.advance(task)


@contextlib.contextmanager
def reading(sources: Sequence[str]) -> Iterator[Callable[[int], None]]:
    """A bar of the bytes of *sources*; yields the function that takes the number of bytes read."""
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn())
    paths = [Path(source) for source in sources]
    total = sum(path.stat().st_size for path in paths) if all(path.is_file() for path in paths) else None
    with _bar(*columns) as bar:
        task = bar.add_task("", total=total)
        yield lambda size: bar.advance(task, size)


def _bar(*columns: Any) -> Progress:
    return Progress(*columns, console=_errors, disable=not _errors.is_terminal, transient=True)


def is_terminal() -> bool:
    """Whether a person sees standard output."""
    return sys.stdout.isatty()


TALK = Talk(say=say, progress=progress, reading=reading)
