"""JSON objects of a log as bytes, some at a time: one a line, or the elements of a JSON array over many lines."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

LONGEST_LINE_BYTES = 1 << 20
"""Cloud Logging takes entries of 256 KB at most."""
ENDINGS = tuple(f"{kind}{packed}" for kind in (".json", ".jsonl", ".ndjson", ".log") for packed in ("", ".gz"))
"""How the names of objects that hold lines end."""

Block = tuple[Sequence[int], Sequence[bytes]]
"""Texts, and the line from 1 in which each begins."""

_BETWEEN = re.compile(r"[\s,\[\]]*")


def blocks(pieces: Iterable[bytes], too_long: Callable[[int], None]) -> Iterator[Block]:
    """The objects of a source; one that is too long is passed over.

    A source whose first line begins an array, or is a lone brace, is read as a sequence of JSON values, whatever their
    line ends (`gcloud logging read --format=json`, the console's download, jq); any other one line by line.
    """
    rest = iter(pieces)
    head = b""
    for piece in rest:
        head += piece
        if b"\n" in head.lstrip() or len(head) > LONGEST_LINE_BYTES:
            break
    head = head.removeprefix(codecs.BOM_UTF8)
    first = head.lstrip().partition(b"\n")[0].strip()
    reader = _elements if first.startswith(b"[") or first == b"{" else _lines
    yield from reader(chain([head], rest), too_long)


def _lines(pieces: Iterable[bytes], too_long: Callable[[int], None]) -> Iterator[Block]:
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
            yield range(number, number + len(lines)), lines
            number += len(lines)
        if skipping:
            rest = b""
        elif len(rest) > LONGEST_LINE_BYTES:
            too_long(number)
            rest, skipping = b"", True
    if rest:
        yield [number], [rest]


def _elements(pieces: Iterable[bytes], too_long: Callable[[int], None]) -> Iterator[Block]:
    """JSON values, with whatever stands between the elements of arrays passed over; memory is that of one of them.

    After a value that is no JSON the rest of the source cannot be divided: it comes as one text, or is too long.
    """
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    scan = json.JSONDecoder(strict=False).raw_decode
    text, line = "", 1
    for piece in chain(pieces, [b""]):
        text += decode(piece, not piece)
        numbers: list[int] = []
        values: list[bytes] = []
        at = 0
        while True:
            if between := _BETWEEN.match(text, at):
                line += text.count("\n", at, between.end())
                at = between.end()
            try:
                _, end = scan(text, at)
            except ValueError:  # cut off by the end of this piece, or no JSON
                break
            numbers.append(line)
            values.append(text[at:end].encode("utf-8", "surrogateescape"))
            line += text.count("\n", at, end)
            at = end
        text = text[at:]
        if values:
            yield numbers, values
        if len(text) > LONGEST_LINE_BYTES:
            too_long(line)
            return
    if text.strip():
        yield [line], [text.encode("utf-8", "surrogateescape")]
