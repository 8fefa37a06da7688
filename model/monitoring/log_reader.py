"""Captured log lines as windows of figures: what came in, what was answered, and what of the log cannot be used.

Lines are those that functions/telemetry.py writes, as they stand or as the `jsonPayload` of a LogEntry of a Cloud
Logging sink. They are read once, in any order: what is counted does not depend on it, and of rows those with the
smallest hash of (request_id, row) are kept as the sample. Only where a retry straddles the edge of two slots does the
first line that is read decide in which one its row counts.

Time is cut into slots, SLOTS to a window; slots older than two windows are dropped on the way. Kept are
    8 bytes for each row and each request, so that none counts twice (twice that while they are merged)
    for each slot, function and version: counts; the sample, at most MOST_CELLS numbers a version in all
    24 bytes for each label
    16 bytes for each request whose row lines have not all come yet, normally none but the last, OPEN_MOST at most
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from model.data.hashing import mixed, text_hashes
from model.data.sources import unpacked
from model.monitoring.log_schema import (
    FUNCTIONS,
    rendered,
    request_flaw,
    request_is_sound,
    row_flaw,
    row_is_sound,
    shown,
)
from model.monitoring.log_source import LONGEST_LINE_BYTES, blocks
from model.monitoring.windows import SLOTS, Captured, Counts, Keys, Layout, Matrix, Part, Traffic, count_traffic

_NEVER = -(1 << 62)  # a slot before all others
MOST_CELLS = 8_000_000
OPEN_MOST = 1_000_000
CLOCK_SKEW_SECONDS = 300
"""How far ahead of now a time may lie: clocks of one platform differ by less."""

_BATCH_LINES = 16_384

Record = tuple[dict[str, Any], Any, int]
"""A captured object, its time as written, and its line from 1."""


@dataclass(frozen=True)
class Labels:
    """What became true of captured predictions: *keys* as `keys_of` gives them, sorted; NaN where labels conflict."""

    keys: Keys
    values: Matrix

    @classmethod
    def of(cls, ids: Sequence[str], rows: Sequence[int], values: Sequence[float]) -> tuple[Labels, int, int]:
        """The labels of (id, row) pairs; and how many repeat another one, and how many contradict another one."""
        keys, actual = keys_of(ids, rows), np.array(values, dtype=np.float64)
        different, place, times = np.unique(keys, return_inverse=True, return_counts=True)
        least, most = np.full(len(different), np.inf), np.full(len(different), -np.inf)
        np.minimum.at(least, place, actual)
        np.maximum.at(most, place, actual)
        agree = least == most
        repeated, conflicting = int((times[agree] - 1).sum()), int(times[~agree].sum())
        return cls(different, np.where(agree, least, np.nan)), repeated, conflicting


class _Distinct:
    """A set of 64-bit keys in sorted arrays, each at least twice as long as the next: 8 bytes a key."""

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def first(self, keys: Keys) -> NDArray[np.bool_]:
        """Which of *keys* are new, and first among themselves; they are members from then on."""
        ordered, places = np.unique(keys, return_index=True)
        new = np.ones(len(ordered), dtype=np.bool_)
        for run in self._runs:
            at = np.searchsorted(run, ordered)
            new &= run[np.minimum(at, len(run) - 1)] != ordered
        fresh = ordered[new]
        if len(fresh):
            self._runs.append(fresh)
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            merged = np.concatenate([self._runs.pop(), self._runs.pop()])
            merged.sort(kind="stable")  # finds the two runs and merges them
            self._runs.append(merged)
        mask = np.zeros(len(keys), dtype=np.bool_)
        mask[places[new]] = True
        return mask


def keys_of(ids: Sequence[str], rows: Sequence[int] | Counts) -> Keys:
    """64 bits for each (request_id, row): BLAKE2b of the id, mixed with the row as in SplitMix64.

    Two of n pairs meet by chance with probability n² / 2^65: of ten million rows once in 370,000 logs.
    """
    return mixed(text_hashes(ids), np.asarray(rows, dtype=np.int64).astype(np.uint64))


def read(
    sources: Iterable[tuple[str, Iterable[bytes]]],
    *,
    model: str,
    layout_of: Callable[[int], Layout | None],
    window_seconds: float,
    now: float,
    until: float | None = None,
    labels: Labels | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> Captured:
    """Read all lines of all *sources*, each a name and its bytes in pieces (gzip or plain).

    Args:
        layout_of: What the bucket says of a version; None when it holds none. Asked once a version.
        window_seconds: Length of a window.
        now: The present, in seconds since 1970: times well after it are errors.
        until: Where this window ends; by default with the slot of the newest line. Later lines are left out.
        done: Told how many bytes were read.

    Raises:
        SourceError: A source cannot be read.
    """
    reader = _Reader(model, layout_of, slot_seconds=window_seconds / SLOTS, now=now, until=until, labels=labels)
    collecting = gc.isenabled()
    gc.disable()  # millions of objects, none of which refers to another: looking for cycles takes a third of the time
    try:
        for name, pieces in sources:
            reader.source = name
            for line_number, block in blocks(unpacked(name, pieces, done), reader.too_long):
                reader.take(line_number, block)
            reader.flush()
    finally:
        if collecting:
            gc.enable()
    return reader.finish()


class _Reader:
    """Takes lines, and counts them in batches."""

    def __init__(
        self,
        model: str,
        layout_of: Callable[[int], Layout | None],
        *,
        slot_seconds: float,
        now: float,
        until: float | None,
        labels: Labels | None,
    ) -> None:
        self.source = ""
        self._model, self._layout_of = model, layout_of
        self._newest = now + CLOCK_SKEW_SECONDS
        self._until = until
        self._found = Captured(slot_seconds, origin=until or 0.0)
        if until is not None:
            self._found.last = -1
        self._layouts: dict[int, Layout | None] = {}
        self._rows: list[Record] = []
        self._requests: list[Record] = []
        self._seen, self._asked = _Distinct(), _Distinct()
        self._open: dict[int, int] | None = {}
        self._labels = labels
        self._predicted = np.full(len(labels.keys) if labels else 0, np.nan)
        self._of_version = np.zeros(len(self._predicted), dtype=np.int64)

    def take(self, first: int, lines: Sequence[bytes]) -> None:
        """Sort *lines*, the first of which has number *first*, into rows and requests."""
        loads, rows, requests, found = orjson.loads, self._rows, self._requests, self._found
        found.bytes += sum(map(len, lines))
        found.lines += len(lines) - lines.count(b"") - lines.count(b"\r")
        for number, line in enumerate(lines, first):
            try:
                record = loads(line)
            except orjson.JSONDecodeError as error:
                if line and line != b"\r":
                    self.unusable("not-json", number, f"must be one JSON object, found {shown(line)}: {error}")
                continue
            if type(record) is not dict:
                self.unusable("not-json", number, f"must be a JSON object, found {shown(line)}")
                continue
            kind, time = record.get("kind"), record.get("time")
            if kind is None and type(payload := record.get("jsonPayload")) is dict:
                kind, time, record = payload.get("kind"), record.get("timestamp"), payload
            if kind == "row":
                rows.append((record, time, number))
            elif kind == "request":
                requests.append((record, time, number))
            else:
                found.other_lines += 1
        if len(rows) + len(requests) >= _BATCH_LINES:
            self.flush()

    def too_long(self, number: int) -> None:
        self._found.lines += 1
        self.unusable(
            "not-json", number, f"must be a line of at most {LONGEST_LINE_BYTES >> 20} MiB, found a longer one"
        )

    def unusable(self, code: str, number: int, told: str, count: int = 1) -> None:
        entry = self._found.unusable.setdefault(code, {"count": 0, "example": f"{self.source} line {number}: {told}"})
        entry["count"] += count

    def flush(self) -> None:
        """Count what was taken."""
        requests, rows = self._requests, self._rows
        if requests or rows:
            requests, request_slots = self._placed(self._sound(requests, request_flaw, request_is_sound))
            rows, row_slots = self._placed(self._sound(rows, row_flaw, row_is_sound))
            hashes = text_hashes([record[0]["request_id"] for record in rows])
            self._balance(requests, rows, hashes)
            self._count_requests(requests, request_slots)
            self._count_rows(rows, row_slots, hashes)
            self._drop_old()
        self._requests, self._rows = [], []

    def finish(self) -> Captured:
        found = self._found
        if self._open is None:
            found.incomplete = None
        else:
            found.incomplete = sum(rest > 0 for rest in self._open.values())
            found.without_request = sum(rest < 0 for rest in self._open.values())
        if self._labels is not None:
            met = ~np.isnan(self._predicted)
            found.matched = int(met.sum())
            usable = met & ~np.isnan(self._labels.values)
            for version in np.unique(self._of_version[usable]).tolist():
                own = usable & (self._of_version == version)
                found.joined[version] = self._labels.values[own], self._predicted[own]
        return found

    def _sound(
        self,
        records: list[Record],
        flaw: Callable[[dict[str, Any]], str],
        all_sound: Callable[[Sequence[dict[str, Any]]], bool],
    ) -> list[Record]:
        """Those of our model whose fields are as they must be."""
        if not all(record[0].get("model") == self._model for record in records):
            ours = [record for record in records if record[0].get("model") == self._model]
            self._found.other_models += len(records) - len(ours)
            records = ours
        if all_sound([record[0] for record in records]):
            return records
        sound = []
        for record in records:
            told = flaw(record[0])
            if told:
                self.unusable("malformed", record[2], told)
            else:
                sound.append(record)
        return sound

    def _placed(self, records: list[Record]) -> tuple[list[Record], Counts]:
        """Those with a usable time that is not after the window, and their slots."""
        times = np.empty(len(records))
        known: dict[Any, float] = {}
        for place, record in enumerate(records):
            text = record[1]
            try:
                times[place] = known[text]
            except (KeyError, TypeError):
                times[place] = self._seconds(text, record[2])
                known = {} if math.isnan(times[place]) else {text: times[place]}
        usable = ~np.isnan(times)
        if self._until is not None:
            late = usable & (times >= self._until)
            self._found.after += int(late.sum())
            usable &= ~late
        if not usable.all():
            records = [record for record, good in zip(records, usable, strict=True) if good]
            times = times[usable]
        slots = np.floor((times - self._found.origin) / self._found.slot_seconds).astype(np.int64)
        if len(slots) and self._until is None:
            newest = int(slots.max())
            self._found.last = newest if self._found.last is None else max(newest, self._found.last)
        return records, slots

    def _seconds(self, text: object, number: int) -> float:
        try:
            time = datetime.fromisoformat(text) if type(text) is str else None
        except ValueError:
            time = None
        if time is None or time.tzinfo is None:
            told = "a time without a zone" if time else shown(rendered(text))
            self.unusable("bad-time", number, f"time must be ISO 8601 with a zone, found {told}")
            return math.nan
        seconds = time.timestamp()
        if not 0 <= seconds <= self._newest:
            wanted = "in the future" if seconds > 0 else "before 1970"
            self.unusable("bad-time", number, f"time must not lie {wanted}, found {shown(str(text).encode())}")
            return math.nan
        return seconds

    def _balance(self, requests: list[Record], rows: list[Record], hashes: Keys) -> None:
        """What requests captured less the row lines that came, by request; 0 is forgotten."""
        if self._open is None:
            return
        keys = np.concatenate([text_hashes([record[0]["request_id"] for record in requests]), hashes])
        captured = [record[0].get("captured", 0) for record in requests]
        owed = np.concatenate([np.array(captured, dtype=np.int64), np.full(len(rows), -1, dtype=np.int64)])
        different, place = np.unique(keys, return_inverse=True)
        sums = np.zeros(len(different), dtype=np.int64)
        np.add.at(sums, place, owed)
        unsettled = np.flatnonzero(sums) if not self._open else np.arange(len(different))
        for key, rest in zip(different[unsettled].tolist(), sums[unsettled].tolist(), strict=True):
            rest += self._open.pop(key, 0)  # noqa: PLW2901 - what is owed now
            if rest:
                self._open[key] = rest
        if len(self._open) > OPEN_MOST:
            self._open = None  # rows and requests come from different ends: nobody can tell

    def _count_requests(self, records: list[Record], slots: Counts) -> None:
        if not records:
            return
        found = self._found
        hashes = text_hashes([f"{record[0]['request_id']}\n{record[1]}" for record in records])
        first = self._asked.first(hashes)
        found.duplicated_requests += int((~first).sum())
        found.requests += int(first.sum())
        found.older += int((first & self._is_old(slots)).sum())
        kept = first & ~self._is_old(slots)
        groups: dict[tuple[str, int | None, int], list[dict[str, Any]]] = {}
        for place in np.flatnonzero(kept).tolist():
            record = records[place][0]
            groups.setdefault((record["function"], record.get("version"), int(slots[place])), []).append(record)
        for key, entries in groups.items():
            count_traffic(found.traffic.setdefault(key, Traffic()), entries)

    def _count_rows(self, records: list[Record], slots: Counts, hashes: Keys) -> None:
        if not records:
            return
        found = self._found
        objects = [record[0] for record in records]
        keys = mixed(hashes, np.array([entry["row"] for entry in objects], dtype=np.int64).astype(np.uint64))
        versions = np.array([entry["version"] for entry in objects], dtype=np.int64)
        known = np.ones(len(records), dtype=np.bool_)
        for version in np.unique(versions).tolist():
            if self._layout(version) is None:
                own = versions == version
                known &= ~own
                first = records[int(np.argmax(own))]
                self.unusable("unknown-version", first[2], f"the bucket holds no version {version}", int(own.sum()))
        first_time = np.zeros(len(records), dtype=np.bool_)
        first_time[known] = self._seen.first(keys[known])
        found.duplicates += int((known & ~first_time).sum())
        found.rows += int(first_time.sum())
        self._join(keys, versions, objects, first_time)
        old = self._is_old(slots)
        found.older += int((first_time & old).sum())
        functions = np.array([FUNCTIONS.index(entry["function"]) for entry in objects], dtype=np.int64)
        usable = first_time & ~old
        for version in np.unique(versions[usable]).tolist():
            layout = self._layouts[version]
            assert layout is not None  # noqa: S101 - known says so
            own = np.flatnonzero(usable & (versions == version))
            values = _values([objects[place] for place in own.tolist()], layout)
            found.most = min(found.most, MOST_CELLS // (2 * SLOTS * values.shape[1]))
            codes = slots[own] * len(FUNCTIONS) + functions[own]
            for code in np.unique(codes).tolist():
                slot, function = divmod(code, len(FUNCTIONS))
                inside = codes == code
                part = found.parts.setdefault((version, slot), Part(layout))
                part.add(FUNCTIONS[function], keys[own][inside], values[inside], found.most)

    def _join(self, keys: Keys, versions: Counts, objects: Sequence[dict[str, Any]], usable: NDArray[np.bool_]) -> None:
        """Write down the predictions of rows that have a label."""
        if self._labels is None or not len(self._labels.keys):
            return
        at = np.minimum(np.searchsorted(self._labels.keys, keys), len(self._labels.keys) - 1)
        for place in np.flatnonzero(usable & (self._labels.keys[at] == keys)).tolist():
            self._predicted[at[place]] = objects[place]["prediction"]
            self._of_version[at[place]] = versions[place]

    def _layout(self, version: int) -> Layout | None:
        if version not in self._layouts:
            self._layouts[version] = self._layout_of(version)
        return self._layouts[version]

    def _is_old(self, slots: Counts) -> NDArray[np.bool_]:
        last = _NEVER if self._found.last is None else self._found.last
        return np.asarray(slots <= last - 2 * SLOTS)

    def _drop_old(self) -> None:
        found = self._found
        if found.last is None:
            return
        oldest = found.last - 2 * SLOTS + 1
        for key in [key for key in found.parts if key[1] < oldest]:
            found.older += found.parts.pop(key).rows
        for asked in [asked for asked in found.traffic if asked[2] < oldest]:
            gone = found.traffic.pop(asked)
            found.older += gone.statuses.total() + gone.probes


def _values(objects: Sequence[dict[str, Any]], layout: Layout) -> Matrix:
    """Features and prediction; shape (n_rows, n_features + 1), NaN where a feature is absent."""
    features = [entry["features"] for entry in objects]
    values = np.empty((len(objects), len(layout.features) + 1))
    values[:, -1] = [entry["prediction"] for entry in objects]
    try:
        cells: list[Any] = list(map(itemgetter(*layout.features), features))
    except KeyError:
        cells = [[row.get(name) for name in layout.features] for row in features]
    values[:, :-1] = np.array(cells, dtype=np.float64).reshape(len(objects), -1)
    return values
