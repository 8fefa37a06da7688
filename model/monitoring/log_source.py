"""From files, standard input or objects, plain or gzip, to whole lines, some at a time.

Errors, by who must act:
    SourceError    the operator: a source is absent or unreadable
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from model.errors import SourceError

LONGEST_LINE_BYTES = 1 << 20
"""Cloud Logging takes entries of 256 KB at most."""
ENDINGS = tuple(f"{kind}{packed}" for kind in (".json", ".jsonl", ".ndjson", ".log") for packed in ("", ".gz"))
"""Of the names of objects that hold lines."""
_CHUNK_BYTES = 1 << 20


def files(path: str) -> Iterator[bytes]:
    """Pieces of the file at *path*, or of standard input for `-`.

    Raises:
        SourceError: It is absent or a directory; or, while it is read, that it cannot be.
    """
    if path == "-":
        if sys.stdin is None:
            raise SourceError("standard input is closed")
        return _pieces(sys.stdin.buffer)
    if Path(path).is_dir():
        raise SourceError(f"{path} must be a file, found a directory: name the files in it ({path.rstrip('/')}/*)")
    if not Path(path).exists():
        raise SourceError(f"{Path(path).absolute()} does not exist")
    return _opened(path)


def unpacked(name: str, pieces: Iterable[bytes], done: Callable[[int], None]) -> Iterator[bytes]:
    """*pieces* as they are, or unpacked when they begin as gzip does; never more than some MiB at once."""
    unpacker = None
    for place, piece in enumerate(pieces):
        done(len(piece))
        if place == 0 and piece[:2] == b"\x1f\x8b":
            unpacker = zlib.decompressobj(wbits=31)
        if unpacker is None:
            yield piece
            continue
        rest = piece
        try:
            while rest:
                yield unpacker.decompress(rest, _CHUNK_BYTES)
                rest = unpacker.unconsumed_tail
                if unpacker.eof and unpacker.unused_data:  # gzip files may follow each other in one
                    rest, unpacker = unpacker.unused_data, zlib.decompressobj(wbits=31)
        except zlib.error as error:
            raise SourceError(f"{name} cannot be unpacked: {error}") from error
    if unpacker is not None:
        yield unpacker.flush()


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


def _opened(path: str) -> Iterator[bytes]:
    try:
        with Path(path).open("rb") as file:
            yield from _pieces(file)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_CHUNK_BYTES):
        yield piece
