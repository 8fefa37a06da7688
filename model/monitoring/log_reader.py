"""Captured log lines as windows of figures: rows that came in, requests that were answered, lines that are unusable.

Lines are those that functions/telemetry writes, as they stand or as the `jsonPayload` of a LogEntry of a Cloud Logging
sink. They are read once, in any order: the counts do not depend on it, and the rows with the smallest hash of
(request_id, row) are kept as the sample. Only where a retry straddles the edge of two slots does the first line that
is read decide in which one its row counts.

Time is cut into slots, SLOTS to a window; slots older than two windows are dropped on the way. Kept are
    8 bytes for each row and each request, so that none counts twice (twice that while they are merged)
    for each slot, function and version: counts; the sample, at most MOST_CELLS numbers a version in all
    48 bytes for each label; 100 more where the model is a classifier with probabilities
    16 bytes for each request whose row lines have not all come yet, normally none but the last, OPEN_MOST at most
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import orjson

from model.data.sources import unpacked
from model.monitoring.captured import Captured
from model.monitoring.labels import KeyedLabels
from model.monitoring.log_counter import LogCounter, LogLine
from model.monitoring.log_quality import SourceTally
from model.monitoring.log_schema import rendered, request_flaw, request_is_sound, row_flaw, row_is_sound, shown
from model.monitoring.log_shapes import Unwrapper, is_foreign, moment_of, with_whole_numbers
from model.monitoring.log_source import LONGEST_LINE_BYTES, blocks
from model.monitoring.windows import SLOTS, Counts, Layout

CLOCK_SKEW_SECONDS = 300
"""How far ahead of now a time may lie: clocks of one platform differ by less."""
_BATCH_LINES = 16_384


def read(
    sources: Iterable[tuple[str, Iterable[bytes]]],
    *,
    model: str,
    layout_of: Callable[[int], Layout | None],
    window_seconds: float,
    now: float,
    until: float | None = None,
    labels: KeyedLabels | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> Captured:
    """Read all lines of all *sources*, each a name and its bytes in pieces (gzip or plain).

    Args:
        layout_of: The layout of a version in the bucket; None if the bucket holds none. Called once a version.
        window_seconds: Length of a window.
        now: The present, in seconds since 1970: times well after it are errors.
        until: End of the window; by default the end of the newest line's slot. Later lines are left out.
        done: Called with the number of bytes that were read.

    Raises:
        SourceError: A source cannot be read.
    """
    captured = Captured(window_seconds / SLOTS, origin=until or 0.0, last=None if until is None else -1)
    reader = _Reader(model, LogCounter(captured, layout_of, labels), now=now, until=until)
    collecting = gc.isenabled()
    gc.disable()  # millions of objects, none of which refers to another: looking for cycles takes a third of the time
    try:
        for name, pieces in sources:
            reader.begin(name)
            for numbers, texts in blocks(unpacked(name, pieces, done), reader.too_long):
                reader.take(numbers, texts)
            reader.end()
    finally:
        if collecting:
            gc.enable()
    return reader.counter.finish()


class _Reader:
    """Sorts lines into rows and requests, leaves out those that cannot be used, and has the rest counted."""

    def __init__(self, model: str, counter: LogCounter, *, now: float, until: float | None) -> None:
        self.counter = counter
        self._captured = counter.captured
        self._model = model
        self._newest = now + CLOCK_SKEW_SECONDS
        self._until = until
        self._rows: list[LogLine] = []
        self._requests: list[LogLine] = []
        self._unwrapper = Unwrapper()
        self._tally = SourceTally("")
        self._tallies: dict[str, SourceTally] = {}

    def begin(self, source: str) -> None:
        """Lines of *source* follow; objects below one prefix are one source."""
        self.counter.source = source
        group = source.partition("/")[0] + "//…" if source.startswith("gs://") else source
        self._tally = self._tallies.setdefault(group, SourceTally(source))
        self._unwrapper = Unwrapper()

    def end(self) -> None:
        """All lines of the source were taken."""
        self.flush()
        self._captured.unread = [reason for tally in self._tallies.values() if (reason := tally.reason())]

    def take(self, numbers: Sequence[int], lines: Sequence[bytes]) -> None:
        """Sort *lines*, each with its number, into rows and requests."""
        loads, rows, requests, log = orjson.loads, self._rows, self._requests, self._captured.log
        log.bytes += sum(map(len, lines))
        log.lines += len(lines) - lines.count(b"") - lines.count(b"\r")
        for number, text in zip(numbers, lines, strict=True):
            try:
                fields = loads(text)
            except orjson.JSONDecodeError as error:
                if text and text != b"\r":
                    self._unusable("not-json", number, f"must be one JSON object, found {shown(text)}: {error}")
                continue
            if type(fields) is not dict:
                self._unusable("not-json", number, f"must be a JSON object, found {shown(text)}")
                continue
            kind, time = fields.get("kind"), fields.get("time")
            if kind is None:
                inner, time = self._unwrapper.line(fields)
                if inner is None or (inner is fields and is_foreign(fields)):
                    log.other_lines += 1
                    if is_foreign(fields):
                        self._tally.add("foreign", f"line {number}: {shown(text)}")
                    continue
                kind, fields = inner.get("kind"), inner
            if kind == "row":
                rows.append(LogLine(fields, time, number))
            elif kind == "request":
                requests.append(LogLine(fields, time, number))
            else:
                log.other_lines += 1
        if len(rows) + len(requests) >= _BATCH_LINES:
            self.flush()

    def _unusable(self, code: str, number: int, message: str) -> None:
        self.counter.unusable(code, number, message)
        self._tally.add(code, f"line {number}: {message}")

    def too_long(self, number: int) -> None:
        """Note a line that was passed over."""
        self._captured.log.lines += 1
        message = f"must be a line of at most {LONGEST_LINE_BYTES >> 20} MiB, found a longer one"
        self._unusable("not-json", number, message)

    def flush(self) -> None:
        """Count the lines that were taken."""
        if self._requests or self._rows:
            requests, request_slots = self._placed(self._sound(self._requests, request_flaw, request_is_sound))
            rows, row_slots = self._placed(self._sound(self._rows, row_flaw, row_is_sound))
            self._tally.lines += len(self._requests) + len(self._rows)
            self._tally.rows += len(self._rows)
            flawed = self.counter.add(requests, request_slots, rows, row_slots)
            if flawed:
                self._tally.bad_rows += flawed
                self._tally.example = self._tally.example or self._captured.log.unusable["malformed"].example
        self._requests, self._rows = [], []

    def _sound(
        self,
        lines: list[LogLine],
        flaw_of: Callable[[dict[str, Any]], str],
        all_sound: Callable[[Sequence[dict[str, Any]]], bool],
    ) -> list[LogLine]:
        """Lines of our model whose fields are as they must be."""
        if not all(line.fields.get("model") == self._model for line in lines):
            ours = [line for line in lines if line.fields.get("model") == self._model]
            self._captured.log.other_models += len(lines) - len(ours)
            lines = ours
        if all_sound([line.fields for line in lines]):
            return lines
        lines = [line._replace(fields=with_whole_numbers(line.fields)) for line in lines]
        if all_sound([line.fields for line in lines]):
            return lines
        sound = []
        for line in lines:
            flaw = flaw_of(line.fields)
            if flaw:
                self._tally.bad_rows += line.fields.get("kind") == "row"
                self._unusable("malformed", line.number, flaw)
            else:
                sound.append(line)
        return sound

    def _placed(self, lines: list[LogLine]) -> tuple[list[LogLine], Counts]:
        """Lines with a usable time that is not after the window, and their slots."""
        times = np.empty(len(lines))
        last: dict[Any, float] = {}
        for place, line in enumerate(lines):
            try:
                times[place] = last[line.time]
            except (KeyError, TypeError):
                times[place] = self._seconds(line.time, line.number)
                last = {} if math.isnan(times[place]) else {line.time: times[place]}
        usable = ~np.isnan(times)
        captured = self._captured
        if self._until is not None:
            late = usable & (times >= self._until)
            captured.log.after += int(late.sum())
            usable &= ~late
        if not usable.all():
            lines = [line for line, good in zip(lines, usable, strict=True) if good]
            times = times[usable]
        slots = np.floor((times - captured.origin) / captured.slot_seconds).astype(np.int64)
        if len(slots) and self._until is None:
            newest = int(slots.max())
            captured.last = newest if captured.last is None else max(newest, captured.last)
        return lines, slots

    def _seconds(self, text: object, number: int) -> float:
        """A time in seconds since 1970; NaN, and noted, if it cannot be used."""
        try:
            time = moment_of(text) if type(text) is str else None
        except ValueError:
            time = None
        if time is None or time.tzinfo is None:
            found = "a time without a zone" if time else shown(rendered(text))
            self._unusable("bad-time", number, f"time must be ISO 8601 with a zone, found {found}")
            return math.nan
        seconds = time.timestamp()
        if not 0 <= seconds <= self._newest:
            limit = "in the future" if seconds > 0 else "before 1970"
            message = f"time must not lie {limit}, found {shown(str(text).encode())}"
            self._unusable("bad-time", number, message)
            return math.nan
        return seconds
