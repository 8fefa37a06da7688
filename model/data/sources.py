"""Bytes of a source: a file, standard input or an object's pieces, plain or gzip; and its errors as ours."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from model.errors import SourceError

BLOCK_BYTES = 4 << 20
"""Bytes of a CSV file that are read at once, and the longest row."""

_CHUNK_BYTES = 1 << 20
_RAGGED = re.compile(r"CSV parse error: Row #(\d+): Expected (\d+) columns, got (\d+)")


@contextmanager
def translated(source: str) -> Iterator[None]:
    """The one place where exceptions of files and of Arrow become a SourceError."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(f"{Path(error.filename or source).absolute()} does not exist") from error
    except (OSError, ValueError, pa.ArrowException) as error:  # Arrow's errors are some of each
        reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0][:200]
        if "straddl" in reason:
            reason = f"a row is longer than {BLOCK_BYTES >> 20} MiB; a quote may have been opened and not closed"
        elif match := _RAGGED.match(reason):  # and no UTF-8, which keeps Arrow from calling the handler of such rows
            row, expected, cells = map(int, match.groups())
            reason = f"row {row - 2} must hold {expected} cells, found {cells}, and bytes that are no UTF-8"
        elif "magic bytes" in reason or "Parquet file size" in reason:
            reason = "its end is missing; it may have been cut short"
        raise SourceError(f"{source} cannot be read: {reason}") from error


def pieces(path: str) -> Iterator[bytes]:
    """Pieces of the file at *path*, or of standard input for `-`.

    Raises:
        SourceError: It is absent or a directory; or, while it is read, that it cannot be.
    """
    if path == "-":
        if sys.stdin is None:
            raise SourceError("standard input is closed")
        return _chunks(sys.stdin.buffer)
    if Path(path).is_dir():
        raise SourceError(f"{path} must be a file, found a directory: name the files in it ({path.rstrip('/')}/*)")
    if not Path(path).exists():
        raise SourceError(f"{Path(path).absolute()} does not exist")
    return _opened(path)


def unpacked(name: str, packed: Iterable[bytes], done: Callable[[int], None]) -> Iterator[bytes]:
    """*packed* as it is, or unpacked when it begins as gzip does; never more than some MiB at once."""
    unpacker = None
    for place, piece in enumerate(packed):
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


def _opened(path: str) -> Iterator[bytes]:
    with translated(path), Path(path).open("rb") as file:
        yield from _chunks(file)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_CHUNK_BYTES):
        yield piece
