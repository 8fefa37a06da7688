"""Whole lines of a log, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

LONGEST_LINE_BYTES = 1 << 20
"""Cloud Logging takes entries of 256 KB at most."""
ENDINGS = tuple(f"{kind}{packed}" for kind in (".json", ".jsonl", ".ndjson", ".log") for packed in ("", ".gz"))
"""How the names of objects that hold lines end."""


def blocks(pieces: Iterable[bytes], too_long: Callable[[int], None]) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Whole lines, some at a time, each time with the number of the first. One that is too long is passed over."""
    number, rest, skipping = 1, b"", False
    for piece in pieces:
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        if lines and skipping:
            lines[0], skipping = b"", False
        if lines:
            if len(lines[0]) > LONGEST_LINE_BYTES:
                too_long(number)
                lines[0] = b""
            yield number, lines
            number += len(lines)
        if skipping:
            rest = b""
        elif len(rest) > LONGEST_LINE_BYTES:
            too_long(number)
            rest, skipping = b"", True
    if rest:
        yield number, [rest]
